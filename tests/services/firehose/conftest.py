"""A stream that leads to a bucket, and what arrives there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock


class Hose:
    """Streams of one account, and the bucket that they lead to."""

    def __init__(self, account: Account, clock: CloudClock) -> None:
        self.account = account
        self.clock = clock
        self.client = account.client("firehose")
        self.s3 = account.client("s3")
        self.bucket = f"reservoir-{account.id}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.role = f"arn:aws:iam::{account.id}:role/hose"

    @property
    def plain(self) -> dict[str, Any]:
        return {"RoleARN": self.role, "BucketARN": f"arn:aws:s3:::{self.bucket}"}

    def make(self, name: str = "hose", **settings: Any) -> str:
        """A stream, once it is active."""
        self.client.create_delivery_stream(
            DeliveryStreamName=name, ExtendedS3DestinationConfiguration=self.plain | settings
        )
        self.clock.advance(1)
        return name

    def put(self, *records: bytes, name: str = "hose") -> None:
        self.client.put_record_batch(DeliveryStreamName=name, Records=[{"Data": one} for one in records])

    def objects(self) -> dict[str, bytes]:
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {one["Key"]: self.s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read() for one in found}


@pytest.fixture
def hose(aws: Account, clock: CloudClock) -> Hose:
    return Hose(aws, clock)


Make = Callable[..., str]
