"""Buses, rules, targets: their lives, lists and limits; schedules; archives and replays."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pileus.testing.local import CloudClock


def test_the_default_bus_is_there_and_others_are_made(events: Any, refused: Any) -> None:
    assert events.describe_event_bus()["Arn"].endswith(":event-bus/default")
    arn = events.create_event_bus(Name="orders", Tags=[{"Key": "a", "Value": "b"}])["EventBusArn"]
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default", "orders"]
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    with refused("ResourceAlreadyExistsException", "Event bus orders already exists."):
        events.create_event_bus(Name="orders")
    with refused("ResourceNotFoundException", "Event bus nothing does not exist."):
        events.put_rule(Name="r", EventBusName="nothing", EventPattern='{"a": ["b"]}')
    events.put_rule(Name="r", EventBusName="orders", EventPattern='{"a": ["b"]}')
    with refused("ValidationException", "Event bus can't be deleted since it has rules."):
        events.delete_event_bus(Name="orders")
    events.delete_rule(Name="r", EventBusName=arn)
    events.delete_event_bus(Name="orders")
    events.delete_event_bus(Name="orders")
    with refused("ValidationException", "Cannot delete event bus default."):
        events.delete_event_bus(Name="default")


def test_rules_are_replaced_listed_and_deleted(events: Any, rule: Any, queue: Any, refused: Any) -> None:
    heard = queue()
    arn = events.put_rule(Name="a-1", EventPattern='{"a": ["b"]}', Description="first")["RuleArn"]
    assert arn.endswith(":rule/a-1")
    events.put_rule(Name="a-1", ScheduleExpression="rate(5 minutes)", State="DISABLED")
    described = events.describe_rule(Name="a-1")
    assert (described.get("EventPattern"), described.get("Description")) == (None, None)
    assert (described["ScheduleExpression"], described["State"]) == ("rate(5 minutes)", "DISABLED")
    for name in ("a-2", "b-1"):
        events.put_rule(Name=name, EventPattern='{"a": ["b"]}')
    first = events.list_rules(NamePrefix="a-", Limit=1)
    rest = events.list_rules(NamePrefix="a-", Limit=1, NextToken=first["NextToken"])
    assert [one["Name"] for page in (first, rest) for one in page["Rules"]] == ["a-1", "a-2"]
    events.put_targets(Rule="a-1", Targets=[{"Id": "t", "Arn": heard.arn}])
    assert events.list_rule_names_by_target(TargetArn=heard.arn)["RuleNames"] == ["a-1"]
    with refused("ValidationException", "Rule can't be deleted since it has targets."):
        events.delete_rule(Name="a-1")
    failed = events.remove_targets(Rule="a-1", Ids=["t", "u"])
    assert [entry["TargetId"] for entry in failed["FailedEntries"]] == ["u"]
    events.delete_rule(Name="a-1")
    with refused("ResourceNotFoundException", "Rule a-1 does not exist on EventBus default."):
        events.describe_rule(Name="a-1")


@pytest.mark.parametrize(
    ("members", "code", "words"),
    [
        ({}, "ValidationException", "EventPattern or ScheduleExpression must be specified"),
        ({"EventPattern": '{"a": "b"}'}, "InvalidEventPatternException", '"a" must be an object or an array'),
        ({"ScheduleExpression": "rate(1 minutes)"}, "ValidationException", "ScheduleExpression is not valid"),
        ({"ScheduleExpression": "rate(0 minutes)"}, "ValidationException", "ScheduleExpression is not valid"),
        ({"ScheduleExpression": "cron(* * * * * *)"}, "ValidationException", "ScheduleExpression is not valid"),
        ({"ScheduleExpression": "cron(0 25 * * ? *)"}, "ValidationException", "ScheduleExpression is not valid"),
        ({"ScheduleExpression": "at(2030-01-01T00:00:00)"}, "ValidationException", "ScheduleExpression is not valid"),
    ],
)
def test_what_is_no_rule_is_refused(events: Any, refused: Any, members: dict[str, Any], code: str, words: str) -> None:
    with refused(code, words):
        events.put_rule(Name="r", **members)
    assert events.list_rules()["Rules"] == []


def test_what_is_no_target_is_refused(events: Any, rule: Any, queue: Any, refused: Any) -> None:
    heard = queue()
    name = rule({"a": ["b"]})

    def put(*targets: dict[str, Any]) -> None:
        events.put_targets(Rule=name, Targets=[{"Id": str(n), **target} for n, target in enumerate(targets)])

    with refused("ValidationException", "Provided Arn is not in correct format."):
        put({"Arn": "queue"})
    with refused("ValidationException", "Only one of Input, InputPath, or InputTransformer must be provided"):
        put({"Arn": heard.arn, "Input": "{}", "InputPath": "$.detail"})
    with refused("ValidationException", "JSON syntax error in input for target 0"):
        put({"Arn": heard.arn, "Input": "{"})
    with refused("ValidationException", "RoleArn is required for target arn:aws:kinesis"):
        put({"Arn": "arn:aws:kinesis:us-east-1:111122223333:stream/s"})
    with refused("ValidationException", "SqsParameters must be specified"):
        put({"Arn": heard.arn + ".fifo"})
    with refused("LimitExceededException", "exceeds the maximum number allowed"):
        put(*[{"Arn": heard.arn}] * 6)
    assert events.list_targets_by_rule(Rule=name)["Targets"] == []


def test_schedules_tick_on_the_clock_of_the_cloud(events: Any, rule: Any, queue: Any, clock: CloudClock) -> None:
    heard, noon = queue(), queue()
    name = rule(None, heard, ScheduleExpression="rate(5 minutes)")
    rule(None, noon, ScheduleExpression="cron(0 12 * * ? *)")
    start = clock.now()
    clock.advance(901)
    found = heard.events()
    assert [event["detail-type"] for event in found] == ["Scheduled Event"] * 3
    assert found[0]["resources"] == [events.describe_rule(Name=name)["Arn"]]
    times = [datetime.fromisoformat(event["time"]).timestamp() for event in found]
    assert times == [int(start + 300 * n) for n in (1, 2, 3)]
    events.disable_rule(Name=name)
    clock.advance(86400 * 2)
    assert heard.events() == []
    assert [event["time"][11:] for event in noon.events()] == ["12:00:00Z"] * 2
    events.enable_rule(Name=name)
    clock.advance(301)
    assert len(heard.events()) == 1
    for one in events.list_rules()["Rules"]:
        events.disable_rule(Name=one["Name"])


def at(instant: float) -> datetime:
    return datetime.fromtimestamp(instant, UTC)


def test_an_archive_is_replayed_to_its_bus(
    events: Any, rule: Any, queue: Any, put: Any, clock: CloudClock, refused: Any
) -> None:
    bus = events.create_event_bus(Name="orders")["EventBusArn"]
    pattern = json.dumps({"detail": {"n": [{"numeric": [">", 0]}]}})
    archive = events.create_archive(ArchiveName="a", EventSourceArn=bus, EventPattern=pattern)["ArchiveArn"]
    start = clock.now()
    for number in range(150):
        put({"n": number}, EventBusName="orders")
        if number % 50 == 0:
            clock.advance(10)
    end = clock.now() + 1
    one, two = queue(), queue()
    wanted = events.describe_rule(Name=rule({"source": ["shop"]}, one, bus="orders"), EventBusName="orders")["Arn"]
    rule({"source": ["shop"]}, two, bus="orders")
    with refused("ValidationException", "Cross event bus replay is not permitted."):
        destination = {"Arn": bus.replace("orders", "default")}
        events.start_replay(
            ReplayName="x",
            EventSourceArn=archive,
            EventStartTime=at(start),
            EventEndTime=at(end),
            Destination=destination,
        )
    events.start_replay(
        ReplayName="r",
        EventSourceArn=archive,
        EventStartTime=at(start - 1),
        EventEndTime=at(end),
        Destination={"Arn": bus, "FilterArns": [wanted]},
    )
    found = one.events()
    assert sorted(event["detail"]["n"] for event in found) == list(range(1, 150))
    assert {event["replay-name"] for event in found} == {"r"}
    assert two.events() == []
    assert events.describe_replay(ReplayName="r")["State"] == "COMPLETED"
    described = events.describe_archive(ArchiveName="a")
    assert described["EventCount"] == 149
    with refused("IllegalStatusException"):
        events.cancel_replay(ReplayName="r")


def test_an_archive_forgets(events: Any, put: Any, clock: CloudClock) -> None:
    bus = events.describe_event_bus()["Arn"]
    events.create_archive(ArchiveName="a", EventSourceArn=bus, RetentionDays=2)

    def count() -> int:
        return int(events.describe_archive(ArchiveName="a")["EventCount"])

    put()
    clock.advance(86400)
    put()
    assert count() == 2
    clock.advance(86401)
    assert count() == 1
    clock.advance(86401)
    assert count() == 0


def test_partners_send_to_the_buses_of_their_customers(
    client: Any, events: Any, queue: Any, rule: Any, other: Any, aws: Any
) -> None:
    name = "aws.partner/example.com/orders"
    partner = client("events", account=other.id)
    partner.create_partner_event_source(Name=name, Account=aws.id)
    assert events.describe_event_source(Name=name)["State"] == "PENDING"
    events.create_event_bus(Name=name, EventSourceName=name)
    assert events.describe_event_source(Name=name)["State"] == "ACTIVE"
    heard = queue()
    rule({"source": [name]}, heard, bus=name)
    answer = partner.put_partner_events(Entries=[{"Source": name, "DetailType": "Order", "Detail": "{}"}])
    assert answer["FailedEntryCount"] == 0
    assert [event["source"] for event in heard.events()] == [name]
    (account,) = partner.list_partner_event_source_accounts(EventSourceName=name)["PartnerEventSourceAccounts"]
    assert (account["Account"], account["State"]) == (aws.id, "ACTIVE")
