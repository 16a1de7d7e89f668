"""A shop in a single table: every access pattern is one query, by keys that are made for it.

The design is that of the Developer Guide's "Example of modeling relational data in DynamoDB": entities share a table,
their keys have prefixes, and an overloaded index turns the relations around.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr, Key

from pileus.testing.account import Account


@pytest.fixture
def shop(aws: Account) -> Any:
    names = ("PK", "SK", "GSI1PK", "GSI1SK")
    table = aws.resource("dynamodb").create_table(
        TableName="shop",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "GSI1",
                "KeySchema": [
                    {"AttributeName": "GSI1PK", "KeyType": "HASH"},
                    {"AttributeName": "GSI1SK", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    table.wait_until_exists()
    with table.batch_writer() as batch:
        for customer in ("ann", "bob"):
            batch.put_item(Item={"PK": f"CUSTOMER#{customer}", "SK": "PROFILE", "name": customer.title()})
        for number, (customer, day, state) in enumerate(
            [("ann", "2026-01-03", "PAID"), ("ann", "2026-02-01", "OPEN"), ("bob", "2026-02-02", "OPEN")]
        ):
            order = f"ORDER#{number}"
            batch.put_item(
                Item={
                    "PK": f"CUSTOMER#{customer}",
                    "SK": f"ORDER#{day}#{number}",
                    "GSI1PK": f"STATE#{state}",
                    "GSI1SK": day,
                    "total": Decimal(number + 1),
                }
            )
            for product in ("tea", "cup"):
                batch.put_item(
                    Item={"PK": order, "SK": f"PRODUCT#{product}", "GSI1PK": f"PRODUCT#{product}", "GSI1SK": order}
                )
    return table


def keys(found: dict[str, Any], name: str = "SK") -> list[str]:
    return [str(item[name]) for item in found["Items"]]


def test_a_customer_and_the_latest_orders_come_in_one_query(shop: Any) -> None:
    everything = shop.query(KeyConditionExpression=Key("PK").eq("CUSTOMER#ann"))
    assert keys(everything) == ["ORDER#2026-01-03#0", "ORDER#2026-02-01#1", "PROFILE"]
    latest = shop.query(
        KeyConditionExpression=Key("PK").eq("CUSTOMER#ann") & Key("SK").begins_with("ORDER#"),
        ScanIndexForward=False,
        Limit=1,
    )
    assert keys(latest) == ["ORDER#2026-02-01#1"]
    january = Key("SK").between("ORDER#2026-01-01", "ORDER#2026-01-31")
    assert keys(shop.query(KeyConditionExpression=Key("PK").eq("CUSTOMER#ann") & january)) == ["ORDER#2026-01-03#0"]


def test_the_index_turns_relations_around(shop: Any) -> None:
    opened = shop.query(IndexName="GSI1", KeyConditionExpression=Key("GSI1PK").eq("STATE#OPEN"))
    assert keys(opened, "PK") == ["CUSTOMER#ann", "CUSTOMER#bob"]
    with_tea = shop.query(IndexName="GSI1", KeyConditionExpression=Key("GSI1PK").eq("PRODUCT#tea"))
    assert keys(with_tea, "GSI1SK") == ["ORDER#0", "ORDER#1", "ORDER#2"]


def test_an_order_that_is_paid_leaves_the_sparse_index_of_open_ones(shop: Any) -> None:
    key = {"PK": "CUSTOMER#ann", "SK": "ORDER#2026-02-01#1"}
    shop.update_item(
        Key=key,
        UpdateExpression="SET GSI1PK = :paid",
        ConditionExpression=Attr("GSI1PK").eq("STATE#OPEN"),
        ExpressionAttributeValues={":paid": "STATE#PAID"},
    )
    opened = shop.query(IndexName="GSI1", KeyConditionExpression=Key("GSI1PK").eq("STATE#OPEN"))
    assert keys(opened, "PK") == ["CUSTOMER#bob"]


def test_names_are_unique_by_a_transaction_and_a_guard_item(shop: Any) -> None:
    client = shop.meta.client

    def sign_up(name: str, mail: str) -> None:
        guard = "attribute_not_exists(PK)"
        client.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": "shop",
                        "Item": {"PK": f"CUSTOMER#{name}", "SK": "PROFILE", "mail": mail},
                        "ConditionExpression": guard,
                    }
                },
                {
                    "Put": {
                        "TableName": "shop",
                        "Item": {"PK": f"MAIL#{mail}", "SK": "GUARD"},
                        "ConditionExpression": guard,
                    }
                },
            ]
        )

    sign_up("eve", "e@example.com")
    with pytest.raises(client.exceptions.TransactionCanceledException) as refused:
        sign_up("eva", "e@example.com")
    codes = [reason["Code"] for reason in refused.value.response["CancellationReasons"]]
    assert codes == ["None", "ConditionalCheckFailed"]
    assert "Item" not in shop.get_item(Key={"PK": "CUSTOMER#eva", "SK": "PROFILE"})
