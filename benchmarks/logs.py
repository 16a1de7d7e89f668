"""CloudWatch Logs through HTTP: how many events come in, and how fast a million of them are searched.

python -m benchmarks.logs
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .load import Keys, apply, signed
from .sqs import Contender, pileus

GROUP, STREAM = "app", "main"
WORDS = ["GET", "PUT", "POST", "DELETE"]


def message(number: int) -> str:
    """A line of an access log, in JSON; one in ten thousand is an error."""
    status = 500 if number % 10_000 == 0 else 200
    return json.dumps(
        {
            "method": WORDS[number % 4],
            "path": f"/orders/{number % 977}",
            "status": status,
            "latency": number % 311,
            "message": "failed badly" if status == 500 else "served",
        }
    )


def batch(first: int, size: int, start: int) -> list[dict[str, Any]]:
    return [{"timestamp": start + number // 100, "message": message(number)} for number in range(first, first + size)]


def requests(endpoint: str, keys: Keys, total: int, size: int, start: int) -> list[bytes]:
    """Signed batches."""
    return [
        signed(
            endpoint,
            "Logs_20140328.PutLogEvents",
            {"logGroupName": GROUP, "logStreamName": STREAM, "logEvents": batch(first, size, start)},
            keys,
            service="logs",
        )
        for first in range(0, total, size)
    ]


def ingest(contender: Contender, total: int, size: int, start: int) -> None:
    sent = requests(contender.endpoint, contender.keys, total, size, start)
    begun, spent = time.perf_counter(), cpu(contender)
    for first in range(0, len(sent), 50):  # the loader is told its requests in one piece
        piece = sent[first : first + 50]
        result = apply(contender.endpoint, piece, connections=4, seconds=3600, count=len(piece))
        assert not result.errors
    taken = time.perf_counter() - begun
    print(
        f"{total:,} events in batches of {size:,}: {total / taken:,.0f} events/s, the loader's starts included; "
        f"{total / (cpu(contender) - spent):,.0f} events a second of CPU"
    )


def rate(contender: Contender, size: int, start: int) -> None:
    """One stream of batches, over and over."""
    logs = contender.client("logs")
    logs.create_log_stream(logGroupName=GROUP, logStreamName="rate")
    body = {"logGroupName": GROUP, "logStreamName": "rate", "logEvents": batch(1, size, start)}
    request = signed(contender.endpoint, "Logs_20140328.PutLogEvents", body, contender.keys, service="logs")
    result = apply(contender.endpoint, [request], connections=4, seconds=4)
    print(
        f"PutLogEvents, batches of {size:,}: {result.rate * size:,.0f} events/s, "
        f"{result.rate:,.0f} batches/s, p50 {result.p50:.1f} ms, {result.errors} errors"
    )
    logs.delete_log_stream(logGroupName=GROUP, logStreamName="rate")


def cpu(contender: Contender) -> float:
    """Seconds of processor time that the server has had (Linux)."""
    fields = Path(f"/proc/{contender.process.pid}/stat").read_text().rpartition(")")[2].split()  # type: ignore[attr-defined]
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(contender: Contender, name: str, call: Callable[[], int]) -> None:
    begun, spent = time.perf_counter(), cpu(contender)
    found = call()
    taken = time.perf_counter() - begun
    print(f"{name:<64}{taken:>8.2f} s{cpu(contender) - spent:>8.2f} s of CPU{found:>11,} found")


def filtered(logs: Any, pattern: str) -> Callable[[], int]:
    def search() -> int:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=GROUP, logStreamNames=[STREAM], filterPattern=pattern
        )
        return sum(len(page["events"]) for page in pages)

    return search


def queried(logs: Any, text: str, start: int) -> Callable[[], int]:
    def query() -> int:
        asked = {"logGroupName": GROUP, "startTime": start // 1000 - 10, "endTime": start // 1000 + 3600}
        number = logs.start_query(**asked, queryString=text)["queryId"]
        while True:
            answer = logs.get_query_results(queryId=number)
            if answer["status"] not in ("Scheduled", "Running"):
                assert answer["status"] == "Complete", answer
                return int(answer["statistics"]["recordsMatched"])
            time.sleep(0.01)

    return query


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    given = parser.parse_args()
    start = int(time.time() * 1000) - 600_000
    with pileus() as contender:
        logs = contender.client("logs")
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
        for size in (10, 100, 1000, 5000):
            rate(contender, size, start)
        ingest(contender, given.events, 5000, start)
        for pattern in ("failed", "{ $.status = 500 }", "{ $.latency > 309 && $.status != 200 }"):
            timed(contender, f"FilterLogEvents {pattern}", filtered(logs, pattern))
        for text in (
            "fields @timestamp, @message | filter @message like /failed/ | sort @timestamp desc | limit 20",
            "filter status = 500 | stats count(*) by method",
            "stats count(*) by bin(1m)",
            "stats avg(latency), pct(latency, 99), count(*) by method, bin(5m)",
        ):
            timed(contender, text[:64], queried(logs, text, start))


if __name__ == "__main__":
    main()
