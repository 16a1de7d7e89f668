"""What a policy lets its user do to one table and not to another."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from pileus.testing.account import Account

from .conftest import Make, s

KEY = {"pk": s("a")}


def user(account: Account, table: str, condition: dict[str, Any] = {}) -> Any:
    iam = account.client("iam")
    statement = {
        "Effect": "Allow",
        "Action": "dynamodb:*",
        "Resource": f"arn:aws:dynamodb:us-east-1:{account.id}:table/{table}",
        "Condition": condition,
    }
    name = table.replace("/", "-")
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return boto3.client(
        "dynamodb",
        endpoint_url=account.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


@pytest.mark.parametrize(
    ("operation", "request_of"),
    [
        ("put_item", lambda name: {"TableName": name, "Item": KEY}),
        ("batch_get_item", lambda name: {"RequestItems": {name: {"Keys": [KEY]}}}),
        ("batch_write_item", lambda name: {"RequestItems": {name: [{"PutRequest": {"Item": KEY}}]}}),
        ("transact_get_items", lambda name: {"TransactItems": [{"Get": {"TableName": name, "Key": KEY}}]}),
        ("transact_write_items", lambda name: {"TransactItems": [{"Delete": {"TableName": name, "Key": KEY}}]}),
        ("execute_statement", lambda name: {"Statement": f'SELECT * FROM "{name}"'}),
    ],
)
def test_tables_are_allowed_one_by_one(
    account: Account, make: Make, refused: Any, operation: str, request_of: Any
) -> None:
    mine, other = make(), make()
    client = user(account, mine)
    getattr(client, operation)(**request_of(mine))
    with refused("AccessDeniedException"):
        getattr(client, operation)(**request_of(other))


@pytest.mark.parametrize(
    ("operation", "request_of"),
    [
        ("get_item", lambda name, pk: {"TableName": name, "Key": {"pk": s(pk)}}),
        ("put_item", lambda name, pk: {"TableName": name, "Item": {"pk": s(pk)}}),
        ("delete_item", lambda name, pk: {"TableName": name, "Key": {"pk": s(pk)}}),
        ("update_item", lambda name, pk: {"TableName": name, "Key": {"pk": s(pk)}}),
        ("batch_get_item", lambda name, pk: {"RequestItems": {name: {"Keys": [{"pk": s(pk)}]}}}),
        (
            "query",
            lambda name, pk: {
                "TableName": name,
                "KeyConditionExpression": "pk = :p",
                "ExpressionAttributeValues": {":p": s(pk)},
            },
        ),
        (
            "transact_write_items",
            lambda name, pk: {"TransactItems": [{"Put": {"TableName": name, "Item": {"pk": s(pk)}}}]},
        ),
    ],
)
def test_a_policy_can_restrict_users_to_their_own_records(
    account: Account, make: Make, refused: Any, operation: str, request_of: Any
) -> None:
    table = make()
    client = user(account, table, {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}})
    getattr(client, operation)(**request_of(table, "mine"))
    with refused("AccessDeniedException"):
        getattr(client, operation)(**request_of(table, "yours"))


ATTRIBUTES = {
    "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "name"]},
    "StringEqualsIfExists": {
        "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
        "dynamodb:ReturnValues": ["NONE", "UPDATED_OLD", "UPDATED_NEW"],
    },
}


def test_a_policy_can_restrict_users_to_some_attributes(account: Account, make: Make, refused: Any) -> None:
    table = make()
    client = user(account, table, ATTRIBUTES)
    client.put_item(TableName=table, Item={"pk": s("a"), "name": s("n")})
    client.get_item(TableName=table, Key={"pk": s("a")}, ProjectionExpression="#n", ExpressionAttributeNames=NAME)
    client.scan(TableName=table, ProjectionExpression="pk")
    with refused("AccessDeniedException"):
        client.put_item(TableName=table, Item={"pk": s("a"), "secret": s("n")})
    with refused("AccessDeniedException"):
        client.get_item(TableName=table, Key={"pk": s("a")}, ProjectionExpression="secret")
    with refused("AccessDeniedException"):
        client.get_item(TableName=table, Key={"pk": s("a")})
    with refused("AccessDeniedException"):
        client.scan(TableName=table)
    with refused("AccessDeniedException"):
        client.update_item(
            TableName=table,
            Key={"pk": s("a")},
            UpdateExpression="SET #n = secret",
            ExpressionAttributeNames=NAME,
            ReturnValues="UPDATED_NEW",
        )
    with refused("AccessDeniedException"):
        client.delete_item(TableName=table, Key={"pk": s("a")}, ReturnValues="ALL_OLD")
    with refused("AccessDeniedException"):
        client.execute_statement(Statement=f"SELECT secret FROM \"{table}\" WHERE pk = 'a'")


NAME = {"#n": "name"}


def test_a_policy_can_insist_on_transactions(account: Account, make: Make, refused: Any) -> None:
    table = make()
    enclosed = {"StringEquals": {"dynamodb:EnclosingOperation": "TransactWriteItems"}}
    client = user(account, table, enclosed)
    client.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": KEY}}])
    with refused("AccessDeniedException"):
        client.put_item(TableName=table, Item=KEY)


def test_a_policy_can_forbid_full_table_scans_in_partiql(account: Account, make: Make, refused: Any) -> None:
    table = make()
    client = user(account, table, {"Bool": {"dynamodb:FullTableScan": "false"}})
    client.execute_statement(Statement=f"SELECT * FROM \"{table}\" WHERE pk = 'a'")
    with refused("AccessDeniedException"):
        client.execute_statement(Statement=f'SELECT * FROM "{table}"')


def test_partiql_heeds_leading_keys(account: Account, make: Make, refused: Any) -> None:
    table = make()
    client = user(account, table, {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}})
    client.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'pk': 'mine'}}")
    with refused("AccessDeniedException"):
        client.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'pk': 'yours'}}")
    with refused("AccessDeniedException"):
        client.execute_statement(Statement=f'SELECT * FROM "{table}" WHERE pk = ?', Parameters=[s("yours")])
    with refused("AccessDeniedException"):
        client.batch_execute_statement(
            Statements=[{"Statement": f'SELECT * FROM "{table}" WHERE pk = ?', "Parameters": [s("yours")]}]
        )


def test_an_index_is_a_resource_of_its_own(account: Account, make: Make, refused: Any) -> None:
    table = make(gsis={"byX": "x S"})
    client = user(account, f"{table}/index/byX")
    asked = {"KeyConditionExpression": "x = :x", "ExpressionAttributeValues": {":x": s("1")}}
    client.query(TableName=table, IndexName="byX", **asked)
    with refused("AccessDeniedException"):
        client.scan(TableName=table)


def test_nobody_locks_themselves_out_by_a_policy_unawares(account: Account, db: Any, make: Make, refused: Any) -> None:
    arn = db.describe_table(TableName=make())["Table"]["TableArn"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:PutResourcePolicy", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    with refused("ValidationException", "ConfirmRemoveSelfResourceAccess"):
        db.put_resource_policy(ResourceArn=arn, Policy=policy)
    db.put_resource_policy(ResourceArn=arn, Policy=policy, ConfirmRemoveSelfResourceAccess=True)


def test_a_table_that_is_had_as_it_was_is_the_one_that_a_policy_names(
    account: Account, db: Any, make: Make, refused: Any
) -> None:
    mine, other = make(), make()
    client = user(account, mine)
    for table in (mine, other):
        db.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    with refused("AccessDeniedException"):
        client.restore_table_to_point_in_time(SourceTableName=other, TargetTableName=f"{other}-was")
    client.restore_table_to_point_in_time(
        SourceTableName=mine, TargetTableName=f"{mine}-was", UseLatestRestorableTime=True
    )
    asked: dict[str, Any] = {"S3BucketSource": {"S3Bucket": "nowhere"}, "InputFormat": "CSV"}
    key = {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
    key["AttributeDefinitions"] = [{"AttributeName": "pk", "AttributeType": "S"}]
    with refused("AccessDeniedException"):
        client.import_table(**asked, TableCreationParameters={"TableName": "else", **key})
