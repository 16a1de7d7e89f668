"""Terraform makes vaults, their policies and their locks."""

from __future__ import annotations

import json
from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

VAULTS = """
data "aws_caller_identity" "me" {}

resource "aws_glacier_vault" "archive" {
  name = "archive"
  notification {
    sns_topic = "arn:aws:sns:us-east-1:${data.aws_caller_identity.me.account_id}:done"
    events    = ["ArchiveRetrievalCompleted", "InventoryRetrievalCompleted"]
  }
  access_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "add-read-only-perm"
      Principal = "*"
      Effect    = "Allow"
      Action    = ["glacier:InitiateJob", "glacier:GetJobOutput"]
      Resource  = "arn:aws:glacier:us-east-1:${data.aws_caller_identity.me.account_id}:vaults/archive"
    }]
  })
  tags = { team = "red" }
}

resource "aws_glacier_vault_lock" "archive" {
  complete_lock = false
  vault_name    = aws_glacier_vault.archive.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "deny-young"
      Principal = "*"
      Effect    = "Deny"
      Action    = "glacier:DeleteArchive"
      Resource  = aws_glacier_vault.archive.arn
      Condition = { NumericLessThanEquals = { "glacier:ArchiveAgeInDays" = "365" } }
    }]
  })
}
"""


def test_vaults_apply_plan_clean_and_are_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, VAULTS)
    stack.apply()
    assert stack.plan_is_empty()
    glacier = aws.client("glacier")
    assert glacier.list_tags_for_vault(vaultName="archive")["Tags"] == {"team": "red"}
    assert glacier.get_vault_lock(vaultName="archive")["State"] == "InProgress"
    assert json.loads(glacier.get_vault_access_policy(vaultName="archive")["policy"]["Policy"])["Statement"]
    stack.destroy()
    assert glacier.list_vaults()["VaultList"] == []
