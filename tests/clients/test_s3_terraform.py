"""A bucket with all that can be set about it, by Terraform, and what that brings about."""

from __future__ import annotations

from pathlib import Path

from pileus.testing.account import Account
from tests.services.s3.conftest import fresh

from .terraform import Stack

BUCKET = """
resource "aws_s3_bucket" "data" {
  bucket        = "NAME"
  force_destroy = true
  tags          = { team = "red" }
}

resource "aws_s3_bucket_versioning" "data" {
  for_each = { data = aws_s3_bucket.data.id, copy = aws_s3_bucket.copy.id }
  bucket   = each.value
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_ownership_controls" "data" {
  bucket = aws_s3_bucket.data.id
  rule { object_ownership = "BucketOwnerPreferred" }
}

resource "aws_s3_bucket_public_access_block" "data" {
  bucket                  = aws_s3_bucket.data.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_acl" "data" {
  depends_on = [aws_s3_bucket_ownership_controls.data]
  bucket     = aws_s3_bucket.data.id
  acl        = "private"
}

resource "aws_s3_bucket_policy" "data" {
  bucket = aws_s3_bucket.data.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyUnencrypted"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.data.arn}/*"
      Condition = { StringNotEquals = { "s3:x-amz-server-side-encryption" = "AES256" } }
    }]
  })
}

resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
    bucket_key_enabled = true
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "data" {
  depends_on = [aws_s3_bucket_versioning.data]
  bucket     = aws_s3_bucket.data.id
  rule {
    id     = "archive"
    status = "Enabled"
    filter {
      and {
        prefix = "logs/"
        tags   = { keep = "yes" }
      }
    }
    transition {
      days          = 30
      storage_class = "STANDARD_IA"
    }
    transition {
      days          = 90
      storage_class = "GLACIER"
    }
    expiration { days = 365 }
  }
  rule {
    id     = "clean"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration { noncurrent_days = 30 }
    abort_incomplete_multipart_upload { days_after_initiation = 7 }
  }
}

resource "aws_s3_bucket_cors_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  cors_rule {
    allowed_headers = ["*"]
    allowed_methods = ["GET", "PUT"]
    allowed_origins = ["https://www.example.com"]
    expose_headers  = ["ETag"]
    max_age_seconds = 3000
  }
}

resource "aws_s3_bucket_website_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  index_document { suffix = "index.html" }
  error_document { key = "error.html" }
  routing_rule {
    condition { key_prefix_equals = "docs/" }
    redirect { replace_key_prefix_with = "documents/" }
  }
}

resource "aws_s3_bucket" "copy" {
  bucket        = "NAME-copy"
  force_destroy = true
}

resource "aws_s3_bucket" "logs" {
  bucket        = "NAME-logs"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["logging.s3.amazonaws.com", "s3.amazonaws.com"] }
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.logs.arn}/*"
      Condition = { ArnLike = { "aws:SourceArn" = aws_s3_bucket.data.arn } }
    }]
  })
}

resource "aws_s3_bucket_logging" "data" {
  bucket        = aws_s3_bucket.data.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "access/"
  target_object_key_format {
    partitioned_prefix { partition_date_source = "EventTime" }
  }
}

resource "aws_s3_bucket_inventory" "data" {
  bucket                   = aws_s3_bucket.data.id
  name                     = "nightly"
  included_object_versions = "All"
  optional_fields          = ["Size", "ETag", "ReplicationStatus"]
  schedule { frequency = "Daily" }
  destination {
    bucket {
      format     = "CSV"
      bucket_arn = aws_s3_bucket.logs.arn
      prefix     = "inventory"
    }
  }
}

resource "aws_sqs_queue" "news" { name = "news" }

resource "aws_sqs_queue_policy" "news" {
  queue_url = aws_sqs_queue.news.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.news.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_s3_bucket.data.arn } }
    }]
  })
}

resource "aws_s3_bucket_notification" "data" {
  depends_on = [aws_sqs_queue_policy.news]
  bucket     = aws_s3_bucket.data.id
  queue {
    queue_arn     = aws_sqs_queue.news.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "logs/"
  }
}

resource "aws_iam_role" "replicate" {
  name = "replicate"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "replicate" {
  role = aws_iam_role.replicate.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:GetObjectVersion*"], Resource = "${aws_s3_bucket.data.arn}/*" },
      { Effect = "Allow", Action = ["s3:Replicate*"], Resource = "${aws_s3_bucket.copy.arn}/*" },
    ]
  })
}

resource "aws_s3_bucket_replication_configuration" "data" {
  depends_on = [aws_s3_bucket_versioning.data]
  role       = aws_iam_role.replicate.arn
  bucket     = aws_s3_bucket.data.id
  rule {
    id     = "in"
    status = "Enabled"
    filter { prefix = "logs/" }
    delete_marker_replication { status = "Enabled" }
    destination {
      bucket        = aws_s3_bucket.copy.arn
      storage_class = "STANDARD_IA"
    }
  }
}

resource "aws_s3_bucket_intelligent_tiering_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  name   = "cold"
  tiering {
    access_tier = "ARCHIVE_ACCESS"
    days        = 125
  }
}

resource "aws_s3_bucket_metric" "data" {
  bucket = aws_s3_bucket.data.id
  name   = "everything"
}

resource "aws_s3_bucket_analytics_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  name   = "everything"
}

resource "aws_s3_bucket_request_payment_configuration" "logs" {
  bucket = aws_s3_bucket.copy.id
  payer  = "Requester"
}

resource "aws_s3_object" "note" {
  depends_on = [
    aws_s3_bucket_notification.data,
    aws_iam_role_policy.replicate,
    aws_s3_bucket_replication_configuration.data,
    aws_s3_bucket_logging.data,
  ]
  bucket       = aws_s3_bucket.data.id
  key          = "logs/note.txt"
  content      = "written by terraform"
  content_type = "text/plain"

  server_side_encryption = "AES256"
  tags         = { keep = "yes" }
}

data "aws_s3_object" "note" {
  bucket = aws_s3_object.note.bucket
  key    = aws_s3_object.note.key
}

output "note" { value = data.aws_s3_object.note.body }
"""


def test_a_bucket_applies_plans_clean_works_and_is_destroyed(aws: Account, tmp_path: Path) -> None:
    name = fresh()
    stack = Stack(tmp_path, aws, BUCKET.replace("NAME", name))
    stack.apply()
    assert stack.plan_is_empty()
    assert stack.run("output", "-raw", "note") == "written by terraform"
    s3, sqs = aws.client("s3"), aws.client("sqs")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) == 2
    copy = s3.get_object(Bucket=f"{name}-copy", Key="logs/note.txt")
    assert (copy["Body"].read(), copy["ReplicationStatus"]) == (b"written by terraform", "REPLICA")
    url = sqs.get_queue_url(QueueName="news")["QueueUrl"]
    bodies = [each["Body"] for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert any("logs/note.txt" in body for body in bodies)
    stack.destroy()
    assert s3.list_buckets()["Buckets"] == []
