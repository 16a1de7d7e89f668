"""Filter policies, on attributes and on the body, and what SNS limits."""

from __future__ import annotations

import json
from typing import Any

import pytest


def attribute(value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return {"DataType": "String.Array", "StringValue": json.dumps(value)}
    kind = "Number" if isinstance(value, int | float) else "String"
    return {"DataType": kind, "StringValue": str(value)}


@pytest.mark.parametrize(
    ("policy", "wanted", "unwanted"),
    [
        ({"store": ["a", "b"]}, {"store": "b"}, {"store": "c"}),
        ({"store": ["a"], "event": ["sold"]}, {"store": "a", "event": "sold"}, {"store": "a"}),
        ({"store": [{"anything-but": ["a"]}]}, {"store": "b"}, {"event": "b"}),
        ({"store": [{"anything-but": {"prefix": "a"}}]}, {"store": "b"}, {"store": "ab"}),
        ({"store": [{"prefix": "a"}]}, {"store": "ab"}, {"store": "b"}),
        ({"store": [{"suffix": "b"}]}, {"store": "ab"}, {"store": "ba"}),
        ({"store": [{"equals-ignore-case": "Ab"}]}, {"store": "aB"}, {"store": "b"}),
        ({"store": [{"exists": False}]}, {"event": "x"}, {"store": "a"}),
        ({"price": [{"numeric": [">", 1, "<=", 9]}]}, {"price": 9}, {"price": 9.5}),
        ({"price": [{"numeric": ["=", 10]}]}, {"price": 10.0}, {"price": "10"}),
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, {"ip": "10.0.0.9"}, {"ip": "10.0.1.9"}),
        ({"tags": ["a", "b"]}, {"tags": ["c", "b"]}, {"tags": ["c"]}),
        ({"$or": [{"store": ["a"]}, {"price": [{"numeric": ["<", 1]}]}]}, {"price": 0}, {"store": "b", "price": 2}),
    ],
)
def test_a_subscriber_gets_what_it_asks_for(
    sns: Any, topic: Any, queue: Any, policy: Any, wanted: dict[str, Any], unwanted: dict[str, Any]
) -> None:
    arn, heard, body = topic(), queue(), queue("body")
    given = {"FilterPolicy": json.dumps(policy), "RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn, Attributes=given)
    given |= {"FilterPolicyScope": "MessageBody"}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=body.arn, Attributes=given)
    for name, values in (("wanted", wanted), ("unwanted", unwanted)):
        attributes = {key: attribute(value) for key, value in values.items()}
        sns.publish(TopicArn=arn, Message=name, MessageAttributes=attributes)
        sns.publish(TopicArn=arn, Message=json.dumps(values))
    assert [one for one in heard.bodies() if one in ("wanted", "unwanted")] == ["wanted"]
    assert [json.loads(one) for one in body.bodies()] == [wanted]


def test_bodies_are_matched_in_depth(sns: Any, topic: Any, queue: Any) -> None:
    arn, heard = topic(), queue()
    given = {
        "FilterPolicyScope": "MessageBody",
        "FilterPolicy": json.dumps({"order": {"lines": {"sku": ["a"], "count": [{"numeric": [">", 1]}]}}}),
        "RawMessageDelivery": "true",
    }
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn, Attributes=given)
    good = {"order": {"lines": [{"sku": "a", "count": 2}, {"sku": "b", "count": 1}]}}
    mixed = {"order": {"lines": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}]}}
    for message in (json.dumps(mixed), "no JSON", "[1]", json.dumps(good)):
        sns.publish(TopicArn=arn, Message=message)
    assert [json.loads(one) for one in heard.bodies()] == [good]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("{", "Invalid parameter: FilterPolicy: failed to parse JSON"),
        ('{"a": "b"}', 'Invalid parameter: FilterPolicy: "a" must be an object or an array'),
        ('{"a": {"b": ["c"]}}', "scope MessageAttributes does not support nested filter policy"),
        ('{"a": [{"looks-like": "b"}]}', "Invalid parameter: FilterPolicy: Unrecognized match type looks-like"),
        (json.dumps({str(n): ["x"] for n in range(6)}), "can not have more than 5 keys"),
        (json.dumps({"a": [str(n) for n in range(76)], "b": ["1", "2"]}), "Filter policy is too complex"),
    ],
)
def test_what_is_no_filter_policy_is_refused(
    sns: Any, topic: Any, queue: Any, refused: Any, policy: str, words: str
) -> None:
    arn, heard = topic(), queue()
    with refused("InvalidParameter", words):
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn, Attributes={"FilterPolicy": policy})
    assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []


def test_a_filter_policy_can_be_changed_and_taken_away(sns: Any, topic: Any, queue: Any) -> None:
    arn, heard = topic(), queue()
    subscription = sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn)["SubscriptionArn"]

    def put(value: str) -> None:
        sns.set_subscription_attributes(
            SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue=value
        )

    put('{"a": ["b"]}')
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert (attributes["FilterPolicy"], attributes["FilterPolicyScope"]) == ('{"a": ["b"]}', "MessageAttributes")
    sns.publish(TopicArn=arn, Message="filtered")
    put("{}")
    sns.publish(TopicArn=arn, Message="not filtered")
    assert [notice["Message"] for notice in heard.notices()] == ["not filtered"]
