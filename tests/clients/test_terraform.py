from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

QUEUES = """
resource "aws_sqs_queue" "dead" {
  name                      = "dead"
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue" "work" {
  name                       = "work"
  visibility_timeout_seconds = 45
  delay_seconds              = 5
  max_message_size           = 2048
  receive_wait_time_seconds  = 10
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 4
  })
  tags = { team = "red" }
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.work.arn]
  })
}

resource "aws_sqs_queue" "orders" {
  name                        = "orders.fifo"
  fifo_queue                  = true
  content_based_deduplication = true
  deduplication_scope         = "messageGroup"
  fifo_throughput_limit       = "perMessageGroupId"
  kms_master_key_id           = "alias/aws/sqs"
}

resource "aws_sqs_queue_policy" "work" {
  queue_url = aws_sqs_queue.work.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.work.arn
    }]
  })
}

data "aws_caller_identity" "me" {}

output "account" { value = data.aws_caller_identity.me.account_id }
output "url" { value = aws_sqs_queue.work.id }
"""


def test_a_stack_of_queues_applies_plans_clean_and_is_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, QUEUES, endpoints=("sqs", "sts"))
    stack.apply()
    assert stack.plan_is_empty()
    assert stack.run("output", "-raw", "account") == aws.id
    sqs = aws.client("sqs")
    url = stack.run("output", "-raw", "url")
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"] == {
        "VisibilityTimeout": "45"
    }
    stack.destroy()
    assert "QueueUrls" not in sqs.list_queues()
