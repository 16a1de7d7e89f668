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
    iam.create_user(UserName=table)
    iam.put_user_policy(
        UserName=table, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    key = iam.create_access_key(UserName=table)["AccessKey"]
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
