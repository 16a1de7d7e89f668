"""Mail by Terraform: identities with keys, sets, templates, rules for what comes, people's lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pileus.testing.account import Account

from .terraform import Stack

CONFIGURATION = """
data "aws_caller_identity" "me" {}

resource "aws_ses_domain_identity" "help" {
  domain = "help.example.com"
}

resource "aws_ses_domain_dkim" "help" {
  domain = aws_ses_domain_identity.help.domain
}

resource "aws_ses_domain_identity_verification" "help" {
  domain = aws_ses_domain_identity.help.id
}

resource "aws_ses_email_identity" "ada" {
  email = "ada@example.org"
}

resource "aws_ses_domain_mail_from" "help" {
  domain           = aws_ses_domain_identity.help.domain
  mail_from_domain = "bounce.help.example.com"
}

resource "aws_ses_identity_policy" "help" {
  identity = aws_ses_domain_identity.help.arn
  name     = "colleagues"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = data.aws_caller_identity.me.account_id }
      Action    = "ses:SendEmail"
      Resource  = aws_ses_domain_identity.help.arn
    }]
  })
}

resource "aws_ses_configuration_set" "news" {
  name = "news"
  delivery_options {
    tls_policy = "Require"
  }
  tracking_options {
    custom_redirect_domain = "click.help.example.com"
  }
}

resource "aws_sns_topic" "mail" {
  name = "mail"
}

resource "aws_sns_topic_policy" "mail" {
  arn = aws_sns_topic.mail.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ses.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.mail.arn
    }]
  })
}

resource "aws_ses_event_destination" "bounces" {
  name                   = "bounces"
  configuration_set_name = aws_ses_configuration_set.news.name
  enabled                = true
  matching_types         = ["bounce", "complaint"]
  sns_destination {
    topic_arn = aws_sns_topic.mail.arn
  }
}

resource "aws_ses_identity_notification_topic" "bounces" {
  topic_arn                = aws_sns_topic.mail.arn
  notification_type        = "Bounce"
  identity                 = aws_ses_domain_identity.help.domain
  include_original_headers = true
}

resource "aws_ses_template" "hello" {
  name    = "hello"
  subject = "Hello {{name}}"
  text    = "How are you?"
  html    = "<p>How are you?</p>"
}

resource "aws_s3_bucket" "mail" {
  bucket        = "letters-${data.aws_caller_identity.me.account_id}"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "mail" {
  bucket = aws_s3_bucket.mail.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ses.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.mail.arn}/*"
      Condition = { StringEquals = { "AWS:SourceAccount" = data.aws_caller_identity.me.account_id } }
    }]
  })
}

resource "aws_ses_receipt_filter" "block" {
  name   = "block"
  cidr   = "10.10.10.10"
  policy = "Block"
}

resource "aws_ses_receipt_rule_set" "main" {
  rule_set_name = "main"
}

resource "aws_ses_active_receipt_rule_set" "main" {
  rule_set_name = aws_ses_receipt_rule_set.main.rule_set_name
}

resource "aws_ses_receipt_rule" "keep" {
  name          = "keep"
  rule_set_name = aws_ses_receipt_rule_set.main.rule_set_name
  recipients    = ["bob@help.example.com", "help.example.com"]
  enabled       = true
  scan_enabled  = true
  tls_policy    = "Require"
  add_header_action {
    header_name  = "X-Kept"
    header_value = "yes"
    position     = 1
  }
  s3_action {
    bucket_name       = aws_s3_bucket.mail.id
    object_key_prefix = "in/"
    position          = 2
  }
  sns_action {
    topic_arn = aws_sns_topic.mail.arn
    position  = 3
  }
  depends_on = [aws_s3_bucket_policy.mail, aws_sns_topic_policy.mail]
}

resource "aws_ses_receipt_rule" "stop" {
  name          = "stop"
  rule_set_name = aws_ses_receipt_rule_set.main.rule_set_name
  after         = aws_ses_receipt_rule.keep.name
  enabled       = true
  bounce_action {
    message         = "There is nobody."
    sender          = "postmaster@help.example.com"
    smtp_reply_code = "550"
    status_code     = "5.1.1"
    position        = 1
  }
  stop_action {
    scope    = "RuleSet"
    position = 2
  }
  depends_on = [aws_ses_domain_identity.help]
}

resource "aws_sesv2_dedicated_ip_pool" "pool" {
  pool_name    = "pool"
  scaling_mode = "MANAGED"
}

resource "aws_sesv2_configuration_set" "second" {
  configuration_set_name = "second"
  delivery_options {
    sending_pool_name = aws_sesv2_dedicated_ip_pool.pool.pool_name
    tls_policy        = "REQUIRE"
  }
  reputation_options {
    reputation_metrics_enabled = true
  }
  suppression_options {
    suppressed_reasons = ["BOUNCE"]
  }
  tags = { team = "red" }
}

resource "aws_sesv2_email_identity" "shop" {
  email_identity         = "shop.example.com"
  configuration_set_name = aws_sesv2_configuration_set.second.configuration_set_name
  dkim_signing_attributes {
    next_signing_key_length = "RSA_2048_BIT"
  }
  tags = { team = "red" }
}

resource "aws_sesv2_email_identity_mail_from_attributes" "shop" {
  email_identity         = aws_sesv2_email_identity.shop.email_identity
  mail_from_domain       = "mail.shop.example.com"
  behavior_on_mx_failure = "REJECT_MESSAGE"
}

resource "aws_sesv2_contact_list" "people" {
  contact_list_name = "people"
  description       = "all of them"
  topic {
    topic_name                  = "news"
    display_name                = "News"
    description                 = "what is new"
    default_subscription_status = "OPT_IN"
  }
}

resource "aws_sesv2_account_vdm_attributes" "vdm" {
  vdm_enabled = "ENABLED"
  dashboard_attributes {
    engagement_metrics = "ENABLED"
  }
}

resource "aws_sesv2_account_suppression_attributes" "all" {
  suppressed_reasons = ["BOUNCE", "COMPLAINT"]
}

resource "aws_cloudwatch_contributor_insight_rule" "senders" {
  rule_name  = "senders"
  rule_state = "ENABLED"
  rule_definition = jsonencode({
    Schema        = { Name = "CloudWatchLogRule", Version = 1 }
    LogGroupNames = ["mail"]
    LogFormat     = "JSON"
    Contribution  = { Keys = ["$.from"], Filters = [] }
    AggregateOn   = "Count"
  })
}
"""


def test_mail_is_set_up_and_taken_down(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, CONFIGURATION)
    stack.apply()
    assert stack.plan_is_empty()
    ses: Any = aws.client("ses")
    told = ses.describe_active_receipt_rule_set()
    assert [rule["Name"] for rule in told["Rules"]] == ["keep", "stop"]
    assert [next(iter(action)) for action in told["Rules"][0]["Actions"]] == [
        "AddHeaderAction",
        "S3Action",
        "SNSAction",
    ]
    stack.destroy()
    assert ses.list_receipt_rule_sets()["RuleSets"] == []
    assert ses.list_identities()["Identities"] == []
