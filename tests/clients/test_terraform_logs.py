"""CloudWatch Logs, as Terraform's users write it."""

from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

LOGS = """
data "aws_caller_identity" "me" {}

resource "aws_cloudwatch_log_group" "app" {
  name              = "/app/web"
  retention_in_days = 14
  tags              = { team = "red" }
}

resource "aws_cloudwatch_log_stream" "main" {
  name           = "main"
  log_group_name = aws_cloudwatch_log_group.app.name
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "errors"
  pattern        = "{ $.status >= 500 }"
  log_group_name = aws_cloudwatch_log_group.app.name
  metric_transformation {
    name       = "latency"
    namespace  = "app"
    value      = "$.latency"
    dimensions = { path = "$.path" }
  }
}

resource "aws_cloudwatch_log_destination" "central" {
  name       = "central"
  role_arn   = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:role/stream"
  target_arn = "arn:aws:kinesis:us-east-1:${data.aws_caller_identity.me.account_id}:stream/central"
}

resource "aws_cloudwatch_log_destination_policy" "central" {
  destination_name = aws_cloudwatch_log_destination.central.name
  access_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = data.aws_caller_identity.me.account_id }
      Action    = "logs:PutSubscriptionFilter"
      Resource  = aws_cloudwatch_log_destination.central.arn
    }]
  })
}

resource "aws_cloudwatch_log_subscription_filter" "all" {
  name            = "all"
  log_group_name  = aws_cloudwatch_log_group.app.name
  filter_pattern  = ""
  destination_arn = aws_cloudwatch_log_destination.central.arn
}

resource "aws_cloudwatch_query_definition" "slow" {
  name            = "app/slow"
  log_group_names = [aws_cloudwatch_log_group.app.name]
  query_string    = "fields @timestamp, latency | sort latency desc | limit 20"
}

resource "aws_cloudwatch_log_resource_policy" "events" {
  policy_name = "events"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "${aws_cloudwatch_log_group.app.arn}:*"
    }]
  })
}

resource "aws_cloudwatch_log_data_protection_policy" "app" {
  log_group_name = aws_cloudwatch_log_group.app.name
  policy_document = jsonencode({
    Name    = "mail"
    Version = "2021-06-01"
    Statement = [
      {
        Sid            = "Audit"
        DataIdentifier = ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"]
        Operation      = { Audit = { FindingsDestination = {} } }
      },
      {
        Sid            = "Redact"
        DataIdentifier = ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"]
        Operation      = { Deidentify = { MaskConfig = {} } }
      }
    ]
  })
}

resource "aws_cloudwatch_log_index_policy" "app" {
  log_group_name  = aws_cloudwatch_log_group.app.name
  policy_document = jsonencode({ Fields = ["requestId"] })
}

resource "aws_cloudwatch_log_anomaly_detector" "app" {
  detector_name        = "app"
  log_group_arn_list   = [aws_cloudwatch_log_group.app.arn]
  evaluation_frequency = "TEN_MIN"
  enabled              = true
}
"""


def test_groups_and_filters_apply_plan_clean_and_are_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, LOGS)
    stack.apply()
    assert stack.plan_is_empty()
    logs = aws.client("logs")
    (group,) = logs.describe_log_groups()["logGroups"]
    assert (group["retentionInDays"], group["metricFilterCount"]) == (14, 1)
    assert group["dataProtectionStatus"] == "ACTIVATED"
    stack.destroy()
    assert logs.describe_log_groups()["logGroups"] == []
    assert logs.describe_destinations()["destinations"] == []
