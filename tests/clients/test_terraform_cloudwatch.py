"""Alarms and dashboards by Terraform."""

from __future__ import annotations

from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

CONFIGURATION = """
resource "aws_sns_topic" "alerts" {
  name = "alerts"
}

resource "aws_cloudwatch_metric_alarm" "billing" {
  alarm_name          = "billing"
  alarm_description   = "the bill is higher than ten dollars"
  namespace           = "AWS/Billing"
  metric_name         = "EstimatedCharges"
  dimensions          = { Currency = "USD" }
  statistic           = "Maximum"
  period              = 21600
  evaluation_periods  = 1
  threshold           = 10
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  tags                = { team = "red" }
}

resource "aws_cloudwatch_metric_alarm" "share" {
  alarm_name          = "share"
  evaluation_periods  = 2
  datapoints_to_alarm = 1
  threshold           = 5
  comparison_operator = "GreaterThanOrEqualToThreshold"

  metric_query {
    id          = "share"
    expression  = "100 * errors / requests"
    label       = "errors in per cent"
    return_data = true
  }
  metric_query {
    id = "errors"
    metric {
      namespace   = "Works"
      metric_name = "Errors"
      period      = 60
      stat        = "Sum"
    }
  }
  metric_query {
    id = "requests"
    metric {
      namespace   = "Works"
      metric_name = "Requests"
      period      = 60
      stat        = "p99"
    }
  }
}

resource "aws_cloudwatch_composite_alarm" "either" {
  alarm_name    = "either"
  alarm_rule    = join(" OR ", [for one in ["billing", "share"] : "ALARM(${one})"])
  alarm_actions = [aws_sns_topic.alerts.arn]
  depends_on    = [aws_cloudwatch_metric_alarm.billing, aws_cloudwatch_metric_alarm.share]
}

resource "aws_cloudwatch_dashboard" "front" {
  dashboard_name = "front"
  dashboard_body = jsonencode({
    widgets = [{
      type = "metric", x = 0, y = 0, width = 12, height = 6
      properties = { metrics = [["Works", "Errors"]], period = 300, stat = "Sum", region = "us-east-1" }
    }]
  })
}
"""


def test_alarms_and_dashboards_apply_plan_clean_and_are_destroyed(tmp_path: Path, aws: Account) -> None:
    stack = Stack(tmp_path, aws, CONFIGURATION)
    stack.apply()
    assert stack.plan_is_empty()
    metrics = aws.client("cloudwatch")
    assert {one["AlarmName"] for one in metrics.describe_alarms()["MetricAlarms"]} == {"billing", "share"}
    stack.destroy()
    assert metrics.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])["MetricAlarms"] == []
