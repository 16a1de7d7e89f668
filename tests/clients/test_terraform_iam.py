from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

STACK = """
resource "aws_iam_account_alias" "alias" { account_alias = "ALIAS" }

resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length        = 12
  require_lowercase_characters   = true
  require_numbers                = true
  require_uppercase_characters   = true
  require_symbols                = true
  allow_users_to_change_password = true
  max_password_age               = 90
  password_reuse_prevention      = 5
}

resource "aws_iam_user" "alice" {
  name                 = "alice"
  path                 = "/team/"
  force_destroy        = true
  permissions_boundary = aws_iam_policy.reading.arn
  tags                 = { team = "red" }
}

resource "aws_iam_user" "bob" { name = "bob" }

resource "aws_iam_access_key" "alice" { user = aws_iam_user.alice.name }

resource "aws_iam_user_login_profile" "bob" {
  user                    = aws_iam_user.bob.name
  password_reset_required = true
  depends_on              = [aws_iam_account_password_policy.strict]
}

resource "aws_iam_user_ssh_key" "bob" {
  username   = aws_iam_user.bob.name
  encoding   = "SSH"
  public_key = "SSHKEY"
}

resource "aws_iam_group" "readers" {
  name = "readers"
  path = "/team/"
}

resource "aws_iam_group_membership" "readers" {
  name  = "readers"
  group = aws_iam_group.readers.name
  users = [aws_iam_user.alice.name]
}

resource "aws_iam_user_group_membership" "bob" {
  user   = aws_iam_user.bob.name
  groups = [aws_iam_group.writers.name]
}

resource "aws_iam_group" "writers" { name = "writers" }

data "aws_iam_policy_document" "reading" {
  statement {
    actions   = ["sqs:ReceiveMessage", "sqs:List*"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/team"
      values   = ["red"]
    }
  }
}

resource "aws_iam_policy" "reading" {
  name        = "reading"
  path        = "/team/"
  description = "to read"
  policy      = data.aws_iam_policy_document.reading.json
  tags        = { team = "red" }
}

resource "aws_iam_group_policy" "writing" {
  name  = "writing"
  group = aws_iam_group.writers.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = "*" }]
  })
}

resource "aws_iam_group_policy_attachment" "reading" {
  group      = aws_iam_group.readers.name
  policy_arn = aws_iam_policy.reading.arn
}

resource "aws_iam_user_policy_attachment" "reading" {
  user       = aws_iam_user.bob.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role" "server" {
  name                 = "server"
  path                 = "/team/"
  description          = "what servers are"
  max_session_duration = 7200
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
  tags = { team = "red" }
}

resource "aws_iam_role_policy" "sending" {
  name   = "sending"
  role   = aws_iam_role.server.id
  policy = data.aws_iam_policy_document.reading.json
}

resource "aws_iam_role_policy_attachment" "s3" {
  role       = aws_iam_role.server.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
}

resource "aws_iam_instance_profile" "server" {
  name = "server"
  role = aws_iam_role.server.name
  tags = { team = "red" }
}

resource "aws_iam_service_linked_role" "ecs" { aws_service_name = "ecs.amazonaws.com" }

resource "aws_iam_openid_connect_provider" "issuer" {
  url             = "https://issuer.example/realm"
  client_id_list  = ["app"]
  thumbprint_list = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
}

resource "aws_iam_virtual_mfa_device" "phone" { virtual_mfa_device_name = "phone" }

data "aws_iam_policy" "s3" { arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" }

output "key" { value = aws_iam_access_key.alice.id }
output "s3" { value = data.aws_iam_policy.s3.name }
"""


def test_users_groups_roles_and_policies_apply_plan_clean_and_are_destroyed(aws: Account, tmp_path: Path) -> None:
    configuration = STACK.replace("ALIAS", f"alias-{aws.id}").replace("SSHKEY", public_key())
    stack = Stack(tmp_path, aws, configuration)
    stack.apply()
    assert stack.plan_is_empty()
    iam = aws.client("iam")
    assert (
        stack.run("output", "-raw", "key")
        == iam.list_access_keys(UserName="alice")["AccessKeyMetadata"][0]["AccessKeyId"]
    )
    assert stack.run("output", "-raw", "s3") == "AmazonS3ReadOnlyAccess"
    assert [user["UserName"] for user in iam.get_group(GroupName="readers")["Users"]] == ["alice"]
    assert iam.get_instance_profile(InstanceProfileName="server")["InstanceProfile"]["Roles"][0]["RoleName"] == "server"
    stack.destroy()
    summary = iam.get_account_summary()["SummaryMap"]
    kinds = ("Users", "Groups", "Roles", "Policies", "InstanceProfiles", "Providers", "MFADevices")
    assert {summary[kind] for kind in kinds} == {0}
    assert iam.list_account_aliases()["AccountAliases"] == []


def public_key() -> str:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
