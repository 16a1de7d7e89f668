"""A bucket with all that is usually set about it, by Terraform."""

from __future__ import annotations

from pathlib import Path

from pileus.testing.account import Account
from tests.services.s3.conftest import fresh

from .terraform import Stack

BUCKET = """
resource "aws_s3_bucket" "data" {
  bucket = "NAME"
  tags   = { team = "red" }
}

resource "aws_s3_bucket_versioning" "data" {
  bucket = aws_s3_bucket.data.id
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
}

resource "aws_s3_object" "note" {
  bucket       = aws_s3_bucket.data.id
  key          = "logs/note.txt"
  content      = "written by terraform"
  content_type = "text/plain"
  tags         = { keep = "yes" }
}

data "aws_s3_object" "note" {
  bucket = aws_s3_object.note.bucket
  key    = aws_s3_object.note.key
}

output "note" { value = data.aws_s3_object.note.body }
"""


def test_a_bucket_applies_plans_clean_and_is_destroyed(aws: Account, tmp_path: Path) -> None:
    name = fresh()
    stack = Stack(tmp_path, aws, ("s3", "sts"), BUCKET.replace("NAME", name))
    stack.apply()
    assert stack.plan_is_empty()
    assert stack.run("output", "-raw", "note") == "written by terraform"
    s3 = aws.client("s3")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) == 2
    stack.destroy()
    assert s3.list_buckets()["Buckets"] == []
