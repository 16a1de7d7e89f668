"""Certificates, authorities and rotated secrets, as Terraform makes them.

Clusters of CloudHSM do the same, but the provider waits for minutes at each of their states: no test has them.
"""

from __future__ import annotations

import time
from pathlib import Path

import pileus
from tests.services.acm.conftest import Made

from .terraform import Stack

CERTIFICATES = """
data "aws_partition" "here" {}
data "aws_caller_identity" "me" {}

resource "aws_s3_bucket" "lists" {
  bucket        = "lists-of-111122223333"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "lists" {
  bucket = aws_s3_bucket.lists.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "acm-pca.amazonaws.com" }
      Action    = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:PutObject", "s3:PutObjectAcl"]
      Resource  = [aws_s3_bucket.lists.arn, "${aws_s3_bucket.lists.arn}/*"]
    }]
  })
}

resource "aws_acmpca_certificate_authority" "root" {
  type                            = "ROOT"
  permanent_deletion_time_in_days = 7
  certificate_authority_configuration {
    key_algorithm     = "EC_prime256v1"
    signing_algorithm = "SHA256WITHECDSA"
    subject {
      common_name  = "root"
      organization = "Example"
    }
  }
  revocation_configuration {
    crl_configuration {
      enabled            = true
      expiration_in_days = 7
      s3_bucket_name     = aws_s3_bucket.lists.id
      s3_object_acl      = "BUCKET_OWNER_FULL_CONTROL"
    }
    ocsp_configuration {
      enabled = true
    }
  }
  tags       = { team = "red" }
  depends_on = [aws_s3_bucket_policy.lists]
}

resource "aws_acmpca_certificate" "root" {
  certificate_authority_arn   = aws_acmpca_certificate_authority.root.arn
  certificate_signing_request = aws_acmpca_certificate_authority.root.certificate_signing_request
  signing_algorithm           = "SHA256WITHECDSA"
  template_arn                = "arn:${data.aws_partition.here.partition}:acm-pca:::template/RootCACertificate/V1"
  validity {
    type  = "YEARS"
    value = 10
  }
}

resource "aws_acmpca_certificate_authority_certificate" "root" {
  certificate_authority_arn = aws_acmpca_certificate_authority.root.arn
  certificate               = aws_acmpca_certificate.root.certificate
  certificate_chain         = aws_acmpca_certificate.root.certificate_chain
}

resource "aws_acmpca_permission" "acm" {
  certificate_authority_arn = aws_acmpca_certificate_authority.root.arn
  actions                   = ["IssueCertificate", "GetCertificate", "ListPermissions"]
  principal                 = "acm.amazonaws.com"
}

resource "aws_acmpca_policy" "root" {
  resource_arn = aws_acmpca_certificate_authority.root.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "1"
      Effect    = "Allow"
      Principal = { AWS = "444455556666" }
      Action    = ["acm-pca:DescribeCertificateAuthority", "acm-pca:GetCertificate", "acm-pca:ListPermissions"]
      Resource  = aws_acmpca_certificate_authority.root.arn
    }]
  })
}

resource "aws_acm_certificate" "private" {
  domain_name               = "db.internal.example.com"
  certificate_authority_arn = aws_acmpca_certificate_authority.root.arn
  depends_on                = [aws_acmpca_certificate_authority_certificate.root]
}

resource "aws_acm_certificate" "imported" {
  private_key      = file("imported.key")
  certificate_body = file("imported.pem")
  tags             = { team = "red" }
}

resource "aws_acm_certificate" "public" {
  domain_name               = "www.example.com"
  subject_alternative_names = ["example.com", "*.example.com"]
  validation_method         = "DNS"
  key_algorithm             = "EC_prime256v1"
  lifecycle { create_before_destroy = true }
}

resource "aws_acm_certificate_validation" "public" {
  certificate_arn = aws_acm_certificate.public.arn
}

data "aws_acm_certificate" "public" {
  domain     = "www.example.com"
  key_types  = ["EC_prime256v1"]
  statuses   = ["ISSUED"]
  depends_on = [aws_acm_certificate_validation.public]
}

resource "aws_secretsmanager_secret" "db" {
  name                    = "db"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "db" {
  secret_id     = aws_secretsmanager_secret.db.id
  secret_string = "hidden"
}

resource "aws_secretsmanager_secret_rotation" "db" {
  secret_id           = aws_secretsmanager_secret_version.db.secret_id
  rotation_lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:rotate"
  rotate_immediately  = false
  rotation_rules { automatically_after_days = 30 }
}

output "found" { value = data.aws_acm_certificate.public.arn == aws_acm_certificate.public.arn }
output "records" { value = length(aws_acm_certificate.public.domain_validation_options) }
"""


def test_certificates_and_authorities_apply_plan_clean_and_are_destroyed(tmp_path: Path) -> None:
    with pileus.cloud(sockets=True, acm_validate="auto") as cloud:
        account = cloud.account("111122223333")
        mine = Made(time.time(), "imported.example.com")
        (tmp_path / "imported.pem").write_bytes(mine.pem)
        (tmp_path / "imported.key").write_bytes(mine.key)
        stack = Stack(tmp_path, account, CERTIFICATES)
        stack.apply()
        assert stack.plan_is_empty()
        assert (stack.run("output", "found").strip(), stack.run("output", "records").strip()) == ("true", "3")
        acm, pca = account.client("acm"), account.client("acm-pca")
        every = acm.list_certificates(Includes={"keyTypes": ["RSA_2048", "EC_prime256v1"]})["CertificateSummaryList"]
        assert {(one["Type"], one["Status"]) for one in every} == {
            ("PRIVATE", "ISSUED"), ("IMPORTED", "ISSUED"), ("AMAZON_ISSUED", "ISSUED")
        }  # fmt: skip
        stack.destroy()
        assert acm.list_certificates()["CertificateSummaryList"] == []
        states = [one["Status"] for one in pca.list_certificate_authorities()["CertificateAuthorities"]]
        assert states == ["DELETED"]
        assert account.client("secretsmanager").list_secrets()["SecretList"] == []
