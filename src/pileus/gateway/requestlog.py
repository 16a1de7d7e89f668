"""One line for every request, and the numbers that Prometheus asks for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from typing import TextIO

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the histogram's buckets."""


class Entry:
    """What is known of one request; filled in on its way."""

    __slots__ = ("account", "error", "operation", "request_id", "service", "started", "status")

    def __init__(self, request_id: str, started: float) -> None:
        self.request_id = request_id
        self.started = started
        self.service = self.operation = self.account = self.error = "-"
        self.status = 0


@lru_cache(maxsize=1)
def stamp(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def line(entry: Entry, seconds: float, epoch: float) -> str:
    """What the log says of a request that took so long; `epoch` is the real time at which `started` would be zero."""
    return (
        f"{stamp(int(epoch + entry.started + seconds))} service={entry.service} "
        f"operation={entry.operation} account={entry.account} status={entry.status} error={entry.error} "
        f"ms={seconds * 1000:.2f} request_id={entry.request_id}\n"
    )


class RequestLog:
    """Counts requests, and writes their lines in batches: `file` may be None for none."""

    def __init__(self, file: TextIO | None = None) -> None:
        self.file = file
        self.on_answer: Callable[[Entry, float], None] | None = None
        """Told of every answer and the seconds it took, while somebody listens."""
        self.total = 0
        self.errors = 0
        self._unwritten: list[tuple[Entry, float]] = []
        self._seconds: defaultdict[tuple[str, str, int], list[float]] = defaultdict(lambda: [0.0] * (len(SECONDS) + 2))
        """By service, operation and status: how many requests took up to so long, and how long all of them took."""

    def add(self, entry: Entry) -> None:
        seconds = time.perf_counter() - entry.started
        self.total += 1
        self.errors += entry.status >= 500
        histogram = self._seconds[entry.service, entry.operation, entry.status]
        histogram[bisect_left(SECONDS, seconds)] += 1
        histogram[-1] += seconds
        if self.on_answer is not None:
            self.on_answer(entry, seconds)
        if self.file is not None:
            self._write(entry, seconds)

    def _write(self, entry: Entry, seconds: float) -> None:
        if not self._unwritten:
            try:
                asyncio.get_running_loop().call_later(0.05, self.flush)
            except RuntimeError:
                return
        self._unwritten.append((entry, seconds))

    def flush(self) -> None:
        answered, self._unwritten = self._unwritten, []
        if self.file is not None and answered:
            epoch = time.time() - time.perf_counter()
            with contextlib.suppress(OSError):  # a full disk, a closed pipe: these lines are lost, and nothing else
                self.file.write("".join([line(entry, seconds, epoch) for entry, seconds in answered]))
                self.file.flush()

    def exposition(self) -> str:
        """The numbers in Prometheus' text format, version 0.0.4."""
        lines = ["# HELP pileus_requests_total Requests answered.", "# TYPE pileus_requests_total counter"]
        operations: defaultdict[tuple[str, str], list[list[float]]] = defaultdict(list)
        for (service, operation, status), histogram in sorted(self._seconds.items()):
            labels = f'service="{service}",operation="{operation}",status="{status}"'
            lines.append(f"pileus_requests_total{{{labels}}} {int(sum(histogram[:-1]))}")
            operations[service, operation].append(histogram)
        lines += [
            "# HELP pileus_request_seconds Time from request to answer.",
            "# TYPE pileus_request_seconds histogram",
        ]
        for (service, operation), histograms in operations.items():
            labels = f'service="{service}",operation="{operation}"'
            *counts, seconds = map(sum, zip(*histograms, strict=True))
            below = 0
            for bound, number in zip((*map(str, SECONDS), "+Inf"), counts, strict=True):
                below += int(number)
                lines.append(f'pileus_request_seconds_bucket{{{labels},le="{bound}"}} {below}')
            lines.append(f"pileus_request_seconds_sum{{{labels}}} {seconds:.6f}")
            lines.append(f"pileus_request_seconds_count{{{labels}}} {below}")
        return "\n".join(lines) + "\n"
