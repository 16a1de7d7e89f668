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

resource "aws_kinesis_firehose_delivery_stream" "splunk" {{
  name        = "splunk"
  destination = "splunk"

  splunk_configuration {{
    hec_endpoint               = "https://127.0.0.1:8088"
    hec_token                  = "51D4DA16-C61B-4F5F-8EC7-ED4301342A4A"
    hec_acknowledgment_timeout = 600
    hec_endpoint_type          = "Event"
    s3_backup_mode             = "FailedEventsOnly"
    s3_configuration {{
      role_arn   = aws_iam_role.hose.arn
      bucket_arn = aws_s3_bucket.lake.arn
    }}
  }}
}}

resource "aws_kinesis_firehose_delivery_stream" "search" {{
  name        = "search"
  destination = "opensearch"

  opensearch_configuration {{
    cluster_endpoint      = "https://127.0.0.1:9200"
    role_arn              = aws_iam_role.hose.arn
    index_name            = "orders"
    index_rotation_period = "OneWeek"
    document_id_options {{
      default_document_id_format = "NO_DOCUMENT_ID"
    }}
    s3_configuration {{
      role_arn   = aws_iam_role.hose.arn
      bucket_arn = aws_s3_bucket.lake.arn
    }}
  }}
}}
"""


def test_a_delivery_stream_applies_plans_clean_and_is_destroyed(tmp_path: Path, aws: Account) -> None:
    stack = Stack(tmp_path, aws, CONFIGURATION.format(account=aws.id))
    stack.apply()
    assert stack.plan_is_empty()
    firehose = aws.client("firehose")
    assert firehose.put_record(DeliveryStreamName="lake", Record={"Data": b"x"})["RecordId"]
    stack.destroy()
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == []
