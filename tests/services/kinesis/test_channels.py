"""Channels: records of a stream that are carried to S3."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

from .conftest import Make, summary


def objects(s3: Any, bucket: str) -> dict[str, bytes]:
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_a_channel_carries_records_when_they_are_as_old_as_they_may_be(
    kinesis: Any, make: Make, clock: CloudClock, account: Account, refused: Any
) -> None:
    s3, name = account.client("s3"), make(None)
    stream, bucket = summary(kinesis, name)["StreamARN"], f"carried-{account.id}"
    s3.create_bucket(Bucket=bucket)
    place = {"BucketARN": f"arn:aws:s3:::{bucket}", "ExpectedBucketOwner": account.id}
    template = "of/!{timestamp:yyyy-MM}/"

    def create(channel: str, kind: str = "JSON", **more: Any) -> dict[str, Any]:
        told = kinesis.create_channel(
            ChannelName=channel,
            ServiceExecutionRoleARN=f"arn:aws:iam::{account.id}:role/carrier",
            StreamConfigurationList=[{"StreamARN": stream, "RecordConfiguration": {"RecordFormatType": kind}}],
            S3DestinationConfiguration={
                "DataFreshnessInSeconds": 60,
                "StorageConfiguration": place | {"OutputKeyTemplate": template, "CompressionType": "GZIP"} | more,
            },
        )["ChannelDescription"]
        assert isinstance(told, dict)
        return told

    kinesis.put_record(StreamName=name, PartitionKey="k", Data=b'"too early"')
    clock.advance(1)
    made = create(f"channel-of-{name}")
    assert made["ChannelStatus"] == "CREATING"
    assert made["S3DestinationConfiguration"]["DeadLetterQueueS3Configuration"] == place | {
        "ErrorOutputPrefix": "errors/"
    }
    clock.advance(0)
    told = kinesis.describe_channel(ChannelARN=made["ChannelARN"])["ChannelDescription"]
    assert told["ChannelStatus"] == "ACTIVE" and told["S3DestinationConfiguration"]["DataFreshnessInSeconds"] == 60
    for number in range(20):
        kinesis.put_record(StreamName=name, PartitionKey=f"k{number}", Data=b'{"n": %d}' % number)
    kinesis.put_record(StreamName=name, PartitionKey="k", Data=b"no json")
    clock.advance(59)
    assert objects(s3, bucket) == {}
    clock.advance(2)
    found = objects(s3, bucket)
    (good,) = (key for key in found if key.startswith("of/20"))
    (bad,) = (key for key in found if key.startswith("errors/"))
    lines = gzip.decompress(found[good]).splitlines()
    assert sorted(json.loads(line)["n"] for line in lines) == [*range(20)]
    assert base64.b64decode(json.loads(found[bad])["rawData"]) == b"no json"

    arn = made["ChannelARN"]
    updated = kinesis.update_channel(ChannelARN=arn, S3DestinationConfiguration={"DataFreshnessInSeconds": 5})
    assert updated["ChannelDescription"]["ChannelStatus"] == "UPDATING"
    clock.advance(0)
    kinesis.put_record(StreamName=name, PartitionKey="k", Data=b'{"n": 20}')
    clock.advance(6)
    assert len(objects(s3, bucket)) == 3

    # A bucket that is not there is tried again, and what has waited is not lost.
    other = f"later-{account.id}"
    late = create(f"late-{name}", "STRING", BucketARN=f"arn:aws:s3:::{other}", CompressionType="NONE")
    clock.advance(0)
    kinesis.put_record(StreamName=name, PartitionKey="k", Data=b"patience")
    clock.advance(61)
    s3.create_bucket(Bucket=other)
    clock.advance(61)
    assert [*objects(s3, other).values()] == [b"patience\n"]

    listed = kinesis.list_channels(StreamFilter=[{"StreamARN": stream}])["ChannelSummaries"]
    assert [one["ChannelName"] for one in listed] == [f"channel-of-{name}", f"late-{name}"]
    assert {one["ChannelDestinationType"] for one in listed} == {"S3"}
    kinesis.tag_resource(ResourceARN=arn, Tags={"a": "b"})
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    with refused("ResourceInUseException"):
        kinesis.delete_stream(StreamName=name)
    with refused("ResourceInUseException"):
        create(f"channel-of-{name}")
    with refused("ValidationException"):
        create("other", "GSR_JSON")
    with refused("ValidationException"):
        kinesis.update_channel(ChannelARN=arn, S3DestinationConfiguration={"DataFreshnessInSeconds": 0})
    for one in (arn, late["ChannelARN"]):
        kinesis.delete_channel(ChannelARN=one)
    clock.advance(0)
    with refused("ResourceNotFoundException"):
        kinesis.describe_channel(ChannelARN=arn)
    kinesis.delete_stream(StreamName=name)
