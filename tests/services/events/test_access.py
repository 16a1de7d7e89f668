"""Users are held to their policies: publishing, sending events, making schedules."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

OFF = {"Mode": "OFF"}


@pytest.fixture
def user(session: Any, client: Any, aws: Any) -> Callable[..., Callable[[str], Any]]:
    """Makes a user who may do some things: `user(("sns:Publish", arn))("sns")` is a client."""

    def make(*allowed: tuple[str, str]) -> Callable[[str], Any]:
        iam = client("iam")
        iam.create_user(UserName="u")
        statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in allowed]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
        key = iam.create_access_key(UserName="u")["AccessKey"]
        keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        return lambda service: session.client(service, endpoint_url=aws.cloud.endpoint, **keys)

    return make


def test_a_user_publishes_to_the_topics_that_are_allowed(client: Any, user: Any, refused: Any) -> None:
    sns = client("sns")
    mine, other = (sns.create_topic(Name=name)["TopicArn"] for name in ("mine", "other"))
    theirs = user(("sns:Publish", mine))("sns")
    theirs.publish(TopicArn=mine, Message="x")
    theirs.publish_batch(TopicArn=mine, PublishBatchRequestEntries=[{"Id": "1", "Message": "x"}])
    with refused("AuthorizationError", f"is not authorized to perform: SNS:Publish on resource: {other}"):
        theirs.publish(TopicArn=other, Message="x")
    with refused("AuthorizationError"):
        theirs.create_topic(Name="third")


def test_a_user_sends_to_the_buses_that_are_allowed(client: Any, user: Any, refused: Any, aws: Any) -> None:
    events = client("events")
    bus = events.create_event_bus(Name="mine")["EventBusArn"]
    theirs = user(("events:PutEvents", bus))("events")
    entry = {"Source": "shop", "DetailType": "d", "Detail": "{}"}
    assert theirs.put_events(Entries=[entry | {"EventBusName": "mine"}])["FailedEntryCount"] == 0
    with refused("AccessDeniedException", "events:PutEvents on resource"):
        theirs.put_events(Entries=[entry])
    given = {"Name": "r", "EventBusName": "mine", "EventPattern": '{"a": ["b"]}'}
    rule = f"arn:aws:events:us-east-1:{aws.id}:rule/mine/r"
    with refused("AccessDeniedException", f"events:PutRule on resource: {rule}"):
        theirs.put_rule(**given)
    allow = {"Effect": "Allow", "Action": "events:*", "Resource": rule}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    client("iam").put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
    theirs.put_rule(**given)
    theirs.describe_rule(Name="r", EventBusName="mine")
    with refused("AccessDeniedException"):
        theirs.describe_rule(Name="r")


def test_who_makes_a_schedule_must_be_allowed_to_pass_its_role(client: Any, user: Any, refused: Any, aws: Any) -> None:
    role, arn = f"arn:aws:iam::{aws.id}:role/acts", f"arn:aws:scheduler:us-east-1:{aws.id}:schedule/default/*"
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="acts", AssumeRolePolicyDocument=document)
    scheduler = user(("scheduler:CreateSchedule", arn))("scheduler")
    target = {"Arn": f"arn:aws:sqs:us-east-1:{aws.id}:q", "RoleArn": role}
    given = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF, "Target": target, "State": "DISABLED"}
    with refused("AccessDeniedException", f"iam:PassRole on resource: {role}"):
        scheduler.create_schedule(Name="s", **given)
    statements = [
        {"Effect": "Allow", "Action": "scheduler:CreateSchedule", "Resource": arn},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
    scheduler.create_schedule(Name="s", **given)
