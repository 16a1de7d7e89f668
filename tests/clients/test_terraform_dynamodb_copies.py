"""Tables that Terraform exports to S3, and makes of what lies there."""

from __future__ import annotations

from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

COPIES = """
resource "aws_s3_bucket" "files" {
  bucket        = "files-%s"
  force_destroy = true
}

resource "aws_s3_object" "people" {
  bucket  = aws_s3_bucket.files.bucket
  key     = "people/1.csv"
  content = "id,name\\nann,Ann\\nbob,Bob\\n"
}

resource "aws_dynamodb_table" "people" {
  name         = "people"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"
  attribute {
    name = "id"
    type = "S"
  }
  import_table {
    input_format           = "CSV"
    input_compression_type = "NONE"
    s3_bucket_source {
      bucket     = aws_s3_object.people.bucket
      key_prefix = "people"
    }
  }
  point_in_time_recovery {
    enabled = true
  }
}

resource "aws_dynamodb_table_export" "people" {
  table_arn = aws_dynamodb_table.people.arn
  s3_bucket = aws_s3_bucket.files.bucket
  s3_prefix = "out"
}

output "items" { value = aws_dynamodb_table_export.people.item_count }
"""


def test_a_table_is_made_of_files_and_exported_to_files(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, COPIES % aws.id)
    stack.apply()
    assert stack.plan_is_empty()
    assert stack.run("output", "-raw", "items") == "2"
    found = aws.client("dynamodb").get_item(TableName="people", Key={"id": {"S": "ann"}})["Item"]
    assert found["name"] == {"S": "Ann"}
    stack.destroy()
