"""Clusters as their owners see them: boto3 against a running cloud, whose clock stands still unless a test turns it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

import pileus
from pileus.testing.account import Account
from pileus.testing.local import CloudClock

NEW = Config(parameter_validation=False, retries={"total_max_attempts": 1})
numbers = itertools.count(1)


@pytest.fixture(scope="session")
def account(cloud: pileus.LocalCloud) -> Account:
    return cloud.account()


@pytest.fixture(scope="session")
def client(account: Account) -> Any:
    return account.client("dax", config=NEW)


@pytest.fixture
def dax(client: Any, clock: CloudClock) -> Any:
    return client


@pytest.fixture(scope="session")
def role(account: Account) -> str:
    """A role that clusters may assume, and with which they may do everything in DynamoDB."""
    iam = account.client("iam")
    principal = {"Effect": "Allow", "Principal": {"Service": "dax.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [principal]}
    arn = iam.create_role(RoleName="dax", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="dax", PolicyName="p", PolicyDocument=document)
    return str(arn)


Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(dax: Any, role: str, clock: CloudClock) -> Make:
    """Makes clusters that are available."""

    def create(nodes: int = 1, **more: Any) -> dict[str, Any]:
        name = f"cluster-{next(numbers)}"
        asked = {"NodeType": "dax.t3.small", "ReplicationFactor": nodes, "IamRoleArn": role} | more
        told = dax.create_cluster(ClusterName=name, **asked)["Cluster"]
        assert told["Status"] == "creating"
        clock.advance(1)
        return described(dax, name)

    return create


def described(dax: Any, name: str) -> dict[str, Any]:
    (told,) = dax.describe_clusters(ClusterNames=[name])["Clusters"]
    assert isinstance(told, dict)
    return told
