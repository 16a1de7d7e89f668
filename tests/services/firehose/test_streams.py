"""Streams as such: what they are told, and what they tell."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Hose


def test_a_stream_is_created_and_active_a_little_later(hose: Hose) -> None:
    made = hose.client.create_delivery_stream(DeliveryStreamName="hose", ExtendedS3DestinationConfiguration=hose.plain)
    assert made["DeliveryStreamARN"] == f"arn:aws:firehose:us-east-1:{hose.account.id}:deliverystream/hose"

    def told() -> dict[str, Any]:
        described: dict[str, Any] = hose.client.describe_delivery_stream(DeliveryStreamName="hose")
        found: dict[str, Any] = described["DeliveryStreamDescription"]
        return found

    assert told()["DeliveryStreamStatus"] == "CREATING"
    hose.clock.advance(1)
    assert (told()["DeliveryStreamStatus"], told()["VersionId"]) == ("ACTIVE", "1")
    (destination,) = told()["Destinations"]
    extended = destination["ExtendedS3DestinationDescription"]
    assert extended["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 300}
    assert (extended["CompressionFormat"], extended["S3BackupMode"]) == ("UNCOMPRESSED", "Disabled")
    assert destination["S3DestinationDescription"]["BucketARN"] == hose.plain["BucketARN"]


def test_a_deleted_stream_is_gone_a_little_later(hose: Hose, refused: Any) -> None:
    hose.make()
    hose.put(b"lost")
    hose.client.delete_delivery_stream(DeliveryStreamName="hose")
    hose.clock.advance(1)
    with refused("ResourceNotFoundException", f"Firehose hose under account {hose.account.id} not found."):
        hose.client.describe_delivery_stream(DeliveryStreamName="hose")
    hose.clock.advance(600)
    assert hose.objects() == {}


def test_names_are_taken_once(hose: Hose, refused: Any) -> None:
    hose.make()
    with refused("ResourceInUseException"):
        hose.make()


def test_streams_are_listed_by_name(hose: Hose) -> None:
    for name in ("c", "a", "b"):
        hose.make(name)
    first = hose.client.list_delivery_streams(Limit=2)
    assert (first["DeliveryStreamNames"], first["HasMoreDeliveryStreams"]) == (["a", "b"], True)
    rest = hose.client.list_delivery_streams(ExclusiveStartDeliveryStreamName="b")
    assert (rest["DeliveryStreamNames"], rest["HasMoreDeliveryStreams"]) == (["c"], False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Prefix": "!{timestamp:yyyy}/"}, "ErrorOutputPrefix cannot be null"),
        ({"Prefix": "!{weather:today}/", "ErrorOutputPrefix": "e/"}, "Invalid expression"),
        ({"Prefix": "!{firehose:error-output-type}/", "ErrorOutputPrefix": "e/"}, "error-output-type"),
        ({"Prefix": "!{partitionKeyFromQuery:a}/", "ErrorOutputPrefix": "e/"}, "dynamic partitioning"),
        ({"S3BackupMode": "Enabled"}, "S3BackupConfiguration is required"),
        ({"DynamicPartitioningConfiguration": {"Enabled": True}}, "dynamic partitioning"),
    ],
)
def test_a_wrong_destination_is_refused(hose: Hose, refused: Any, settings: dict[str, Any], message: str) -> None:
    with refused("InvalidArgumentException", message):
        hose.make(**settings)
    assert hose.client.list_delivery_streams()["DeliveryStreamNames"] == []


def test_there_is_exactly_one_destination(hose: Hose, refused: Any) -> None:
    with refused("InvalidArgumentException", "Exactly one destination"):
        hose.client.create_delivery_stream(DeliveryStreamName="hose")


def test_an_update_needs_the_present_version(hose: Hose, refused: Any) -> None:
    hose.make()
    change = {
        "DeliveryStreamName": "hose",
        "DestinationId": "destinationId-000000000001",
        "ExtendedS3DestinationUpdate": {"Prefix": "new/", "BufferingHints": {"IntervalInSeconds": 60}},
    }
    with refused("ConcurrentModificationException"):
        hose.client.update_destination(CurrentDeliveryStreamVersionId="9", **change)
    hose.client.update_destination(CurrentDeliveryStreamVersionId="1", **change)
    told = hose.client.describe_delivery_stream(DeliveryStreamName="hose")["DeliveryStreamDescription"]
    extended = told["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert (told["VersionId"], extended["Prefix"]) == ("2", "new/")
    assert extended["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 60}


def test_tags(hose: Hose) -> None:
    hose.make()
    hose.client.tag_delivery_stream(
        DeliveryStreamName="hose", Tags=[{"Key": "team", "Value": "red"}, {"Key": "floor", "Value": "2"}]
    )
    hose.client.untag_delivery_stream(DeliveryStreamName="hose", TagKeys=["team"])
    assert hose.client.list_tags_for_delivery_stream(DeliveryStreamName="hose")["Tags"] == [
        {"Key": "floor", "Value": "2"}
    ]


def test_encryption_by_a_key_that_is_there(hose: Hose, refused: Any) -> None:
    hose.make()
    key = hose.account.client("kms").create_key()["KeyMetadata"]["Arn"]
    hose.client.start_delivery_stream_encryption(
        DeliveryStreamName="hose",
        DeliveryStreamEncryptionConfigurationInput={"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key},
    )
    told = hose.client.describe_delivery_stream(DeliveryStreamName="hose")["DeliveryStreamDescription"]
    assert told["DeliveryStreamEncryptionConfiguration"] == {
        "KeyType": "CUSTOMER_MANAGED_CMK",
        "KeyARN": key,
        "Status": "ENABLED",
    }
    assert hose.client.put_record(DeliveryStreamName="hose", Record={"Data": b"x"})["Encrypted"] is True
    hose.client.stop_delivery_stream_encryption(DeliveryStreamName="hose")
    assert hose.client.put_record(DeliveryStreamName="hose", Record={"Data": b"x"})["Encrypted"] is False
    signing = hose.account.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    for other in (key[:-1] + ("1" if key.endswith("0") else "0"), signing["Arn"]):
        with refused("InvalidKMSResourceException"):
            hose.client.start_delivery_stream_encryption(
                DeliveryStreamName="hose",
                DeliveryStreamEncryptionConfigurationInput={"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": other},
            )
