from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

TABLES = """
resource "aws_dynamodb_table" "game" {
  name             = "game"
  billing_mode     = "PROVISIONED"
  read_capacity    = 5
  write_capacity   = 6
  hash_key         = "player"
  range_key        = "title"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "player"
    type = "S"
  }
  attribute {
    name = "title"
    type = "S"
  }
  attribute {
    name = "score"
    type = "N"
  }

  global_secondary_index {
    name               = "by-title"
    hash_key           = "title"
    range_key          = "score"
    read_capacity      = 1
    write_capacity     = 2
    projection_type    = "INCLUDE"
    non_key_attributes = ["wins"]
  }
  local_secondary_index {
    name            = "by-score"
    range_key       = "score"
    projection_type = "KEYS_ONLY"
  }
  ttl {
    attribute_name = "until"
    enabled        = true
  }
  point_in_time_recovery {
    enabled = true
  }
  tags = { team = "red" }
}

resource "aws_dynamodb_table" "plain" {
  name                        = "plain"
  billing_mode                = "PAY_PER_REQUEST"
  table_class                 = "STANDARD_INFREQUENT_ACCESS"
  deletion_protection_enabled = false
  hash_key                    = "id"
  attribute {
    name = "id"
    type = "N"
  }
  server_side_encryption {
    enabled = false
  }
}

resource "aws_dynamodb_table_item" "first" {
  table_name = aws_dynamodb_table.plain.name
  hash_key   = aws_dynamodb_table.plain.hash_key
  item       = jsonencode({ id = { N = "1" }, name = { S = "first" } })
}

resource "aws_dynamodb_resource_policy" "plain" {
  resource_arn = aws_dynamodb_table.plain.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = "dynamodb:GetItem"
      Resource  = aws_dynamodb_table.plain.arn
    }]
  })
}

output "stream" { value = aws_dynamodb_table.game.stream_arn }
"""


def test_tables_apply_plan_clean_and_are_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, TABLES)
    stack.apply()
    assert stack.plan_is_empty()
    dynamodb = aws.client("dynamodb")
    told = dynamodb.describe_table(TableName="game")["Table"]
    assert stack.run("output", "-raw", "stream") == told["LatestStreamArn"]
    assert dynamodb.get_item(TableName="plain", Key={"id": {"N": "1"}})["Item"]["name"] == {"S": "first"}
    assert dynamodb.describe_time_to_live(TableName="game")["TimeToLiveDescription"]["AttributeName"] == "until"
    stack.destroy()
    assert dynamodb.list_tables()["TableNames"] == []
