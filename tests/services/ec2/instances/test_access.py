"""Who may launch what, and end which instances: by type, by tags, by network."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def user(aws):
    """A client of a user with these statements."""

    def make(*statements):
        iam = aws.client("iam")
        iam.create_user(UserName="u")
        document = json.dumps({"Version": "2012-10-17", "Statement": [*statements]})
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
        key = iam.create_access_key(UserName="u")["AccessKey"]
        return aws.client("ec2", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    return make


def allow(actions, resource="*", **condition):
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def launch(ec2, ami, **more):
    asked = {"ImageId": ami, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1} | more
    return ec2.run_instances(**asked)["Instances"][0]


def test_only_some_types_may_be_launched(user, ami, clock, refused):
    deny = {"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:instance/*"}
    deny["Condition"] = {"StringNotEquals": {"ec2:InstanceType": ["t3.micro", "t3.small"]}}
    other = user(allow("ec2:*"), deny)
    launch(other, ami)
    with refused("UnauthorizedOperation", "You are not authorized to perform this operation."):
        launch(other, ami, InstanceType="m5.large")
    with refused("DryRunOperation"):
        launch(other, ami, DryRun=True)
    with refused("UnauthorizedOperation"):
        launch(other, ami, InstanceType="m5.large", DryRun=True)


def test_a_launch_must_be_allowed_on_everything_that_it_uses(ec2, user, ami, clock, refused):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    mine, foreign = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"] for number in (1, 2)
    )
    kinds = ("instance", "volume", "network-interface", "security-group")
    arns = [f"arn:aws:ec2:us-east-1:*:{kind}/*" for kind in kinds]
    other = user(allow("ec2:RunInstances", [*arns, f"arn:aws:ec2:*:*:subnet/{mine}", "arn:aws:ec2:us-east-1::image/*"]))
    launch(other, ami, SubnetId=mine)
    with refused("UnauthorizedOperation"):
        launch(other, ami, SubnetId=foreign)
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}]
    with refused("UnauthorizedOperation"):
        launch(other, ami, SubnetId=mine, TagSpecifications=tags)


def test_instances_are_ended_by_those_whose_tags_they_have(ec2, user, run, clock, refused):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "red"}]}]
    red, blue = run(TagSpecifications=tags)["InstanceId"], run()["InstanceId"]
    other = user(allow("ec2:TerminateInstances", StringEquals={"aws:ResourceTag/team": "red"}))
    with refused("UnauthorizedOperation"):
        other.terminate_instances(InstanceIds=[red, blue])
    other.terminate_instances(InstanceIds=[red])
    with refused("UnauthorizedOperation"):
        other.describe_instances()
