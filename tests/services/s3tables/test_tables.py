"""Table buckets, namespaces and tables, as their own API has them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.config import Config

from pileus.testing.account import Account

from .conftest import SCHEMA, allow, fresh, refused, user

TABLE = {"format": "ICEBERG"}


def test_table_buckets_come_and_go(aws: Account, s3tables: Any) -> None:
    names = sorted(fresh() for _ in range(3))
    arns = [s3tables.create_table_bucket(name=name, tags={"n": name})["arn"] for name in names]
    assert arns[0] == f"arn:aws:s3tables:us-east-1:{aws.id}:bucket/{names[0]}"
    assert refused(s3tables.create_table_bucket, name=names[0]) == ("ConflictException", 409)
    found = s3tables.get_table_bucket(tableBucketARN=arns[1])
    assert (found["name"], found["ownerAccountId"], found["type"]) == (names[1], aws.id, "customer")
    pages = s3tables.get_paginator("list_table_buckets").paginate(PaginationConfig={"PageSize": 2})
    assert [[each["name"] for each in page["tableBuckets"]] for page in pages] == [names[:2], names[2:]]
    assert [each["name"] for each in s3tables.list_table_buckets(prefix=names[2])["tableBuckets"]] == names[2:]
    assert refused(s3tables.list_table_buckets, continuationToken="nonsense") == ("BadRequestException", 400)
    assert s3tables.list_tags_for_resource(resourceArn=arns[0])["tags"] == {"n": names[0]}
    for arn in arns:
        s3tables.delete_table_bucket(tableBucketARN=arn)
    assert refused(s3tables.get_table_bucket, tableBucketARN=arns[0]) == ("NotFoundException", 404)


@pytest.mark.parametrize("name", ["ab", "Upper", "a_b", "-ab", "aws-s3", "xn--abc", "abc--table-s3", "a" * 64])
def test_names_of_table_buckets(s3tables: Any, name: str) -> None:
    import botocore.exceptions

    with pytest.raises((botocore.exceptions.ClientError, botocore.exceptions.ParamValidationError)):
        s3tables.create_table_bucket(name=name)


def test_ten_table_buckets_in_a_region(aws: Account, s3tables: Any) -> None:
    for _ in range(10):
        s3tables.create_table_bucket(name=fresh())
    assert refused(s3tables.create_table_bucket, name=fresh()) == ("BadRequestException", 400)
    aws.client("s3tables", region="eu-west-1").create_table_bucket(name=fresh())


def test_there_is_a_limit_for_what_there_is_and_not_for_what_there_was(
    s3tables: Any, sales: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pileus.services.s3tables import namespaces, tables

    monkeypatch.setattr(namespaces, "MOST", 2)
    monkeypatch.setattr(tables, "MOST", 1)
    named = {"tableBucketARN": sales, "namespace": "sales"}
    for _ in range(2):
        s3tables.create_namespace(tableBucketARN=sales, namespace=["other"])
        again = refused(s3tables.create_namespace, tableBucketARN=sales, namespace=["third"])
        assert again == ("BadRequestException", 400)
        s3tables.delete_namespace(tableBucketARN=sales, namespace="other")
        s3tables.create_table(**named, name="a", **TABLE)
        assert refused(s3tables.create_table, **named, name="b", **TABLE) == ("BadRequestException", 400)
        s3tables.delete_table(**named, name="a")


def test_namespaces_hold_tables_and_go_when_they_are_empty(aws: Account, s3tables: Any, bucket: str) -> None:
    made = s3tables.create_namespace(tableBucketARN=bucket, namespace=["sales"])
    assert made["namespace"] == ["sales"]
    again = refused(s3tables.create_namespace, tableBucketARN=bucket, namespace=["sales"])
    assert again == ("ConflictException", 409)
    for name in ("aws_mine", "_sales", "sales_"):
        wrong = refused(s3tables.create_namespace, tableBucketARN=bucket, namespace=[name])
        assert wrong == ("BadRequestException", 400)
    found = s3tables.get_namespace(tableBucketARN=bucket, namespace="sales")
    assert (found["createdBy"], found["ownerAccountId"]) == (aws.id, aws.id)
    named = {"tableBucketARN": bucket, "namespace": "sales", "name": "t"}
    s3tables.create_table(**named, **TABLE)
    assert refused(s3tables.delete_namespace, tableBucketARN=bucket, namespace="sales") == ("ConflictException", 409)
    assert refused(s3tables.delete_table_bucket, tableBucketARN=bucket) == ("ConflictException", 409)
    s3tables.delete_table(**named)
    s3tables.delete_namespace(tableBucketARN=bucket, namespace="sales")
    assert s3tables.list_namespaces(tableBucketARN=bucket)["namespaces"] == []


def test_tables_are_found_by_name_and_by_arn_and_listed_in_pages(s3tables: Any, sales: str) -> None:
    s3tables.create_namespace(tableBucketARN=sales, namespace=["other"])
    for space, name in (("sales", "b"), ("sales", "a"), ("other", "c")):
        s3tables.create_table(tableBucketARN=sales, namespace=space, name=name, **TABLE)
    again = refused(s3tables.create_table, tableBucketARN=sales, namespace="sales", name="a", **TABLE)
    assert again == ("ConflictException", 409)
    pages = s3tables.get_paginator("list_tables").paginate(tableBucketARN=sales, PaginationConfig={"PageSize": 2})
    assert [[each["name"] for each in page["tables"]] for page in pages] == [["c", "a"], ["b"]]
    here = s3tables.list_tables(tableBucketARN=sales, namespace="sales", prefix="a")["tables"]
    assert [each["name"] for each in here] == ["a"]
    by_arn = s3tables.get_table(tableArn=here[0]["tableARN"])
    by_name = s3tables.get_table(tableBucketARN=sales, namespace="sales", name="a")
    assert by_arn["versionToken"] == by_name["versionToken"]
    assert by_arn["warehouseLocation"].startswith("s3://") and by_arn["warehouseLocation"].endswith("--table-s3")
    assert "metadataLocation" not in by_arn, "nobody has said yet what is in it"
    assert refused(s3tables.get_table, tableBucketARN=sales, name="a") == ("BadRequestException", 400)
    missing = refused(s3tables.get_table, tableBucketARN=sales, namespace="sales", name="z")
    assert missing == ("NotFoundException", 404)


def test_a_table_is_renamed_by_who_knows_its_version(s3tables: Any, daily: dict[str, str]) -> None:
    before = s3tables.get_table(**daily)
    wrong = refused(s3tables.rename_table, **daily, newName="weekly", versionToken="x")
    assert wrong == ("ConflictException", 409)
    s3tables.create_namespace(tableBucketARN=daily["tableBucketARN"], namespace=["other"])
    s3tables.rename_table(**daily, newName="weekly", newNamespaceName="other", versionToken=before["versionToken"])
    assert refused(s3tables.get_table, **daily) == ("NotFoundException", 404)
    after = s3tables.get_table(tableArn=before["tableARN"])
    assert (after["namespace"], after["name"]) == (["other"], "weekly")
    assert after["metadataLocation"] == before["metadataLocation"]
    assert after["versionToken"] == before["versionToken"], "it is the version of the metadata"


def test_first_metadata_are_written_from_a_schema(aws: Account, s3tables: Any, sales: str) -> None:
    iceberg = {
        "schema": SCHEMA,
        "partitionSpec": {"fields": [{"sourceId": 1, "transform": "bucket[4]", "name": "id_bucket"}]},
        "writeOrder": {
            "orderId": 1,
            "fields": [{"sourceId": 2, "transform": "identity", "direction": "asc", "nullOrder": "nulls-last"}],
        },
        "properties": {"owner": "me"},
    }
    named = {"tableBucketARN": sales, "namespace": "sales", "name": "t"}
    s3tables.create_table(**named, **TABLE, metadata={"iceberg": iceberg})
    location = s3tables.get_table_metadata_location(**named)["metadataLocation"]
    warehouse, _, key = location.removeprefix("s3://").partition("/")
    told = json.loads(aws.client("s3").get_object(Bucket=warehouse, Key=key)["Body"].read())
    assert told["schemas"][0]["fields"][0] == {"id": 1, "name": "id", "type": "long", "required": True}
    assert told["partition-specs"][0]["fields"][0]["field-id"] == 1000
    assert told["sort-orders"][0]["fields"][0]["null-order"] == "nulls-last"
    assert (told["format-version"], told["location"]) == (2, f"s3://{warehouse}")
    assert told["properties"] == {"owner": "me"}
    for wrong in ({"fields": [{"name": "a", "type": "text"}]}, {"fields": []}):
        again = {**named, **TABLE, "name": "u", "metadata": {"iceberg": {"schema": wrong}}}
        assert refused(s3tables.create_table, **again) == ("BadRequestException", 400)
    assert refused(s3tables.get_table, **named | {"name": "u"}) == ("NotFoundException", 404)


def test_metadata_move_only_for_who_knows_the_current_version(
    aws: Account, s3tables: Any, daily: dict[str, str]
) -> None:
    s3, found = aws.client("s3"), s3tables.get_table_metadata_location(**daily)
    warehouse, token = found["warehouseLocation"], found["versionToken"]
    place = {"Bucket": warehouse.removeprefix("s3://"), "Key": "metadata/00001-x.metadata.json"}
    s3.put_object(**place, Body=b"{}")
    there = f"{warehouse}/{place['Key']}"

    def move(token: str, location: str) -> Any:
        return s3tables.update_table_metadata_location(**daily, versionToken=token, metadataLocation=location)

    assert refused(move, token, "s3://elsewhere/x.metadata.json") == ("BadRequestException", 400)
    assert refused(move, token, f"{warehouse}/metadata/x.json") == ("BadRequestException", 400)
    moved = move(token, there)
    assert moved["metadataLocation"] == there
    assert refused(move, token, there) == ("ConflictException", 409), "the token is good once"
    assert s3tables.get_table(**daily)["versionToken"] == moved["versionToken"]


def test_a_warehouse_takes_and_gives_objects_and_nothing_else(
    aws: Account, s3tables: Any, daily: dict[str, str]
) -> None:
    s3 = aws.client("s3")
    warehouse = s3tables.get_table(**daily)["warehouseLocation"].removeprefix("s3://")
    s3.put_object(Bucket=warehouse, Key="data/a", Body=b"rows")
    assert s3.get_object(Bucket=warehouse, Key="data/a")["Body"].read() == b"rows"
    assert s3.head_object(Bucket=warehouse, Key="data/a")["ContentLength"] == 4
    upload = s3.create_multipart_upload(Bucket=warehouse, Key="data/b")["UploadId"]
    s3.abort_multipart_upload(Bucket=warehouse, Key="data/b", UploadId=upload)
    assert refused(s3.delete_object, Bucket=warehouse, Key="data/a") == ("MethodNotAllowed", 405)
    assert refused(s3.list_objects_v2, Bucket=warehouse) == ("MethodNotAllowed", 405)
    assert refused(s3.put_bucket_policy, Bucket=warehouse, Policy="{}") == ("MethodNotAllowed", 405)
    assert refused(s3.create_bucket, Bucket="my--table-s3") == ("InvalidBucketName", 400)
    control = aws.client("s3control", config=Config(proxies={"http": aws.cloud.endpoint}))
    point = refused(control.create_access_point, AccountId=aws.id, Name="point", Bucket=warehouse)
    assert point == ("NoSuchBucket", 404), "it would be a way around the table's own permissions"
    assert warehouse not in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    s3tables.delete_table(**daily)
    aws.cloud.clock.advance(1)
    assert refused(s3.get_object, Bucket=warehouse, Key="data/a") == ("NoSuchBucket", 404)


def test_who_may_use_the_data_of_a_table(aws: Account, s3tables: Any, daily: dict[str, str]) -> None:
    table = s3tables.get_table(**daily)
    place = {"Bucket": table["warehouseLocation"].removeprefix("s3://"), "Key": "k"}
    reader = client(aws, "s3", user(aws, allow("s3tables:GetTableData", on=table["tableARN"])))
    nobody = client(aws, "s3", user(aws, allow("s3:*")))
    aws.client("s3").put_object(**place, Body=b"x")
    assert reader.get_object(**place)["Body"].read() == b"x"
    assert refused(reader.put_object, **place) == ("AccessDenied", 403)
    assert refused(nobody.get_object, **place) == ("AccessDenied", 403), "it is the table's data and not S3's"


def test_what_else_must_be_allowed_to_create(aws: Account, s3tables: Any, sales: str) -> None:
    key = user(aws, allow("s3tables:CreateTableBucket", "s3tables:CreateTable"))
    theirs = client(aws, "s3tables", key)
    tiering = {"storageClass": "INTELLIGENT_TIERING"}
    for more in ({"tags": {"a": "b"}}, {"storageClassConfiguration": tiering}):
        assert refused(theirs.create_table_bucket, name=fresh(), **more)[1] == 403
        named = {"tableBucketARN": sales, "namespace": "sales", "name": "t"}
        assert refused(theirs.create_table, **named, **TABLE, **more)[1] == 403
    schema = {"metadata": {"iceberg": {"schema": SCHEMA}}}
    assert refused(theirs.create_table, **named, **TABLE, **schema)[1] == 403, "it wants PutTableData"
    theirs.create_table_bucket(name=fresh())
    theirs.create_table(**named, **TABLE)


def test_nobody_in_particular_comes_in(aws: Account, s3tables: Any, daily: dict[str, str]) -> None:
    from botocore import UNSIGNED

    table = s3tables.get_table(**daily)
    place = {"Bucket": table["warehouseLocation"].removeprefix("s3://"), "Key": "k"}
    aws.client("s3").put_object(**place, Body=b"x")
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3tables:*", "Resource": "*"}
    anybody = aws.client("s3", config=Config(signature_version=UNSIGNED))
    for _ in range(2):
        assert refused(anybody.get_object, **place) == ("AccessDenied", 403)
        assert refused(anybody.put_object, **place) == ("AccessDenied", 403)
        s3tables.put_table_bucket_policy(tableBucketARN=daily["tableBucketARN"], resourcePolicy=policy(everybody))


def test_policies_let_other_accounts_in(aws: Account, s3tables: Any, daily: dict[str, str]) -> None:
    other = aws.cloud.account()
    theirs, objects = other.client("s3tables"), other.client("s3")
    table, bucket = s3tables.get_table(**daily), daily["tableBucketARN"]
    place = {"Bucket": table["warehouseLocation"].removeprefix("s3://"), "Key": "k"}
    aws.client("s3").put_object(**place, Body=b"x")
    assert refused(theirs.get_table, **daily)[1] == 403
    statement = {"Effect": "Allow", "Principal": {"AWS": other.id}, "Action": "s3tables:GetTable", "Resource": "*"}
    s3tables.put_table_bucket_policy(tableBucketARN=bucket, resourcePolicy=policy(statement))
    assert theirs.get_table(**daily)["name"] == "daily"
    assert refused(objects.get_object, **place)[1] == 403
    data = {**statement, "Action": "s3tables:GetTableData", "Resource": table["tableARN"]}
    s3tables.put_table_policy(**daily, resourcePolicy=policy(data))
    assert objects.get_object(**place)["Body"].read() == b"x"
    s3tables.delete_table_policy(**daily)
    assert refused(objects.get_object, **place)[1] == 403
    assert refused(s3tables.get_table_policy, **daily) == ("NotFoundException", 404)
    assert json.loads(s3tables.get_table_bucket_policy(tableBucketARN=bucket)["resourcePolicy"])
    for changes in ({"Action": "s3:GetObject"}, {"Action": [5]}, {"Principal": 5}, {"Condition": 5}):
        wrong = policy({**statement, **changes})
        bad = refused(s3tables.put_table_bucket_policy, tableBucketARN=bucket, resourcePolicy=wrong)
        assert bad == ("BadRequestException", 400)


def test_conditions_know_the_namespace_and_the_tags(aws: Account, s3tables: Any, daily: dict[str, str]) -> None:
    table = s3tables.get_table(**daily)
    only = {**allow("s3tables:GetTable"), "Condition": {"StringEquals": {"s3tables:namespace": "sales"}}}
    tagged = {**allow("s3tables:DeleteTable"), "Condition": {"StringEquals": {"aws:ResourceTag/stage": "test"}}}
    theirs = client(aws, "s3tables", user(aws, only, tagged))
    assert theirs.get_table(**daily)["name"] == "daily"
    assert refused(theirs.delete_table, **daily)[1] == 403
    s3tables.tag_resource(resourceArn=table["tableARN"], tags={"stage": "test", "more": "x"})
    s3tables.untag_resource(resourceArn=table["tableARN"], tagKeys=["more"])
    assert s3tables.list_tags_for_resource(resourceArn=table["tableARN"])["tags"] == {"stage": "test"}
    theirs.delete_table(**daily)


def test_tables_are_encrypted_as_their_bucket_says(aws: Account, s3tables: Any, sales: str) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    encryption = {"sseAlgorithm": "aws:kms", "kmsKeyArn": key}
    unset = ("NotFoundException", 404)
    assert refused(s3tables.get_table_bucket_encryption, tableBucketARN=sales) == unset
    s3tables.put_table_bucket_encryption(tableBucketARN=sales, encryptionConfiguration=encryption)
    named = {"tableBucketARN": sales, "namespace": "sales", "name": "t"}
    s3tables.create_table(**named, **TABLE, metadata={"iceberg": {"schema": SCHEMA}})
    assert s3tables.get_table_encryption(**named)["encryptionConfiguration"] == encryption
    bucket, _, path = s3tables.get_table(**named)["metadataLocation"].removeprefix("s3://").partition("/")
    assert aws.client("s3").head_object(Bucket=bucket, Key=path)["SSEKMSKeyId"] == key
    s3tables.delete_table_bucket_encryption(tableBucketARN=sales)
    assert refused(s3tables.get_table_bucket_encryption, tableBucketARN=sales) == unset
    s3tables.create_table(**named | {"name": "u"}, **TABLE)
    told = s3tables.get_table_encryption(**named | {"name": "u"})["encryptionConfiguration"]
    assert told == {"sseAlgorithm": "AES256"}
    no_key = {"sseAlgorithm": "aws:kms"}
    wrong = refused(s3tables.put_table_bucket_encryption, tableBucketARN=sales, encryptionConfiguration=no_key)
    assert wrong == ("BadRequestException", 400)


def test_files_have_the_storage_class_of_their_table(aws: Account, s3tables: Any, sales: str) -> None:
    tiering = {"storageClass": "INTELLIGENT_TIERING"}
    s3tables.put_table_bucket_storage_class(tableBucketARN=sales, storageClassConfiguration=tiering)
    told = s3tables.get_table_bucket_storage_class(tableBucketARN=sales)
    assert told["storageClassConfiguration"] == tiering
    named = {"tableBucketARN": sales, "namespace": "sales", "name": "t"}
    s3tables.create_table(**named, **TABLE, metadata={"iceberg": {"schema": SCHEMA}})
    assert s3tables.get_table_storage_class(**named)["storageClassConfiguration"] == tiering
    bucket, _, key = s3tables.get_table(**named)["metadataLocation"].removeprefix("s3://").partition("/")
    assert aws.client("s3").head_object(Bucket=bucket, Key=key)["StorageClass"] == "INTELLIGENT_TIERING"
    standard = {"storageClass": "STANDARD"}
    s3tables.create_table(**named | {"name": "u"}, **TABLE, storageClassConfiguration=standard)
    told = s3tables.get_table_storage_class(**named | {"name": "u"})
    assert told["storageClassConfiguration"] == standard


def test_maintenance_is_on_unless_it_is_turned_off(s3tables: Any, daily: dict[str, str]) -> None:
    told = s3tables.get_table_maintenance_configuration(**daily)["configuration"]
    assert told["icebergSnapshotManagement"]["settings"]["icebergSnapshotManagement"] == {
        "minSnapshotsToKeep": 1,
        "maxSnapshotAgeHours": 120,
    }
    assert told["icebergCompaction"]["settings"]["icebergCompaction"]["targetFileSizeMB"] == 512
    value = {"status": "disabled", "settings": {"icebergCompaction": {"targetFileSizeMB": 64}}}
    s3tables.put_table_maintenance_configuration(**daily, type="icebergCompaction", value=value)
    told = s3tables.get_table_maintenance_configuration(**daily)["configuration"]["icebergCompaction"]
    assert (told["status"], told["settings"]["icebergCompaction"]["targetFileSizeMB"]) == ("disabled", 64)
    jobs = s3tables.get_table_maintenance_job_status(**daily)["status"]
    assert jobs["icebergCompaction"]["status"] == "Disabled"
    assert jobs["icebergSnapshotManagement"]["status"] == "Not_Yet_Run"
    value = {"status": "enabled", "settings": {"icebergCompaction": {"targetFileSizeMB": 1000}}}
    wrong = refused(s3tables.put_table_maintenance_configuration, **daily, type="icebergCompaction", value=value)
    assert wrong == ("BadRequestException", 400)
    place = {"tableBucketARN": daily["tableBucketARN"]}
    days = {"icebergUnreferencedFileRemoval": {"unreferencedDays": 7, "nonCurrentDays": 20}}
    s3tables.put_table_bucket_maintenance_configuration(
        **place, type="icebergUnreferencedFileRemoval", value={"status": "enabled", "settings": days}
    )
    told = s3tables.get_table_bucket_maintenance_configuration(**place)["configuration"]
    assert told["icebergUnreferencedFileRemoval"]["settings"] == days


def client(aws: Account, service: str, key: dict[str, str]) -> Any:
    import boto3

    return boto3.client(service, endpoint_url=aws.cloud.endpoint, region_name=aws.region, **key)


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
