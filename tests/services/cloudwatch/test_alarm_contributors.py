"""Alarms that look at several time series, that warm up, that look at days by the clock, and that tell their tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

pytestmark = pytest.mark.usefixtures("mortal")

Put = Callable[..., None]

GROUPED = {
    "Id": "q",
    "Expression": 'SELECT MAX(Load) FROM SCHEMA("Works", Host) GROUP BY Host',
    "Period": 60,
    "ReturnData": True,
}
LIMIT: dict[str, Any] = {"EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold"}


@pytest.fixture
def letters(aws: Account) -> Callable[[], list[dict[str, Any]]]:
    """What a queue that is subscribed to the topic `alerts` has been told."""
    sqs, sns = aws.client("sqs"), aws.client("sns")
    queue = sqs.create_queue(QueueName="letters")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{aws.id}:letters"
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    def letters() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for one in found:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in found]

    return letters


def topic(aws: Account) -> str:
    return f"arn:aws:sns:us-east-1:{aws.id}:alerts"


def host(name: str) -> dict[str, Any]:
    return {"Dimensions": [{"Name": "Host", "Value": name}]}


def state(metrics: Any, name: str = "a") -> str:
    (found,) = metrics.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    value: str = found["StateValue"]
    return value


def test_each_group_of_a_query_is_a_contributor(
    aws: Account, metrics: Any, put: Put, minute: int, clock: CloudClock, letters: Any
) -> None:
    metrics.put_metric_alarm(
        AlarmName="a",
        Metrics=[GROUPED],
        AlarmActions=[topic(aws)],
        OKActions=[topic(aws)],
        Tags=[{"Key": "team", "Value": "red"}, {"Key": "secret", "Value": "x"}],
        ActionConfiguration={"AlarmTagsPropagation": {"Enabled": True, "ExcludedTagKeys": ["secret"]}},
        **LIMIT,
    )
    put(9.0, **host("one"))
    put(1.0, **host("two"))
    clock.advance(60)
    assert state(metrics) == "ALARM"
    (found,) = metrics.describe_alarm_contributors(AlarmName="a")["AlarmContributors"]
    assert found["ContributorAttributes"] == {"Host": "one"}
    assert "9.0" in found["StateReason"]
    told = {one["AlarmContributorAttributes"]["Host"]: one for one in letters()}
    assert {name: one["NewStateValue"] for name, one in told.items()} == {"one": "ALARM", "two": "OK"}
    assert told["one"]["AlarmContributorId"] == found["ContributorId"]
    assert told["one"]["AlarmTags"] == {"team": "red"}
    put(1.0, **host("one"))
    put(9.0, **host("two"))
    clock.advance(60)
    assert state(metrics) == "ALARM"  # another one keeps it there
    assert len(letters()) == 2
    kinds = ["AlarmContributorStateUpdate", "AlarmContributorAction"]
    for kind in kinds:
        items = metrics.describe_alarm_history(
            AlarmName="a", HistoryItemType=kind, AlarmContributorId=found["ContributorId"]
        )["AlarmHistoryItems"]
        assert [one["AlarmContributorAttributes"] for one in items] == [{"Host": "one"}] * 2
    metrics.delete_alarms(AlarmNames=["a"])
    with pytest.raises(ClientError, match="ResourceNotFound"):
        metrics.describe_alarm_contributors(AlarmName="a")


def test_an_alarm_warms_up(metrics: Any, put: Put, minute: int, clock: CloudClock) -> None:
    """Alarm warm-up periods: nothing is evaluated before enough data are there, or, if so asked, before the end."""
    single = {"Namespace": "Works", "MetricName": "Load", "Statistic": "Maximum", "Period": 60}
    missing = {"TreatMissingData": "breaching"} | single | LIMIT | {"EvaluationPeriods": 2}
    warm = {"WarmUpPeriodDurationInMinutes": 5}
    metrics.put_metric_alarm(AlarmName="a", WarmUpConfiguration=warm, **missing)
    strict = warm | {"OnlyStartEvaluatingAfterWarmUpPeriodEnds": True}
    metrics.put_metric_alarm(AlarmName="b", WarmUpConfiguration=strict, **missing)
    metrics.put_metric_alarm(AlarmName="c", **missing)
    clock.advance(60)
    assert [state(metrics, name) for name in "abc"] == ["INSUFFICIENT_DATA", "INSUFFICIENT_DATA", "ALARM"]
    for _ in range(2):
        put(1.0)
        clock.advance(60)
    assert [state(metrics, name) for name in "abc"] == ["OK", "INSUFFICIENT_DATA", "OK"]
    clock.advance(300)
    assert [state(metrics, name) for name in "ab"] == ["ALARM", "ALARM"]


def test_a_day_by_the_clock_on_the_wall(metrics: Any, put: Put, clock: CloudClock) -> None:
    """Alarm evaluation windows: whole days of the zone, up to the last midnight."""
    ahead = 5 * 3600 + 1800
    clock.advance(86400 - (clock.now() + ahead) % 86400 - 7200)  # two hours before midnight, there
    single = {"Namespace": "Works", "MetricName": "Load", "Statistic": "Sum", "Period": 86400}
    window = {"WallClockWindow": {"Timezone": "UTC+05:30"}}
    metrics.put_metric_alarm(AlarmName="a", EvaluationWindow=window, **(single | LIMIT))
    metrics.put_metric_alarm(AlarmName="s", **(single | LIMIT))
    put(9.0)
    clock.advance(3600)
    assert [state(metrics, name) for name in "as"] == ["INSUFFICIENT_DATA", "ALARM"]
    clock.advance(3660)
    assert state(metrics) == "ALARM"
    with pytest.raises(ClientError, match="Timezone"):
        wrong = {"WallClockWindow": {"Timezone": "+05:31"}}
        metrics.put_metric_alarm(AlarmName="w", EvaluationWindow=wrong, **(single | LIMIT))


def test_promql_over_enriched_metrics(metrics: Any, aws: Account, minute: int, clock: CloudClock) -> None:
    """Only what enrichment covers is there to be asked for; each element of the result is a contributor."""
    query = 'max by (FunctionName) (avg_over_time(Errors{"@instrumentation.@name"="cloudwatch.aws/lambda"}[5m])) > 2'
    criteria = {"PromQLCriteria": {"Query": query, "PendingPeriod": 60, "RecoveryPeriod": 60}}
    metrics.put_metric_alarm(AlarmName="a", EvaluationCriteria=criteria, EvaluationInterval=60)
    assert state(metrics) == "OK"

    def errors(name: str, value: float) -> None:
        data = {"MetricName": "Errors", "Value": value, "Dimensions": [{"Name": "FunctionName", "Value": name}]}
        inner(aws, data)

    errors("f", 5.0)
    errors("g", 1.0)
    clock.advance(180)
    assert state(metrics) == "OK"  # nothing is enriched
    metrics.start_o_tel_enrichment(IncludeFilters=[{"Namespace": "AWS/Lambda"}])
    clock.advance(60)
    assert state(metrics) == "OK"  # still pending
    clock.advance(60)
    assert state(metrics) == "ALARM"
    (found,) = metrics.describe_alarm_contributors(AlarmName="a")["AlarmContributors"]
    assert found["ContributorAttributes"] == {"FunctionName": "f"}
    metrics.update_o_tel_enrichment(ExcludeFilters=[{"Namespace": "AWS/Lambda", "MetricNames": ["Errors"]}])
    clock.advance(180)
    assert state(metrics) == "OK"
    assert metrics.describe_alarm_contributors(AlarmName="a")["AlarmContributors"] == []
    for wrong in ("sum by (", "nothing(x)", "up[5m"):
        with pytest.raises(ClientError, match="PromQL"):
            bad = {"PromQLCriteria": {"Query": wrong}}
            metrics.put_metric_alarm(AlarmName="w", EvaluationCriteria=bad, EvaluationInterval=60)
    with pytest.raises(ClientError, match="EvaluationInterval"):
        metrics.put_metric_alarm(AlarmName="w", EvaluationCriteria=criteria)


def inner(aws: Account, datum: dict[str, Any]) -> None:
    """Put a metric of a service's: the namespaces that begin with AWS/ may be put to by everybody here."""
    aws.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=[datum])
