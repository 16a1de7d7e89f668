"""Alarms: what they are told, when they turn, and what they then do."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock, LocalCloud

Put = Callable[..., None]

HIGH: dict[str, Any] = {
    "Namespace": "Works",
    "MetricName": "Load",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.fixture
def alarm(metrics: Any) -> Callable[..., None]:
    def put(name: str = "high", **members: Any) -> None:
        metrics.put_metric_alarm(AlarmName=name, **(HIGH | members))

    return put


@pytest.fixture
def state(metrics: Any) -> Callable[..., str]:
    def state(name: str = "high") -> str:
        told = metrics.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        (found,) = told["MetricAlarms"] + told["CompositeAlarms"]
        value: str = found["StateValue"]
        return value

    return state


@pytest.fixture
def letters(aws: Account) -> Callable[[], list[dict[str, Any]]]:
    """What a queue that is subscribed to the topic `alerts` has been told."""
    sqs, sns = aws.client("sqs"), aws.client("sns")
    queue = sqs.create_queue(QueueName="letters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(
        QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}
    )
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def letters() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for one in found:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
        for one in found:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(json.loads(one["Body"])["Message"]) for one in found]

    return letters


def topic(aws: Account) -> str:
    return f"arn:aws:sns:us-east-1:{aws.id}:alerts"


def test_an_alarm_begins_without_data_and_turns_at_the_end_of_the_minute(
    metrics: Any, alarm: Any, state: Any, put: Put, minute: int, clock: CloudClock
) -> None:
    alarm()
    assert state() == "INSUFFICIENT_DATA"
    put(9.0)
    clock.advance(59)
    assert state() == "INSUFFICIENT_DATA"
    clock.advance(1)
    assert state() == "ALARM"
    (told,) = metrics.describe_alarms()["MetricAlarms"]
    assert told["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [9.0 (")
    assert told["StateReason"].endswith(
        "was greater than the threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert json.loads(told["StateReasonData"])["recentDatapoints"] == [9.0]
    put(1.0)
    clock.advance(60)
    assert state() == "OK"


def test_an_alarm_made_after_its_data_sees_them(
    alarm: Any, state: Any, put: Put, minute: int, clock: CloudClock
) -> None:
    put(9.0, at=minute - 60)
    alarm()
    clock.advance(60)
    assert state() == "ALARM"


def test_without_data_for_long_an_alarm_knows_nothing_again(
    alarm: Any, state: Any, put: Put, minute: int, clock: CloudClock
) -> None:
    alarm()
    put(1.0)
    clock.advance(60)
    assert state() == "OK"
    clock.advance(600)
    assert state() == "INSUFFICIENT_DATA"


@pytest.mark.parametrize(
    ("seen", "periods", "to_alarm", "missing", "ignore", "breaching", "not_breaching"),
    [
        # User Guide, "How alarm state is evaluated when data is missing": X breaches, 0 does not, - is missing
        ("0-X-X", 3, 3, "OK", "OK", "OK", "OK"),
        ("----0", 3, 3, "OK", "OK", "OK", "OK"),
        ("-----", 3, 3, "INSUFFICIENT_DATA", None, "ALARM", "OK"),
        ("0XX-X", 3, 3, "ALARM", "ALARM", "ALARM", "ALARM"),
        ("--X--", 3, 3, "ALARM", None, "ALARM", "OK"),
        ("0-X-X", 3, 2, "ALARM", "ALARM", "ALARM", "ALARM"),
        ("00X0X", 3, 2, "ALARM", "ALARM", "ALARM", "ALARM"),
        ("0-X--", 3, 2, "OK", "OK", "ALARM", "OK"),
        ("----0", 3, 2, "OK", "OK", "ALARM", "OK"),
        ("---X-", 3, 2, "ALARM", None, "ALARM", "OK"),
    ],
)
def test_the_documented_table_of_missing_data(
    alarm: Any,
    state: Any,
    put: Put,
    minute: int,
    clock: CloudClock,
    seen: str,
    periods: int,
    to_alarm: int,
    missing: str,
    ignore: str | None,
    breaching: str,
    not_breaching: str,
) -> None:
    expected = {"missing": missing, "ignore": ignore, "breaching": breaching, "notBreaching": not_breaching}
    for treatment in expected:
        alarm(treatment, EvaluationPeriods=periods, DatapointsToAlarm=to_alarm, TreatMissingData=treatment)
    for place, sign in enumerate(seen):
        if sign != "-":
            # The last of the five is the minute that ends when the alarms are evaluated.
            put(9.0 if sign == "X" else 1.0, at=minute - (len(seen) - 1 - place) * 60)
    clock.advance(60)
    for treatment, value in expected.items():
        assert state(treatment) == (value or "INSUFFICIENT_DATA"), treatment


def test_two_of_three(alarm: Any, state: Any, put: Put, minute: int, clock: CloudClock) -> None:
    alarm(EvaluationPeriods=3, DatapointsToAlarm=2)
    for value, expected in ((9.0, None), (1.0, None), (1.0, "OK"), (9.0, "OK"), (9.0, "ALARM"), (1.0, "ALARM")):
        put(value)
        clock.advance(60)
        assert expected is None or state() == expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("GreaterThanThreshold", 5.0, "OK"),
        ("GreaterThanOrEqualToThreshold", 5.0, "ALARM"),
        ("LessThanThreshold", 5.0, "OK"),
        ("LessThanOrEqualToThreshold", 5.0, "ALARM"),
        ("LessThanThreshold", 4.9, "ALARM"),
    ],
)
def test_comparison_operators(
    alarm: Any, state: Any, put: Put, minute: int, clock: CloudClock, operator: str, value: float, expected: str
) -> None:
    alarm(ComparisonOperator=operator)
    put(value)
    clock.advance(60)
    assert state() == expected


def test_a_percentile_and_a_high_resolution_alarm(
    alarm: Any, state: Any, put: Put, minute: int, clock: CloudClock, metrics: Any
) -> None:
    members = {name: value for name, value in HIGH.items() if name != "Statistic"}
    metrics.put_metric_alarm(AlarmName="p90", **members, ExtendedStatistic="p90")
    alarm("quick", Period=10)
    put(*[float(n) for n in range(1, 11)], StorageResolution=1)
    clock.advance(10)
    assert (state("p90"), state("quick")) == ("INSUFFICIENT_DATA", "ALARM")
    clock.advance(50)
    assert state("p90") == "ALARM"


def test_an_alarm_on_an_expression(metrics: Any, state: Any, put: Put, minute: int, clock: CloudClock) -> None:
    stat = {"Metric": {"Namespace": "Works", "MetricName": "Load"}, "Period": 60, "Stat": "Sum"}
    queries = [{"Id": "load", "MetricStat": stat, "ReturnData": False}, {"Id": "share", "Expression": "load * 10"}]
    metrics.put_metric_alarm(
        AlarmName="high",
        Metrics=queries,
        EvaluationPeriods=1,
        Threshold=50.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    put(6.0)
    clock.advance(60)
    assert state() == "ALARM"


COVERING = "SELECT MAX(Load) FROM SCHEMA(\"Works\", Host) WHERE Host != 'spare'"


@pytest.mark.parametrize("expression", [COVERING, "FILL(load, 0) + 1"])
def test_an_alarm_on_an_expression_sleeps_until_there_are_data(
    cloud: LocalCloud,
    aws: Account,
    metrics: Any,
    state: Any,
    put: Put,
    minute: int,
    clock: CloudClock,
    expression: str,
) -> None:
    """Alarms look again at each minute: a year of them takes long, unless they sleep while nothing can change."""
    host = [{"Name": "Host", "Value": "one"}]
    metric = {"Namespace": "Works", "MetricName": "Load", "Dimensions": host}
    query: dict[str, Any] = {"Id": "q", "Expression": expression, "Period": 60}
    load = {"Id": "load", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False}
    metrics.put_metric_alarm(
        AlarmName="high",
        Metrics=[query] if expression == COVERING else [query, load],
        EvaluationPeriods=1,
        Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )

    def awake() -> bool:
        with urllib.request.urlopen(f"{cloud.endpoint}/_pileus/tasks") as answer:
            waiting = json.load(answer)["pending"]
        return any(one["task"] == "cloudwatch.evaluate_due" and one["account"] == aws.id for one in waiting)

    for _ in range(2):  # of a metric that is not there yet, and of one that is
        clock.advance(60)
        assert (state(), awake()) == ("OK", False)
        put(9.0, Dimensions=[{"Name": "Host", "Value": "spare"}])
        assert not awake()
        put(9.0, Dimensions=host)
        clock.advance(60)
        assert (state(), awake()) == ("ALARM", True)
        clock.advance(300)
        assert (state(), awake()) == ("OK", False)
        put(9.0, Dimensions=host, at=clock.now() + 600)
        clock.advance(660)
        assert state() == "ALARM"
        clock.advance(300)


def test_an_alarm_that_tells_the_time_never_sleeps(
    metrics: Any, state: Any, minute: int, clock: CloudClock, mortal: None
) -> None:
    metrics.put_metric_alarm(
        AlarmName="high",
        Metrics=[{"Id": "q", "Expression": "HOUR(TIME_SERIES(1))", "Period": 60}],
        EvaluationPeriods=1,
        Threshold=12.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    clock.advance(86400 - clock.now() % 86400 + 6 * 3600)
    assert state() == "OK"
    clock.advance(6 * 3600 + 120)
    assert state() == "ALARM"


def test_an_alarm_on_a_band(metrics: Any, state: Any, put: Put, minute: int, clock: CloudClock) -> None:
    for hours in range(1, 60):
        put(10.0 + hours % 2, at=minute - hours * 3600)
    stat = {"Metric": {"Namespace": "Works", "MetricName": "Load"}, "Period": 60, "Stat": "Average"}
    queries = [{"Id": "load", "MetricStat": stat}, {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(load, 2)"}]
    metrics.put_metric_alarm(
        AlarmName="odd",
        Metrics=queries,
        EvaluationPeriods=1,
        ThresholdMetricId="band",
        ComparisonOperator="LessThanLowerOrGreaterThanUpperThreshold",
    )
    put(99.0)
    clock.advance(60)
    assert state("odd") == "ALARM"


def test_a_changed_alarm_keeps_its_state_until_it_is_evaluated(
    alarm: Any, state: Any, put: Put, minute: int, clock: CloudClock
) -> None:
    alarm()
    put(9.0)
    clock.advance(60)
    alarm(Threshold=100.0)
    assert state() == "ALARM"
    clock.advance(60)
    assert state() == "OK"


def test_a_topic_is_told_of_an_alarm_and_of_its_end(
    aws: Account, metrics: Any, alarm: Any, put: Put, minute: int, clock: CloudClock, letters: Any
) -> None:
    alarm(AlarmActions=[topic(aws)], OKActions=[topic(aws)], AlarmDescription="too much", Dimensions=[])
    put(9.0)
    clock.advance(60)
    (letter,) = letters()
    assert (letter["AlarmName"], letter["AlarmDescription"]) == ("high", "too much")
    assert (letter["OldStateValue"], letter["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert (letter["AWSAccountId"], letter["Region"]) == (aws.id, "US East (N. Virginia)")
    trigger = letter["Trigger"]
    assert (trigger["MetricName"], trigger["Statistic"], trigger["Threshold"]) == ("Load", "AVERAGE", 5.0)
    put(1.0)
    clock.advance(60)
    (letter,) = letters()
    assert (letter["OldStateValue"], letter["NewStateValue"]) == ("ALARM", "OK")


def test_disabled_actions_are_not_carried_out(
    aws: Account, metrics: Any, alarm: Any, minute: int, clock: CloudClock, letters: Any
) -> None:
    alarm(AlarmActions=[topic(aws)])
    metrics.disable_alarm_actions(AlarmNames=["high"])
    metrics.set_alarm_state(AlarmName="high", StateValue="ALARM", StateReason="a test")
    clock.advance(1)
    assert letters() == []
    metrics.enable_alarm_actions(AlarmNames=["high"])
    metrics.set_alarm_state(AlarmName="high", StateValue="OK", StateReason="a test")
    metrics.set_alarm_state(AlarmName="high", StateValue="ALARM", StateReason="a test")
    clock.advance(1)
    assert [letter["NewStateReason"] for letter in letters()] == ["a test"]


def test_a_set_state_lasts_until_the_next_evaluation(
    metrics: Any, alarm: Any, state: Any, put: Put, minute: int, clock: CloudClock
) -> None:
    alarm()
    put(1.0)
    clock.advance(60)
    metrics.set_alarm_state(AlarmName="high", StateValue="ALARM", StateReason="a test")
    assert state() == "ALARM"
    clock.advance(60)
    assert state() == "OK"


def test_the_history_of_an_alarm_outlives_it_for_thirty_days(
    metrics: Any, alarm: Any, minute: int, clock: CloudClock
) -> None:
    alarm()
    metrics.set_alarm_state(AlarmName="high", StateValue="ALARM", StateReason="a test")
    clock.advance(1)
    metrics.delete_alarms(AlarmNames=["high"])
    items = metrics.describe_alarm_history(AlarmName="high", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [item["HistoryItemType"] for item in items] == ["ConfigurationUpdate", "StateUpdate", "ConfigurationUpdate"]
    assert items[1]["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"
    updates = metrics.describe_alarm_history(HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert json.loads(updates[0]["HistoryData"])["newState"]["stateValue"] == "ALARM"
    first = metrics.describe_alarm_history(MaxRecords=2)
    rest = metrics.describe_alarm_history(MaxRecords=2, NextToken=first["NextToken"])
    assert len(first["AlarmHistoryItems"] + rest["AlarmHistoryItems"]) == 3
    clock.advance(31 * 86400)
    assert metrics.describe_alarm_history()["AlarmHistoryItems"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"Threshold": None},
        {"Period": 45},
        {"DatapointsToAlarm": 2},
        {"TreatMissingData": "panic"},
        {"AlarmActions": ["nobody"]},
        {"EvaluationPeriods": 1441},
        {"Statistic": None},
        {"Namespace": None},
    ],
    ids=str,
)
def test_a_wrong_alarm_is_refused(metrics: Any, refused: Any, wrong: dict[str, Any]) -> None:
    members = {name: value for name, value in (HIGH | wrong).items() if value is not None}
    with refused("ValidationError"):
        metrics.put_metric_alarm(AlarmName="high", **members)
    assert metrics.describe_alarms()["MetricAlarms"] == []


def test_alarms_are_found_by_name_prefix_state_action_and_metric(aws: Account, metrics: Any, alarm: Any) -> None:
    alarm("one")
    alarm("other", AlarmActions=[topic(aws)])
    alarm("third", MetricName="Heat")
    metrics.set_alarm_state(AlarmName="third", StateValue="OK", StateReason="a test")

    def names(**asked: Any) -> list[str]:
        return [one["AlarmName"] for one in metrics.describe_alarms(**asked)["MetricAlarms"]]

    assert names(AlarmNamePrefix="o") == ["one", "other"]
    assert names(AlarmNames=["third", "nobody"]) == ["third"]
    assert names(StateValue="OK") == ["third"]
    assert names(ActionPrefix="arn:aws:sns") == ["other"]
    found = metrics.describe_alarms_for_metric(Namespace="Works", MetricName="Load")["MetricAlarms"]
    assert [one["AlarmName"] for one in found] == ["one", "other"]
    assert len(list(metrics.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 2}))) == 2


def test_alarms_that_are_not_there(metrics: Any, alarm: Any, refused: Any) -> None:
    alarm()
    with refused("ResourceNotFound"):
        metrics.delete_alarms(AlarmNames=["high", "nobody"])
    assert len(metrics.describe_alarms()["MetricAlarms"]) == 1
    with refused("ResourceNotFound"):
        metrics.set_alarm_state(AlarmName="nobody", StateValue="OK", StateReason="")


def test_tags(metrics: Any, alarm: Any) -> None:
    alarm(Tags=[{"Key": "team", "Value": "red"}])
    arn = metrics.describe_alarms()["MetricAlarms"][0]["AlarmArn"]
    metrics.tag_resource(ResourceARN=arn, Tags=[{"Key": "floor", "Value": "2"}])
    metrics.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert metrics.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "floor", "Value": "2"}]


# Composite alarms


@pytest.fixture
def both(metrics: Any, alarm: Any) -> Callable[..., None]:
    alarm("one")
    alarm("two")

    def put(rule: str = "ALARM(one) AND NOT OK(two)", **members: Any) -> None:
        metrics.put_composite_alarm(AlarmName="both", AlarmRule=rule, **members)

    return put


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("ALARM(one) AND OK(two)", "ALARM"),
        ("ALARM(one) AND ALARM(two)", "OK"),
        ('ALARM("one") AND NOT ALARM("two")', "ALARM"),
        ("ALARM(two) OR (ALARM(one) AND TRUE)", "ALARM"),
        ("FALSE", "OK"),
        ("OK(one) OR INSUFFICIENT_DATA(two)", "OK"),
    ],
)
def test_a_rule_of_alarms(metrics: Any, both: Any, state: Any, clock: CloudClock, rule: str, expected: str) -> None:
    metrics.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="a test")
    metrics.set_alarm_state(AlarmName="two", StateValue="OK", StateReason="a test")
    both(rule)
    clock.advance(1)
    assert state("both") == expected


def test_a_composite_alarm_follows_its_children_and_tells_its_topic(
    aws: Account, metrics: Any, both: Any, state: Any, clock: CloudClock, letters: Any
) -> None:
    both("ALARM(one) OR ALARM(two)", AlarmActions=[topic(aws)])
    clock.advance(1)
    assert state("both") == "OK"
    metrics.set_alarm_state(AlarmName="two", StateValue="ALARM", StateReason="a test")
    clock.advance(1)
    assert state("both") == "ALARM"
    (letter,) = letters()
    assert letter["AlarmRule"] == "ALARM(one) OR ALARM(two)"
    children = metrics.describe_alarms(ChildrenOfAlarmName="both")["MetricAlarms"]
    assert [one["AlarmName"] for one in children] == ["one", "two"]
    parents = metrics.describe_alarms(ParentsOfAlarmName="two")["CompositeAlarms"]
    assert [one["AlarmName"] for one in parents] == ["both"]


@pytest.mark.parametrize("rule", ["ALARM(nobody)", "ALARM(one) AND", "one", "(ALARM(one)", "ALARM(both)"])
def test_a_wrong_rule_is_refused(metrics: Any, both: Any, refused: Any, rule: str) -> None:
    both("ALARM(one)")
    with refused("ValidationError"):
        both(rule)
    found = metrics.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert [one["AlarmRule"] for one in found] == ["ALARM(one)"]


def test_an_alarm_that_a_composite_one_needs_stays(metrics: Any, both: Any, refused: Any) -> None:
    both()
    with refused("ValidationError", "depending on it"):
        metrics.delete_alarms(AlarmNames=["one"])
    metrics.delete_alarms(AlarmNames=["both"])
    metrics.delete_alarms(AlarmNames=["one"])


def test_a_suppressor_keeps_a_composite_alarm_still(
    aws: Account, metrics: Any, both: Any, alarm: Any, minute: int, clock: CloudClock, letters: Any
) -> None:
    alarm("maintenance")
    both(
        "ALARM(one)",
        AlarmActions=[topic(aws)],
        ActionsSuppressor="maintenance",
        ActionsSuppressorWaitPeriod=30,
        ActionsSuppressorExtensionPeriod=30,
    )
    clock.advance(1)
    metrics.set_alarm_state(AlarmName="maintenance", StateValue="ALARM", StateReason="a test")
    metrics.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="a test")
    clock.advance(20)
    (told,) = metrics.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert (told["StateValue"], told["ActionsSuppressedBy"]) == ("ALARM", "Alarm")
    assert letters() == []


def test_without_its_suppressor_a_composite_alarm_acts_after_the_wait(
    aws: Account, metrics: Any, both: Any, alarm: Any, minute: int, clock: CloudClock, letters: Any
) -> None:
    alarm("maintenance")
    both(
        "ALARM(one)",
        AlarmActions=[topic(aws)],
        ActionsSuppressor="maintenance",
        ActionsSuppressorWaitPeriod=30,
        ActionsSuppressorExtensionPeriod=30,
    )
    clock.advance(1)
    metrics.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="a test")
    clock.advance(20)
    assert letters() == []
    clock.advance(20)
    assert [letter["NewStateValue"] for letter in letters()] == ["ALARM"]
