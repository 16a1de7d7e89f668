"""Schedules on the clock of the cloud: when they are due, what they call, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pileus.testing.local import CloudClock
from tests.kernel.cron_reference import times

OFF = {"Mode": "OFF"}
AT = "<aws.scheduler.scheduled-time>"


@pytest.fixture
def scheduler(client: Any, clock: CloudClock) -> Any:
    return client("scheduler")


@pytest.fixture
def role(aws: Any) -> str:
    """A role that nobody has created, and that may do everything."""
    return f"arn:aws:iam::{aws.id}:role/schedules"


@pytest.fixture
def schedule(scheduler: Any, role: str) -> Callable[..., str]:
    def make(name: str, expression: str, target: Any, **members: Any) -> str:
        given = {"RoleArn": role, **(target if isinstance(target, dict) else {"Arn": target.arn, "Input": AT})}
        members = {"FlexibleTimeWindow": OFF, "Target": given} | members
        return str(scheduler.create_schedule(Name=name, ScheduleExpression=expression, **members)["ScheduleArn"])

    return make


def passed(days: int, heard: Any, clock: CloudClock) -> list[Any]:
    """What a queue hears in so many days; it would not keep it all that long."""
    found = []
    for _ in range(0, days, 3):
        clock.advance(3 * 86_400)
        found += heard.messages()
    return found


def iso(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin"])
def test_a_year_of_cron_comes_when_croniter_says(schedule: Any, queue: Any, clock: CloudClock, zone: str) -> None:
    heard, expression = queue(), "cron(30 2 ? * SUN,WED *)"
    schedule("s", expression, heard, ScheduleExpressionTimezone=zone)
    start = clock.now()
    found = passed(366, heard, clock)
    wanted = [iso(one) for one in times(expression, zone, start, clock.now())]
    assert len(wanted) > 100
    assert [message["Body"] for message in found] == wanted


def test_a_year_of_rates(schedule: Any, queue: Any, clock: CloudClock) -> None:
    heard = queue()
    start = clock.now()
    schedule("s", "rate(3 days)", heard)
    found = passed(363, heard, clock)
    assert [message["Body"] for message in found] == [iso(start + number * 3 * 86_400) for number in range(122)]


def test_once_in_a_time_zone_and_then_it_is_deleted(
    scheduler: Any, schedule: Any, queue: Any, clock: CloudClock, refused: Any
) -> None:
    heard = queue()
    due = datetime.fromtimestamp(clock.now() + 3600, UTC)
    there = due.astimezone(__import__("zoneinfo").ZoneInfo("Asia/Tokyo")).strftime("at(%Y-%m-%dT%H:%M:%S)")
    schedule("s", there, heard, ScheduleExpressionTimezone="Asia/Tokyo", ActionAfterCompletion="DELETE")
    schedule("kept", there, heard, ScheduleExpressionTimezone="Asia/Tokyo")
    clock.advance(3590)
    assert heard.bodies() == []
    clock.advance(11)
    assert heard.bodies() == [due.strftime("%Y-%m-%dT%H:%M:%SZ")] * 2
    with refused("ResourceNotFoundException", "Schedule s does not exist."):
        scheduler.get_schedule(Name="s")
    scheduler.get_schedule(Name="kept")


def test_a_schedule_has_a_start_and_an_end(scheduler: Any, schedule: Any, queue: Any, clock: CloudClock) -> None:
    heard = queue()
    start = clock.now()
    dates = {
        "StartDate": datetime.fromtimestamp(int(start) + 7200, UTC),
        "EndDate": datetime.fromtimestamp(int(start) + 10_800, UTC),
    }
    schedule("s", "rate(20 minutes)", heard, ActionAfterCompletion="DELETE", **dates)
    clock.advance(86_400)
    assert heard.bodies() == [iso(int(start) + 7200 + 1200 * number) for number in range(4)]
    assert scheduler.list_schedules()["Schedules"] == []


def test_a_flexible_window_moves_the_call_and_not_the_schedule(schedule: Any, queue: Any, clock: CloudClock) -> None:
    heard = queue()
    start = clock.now()
    schedule("s", "rate(1 day)", heard, FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 30})
    found = passed(21, heard, clock)[:20]
    sent = [int(message["Attributes"]["SentTimestamp"]) / 1000 - start for message in found]
    assert len(sent) == 20
    assert all(0 <= at - 86_400 * number <= 1801 for number, at in enumerate(sent))
    assert len({int(at % 86_400) for at in sent}) > 3


def test_any_operation_is_a_target(
    client: Any, scheduler: Any, schedule: Any, queue: Any, clock: CloudClock, refused: Any
) -> None:
    heard = queue()
    message = {"QueueUrl": heard.url, "MessageBody": "sent on <aws.scheduler.scheduled-time>"}
    schedule("a", "rate(1 day)", {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": json.dumps(message)})
    given = {"Name": "by-schedule", "Tags": [{"Key": "a", "Value": "b"}]}
    schedule("b", "rate(1 day)", {"Arn": "arn:aws:scheduler:::aws-sdk:sns:createTopic", "Input": json.dumps(given)})
    start = iso(clock.now())
    clock.advance(1)
    assert heard.bodies() == [f"sent on {start}"]
    (topic,) = client("sns").list_topics()["Topics"]
    assert topic["TopicArn"].endswith(":by-schedule")
    for arn in ("aws-sdk:sqs:fly", "aws-sdk:nothing:sendMessage", "aws-sdk:sqs:getQueueUrl"):
        with refused("ValidationException"):
            schedule("c", "rate(1 day)", {"Arn": f"arn:aws:scheduler:::{arn}", "Input": "{}"})


def test_a_bus_is_a_target(client: Any, schedule: Any, queue: Any, clock: CloudClock) -> None:
    heard, events = queue(), client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["clockwork"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": heard.arn}])
    bus = events.describe_event_bus()["Arn"]
    block = {"DetailType": "Tick", "Source": "clockwork"}
    schedule("s", "rate(1 hour)", {"Arn": bus, "EventBridgeParameters": block, "Input": '{"n": 1}'})
    clock.advance(1)
    (event,) = heard.events()
    assert (event["detail-type"], event["source"], event["detail"]) == ("Tick", "clockwork", {"n": 1})


def test_what_fails_is_tried_again_and_then_a_dead_letter(
    sqs: Any, schedule: Any, queue: Any, clock: CloudClock
) -> None:
    gone, dead = queue(), queue()
    sqs.delete_queue(QueueUrl=gone.url)
    letters = {"DeadLetterConfig": {"Arn": dead.arn}}
    arn = schedule("s", "rate(1 day)", {"Arn": gone.arn, "Input": "hello", **letters})
    (letter,) = dead.messages()
    told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert letter["Body"] == "hello"
    assert (told["SCHEDULE_ARN"], told["TARGET_ARN"], told["ERROR_CODE"]) == (arn, gone.arn, "NO_RESOURCE")


def test_schedules_are_changed_stopped_listed_and_deleted(
    scheduler: Any, schedule: Any, queue: Any, role: str, clock: CloudClock, refused: Any
) -> None:
    heard = queue()
    scheduler.create_schedule_group(Name="g", Tags=[{"Key": "a", "Value": "b"}])
    arn = schedule("s", "rate(1 hour)", heard, GroupName="g", ClientToken="t1")
    assert arn.endswith(":schedule/g/s")
    assert schedule("s", "rate(1 hour)", heard, GroupName="g", ClientToken="t1") == arn
    with refused("ConflictException", "Schedule s already exists."):
        schedule("s", "rate(1 hour)", heard, GroupName="g")
    assert len(heard.bodies()) == 1
    target = {"Arn": heard.arn, "RoleArn": role, "Input": "x"}

    def update(**members: Any) -> None:
        given = {"ScheduleExpression": "rate(1 hour)", "Target": target, "FlexibleTimeWindow": OFF} | members
        scheduler.update_schedule(Name="s", GroupName="g", **given)

    update(State="DISABLED")
    clock.advance(7200)
    assert heard.bodies() == []
    update(ScheduleExpression="rate(30 minutes)")
    clock.advance(3600)
    assert heard.bodies() == ["x", "x"]
    described = scheduler.get_schedule(Name="s", GroupName="g")
    assert (described["ScheduleExpression"], described["State"]) == ("rate(30 minutes)", "ENABLED")
    assert [one["Name"] for one in scheduler.list_schedules(GroupName="g", NamePrefix="s")["Schedules"]] == ["s"]
    assert scheduler.list_schedules(State="DISABLED")["Schedules"] == []
    scheduler.delete_schedule_group(Name="g")
    clock.advance(3600)
    assert heard.bodies() == []
    with refused("ResourceNotFoundException", "Schedule group g does not exist."):
        scheduler.get_schedule(Name="s", GroupName="g")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"ScheduleExpression": "rate(1 minutes)"}, "Invalid Schedule Expression rate(1 minutes)."),
        ({"ScheduleExpressionTimezone": "Mars/Phobos"}, "Invalid ScheduleExpressionTimezone"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes is required"),
        ({"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}}, "MaximumWindowInMinutes must not be"),
        ({"EndDate": datetime(2020, 1, 1, tzinfo=UTC)}, "The EndDate you specify must come after the current time."),
    ],
)
def test_what_is_no_schedule_is_refused(
    scheduler: Any, queue: Any, role: str, refused: Any, members: dict[str, Any], words: str
) -> None:
    given = {
        "Name": "s",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": OFF,
        "Target": {"Arn": queue().arn, "RoleArn": role},
    }
    with refused("ValidationException", words):
        scheduler.create_schedule(**(given | members))
    assert scheduler.list_schedules()["Schedules"] == []


def test_a_role_must_trust_scheduler_and_may_do_only_what_it_may(
    client: Any, schedule: Any, queue: Any, clock: CloudClock, refused: Any
) -> None:
    iam, heard, dead = client("iam"), queue(), queue()

    def trust(service: str) -> str:
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]["Arn"]
    target = {"Arn": heard.arn, "RoleArn": role, "Input": "x", "DeadLetterConfig": {"Arn": dead.arn}}
    with refused("ValidationException", "must allow AWS EventBridge Scheduler to assume the role"):
        schedule("s", "rate(1 hour)", target)
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trust("scheduler.amazonaws.com"))
    allow = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": dead.arn}
    iam.put_role_policy(
        RoleName="r", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    )
    heard.sqs.set_queue_attributes(QueueUrl=heard.url, Attributes={"Policy": ""})
    schedule("s", "rate(1 hour)", target)
    (letter,) = dead.messages()
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    allow["Resource"] = "*"
    iam.put_role_policy(
        RoleName="r", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    )
    clock.advance(3600)
    assert heard.bodies() == ["x"]
