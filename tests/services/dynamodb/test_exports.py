"""Tables that go to S3 and come back."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import Any

import pytest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

from .conftest import Make, n, s

ON = {"PointInTimeRecoveryEnabled": True}
ITEM = {
    "pk": s("a"),
    "n": n("12.50"),
    "b": {"B": b"\x00\xff"},
    "l": {"L": [n(1), {"NULL": True}, {"BOOL": False}]},
    "m": {"M": {"inner": s('quo"te\n')}},
    "ss": {"SS": ["x", "y"]},
    "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": [b"1", b"2"]},
}


@pytest.fixture(scope="session")
def s3(account: Account) -> Any:
    client = account.client("s3")
    client.create_bucket(Bucket=f"exports-{account.id}")
    return client


@pytest.fixture(scope="session")
def bucket(account: Account, s3: Any) -> str:
    return f"exports-{account.id}"


def objects(s3: Any, bucket: str, prefix: str) -> dict[str, bytes]:
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed}


def exported(db: Any, clock: CloudClock, table: str, **asked: Any) -> dict[str, Any]:
    arn = db.describe_table(TableName=table)["Table"]["TableArn"]
    begun = db.export_table_to_point_in_time(TableArn=arn, **asked)["ExportDescription"]
    clock.advance(1)
    told = db.describe_export(ExportArn=begun["ExportArn"])["ExportDescription"]
    assert isinstance(told, dict)
    return told


def imported(db: Any, clock: CloudClock, **asked: Any) -> dict[str, Any]:
    begun = db.import_table(**asked)["ImportTableDescription"]
    assert begun["ImportStatus"] == "IN_PROGRESS"
    clock.advance(1)
    told = db.describe_import(ImportArn=begun["ImportArn"])["ImportTableDescription"]
    assert isinstance(told, dict)
    return told


def creation(name: str) -> dict[str, Any]:
    return {
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }


@pytest.mark.parametrize("form", ["DYNAMODB_JSON", "ION"])
def test_an_export_is_gzipped_files_and_manifests_that_an_import_can_read(
    db: Any, make: Make, clock: CloudClock, s3: Any, bucket: str, form: str
) -> None:
    if form == "ION":
        pytest.importorskip("amazon.ion")
    table = make()
    db.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=ON)
    db.put_item(TableName=table, Item=ITEM)
    db.put_item(TableName=table, Item={"pk": s("gone")})
    clock.advance(10)
    then = clock.now()
    clock.advance(10)
    db.delete_item(TableName=table, Key={"pk": s("gone")})
    db.put_item(TableName=table, Item={"pk": s("late")})
    told = exported(db, clock, table, S3Bucket=bucket, S3Prefix=table, ExportFormat=form, ExportTime=then)
    assert (told["ExportStatus"], told["ItemCount"]) == ("COMPLETED", 2), told
    files = objects(s3, bucket, f"{table}/AWSDynamoDB/")
    root = told["ExportManifest"].removesuffix("manifest-summary.json")
    assert files[f"{root}_started"] == b""
    summary = json.loads(files[told["ExportManifest"]])
    assert summary["itemCount"] == 2 and summary["outputFormat"] == form
    listed = files[summary["manifestFilesS3Key"]]
    md5 = base64.b64encode(hashlib.md5(listed).digest()).decode()
    assert files[f"{root}manifest-files.md5"].decode() == md5
    (data,) = [json.loads(line) for line in listed.splitlines()]
    packed = files[data["dataFileS3Key"]]
    assert base64.b64encode(hashlib.md5(packed).digest()).decode() == data["md5Checksum"]
    lines = gzip.decompress(packed).splitlines()
    assert len(lines) == data["itemCount"] == 2
    if form == "DYNAMODB_JSON":
        items = {line["Item"]["pk"]["S"]: line["Item"] for line in map(json.loads, lines)}
        assert items["a"]["b"] == {"B": "AP8="}
    else:
        assert all(line.startswith(b"$ion_1_0 {Item:{") for line in lines)
        assert b'$dynamodb_SS::["x","y"]' in b"".join(lines)
    copy = f"{table}-back"
    source = {"S3Bucket": bucket, "S3KeyPrefix": f"{root}data/"}
    told = imported(
        db,
        clock,
        S3BucketSource=source,
        InputFormat=form,
        InputCompressionType="GZIP",
        TableCreationParameters=creation(copy),
    )
    assert (told["ImportStatus"], told["ImportedItemCount"], told["ErrorCount"]) == ("COMPLETED", 2, 0), told
    assert db.get_item(TableName=copy, Key={"pk": s("a")})["Item"] == ITEM | {"n": n("12.5")}


def test_an_incremental_export_tells_what_has_changed(
    db: Any, make: Make, clock: CloudClock, s3: Any, bucket: str, refused: Any
) -> None:
    table = make()
    db.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=ON)
    for key in ("kept", "changed", "deleted"):
        db.put_item(TableName=table, Item={"pk": s(key), "v": n(1)})
    clock.advance(61 - clock.now() % 1)
    start = clock.now()
    db.put_item(TableName=table, Item={"pk": s("changed"), "v": n(2)})
    clock.advance(600)
    db.put_item(TableName=table, Item={"pk": s("changed"), "v": n(3)})
    db.put_item(TableName=table, Item={"pk": s("new"), "v": n(1)})
    db.delete_item(TableName=table, Key={"pk": s("deleted")})
    clock.advance(600)
    end = clock.now()
    db.put_item(TableName=table, Item={"pk": s("changed"), "v": n(4)})
    clock.advance(60)
    span = {"ExportFromTime": start, "ExportToTime": end}
    asked = {"S3Bucket": bucket, "S3Prefix": table, "ExportType": "INCREMENTAL_EXPORT"}
    with refused("InvalidExportTimeException"):
        exported(db, clock, table, **asked, IncrementalExportSpecification=span | {"ExportToTime": start + 60})
    told = exported(db, clock, table, **asked, IncrementalExportSpecification=span)
    assert (told["ExportStatus"], told["ItemCount"]) == ("COMPLETED", 3), told
    files = objects(s3, bucket, f"{table}/AWSDynamoDB/data/")
    lines = [json.loads(line) for packed in files.values() for line in gzip.decompress(packed).splitlines()]
    changes = {line["Keys"]["pk"]["S"]: line for line in lines}
    assert changes["changed"]["OldImage"]["v"] == {"N": "1"} and changes["changed"]["NewImage"]["v"] == {"N": "3"}
    assert "OldImage" not in changes["new"] and "NewImage" not in changes["deleted"]
    assert int(changes["new"]["Metadata"]["WriteTimestampMicros"]) == pytest.approx((start + 600) * 1e6, abs=2)


def test_an_export_can_be_filtered(db: Any, make: Make, clock: CloudClock, s3: Any, bucket: str) -> None:
    table = make()
    db.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=ON)
    for number in range(4):
        db.put_item(TableName=table, Item={"pk": s(str(number)), "v": n(number), "x": s("x")})
    told = exported(
        db,
        clock,
        table,
        S3Bucket=bucket,
        S3Prefix=table,
        FilterSpecification={
            "FilterExpression": "v > :v",
            "ProjectionExpression": "pk",
            "ExpressionAttributeValues": {":v": n(1)},
        },
    )
    files = objects(s3, bucket, told["ExportManifest"].replace("manifest-summary.json", "data/"))
    lines = [json.loads(line) for packed in files.values() for line in gzip.decompress(packed).splitlines()]
    assert sorted(line["Item"]["pk"]["S"] for line in lines) == ["2", "3"]
    assert all(line["Item"].keys() == {"pk"} for line in lines)


def test_an_export_that_cannot_be_written_fails(db: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    table = make()
    arn = db.describe_table(TableName=table)["Table"]["TableArn"]
    with refused("PointInTimeRecoveryUnavailableException"):
        db.export_table_to_point_in_time(TableArn=arn, S3Bucket="nowhere-at-all")
    db.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=ON)
    told = exported(db, clock, table, S3Bucket="nowhere-at-all", ClientToken="t1")
    assert (told["ExportStatus"], told["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    again = db.export_table_to_point_in_time(TableArn=arn, S3Bucket="nowhere-at-all", ClientToken="t1")
    assert again["ExportDescription"]["ExportArn"] == told["ExportArn"]
    with refused("ExportConflictException"):
        db.export_table_to_point_in_time(TableArn=arn, S3Bucket="nowhere-else", ClientToken="t1")
    assert [one["ExportArn"] for one in db.list_exports(TableArn=arn)["ExportSummaries"]] == [told["ExportArn"]]


def test_csv_becomes_strings_but_for_the_keys(db: Any, make: Make, clock: CloudClock, s3: Any, bucket: str) -> None:
    zstandard = pytest.importorskip("zstandard")
    name = f"{make()}-csv"
    text = 'id;name\n1;"Ann; Jr."\n2;7\nnot-a-number;x\n3;y;too many\n'
    s3.put_object(Bucket=bucket, Key=f"{name}/part-1.csv.zst", Body=zstandard.compress(text.encode()))
    s3.put_object(Bucket=bucket, Key=f"{name}/part-2.csv.zst", Body=b"not compressed")
    told = imported(
        db,
        clock,
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": name},
        InputFormat="CSV",
        InputFormatOptions={"Csv": {"Delimiter": ";"}},
        InputCompressionType="ZSTD",
        TableCreationParameters={
            "TableName": name,
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )
    assert (told["ProcessedItemCount"], told["ImportedItemCount"], told["ErrorCount"]) == (4, 2, 3)
    assert db.get_item(TableName=name, Key={"id": n(1)})["Item"] == {"id": n(1), "name": s("Ann; Jr.")}
    assert db.get_item(TableName=name, Key={"id": n(2)})["Item"]["name"] == s("7")


def test_a_table_is_not_to_be_used_while_it_is_imported(
    db: Any, make: Make, clock: CloudClock, s3: Any, bucket: str, refused: Any
) -> None:
    name = f"{make()}-import"
    s3.put_object(
        Bucket=bucket, Key=f"{name}/1", Body=b'{"Item":{"pk":{"S":"a"}}}\nnonsense\n{"Item":{"pk":{"N":"1"}}}\n'
    )
    told = imported(
        db,
        clock,
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": name},
        InputFormat="DYNAMODB_JSON",
        TableCreationParameters=creation(name),
        ClientToken="c1",
    )
    assert (told["ImportedItemCount"], told["ErrorCount"]) == (1, 2)
    assert db.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"
    arn = told["TableArn"]
    assert [one["ImportArn"] for one in db.list_imports(TableArn=arn)["ImportSummaryList"]] == [told["ImportArn"]]
    with refused("ImportConflictException"):
        db.import_table(
            S3BucketSource={"S3Bucket": bucket},
            InputFormat="DYNAMODB_JSON",
            TableCreationParameters=creation(name),
            ClientToken="c1",
        )
    with refused("ResourceInUseException"):
        db.import_table(
            S3BucketSource={"S3Bucket": bucket}, InputFormat="DYNAMODB_JSON", TableCreationParameters=creation(name)
        )
    gone = db.import_table(
        S3BucketSource={"S3Bucket": "nowhere-at-all"},
        InputFormat="DYNAMODB_JSON",
        TableCreationParameters=creation(f"{name}-2"),
    )["ImportTableDescription"]
    clock.advance(1)
    told = db.describe_import(ImportArn=gone["ImportArn"])["ImportTableDescription"]
    assert (told["ImportStatus"], told["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    first = db.list_imports(PageSize=1)
    assert len(first["ImportSummaryList"]) == 1
    assert db.list_imports(PageSize=1, NextToken=first["NextToken"])["ImportSummaryList"]


def test_an_export_can_be_under_a_key_of_kms(
    db: Any, make: Make, clock: CloudClock, s3: Any, bucket: str, account: Account
) -> None:
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    table = make()
    db.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=ON)
    told = exported(db, clock, table, S3Bucket=bucket, S3Prefix=table, S3SseAlgorithm="KMS", S3SseKmsKeyId=key)
    assert told["ExportStatus"] == "COMPLETED", told
    head = s3.head_object(Bucket=bucket, Key=told["ExportManifest"])
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
