"""Metadata tables, read as their users read them: by PyIceberg."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as some

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.services.s3tables.conftest import allow, catalog, user

from .conftest import DAY, fresh, put, refused

pytest.importorskip("pyiceberg", reason="pyiceberg is not installed")
pytest.importorskip("fastavro", reason="fastavro is not installed")

JOURNAL = {"JournalTableConfiguration": {"RecordExpiration": {"Expiration": "DISABLED"}}}
ENABLED = {"InventoryTableConfiguration": {"ConfigurationState": "ENABLED"}}
COLUMNS = (
    "bucket key sequence_number record_type record_timestamp version_id is_delete_marker size last_modified_date e_tag "
    "storage_class is_multipart encryption_status is_bucket_key_enabled kms_key_arn checksum_algorithm object_tags "
    "user_metadata requester source_ip_address request_id"
)
Row = dict[str, Any]


def configure(s3: Any, cloud: LocalCloud, bucket: str, **more: Any) -> None:
    s3.create_bucket_metadata_configuration(Bucket=bucket, MetadataConfiguration={**JOURNAL, **more})
    cloud.clock.advance(2)


def configuration(s3: Any, bucket: str) -> Any:
    told = s3.get_bucket_metadata_configuration(Bucket=bucket)["GetBucketMetadataConfigurationResult"]
    return told["MetadataConfigurationResult"]


def table(aws: Account, bucket: str, name: str = "journal") -> Any:
    arn = f"arn:aws:s3tables:us-east-1:{aws.id}:bucket/aws-s3"
    return catalog(aws, arn).load_table(f"b_{bucket}.{name}")


def rows(aws: Account, bucket: str, name: str = "journal") -> list[Row]:
    told: list[Row] = table(aws, bucket, name).scan().to_arrow().to_pylist()
    return sorted(told, key=lambda row: (row["key"], row["sequence_number"]))


def test_a_journal_tells_what_happens(aws: Account, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    put(s3, bucket, "before", b"x")
    configure(s3, cloud, bucket)
    found = configuration(s3, bucket)
    assert found["DestinationResult"] == {
        "TableBucketType": "aws",
        "TableBucketArn": f"arn:aws:s3tables:us-east-1:{aws.id}:bucket/aws-s3",
        "TableNamespace": f"b_{bucket}",
    }
    journal = found["JournalTableConfigurationResult"]
    assert (journal["TableName"], journal["TableStatus"]) == ("journal", "ACTIVE")
    assert found["InventoryTableConfigurationResult"] == {"ConfigurationState": "DISABLED"}
    told = put(s3, bucket, "a", b"hello", Metadata={"m": "n"}, Tagging="t=u", ChecksumAlgorithm="SHA256")
    s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": [{"Key": "t", "Value": "v"}]})
    s3.delete_object(Bucket=bucket, Key="a")
    cloud.clock.advance(180)
    made = table(aws, bucket)
    assert " ".join(field.name for field in made.schema().fields) == COLUMNS
    first, second, third = rows(aws, bucket)
    assert [row["record_type"] for row in (first, second, third)] == ["CREATE", "UPDATE_METADATA", "DELETE"]
    assert (first["bucket"], first["size"], first["e_tag"]) == (bucket, 5, told["ETag"].strip('"'))
    assert (first["storage_class"], first["encryption_status"]) == ("STANDARD", "SSE-S3")
    assert (first["is_multipart"], first["is_delete_marker"], first["version_id"]) == (False, False, None)
    assert (first["object_tags"], first["user_metadata"]) == ([("t", "u")], [("m", "n")])
    assert first["checksum_algorithm"] == "SHA256"
    assert (first["requester"], first["source_ip_address"]) == (aws.id, "127.0.0.1")
    assert first["request_id"] == told["ResponseMetadata"]["RequestId"]
    assert second["object_tags"] == [("t", "v")]
    assert (third["size"], third["e_tag"], third["object_tags"]) == (None, None, None)


def test_versions_and_delete_markers_in_a_journal(aws: Account, cloud: LocalCloud, s3: Any, versioned: str) -> None:
    configure(s3, cloud, versioned)
    version = put(s3, versioned, "a", b"1")["VersionId"]
    marker = s3.delete_object(Bucket=versioned, Key="a")["VersionId"]
    s3.delete_object(Bucket=versioned, Key="a", VersionId=version)
    upload = s3.create_multipart_upload(Bucket=versioned, Key="b")["UploadId"]
    part = s3.upload_part(Bucket=versioned, Key="b", UploadId=upload, PartNumber=1, Body=b"part")
    s3.complete_multipart_upload(
        Bucket=versioned,
        Key="b",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    cloud.clock.advance(180)
    told = [(r["key"], r["record_type"], r["is_delete_marker"], r["version_id"]) for r in rows(aws, versioned)]
    assert told[:3] == [
        ("a", "CREATE", False, version),
        ("a", "DELETE", True, marker),
        ("a", "DELETE", False, version),
    ]
    assert rows(aws, versioned)[3]["is_multipart"] is True


def test_what_lifecycle_does_is_s3s_own_doing(aws: Account, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    configure(s3, cloud, bucket)
    put(s3, bucket, "a", b"1")
    rule = {"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    cloud.clock.advance(3 * DAY)
    last = rows(aws, bucket)[-1]
    assert (last["record_type"], last["requester"], last["source_ip_address"]) == ("DELETE", "s3.amazonaws.com", None)


def test_a_live_inventory_has_all_that_is_there(aws: Account, cloud: LocalCloud, s3: Any, versioned: str) -> None:
    for key in ("a", "b", "c"):
        put(s3, versioned, key, b"1")
    configure(s3, cloud, versioned, **ENABLED)
    found = configuration(s3, versioned)["InventoryTableConfigurationResult"]
    assert (found["ConfigurationState"], found["TableStatus"], found["TableName"]) == ("ENABLED", "ACTIVE", "inventory")
    assert [row["key"] for row in rows(aws, versioned, "inventory")] == ["a", "b", "c"]
    assert "record_type" not in rows(aws, versioned, "inventory")[0]
    put(s3, versioned, "b", b"22")
    put(s3, versioned, "0", b"333")
    s3.delete_object(Bucket=versioned, Key="c")
    gone = s3.list_object_versions(Bucket=versioned, Prefix="a")["Versions"][0]["VersionId"]
    s3.delete_object(Bucket=versioned, Key="a", VersionId=gone)
    cloud.clock.advance(3600)
    told = [(row["key"], row["size"], row["is_delete_marker"]) for row in rows(aws, versioned, "inventory")]
    assert sorted(told, key=str) == sorted(
        [("0", 3, False), ("b", 2, False), ("b", 1, False), ("c", None, True), ("c", 1, False)], key=str
    )
    changed = {row["sequence_number"] for row in rows(aws, versioned)}
    newest = next(row for row in rows(aws, versioned, "inventory") if row["size"] == 2)
    assert newest["sequence_number"] in changed, "the journal and the inventory can be joined"


def test_an_inventory_of_several_files_has_each_version_once(
    aws: Account, cloud: LocalCloud, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pileus.services.s3 import live_inventories

    monkeypatch.setattr(live_inventories, "ROWS", 2)
    names = [f"{letter}{digit}" for letter in "abcdef" for digit in "12"]
    for key in names:
        put(s3, bucket, key, b"1")
    configure(s3, cloud, bucket, **ENABLED)
    files = table(aws, bucket, "inventory").inspect.files()
    assert len(files) == 6
    cloud.clock.advance(6 * 3600)
    put(s3, bucket, "c1", b"22")
    put(s3, bucket, "c15", b"333")
    put(s3, bucket, "0", b"4444")
    s3.delete_object(Bucket=bucket, Key="e1")
    s3.delete_object(Bucket=bucket, Key="e2")
    cloud.clock.advance(1200)
    told = {row["key"]: row["size"] for row in rows(aws, bucket, "inventory")}
    assert sorted(told) == sorted({*names, "c15", "0"} - {"e1", "e2"})
    assert (told["c1"], told["c15"], told["0"], told["f2"]) == (2, 3, 4, 1)
    assert len(rows(aws, bucket, "inventory")) == len(told)
    kept = set(files["file_path"].to_pylist())
    assert len(kept & set(table(aws, bucket, "inventory").inspect.files()["file_path"].to_pylist())) == 3


@given(some.randoms(use_true_random=False))
@settings(max_examples=6)
def test_whatever_happens_the_tables_tell_the_same_as_a_list(cloud: LocalCloud, random: Random) -> None:
    from pileus.services.s3 import live_inventories

    aws, bucket = cloud.account(), fresh()
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rows_before, live_inventories.ROWS = live_inventories.ROWS, 3
    try:
        configure(s3, cloud, bucket, **ENABLED)
        for _ in range(2):
            for _ in range(25):
                happens(s3, bucket, random)
            cloud.clock.advance(1200)
            listed = s3.list_object_versions(Bucket=bucket)
            there = {(each["Key"], each["VersionId"], each["Size"]) for each in listed.get("Versions", [])}
            there |= {(each["Key"], each["VersionId"], None) for each in listed.get("DeleteMarkers", [])}
            told = [(row["key"], row["version_id"], row["size"]) for row in rows(aws, bucket, "inventory")]
            assert sorted(told, key=str) == sorted(there, key=str)
            assert replayed(rows(aws, bucket)) == {(key, version) for key, version, _ in there}
    finally:
        live_inventories.ROWS = rows_before


def happens(s3: Any, bucket: str, random: Random) -> None:
    """Something, to one of a few keys."""
    key = random.choice("abcdefgh")
    listed = s3.list_object_versions(Bucket=bucket, Prefix=key)
    versions = [each["VersionId"] for name in ("Versions", "DeleteMarkers") for each in listed.get(name, [])]
    if versions and random.random() < 0.3:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=random.choice(versions))
    elif random.random() < 0.3:
        s3.delete_object(Bucket=bucket, Key=key)
    else:
        put(s3, bucket, key, b"x" * random.randrange(9))


def replayed(journal: list[Row]) -> set[tuple[str, str]]:
    """The versions that there are after all that a journal tells."""
    there: set[tuple[str, str]] = set()
    for row in sorted(journal, key=lambda row: row["sequence_number"]):
        version = (row["key"], row["version_id"])
        comes = row["record_type"] == "CREATE" or (row["is_delete_marker"] and version not in there)
        (there.add if comes else there.discard)(version)
    return there


def test_an_inventory_that_is_turned_off_and_on(aws: Account, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    configure(s3, cloud, bucket)
    update, on = s3.update_bucket_metadata_inventory_table_configuration, {"ConfigurationState": "ENABLED"}
    update(Bucket=bucket, InventoryTableConfiguration=on)
    cloud.clock.advance(2)
    arn = configuration(s3, bucket)["InventoryTableConfigurationResult"]["TableArn"]
    update(Bucket=bucket, InventoryTableConfiguration={"ConfigurationState": "DISABLED"})
    assert configuration(s3, bucket)["InventoryTableConfigurationResult"] == {"ConfigurationState": "DISABLED"}
    update(Bucket=bucket, InventoryTableConfiguration=on)
    cloud.clock.advance(2)
    told = configuration(s3, bucket)["InventoryTableConfigurationResult"]
    assert (told["TableStatus"], told["Error"]["ErrorCode"]) == ("FAILED", "InventoryTableAlreadyExists")
    named = {"tableBucketARN": arn.partition("/table/")[0], "namespace": f"b_{bucket}", "name": "inventory"}
    aws.client("s3tables").delete_table(**named)
    update(Bucket=bucket, InventoryTableConfiguration={"ConfigurationState": "DISABLED"})
    update(Bucket=bucket, InventoryTableConfiguration=on)
    cloud.clock.advance(2)
    assert configuration(s3, bucket)["InventoryTableConfigurationResult"]["TableStatus"] == "ACTIVE"


def test_only_s3_writes_into_its_tables(aws: Account, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    configure(s3, cloud, bucket)
    s3tables = aws.client("s3tables")
    arn = f"arn:aws:s3tables:us-east-1:{aws.id}:bucket/aws-s3"
    assert s3tables.get_table_bucket(tableBucketARN=arn)["type"] == "aws"
    named = {"tableBucketARN": arn, "namespace": f"b_{bucket}", "name": "journal"}
    found = s3tables.get_table(**named)
    assert (found["type"], found["managedByService"]) == ("aws", "metadata.s3.amazonaws.com")
    place = {"Bucket": found["warehouseLocation"].removeprefix("s3://"), "Key": "x"}
    assert refused(s3.put_object, **place) == ("AccessDenied", 403)
    assert refused(s3tables.create_namespace, tableBucketARN=arn, namespace=["mine"]) == ("ForbiddenException", 403)
    assert refused(s3tables.rename_table, **named, newName="mine") == ("ForbiddenException", 403)
    assert refused(s3tables.create_table_bucket, name="aws-s3") == ("BadRequestException", 400)


def test_a_configuration_comes_and_goes(aws: Account, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    missing = ("MetadataConfigurationNotFound", 404)
    assert refused(s3.get_bucket_metadata_configuration, Bucket=bucket) == missing
    short = {"JournalTableConfiguration": {"RecordExpiration": {"Expiration": "ENABLED", "Days": 6}}}
    create = s3.create_bucket_metadata_configuration
    assert refused(create, Bucket=bucket, MetadataConfiguration=short) == ("InvalidArgument", 400)
    configure(s3, cloud, bucket)
    assert refused(create, Bucket=bucket, MetadataConfiguration=JOURNAL)[1] == 409
    assert refused(s3.get_bucket_metadata_table_configuration, Bucket=bucket) == ("MethodNotAllowed", 405)
    assert refused(s3.delete_bucket_metadata_table_configuration, Bucket=bucket) == ("MethodNotAllowed", 405)
    put(s3, bucket, "a", b"1")
    cloud.clock.advance(180)
    s3.delete_bucket_metadata_configuration(Bucket=bucket)
    assert refused(s3.get_bucket_metadata_configuration, Bucket=bucket) == missing
    put(s3, bucket, "b", b"1")
    cloud.clock.advance(180)
    assert [row["key"] for row in rows(aws, bucket)] == ["a"], "the table stays as it is"
    configure(s3, cloud, bucket)
    told = configuration(s3, bucket)["JournalTableConfigurationResult"]
    assert (told["TableStatus"], told["Error"]["ErrorCode"]) == ("FAILED", "JournalTableAlreadyExists")


def test_rows_of_a_journal_expire(aws: Account, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    configure(s3, cloud, bucket)
    arn = configuration(s3, bucket)["JournalTableConfigurationResult"]["TableArn"]
    s3.update_bucket_metadata_journal_table_configuration(
        Bucket=bucket, JournalTableConfiguration={"RecordExpiration": {"Expiration": "ENABLED", "Days": 7}}
    )
    s3tables = aws.client("s3tables")
    told = s3tables.get_table_record_expiration_configuration(tableArn=arn)["configuration"]
    assert told == {"status": "enabled", "settings": {"days": 7}}
    put(s3, bucket, "old", b"1")
    cloud.clock.advance(5 * DAY)
    put(s3, bucket, "young", b"1")
    cloud.clock.advance(3 * DAY)
    assert [row["key"] for row in rows(aws, bucket)] == ["young"]
    job = s3tables.get_table_record_expiration_job_status(tableArn=arn)
    assert job["status"] == "Successful"
    expiration = {"Expiration": "ENABLED", "Days": 7}
    assert configuration(s3, bucket)["JournalTableConfigurationResult"]["RecordExpiration"] == expiration


def test_who_may_not_make_tables_gets_none(aws: Account, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    import boto3

    key = user(aws, allow("s3:*"))
    theirs = boto3.client("s3", endpoint_url=cloud.endpoint, region_name="us-east-1", **key)
    theirs.create_bucket_metadata_configuration(Bucket=bucket, MetadataConfiguration=JOURNAL)
    cloud.clock.advance(2)
    told = configuration(s3, bucket)["JournalTableConfigurationResult"]
    assert (told["TableStatus"], told["Error"]["ErrorCode"]) == ("FAILED", "AccessDeniedCreatingResources")


def test_the_key_of_a_journal_must_let_s3_metadata_in(aws: Account, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    encryption = {"EncryptionConfiguration": {"SseAlgorithm": "aws:kms", "KmsKeyArn": key}}
    journal = JOURNAL["JournalTableConfiguration"] | encryption
    let = {
        "Effect": "Allow",
        "Principal": {"Service": "metadata.s3.amazonaws.com"},
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": "*",
    }
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    policy["Statement"].append(let)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    configure(s3, cloud, bucket, JournalTableConfiguration=journal)
    put(s3, bucket, "a", b"1")
    cloud.clock.advance(180)
    assert [row["key"] for row in rows(aws, bucket)] == ["a"]
    path = table(aws, bucket).inspect.files()["file_path"].to_pylist()[0]
    warehouse, _, name = path.removeprefix("s3://").partition("/")
    assert s3.head_object(Bucket=warehouse, Key=name)["SSEKMSKeyId"] == key
    policy["Statement"].pop()
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    put(s3, bucket, "b", b"1")
    cloud.clock.advance(180)
    told = configuration(s3, bucket)["JournalTableConfigurationResult"]
    assert (told["TableStatus"], told["Error"]["ErrorCode"]) == ("FAILED", "AccessDeniedWritingToTable")


def test_a_bucket_may_go_with_its_configuration(aws: Account, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    configure(s3, cloud, bucket, **ENABLED)
    put(s3, bucket, "a", b"1")
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_bucket(Bucket=bucket)
    cloud.clock.advance(3600)
    assert table(aws, bucket).scan().count() == 0, "nobody is left to tell of"
    s3.create_bucket(Bucket=bucket)
    assert refused(s3.get_bucket_metadata_configuration, Bucket=bucket)[1] == 404


def test_version_one_writes_into_a_table_bucket_of_ones_own(
    aws: Account, cloud: LocalCloud, s3: Any, bucket: str
) -> None:
    arn = aws.client("s3tables").create_table_bucket(name=fresh())["arn"]
    to = {"S3TablesDestination": {"TableBucketArn": arn, "TableName": "mine"}}
    s3.create_bucket_metadata_table_configuration(Bucket=bucket, MetadataTableConfiguration=to)
    cloud.clock.advance(2)
    told = s3.get_bucket_metadata_table_configuration(Bucket=bucket)["GetBucketMetadataTableConfigurationResult"]
    assert told["Status"] == "ACTIVE"
    destination = told["MetadataTableConfigurationResult"]["S3TablesDestinationResult"]
    assert (destination["TableNamespace"], destination["TableName"]) == ("aws_s3_metadata", "mine")
    assert configuration(s3, bucket)["DestinationResult"]["TableBucketType"] == "customer"
    put(s3, bucket, "a", b"1")
    cloud.clock.advance(180)
    assert catalog(aws, arn).load_table("aws_s3_metadata.mine").scan().count() == 1
    s3.delete_bucket_metadata_table_configuration(Bucket=bucket)
    nowhere = {"S3TablesDestination": {"TableBucketArn": f"{arn}-not", "TableName": "mine"}}
    s3.create_bucket_metadata_table_configuration(Bucket=bucket, MetadataTableConfiguration=nowhere)
    cloud.clock.advance(2)
    told = s3.get_bucket_metadata_table_configuration(Bucket=bucket)["GetBucketMetadataTableConfigurationResult"]
    assert (told["Status"], told["Error"]["ErrorCode"]) == ("FAILED", "TableBucketNotFound")


def test_without_what_writes_tables_it_says_so(s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(ClientError) as raised:
        s3.create_bucket_metadata_configuration(Bucket=bucket, MetadataConfiguration=JOURNAL)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "pileus[tables]" in raised.value.response["Error"]["Message"]
