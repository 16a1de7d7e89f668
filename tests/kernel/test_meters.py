"""What services count is told when its minute is over, when the cloud stops, and not at all once it is forgotten."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pileus
from pileus.testing.local import LocalCloud


def send(cloud: LocalCloud) -> None:
    sqs = cloud.account("111122223333").client("sqs")
    sqs.send_message(QueueUrl=sqs.create_queue(QueueName="q")["QueueUrl"], MessageBody="hello")


def sent(cloud: LocalCloud) -> list[dict[str, Any]]:
    """The points of the metric that counts it."""
    cloudwatch = cloud.account("111122223333").client("cloudwatch")
    found: list[dict[str, Any]] = cloudwatch.get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="NumberOfMessagesSent",
        Dimensions=[{"Name": "QueueName", "Value": "q"}],
        StartTime=cloud.clock.now() - 3600,
        EndTime=cloud.clock.now() + 60,
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return sorted(found, key=lambda one: one["Timestamp"])


def test_each_minute_has_its_own() -> None:
    with pileus.cloud(sockets=True) as cloud:
        cloud.clock.freeze()
        cloud.clock.advance(60 - cloud.clock.now() % 60)
        start = cloud.clock.now()
        for _ in range(2):
            send(cloud)
            send(cloud)
            cloud.clock.advance(60)
        told = sent(cloud)
        assert [(one["Timestamp"].timestamp() - start, one["Sum"]) for one in told] == [(0, 2), (60, 2)]


def test_a_cloud_that_stops_tells_what_it_counted(tmp_path: Path) -> None:
    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        send(cloud)
        assert sent(cloud) == []
    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        assert [one["Sum"] for one in sent(cloud)] == [1]


def test_what_is_forgotten_is_not_told() -> None:
    with pileus.cloud(sockets=True) as cloud:
        cloud.clock.freeze()
        send(cloud)
        address = f"{cloud.endpoint}/_pileus/reset?account=111122223333"
        urllib.request.urlopen(urllib.request.Request(address, method="POST")).close()
        cloud.clock.advance(120)
        assert sent(cloud) == []
