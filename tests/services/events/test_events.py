"""Sending events, matching them, and what targets are given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.testing.local import CloudClock


def test_an_event_reaches_the_targets_of_the_rules_it_matches(
    rule: Any, queue: Any, put: Any, clock: CloudClock
) -> None:
    heard, other, everything = queue(), queue(), queue()
    rule({"source": ["shop"], "detail": {"state": ["paid"]}}, heard)
    rule({"source": ["shop"], "detail": {"state": ["lost"]}}, other)
    rule({"account": [{"exists": True}]}, everything, heard)
    sent = put({"state": "paid"}, Resources=["arn:aws:s3:::b"])
    first, second = heard.events()
    assert first == second
    assert first["id"] == sent
    assert {name: first[name] for name in ("version", "source", "detail-type", "region", "resources", "detail")} == {
        "version": "0",
        "source": "shop",
        "detail-type": "Order",
        "region": "us-east-1",
        "resources": ["arn:aws:s3:::b"],
        "detail": {"state": "paid"},
    }
    assert len(first["account"]) == 12
    assert other.events() == []
    assert everything.events() == [first]


def test_a_disabled_rule_sees_nothing_and_a_changed_one_the_new_events(
    events: Any, rule: Any, queue: Any, put: Any
) -> None:
    heard = queue()
    name = rule({"source": ["shop"]}, heard)
    events.disable_rule(Name=name)
    put({"n": 1})
    events.enable_rule(Name=name)
    put({"n": 2})
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["bank"]}))
    put({"n": 3})
    put({"n": 4}, source="bank")
    assert [event["detail"]["n"] for event in heard.events()] == [2, 4]


def test_entries_are_taken_and_refused_one_by_one(events: Any, refused: Any) -> None:
    good = {"Source": "shop", "DetailType": "Order", "Detail": "{}"}
    answer = events.put_events(
        Entries=[
            good,
            good | {"Detail": "no JSON"},
            good | {"Detail": "[1]"},
            good | {"Source": "aws.ec2"},
            {"DetailType": "Order", "Detail": "{}"},
        ]
    )
    assert answer["FailedEntryCount"] == 4
    assert [entry.get("ErrorCode") for entry in answer["Entries"]] == [
        None,
        "MalformedDetail",
        "MalformedDetail",
        "NotAuthorizedForSourceException",
        "InvalidArgument",
    ]
    with refused("ValidationException", "Total size of the entries in the request is over the limit."):
        events.put_events(Entries=[good | {"Detail": json.dumps({"x": "x" * 262_144})}])
    with refused("ValidationException", "length less than or equal to 10"):
        events.put_events(Entries=[good] * 11)


EVENT = {"instance": "i-1", "count": 5, "tags": {"a": ["x", 'say "hi"']}, "none": None}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"Input": '{"constant": 1}'}, '{"constant": 1}'),
        ({"InputPath": "$.detail.count"}, "5"),
        ({"InputPath": "$.detail.tags.a[1]"}, '"say \\"hi\\""'),
        ({"InputPath": "$.detail"}, json.dumps(EVENT, separators=(",", ":"))),
        ({"InputPath": "$.detail.missing"}, "null"),
        (
            {"InputTransformer": {"InputPathsMap": {"i": "$.detail.instance"}, "InputTemplate": '"<i> is up"'}},
            '"i-1 is up"',
        ),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"i": "$.detail.instance", "n": "$.detail.count", "t": "$.detail.tags"},
                    "InputTemplate": '{"id": <i>, "n": <n>, "text": "<i>:<n>", "tags": <t>, "no": <nothing>}',
                }
            },
            '{"id": "i-1", "n": 5, "text": "i-1:5", "tags": {"a":["x","say \\"hi\\""]}, "no": <nothing>}',
        ),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"s": "$.detail.tags.a[1]", "gone": "$.detail.gone"},
                    "InputTemplate": '{"said": "<s>", "gone": <gone>, "text": "[<gone>]"}',
                }
            },
            '{"said": "say \\"hi\\"", "gone": null, "text": "[]"}',
        ),
    ],
)
def test_what_a_target_is_given(rule: Any, queue: Any, put: Any, given: dict[str, Any], wanted: str) -> None:
    heard = queue()
    rule({"source": ["shop"]}, {"Arn": heard.arn, **given})
    put(EVENT)
    assert heard.bodies() == [wanted]


def test_templates_know_what_eventbridge_knows(events: Any, rule: Any, queue: Any, put: Any) -> None:
    heard = queue()
    template = (
        '{"rule": <aws.events.rule-arn>, "name": "<aws.events.rule-name>", "at": <aws.events.event.ingestion-time>, '
        '"head": <aws.events.event>, "all": <aws.events.event.json>}'
    )
    name = rule({"source": ["shop"]}, {"Arn": heard.arn, "InputTransformer": {"InputTemplate": template}})
    put({"n": 1})
    (told,) = heard.events()
    assert told["rule"] == events.describe_rule(Name=name)["Arn"]
    assert told["name"] == name
    assert told["at"] == told["all"]["time"]
    assert told["all"]["detail"] == {"n": 1}
    assert told["head"] == {key: value for key, value in told["all"].items() if key != "detail"}


def test_fifo_queues_and_topics_are_targets(client: Any, rule: Any, queue: Any, put: Any) -> None:
    fifo = queue("q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    heard = queue()
    sns = client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": topic,
            }
        ],
    }
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:*", "Resource": heard.arn}
    heard.sqs.set_queue_attributes(
        QueueUrl=heard.url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})}
    )
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=heard.arn, Attributes={"RawMessageDelivery": "true"})
    rule({"source": ["shop"]}, {"Arn": fifo.arn, "SqsParameters": {"MessageGroupId": "g"}}, {"Arn": topic})
    for number in range(5):
        put({"n": number})
    messages = fifo.messages()
    assert [json.loads(message["Body"])["detail"]["n"] for message in messages] == [0, 1, 2, 3, 4]
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"g"}
    assert [event["detail"]["n"] for event in heard.events()] == [0, 1, 2, 3, 4]


def test_dead_letters_say_why(sqs: Any, events: Any, rule: Any, queue: Any, put: Any) -> None:
    closed, dead = queue(), queue()
    sqs.set_queue_attributes(QueueUrl=closed.url, Attributes={"Policy": ""})
    gone = closed.arn.rpartition(":")[0] + ":gone"
    letters = {"DeadLetterConfig": {"Arn": dead.arn}}
    name = rule({"source": ["shop"]}, {"Arn": closed.arn, **letters}, {"Arn": gone, **letters})
    sent = put({"n": 1})
    found = {}
    for message in dead.messages():
        told = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
        assert json.loads(message["Body"])["id"] == sent
        assert told["RULE_ARN"] == events.describe_rule(Name=name)["Arn"]
        found[told["TARGET_ARN"]] = told["ERROR_CODE"]
    assert found == {closed.arn: "NO_PERMISSIONS", gone: "NO_RESOURCE"}


def test_patterns_can_be_tried(events: Any, refused: Any) -> None:
    event = {
        "id": "1",
        "account": "111122223333",
        "source": "shop",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail-type": "Order",
        "detail": {"n": 5},
    }

    def matches(pattern: Any, event: Any = event) -> bool:
        return bool(events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"])

    assert matches({"detail": {"n": [{"numeric": [">", 4]}]}})
    assert not matches({"detail": {"n": [{"anything-but": 5}]}})
    with refused("InvalidEventPatternException", "Event pattern is not valid. Reason: Unrecognized match type like"):
        matches({"a": [{"like": "b"}]})
    with refused("ValidationException", "missing the required field id"):
        matches({"a": ["b"]}, {})


def test_services_alone_send_as_aws(cloud: Any, rule: Any, queue: Any, aws: Any) -> None:
    from pileus.kernel import identity

    heard = queue()
    rule({"source": ["aws.ec2"]}, heard)
    kernel = cloud.server.cloud

    def send() -> Any:
        call = kernel.call("ec2", account=aws.id)
        with call.transaction():
            return call.aws("events", principal=identity.service("ec2.amazonaws.com")).put_events(
                entries=[{"Source": "aws.ec2", "DetailType": "State", "Detail": "{}"}]
            )

    assert cloud.do(send)["FailedEntryCount"] == 0
    assert [event["source"] for event in heard.events()] == ["aws.ec2"]
