"""A trail with its bucket, and an event data store, as Terraform's users write it."""

from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

TRAIL = """
data "aws_caller_identity" "me" {}

resource "aws_s3_bucket" "trail" {
  bucket        = "trail-of-${data.aws_caller_identity.me.account_id}"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "trail" {
  bucket = aws_s3_bucket.trail.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AWSCloudTrailAclCheck"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = aws_s3_bucket.trail.arn
      },
      {
        Sid       = "AWSCloudTrailWrite"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.trail.arn}/AWSLogs/${data.aws_caller_identity.me.account_id}/*"
        Condition = { StringEquals = { "s3:x-amz-acl" = "bucket-owner-full-control" } }
      }
    ]
  })
}

resource "aws_cloudtrail" "main" {
  name                       = "main"
  s3_bucket_name             = aws_s3_bucket.trail.id
  is_multi_region_trail      = true
  enable_log_file_validation = true
  tags                       = { team = "red" }
  depends_on                 = [aws_s3_bucket_policy.trail]

  advanced_event_selector {
    name = "objects"
    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }
    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }
  }

  insight_selector {
    insight_type = "ApiCallRateInsight"
  }
}

resource "aws_cloudtrail_event_data_store" "years" {
  name                           = "years"
  retention_period               = 90
  termination_protection_enabled = false
  tags                           = { team = "red" }

  advanced_event_selector {
    name = "what was changed"
    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
    field_selector {
      field  = "readOnly"
      equals = ["false"]
    }
  }
}
"""


def test_a_trail_applies_plans_clean_and_is_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, TRAIL)
    stack.apply()
    assert stack.plan_is_empty()
    trail = aws.client("cloudtrail")
    assert trail.get_trail_status(Name="main")["IsLogging"] is True
    (store,) = trail.list_event_data_stores()["EventDataStores"]
    assert (store["Status"], store["RetentionPeriod"]) == ("ENABLED", 90)
    stack.destroy()
    assert trail.list_trails()["Trails"] == []
    assert trail.list_event_data_stores()["EventDataStores"][0]["Status"] == "PENDING_DELETION"
