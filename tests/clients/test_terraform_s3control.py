"""Access Grants, Storage Lens, access points, directory buckets by Terraform: applied, planned clean, and destroyed."""

from __future__ import annotations

from pathlib import Path

from botocore.config import Config

from pileus.testing.account import Account
from tests.services.s3.conftest import fresh

from .terraform import Stack

STACK = """
provider "aws" {
  alias      = "control"
  region     = "us-east-1"
  http_proxy = "ENDPOINT" # it knows ACCOUNT.localhost, which resolvers may not
  endpoints {
    s3        = "ENDPOINT"
    s3control = "ENDPOINT"
    sts       = "ENDPOINT"
  }
}

data "aws_caller_identity" "me" {}

resource "aws_s3_bucket" "data" {
  bucket        = "NAME"
  force_destroy = true
}

resource "aws_iam_role" "grants" {
  name = "grants"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "access-grants.s3.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    }]
  })
}

resource "aws_iam_user" "reader" {
  name = "reader"
}

resource "aws_s3control_access_grants_instance" "this" {
  provider = aws.control
  tags = { team = "red" }
}

resource "aws_s3control_access_grants_instance_resource_policy" "this" {
  provider = aws.control
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "123456789012" }
      Action    = ["s3:ListAccessGrants", "s3:GetDataAccess"]
      Resource  = aws_s3control_access_grants_instance.this.access_grants_instance_arn
    }]
  })
}

resource "aws_s3control_access_grants_location" "data" {
  provider = aws.control
  depends_on     = [aws_s3control_access_grants_instance.this]
  iam_role_arn   = aws_iam_role.grants.arn
  location_scope = "s3://${aws_s3_bucket.data.bucket}/reports*"
}

resource "aws_s3control_access_grant" "reader" {
  provider = aws.control
  access_grants_location_id = aws_s3control_access_grants_location.data.access_grants_location_id
  permission                = "READ"
  access_grants_location_configuration {
    s3_sub_prefix = "/2026*"
  }
  grantee {
    grantee_type       = "IAM"
    grantee_identifier = aws_iam_user.reader.arn
  }
  tags = { team = "red" }
}

resource "aws_s3control_storage_lens_configuration" "daily" {
  provider = aws.control
  config_id = "daily"
  tags      = { team = "red" }
  storage_lens_configuration {
    enabled = true
    account_level {
      activity_metrics {
        enabled = true
      }
      bucket_level {
        prefix_level {
          storage_metrics {
            enabled = true
            selection_criteria {
              delimiter                    = "/"
              max_depth                    = 2
              min_storage_bytes_percentage = 10
            }
          }
        }
      }
    }
    data_export {
      cloud_watch_metrics {
        enabled = true
      }
      s3_bucket_destination {
        account_id            = data.aws_caller_identity.me.account_id
        arn                   = aws_s3_bucket.data.arn
        format                = "CSV"
        output_schema_version = "V_1"
        encryption {
          sse_s3 {}
        }
      }
    }
    exclude {
      regions = ["eu-west-1"]
    }
  }
}

resource "aws_s3_account_public_access_block" "all" {
  provider          = aws.control
  block_public_acls = true
}

resource "aws_s3_access_point" "point" {
  provider = aws.control
  bucket   = aws_s3_bucket.locked.id
  name     = "point"
  lifecycle {
    ignore_changes = [policy]
  }
}

resource "aws_s3control_access_point_policy" "point" {
  provider         = aws.control
  access_point_arn = aws_s3_access_point.point.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = data.aws_caller_identity.me.account_id }
      Action    = "s3:GetObjectTagging"
      Resource  = "${aws_s3_access_point.point.arn}/object/*"
    }]
  })
}

resource "aws_s3_directory_bucket" "zonal" {
  provider      = aws.control
  bucket        = "NAME--use1-az4--x-s3"
  force_destroy = true
  location {
    name = "use1-az4"
  }
}

resource "aws_s3_bucket" "locked" {
  bucket              = "NAME-locked"
  object_lock_enabled = true
}

resource "aws_s3_bucket_object_lock_configuration" "locked" {
  bucket = aws_s3_bucket.locked.id
  rule {
    default_retention {
      mode = "GOVERNANCE"
      days = 1
    }
  }
}

resource "aws_s3_bucket_accelerate_configuration" "locked" {
  bucket = aws_s3_bucket.locked.id
  status = "Enabled"
}

resource "aws_s3_object" "first" {
  bucket             = aws_s3_bucket.data.id
  key                = "a/first"
  content            = "hello"
  checksum_algorithm = "SHA256"
}

resource "aws_s3_object_copy" "second" {
  bucket = aws_s3_bucket.data.id
  key    = "a/second"
  source = "${aws_s3_bucket.data.id}/${aws_s3_object.first.key}"
}
"""


def test_it_applies_plans_clean_and_is_destroyed(aws: Account, tmp_path: Path) -> None:
    name = fresh()
    configuration = STACK.replace("NAME", name).replace("ENDPOINT", aws.cloud.endpoint)
    stack = Stack(tmp_path, aws, ("s3", "iam", "sts"), configuration, attached=False)
    stack.apply()
    assert stack.plan_is_empty()
    control = aws.client("s3control", config=Config(proxies={"http": aws.cloud.endpoint}))
    (grant,) = control.list_access_grants(AccountId=aws.id)["AccessGrantsList"]
    assert grant["GrantScope"] == f"s3://{name}/reports/2026*"
    stack.destroy()
    assert control.list_access_grants_instances(AccountId=aws.id)["AccessGrantsInstancesList"] == []
