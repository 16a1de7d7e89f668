"""Who may do what in a network: policies know its resources by their ARNs and their tags."""

from __future__ import annotations

import json

import boto3
import pytest


@pytest.fixture
def as_user(aws):
    """EC2 as a user who has a policy of these statements."""

    def made(*statements):
        iam = aws.client("iam")
        iam.create_user(UserName="user")
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName="user", PolicyName="p", PolicyDocument=policy)
        key = iam.create_access_key(UserName="user")["AccessKey"]
        return boto3.client(
            "ec2",
            endpoint_url=aws.cloud.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    return made


def test_a_policy_names_the_one_vpc_that_may_be_deleted(ec2, vpc, as_user, refused):
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]
    arn = f"arn:aws:ec2:us-east-1:{other['OwnerId']}:vpc/{other['VpcId']}"
    user = as_user({"Effect": "Allow", "Action": "ec2:DeleteVpc", "Resource": arn})
    with refused("UnauthorizedOperation"):
        user.delete_vpc(VpcId=vpc)
    with refused("UnauthorizedOperation"):
        user.describe_vpcs()
    user.delete_vpc(VpcId=other["VpcId"])


def test_tags_decide(ec2, vpc, as_user, refused):
    groups = {
        name: ec2.create_security_group(
            GroupName=name,
            Description=name,
            VpcId=vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": [{"Key": "team", "Value": name}]}],
        )["GroupId"]
        for name in ("red", "blue")
    }
    user = as_user(
        {
            "Effect": "Allow",
            "Action": ["ec2:AuthorizeSecurityGroupIngress", "ec2:DeleteSecurityGroup"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}},
        }
    )
    with refused("UnauthorizedOperation"):
        user.authorize_security_group_ingress(
            GroupId=groups["blue"], IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0"
        )
    user.authorize_security_group_ingress(
        GroupId=groups["red"], IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0"
    )
    user.delete_security_group(GroupId=groups["red"])
    with refused("UnauthorizedOperation"):
        user.delete_security_group(GroupId=groups["blue"])


def test_a_dry_run_tells_whether_one_may(vpc, as_user, refused):
    user = as_user({"Effect": "Allow", "Action": "ec2:CreateSubnet", "Resource": "*"})
    with refused("DryRunOperation"):
        user.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", DryRun=True)
    with refused("UnauthorizedOperation"):
        user.delete_vpc(VpcId=vpc, DryRun=True)
