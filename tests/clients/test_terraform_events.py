"""Topics, buses, rules, schedules and pipes, as Terraform makes them: applied, planned clean, used, destroyed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pileus
from pileus.testing.account import Account

from .terraform import Stack

STACK = """
resource "aws_sqs_queue" "heard" {
  name = "heard"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "senders"
      Effect    = "Allow"
      Principal = { Service = ["sns.amazonaws.com", "events.amazonaws.com"] }
      Action    = "sqs:SendMessage"
      Resource  = "*"
    }]
  })
}

resource "aws_sqs_queue" "dead" {
  name = "dead"
}

resource "aws_iam_role" "acts" {
  name = "acts"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = ["events.amazonaws.com", "scheduler.amazonaws.com", "pipes.amazonaws.com"] }
    }]
  })
}

resource "aws_iam_role_policy" "acts" {
  role   = aws_iam_role.acts.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}

resource "aws_sns_topic" "news" {
  name              = "news"
  display_name      = "News"
  signature_version = 2
  delivery_policy = jsonencode({
    http = {
      defaultHealthyRetryPolicy = { minDelayTarget = 5, maxDelayTarget = 20, numRetries = 4 }
    }
  })
  tags = { team = "press" }
}

resource "aws_sns_topic_data_protection_policy" "news" {
  arn = aws_sns_topic.news.arn
  policy = jsonencode({
    Name    = "news"
    Version = "2021-06-01"
    Statement = [{
      Sid            = "cards"
      DataDirection  = "Inbound"
      Principal      = ["*"]
      DataIdentifier = ["arn:aws:dataprotection::aws:data-identifier/CreditCardNumber"]
      Operation      = { Deidentify = { MaskConfig = { MaskWithCharacter = "#" } } }
    }]
  })
}

resource "aws_cloudwatch_log_group" "told" {
  name = "told"
}

resource "aws_sns_topic" "orders" {
  name                        = "orders.fifo"
  fifo_topic                  = true
  content_based_deduplication = true
  archive_policy              = jsonencode({ MessageRetentionPeriod = "7" })
}

resource "aws_sns_topic_policy" "news" {
  arn = aws_sns_topic.news.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "events"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.news.arn
    }]
  })
}

resource "aws_sns_topic_subscription" "wanted" {
  topic_arn            = aws_sns_topic.news.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.heard.arn
  raw_message_delivery = true
  filter_policy_scope  = "MessageBody"
  filter_policy        = jsonencode({ kind = ["sport", { prefix = "weather" }] })
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn })
}

resource "aws_sns_topic_subscription" "texts" {
  topic_arn = aws_sns_topic.news.arn
  protocol  = "sms"
  endpoint  = "+15550100100"
}

resource "aws_sns_platform_application" "app" {
  name                = "app"
  platform            = "GCM"
  platform_credential = "key"
}

resource "aws_cloudwatch_event_bus" "shop" {
  name        = "shop"
  description = "what the shop tells"
  tags        = { team = "shop" }
}

resource "aws_cloudwatch_event_permission" "other" {
  event_bus_name = aws_cloudwatch_event_bus.shop.name
  principal      = "111122223333"
  statement_id   = "other"
}

resource "aws_cloudwatch_event_rule" "sales" {
  name           = "sales"
  event_bus_name = aws_cloudwatch_event_bus.shop.name
  event_pattern  = jsonencode({ source = ["shop"], detail = { amount = [{ numeric = [">", 100] }] } })
  tags           = { team = "shop" }
}

resource "aws_cloudwatch_event_target" "queue" {
  rule           = aws_cloudwatch_event_rule.sales.name
  event_bus_name = aws_cloudwatch_event_bus.shop.name
  target_id      = "queue"
  arn            = aws_sqs_queue.heard.arn
  input_transformer {
    input_paths    = { amount = "$.detail.amount" }
    input_template = "{\\"sold\\": <amount>}"
  }
  retry_policy {
    maximum_event_age_in_seconds = 600
    maximum_retry_attempts       = 3
  }
  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }
}

resource "aws_cloudwatch_event_rule" "hourly" {
  name                = "hourly"
  schedule_expression = "cron(0 * * * ? *)"
  state               = "DISABLED"
}

resource "aws_cloudwatch_event_archive" "shop" {
  name             = "shop"
  event_source_arn = aws_cloudwatch_event_bus.shop.arn
  retention_days   = 7
  event_pattern    = jsonencode({ source = ["shop"] })
}

resource "aws_cloudwatch_event_connection" "api" {
  name               = "api"
  authorization_type = "BASIC"
  auth_parameters {
    basic {
      username = "user"
      password = "secret"
    }
    invocation_http_parameters {
      header {
        key             = "x-shop"
        value           = "yes"
        is_value_secret = false
      }
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "api" {
  name                             = "api"
  invocation_endpoint              = "https://example.com/orders/*"
  http_method                      = "POST"
  invocation_rate_limit_per_second = 20
  connection_arn                   = aws_cloudwatch_event_connection.api.arn
}

resource "aws_cloudwatch_event_target" "api" {
  rule           = aws_cloudwatch_event_rule.sales.name
  event_bus_name = aws_cloudwatch_event_bus.shop.name
  arn            = aws_cloudwatch_event_api_destination.api.arn
  role_arn       = aws_iam_role.acts.arn
  http_target {
    path_parameter_values = ["new"]
  }
}

resource "aws_scheduler_schedule_group" "nightly" {
  name = "nightly"
  tags = { team = "ops" }
}

resource "aws_scheduler_schedule" "report" {
  name                         = "report"
  group_name                   = aws_scheduler_schedule_group.nightly.name
  schedule_expression          = "cron(30 2 * * ? *)"
  schedule_expression_timezone = "Europe/Berlin"
  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }
  target {
    arn      = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
    role_arn = aws_iam_role.acts.arn
    input    = jsonencode({ QueueUrl = aws_sqs_queue.heard.url, MessageBody = "report" })
    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 5
    }
  }
}

resource "aws_pipes_pipe" "dead" {
  name     = "dead"
  role_arn = aws_iam_role.acts.arn
  source   = aws_sqs_queue.dead.arn
  target   = aws_sns_topic.news.arn
  source_parameters {
    sqs_queue_parameters {
      batch_size = 5
    }
    filter_criteria {
      filter {
        pattern = jsonencode({ body = { kind = ["sport"] } })
      }
    }
  }
  target_parameters {
    input_template = "{\\"kind\\": \\"sport\\", \\"again\\": <$.body>}"
  }
  log_configuration {
    level                  = "INFO"
    include_execution_data = ["ALL"]
    cloudwatch_logs_log_destination {
      log_group_arn = aws_cloudwatch_log_group.told.arn
    }
  }
  depends_on = [aws_iam_role_policy.acts]
}
"""


def test_messages_and_events(aws: Account, cloud: pileus.LocalCloud, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, STACK)
    stack.apply()
    assert stack.plan_is_empty()

    events, sns, sqs = (aws.client(name) for name in ("events", "sns", "sqs"))
    topic = next(one["TopicArn"] for one in sns.list_topics()["Topics"] if one["TopicArn"].endswith(":news"))
    for kind in ("sport", "gossip", "weather-warning"):
        sns.publish(TopicArn=topic, Message=json.dumps({"kind": kind}))
    entry = {"EventBusName": "shop", "Source": "shop", "DetailType": "Sale", "Detail": '{"amount": 250}'}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    cloud.clock.advance(86_400)
    url = sqs.get_queue_url(QueueName="heard")["QueueUrl"]
    found: list[Any] = []
    while more := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [one["Body"] for one in more]
    assert {"report", '{"sold": 250}', '{"kind": "sport"}', '{"kind": "weather-warning"}'} <= {*found}
    assert '{"kind": "gossip"}' not in found
    assert events.describe_archive(ArchiveName="shop")["EventCount"] == 1
    fifo = next(one["TopicArn"] for one in sns.list_topics()["Topics"] if one["TopicArn"].endswith(".fifo"))
    sns.set_topic_attributes(TopicArn=fifo, AttributeName="ArchivePolicy", AttributeValue="{}")  # as AWS demands
    stack.destroy()
    assert sns.list_topics()["Topics"] == []
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]
