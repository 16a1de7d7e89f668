"""The study notes' account of DynamoDB, played through: each test is named after the fact that it shows."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account


@pytest.fixture
def db(aws: Account, cloud: LocalCloud) -> Any:
    cloud.clock.freeze()
    yield aws.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
    cloud.clock.resume()


def table(db: Any, name: str, keys: str = "pk S", **more: Any) -> str:
    parts = [part.split() for part in keys.split(", ")]
    billing = {"BillingMode": "PAY_PER_REQUEST"} if "ProvisionedThroughput" not in more else {}
    extra = [part.split() for part in more.pop("extra", "").split(", ") if part]
    db.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": key, "KeyType": kind} for (key, _), kind in zip(parts, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in parts + extra],
        **billing | more,
    )
    db.get_waiter("table_exists").wait(TableName=name)
    return name


def put(db: Any, name: str, **attributes: Any) -> Any:
    return db.put_item(TableName=name, Item={key: {"S": value} for key, value in attributes.items()})


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_ten_items_a_second_of_two_and_a_half_kilobytes_take_30_wcu_and_10_or_5_rcu(db: Any) -> None:
    name = table(db, "sums")
    written = read = eventually = 0.0
    for number in range(10):
        item = {"pk": {"S": str(number)}, "x": {"S": "x" * 2550}}
        told = db.put_item(TableName=name, Item=item, ReturnConsumedCapacity="TOTAL")
        written += told["ConsumedCapacity"]["CapacityUnits"]
        key = {"TableName": name, "Key": {"pk": item["pk"]}, "ReturnConsumedCapacity": "TOTAL"}
        read += db.get_item(**key, ConsistentRead=True)["ConsumedCapacity"]["CapacityUnits"]
        eventually += db.get_item(**key)["ConsumedCapacity"]["CapacityUnits"]
    assert (written, read, eventually) == (30, 10, 5)


def test_an_item_is_at_most_400_kilobytes(db: Any) -> None:
    name = table(db, "sizes")
    put(db, name, pk="a", x="x" * (400 * 1024 - len("pkax")))
    with pytest.raises(ClientError) as refused:
        put(db, name, pk="a", x="x" * (400 * 1024 - len("pkax") + 1))
    assert code_of(refused) == "ValidationException"


def test_local_indexes_come_with_the_table_and_never_later_global_ones_whenever(db: Any, cloud: LocalCloud) -> None:
    name = table(
        db,
        "views",
        "user S, at N",
        extra="score N",
        LocalSecondaryIndexes=[
            {
                "IndexName": "by-score",
                "KeySchema": [
                    {"AttributeName": "user", "KeyType": "HASH"},
                    {"AttributeName": "score", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    db.put_item(TableName=name, Item={"user": {"S": "u"}, "at": {"N": "1"}, "score": {"N": "7"}, "game": {"S": "g"}})
    create = {
        "IndexName": "by-game",
        "KeySchema": [{"AttributeName": "game", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    db.update_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "game", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": create}],
    )
    cloud.clock.advance(1)
    asked = {"KeyConditionExpression": "game = :g", "ExpressionAttributeValues": {":g": {"S": "g"}}}
    assert db.query(TableName=name, IndexName="by-game", **asked)["Count"] == 1
    with pytest.raises(ClientError):  # a strongly consistent read of a global one there is not
        db.query(TableName=name, IndexName="by-game", ConsistentRead=True, **asked)
    by_score = {"KeyConditionExpression": "#u = :u", "ExpressionAttributeValues": {":u": {"S": "u"}}}
    found = db.query(
        TableName=name, IndexName="by-score", ConsistentRead=True, ExpressionAttributeNames={"#u": "user"}, **by_score
    )
    assert found["Count"] == 1


def test_a_table_has_at_most_20_global_indexes(db: Any) -> None:
    indexes = [
        {
            "IndexName": f"index-{number}",
            "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        for number in range(21)
    ]
    table(db, "twenty", extra="a S", GlobalSecondaryIndexes=indexes[:20])
    with pytest.raises(ClientError) as refused:
        table(db, "twenty-one", extra="a S", GlobalSecondaryIndexes=indexes)
    assert code_of(refused) == "ValidationException"


def test_scans_come_in_pages_of_a_megabyte_and_smaller_ones_cost_less_each(db: Any) -> None:
    name = table(db, "pages")
    for number in range(12):
        put(db, name, pk=str(number), x="x" * 100_000)
    page = db.scan(TableName=name, ReturnConsumedCapacity="TOTAL")
    assert page["Count"] == 10 and "LastEvaluatedKey" in page
    small = db.scan(TableName=name, Limit=2, ReturnConsumedCapacity="TOTAL")
    assert small["ConsumedCapacity"]["CapacityUnits"] < page["ConsumedCapacity"]["CapacityUnits"] / 4
    rest = db.scan(TableName=name, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert rest["Count"] == 2


def test_a_scan_can_run_in_parallel_and_filters_after_it_has_read(db: Any) -> None:
    name = table(db, "parallel")
    for number in range(60):
        put(db, name, pk=str(number), even=str(number % 2 == 0))

    def segment(number: int) -> list[str]:
        found = db.scan(TableName=name, Segment=number, TotalSegments=4)["Items"]
        return [item["pk"]["S"] for item in found]

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(segment, range(4)))
    assert sorted(key for part in parts for key in part) == sorted(map(str, range(60)))
    assert all(parts)
    filtered = db.scan(TableName=name, FilterExpression="even = :e", ExpressionAttributeValues={":e": {"S": "True"}})
    assert (filtered["Count"], filtered["ScannedCount"]) == (30, 60)


def test_queries_are_sorted_by_the_sort_key_and_scan_index_forward_is_for_queries_only(db: Any) -> None:
    name = table(db, "posts", "user S, at N")
    for at in (3, 1, 2):
        db.put_item(TableName=name, Item={"user": {"S": "212"}, "at": {"N": str(at)}})
    asked = {
        "TableName": name,
        "KeyConditionExpression": "#u = :u",
        "ExpressionAttributeNames": {"#u": "user"},
        "ExpressionAttributeValues": {":u": {"S": "212"}},
    }
    assert [item["at"]["N"] for item in db.query(**asked)["Items"]] == ["1", "2", "3"]
    assert [item["at"]["N"] for item in db.query(**asked, ScanIndexForward=False)["Items"]] == ["3", "2", "1"]
    assert "ScanIndexForward" not in db.meta.service_model.operation_model("Scan").input_shape.members


def test_the_sdk_backs_off_exponentially_when_the_throughput_is_exceeded(aws: Account, cloud: LocalCloud) -> None:
    patient = aws.client("dynamodb", config=Config(retries={"max_attempts": 8, "mode": "standard"}))
    name = table(
        patient,
        "busy",
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        Tags=[{"Key": "pileus:throttle", "Value": "true"}],
    )
    told = [put(patient, name, pk=str(number)) for number in range(4)]
    assert sum(one["ResponseMetadata"]["RetryAttempts"] for one in told) > 0
    impatient = aws.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError) as refused:
        for number in range(10):
            put(impatient, name, pk=str(number))
    assert code_of(refused) == "ProvisionedThroughputExceededException"


def test_expired_items_can_be_filtered_out_and_are_gone_within_48_hours(db: Any, cloud: LocalCloud) -> None:
    name = table(db, "sessions")
    db.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    now = int(cloud.clock.now())
    db.put_item(TableName=name, Item={"pk": {"S": "s"}, "until": {"N": str(now + 60)}})
    cloud.clock.advance(61)
    assert db.scan(TableName=name)["Count"] == 1, "it may still be there"
    fresh = {"FilterExpression": "#u > :now", "ExpressionAttributeNames": {"#u": "until"}}
    assert db.scan(TableName=name, **fresh, ExpressionAttributeValues={":now": {"N": str(now + 61)}})["Count"] == 0
    cloud.clock.advance(48 * 3600)
    assert db.scan(TableName=name)["Count"] == 0


def test_streams_have_24_hours_of_changes_in_order_with_images_of_before_and_after(
    db: Any, aws: Account, cloud: LocalCloud
) -> None:
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    name = table(db, "watched", StreamSpecification=specification)
    put(db, name, pk="a", v="1")
    put(db, name, pk="a", v="2")
    db.delete_item(TableName=name, Key={"pk": {"S": "a"}})
    streams = aws.client("dynamodbstreams")
    arn = db.describe_table(TableName=name)["Table"]["LatestStreamArn"]

    def changes() -> list[tuple[str, str | None, str | None]]:
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        told = []
        for record in streams.get_records(ShardIterator=at["ShardIterator"])["Records"]:
            old, new = (record["dynamodb"].get(f"{image}Image", {}).get("v", {}).get("S") for image in ("Old", "New"))
            told.append((record["eventName"], old, new))
        return told

    assert changes() == [("INSERT", None, "1"), ("MODIFY", "1", "2"), ("REMOVE", "2", None)]
    cloud.clock.advance(24 * 3600 + 1)
    assert changes() == []


def test_a_transaction_is_all_or_nothing_and_checks_a_prerequisite_first(db: Any) -> None:
    name = table(db, "orders")
    put(db, name, pk="customer", state="blocked")
    check = {
        "TableName": name,
        "Key": {"pk": {"S": "customer"}},
        "ConditionExpression": "#s = :ok",
        "ExpressionAttributeNames": {"#s": "state"},
        "ExpressionAttributeValues": {":ok": {"S": "good"}},
    }
    order = {"Put": {"TableName": name, "Item": {"pk": {"S": "order"}}}}
    with pytest.raises(ClientError) as refused:
        db.transact_write_items(TransactItems=[{"ConditionCheck": check}, order])
    assert code_of(refused) == "TransactionCanceledException"
    assert "Item" not in db.get_item(TableName=name, Key={"pk": {"S": "order"}})
    put(db, name, pk="customer", state="good")
    db.transact_write_items(TransactItems=[{"ConditionCheck": check}, order])
    assert "Item" in db.get_item(TableName=name, Key={"pk": {"S": "order"}})


def test_a_condition_in_iam_lets_users_see_only_their_own_records(db: Any, aws: Account) -> None:
    name = table(db, "records", "user S")
    iam = aws.client("iam")
    iam.create_user(UserName="ann")
    statement = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
        "Resource": db.describe_table(TableName=name)["Table"]["TableArn"],
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:username}"]}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = boto3.client(
        "dynamodb",
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    put(ann, name, user="ann")
    with pytest.raises(ClientError) as refused:
        put(ann, name, user="bob")
    assert code_of(refused) == "AccessDeniedException"


def test_global_tables_take_writes_in_every_region_and_the_last_one_wins(
    db: Any, aws: Account, cloud: LocalCloud
) -> None:
    name = table(db, "world")
    db.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    cloud.clock.advance(2)
    there = aws.client("dynamodb", region_name="eu-west-1")
    put(db, name, pk="a", v="from us-east-1")
    cloud.clock.advance(0.1)
    put(there, name, pk="a", v="from eu-west-1")
    key = {"TableName": name, "Key": {"pk": {"S": "a"}}}
    assert there.get_item(**key, ConsistentRead=True)["Item"]["v"]["S"] == "from eu-west-1"
    cloud.clock.advance(1)  # replication takes less than a second
    assert db.get_item(**key)["Item"]["v"]["S"] == "from eu-west-1"
