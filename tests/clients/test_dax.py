"""AWS's own client of DAX against a cluster's endpoint: what it reads is kept, and for how long."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

import pileus
from pileus.testing.account import Account
from pileus.testing.local import CloudClock

amazondax = pytest.importorskip("amazondax")

TABLE = "table"


class Set:
    """A cluster with a table behind it, and clients of both."""

    def __init__(self, account: Account, clock: CloudClock) -> None:
        self.account = account
        self.clock = clock
        self.db = account.client("dynamodb")
        for name, keys in ((TABLE, (("pk", "S"), ("sk", "N"))), ("simple", (("id", "S"),))):
            self.db.create_table(
                TableName=name,
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind}
                    for (key, _), kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys],
                BillingMode="PAY_PER_REQUEST",
            )
        iam = account.client("iam")
        trusted = {"Effect": "Allow", "Principal": {"Service": "dax.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        role = iam.create_role(RoleName="dax", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        allowed = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName="dax", PolicyName="p", PolicyDocument=policy)
        dax = account.client("dax")
        dax.create_cluster(ClusterName="c", NodeType="dax.t3.small", ReplicationFactor=2, IamRoleArn=role)
        clock.advance(2)
        (cluster,) = dax.describe_clusters()["Clusters"]
        self.url = cluster["ClusterDiscoveryEndpoint"]["URL"]
        self.client = self.connect(account.id, "x")

    def connect(self, key: str, secret: str) -> Any:
        return amazondax.AmazonDaxClient(
            endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret
        )


@pytest.fixture(scope="module")
def frozen(cloud: pileus.LocalCloud) -> Iterator[CloudClock]:
    cloud.clock.freeze()
    yield cloud.clock
    cloud.clock.resume()


@pytest.fixture(scope="module")
def stage(cloud: pileus.LocalCloud, frozen: CloudClock) -> Iterator[Set]:
    made = Set(cloud.account(), frozen)
    yield made
    made.client.close()


ITEM = {
    "pk": {"S": "a"},
    "sk": {"N": "12.5"},
    "n": {"N": "-1.25"},
    "b": {"B": b"\x00\xff"},
    "l": {"L": [{"N": "1"}, {"NULL": True}, {"BOOL": False}]},
    "m": {"M": {"inner": {"S": "x"}, "list": {"L": [{"S": "y"}]}}},
    "ss": {"SS": ["x", "y"]},
    "ns": {"NS": ["1", "2.5"]},
}
KEY = {"pk": ITEM["pk"], "sk": ITEM["sk"]}


def test_items_go_through_and_come_back(stage: Set) -> None:
    client, db = stage.client, stage.db
    client.put_item(TableName=TABLE, Item=ITEM)
    assert db.get_item(TableName=TABLE, Key=KEY)["Item"] == ITEM, "it is written through"
    assert client.get_item(TableName=TABLE, Key=KEY)["Item"] == ITEM
    assert client.get_item(TableName=TABLE, Key=KEY, ConsistentRead=True)["Item"] == ITEM
    told = client.get_item(
        TableName=TABLE, Key=KEY, ProjectionExpression="n, m.#l[0]", ExpressionAttributeNames={"#l": "list"}
    )
    assert told["Item"] == {"n": {"N": "-1.25"}, "m": {"M": {"list": {"L": [{"S": "y"}]}}}}
    updated = client.update_item(
        TableName=TABLE,
        Key=KEY,
        UpdateExpression="SET n = n + :one, added = if_not_exists(added, :zero) REMOVE b",
        ConditionExpression="attribute_exists(pk) AND (n < :zero OR NOT contains(ss, :x))",
        ExpressionAttributeValues={":one": {"N": "1"}, ":zero": {"N": "0"}, ":x": {"S": "x"}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert updated["n"] == {"N": "-0.25"} and updated["added"] == {"N": "0"} and "b" not in updated
    assert client.get_item(TableName=TABLE, Key=KEY)["Item"] == updated
    old = client.delete_item(TableName=TABLE, Key=KEY, ReturnValues="ALL_OLD")["Attributes"]
    assert old == updated
    assert "Item" not in client.get_item(TableName=TABLE, Key=KEY)


def test_an_item_is_kept_for_five_minutes(stage: Set) -> None:
    client, db = stage.client, stage.db
    key = {"id": {"S": "kept"}}
    client.put_item(TableName="simple", Item=key | {"v": {"N": "1"}})
    db.put_item(TableName="simple", Item=key | {"v": {"N": "2"}})
    assert client.get_item(TableName="simple", Key=key)["Item"]["v"] == {"N": "1"}, "it comes from memory"
    assert client.get_item(TableName="simple", Key=key, ConsistentRead=True)["Item"]["v"] == {"N": "2"}
    stage.clock.advance(299)
    assert client.get_item(TableName="simple", Key=key)["Item"]["v"] == {"N": "1"}
    stage.clock.advance(2)
    assert client.get_item(TableName="simple", Key=key)["Item"]["v"] == {"N": "2"}


def test_that_there_is_no_item_is_kept_too(stage: Set) -> None:
    key = {"id": {"S": "absent"}}
    assert "Item" not in stage.client.get_item(TableName="simple", Key=key)
    stage.db.put_item(TableName="simple", Item=key)
    assert "Item" not in stage.client.get_item(TableName="simple", Key=key)
    stage.client.put_item(TableName="simple", Item=key | {"v": {"S": "x"}})
    assert stage.client.get_item(TableName="simple", Key=key)["Item"]["v"] == {"S": "x"}


def test_queries_are_kept_apart_from_items(stage: Set) -> None:
    client = stage.client
    for number in range(5):
        client.put_item(TableName=TABLE, Item={"pk": {"S": "q"}, "sk": {"N": str(number)}, "v": {"N": "1"}})
    asked: dict[str, Any] = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :p AND sk BETWEEN :a AND :b",
        "FilterExpression": "v = :v",
        "ExpressionAttributeValues": {
            ":p": {"S": "q"},
            ":a": {"N": "1"},
            ":b": {"N": "3"},
            ":v": {"N": "1"},
        },
    }
    assert [item["sk"]["N"] for item in client.query(**asked)["Items"]] == ["1", "2", "3"]
    client.delete_item(TableName=TABLE, Key={"pk": {"S": "q"}, "sk": {"N": "2"}})
    assert client.query(**asked)["Count"] == 3, "the answer of before"
    assert client.query(**asked, ConsistentRead=True)["Count"] == 2
    stage.clock.advance(301)
    assert client.query(**asked)["Count"] == 2
    page = client.query(**asked, Limit=1)
    rest = client.query(**asked, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert page["Count"] + rest["Count"] == 2
    found = client.scan(TableName=TABLE, ProjectionExpression="sk")["Items"]
    assert {item["sk"]["N"] for item in found} >= {"0", "1", "3", "4"}


def test_batches_and_transactions(stage: Set) -> None:
    client = stage.client
    puts = [{"PutRequest": {"Item": {"id": {"S": f"b{n}"}, "v": {"N": str(n)}}}} for n in range(3)]
    assert client.batch_write_item(RequestItems={"simple": puts})["UnprocessedItems"] == {}
    keys = [{"id": {"S": f"b{n}"}} for n in range(4)]
    got = client.batch_get_item(RequestItems={"simple": {"Keys": keys}})
    assert sorted(item["v"]["N"] for item in got["Responses"]["simple"]) == ["0", "1", "2"]
    client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "simple", "Item": {"id": {"S": "t1"}, "v": {"N": "7"}}}},
            {
                "Update": {
                    "TableName": "simple",
                    "Key": keys[0],
                    "UpdateExpression": "SET v = :v",
                    "ExpressionAttributeValues": {":v": {"N": "8"}},
                }
            },
            {"Delete": {"TableName": "simple", "Key": keys[1]}},
        ]
    )
    assert client.get_item(TableName="simple", Key=keys[0])["Item"]["v"] == {"N": "8"}
    told = client.transact_get_items(
        TransactItems=[{"Get": {"TableName": "simple", "Key": key}} for key in (keys[0], keys[1])]
    )["Responses"]
    assert told[0]["Item"]["v"] == {"N": "8"} and not told[1]


def test_errors_are_dynamodbs(stage: Set) -> None:
    condition = {"ConditionExpression": "attribute_not_exists(id)"}
    item = {"id": {"S": "once"}}
    stage.client.put_item(TableName="simple", Item=item, **condition)
    with pytest.raises(ClientError) as refused:
        stage.client.put_item(TableName="simple", Item=item, **condition)
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    with pytest.raises(ClientError) as refused:
        stage.client.get_item(TableName="nothing", Key=item)
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_user_needs_the_right_to_use_the_cluster(stage: Set) -> None:
    iam = stage.account.client("iam")
    iam.create_user(UserName="reader")
    allowed = {"Effect": "Allow", "Action": ["dax:GetItem"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    with stage.connect(key["AccessKeyId"], key["SecretAccessKey"]) as client:
        client.get_item(TableName="simple", Key={"id": {"S": "x"}})
        with pytest.raises(ClientError) as refused:
            client.put_item(TableName="simple", Item={"id": {"S": "x"}})
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"


def test_the_resource_api_works_as_it_does_without(stage: Set) -> None:
    table = amazondax.AmazonDaxClient.resource(
        endpoint_url=stage.url, region_name="us-east-1", aws_access_key_id=stage.account.id, aws_secret_access_key="x"
    ).Table("simple")

    def work(number: int) -> None:
        table.put_item(Item={"id": f"r{number}", "v": Decimal(number), "tags": {"a", "b"}})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.get_item(Key={"id": "r3"})["Item"] == {"id": "r3", "v": Decimal(3), "tags": {"a", "b"}}
