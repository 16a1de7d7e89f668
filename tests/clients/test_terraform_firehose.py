"""Delivery streams by Terraform."""

from __future__ import annotations

from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

CONFIGURATION = """
resource "aws_s3_bucket" "lake" {{
  bucket        = "lake-{account}"
  force_destroy = true
}}

resource "aws_iam_role" "hose" {{
  name = "hose"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect = "Allow", Action = "sts:AssumeRole", Principal = {{ Service = "firehose.amazonaws.com" }}
    }}]
  }})
}}

resource "aws_iam_role_policy" "writes" {{
  role = aws_iam_role.hose.id
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = "s3:*", Resource = "*" }}]
  }})
}}

resource "aws_kinesis_firehose_delivery_stream" "lake" {{
  name        = "lake"
  destination = "extended_s3"
  tags        = {{ team = "red" }}

  extended_s3_configuration {{
    role_arn            = aws_iam_role.hose.arn
    bucket_arn          = aws_s3_bucket.lake.arn
    buffering_size      = 1
    buffering_interval  = 60
    compression_format  = "GZIP"
    prefix              = "data/!{{timestamp:yyyy}}/"
    error_output_prefix = "errors/!{{firehose:error-output-type}}/"
  }}
}}
"""


def test_a_delivery_stream_applies_plans_clean_and_is_destroyed(tmp_path: Path, aws: Account) -> None:
    stack = Stack(tmp_path, aws, ("firehose", "iam", "s3", "sts"), CONFIGURATION.format(account=aws.id))
    stack.apply()
    assert stack.plan_is_empty()
    firehose = aws.client("firehose")
    assert firehose.put_record(DeliveryStreamName="lake", Record={"Data": b"x"})["RecordId"]
    stack.destroy()
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == []
