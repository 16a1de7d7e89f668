"""An organization with units, accounts and policies, and a parameter shared within it, by Terraform."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account

from .terraform import Stack

STACK = """
resource "aws_organizations_organization" "this" {
  feature_set                   = "ALL"
  enabled_policy_types          = ["SERVICE_CONTROL_POLICY", "TAG_POLICY"]
  aws_service_access_principals = ["guardduty.amazonaws.com", "ram.amazonaws.com"]
}

resource "aws_organizations_organizational_unit" "workloads" {
  name      = "workloads"
  parent_id = aws_organizations_organization.this.roots[0].id
  tags      = { purpose = "workloads" }
}

resource "aws_organizations_organizational_unit" "production" {
  name      = "production"
  parent_id = aws_organizations_organizational_unit.workloads.id
}

resource "aws_organizations_account" "production" {
  name      = "production"
  email     = "production-ACCOUNT@mail.example"
  parent_id = aws_organizations_organizational_unit.production.id
  role_name = "Administrator"
  tags      = { stage = "production" }
  lifecycle { ignore_changes = [role_name] }
}

resource "aws_organizations_policy" "no_queues" {
  name        = "no-queues"
  description = "Nobody makes queues."
  type        = "SERVICE_CONTROL_POLICY"
  content = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Deny", Action = "sqs:CreateQueue", Resource = "*" }]
  })
  depends_on = [aws_organizations_organization.this]
}

resource "aws_organizations_policy_attachment" "no_queues" {
  policy_id = aws_organizations_policy.no_queues.id
  target_id = aws_organizations_organizational_unit.workloads.id
}

resource "aws_organizations_policy" "tags" {
  name       = "tags"
  type       = "TAG_POLICY"
  content    = jsonencode({ tags = { team = { tag_key = { "@@assign" = "Team" } } } })
  depends_on = [aws_organizations_organization.this]
}

resource "aws_organizations_policy_attachment" "tags" {
  policy_id = aws_organizations_policy.tags.id
  target_id = aws_organizations_account.production.id
}

resource "aws_organizations_delegated_administrator" "guardduty" {
  account_id        = aws_organizations_account.production.id
  service_principal = "guardduty.amazonaws.com"
  depends_on        = [aws_organizations_organization.this]
}

resource "aws_organizations_resource_policy" "delegation" {
  content = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${aws_organizations_account.production.id}:root" }
      Action    = ["organizations:ListPolicies"]
      Resource  = "*"
    }]
  })
}

resource "aws_ram_sharing_with_organization" "this" {
  depends_on = [aws_organizations_organization.this]
}

resource "aws_ssm_parameter" "greeting" {
  name  = "greeting"
  type  = "String"
  tier  = "Advanced"
  value = "hello"
}

resource "aws_ram_resource_share" "greeting" {
  name                      = "greeting"
  allow_external_principals = false
  tags                      = { what = "greeting" }
  depends_on                = [aws_ram_sharing_with_organization.this]
}

resource "aws_ram_resource_association" "greeting" {
  resource_arn       = aws_ssm_parameter.greeting.arn
  resource_share_arn = aws_ram_resource_share.greeting.arn
}

resource "aws_ram_principal_association" "organization" {
  principal          = aws_organizations_organization.this.arn
  resource_share_arn = aws_ram_resource_share.greeting.arn
}

output "account" { value = aws_organizations_account.production.id }
output "parameter" { value = aws_ssm_parameter.greeting.arn }
"""


def test_an_organization_is_applied_planned_and_destroyed(aws: Account, cloud: LocalCloud, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, STACK.replace("ACCOUNT", aws.id))
    stack.apply()
    assert stack.plan_is_empty()
    outputs = json.loads(stack.run("output", "-json"))
    production = cloud.account(outputs["account"]["value"])
    with pytest.raises(ClientError, match="service control policy"):
        production.client("sqs").create_queue(QueueName="refused")
    shared = production.client("ssm").get_parameter(Name=outputs["parameter"]["value"])
    assert shared["Parameter"]["Value"] == "hello"
    stack.destroy()
    with pytest.raises(ClientError, match="AWSOrganizationsNotInUseException"):
        aws.client("organizations").describe_organization()
