"""What becomes of a table that is left to itself: small files are put together, and what is old goes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .conftest import catalog, refused

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("pyiceberg", reason="pyiceberg is not installed")
pytest.importorskip("fastavro", reason="fastavro is not installed")

HOUR = 3600
DAY = 24 * HOUR
NAMED = {"namespace": "sales", "name": "daily"}


def filled(aws: Account, bucket: str, times: int = 6, **more: Any) -> Any:
    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    table = tables.create_table("sales.daily", schema=rows(0).schema, **more)
    for number in range(times):
        table.append(rows(number))
    return table


def rows(number: int) -> Any:
    return pa.table({"id": [number, number + 100], "name": ["a", "b"]})


def jobs(s3tables: Any, bucket: str) -> dict[str, str]:
    told = s3tables.get_table_maintenance_job_status(tableBucketARN=bucket, **NAMED)["status"]
    return {kind: job["status"] for kind, job in told.items()}


def test_small_files_are_put_together(aws: Account, cloud: LocalCloud, s3tables: Any, bucket: str) -> None:
    table = filled(aws, bucket)
    assert set(jobs(s3tables, bucket).values()) == {"Not_Yet_Run"}
    before = table.scan().to_arrow().sort_by("id")
    assert len(table.inspect.files()) == 6
    cloud.clock.advance(4 * HOUR)
    table.refresh()
    assert len(table.inspect.files()) == 1
    assert table.current_snapshot().summary.operation.value == "replace"
    assert table.scan().to_arrow().sort_by("id") == before
    assert table.scan(row_filter="id > 104").to_arrow()["id"].to_pylist() == [105]
    assert set(jobs(s3tables, bucket).values()) == {"Successful"}
    table.append(rows(6))
    assert table.scan().count() == 14


def test_files_stay_in_their_partitions(aws: Account, cloud: LocalCloud, bucket: str) -> None:
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import IdentityTransform
    from pyiceberg.types import LongType, NestedField, StringType

    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "name"))
    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    table = tables.create_table("sales.daily", schema=schema, partition_spec=spec)
    for number in range(5):
        table.append(rows(number))
    cloud.clock.advance(4 * HOUR)
    table.refresh()
    assert sorted(each["name"] for each in table.inspect.files()["partition"].to_pylist()) == ["a", "b"]
    assert sorted(table.scan(row_filter="name = 'b'").to_arrow()["id"].to_pylist()) == [100, 101, 102, 103, 104]


def test_rows_are_sorted_as_the_table_says(aws: Account, cloud: LocalCloud, bucket: str) -> None:
    from pyiceberg.schema import Schema
    from pyiceberg.table.sorting import NullOrder, SortDirection, SortField, SortOrder
    from pyiceberg.types import LongType, NestedField, StringType

    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
    order = SortOrder(SortField(1, direction=SortDirection.DESC, null_order=NullOrder.NULLS_LAST))
    table = tables.create_table("sales.daily", schema=schema, sort_order=order)
    for number in range(5):
        table.append(rows(number))
    cloud.clock.advance(4 * HOUR)
    table.refresh()
    assert len(table.inspect.files()) == 1
    assert table.scan().to_arrow()["id"].to_pylist() == [104, 103, 102, 101, 100, 4, 3, 2, 1, 0]


def test_rows_that_are_close_in_two_columns_come_to_lie_together(
    aws: Account, cloud: LocalCloud, s3tables: Any, bucket: str
) -> None:
    from pyiceberg.schema import Schema
    from pyiceberg.table.sorting import SortField, SortOrder
    from pyiceberg.types import LongType, NestedField

    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    schema = Schema(NestedField(1, "x", LongType()), NestedField(2, "y", LongType()))
    table = tables.create_table("sales.daily", schema=schema, sort_order=SortOrder(SortField(1), SortField(2)))
    value = {"settings": {"icebergCompaction": {"strategy": "z-order"}}}
    s3tables.put_table_maintenance_configuration(tableBucketARN=bucket, **NAMED, type="icebergCompaction", value=value)
    for x in range(8):
        table.append(pa.table({"x": [x] * 8, "y": list(range(8))}))
    cloud.clock.advance(4 * HOUR)
    table.refresh()
    assert len(table.inspect.files()) == 1
    found = table.scan().to_arrow().to_pylist()
    for quarter in range(4):
        near = found[16 * quarter : 16 * quarter + 16]
        for name in ("x", "y"):
            assert len({row[name] for row in near}) == 4, "and not all eight of one of them"


def test_nothing_is_done_that_is_disabled(aws: Account, cloud: LocalCloud, s3tables: Any, bucket: str) -> None:
    table = filled(aws, bucket)
    for kind in ("icebergCompaction", "icebergSnapshotManagement"):
        s3tables.put_table_maintenance_configuration(
            tableBucketARN=bucket, **NAMED, type=kind, value={"status": "disabled"}
        )
    cloud.clock.advance(10 * DAY)
    table.refresh()
    assert len(table.inspect.files()) == 6 and len(table.snapshots()) == 6
    assert jobs(s3tables, bucket)["icebergCompaction"] == "Disabled"


def test_old_snapshots_go_and_then_their_files(aws: Account, cloud: LocalCloud, s3tables: Any, bucket: str) -> None:
    s3, table = aws.client("s3"), filled(aws, bucket, 2)
    old = table.inspect.files()["file_path"].to_pylist()
    table.overwrite(rows(7))
    table.manage_snapshots().create_tag(table.snapshots()[0].snapshot_id, "first").commit()
    tagged = table.scan(snapshot_id=table.snapshots()[0].snapshot_id).to_arrow()
    cloud.clock.advance(6 * DAY)
    table.refresh()
    assert len(table.snapshots()) == 2, "the current one, and the one with a tag"
    gone = {path: where(path) for path in old}
    for place in gone.values():
        s3.head_object(**place)
    cloud.clock.advance(15 * DAY)
    table.refresh()
    assert table.scan(snapshot_id=table.refs()["first"].snapshot_id).to_arrow() == tagged
    left = [path for path, place in gone.items() if there(s3, place)]
    assert len(left) == 1, "that of the tag"
    assert table.scan().to_arrow()["id"].to_pylist() == [7, 107]


def test_what_was_never_referred_to_goes(aws: Account, cloud: LocalCloud, s3tables: Any, bucket: str) -> None:
    s3, table = aws.client("s3"), filled(aws, bucket, 1)
    place = where(f"{table.location()}/data/orphan.parquet")
    s3.put_object(**place, Body=b"half a file")
    cloud.clock.advance(4 * DAY)
    assert there(s3, place)
    cloud.clock.advance(15 * DAY)
    assert not there(s3, place)
    assert table.scan().count() == 2


def test_metadata_that_are_none_fail_the_jobs(
    aws: Account, cloud: LocalCloud, s3tables: Any, daily: dict[str, str]
) -> None:
    found = s3tables.get_table_metadata_location(**daily)
    location = f"{found['warehouseLocation']}/metadata/1.metadata.json"
    aws.client("s3").put_object(**where(location), Body=b"[nonsense")
    s3tables.update_table_metadata_location(**daily, versionToken=found["versionToken"], metadataLocation=location)
    cloud.clock.advance(4 * HOUR)
    told = s3tables.get_table_maintenance_job_status(**daily)["status"]["icebergSnapshotManagement"]
    assert told["status"] == "Failed" and told["failureMessage"]
    assert refused(s3tables.delete_table, **daily, versionToken="x") == ("ConflictException", 409)


def test_the_key_of_a_table_must_let_maintenance_in(
    aws: Account, cloud: LocalCloud, s3tables: Any, bucket: str
) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    encryption = {"sseAlgorithm": "aws:kms", "kmsKeyArn": key}
    s3tables.put_table_bucket_encryption(tableBucketARN=bucket, encryptionConfiguration=encryption)
    table = filled(aws, bucket)
    cloud.clock.advance(4 * HOUR)
    assert jobs(s3tables, bucket)["icebergCompaction"] == "Failed"
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    inside = {"StringLike": {"kms:EncryptionContext:aws:s3:arn": f"{bucket}/*"}}
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Service": "maintenance.s3tables.amazonaws.com"},
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": "*",
            "Condition": inside,
        }
    )
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    table.append(rows(6))
    cloud.clock.advance(4 * HOUR)
    assert jobs(s3tables, bucket)["icebergCompaction"] == "Successful"
    table.refresh()
    assert len(table.inspect.files()) == 1 and table.scan().count() == 14


def where(path: str) -> dict[str, str]:
    bucket, _, key = path.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


def there(s3: Any, place: dict[str, str]) -> bool:
    from botocore.exceptions import ClientError

    try:
        s3.head_object(**place)
    except ClientError:
        return False
    return True
