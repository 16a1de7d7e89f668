"""Events of CloudTrail Lake that tell tags, and keys that policies know of requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus import LocalCloud
from tests.services.iam.asking import acting, allow, user_with_key

from .test_lake import Lake, identifier, lake

pytest.importorskip("duckdb")
pytest.importorskip("sqlglot")
__all__ = ["lake"]

TAGS = {"Type": "TagContext", "Equals": ["team", "stage"]}
KEYS = {"Type": "RequestContext", "Equals": ["aws:UserName", "aws:RequestedRegion", "aws:CalledVia"]}


def test_events_tell_the_tags_of_their_time_and_keys_of_the_request(lake: Lake, cloud: LocalCloud) -> None:
    arn = lake.store()
    lake.trail.put_event_configuration(EventDataStore=arn, MaxEventSize="Large", ContextKeySelectors=[TAGS, KEYS])
    iam, sqs = lake.account.client("iam"), lake.account.client("sqs")
    key = user_with_key(iam, "alice", allow("*"))
    iam.tag_user(UserName="alice", Tags=[{"Key": "stage", "Value": "test"}, {"Key": "cost", "Value": "1"}])
    url = sqs.create_queue(QueueName="orders", tags={"team": "red", "secret": "x"})["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{lake.account.id}:orders"
    by_alice = acting(cloud, key, "sqs")
    by_alice.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"})
    sqs.tag_queue(QueueUrl=url, Tags={"team": "blue"})
    by_alice.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "2"})
    told = [
        json.loads(row["eventJson"])["eventContext"]
        for row in lake.ask(
            f"SELECT eventJson FROM {identifier(arn)} WHERE userIdentity.userName = 'alice' "
            "AND eventSource = 'sqs.amazonaws.com' ORDER BY eventTime"
        )
    ]
    context = {"aws:UserName": "alice", "aws:RequestedRegion": "us-east-1"}
    assert [one["requestContext"] for one in told] == [context] * 2
    assert [one["tagContext"]["principalTags"] for one in told] == [{"stage": "test"}] * 2
    tags = sorted(json.dumps(one["tagContext"]["resourceTags"]) for one in told)
    red, blue = ([{"arn": queue, "tags": {"team": colour}}] for colour in ("red", "blue"))
    assert tags == sorted(map(json.dumps, (red, blue)))
    assert lake.ask(
        f"SELECT element_at(eventContext.requestContext, 'aws:UserName') AS name, COUNT(*) AS number "
        f"FROM {identifier(arn)} WHERE eventName = 'SetQueueAttributes' GROUP BY 1"
    ) == [{"name": "alice", "number": "2"}]


def test_each_store_has_what_it_wants_and_no_more(lake: Lake) -> None:
    rich, plain, other = (lake.store(name) for name in ("rich-store", "plain-store", "other-store"))
    for arn, selector in ((rich, TAGS), (other, KEYS)):
        lake.trail.put_event_configuration(EventDataStore=arn, MaxEventSize="Large", ContextKeySelectors=[selector])
    lake.account.client("sqs").create_queue(QueueName="orders", tags={"team": "red"})

    def context(arn: str) -> Any:
        statement = f"SELECT eventJson FROM {identifier(arn)} WHERE eventName = 'CreateQueue'"
        return [json.loads(row["eventJson"]).get("eventContext") for row in lake.ask(statement)]

    queue = f"arn:aws:sqs:us-east-1:{lake.account.id}:orders"
    assert context(rich) == [
        {"tagContext": {"resourceTags": [{"arn": queue, "tags": {"team": "red"}}], "principalTags": {}}}
    ]
    assert context(plain) == [None]
    assert context(other) == [{"requestContext": {"aws:RequestedRegion": "us-east-1"}}]
    lake.trail.put_event_configuration(EventDataStore=rich, ContextKeySelectors=[])
    lake.account.client("sqs").create_queue(QueueName="letters", tags={"team": "red"})
    assert sum(one is None for one in context(rich)) == 1


def test_a_call_that_failed_is_told_too(lake: Lake, cloud: LocalCloud, refused: Any) -> None:
    arn = lake.store()
    lake.trail.put_event_configuration(EventDataStore=arn, MaxEventSize="Large", ContextKeySelectors=[KEYS, TAGS])
    with refused("AccessDenied"):
        acting(cloud, user_with_key(lake.account.client("iam"), "alice"), "iam").create_user(UserName="bob")
    with refused("ValidationError"):
        acting(cloud, user_with_key(lake.account.client("iam"), "carol", allow("*")), "iam").create_user(UserName="")
    rows = lake.ask(
        f"SELECT eventJson, errorCode FROM {identifier(arn)} WHERE eventName = 'CreateUser' AND errorCode IS NOT NULL "
        "ORDER BY errorCode"
    )
    assert [row["errorCode"] for row in rows] == ["AccessDenied", "ValidationError"]
    names = [json.loads(row["eventJson"])["eventContext"]["requestContext"]["aws:UserName"] for row in rows]
    assert names == ["alice", "carol"]


def test_what_can_be_configured(lake: Lake, refused: Any) -> None:
    arn = lake.store()
    usual = {"EventDataStoreArn": arn, "MaxEventSize": "Standard", "ContextKeySelectors": []}
    shown = lake.trail.get_event_configuration(EventDataStore=identifier(arn))
    shown.pop("ResponseMetadata")
    assert shown == usual
    with refused("InvalidParameterCombinationException"):
        lake.trail.put_event_configuration(EventDataStore=arn, ContextKeySelectors=[TAGS])
    assert lake.trail.get_event_configuration(EventDataStore=arn)["ContextKeySelectors"] == []
    for wrong in ([TAGS, TAGS], [KEYS | {"Equals": ["aws:Nothing"]}], [TAGS | {"Equals": ["a", "a"]}]):
        with refused("InvalidParameterException"):
            lake.trail.put_event_configuration(EventDataStore=arn, MaxEventSize="Large", ContextKeySelectors=wrong)
    told = lake.trail.put_event_configuration(EventDataStore=arn, MaxEventSize="Large", ContextKeySelectors=[KEYS])
    assert (told["MaxEventSize"], told["ContextKeySelectors"]) == ("Large", [KEYS])
    assert lake.trail.get_event_configuration(EventDataStore=arn)["ContextKeySelectors"] == [KEYS]
    with refused("InvalidParameterCombinationException"):
        lake.trail.put_event_configuration(EventDataStore=arn, MaxEventSize="Standard")
    with refused("InvalidEventDataStoreCategoryException"):
        lake.trail.get_event_configuration(EventDataStore=lake.store("outside", "ActivityAuditLog"))
    with refused("InvalidParameterCombinationException"):
        lake.trail.get_event_configuration()
