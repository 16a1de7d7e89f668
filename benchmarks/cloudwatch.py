"""CloudWatch through HTTP: data points put per second, and the CPU that alarms over many metrics cost a minute.

python -m benchmarks.cloudwatch
"""

from __future__ import annotations

import argparse
import resource
import time

import boto3

import pileus

from .load import apply, signed
from .sqs import pileus as started_pileus


def puts(connections: int, seconds: float, metrics: int) -> None:
    """PutMetricData of so many metrics at once."""
    with started_pileus() as started:
        data = [
            {"MetricName": f"m{number}", "Value": float(number), "Dimensions": [{"Name": "Host", "Value": "a"}]}
            for number in range(metrics)
        ]
        request = signed(
            started.endpoint,
            "GraniteServiceVersion20100801.PutMetricData",
            {"Namespace": "Bench", "MetricData": data},
            started.keys,
            "monitoring",
        )
        result = apply(started.endpoint, [request], connections=connections, seconds=seconds)
        rate = f"{result.rate * metrics:,.0f} data points/s"
        print(f"PutMetricData, {metrics} metrics a call: {rate}, {result.errors} errors")


def alarms(count: int) -> None:
    """The CPU of one minute's evaluation of so many alarms, each of a metric of its own that has values."""
    with pileus.cloud(sockets=True) as cloud:
        cloud.clock.freeze()
        cloud.clock.advance(60 - cloud.clock.now() % 60)
        metrics = boto3.client("cloudwatch", **cloud.client_kwargs())
        for number in range(count):
            metrics.put_metric_alarm(
                AlarmName=f"a{number}",
                Namespace="Bench",
                MetricName=f"m{number}",
                Statistic="Average",
                Period=60,
                EvaluationPeriods=3,
                Threshold=5.0,
                ComparisonOperator="GreaterThanThreshold",
            )
        for _ in range(4):
            for start in range(0, count, 500):
                data = [{"MetricName": f"m{n}", "Value": float(n % 10)} for n in range(start, min(start + 500, count))]
                metrics.put_metric_data(Namespace="Bench", MetricData=data)
            before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
            cloud.clock.advance(60)
            after, taken = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"a minute of {count:,} alarms: {spent:.2f} s of CPU, {taken:.2f} s of time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--alarms", type=int, default=10_000)
    given = parser.parse_args()
    for metrics in (20, 500):
        puts(given.connections, given.seconds, metrics)
    alarms(given.alarms)


if __name__ == "__main__":
    main()
