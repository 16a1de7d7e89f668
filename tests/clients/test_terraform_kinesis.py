"""Streams, tables whose changes go into them and into another Region, and a cache before a table, made by Terraform."""

from __future__ import annotations

from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

STACK = """
resource "aws_kinesis_stream" "clicks" {
  name                      = "clicks"
  shard_count               = 2
  retention_period          = 48
  shard_level_metrics       = ["IncomingBytes", "OutgoingBytes"]
  encryption_type           = "KMS"
  kms_key_id                = "alias/aws/kinesis"
  enforce_consumer_deletion = true
  stream_mode_details { stream_mode = "PROVISIONED" }
  tags = { team = "red" }
}

resource "aws_kinesis_stream" "changes" {
  name = "changes"
  stream_mode_details { stream_mode = "ON_DEMAND" }
}

resource "aws_kinesis_stream_consumer" "reader" {
  name       = "reader"
  stream_arn = aws_kinesis_stream.clicks.arn
}

resource "aws_kinesis_resource_policy" "clicks" {
  resource_arn = aws_kinesis_stream.clicks.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::111122223333:root" }
      Action    = ["kinesis:GetRecords", "kinesis:GetShardIterator"]
      Resource  = aws_kinesis_stream.clicks.arn
    }]
  })
}

resource "aws_dynamodb_table" "orders" {
  name             = "orders"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"
  attribute {
    name = "id"
    type = "S"
  }
  attribute {
    name = "customer"
    type = "S"
  }
  global_secondary_index {
    name            = "by-customer"
    hash_key        = "customer"
    projection_type = "ALL"
  }
  ttl {
    attribute_name = "until"
    enabled        = true
  }
  replica { region_name = "eu-west-1" }
}

resource "aws_dynamodb_kinesis_streaming_destination" "orders" {
  table_name                               = aws_dynamodb_table.orders.name
  stream_arn                               = aws_kinesis_stream.changes.arn
  approximate_creation_date_time_precision = "MICROSECOND"
}

resource "aws_dynamodb_contributor_insights" "orders" {
  table_name = aws_dynamodb_table.orders.name
}

resource "aws_iam_role" "dax" {
  name = "dax"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "dax.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_dax_parameter_group" "short" {
  name = "short"
  parameters {
    name  = "query-ttl-millis"
    value = "100000"
  }
  parameters {
    name  = "record-ttl-millis"
    value = "200000"
  }
}

resource "aws_dax_cluster" "cache" {
  cluster_name         = "cache"
  iam_role_arn         = aws_iam_role.dax.arn
  node_type            = "dax.t3.small"
  replication_factor   = 2
  parameter_group_name = aws_dax_parameter_group.short.name
  tags                 = { team = "red" }
}
"""


def test_streams_tables_and_caches_apply_plan_clean_and_are_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, STACK)
    stack.apply()
    assert stack.plan_is_empty()
    there = aws.client("dynamodb", region_name="eu-west-1")
    assert there.describe_table(TableName="orders")["Table"]["TableStatus"] == "ACTIVE"
    told = aws.client("kinesis").describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]
    assert (told["RetentionPeriodHours"], told["ConsumerCount"], told["EncryptionType"]) == (48, 1, "KMS")
    stack.destroy()
    assert aws.client("kinesis").list_streams()["StreamNames"] == []
    assert there.list_tables()["TableNames"] == []
    assert aws.client("dax").describe_clusters()["Clusters"] == []
