"""Metric filters, subscription filters, destinations, resource policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

COUNT = {"metricName": "errors", "metricNamespace": "app", "metricValue": "1", "defaultValue": 0.0}


def test_a_pattern_is_tried_out(aws: Any) -> None:
    found = aws.client("logs").test_metric_filter(
        filterPattern="{ $.latency > 10 }", logEventMessages=['{"latency": 5}', '{"latency": 50}', "text"]
    )["matches"]
    assert found == [{"eventNumber": 2, "eventMessage": '{"latency": 50}', "extractedValues": {"$.latency": "50"}}]


def test_metric_filters_are_kept_and_checked(logs: Any, refused: Any) -> None:
    logs.put_metric_filter(
        logGroupName="app", filterName="errors", filterPattern="ERROR", metricTransformations=[COUNT]
    )
    (found,) = logs.describe_metric_filters(logGroupName="app")["metricFilters"]
    assert (found["filterName"], found["filterPattern"], found["metricTransformations"]) == ("errors", "ERROR", [COUNT])
    assert logs.describe_metric_filters(metricName="errors", metricNamespace="app")["metricFilters"] == [found]
    assert logs.describe_metric_filters(metricName="other", metricNamespace="app")["metricFilters"] == []
    assert logs.describe_log_groups()["logGroups"][0]["metricFilterCount"] == 1
    both = COUNT | {"dimensions": {"user": "$.user"}}
    with refused("InvalidParameterException", "mutually exclusive"):
        logs.put_metric_filter(logGroupName="app", filterName="x", filterPattern="", metricTransformations=[both])
    with refused("InvalidParameterException", "Invalid filter pattern"):
        logs.put_metric_filter(logGroupName="app", filterName="x", filterPattern="[a", metricTransformations=[COUNT])
    logs.delete_metric_filter(logGroupName="app", filterName="errors")
    assert logs.describe_log_groups()["logGroups"][0]["metricFilterCount"] == 0
    with refused("ResourceNotFoundException", "The specified metric filter does not exist."):
        logs.delete_metric_filter(logGroupName="app", filterName="errors")


def test_what_matches_becomes_a_metric(aws: Any, logs: Any, put: Any, clock: Any) -> None:
    latency = {
        "metricName": "latency",
        "metricNamespace": "app",
        "metricValue": "$.latency",
        "dimensions": {"path": "$.path"},
        "unit": "Milliseconds",
    }
    logs.put_metric_filter(
        logGroupName="app", filterName="errors", filterPattern="ERROR", metricTransformations=[COUNT]
    )
    logs.put_metric_filter(
        logGroupName="app", filterName="latency", filterPattern="{ $.latency = * }", metricTransformations=[latency]
    )
    put("ERROR a", "ERROR b", "fine", *[json.dumps({"latency": number, "path": "/a"}) for number in (10, 20, 60)])
    clock.advance(60)
    cloudwatch = aws.client("cloudwatch")

    def statistics(name: str, dimensions: list[Any], unit: str) -> dict[str, Any]:
        points = cloudwatch.get_metric_statistics(
            Namespace="app",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=clock.now() - 600,
            EndTime=clock.now() + 60,
            Period=3600,
            Statistics=["Sum", "Maximum", "SampleCount"],
        )["Datapoints"]
        found = [point for point in points if point["Unit"] == unit]
        assert found, points
        return {
            "Sum": sum(point["Sum"] for point in found),
            "Maximum": max(point["Maximum"] for point in found),
            "SampleCount": sum(point["SampleCount"] for point in found),
        }

    assert statistics("errors", [], "None")["Sum"] == 2
    dimensions = [{"Name": "path", "Value": "/a"}]
    found = statistics("latency", dimensions, "Milliseconds")
    assert found == {"Sum": 90, "Maximum": 60, "SampleCount": 3}


def test_destinations_and_their_policies(aws: Any, refused: Any) -> None:
    logs = aws.client("logs")
    stream = f"arn:aws:kinesis:us-east-1:{aws.id}:stream/s"
    role = f"arn:aws:iam::{aws.id}:role/r"
    made = logs.put_destination(destinationName="central", targetArn=stream, roleArn=role, tags={"a": "b"})
    arn = made["destination"]["arn"]
    assert arn == f"arn:aws:logs:us-east-1:{aws.id}:destination:central"
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}
    other = aws.cloud.account()
    theirs = other.client("logs")
    theirs.create_log_group(logGroupName="app")
    wish = {"logGroupName": "app", "filterName": "f", "filterPattern": "", "destinationArn": arn}
    with refused("AccessDeniedException"):
        theirs.put_subscription_filter(**wish)
    allow = {"Effect": "Allow", "Principal": {"AWS": other.id}, "Action": "logs:PutSubscriptionFilter", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    logs.put_destination_policy(destinationName="central", accessPolicy=policy)
    theirs.put_subscription_filter(**wish)
    assert theirs.describe_subscription_filters(logGroupName="app")["subscriptionFilters"][0]["destinationArn"] == arn
    with refused("InvalidParameterException"):
        logs.put_destination_policy(destinationName="central", accessPolicy="{}")
    (found,) = logs.describe_destinations(DestinationNamePrefix="cen")["destinations"]
    assert found["accessPolicy"] == policy
    logs.delete_destination(destinationName="central")
    with refused("ResourceNotFoundException"):
        logs.delete_destination(destinationName="central")


def test_a_group_has_two_subscriptions_at_most(aws: Any, logs: Any, refused: Any) -> None:
    role = f"arn:aws:iam::{aws.id}:role/r"
    stream = f"arn:aws:kinesis:us-east-1:{aws.id}:stream/s"
    arn = logs.put_destination(destinationName="d", targetArn=stream, roleArn=role)["destination"]["arn"]
    for name in ("a", "b"):
        logs.put_subscription_filter(logGroupName="app", filterName=name, filterPattern="", destinationArn=arn)
    with refused("LimitExceededException", "Resource limit exceeded."):
        logs.put_subscription_filter(logGroupName="app", filterName="c", filterPattern="", destinationArn=arn)
    logs.delete_subscription_filter(logGroupName="app", filterName="a")
    logs.put_subscription_filter(logGroupName="app", filterName="c", filterPattern="", destinationArn=arn)
    for wrong in ("nonsense", "arn:aws:sqs:us-east-1:000000000000:q"):
        with refused("InvalidParameterException"):
            logs.put_subscription_filter(logGroupName="app", filterName="b", filterPattern="", destinationArn=wrong)
    with refused("InvalidParameterException"):
        logs.put_subscription_filter(logGroupName="app", filterName="b", filterPattern="", destinationArn=stream)


@pytest.mark.parametrize("name", ["one"])
def test_resource_policies(aws: Any, refused: Any, name: str) -> None:
    logs = aws.client("logs")
    statement = {"Effect": "Allow", "Principal": {"Service": "es.amazonaws.com"}, "Action": "logs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_resource_policy(policyName=name, policyDocument=policy)
    (found,) = logs.describe_resource_policies()["resourcePolicies"]
    assert (found["policyName"], found["policyDocument"]) == (name, policy)
    with refused("InvalidParameterException"):
        logs.put_resource_policy(policyName=name, policyDocument='{"Version": "2012-10-17"}')
    logs.delete_resource_policy(policyName=name)
    with refused("ResourceNotFoundException"):
        logs.delete_resource_policy(policyName=name)


def test_events_may_have_metrics_embedded_in_them(aws: Any, put: Any, now: Any, clock: Any) -> None:
    message = {
        "_aws": {
            "Timestamp": now(),
            "CloudWatchMetrics": [
                {
                    "Namespace": "shop",
                    "Dimensions": [["service"], ["service", "stage"]],
                    "Metrics": [{"Name": "latency", "Unit": "Milliseconds"}, {"Name": "absent"}],
                }
            ],
        },
        "service": "orders",
        "stage": "prod",
        "latency": [10, 30],
    }
    put(json.dumps(message), json.dumps({"_aws": {"CloudWatchMetrics": "nonsense"}}))
    clock.advance(60)
    found = aws.client("cloudwatch").list_metrics(Namespace="shop")["Metrics"]
    assert sorted(len(metric["Dimensions"]) for metric in found) == [1, 2]
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace="shop",
        MetricName="latency",
        Dimensions=[{"Name": "service", "Value": "orders"}],
        StartTime=clock.now() - 600,
        EndTime=clock.now() + 60,
        Period=3600,
        Statistics=["Sum", "SampleCount"],
        Unit="Milliseconds",
    )["Datapoints"]
    assert [(point["Sum"], point["SampleCount"]) for point in points] == [(40, 2)]
