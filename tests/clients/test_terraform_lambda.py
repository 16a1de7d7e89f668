"""Terraform deploys functions with all that belongs to them, finds nothing to change, and takes them down again."""

from __future__ import annotations

import json
from pathlib import Path

from pileus.testing.account import Account
from tests.services.lambda_.conftest import package

from .terraform import Stack

FUNCTIONS = """
resource "aws_iam_role" "functions" {
  name = "functions"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "queues" {
  role = aws_iam_role.functions.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["sqs:*", "logs:*"], Resource = "*" }]
  })
}

resource "aws_lambda_layer_version" "shared" {
  layer_name          = "shared"
  filename            = "${abspath(path.module)}/layer.zip"
  source_code_hash    = filebase64sha256("layer.zip")
  compatible_runtimes = ["python3.11"]
}

resource "aws_lambda_function" "greeter" {
  function_name    = "greeter"
  role             = aws_iam_role.functions.arn
  runtime          = "python3.11"
  handler          = "app.handler"
  filename         = "${abspath(path.module)}/app.zip"
  source_code_hash = filebase64sha256("app.zip")
  layers           = [aws_lambda_layer_version.shared.arn]
  timeout          = 10
  memory_size      = 256
  publish          = true
  reserved_concurrent_executions = 20
  environment {
    variables = { GREETING = "hello" }
  }
  ephemeral_storage {
    size = 1024
  }
  tracing_config {
    mode = "Active"
  }
  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "WARN"
  }
  dead_letter_config {
    target_arn = aws_sqs_queue.dead.arn
  }
  tags = { team = "red" }
  depends_on = [aws_iam_role_policy.queues]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.greeter.function_name
  function_version = aws_lambda_function.greeter.version
}

resource "aws_lambda_function_url" "live" {
  function_name      = aws_lambda_function.greeter.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "NONE"
  cors {
    allow_origins = ["*"]
    max_age       = 60
  }
}

resource "aws_lambda_permission" "s3" {
  statement_id  = "s3"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.greeter.function_name
  principal     = "s3.amazonaws.com"
  source_arn    = "arn:aws:s3:::pictures"
}

resource "aws_lambda_function_event_invoke_config" "greeter" {
  function_name                = aws_lambda_function.greeter.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 300
  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead.arn
    }
  }
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  function_name                     = aws_lambda_function.greeter.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = 1
}

resource "aws_sqs_queue" "dead" {
  name = "dead"
}

resource "aws_sqs_queue" "letters" {
  name                       = "letters"
  visibility_timeout_seconds = 30
}

resource "aws_lambda_event_source_mapping" "letters" {
  event_source_arn        = aws_sqs_queue.letters.arn
  function_name           = aws_lambda_alias.live.arn
  batch_size              = 5
  function_response_types = ["ReportBatchItemFailures"]
  filter_criteria {
    filter {
      pattern = jsonencode({ body = { kind = ["letter"] } })
    }
  }
  scaling_config {
    maximum_concurrency = 10
  }
}

resource "aws_lambda_code_signing_config" "trusted" {
  allowed_publishers {
    signing_profile_version_arns = ["arn:aws:signer:us-east-1:111122223333:/signing-profiles/ours/abcdefghij"]
  }
  policies {
    untrusted_artifact_on_deployment = "Warn"
  }
}

output "url" {
  value = aws_lambda_function_url.live.function_url
}
"""

HANDLER = """
    import os, shared

    def handler(event, context):
        return {"text": f"{os.environ['GREETING']}, {shared.name}"}
"""


def test_functions_and_all_that_belongs_to_them(aws: Account, tmp_path: Path) -> None:
    (tmp_path / "app.zip").write_bytes(package({"app.py": HANDLER}))
    (tmp_path / "layer.zip").write_bytes(package({"python/shared.py": "name = 'world'"}))
    stack = Stack(tmp_path, aws, FUNCTIONS)
    stack.apply()
    assert stack.plan_is_empty()
    client = aws.client("lambda")
    answer = client.invoke(FunctionName="greeter", Qualifier="live")
    assert json.load(answer["Payload"]) == {"text": "hello, world"}
    (tmp_path / "app.zip").write_bytes(package({"app.py": HANDLER.replace("world", "x").replace("text", "said")}))
    (tmp_path / "main.tf").write_text(FUNCTIONS.replace('"hello"', '"good morning"'))
    stack.apply()
    assert stack.plan_is_empty()
    answer = client.invoke(FunctionName="greeter", Qualifier="live")
    assert json.load(answer["Payload"]) == {"said": "good morning, world"}
    stack.destroy()
    assert client.list_functions()["Functions"] == []
    assert client.list_event_source_mappings()["EventSourceMappings"] == []
