"""What the tests of S3 share. Bucket names are unique in the cloud, so each test makes up its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account
from pileus.testing.local import CloudClock

DAY = 86_400


@pytest.fixture
def s3(aws: Account) -> Any:
    return aws.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = fresh()
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def noon(clock: CloudClock, cloud: LocalCloud) -> Iterator[float]:
    """It is noon UTC, so that midnights are twelve hours away."""
    now = cloud.clock.now()
    cloud.clock.advance(DAY - now % DAY + DAY / 2)
    return cloud.clock.now()


def fresh() -> str:
    return f"bucket-{uuid.uuid4().hex[:16]}"


def refused(function: Callable[..., Any], **members: Any) -> tuple[str, int]:
    """The code and the status with which a call is refused."""
    with pytest.raises(ClientError) as raised:
        function(**members)
    response = raised.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def put(s3: Any, bucket: str, key: str, body: bytes = b"", **members: Any) -> Any:
    return s3.put_object(Bucket=bucket, Key=key, Body=body, **members)


def read(s3: Any, bucket: str, key: str, **members: Any) -> bytes:
    content: bytes = s3.get_object(Bucket=bucket, Key=key, **members)["Body"].read()
    return content
