"""Table buckets, namespaces, tables and their policies by Terraform: applied, planned clean, changed, and destroyed."""

from __future__ import annotations

from pathlib import Path

from pileus.testing.account import Account
from tests.services.s3tables.conftest import fresh

from .terraform import Stack

STACK = """
resource "aws_kms_key" "tables" {}

resource "aws_s3tables_table_bucket" "analytics" {
  name = "NAME"
  encryption_configuration = {
    sse_algorithm = "aws:kms"
    kms_key_arn   = aws_kms_key.tables.arn
  }
  maintenance_configuration = {
    iceberg_unreferenced_file_removal = {
      status = "enabled"
      settings = {
        non_current_days  = 20
        unreferenced_days = 6
      }
    }
  }
}

resource "aws_s3tables_table_bucket" "plain" {
  name = "NAME-plain"
}

resource "aws_s3tables_table_bucket_policy" "analytics" {
  table_bucket_arn = aws_s3tables_table_bucket.analytics.arn
  resource_policy  = data.aws_iam_policy_document.bucket.json
}

data "aws_iam_policy_document" "bucket" {
  statement {
    actions   = ["s3tables:GetTable", "s3tables:GetTableData"]
    resources = ["${aws_s3tables_table_bucket.analytics.arn}/*"]
    principals {
      type        = "AWS"
      identifiers = ["123456789012"]
    }
  }
}

resource "aws_s3tables_namespace" "sales" {
  namespace        = "sales"
  table_bucket_arn = aws_s3tables_table_bucket.analytics.arn
}

resource "aws_s3tables_table" "daily" {
  name             = "TABLE"
  namespace        = aws_s3tables_namespace.sales.namespace
  table_bucket_arn = aws_s3tables_namespace.sales.table_bucket_arn
  format           = "ICEBERG"
  maintenance_configuration = {
    iceberg_compaction = {
      settings = { target_file_size_mb = 64 }
      status   = "enabled"
    }
    iceberg_snapshot_management = {
      settings = {
        max_snapshot_age_hours   = 48
        min_snapshots_to_keep    = 3
      }
      status = "enabled"
    }
  }
}

resource "aws_s3tables_table_policy" "daily" {
  resource_policy  = data.aws_iam_policy_document.table.json
  name             = aws_s3tables_table.daily.name
  namespace        = aws_s3tables_table.daily.namespace
  table_bucket_arn = aws_s3tables_table.daily.table_bucket_arn
}

data "aws_iam_policy_document" "table" {
  statement {
    actions   = ["s3tables:*"]
    resources = [aws_s3tables_table.daily.arn]
    principals {
      type        = "AWS"
      identifiers = ["123456789012"]
    }
  }
}
"""


def test_tables_and_all_that_is_set_about_them(aws: Account, tmp_path: Path) -> None:
    text = STACK.replace("NAME", name := fresh())
    stack = Stack(tmp_path, aws, text.replace("TABLE", "daily"))
    stack.apply()
    assert stack.plan_is_empty()
    s3tables = aws.client("s3tables")
    bucket = f"arn:aws:s3tables:us-east-1:{aws.id}:bucket/{name}"
    named = {"tableBucketARN": bucket, "namespace": "sales", "name": "daily"}
    before = s3tables.get_table(**named)["tableARN"]
    told = s3tables.get_table_maintenance_configuration(**named)["configuration"]
    assert told["icebergCompaction"]["settings"]["icebergCompaction"]["targetFileSizeMB"] == 64
    (tmp_path / "main.tf").write_text(text.replace("TABLE", "weekly"))
    stack.apply()
    assert stack.plan_is_empty()
    assert s3tables.get_table(**named | {"name": "weekly"})["tableARN"] == before, "it was renamed"
    stack.destroy()
    assert s3tables.list_table_buckets()["tableBuckets"] == []
