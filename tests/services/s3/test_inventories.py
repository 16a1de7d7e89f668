"""Inventories and Intelligent-Tiering on the cloud's clock."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .conftest import DAY, fresh, put, read, refused
from .test_lifecycle import LARGE
from .test_notifications import Inbox, configured

FIELDS = ["Size", "ETag", "LastModifiedDate", "StorageClass", "IsMultipartUploaded", "EncryptionStatus"]


@pytest.fixture
def shelf(s3: Any, bucket: str) -> Iterator[str]:
    """A bucket that takes the reports of another, for the time of a test: later ones let years pass."""
    name = fresh()
    s3.create_bucket(Bucket=name)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    yield name
    for each in s3.list_bucket_inventory_configurations(Bucket=bucket).get("InventoryConfigurationList", []):
        s3.delete_bucket_inventory_configuration(Bucket=bucket, Id=each["Id"])
    for each in s3.list_bucket_analytics_configurations(Bucket=bucket).get("AnalyticsConfigurationList", []):
        s3.delete_bucket_analytics_configuration(Bucket=bucket, Id=each["Id"])


def asked(s3: Any, bucket: str, shelf: str, form: str = "CSV", versions: str = "All", **more: Any) -> None:
    content = {
        "Id": "list",
        "IsEnabled": True,
        "IncludedObjectVersions": versions,
        "Schedule": {"Frequency": "Daily"},
        "OptionalFields": FIELDS,
        "Destination": {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{shelf}", "Format": form, "Prefix": "inv"}},
        **more,
    }
    s3.put_bucket_inventory_configuration(Bucket=bucket, Id="list", InventoryConfiguration=content)


def keys(s3: Any, bucket: str, ending: str = "") -> list[str]:
    found = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return [key for key in found if key.endswith(ending)]


def test_a_daily_list_of_all_versions(noon: float, cloud: LocalCloud, s3: Any, versioned: str, shelf: str) -> None:
    first = put(s3, versioned, "a b", b"1")
    second = put(s3, versioned, "a b", b"12")
    marker = s3.delete_object(Bucket=versioned, Key="a b")
    put(s3, versioned, "c", b"123", StorageClass="GLACIER_IR")
    asked(s3, versioned, shelf)
    cloud.clock.advance(DAY / 2 - 1)
    assert keys(s3, shelf) == []
    cloud.clock.advance(2)
    day = datetime.fromtimestamp(noon + DAY / 2, UTC)
    place = f"inv/{versioned}/list"
    (manifest_key,) = keys(s3, shelf, "manifest.json")
    assert manifest_key == f"{place}/{day:%Y-%m-%d}T00-00Z/manifest.json"
    body = read(s3, shelf, manifest_key)
    assert read(s3, shelf, manifest_key.replace(".json", ".checksum")).decode() == hashlib.md5(body).hexdigest()
    manifest = json.loads(body)
    assert (manifest["sourceBucket"], manifest["destinationBucket"]) == (versioned, f"arn:aws:s3:::{shelf}")
    assert (manifest["version"], manifest["fileFormat"]) == ("2016-11-30", "CSV")
    (file,) = manifest["files"]
    data = read(s3, shelf, file["key"])
    assert (file["size"], file["MD5checksum"]) == (len(data), hashlib.md5(data).hexdigest())
    assert (
        read(s3, shelf, f"{place}/hive/dt={day:%Y-%m-%d}-00-00/symlink.txt") == f"s3://{shelf}/{file['key']}".encode()
    )
    columns = manifest["fileSchema"].split(", ")
    rows = [dict(zip(columns, row, strict=True)) for row in csv.reader(io.StringIO(gzip.decompress(data).decode()))]
    told = [
        (unquote_plus(row["Key"]), row["VersionId"], row["IsLatest"], row["IsDeleteMarker"], row["Size"])
        for row in rows
    ]
    assert told[:3] == [
        ("a b", marker["VersionId"], "true", "true", ""),
        ("a b", second["VersionId"], "false", "false", "2"),
        ("a b", first["VersionId"], "false", "false", "1"),
    ]
    assert (rows[3]["StorageClass"], rows[3]["EncryptionStatus"]) == ("GLACIER_IR", "SSE-S3")
    cloud.clock.advance(DAY)
    assert len(keys(s3, shelf, "manifest.json")) == 2


def test_grants_are_listed(noon: float, cloud: LocalCloud, s3: Any, bucket: str, shelf: str) -> None:
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)
    s3.delete_public_access_block(Bucket=bucket)
    put(s3, bucket, "a", b"x", ACL="public-read")
    asked(s3, bucket, shelf, versions="Current", OptionalFields=["ObjectAccessControlList", "ObjectOwner"])
    cloud.clock.advance(DAY)
    (key,) = keys(s3, shelf, ".csv.gz")
    (row,) = csv.reader(io.StringIO(gzip.decompress(read(s3, shelf, key)).decode()))
    told = json.loads(base64.b64decode(row[2]))
    assert (told["version"], told["status"]) == ("2022-11-10", "AVAILABLE")
    me = s3.list_buckets()["Owner"]["ID"]
    assert row[3] == me
    assert told["grants"] == [
        {"type": "CanonicalUser", "permission": "FULL_CONTROL", "canonicalId": me},
        {"type": "Group", "permission": "READ", "uri": "http://acs.amazonaws.com/groups/global/AllUsers"},
    ]


def test_holds_and_days_from_which_tiering_counts(
    noon: float, cloud: LocalCloud, s3: Any, versioned: str, shelf: str
) -> None:
    bucket = versioned
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    hold = {"ObjectLockEventHold": "ON", "ObjectLockEventHoldDurationDays": 3}
    put(s3, bucket, "a", b"x" * 200_000, StorageClass="INTELLIGENT_TIERING", **hold)
    put(s3, bucket, "b", b"x")
    fields = ["ObjectLockEventHoldStatus", "IntelligentTieringReferenceDate"]
    asked(s3, bucket, shelf, versions="Current", OptionalFields=fields)
    cloud.clock.advance(DAY)
    (key,) = keys(s3, shelf, ".csv.gz")
    first, second = csv.reader(io.StringIO(gzip.decompress(read(s3, shelf, key)).decode()))
    day = datetime.fromtimestamp(noon, UTC)
    assert (first[2], first[3][:10]) == ("ON", f"{day:%Y-%m-%d}")
    assert second[2:] == ["OFF", ""]


def test_parquet_once_a_week(noon: float, cloud: LocalCloud, s3: Any, bucket: str, shelf: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for number in range(3):
        put(s3, bucket, f"in/{number}", b"x" * number)
    put(s3, bucket, "out", b"")
    asked(s3, bucket, shelf, "Parquet", "Current", Schedule={"Frequency": "Weekly"}, Filter={"Prefix": "in/"})
    cloud.clock.advance(7 * DAY)
    (key,) = keys(s3, shelf, ".parquet")
    table = parquet.read_table(io.BytesIO(read(s3, shelf, key))).to_pydict()
    assert (table["key"], table["size"]) == (["in/0", "in/1", "in/2"], [0, 1, 2])
    (manifest,) = keys(s3, shelf, "manifest.json")
    assert datetime.strptime(manifest.split("/")[3], "%Y-%m-%dT%H-%MZ").weekday() == 6


def test_what_may_not_come_in_is_not_delivered(
    noon: float,
    cloud: LocalCloud,
    s3: Any,
    bucket: str,
    shelf: str,
) -> None:
    s3.delete_bucket_policy(Bucket=shelf)
    asked(s3, bucket, shelf)
    cloud.clock.advance(DAY)
    assert keys(s3, shelf) == []


def test_intelligent_tiering(noon: float, cloud: LocalCloud, aws: Account, s3: Any, bucket: str) -> None:
    tierings = [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}, {"Days": 180, "AccessTier": "DEEP_ARCHIVE_ACCESS"}]
    content = {"Id": "cold", "Status": "Enabled", "Tierings": tierings}
    short = content | {"Tierings": [{"Days": 30, "AccessTier": "ARCHIVE_ACCESS"}]}
    put_configuration = s3.put_bucket_intelligent_tiering_configuration
    assert refused(put_configuration, Bucket=bucket, Id="cold", IntelligentTieringConfiguration=short) == (
        "InvalidArgument",
        400,
    )
    put_configuration(Bucket=bucket, Id="cold", IntelligentTieringConfiguration=content)
    for key in ("idle", "busy"):
        put(s3, bucket, key, LARGE, StorageClass="INTELLIGENT_TIERING")
    put(s3, bucket, "small", b"x", StorageClass="INTELLIGENT_TIERING")
    cloud.clock.advance(60 * DAY)
    assert read(s3, bucket, "busy") == LARGE
    inbox = Inbox(aws, bucket)
    configured(s3, bucket, inbox, "s3:IntelligentTiering")
    cloud.clock.advance(31 * DAY)
    assert s3.head_object(Bucket=bucket, Key="idle")["ArchiveStatus"] == "ARCHIVE_ACCESS"
    assert refused(s3.get_object, Bucket=bucket, Key="idle") == ("InvalidObjectState", 403)
    assert read(s3, bucket, "busy") == LARGE
    assert read(s3, bucket, "small") == b"x"
    (told,) = inbox.records(cloud)
    assert told["intelligentTieringEventData"] == {"destinationAccessTier": "ARCHIVE_ACCESS"}
    cloud.clock.advance(90 * DAY)
    assert s3.head_object(Bucket=bucket, Key="idle")["ArchiveStatus"] == "DEEP_ARCHIVE_ACCESS"
    s3.restore_object(Bucket=bucket, Key="idle", RestoreRequest={})
    assert s3.head_object(Bucket=bucket, Key="idle")["Restore"] == 'ongoing-request="true"'
    cloud.clock.advance(13 * 3600)
    head = s3.head_object(Bucket=bucket, Key="idle")
    assert "ArchiveStatus" not in head and "Restore" not in head
    assert read(s3, bucket, "idle") == LARGE


def test_storage_class_analysis(noon: float, cloud: LocalCloud, s3: Any, bucket: str, shelf: str) -> None:
    put(s3, bucket, "in/old", b"x" * 2 * 1024 * 1024)
    cloud.clock.advance(20 * DAY)
    to = {"Bucket": f"arn:aws:s3:::{shelf}", "Format": "CSV", "Prefix": "analysis"}
    export = {"OutputSchemaVersion": "V_1", "Destination": {"S3BucketDestination": to}}
    content = {"Id": "a", "Filter": {"Prefix": "in/"}, "StorageClassAnalysis": {"DataExport": export}}
    s3.put_bucket_analytics_configuration(Bucket=bucket, Id="a", AnalyticsConfiguration=content)
    put(s3, bucket, "in/new", b"x" * 1024 * 1024)
    put(s3, bucket, "out", b"x")
    for _ in range(2):
        read(s3, bucket, "in/old")
    cloud.clock.advance(DAY)
    (key,) = keys(s3, shelf)
    day = datetime.fromtimestamp(noon + 20 * DAY, UTC)
    assert key == f"analysis/{bucket}/a/{day:%Y-%m-%d}.csv"
    rows = {row["ObjectAge"]: row for row in csv.DictReader(io.StringIO(read(s3, shelf, key).decode()))}
    assert rows.keys() == {"000-014", "015-029", "ALL"}
    old, everything = rows["015-029"], rows["ALL"]
    assert (old["ObjectCount"], float(old["Storage_MB"]), float(old["DataRetrieved_MB"])) == ("1", 2.0, 4.0)
    assert (old["GetRequestCount"], float(old["CumulativeAccessRatio"])) == ("2", 2.0)
    assert (everything["ObjectCount"], float(everything["DataUploaded_MB"])) == ("2", 1.0)
    cloud.clock.advance(DAY)
    assert len(keys(s3, shelf)) == 2
