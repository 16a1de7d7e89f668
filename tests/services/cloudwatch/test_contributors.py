"""Contributor Insights over real log groups, and windows in which alarms do nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

JSON_RULE: dict[str, Any] = {
    "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
    "LogGroupNames": ["web", "app*"],
    "LogFormat": "JSON",
    "Contribution": {"Keys": ["$.ip"], "Filters": [{"Match": "$.status", "GreaterThan": 399}]},
    "AggregateOn": "Count",
}


class Logs:
    def __init__(self, account: Account, clock: CloudClock) -> None:
        self.logs = account.client("logs")
        self.cloudwatch = account.client("cloudwatch")
        self.clock = clock

    def write(self, group: str, *messages: Any) -> None:
        logs = self.logs
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName="s")
        now = int(self.clock.now() * 1000)
        events = [{"timestamp": now, "message": one if isinstance(one, str) else json.dumps(one)} for one in messages]
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)

    def rule(self, definition: dict[str, Any], **members: Any) -> None:
        self.cloudwatch.put_insight_rule(RuleName="r", RuleDefinition=json.dumps(definition), **members)

    def report(self, **members: Any) -> dict[str, Any]:
        start, end = self.clock.now() - 3600, self.clock.now() + 60
        told: dict[str, Any] = self.cloudwatch.get_insight_rule_report(
            RuleName="r", StartTime=start, EndTime=end, Period=60, **members
        )
        return told


@pytest.fixture
def logs(aws: Account, clock: CloudClock) -> Logs:
    return Logs(aws, clock)


def ranked(told: dict[str, Any]) -> list[tuple[str, float]]:
    return [(" ".join(one["Keys"]), one["ApproximateAggregateValue"]) for one in told["Contributors"]]


def test_who_causes_most_errors(logs: Logs, clock: CloudClock) -> None:
    logs.write("web", {"ip": "9.9.9.9", "status": 500})
    clock.advance(60)
    logs.rule(JSON_RULE)
    bad, good = {"ip": "1.1.1.1", "status": 500}, {"ip": "2.2.2.2", "status": 200}
    logs.write("web", bad, bad, good, "no JSON", {"status": 500})
    logs.write("app-one", {"ip": "3.3.3.3", "status": 404})
    logs.write("other", bad)
    clock.advance(120)
    logs.write("web", bad)
    told = logs.report(Metrics=["UniqueContributors", "MaxContributorValue", "SampleCount"])
    assert ranked(told) == [("1.1.1.1", 3), ("3.3.3.3", 1)]
    assert (told["AggregateValue"], told["ApproximateUniqueCount"]) == (4, 2)
    first, second = told["MetricDatapoints"]
    assert (first["UniqueContributors"], first["MaxContributorValue"], first["SampleCount"]) == (2, 2, 3)
    assert (second["UniqueContributors"], second["SampleCount"]) == (1, 1)
    assert len(told["Contributors"][0]["Datapoints"]) == 2
    assert ranked(logs.report(MaxContributorCount=1)) == [("1.1.1.1", 3)]


def test_sums_by_the_fields_of_lines(logs: Logs) -> None:
    logs.rule(
        {
            "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
            "LogGroupNames": ["web"],
            "LogFormat": "CLF",
            "Fields": {"1": "IpAddress", "6": "BytesReceived"},
            "Contribution": {
                "Keys": ["IpAddress"],
                "ValueOf": "BytesReceived",
                "Filters": [{"Match": "IpAddress", "NotIn": ["10.0.0.9"]}],
            },
            "AggregateOn": "Sum",
        }
    )
    line = '{} - [17/Nov/2026:10:00:00 +0000] "GET /index.html HTTP/1.0" 200 {}'
    sizes = (("10.0.0.1", 100), ("10.0.0.2", 700), ("10.0.0.1", 200), ("10.0.0.9", 999))
    logs.write("web", *(line.format(ip, size) for ip, size in sizes))
    told = logs.report()
    assert told["AggregationStatistic"] == "Sum"
    assert ranked(told) == [("10.0.0.2", 700), ("10.0.0.1", 300)]


def test_rules_are_switched_and_checked(logs: Logs, refused: Any) -> None:
    cloudwatch = logs.cloudwatch
    logs.rule(JSON_RULE, RuleState="DISABLED", Tags=[{"Key": "team", "Value": "red"}])
    bad = {"ip": "1.1.1.1", "status": 500}
    logs.write("web", bad)
    assert ranked(logs.report()) == []
    logs.clock.advance(1)
    assert cloudwatch.enable_insight_rules(RuleNames=["r", "x"])["Failures"][0]["FailureResource"] == "x"
    logs.clock.advance(60)
    logs.write("web", bad)
    assert ranked(logs.report()) == [("1.1.1.1", 1)]
    (told,) = cloudwatch.describe_insight_rules()["InsightRules"]
    assert (told["Name"], told["State"], json.loads(told["Definition"])) == ("r", "ENABLED", JSON_RULE)
    for change in ({"LogFormat": "XML"}, {"Contribution": {"Keys": []}}, {"AggregateOn": "Sum"}):
        with refused("InvalidParameterValue"):
            logs.rule(JSON_RULE | change)
    cloudwatch.delete_insight_rules(RuleNames=["r"])
    with refused("ResourceNotFoundException"):
        logs.report()


def test_managed_rules_are_kept(logs: Logs, aws: Account) -> None:
    arn = f"arn:aws:ec2:us-east-1:{aws.id}:vpc-endpoint-service/vpce-svc-1"
    template = "VpcEndpointService-BytesByEndpointId-v1"
    rule = {"TemplateName": template, "ResourceARN": arn}
    assert logs.cloudwatch.put_managed_insight_rules(ManagedRules=[rule])["Failures"] == []
    (told,) = logs.cloudwatch.list_managed_insight_rules(ResourceARN=arn)["ManagedRules"]
    assert (told["TemplateName"], told["RuleState"]["State"]) == (template, "ENABLED")


class Bell:
    """An alarm that tells a queue, and a value that it looks at."""

    def __init__(self, account: Account, clock: CloudClock) -> None:
        self.cloudwatch, self.sqs, self.clock = account.client("cloudwatch"), account.client("sqs"), clock
        sns = account.client("sns")
        self.url = self.sqs.create_queue(QueueName="q")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        topic = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        self.cloudwatch.put_metric_alarm(
            AlarmName="a",
            Namespace="mine",
            MetricName="m",
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[topic],
            OKActions=[topic],
        )

    def value(self, value: float) -> None:
        self.cloudwatch.put_metric_data(Namespace="mine", MetricData=[{"MetricName": "m", "Value": value}])
        self.clock.advance(120)

    def rung(self) -> list[str]:
        found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        for one in found:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"])["NewStateValue"] for one in found]

    def state(self) -> str:
        found: str = self.cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"]
        return found


@pytest.fixture
def bell(aws: Account, clock: CloudClock) -> Bell:
    return Bell(aws, clock)


def in_utc(at: float, pattern: str) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime(pattern)


def test_an_alarm_is_mute_in_a_window_and_acts_after_it(bell: Bell, refused: Any) -> None:
    at = in_utc(bell.clock.now() - 60, "at(%Y-%m-%dT%H:%M)")
    rule = {"Schedule": {"Expression": at, "Duration": "PT6M"}}
    bell.cloudwatch.put_alarm_mute_rule(Name="quiet", Rule=rule, MuteTargets={"AlarmNames": ["a"]})
    told = bell.cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="quiet")
    assert (told["Status"], told["MuteType"], told["Rule"]) == ("ACTIVE", "ONE_TIME", rule)
    bell.value(5)
    assert (bell.state(), bell.rung()) == ("ALARM", [])
    bell.value(5)
    bell.value(5)
    assert bell.rung() == ["ALARM"]
    assert bell.cloudwatch.list_alarm_mute_rules(Statuses=["EXPIRED"])["AlarmMuteRuleSummaries"]
    bell.value(0)
    assert bell.rung() == ["OK"]


def test_what_is_over_when_the_window_closes_is_not_told(bell: Bell) -> None:
    every = {"Schedule": {"Expression": "cron(* * * * *)", "Duration": "PT2M", "Timezone": "Europe/Berlin"}}
    bell.cloudwatch.put_alarm_mute_rule(Name="quiet", Rule=every, MuteTargets={"AlarmNames": ["a"]})
    assert bell.cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="quiet")["MuteType"] == "RECURRING"
    for value in (5, 0, 5):
        bell.value(value)
    assert bell.rung() == []
    bell.cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName="quiet")
    bell.clock.advance(1)
    assert bell.rung() == ["ALARM"]


def test_what_is_no_mute_rule(bell: Bell, refused: Any) -> None:
    for schedule in (
        {"Expression": "cron(0 2 * * ? *)", "Duration": "PT1H"},
        {"Expression": "rate(1 hour)", "Duration": "PT1H"},
        {"Expression": "cron(0 2 * * SUN)", "Duration": "PT30S"},
        {"Expression": "cron(0 2 * * SUN)", "Duration": "P16D"},
        {"Expression": "cron(0 2 * * SUN)", "Duration": "PT1H", "Timezone": "Mars/Olympus"},
    ):
        with refused("ValidationError"):
            bell.cloudwatch.put_alarm_mute_rule(Name="x", Rule={"Schedule": schedule})
    with refused("ValidationError", "does not exist"):
        rule = {"Schedule": {"Expression": "cron(0 2 * * SUN)", "Duration": "PT1H"}}
        bell.cloudwatch.put_alarm_mute_rule(Name="x", Rule=rule, MuteTargets={"AlarmNames": ["none"]})
    with refused("ResourceNotFoundException"):
        bell.cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="x")
