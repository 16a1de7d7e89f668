"""Tables that have read-only copies elsewhere, and how those follow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .conftest import catalog, fresh, refused

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("pyiceberg", reason="pyiceberg is not installed")
pytest.importorskip("fastavro", reason="fastavro is not installed")

DAY = 86_400
NAMED = {"namespace": "sales", "name": "daily"}
ROWS = pa.table({"id": [1, 2], "name": ["a", "b"]})


def role(aws: Account, *actions: str) -> str:
    """A role that replication may take on, and what it may do."""
    iam, name = aws.client("iam"), fresh()
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "replication.s3tables.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": list(actions) or ["s3tables:*"], "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(allowed))
    return str(made)


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def to(role: str, *buckets: str) -> dict[str, Any]:
    return {"role": role, "rules": [{"destinations": [{"destinationTableBucketARN": each} for each in buckets]}]}


def filled(aws: Account, bucket: str) -> Any:
    tables = catalog(aws, bucket)
    tables.create_namespace("sales")
    table = tables.create_table("sales.daily", schema=ROWS.schema)
    table.append(ROWS)
    return table


def test_a_replica_follows_its_table_into_another_region(
    aws: Account, cloud: LocalCloud, s3tables: Any, bucket: str
) -> None:
    there = aws.client("s3tables", region="eu-west-1")
    target = there.create_table_bucket(name=fresh())["arn"]
    table = filled(aws, bucket)
    made = s3tables.put_table_bucket_replication(tableBucketARN=bucket, configuration=to(role(aws), target))
    assert s3tables.get_table_bucket_replication(tableBucketARN=bucket)["versionToken"] == made["versionToken"]
    source = s3tables.get_table(tableBucketARN=bucket, **NAMED)["tableARN"]
    (status,) = s3tables.get_table_replication_status(tableArn=source)["destinations"]
    assert status["replicationStatus"] == "pending"
    cloud.clock.advance(60)
    (status,) = s3tables.get_table_replication_status(tableArn=source)["destinations"]
    assert status["replicationStatus"] == "completed"
    found = there.get_table(tableArn=status["destinationTableArn"])
    assert found["managedByService"] == "replication.s3tables.amazonaws.com"
    assert found["managedTableInformation"]["replicationInformation"]["sourceTableARN"] == source
    replica = catalog(aws, target, region="eu-west-1").load_table("sales.daily")
    assert replica.scan().to_arrow() == ROWS
    table.append(ROWS)
    table.delete("id = 1")
    cloud.clock.advance(60)
    replica.refresh()
    assert replica.scan().to_arrow()["id"].to_pylist() == [2, 2]
    assert len(replica.snapshots()) == len(table.refresh().snapshots()), "its history is there too"
    own = {path for path in replica.inspect.all_files()["file_path"].to_pylist() if path.startswith(replica.location())}
    assert len(own) == len(replica.inspect.all_files()), "it is whole without its source"
    with pytest.raises(OSError, match="ACCESS_DENIED"):
        replica.append(ROWS)
    s3tables.delete_table(tableBucketARN=bucket, **NAMED)
    assert replica.scan().count() == 2


def deleted(table: Any, position: int) -> None:
    """Delete a row by its position, as Spark and Trino do: a file says which row of which file is gone."""
    from pyiceberg.manifest import (
        DataFile,
        DataFileContent,
        FileFormat,
        ManifestContent,
        ManifestEntry,
        ManifestEntryStatus,
        ManifestWriterV2,
        write_manifest_list,
    )
    from pyiceberg.table.snapshots import Operation, Snapshot, Summary
    from pyiceberg.table.update import AddSnapshotUpdate, AssertRefSnapshotId, SetSnapshotRefUpdate
    from pyiceberg.typedef import Record

    class Deletions(ManifestWriterV2):
        def content(self) -> Any:
            return ManifestContent.DELETES

    current, number = table.current_snapshot(), 4711
    (path,) = table.inspect.files()["file_path"].to_pylist()
    place = f"{table.location()}/data/gone.parquet"
    ids = [pa.field("file_path", pa.string(), False, {"PARQUET:field_id": "2147483546"})]
    ids.append(pa.field("pos", pa.int64(), False, {"PARQUET:field_id": "2147483545"}))
    with table.io.new_output(place).create(overwrite=True) as out:
        import pyarrow.parquet

        pyarrow.parquet.write_table(pa.table([[path], [position]], schema=pa.schema(ids)), out)
    size = len(table.io.new_input(place))
    gone = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=place,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=1,
        file_size_in_bytes=size,
    )
    output = table.io.new_output(f"{table.location()}/metadata/gone-m0.avro")
    with Deletions(table.spec(), table.schema(), output, number, "deflate") as writer:
        writer.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=number, data_file=gone))
    listed = f"{table.location()}/metadata/gone-list.avro"
    sequence = current.sequence_number + 1
    with write_manifest_list(2, table.io.new_output(listed), number, current.snapshot_id, sequence, "deflate") as out:
        out.add_manifests([writer.to_manifest_file(), *current.manifests(table.io)])
    made = Snapshot(
        snapshot_id=number,
        parent_snapshot_id=current.snapshot_id,
        sequence_number=sequence,
        timestamp_ms=current.timestamp_ms + 1,
        manifest_list=listed,
        summary=Summary(Operation.DELETE),
        schema_id=table.schema().schema_id,
    )
    updates = AddSnapshotUpdate(snapshot=made), SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=number)
    table.catalog.commit_table(table, (AssertRefSnapshotId(ref="main", snapshot_id=current.snapshot_id),), updates)
    table.refresh()


def test_rows_that_are_deleted_by_position_are_gone_in_the_replica_too(
    aws: Account, cloud: LocalCloud, s3tables: Any, bucket: str
) -> None:
    target = s3tables.create_table_bucket(name=fresh())["arn"]
    table = filled(aws, bucket)
    deleted(table, 0)
    assert table.scan().to_arrow()["id"].to_pylist() == [2]
    s3tables.put_table_bucket_replication(tableBucketARN=bucket, configuration=to(role(aws), target))
    cloud.clock.advance(60)
    assert catalog(aws, target).load_table("sales.daily").scan().to_arrow()["id"].to_pylist() == [2]
    for _ in range(5):
        table.append(ROWS)
    cloud.clock.advance(4 * 3600)
    table.refresh()
    assert len(table.inspect.data_files()) == 6, "what deletions refer to is left where it is"
    assert table.scan().count() == 11


def test_a_table_that_is_there_already_is_not_written_over(
    aws: Account, cloud: LocalCloud, s3tables: Any, bucket: str
) -> None:
    target = s3tables.create_table_bucket(name=fresh())["arn"]
    table = filled(aws, bucket)
    source = s3tables.get_table(tableBucketARN=bucket, **NAMED)["tableARN"]
    s3tables.put_table_replication(tableArn=source, configuration=to(role(aws), target))
    cloud.clock.advance(60)
    s3tables.delete_table(tableBucketARN=target, **NAMED)
    s3tables.create_table(tableBucketARN=target, **NAMED, format="ICEBERG")
    table.append(ROWS)
    cloud.clock.advance(60)
    (status,) = s3tables.get_table_replication_status(tableArn=source)["destinations"]
    assert status["replicationStatus"] == "failed" and "identical name" in status["failureMessage"]
    assert status["lastSuccessfulReplicatedUpdate"]["metadataLocation"] != table.refresh().metadata_location


def test_a_replica_of_another_account_needs_its_policy(
    aws: Account, cloud: LocalCloud, s3tables: Any, bucket: str
) -> None:
    other = cloud.account()
    theirs = other.client("s3tables")
    target = theirs.create_table_bucket(name=fresh())["arn"]
    table, acting = filled(aws, bucket), role(aws)
    source = s3tables.get_table(tableBucketARN=bucket, **NAMED)["tableARN"]
    s3tables.put_table_replication(tableArn=source, configuration=to(acting, target))
    cloud.clock.advance(60)
    (status,) = s3tables.get_table_replication_status(tableArn=source)["destinations"]
    assert status["replicationStatus"] == "failed"
    let = {"Effect": "Allow", "Principal": {"AWS": acting}, "Action": "s3tables:*", "Resource": [target, f"{target}/*"]}
    theirs.put_table_bucket_policy(tableBucketARN=target, resourcePolicy=policy(let))
    table.append(ROWS)
    cloud.clock.advance(60)
    assert catalog(other, target).load_table("sales.daily").scan().count() == 4


def test_a_role_that_may_not_read_brings_nothing(aws: Account, cloud: LocalCloud, s3tables: Any, bucket: str) -> None:
    target = s3tables.create_table_bucket(name=fresh())["arn"]
    filled(aws, bucket)
    source = s3tables.get_table(tableBucketARN=bucket, **NAMED)["tableARN"]
    acting = role(aws, "s3tables:GetTable", "s3tables:GetTableMetadataLocation", "s3tables:CreateTable")
    s3tables.put_table_replication(tableArn=source, configuration=to(acting, target))
    cloud.clock.advance(60)
    (status,) = s3tables.get_table_replication_status(tableArn=source)["destinations"]
    assert status["replicationStatus"] == "failed"


def test_configurations_are_changed_by_who_knows_them(aws: Account, s3tables: Any, daily: dict[str, str]) -> None:
    bucket, acting = daily["tableBucketARN"], role(aws)
    target = s3tables.create_table_bucket(name=fresh())["arn"]
    missing = ("NotFoundException", 404)
    assert refused(s3tables.get_table_bucket_replication, tableBucketARN=bucket) == missing
    put = s3tables.put_table_bucket_replication
    assert refused(put, tableBucketARN=bucket, configuration=to(acting, bucket)) == ("BadRequestException", 400)
    token = put(tableBucketARN=bucket, configuration=to(acting, target))["versionToken"]
    wrong = {"tableBucketARN": bucket, "configuration": to(acting, target), "versionToken": "x"}
    assert refused(put, **wrong) == ("ConflictException", 409)
    s3tables.delete_table_bucket_replication(tableBucketARN=bucket, versionToken=token)
    assert refused(s3tables.get_table_bucket_replication, tableBucketARN=bucket) == missing
    arn = s3tables.get_table(**daily)["tableARN"]
    token = s3tables.put_table_replication(tableArn=arn, configuration=to(acting, target))["versionToken"]
    assert s3tables.get_table_replication(tableArn=arn)["configuration"] == to(acting, target)
    s3tables.delete_table_replication(tableArn=arn, versionToken=token)
    assert refused(s3tables.get_table_replication, tableArn=arn) == missing
