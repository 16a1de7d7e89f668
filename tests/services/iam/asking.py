"""What tests of IAM ask for again and again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus import LocalCloud

EC2_TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **others: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **others}


def trusting(principal: str) -> str:
    return document({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"})


@contextmanager
def refused(code: str, message: str = "", status: int = 0) -> Iterator[None]:
    """What happens inside raises this error."""
    with pytest.raises(ClientError) as raised:
        yield
    error = raised.value.response["Error"]
    assert error["Code"] == code, error
    if message:
        assert error["Message"] == message
    if status:
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def acting(cloud: LocalCloud, key: dict[str, Any], service: str) -> Any:
    """A client that signs with an access key, as IAM or STS told it."""
    return boto3.client(
        service,
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )


def user_with_key(iam: Any, name: str, *statements: dict[str, Any]) -> dict[str, Any]:
    """A new user's access key; the user may do what the statements say."""
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document(*statements))
    key: dict[str, Any] = iam.create_access_key(UserName=name)["AccessKey"]
    return key


def pages(operation: Any, member: str, **arguments: Any) -> list[list[Any]]:
    """All pages of a list."""
    found = []
    while True:
        answer = operation(**arguments)
        found.append(answer[member])
        assert answer["IsTruncated"] == ("Marker" in answer)
        if not answer["IsTruncated"]:
            return found
        arguments["Marker"] = answer["Marker"]
