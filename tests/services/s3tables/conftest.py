"""What the tests of S3 Tables share."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pileus.testing.account import Account

SCHEMA = {"fields": [{"name": "id", "type": "long", "required": True}, {"name": "name", "type": "string"}]}


@pytest.fixture
def s3tables(aws: Account) -> Any:
    return aws.client("s3tables")


@pytest.fixture
def bucket(s3tables: Any) -> str:
    """The ARN of a table bucket."""
    arn: str = s3tables.create_table_bucket(name=fresh())["arn"]
    return arn


@pytest.fixture
def sales(s3tables: Any, bucket: str) -> str:
    """The same with a namespace `sales`."""
    s3tables.create_namespace(tableBucketARN=bucket, namespace=["sales"])
    return bucket


@pytest.fixture
def daily(s3tables: Any, sales: str) -> dict[str, str]:
    """A table `daily` in it, as requests name it."""
    named = {"tableBucketARN": sales, "namespace": "sales", "name": "daily"}
    s3tables.create_table(**named, format="ICEBERG", metadata={"iceberg": {"schema": SCHEMA}})
    return named


def fresh() -> str:
    return f"tables-{uuid.uuid4().hex[:16]}"


def refused(function: Callable[..., Any], *arguments: Any, **members: Any) -> tuple[str, int]:
    """The code and the status with which a call is refused."""
    with pytest.raises(ClientError) as raised:
        function(*arguments, **members)
    response = raised.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def user(aws: Account, *statements: dict[str, Any]) -> dict[str, str]:
    """A user who may do what the statements say: the key, as clients take it."""
    iam, name = aws.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def allow(*actions: str, on: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on}


def catalog(aws: Account, bucket: str, region: str = "us-east-1", **key: str) -> Any:
    """PyIceberg's catalog of a table bucket."""
    from pyiceberg.catalog import load_catalog

    return load_catalog(
        "pileus",
        **{
            "type": "rest",
            "uri": f"{aws.cloud.endpoint}/iceberg",
            "warehouse": bucket,
            "rest.sigv4-enabled": "true",
            "rest.signing-name": "s3tables",
            "rest.signing-region": region,
            "client.access-key-id": key.get("aws_access_key_id", aws.id),
            "client.secret-access-key": key.get("aws_secret_access_key", "test"),
        },
    )
