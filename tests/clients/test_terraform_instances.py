"""Terraform runs instances: from templates, with roles, volumes and addresses, in groups, on the spot market."""

from __future__ import annotations

from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

MACHINES = """
data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-2*-x86_64"]
  }
}

data "aws_ec2_instance_type" "small" { instance_type = "m5.large" }

data "aws_vpc" "default" { default = true }

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

data "aws_subnet" "first" { id = sort(data.aws_subnets.default.ids)[0] }

resource "aws_key_pair" "mine" {
  key_name   = "mine"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJe7sIcHbFYmL0OW7YQSjnZ3mJ5Z2z7dO3cBgKqF5ZqX somebody"
}

resource "aws_iam_role" "web" {
  name = "web"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_instance_profile" "web" {
  name = "web"
  role = aws_iam_role.web.name
}

resource "aws_security_group" "web" {
  name   = "web"
  vpc_id = data.aws_vpc.default.id
  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_placement_group" "apart" {
  name     = "apart"
  strategy = "spread"
}

resource "aws_launch_template" "web" {
  name                   = "web"
  image_id               = data.aws_ami.linux.id
  instance_type          = "t3.micro"
  key_name               = aws_key_pair.mine.key_name
  vpc_security_group_ids = [aws_security_group.web.id]
  update_default_version = true
  iam_instance_profile { name = aws_iam_instance_profile.web.name }
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size = 9
      volume_type = "gp3"
    }
  }
  tag_specifications {
    resource_type = "volume"
    tags          = { Name = "web" }
  }
}

resource "aws_instance" "templated" {
  subnet_id = data.aws_subnet.first.id
  launch_template {
    id      = aws_launch_template.web.id
    version = "$Latest"
  }
  tags = { Name = "web" }
}

resource "aws_instance" "plain" {
  ami                         = data.aws_ami.linux.id
  instance_type               = "t3.small"
  subnet_id                   = data.aws_subnet.first.id
  iam_instance_profile        = aws_iam_instance_profile.web.name
  placement_group             = aws_placement_group.apart.name
  vpc_security_group_ids      = [aws_security_group.web.id]
  monitoring                  = true
  disable_api_stop            = false
  user_data_replace_on_change = true
  user_data                   = "#!/bin/sh\\ntrue\\n"
  credit_specification { cpu_credits = "standard" }
  root_block_device {
    volume_size = 10
    volume_type = "gp3"
    tags        = { part = "root" }
  }
  ebs_block_device {
    device_name = "/dev/sdf"
    volume_size = 1
    volume_type = "gp3"
  }
  tags = { Name = "plain" }
}

resource "aws_ebs_volume" "data" {
  availability_zone = aws_instance.templated.availability_zone
  size              = 1
  type              = "gp3"
}

resource "aws_volume_attachment" "data" {
  device_name = "/dev/sdg"
  volume_id   = aws_ebs_volume.data.id
  instance_id = aws_instance.templated.id
}

resource "aws_eip" "plain" {
  domain   = "vpc"
  instance = aws_instance.plain.id
}

resource "aws_spot_instance_request" "cheap" {
  ami                  = data.aws_ami.linux.id
  instance_type        = "t3.micro"
  subnet_id            = data.aws_subnet.first.id
  wait_for_fulfillment = true
  spot_type            = "one-time"
}

resource "aws_ec2_capacity_reservation" "room" {
  instance_type     = "m5.large"
  instance_platform = "Linux/UNIX"
  availability_zone = data.aws_subnet.first.availability_zone
  instance_count    = 1
}

resource "aws_ec2_host" "own" {
  instance_family   = "c5"
  availability_zone = data.aws_subnet.first.availability_zone
}

output "cores" { value = data.aws_ec2_instance_type.small.default_cores }
output "address" { value = aws_eip.plain.public_ip }
"""


def test_instances_apply_plan_clean_and_are_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, MACHINES)
    stack.apply()
    assert stack.plan_is_empty()
    assert stack.run("output", "-raw", "cores") == "1"
    ec2 = aws.client("ec2")
    filters = [{"Name": "tag:Name", "Values": ["web"]}, {"Name": "instance-state-name", "Values": ["running"]}]
    [web, *_] = ec2.describe_instances(Filters=filters)["Reservations"][0]["Instances"]
    assert web["KeyName"] == "mine" and web["MetadataOptions"]["HttpTokens"] == "required"
    filters = [{"Name": "ip-address", "Values": [stack.run("output", "-raw", "address")]}]
    [plain] = ec2.describe_instances(Filters=filters)["Reservations"][0]["Instances"]
    assert plain["Placement"]["GroupName"] == "apart" and len(plain["BlockDeviceMappings"]) == 2
    stack.destroy()
    filters = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    assert ec2.describe_instances(Filters=filters)["Reservations"] == []
    assert ec2.describe_volumes()["Volumes"] == [] and ec2.describe_launch_templates()["LaunchTemplates"] == []
