"""Terraform against volumes, snapshots, images, lifecycle policies and recycle-bin rules."""

from __future__ import annotations

from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

DISKS = """
provider "aws" {
  alias                       = "ireland"
  region                      = "eu-west-1"
  skip_metadata_api_check     = true
  skip_credentials_validation = false
}

data "aws_caller_identity" "me" {}

data "aws_ssm_parameter" "latest" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

data "aws_ami" "amazon" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-2023.*-x86_64"]
  }
}

resource "aws_kms_key" "disks" {
  description             = "disks"
  deletion_window_in_days = 7
}

resource "aws_ebs_encryption_by_default" "always" {
  enabled = true
}

resource "aws_ebs_default_kms_key" "ours" {
  key_arn = aws_kms_key.disks.arn
}

resource "aws_ebs_snapshot_block_public_access" "closed" {
  state = "block-all-sharing"
}

resource "aws_ebs_volume" "data" {
  availability_zone = "us-east-1a"
  size              = 20
  type              = "gp3"
  iops              = %(iops)s
  throughput        = 250
  encrypted         = true
  kms_key_id        = aws_kms_key.disks.arn
  tags              = { Name = "data", backup = "daily" }
}

resource "aws_ebs_volume" "fast" {
  availability_zone    = "us-east-1b"
  size                 = 8
  type                 = "io2"
  iops                 = 400
  multi_attach_enabled = true
  encrypted            = true
}

resource "aws_ebs_snapshot" "data" {
  volume_id   = aws_ebs_volume.data.id
  description = "of the data"
  tags        = { Name = "data" }
}

resource "aws_kms_key" "far" {
  provider                = aws.ireland
  deletion_window_in_days = 7
}

resource "aws_ebs_snapshot_copy" "far" {
  provider           = aws.ireland
  source_snapshot_id = aws_ebs_snapshot.data.id
  source_region      = "us-east-1"
  encrypted          = true
  kms_key_id         = aws_kms_key.far.arn
  tags               = { Name = "far" }
}

resource "aws_snapshot_create_volume_permission" "shared" {
  snapshot_id = aws_ebs_snapshot.data.id
  account_id  = "123456789012"
}

resource "aws_ebs_volume" "restored" {
  availability_zone = "us-east-1c"
  snapshot_id       = aws_ebs_snapshot.data.id
}

resource "aws_ami" "golden" {
  name                = "golden"
  description         = "made of a snapshot"
  virtualization_type = "hvm"
  architecture        = "x86_64"
  root_device_name    = "/dev/xvda"
  ena_support         = true
  imds_support        = "v2.0"
  ebs_block_device {
    device_name = "/dev/xvda"
    snapshot_id = aws_ebs_snapshot.data.id
    volume_size = 20
    volume_type = "gp3"
  }
}

resource "aws_ami_launch_permission" "shared" {
  image_id   = aws_ami.golden.id
  account_id = "123456789012"
}

resource "aws_iam_role" "lifecycle" {
  name = "lifecycle"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "dlm.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "lifecycle" {
  role       = aws_iam_role.lifecycle.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
}

resource "aws_dlm_lifecycle_policy" "daily" {
  description        = "daily snapshots"
  execution_role_arn = aws_iam_role.lifecycle.arn
  state              = "ENABLED"
  policy_details {
    resource_types = ["VOLUME"]
    target_tags    = { backup = "daily" }
    schedule {
      name      = "two weeks of daily snapshots"
      copy_tags = true
      create_rule {
        interval      = 24
        interval_unit = "HOURS"
        times         = ["23:45"]
      }
      retain_rule {
        count = 14
      }
      tags_to_add = { maker = "dlm" }
      cross_region_copy_rule {
        target    = "eu-west-1"
        encrypted = true
        copy_tags = true
        retain_rule {
          interval      = 7
          interval_unit = "DAYS"
        }
      }
    }
  }
  tags = { team = "red" }
}

resource "aws_rbin_rule" "month" {
  description   = "keep deleted snapshots"
  resource_type = "EBS_SNAPSHOT"
  resource_tags {
    resource_tag_key   = "keep"
    resource_tag_value = "yes"
  }
  retention_period {
    retention_period_value = 30
    retention_period_unit  = "DAYS"
  }
  tags = { team = "red" }
}

output "latest" {
  value = data.aws_ssm_parameter.latest.insecure_value == data.aws_ami.amazon.id
}
"""


def test_a_stack_of_disks_applies_plans_clean_changes_and_goes(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, DISKS % {"iops": "3000"}, attached=False)
    stack.apply()
    assert stack.plan_is_empty()
    assert stack.run("output", "-raw", "latest") == "true"
    (tmp_path / "main.tf").write_text(DISKS % {"iops": "4000"})
    stack.apply()
    assert stack.plan_is_empty()
    ec2 = aws.client("ec2")
    (data,) = ec2.describe_volumes(Filters=[{"Name": "tag:Name", "Values": ["data"]}])["Volumes"]
    assert (data["Iops"], data["Encrypted"]) == (4000, True)
    stack.destroy()
    assert ec2.describe_volumes()["Volumes"] == []
    assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
    assert ec2.describe_images(Owners=["self"])["Images"] == []
