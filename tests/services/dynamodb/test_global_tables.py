"""Tables in several Regions: the last writer wins, in both versions of the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

from .conftest import NEW, Make, n, s

HERE, THERE, FAR = "us-east-1", "us-east-2", "us-west-2"


@pytest.fixture(scope="session")
def regions(account: Account) -> dict[str, Any]:
    return {region: account.client("dynamodb", region_name=region, config=NEW) for region in (HERE, THERE, FAR)}


@pytest.fixture
def at(regions: dict[str, Any], clock: CloudClock) -> dict[str, Any]:
    return regions


def replicate(db: Any, name: str, *others: str, **more: Any) -> dict[str, Any]:
    updates = [{"Create": {"RegionName": region}} for region in others]
    told = db.update_table(TableName=name, ReplicaUpdates=updates, **more)["TableDescription"]
    assert isinstance(told, dict)
    return told


def get(db: Any, name: str, key: str = "a") -> Any:
    return db.get_item(TableName=name, Key={"pk": s(key)}).get("Item")


def test_a_replica_gets_what_there_is_and_what_comes(at: dict[str, Any], make: Make, clock: CloudClock) -> None:
    name = make(gsis={"byX": "x S"})
    at[HERE].put_item(TableName=name, Item={"pk": s("a"), "x": s("1")})
    told = replicate(at[HERE], name, THERE)
    assert told["Replicas"][0]["RegionName"] == THERE
    clock.advance(2)
    here = at[HERE].describe_table(TableName=name)["Table"]
    there = at[THERE].describe_table(TableName=name)["Table"]
    assert [(one["RegionName"], one["ReplicaStatus"]) for one in here["Replicas"]] == [(THERE, "ACTIVE")]
    assert [(one["RegionName"], one["ReplicaStatus"]) for one in there["Replicas"]] == [(HERE, "ACTIVE")]
    assert here["GlobalTableVersion"] == there["GlobalTableVersion"] == "2019.11.21"
    assert here["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert there["TableStatus"] == "ACTIVE" and there["TableArn"].split(":")[3] == THERE
    assert get(at[THERE], name) == {"pk": s("a"), "x": s("1")}
    at[THERE].put_item(TableName=name, Item={"pk": s("b"), "x": s("2")})
    assert get(at[HERE], name, "b") is None, "replication takes its time"
    clock.advance(1)
    assert get(at[HERE], name, "b") == {"pk": s("b"), "x": s("2")}
    found = at[HERE].query(
        TableName=name,
        IndexName="byX",
        KeyConditionExpression="x = :x",
        ExpressionAttributeValues={":x": s("2")},
    )
    assert found["Count"] == 1, "indexes of replicas are kept up too"


def test_the_last_writer_wins(at: dict[str, Any], make: Make, clock: CloudClock) -> None:
    name = make()
    replicate(at[HERE], name, THERE, FAR)
    clock.advance(2)
    at[HERE].put_item(TableName=name, Item={"pk": s("a"), "from": s("here")})
    clock.advance(0.1)
    at[THERE].put_item(TableName=name, Item={"pk": s("a"), "from": s("there")})
    clock.advance(2)
    assert [get(db, name) for db in at.values()] == [{"pk": s("a"), "from": s("there")}] * 3
    at[FAR].delete_item(TableName=name, Key={"pk": s("a")})
    clock.advance(2)
    assert [get(db, name) for db in at.values()] == [None] * 3


def test_a_deletion_is_not_undone_by_an_older_write(at: dict[str, Any], make: Make, clock: CloudClock) -> None:
    name = make()
    replicate(at[HERE], name, THERE)
    clock.advance(2)
    at[HERE].put_item(TableName=name, Item={"pk": s("a"), "v": n(1)})
    clock.advance(2)
    at[HERE].update_item(
        TableName=name, Key={"pk": s("a")}, UpdateExpression="SET v = :v", ExpressionAttributeValues={":v": n(2)}
    )
    clock.advance(0.1)
    at[THERE].delete_item(TableName=name, Key={"pk": s("a")})
    clock.advance(2)
    assert get(at[HERE], name) is None and get(at[THERE], name) is None


def test_settings_that_belong_to_all_replicas_follow(at: dict[str, Any], make: Make, clock: CloudClock) -> None:
    name = make()
    replicate(at[HERE], name, THERE)
    clock.advance(2)
    at[HERE].update_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "byG",
                    "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            }
        ],
    )
    at[HERE].update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends"})
    clock.advance(2)
    told = at[THERE].describe_table(TableName=name)["Table"]
    assert [one["IndexName"] for one in told["GlobalSecondaryIndexes"]] == ["byG"]
    assert at[THERE].describe_time_to_live(TableName=name)["TimeToLiveDescription"]["AttributeName"] == "ends"


def test_replicas_go(at: dict[str, Any], make: Make, clock: CloudClock, refused: Any) -> None:
    name = make()
    replicate(at[HERE], name, THERE)
    clock.advance(2)
    with refused("ValidationException", "already existed as tables"):
        replicate(at[HERE], name, THERE)
    with refused("ValidationException", "was not found"):
        at[HERE].update_table(TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": FAR}}])
    at[HERE].update_table(TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": THERE}}])
    clock.advance(2)
    with refused("ResourceNotFoundException"):
        at[THERE].describe_table(TableName=name)
    assert "Replicas" not in at[HERE].describe_table(TableName=name)["Table"]


def test_a_replica_that_disassociates_stays_as_it_is(
    at: dict[str, Any], make: Make, clock: CloudClock, refused: Any
) -> None:
    name = make()
    replicate(at[HERE], name, THERE)
    clock.advance(2)
    at[THERE].put_item(TableName=name, Item={"pk": s("a")})
    leave = [{"Disassociate": {"RegionName": THERE, "DisassociationMode": "WAIT_FOR_REPLICATION"}}]
    at[THERE].update_table(TableName=name, DisassociationProtectionEnabled=True)
    clock.advance(1)
    with refused("ValidationException", "protection"):
        at[THERE].update_table(TableName=name, ReplicaUpdates=leave)
    at[THERE].update_table(TableName=name, DisassociationProtectionEnabled=False)
    clock.advance(1)
    at[THERE].update_table(TableName=name, ReplicaUpdates=leave)
    clock.advance(1)
    assert get(at[HERE], name) == get(at[THERE], name) == {"pk": s("a")}
    at[THERE].put_item(TableName=name, Item={"pk": s("b")})
    clock.advance(2)
    assert get(at[HERE], name, "b") is None
    assert "Replicas" not in at[THERE].describe_table(TableName=name)["Table"]


def test_strong_consistency_spans_three_regions(
    at: dict[str, Any], make: Make, clock: CloudClock, refused: Any
) -> None:
    name = make()
    with refused("ValidationException", "exactly three Regions"):
        replicate(at[HERE], name, THERE, MultiRegionConsistency="STRONG")
    witness = [{"Create": {"RegionName": FAR}}]
    replicate(at[HERE], name, THERE, MultiRegionConsistency="STRONG", GlobalTableWitnessUpdates=witness)
    clock.advance(2)
    told = at[HERE].describe_table(TableName=name)["Table"]
    assert told["MultiRegionConsistency"] == "STRONG"
    assert told["GlobalTableWitnesses"] == [{"RegionName": FAR, "WitnessStatus": "ACTIVE"}]
    at[THERE].put_item(TableName=name, Item={"pk": s("a")})
    assert get(at[HERE], name) == {"pk": s("a")}, "it is everywhere at once"
    with refused("ValidationException", "Transactions are not supported"):
        at[HERE].transact_write_items(TransactItems=[{"Put": {"TableName": name, "Item": {"pk": s("b")}}}])
    with refused("ValidationException"):
        at[HERE].update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "e"})


def test_the_old_api_puts_equal_tables_together(
    at: dict[str, Any], make: Make, clock: CloudClock, refused: Any
) -> None:
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    name = make(StreamSpecification=stream)
    group = [{"RegionName": HERE}, {"RegionName": THERE}]
    clock.advance(1)
    with refused("TableNotFoundException"):
        at[HERE].create_global_table(GlobalTableName=name, ReplicationGroup=group)
    at[THERE].create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification=stream,
    )
    clock.advance(1)
    at[HERE].create_global_table(GlobalTableName=name, ReplicationGroup=group)
    with refused("GlobalTableAlreadyExistsException"):
        at[HERE].create_global_table(GlobalTableName=name, ReplicationGroup=group)
    told = at[THERE].describe_global_table(GlobalTableName=name)["GlobalTableDescription"]
    assert told["GlobalTableStatus"] == "ACTIVE"
    assert {one["RegionName"] for one in told["ReplicationGroup"]} == {HERE, THERE}
    assert name in [one["GlobalTableName"] for one in at[HERE].list_global_tables(RegionName=THERE)["GlobalTables"]]
    assert name not in [one["GlobalTableName"] for one in at[HERE].list_global_tables(RegionName=FAR)["GlobalTables"]]
    at[HERE].put_item(TableName=name, Item={"pk": s("a")})
    clock.advance(1)
    item = get(at[THERE], name)
    assert item["aws:rep:updateregion"] == s(HERE)
    assert item["aws:rep:deleting"] == {"BOOL": False}
    assert float(item["aws:rep:updatetime"]["N"]) > 1e9
    settings = at[HERE].describe_global_table_settings(GlobalTableName=name)["ReplicaSettings"]
    assert {one["ReplicaBillingModeSummary"]["BillingMode"] for one in settings} == {"PAY_PER_REQUEST"}
    at[HERE].update_global_table_settings(
        GlobalTableName=name, GlobalTableBillingMode="PROVISIONED", GlobalTableProvisionedWriteCapacityUnits=7
    )
    throughput = at[THERE].describe_table(TableName=name)["Table"]["ProvisionedThroughput"]
    assert throughput["WriteCapacityUnits"] == 7
    at[HERE].update_global_table(GlobalTableName=name, ReplicaUpdates=[{"Delete": {"RegionName": THERE}}])
    at[HERE].put_item(TableName=name, Item={"pk": s("b")})
    clock.advance(1)
    assert get(at[THERE], name, "b") is None


def test_auto_scaling_of_replicas_is_application_auto_scalings(
    at: dict[str, Any], make: Make, clock: CloudClock
) -> None:
    name = make()
    clock.advance(1)
    told = at[HERE].describe_table_replica_auto_scaling(TableName=name)["TableAutoScalingDescription"]
    assert [(one["RegionName"], one["ReplicaStatus"]) for one in told["Replicas"]] == [(HERE, "ACTIVE")]


def test_expiry_is_replicated_as_a_plain_deletion(
    at: dict[str, Any], make: Make, clock: CloudClock, account: Account
) -> None:
    name = make()
    replicate(at[HERE], name, THERE)
    clock.advance(2)
    at[HERE].update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends"})
    clock.advance(1)
    at[HERE].put_item(TableName=name, Item={"pk": s("a"), "ends": n(int(clock.now()) + 60)})
    clock.advance(48 * 3600)
    assert get(at[HERE], name) is None and get(at[THERE], name) is None


def test_a_global_table_of_several_accounts(
    at: dict[str, Any], make: Make, clock: CloudClock, account: Account, refused: Any
) -> None:
    name = make(gsis={"byX": "x S"})
    ours, other = at[HERE], account.cloud.account()
    theirs = other.client("dynamodb", region_name=THERE, config=NEW)
    ours.put_item(TableName=name, Item={"pk": s("a"), "x": s("1")})
    arn = ours.describe_table(TableName=name)["Table"]["TableArn"]
    wish = {"TableName": name, "GlobalTableSourceArn": arn, "GlobalTableSettingsReplicationMode": "ENABLED"}
    with refused("AccessDeniedException"):
        theirs.create_table(**wish)
    statement = {"Effect": "Allow", "Principal": {"AWS": other.id}, "Action": "dynamodb:AssociateTableReplica"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Resource": arn}]})
    ours.put_resource_policy(ResourceArn=arn, Policy=policy)
    with refused("ValidationException", "must be ENABLED for the source"):
        theirs.create_table(**wish)
    ours.update_table(TableName=name, GlobalTableSettingsReplicationMode="ENABLED")
    clock.advance(1)
    with refused("ValidationException"):
        theirs.create_table(**wish | {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]})
    made = theirs.create_table(**wish, Tags=[{"Key": "a", "Value": "b"}])["TableDescription"]
    assert made["TableStatus"] == "CREATING" and f":{THERE}:{other.id}:" in made["TableArn"]
    clock.advance(1)
    assert get(theirs, name) == {"pk": s("a"), "x": s("1")}
    for db, region, whose in ((ours, THERE, other.id), (theirs, HERE, account.id)):
        told = db.describe_table(TableName=name)["Table"]
        assert told["GlobalTableSettingsReplicationMode"] == "ENABLED" and told["TableStatus"] == "ACTIVE"
        (replica,) = told["Replicas"]
        assert (replica["RegionName"], replica["ReplicaStatus"]) == (region, "ACTIVE")
        assert replica["ReplicaArn"].split(":")[4] == whose
    theirs.put_item(TableName=name, Item={"pk": s("b"), "x": s("2")})
    ours.delete_item(TableName=name, Key={"pk": s("a")})
    clock.advance(1)
    assert get(ours, name, "b") == {"pk": s("b"), "x": s("2")} and get(theirs, name) is None
    found = ours.query(
        TableName=name,
        IndexName="byX",
        KeyConditionExpression="x = :x",
        ExpressionAttributeValues={":x": s("2")},
    )
    assert found["Count"] == 1
    ours.update_time_to_live(TableName=name, TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True})
    assert theirs.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["AttributeName"] == "ttl"
    with refused("ValidationException"):
        replicate(ours, name, FAR)
    third = account.cloud.account().client("dynamodb", region_name=THERE, config=NEW)
    with refused("AccessDeniedException"):
        third.create_table(**wish)
    theirs.delete_table(TableName=name)
    clock.advance(1)
    assert "Replicas" not in ours.describe_table(TableName=name)["Table"]
    ours.put_item(TableName=name, Item={"pk": s("c"), "x": s("3")})
    assert get(ours, name, "c")
