"""Tables: creating, describing, changing, deleting, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Make, n, s

KEY = [{"AttributeName": "pk", "KeyType": "HASH"}]
RANGE = [*KEY, {"AttributeName": "sk", "KeyType": "RANGE"}]
PK = {"AttributeName": "pk", "AttributeType": "S"}
SK = {"AttributeName": "sk", "AttributeType": "N"}
ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}
ALL = {"ProjectionType": "ALL"}


def index(name: str = "index", schema: list[dict[str, str]] = KEY, projection: dict[str, Any] = ALL) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": schema, "Projection": projection}


def test_a_table_is_described_as_it_was_made(db: Any) -> None:
    made = db.create_table(
        TableName="described",
        KeySchema=RANGE,
        AttributeDefinitions=[PK, SK],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
        TableClass="STANDARD_INFREQUENT_ACCESS",
        Tags=[{"Key": "team", "Value": "red"}],
    )["TableDescription"]
    assert made["TableStatus"] == "CREATING"
    db.get_waiter("table_exists").wait(TableName="described")
    table = db.describe_table(TableName="described")["Table"]
    assert table["TableStatus"] == "ACTIVE"
    assert table["KeySchema"] == RANGE
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 6
    assert table["TableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
    assert table["TableArn"].endswith(":table/described")
    assert "BillingModeSummary" not in table
    assert db.describe_table(TableName=table["TableArn"])["Table"]["TableId"] == table["TableId"]
    assert db.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"] == [{"Key": "team", "Value": "red"}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"AttributeDefinitions": []},
            "One or more parameter values were invalid: Some index key attributes are not defined in "
            "AttributeDefinitions. Keys: [pk], AttributeDefinitions: []",
        ),
        (
            {"AttributeDefinitions": [PK, SK]},
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match "
            "number of attributes defined in AttributeDefinitions",
        ),
        (
            {"KeySchema": [{"AttributeName": "pk", "KeyType": "RANGE"}]},
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        ({"KeySchema": [*KEY, *KEY]}, "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"),
        (
            {"KeySchema": [*KEY, {"AttributeName": "pk", "KeyType": "RANGE"}]},
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ),
        ({"TableName": "ab"}, "TableName must be at least 3 characters long and at most 255 characters long"),
        ({"TableName": "a;b"}, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
        (
            {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be "
            "specified when BillingMode is PAY_PER_REQUEST",
        ),
        (
            {"BillingMode": "PROVISIONED"},
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be "
            "specified when BillingMode is PROVISIONED",
        ),
        (
            {"LocalSecondaryIndexes": [index()]},
            "One or more parameter values were invalid: Table KeySchema does not have a range key, which is required "
            "when specifying a LocalSecondaryIndex",
        ),
        (
            {"GlobalSecondaryIndexes": [index(), index()]},
            "One or more parameter values were invalid: Duplicate index name: index",
        ),
        (
            {"GlobalSecondaryIndexes": []},
            "One or more parameter values were invalid: List of GlobalSecondaryIndexes is empty",
        ),
        (
            {"GlobalSecondaryIndexes": [index(projection={})]},
            "One or more parameter values were invalid: Unknown ProjectionType: null",
        ),
        (
            {"GlobalSecondaryIndexes": [index(projection={"ProjectionType": "INCLUDE"})]},
            "One or more parameter values were invalid: ProjectionType is INCLUDE, but NonKeyAttributes is not "
            "specified",
        ),
        (
            {"StreamSpecification": {"StreamEnabled": True}},
            "One or more parameter values were invalid: StreamViewType is required when StreamEnabled is true",
        ),
    ],
)
def test_definitions_that_do_not_hold_together_are_refused(
    db: Any, refused: Any, changes: dict[str, Any], message: str
) -> None:
    asked = {"TableName": "refused", "KeySchema": KEY, "AttributeDefinitions": [PK], **ON_DEMAND} | changes
    with refused("ValidationException", message):
        db.create_table(**asked)


def test_the_limit_is_20_global_secondary_indexes(db: Any, refused: Any) -> None:
    many = [index(f"index{number}") for number in range(21)]
    asked = {"KeySchema": KEY, "AttributeDefinitions": [PK], **ON_DEMAND}
    with refused("ValidationException", "Number of GlobalSecondaryIndexes exceeds per-table limit of 20"):
        db.create_table(TableName="many", GlobalSecondaryIndexes=many, **asked)
    db.create_table(TableName="many", GlobalSecondaryIndexes=many[:20], **asked)


def test_a_name_is_taken_only_once(db: Any, make: Make, refused: Any) -> None:
    name = make()
    with refused("ResourceInUseException", f"Table already exists: {name}"):
        db.create_table(TableName=name, KeySchema=KEY, AttributeDefinitions=[PK], **ON_DEMAND)


def test_a_table_that_is_not_there(db: Any, refused: Any) -> None:
    with refused("ResourceNotFoundException", "Requested resource not found: Table: nowhere not found"):
        db.describe_table(TableName="nowhere")
    with refused("ResourceNotFoundException", "Requested resource not found"):
        db.get_item(TableName="nowhere", Key={"pk": s("a")})


def test_a_deleted_table_is_gone_with_its_items(db: Any, make: Make) -> None:
    name = make()
    db.put_item(TableName=name, Item={"pk": s("a")})
    assert db.describe_table(TableName=name)["Table"]["ItemCount"] == 1
    assert db.delete_table(TableName=name)["TableDescription"]["TableStatus"] == "DELETING"
    db.get_waiter("table_not_exists").wait(TableName=name)
    db.create_table(TableName=name, KeySchema=KEY, AttributeDefinitions=[PK], **ON_DEMAND)
    assert db.scan(TableName=name)["Count"] == 0


def test_deletion_protection(db: Any, make: Make, refused: Any) -> None:
    name = make(DeletionProtectionEnabled=True)
    with refused("ValidationException", "Resource cannot be deleted as it is currently protected against deletion."):
        db.delete_table(TableName=name)
    db.update_table(TableName=name, DeletionProtectionEnabled=False)
    db.delete_table(TableName=name)


def test_tables_are_listed_by_name_in_pages(cloud: Any) -> None:
    db = cloud.account().client("dynamodb")
    for number in range(5):
        db.create_table(TableName=f"page{number}", KeySchema=KEY, AttributeDefinitions=[PK], **ON_DEMAND)
    first = db.list_tables(Limit=2)
    assert first == first | {"TableNames": ["page0", "page1"], "LastEvaluatedTableName": "page1"}
    pages = db.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    assert [name for page in pages for name in page["TableNames"]] == [f"page{number}" for number in range(5)]


def test_billing_modes_change(db: Any, make: Make, refused: Any) -> None:
    name = make()
    db.update_table(
        TableName=name,
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    )
    told = db.describe_table(TableName=name)["Table"]
    assert told["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    with refused("ValidationException", "The provisioned throughput for the table will not change."):
        db.update_table(TableName=name, ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5})
    db.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
    told = db.describe_table(TableName=name)["Table"]
    assert told["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    with refused("ValidationException", "At least one of ProvisionedThroughput"):
        db.update_table(TableName=name)


def test_a_global_index_can_be_created_any_time_and_is_filled(db: Any, make: Make) -> None:
    name = make()
    for number in range(1200):
        item = {"pk": s(str(number))} | ({"color": s("red" if number % 2 else "blue")} if number % 3 else {})
        db.put_item(TableName=name, Item=item)
    db.update_table(
        TableName=name,
        AttributeDefinitions=[PK, {"AttributeName": "color", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[
            {"Create": index("by-color", [{"AttributeName": "color", "KeyType": "HASH"}], ALL)}
        ],
    )
    told = db.describe_table(TableName=name)["Table"]
    while told["GlobalSecondaryIndexes"][0]["IndexStatus"] != "ACTIVE":
        told = db.describe_table(TableName=name)["Table"]
    assert told["TableStatus"] == "ACTIVE"
    found = db.query(
        TableName=name,
        IndexName="by-color",
        KeyConditionExpression="color = :c",
        ExpressionAttributeValues={":c": s("red")},
        Select="COUNT",
    )
    assert found["Count"] == len([number for number in range(1200) if number % 3 and number % 2])
    db.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-color"}}])
    while "GlobalSecondaryIndexes" in told:
        told = db.describe_table(TableName=name)["Table"]
    assert [one["AttributeName"] for one in told["AttributeDefinitions"]] == ["pk"]


def test_local_indexes_are_made_only_at_creation_of_the_table(db: Any) -> None:
    members = db.meta.service_model.operation_model("UpdateTable").input_shape.members
    assert "GlobalSecondaryIndexUpdates" in members
    assert not any("LocalSecondary" in name for name in members)


def test_tags_come_and_go(db: Any, make: Make, refused: Any) -> None:
    arn = db.describe_table(TableName=make())["Table"]["TableArn"]
    db.tag_resource(ResourceArn=arn, Tags=[{"Key": str(number), "Value": "v"} for number in range(15)])
    first = db.list_tags_of_resource(ResourceArn=arn)
    assert len(first["Tags"]) == 10
    assert len(db.list_tags_of_resource(ResourceArn=arn, NextToken=first["NextToken"])["Tags"]) == 5
    db.untag_resource(ResourceArn=arn, TagKeys=[str(number) for number in range(14)])
    assert db.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "14", "Value": "v"}]
    with refused("ResourceNotFoundException"):
        db.list_tags_of_resource(ResourceArn=arn + "-not")


def test_resource_policies_have_revisions(db: Any, make: Make, refused: Any) -> None:
    arn = db.describe_table(TableName=make())["Table"]["TableArn"]
    with refused("PolicyNotFoundException"):
        db.get_resource_policy(ResourceArn=arn)
    statement = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "dynamodb:GetItem", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for malformed in ("{", "[]", '{"Version": "2012-10-17"}', policy.replace("Allow", "Perhaps")):
        with refused("ValidationException", "Resource policy document is malformed"):
            db.put_resource_policy(ResourceArn=arn, Policy=malformed)
        with refused("ValidationException", "Resource policy document is malformed"):
            make(ResourcePolicy=malformed)
    revision = db.put_resource_policy(ResourceArn=arn, Policy=policy)["RevisionId"]
    assert db.get_resource_policy(ResourceArn=arn)["Policy"] == policy
    with refused("PolicyNotFoundException"):
        db.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId="1")
    assert db.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=revision)["RevisionId"] == revision


def test_number_keys_are_one_however_they_are_written(db: Any, make: Make) -> None:
    name = make("pk N")
    db.put_item(TableName=name, Item={"pk": n("1.0")})
    assert db.get_item(TableName=name, Key={"pk": n("1")})["Item"] == {"pk": n("1")}


def test_indexes_are_created_with_their_table(db: Any) -> None:
    made = db.create_table(
        TableName="with-index",
        KeySchema=KEY,
        AttributeDefinitions=[PK],
        GlobalSecondaryIndexes=[index()],
        **ON_DEMAND,
    )["TableDescription"]
    assert [one["IndexStatus"] for one in made["GlobalSecondaryIndexes"]] == ["CREATING"]
    db.get_waiter("table_exists").wait(TableName="with-index")
    table = db.describe_table(TableName="with-index")["Table"]
    assert [one["IndexStatus"] for one in table["GlobalSecondaryIndexes"]] == ["ACTIVE"]


def test_encryption_is_told_by_the_arn_of_the_key(account: Any, db: Any, make: Make, refused: Any) -> None:
    def key_of(**asked: Any) -> str:
        name = make(SSESpecification={"Enabled": True, "SSEType": "KMS", **asked})
        told = db.describe_table(TableName=name)["Table"]["SSEDescription"]
        assert (told["Status"], told["SSEType"]) == ("ENABLED", "KMS")
        return str(told["KMSMasterKeyArn"])

    kms = account.client("kms")
    assert key_of() == kms.describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]["Arn"]
    own = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/tables", TargetKeyId=own["KeyId"])
    assert key_of(KMSMasterKeyId="alias/tables") == key_of(KMSMasterKeyId=own["KeyId"]) == own["Arn"]
    with refused("ValidationException"):
        key_of(KMSMasterKeyId="alias/nowhere")
