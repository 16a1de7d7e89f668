"""Systems Manager as its users see it: parameters while the clock stands still, and instances that it reaches."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config

from pileus.engines.machine.survey import unable
from pileus.testing.account import Account
from pileus.testing.local import CloudClock

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
LATEST = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


@pytest.fixture
def ssm(aws: Account, clock: CloudClock) -> Any:
    options = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    return aws.client("ssm", config=options)


def role(aws: Account, name: str, *policies: str) -> None:
    """A role of that name for instances, and its profile."""
    iam = aws.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    for policy in policies:
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


@pytest.fixture
def launch(aws: Account) -> Iterator[Callable[..., str]]:
    """Launches an instance, and waits until it runs; they are ended afterwards."""
    if why := unable():
        pytest.skip(f"no machines: {why}")
    ec2, launched = aws.client("ec2"), []

    def launch(profile: str = "", name: str = "") -> str:
        image = aws.client("ssm").get_parameter(Name=LATEST)["Parameter"]["Value"]
        more: dict[str, Any] = {"IamInstanceProfile": {"Name": profile}} if profile else {}
        if name:
            tags = [{"Key": "Name", "Value": name}]
            more["TagSpecifications"] = [{"ResourceType": "instance", "Tags": tags}]
        made = ec2.run_instances(ImageId=image, InstanceType="t3.nano", MinCount=1, MaxCount=1, **more)
        launched.append(made["Instances"][0]["InstanceId"])
        ec2.get_waiter("instance_running").wait(InstanceIds=launched[-1:], WaiterConfig={"Delay": 1})
        return str(launched[-1])

    yield launch
    if launched:
        ec2.terminate_instances(InstanceIds=launched)


@pytest.fixture
def node(aws: Account, launch: Callable[..., str]) -> str:
    """The id of a managed node."""
    role(aws, "managed", CORE)
    found = launch("managed", "web")
    until(lambda: aws.client("ssm").get_connection_status(Target=found)["Status"] == "connected")
    return found


def until(done: Callable[[], Any], seconds: float = 20) -> Any:
    """What comes of it, once that is something: programs on nodes live by the machine's clock."""
    end = time.monotonic() + seconds
    while not (found := done()) and time.monotonic() < end:
        time.sleep(0.05)
    assert found
    return found
