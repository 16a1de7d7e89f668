"""Metric streams into Firehose and from there into a bucket, in all of their formats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

# OpenTelemetry's protocol 0.7.0 (opentelemetry-proto, metrics.proto), as far as a double summary needs it.
SEVEN: dict[str, list[tuple[str, int, str]]] = {
    "Request": [("resource_metrics", 1, "*ResourceMetrics")],
    "ResourceMetrics": [("resource", 1, "Resource"), ("instrumentation_library_metrics", 2, "*Library")],
    "Resource": [("attributes", 1, "*KeyValue")],
    "KeyValue": [("key", 1, "string"), ("value", 2, "AnyValue")],
    "AnyValue": [("string_value", 1, "string")],
    "Library": [("metrics", 2, "*Metric")],
    "Metric": [("name", 1, "string"), ("unit", 3, "string"), ("double_summary", 11, "Summary")],
    "Summary": [("data_points", 1, "*Point")],
    "Point": [
        ("labels", 1, "*Label"),
        ("start_time_unix_nano", 2, "fixed64"),
        ("time_unix_nano", 3, "fixed64"),
        ("count", 4, "fixed64"),
        ("sum", 5, "double"),
        ("quantile_values", 6, "*Quantile"),
    ],
    "Label": [("key", 1, "string"), ("value", 2, "string")],
    "Quantile": [("quantile", 1, "double"), ("value", 2, "double")],
}


def request_of_seven() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="seven.proto", package="seven", syntax="proto3")
    kinds = {"string": 9, "double": 1, "fixed64": 6}
    for name, fields in SEVEN.items():
        made = file.message_type.add(name=name)
        for field, number, kind in fields:
            bare = kind.lstrip("*")
            one = made.field.add(name=field, number=number, label=3 if kind.startswith("*") else 1)
            one.type = kinds.get(bare, 11)
            if bare not in kinds:
                one.type_name = f".seven.{bare}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("seven.Request"))


def delimited(data: bytes, kind: Any) -> Iterator[Any]:
    """Messages, each after its length."""
    at = 0
    while at < len(data):
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        made = kind()
        made.ParseFromString(data[at : at + size])
        at += size
        yield made


class Flow:
    """A stream of metrics that ends in a bucket."""

    def __init__(self, account: Account, clock: CloudClock, kind: str, **members: Any) -> None:
        self.clock, self.s3, self.bucket = clock, account.client("s3"), f"metrics-{account.id}"
        self.cloudwatch = account.client("cloudwatch")
        self.s3.create_bucket(Bucket=self.bucket)
        role = f"arn:aws:iam::{account.id}:role/streams"
        hose = account.client("firehose").create_delivery_stream(
            DeliveryStreamName="hose",
            ExtendedS3DestinationConfiguration={
                "RoleARN": role,
                "BucketARN": f"arn:aws:s3:::{self.bucket}",
                "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 1},
            },
        )["DeliveryStreamARN"]
        clock.advance(60)
        self.arn = self.cloudwatch.put_metric_stream(
            Name="s", FirehoseArn=hose, RoleArn=role, OutputFormat=kind, **members
        )["Arn"]

    def put(self, *values: float) -> float:
        """Put values of one metric; the beginning of their minute."""
        datum = {"MetricName": "Latency", "Dimensions": [{"Name": "Page", "Value": "front"}], "Unit": "Milliseconds"}
        data = [datum | {"Value": value} for value in values]
        self.cloudwatch.put_metric_data(Namespace="Works", MetricData=data)
        return self.clock.now() // 60 * 60

    def arrived(self) -> bytes:
        self.clock.advance(300)
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return b"".join(self.s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read() for one in found)


MORE = {
    "IncludeFilters": [{"Namespace": "Works"}],
    "StatisticsConfigurations": [
        {"IncludeMetrics": [{"Namespace": "Works", "MetricName": "Latency"}], "AdditionalStatistics": ["p50"]}
    ],
}


def test_lines_of_json(aws: Account, clock: CloudClock) -> None:
    flow = Flow(aws, clock, "json", **MORE)
    at = flow.put(10, 20, 60)
    (told,) = [json.loads(line) for line in flow.arrived().splitlines()]
    assert (told["namespace"], told["metric_name"], told["dimensions"]) == ("Works", "Latency", {"Page": "front"})
    assert (told["timestamp"], told["unit"]) == (at * 1000, "Milliseconds")
    assert told["value"] == {"max": 60, "min": 10, "sum": 90, "count": 3, "p50": 20}


def test_opentelemetry_one(aws: Account, clock: CloudClock) -> None:
    flow = Flow(aws, clock, "opentelemetry1.0", **MORE)
    at = flow.put(10, 20, 60)
    (request,) = delimited(flow.arrived(), ExportMetricsServiceRequest)
    (resource,) = request.resource_metrics
    told = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert told == {
        "cloud.provider": "aws",
        "cloud.account.id": aws.id,
        "cloud.region": "us-east-1",
        "aws.exporter.arn": flow.arn,
    }
    (metric,) = resource.scope_metrics[0].metrics
    assert (metric.name, metric.unit) == ("amazonaws.com/Works/Latency", "ms")
    (point,) = metric.summary.data_points
    attributes = {one.key: one.value for one in point.attributes}
    assert attributes["MetricName"].string_value == "Latency" and attributes["Namespace"].string_value == "Works"
    dimensions = {one.key: one.value.string_value for one in attributes["Dimensions"].kvlist_value.values}
    assert dimensions == {"Page": "front"}
    assert (point.count, point.sum, point.start_time_unix_nano) == (3, 90, int(at) * 10**9)
    assert point.time_unix_nano - point.start_time_unix_nano == 60 * 10**9
    assert [(one.quantile, one.value) for one in point.quantile_values] == [(0, 10), (0.5, 20), (1, 60)]


def test_opentelemetry_seven(aws: Account, clock: CloudClock) -> None:
    flow = Flow(aws, clock, "opentelemetry0.7", **MORE)
    at = flow.put(10, 20, 60)
    flow.clock.advance(60)
    flow.put(7)
    first, second = delimited(flow.arrived(), request_of_seven())
    (metric,) = first.resource_metrics[0].instrumentation_library_metrics[0].metrics
    assert (metric.name, metric.unit) == ("amazonaws.com/Works/Latency", "ms")
    (point,) = metric.double_summary.data_points
    labels = {one.key: one.value for one in point.labels}
    assert labels == {"Namespace": "Works", "MetricName": "Latency", "Page": "front"}
    assert (point.count, point.sum, point.start_time_unix_nano) == (3, 90, int(at) * 10**9)
    assert [(one.quantile, one.value) for one in point.quantile_values] == [(0, 10), (0.5, 20), (1, 60)]
    assert (
        second.resource_metrics[0].instrumentation_library_metrics[0].metrics[0].double_summary.data_points[0].sum == 7
    )


@pytest.fixture(autouse=True)
def _still(clock: CloudClock) -> None:
    clock.advance(60 - clock.now() % 60)
