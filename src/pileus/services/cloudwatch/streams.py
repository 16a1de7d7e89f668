"""Metric streams: every minute's new statistics, sent to a Firehose stream as lines of JSON, or as OpenTelemetry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Fault, Record, identity, roles
from pileus.kernel.resource_type import resource_type

from . import cloudwatch, opentelemetry, points
from .dashboards import tagged
from .distributions import Distribution, statistic
from .faults import bad_combination, bad_token, bad_value
from .metrics import Metric
from .opentelemetry import Point
from .reading import tell

LATE = 60
"""Seconds after a minute in which its statistics are sent."""
LINES_AT_ONCE = 400
FORMATS = {"json": "", "opentelemetry0.7": "0.7", "opentelemetry1.0": "1.0"}


@resource_type(
    cloudwatch,
    "Name",
    create="PutMetricStream",
    read="GetMetricStream",
    delete="DeleteMetricStream",
    missing="ResourceNotFoundException",
)
class Stream(
    Record,
    arn="arn:{partition}:cloudwatch:{region}:{account}:metric-stream/{name}",
    cfn="AWS::CloudWatch::MetricStream",
):
    name: str
    configuration: dict[str, Any]
    state: str
    created: float
    updated: float
    sent: int
    """Up to when statistics have been sent."""
    tags: dict[str, str] = {}

    def wants(self, metric: Metric) -> bool:
        included, excluded = self.configuration.get("IncludeFilters"), self.configuration.get("ExcludeFilters")
        if included:
            return any(covers(one, metric) for one in included)
        return not any(covers(one, metric) for one in excluded or ())

    def shown(self, call: Call) -> dict[str, Any]:
        times = {"CreationDate": self.created, "LastUpdateDate": self.updated}
        return {"Arn": self.arn(call), "Name": self.name, "State": self.state, **times, **self.configuration}


def covers(choice: dict[str, Any], metric: Metric) -> bool:
    names = choice.get("MetricNames")
    return choice.get("Namespace") == metric.namespace and (not names or metric.name in names)


def stream_named(call: Call, name: str) -> Stream:
    found = Stream.get(call, name)
    if found is None:
        raise Fault("ResourceNotFoundException", f"Metric Stream {name} not found")
    return found


@cloudwatch.operation(
    honours=[
        "ExcludeFilters",
        "FirehoseArn",
        "IncludeFilters",
        "IncludeLinkedAccountsMetrics",
        "Name",
        "OutputFormat",
        "RoleArn",
        "StatisticsConfigurations",
        "Tags",
    ]
)
def put_metric_stream(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Make a stream, which then runs, or replace its configuration."""
    name = request["Name"]
    if request.get("IncludeFilters") and request.get("ExcludeFilters"):
        raise bad_combination("Both IncludeFilters and ExcludeFilters cannot be specified at the same time.")
    for one in request.get("StatisticsConfigurations", ()):
        for stat in one["AdditionalStatistics"]:
            if statistic(stat) is None:
                raise bad_value(f"The value {stat} for parameter AdditionalStatistics is invalid.")
    call.aws("firehose").describe_delivery_stream(delivery_stream_name=request["FirehoseArn"].rsplit("/", 1)[-1])
    configuration = {key: value for key, value in request.items() if key not in ("Name", "Tags")}
    old = Stream.get(call, name)
    if old:
        old.configuration, old.updated = configuration, call.now
        return {"Arn": old.put(call).arn(call)}
    given = tagged(request.get("Tags", []))
    stream = Stream(name, configuration, "running", call.now, call.now, minute(call.now), given).put(call)
    return {"Arn": stream.arn(call)}


@cloudwatch.operation(on=stream_named)
def get_metric_stream(call: Call, stream: Stream) -> dict[str, Any]:
    return stream.shown(call)


@cloudwatch.operation
def delete_metric_stream(call: Call, name: str) -> None:
    """Delete a stream; one that is not there is as good as deleted."""
    if found := Stream.get(call, name):
        found.delete(call)


@cloudwatch.operation
def list_metric_streams(call: Call, next_token: str = "", max_results: int = 500) -> dict[str, Any]:
    page = Stream.page(call, limit=max_results, token=next_token, invalid=bad_token())
    members = ("Arn", "CreationDate", "LastUpdateDate", "Name", "FirehoseArn", "State", "OutputFormat")
    entries = [{key: value for key, value in s.shown(call).items() if key in members} for s in page.items]
    return {"Entries": entries, "NextToken": page.token}


@cloudwatch.operation
def start_metric_streams(call: Call, names: list[str]) -> None:
    switch(call, names, "running")


@cloudwatch.operation
def stop_metric_streams(call: Call, names: list[str]) -> None:
    switch(call, names, "stopped")


def switch(call: Call, names: list[str], state: str) -> None:
    """All of them, or none where one is not there. What came while a stream stood still is not sent later."""
    for stream in [stream_named(call, name) for name in names]:
        if stream.state != state:
            stream.state, stream.updated, stream.sent = state, call.now, minute(call.now)
            stream.put(call)


# Sending


class Sending(Record):
    """There is a task that sends what came up to that minute."""

    at: int


def minute(now: float) -> int:
    return int(now) // 60 * 60


def note(call: Call) -> None:
    """Values have come: see to it that they are sent, where a stream runs."""
    if Stream.first(call) is None:
        return
    at = minute(call.now) + 60
    if Sending.get(call, at) is None:
        Sending(at).put(call)
        send.later(call, at=at, due=float(at + LATE))


@cloudwatch.task
def send(call: Call, at: int) -> None:
    """Send the statistics of the minutes before that one, to each stream that runs."""
    if found := Sending.get(call, at):
        found.delete(call)
    for stream in list(Stream.scan(call)):
        if stream.state == "running" and stream.sent < at:
            start, stream.sent = stream.sent, at
            stream.put(call)
            lines = list(statistics(call, stream, start, at))
            for number in range(0, len(lines), LINES_AT_ONCE):
                deliver.later(call, stream=stream.name, lines=lines[number : number + LINES_AT_ONCE])


@cloudwatch.task
async def deliver(call: Call, stream: str, lines: list[bytes]) -> None:
    found = Stream.get(call, stream)
    if found is None:
        return
    records = [{"Data": line} for line in lines]
    name = found.configuration["FirehoseArn"].rsplit("/", 1)[-1]
    itself = identity.service("streams.metrics.cloudwatch.amazonaws.com", found.arn(call), call.account)
    with call.transaction():
        principal = roles.taken_on(call, found.configuration["RoleArn"], "metric-stream", itself)
        call.aws("firehose", principal=principal).put_record_batch(delivery_stream_name=name, records=records)


def statistics(call: Call, stream: Stream, start: int, end: int) -> Iterator[bytes]:
    """A record for each metric, unit and minute."""
    write = line if stream.configuration["OutputFormat"] == "json" else exported
    hours = range(start // 3600, (end - 1) // 3600 + 1)
    fresh = {one.metric for hour in hours for r in (1, 60) for one in points.Filled.scan(call, r, hour)}
    if not fresh:
        return
    for metric in Metric.scan(call):
        if metric.id in fresh and stream.wants(metric):
            for at, units in sorted(points.collected(call, metric.id, start, end, 60).items()):
                for unit, values in units.items():
                    yield write(call, stream, metric, at, unit, values)


def additional(stream: Stream, metric: Metric, values: Distribution) -> dict[str, float]:
    """The statistics that the stream has beside the usual ones."""
    found: dict[str, float] = {}
    for one in stream.configuration.get("StatisticsConfigurations", ()):
        if any(
            covers({"Namespace": m["Namespace"], "MetricNames": [m["MetricName"]]}, metric)
            for m in one["IncludeMetrics"]
        ):
            found |= {name: told for name in one["AdditionalStatistics"] if (told := tell(name, values)) is not None}
    return found


def exported(call: Call, stream: Stream, metric: Metric, at: int, unit: str, values: Distribution) -> bytes:
    quantiles = {0.0: values.minimum, 1.0: values.maximum}
    for name, value in additional(stream, metric, values).items():
        if name.startswith("p"):  # of the others there is nothing in a summary
            quantiles[float(name[1:]) / 100] = value
    resource = {
        "cloud.provider": "aws",
        "cloud.account.id": call.account,
        "cloud.region": call.region,
        "aws.exporter.arn": stream.arn(call),
    }
    dimensions = metric.dimensions
    point = Point(metric.namespace, metric.name, dimensions, at, unit, values.count, values.total, quantiles)
    return opentelemetry.exported(point, resource, FORMATS[stream.configuration["OutputFormat"]])


def line(call: Call, stream: Stream, metric: Metric, at: int, unit: str, values: Distribution) -> bytes:
    value = {"max": values.maximum, "min": values.minimum, "sum": values.total, "count": values.count}
    value |= additional(stream, metric, values)
    told = json.dumps(
        {
            "metric_stream_name": stream.name,
            "account_id": call.account,
            "region": call.region,
            "namespace": metric.namespace,
            "metric_name": metric.name,
            "dimensions": metric.dimensions,
            "timestamp": at * 1000,
            "value": value,
            "unit": unit,
        },
        separators=(",", ":"),
    )
    return f"{told}\n".encode()
