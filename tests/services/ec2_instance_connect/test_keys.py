"""EC2 Instance Connect. That its keys let in, the demos of EC2 show."""

from __future__ import annotations

import json

import pytest

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl somebody"


@pytest.fixture
def instance(aws, clock):
    ec2 = aws.client("ec2")
    filters = [{"Name": "architecture", "Values": ["x86_64"]}, {"Name": "name", "Values": ["al2023-ami-2*"]}]
    image = ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"][0]["ImageId"]
    one = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0]
    clock.advance(5)
    yield one
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    clock.advance(5)


def send(aws, instance, **more):
    members = {"InstanceId": instance["InstanceId"], "InstanceOSUser": "ec2-user", "SSHPublicKey": KEY} | more
    return aws.client("ec2-instance-connect").send_ssh_public_key(**members)


def test_a_key_is_taken_for_an_instance_that_runs(aws, instance):
    answer = send(aws, instance, AvailabilityZone=instance["Placement"]["AvailabilityZone"])
    assert answer["Success"] is True and answer["RequestId"]


def test_what_is_not_there_or_does_not_run_is_refused(aws, instance, clock, refused):
    with refused("EC2InstanceNotFoundException"):
        send(aws, {"InstanceId": "i-0123456789abcdef0"})
    with refused("EC2InstanceNotFoundException"):
        send(aws, instance, AvailabilityZone="us-east-1f")
    aws.client("ec2").stop_instances(InstanceIds=[instance["InstanceId"]])
    clock.advance(5)
    with refused("EC2InstanceStateInvalidException"):
        send(aws, instance)


def test_what_is_no_key_is_refused(aws, instance, refused):
    with refused("InvalidArgsException"):
        send(aws, instance, SSHPublicKey="no key " * 20)


def test_policies_say_as_whom(aws, instance, refused):
    statement = {
        "Effect": "Allow",
        "Action": "ec2-instance-connect:SendSSHPublicKey",
        "Resource": f"arn:aws:ec2:*:*:instance/{instance['InstanceId']}",
        "Condition": {"StringEquals": {"ec2:osuser": "ec2-user"}},
    }
    iam = aws.client("iam")
    iam.create_user(UserName="ann")
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="ann", PolicyName="connect", PolicyDocument=document)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    client = aws.client("ec2-instance-connect", **keys)
    asked = {"InstanceId": instance["InstanceId"], "SSHPublicKey": KEY}
    assert client.send_ssh_public_key(InstanceOSUser="ec2-user", **asked)["Success"]
    with refused("AccessDeniedException"):
        client.send_ssh_public_key(InstanceOSUser="root", **asked)
