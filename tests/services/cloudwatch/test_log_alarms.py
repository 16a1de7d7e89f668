"""Log alarms: scheduled queries of real log groups, whose results make alarms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

pytestmark = pytest.mark.usefixtures("mortal")


@pytest.fixture
def write(aws: Account, clock: CloudClock) -> Any:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="web")
    logs.create_log_stream(logGroupName="web", logStreamName="s")

    def write(*lines: dict[str, Any]) -> None:
        at = int(clock.now() * 1000)
        events = [{"timestamp": at, "message": json.dumps(line)} for line in lines]
        logs.put_log_events(logGroupName="web", logStreamName="s", logEvents=events)

    return write


def asked(aws: Account, aggregation: str, **members: Any) -> dict[str, Any]:
    query = {
        "QueryString": "filter level = 'ERROR'",
        "LogGroupIdentifiers": ["web"],
        "ScheduledQueryRoleARN": f"arn:aws:iam::{aws.id}:role/query",
        "ScheduleConfiguration": {"ScheduleExpression": "rate(5 minutes)", "StartTimeOffset": 300},
        "AggregationExpression": aggregation,
    }
    limit = {"Threshold": 2.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}
    return {
        "AlarmName": "errors",
        "ScheduledQueryConfiguration": query,
        "QueryResultsToEvaluate": 2,
        "QueryResultsToAlarm": 1,
        **limit,
        **members,
    }


def described(metrics: Any) -> dict[str, Any]:
    (found,) = metrics.describe_alarms(AlarmTypes=["LogAlarm"])["LogAlarms"]
    told: dict[str, Any] = found
    return told


def test_a_count_of_errors(aws: Account, metrics: Any, write: Any, minute: int, clock: CloudClock) -> None:
    logs, sns, sqs = aws.client("logs"), aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{aws.id}:q"
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    role = f"arn:aws:iam::{aws.id}:role/lines"
    shown = {"ActionLogLineCount": 1, "ActionLogLineRoleArn": role}
    metrics.put_log_alarm(**asked(aws, "count(*) as n", AlarmActions=[topic], **shown))
    begun = described(metrics)
    assert begun["StateValue"] == "INSUFFICIENT_DATA"
    query = logs.get_scheduled_query(identifier=begun["ScheduledQueryConfiguration"]["QueryARN"])
    assert query["scheduleType"] == "AWS_MANAGED"
    assert query["queryString"] == "filter level = 'ERROR' | stats count(*) as n"
    write({"level": "ERROR", "host": "a"}, {"level": "INFO"})
    clock.advance(301)
    assert described(metrics)["StateValue"] == "OK"
    write(*[{"level": "ERROR", "host": "a"}] * 3)
    clock.advance(301)
    assert described(metrics)["StateValue"] == "ALARM"
    assert "3" in described(metrics)["StateReason"]
    (letter,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(letter["Body"])
    assert told["LogLines"] == ['{"level": "ERROR", "host": "a"}']
    clock.advance(900)  # nothing is logged, and nothing known
    assert described(metrics)["StateValue"] == "INSUFFICIENT_DATA"
    metrics.delete_alarms(AlarmNames=["errors"])
    assert logs.list_scheduled_queries()["scheduledQueries"] == []


def test_hosts_are_contributors(aws: Account, metrics: Any, write: Any, minute: int, clock: CloudClock) -> None:
    clock.advance(0.1234567)
    metrics.put_log_alarm(**asked(aws, "count(*) by host | sort desc", TreatMissingData="notBreaching"))
    write(*[{"level": "ERROR", "host": "a"}] * 3, {"level": "ERROR", "host": "b"})
    clock.advance(301)
    (one,) = metrics.describe_alarm_contributors(AlarmName="errors")["AlarmContributors"]
    assert one["ContributorAttributes"] == {"host": "a"}
    assert described(metrics)["StateValue"] == "ALARM"
    write(*[{"level": "ERROR", "host": "b"}] * 2)
    clock.advance(600)
    found = metrics.describe_alarm_contributors(AlarmName="errors")["AlarmContributors"]
    assert [one["ContributorAttributes"]["host"] for one in found] == ["b"]


def test_what_a_log_alarm_must_not_be(aws: Account, metrics: Any, write: Any) -> None:
    for wrong, why in (
        ({"QueryResultsToAlarm": 3}, "less than or equal"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "not supported"),
        ({"ActionLogLineCount": 3}, "ActionLogLineRoleArn"),
        ({"TreatMissingData": "perhaps"}, "TreatMissingData"),
    ):
        with pytest.raises(ClientError, match=why):
            metrics.put_log_alarm(**asked(aws, "count(*)", **wrong))
    with pytest.raises(ClientError, match="scheduled query"):
        metrics.put_log_alarm(**asked(aws, "count("))
    metrics.put_log_alarm(**asked(aws, "count(*)"))
    with pytest.raises(ClientError, match="exists already"):
        metrics.put_composite_alarm(AlarmName="errors", AlarmRule="TRUE")
