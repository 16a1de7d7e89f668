from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

SECRETS = """
data "aws_caller_identity" "me" {}

resource "aws_kms_key" "data" {
  description             = "data"
  deletion_window_in_days = 7
  enable_key_rotation     = true
  tags                    = { team = "red" }
}

resource "aws_kms_key" "letters" {
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Root"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

resource "aws_kms_alias" "data" {
  name          = "alias/data"
  target_key_id = aws_kms_key.data.key_id
}

resource "aws_kms_grant" "data" {
  name              = "orders"
  key_id            = aws_kms_key.data.key_id
  grantee_principal = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root"
  operations        = ["Encrypt", "Decrypt", "GenerateDataKey"]
  constraints {
    encryption_context_equals = { app = "orders" }
  }
}

resource "aws_kms_ciphertext" "greeting" {
  key_id    = aws_kms_key.data.key_id
  plaintext = "hello"
  context   = { app = "orders" }
}

resource "aws_ssm_parameter" "string" {
  name            = "/app/string"
  type            = "String"
  value           = "plain"
  description     = "a string"
  allowed_pattern = "^[a-z]+$"
  tags            = { team = "red" }
}

resource "aws_ssm_parameter" "list" {
  name  = "/app/list"
  type  = "StringList"
  value = "a,b,c"
}

resource "aws_ssm_parameter" "secure" {
  name   = "/app/secure"
  type   = "SecureString"
  value  = "hidden"
  key_id = aws_kms_alias.data.name
}

resource "aws_ssm_parameter" "long" {
  name  = "/app/long"
  type  = "SecureString"
  tier  = "Advanced"
  value = join("", [for number in range(1000) : "words "])
}

resource "aws_ssm_document" "list" {
  name          = "list-files"
  document_type = "Command"
  content = jsonencode({
    schemaVersion = "2.2"
    mainSteps     = [{ action = "aws:runShellScript", name = "list", inputs = { runCommand = ["ls"] } }]
  })
  permissions = { type = "Share", account_ids = "111122223333" }
  tags        = { team = "red" }
}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

resource "aws_secretsmanager_secret" "db" {
  name                    = "app/db"
  description             = "the database"
  kms_key_id              = aws_kms_key.data.arn
  recovery_window_in_days = 0
  tags                    = { team = "red" }
  replica {
    region = "eu-west-1"
  }
}

resource "aws_secretsmanager_secret_version" "db" {
  secret_id     = aws_secretsmanager_secret.db.id
  secret_string = jsonencode({ user = "app", password = "hidden" })
}

resource "aws_secretsmanager_secret_policy" "db" {
  secret_arn = aws_secretsmanager_secret.db.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::111122223333:root" }
      Action    = "secretsmanager:GetSecretValue"
      Resource  = "*"
    }]
  })
}

output "greeting" { value = aws_kms_ciphertext.greeting.ciphertext_blob }
output "image" {
  value     = data.aws_ssm_parameter.image.value
  sensitive = true
}
"""


def test_keys_parameters_and_secrets_apply_plan_clean_and_are_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, SECRETS)
    stack.apply()
    assert stack.plan_is_empty()
    kms, ssm, secrets = (aws.client(service) for service in ("kms", "ssm", "secretsmanager"))
    assert kms.get_key_rotation_status(KeyId=kms.describe_key(KeyId="alias/data")["KeyMetadata"]["KeyId"])[
        "KeyRotationEnabled"
    ]
    assert ssm.get_parameter(Name="/app/secure", WithDecryption=True)["Parameter"]["Value"] == "hidden"
    there = aws.client("secretsmanager", "eu-west-1")
    assert '"password":"hidden"' in there.get_secret_value(SecretId="app/db")["SecretString"]
    assert stack.run("output", "-raw", "image").startswith("ami-")
    stack.destroy()
    assert secrets.list_secrets()["SecretList"] == []
    assert ssm.describe_parameters()["Parameters"] == []
    states = {kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyManager"] for key in kms.list_keys()["Keys"]}
    assert states <= {"AWS", "CUSTOMER"}
    assert [one["AliasName"] for one in kms.list_aliases()["Aliases"] if "aws/" not in one["AliasName"]] == []
