"""SQS through HTTP: Pileus beside a bare server, and beside any other endpoints, in one run on one machine.

    python -m benchmarks.sqs
    python -m benchmarks.sqs --endpoint ministack=http://127.0.0.1:4570 --endpoint moto=http://127.0.0.1:5000

Pileus keeps its data in a directory, and verifies every signature (its requests carry keys that it issued).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3

from .load import ANYBODY, Keys, Result, apply, signed

BODY = "x" * 256


class Contender:
    """An endpoint under measurement, with a queue of its own."""

    def __init__(self, name: str, endpoint: str, keys: Keys = ANYBODY, queue: str = "") -> None:
        self.name = name
        self.endpoint = endpoint
        self.keys = keys
        self.queue = queue or str(self.client().create_queue(QueueName=f"load-{time.time_ns()}")["QueueUrl"])

    def client(self, service: str = "sqs") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.keys.access_key,
            aws_secret_access_key=self.keys.secret_key,
            aws_session_token=self.keys.token,
        )

    def send(self, connections: int, seconds: float, count: int = 0) -> Result:
        request = self.request("SendMessage", MessageBody=BODY)
        return apply(self.endpoint, [request], connections=connections, seconds=seconds, count=count)

    def receive(self, number: int) -> Result:
        """Receive so many messages, one at a time; there must be as many."""
        request = self.request("ReceiveMessage", MaxNumberOfMessages=1)
        return apply(self.endpoint, [request], connections=1, seconds=3600, count=number)

    def fill(self, number: int) -> None:
        """Put so many messages into the queue, ten at a time."""
        entries = [{"Id": str(n), "MessageBody": BODY} for n in range(10)]
        request = self.request("SendMessageBatch", Entries=entries)
        apply(self.endpoint, [request], connections=8, seconds=3600, count=number // 10)

    def request(self, operation: str, **members: Any) -> bytes:
        return signed(self.endpoint, f"AmazonSQS.{operation}", {"QueueUrl": self.queue, **members}, self.keys)


@contextmanager
def pileus(*options: str, data: Path | None = None) -> Iterator[Contender]:
    """A Pileus of its own process, with its data in a temporary directory; its requests carry keys it has issued."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = str(data or temporary)
        port = free_port()
        command = [sys.executable, "-m", "pileus.cli", "up", "--port", str(port), "--data", folder, *options]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        endpoint = f"http://127.0.0.1:{port}"
        try:
            wait_for(f"{endpoint}/_pileus/health")
            root = Contender("root", endpoint)
            issued = root.client("sts").get_session_token()["Credentials"]
            keys = Keys(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
            contender = Contender("Pileus", endpoint, keys)
            contender.process = process  # type: ignore[attr-defined]
            yield contender
        finally:
            process.terminate()
            process.wait()


@contextmanager
def bare() -> Iterator[Contender]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.bare", folder, "secret"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        port = int(process.stdout.readline())
        try:
            yield Contender("bare server", f"http://127.0.0.1:{port}", Keys("AKIDEXAMPLE", "secret"), "http://queue")
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=1).read()
            return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(url)


def resident(pid: int) -> float:
    """Megabytes of a process in memory (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def sending(contenders: list[Contender], connections: int, seconds: float, rounds: int) -> dict[str, Result]:
    """All in turn, round after round: a machine whose speed drifts treats them alike. The median round counts."""
    print(f"\nSendMessage, 256 bytes, {connections} connections, median of {rounds} rounds")
    print(f"{'server':<16}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}{'Pileus is':>12}{'as test':>12}")
    taken: dict[str, list[Result]] = {}
    for _ in range(rounds):
        for contender in contenders:
            taken.setdefault(contender.name, []).append(contender.send(connections, seconds))
    results = {name: sorted(found)[len(found) // 2] for name, found in taken.items()}
    for name, result in results.items():
        ratios = [results[ours].rate / result.rate if result.rate else 0.0 for ours in ("Pileus", "Pileus, as test")]
        print(
            f"{name:<16}{result.rate:>12,.0f}{result.p50:>9.2f}{result.p99:>9.2f}{result.errors:>8}"
            f"{ratios[0]:>10.2f} x{ratios[1]:>10.2f} x"
        )
    return results


def depth(contender: Contender, sizes: tuple[int, ...]) -> None:
    print("\nReceiveMessage by what is stored (Pileus, 1 connection, 900 messages received)")
    print(f"{'messages':>10}{'requests/s':>12}{'p50 ms':>9}{'resident MB':>13}")
    for size in sizes:
        deep = Contender("Pileus", contender.endpoint, contender.keys)
        deep.fill(size)
        time.sleep(3)  # let the checkpoint that the filling left behind pass by
        result = deep.receive(900)
        print(f"{size:>10,}{result.rate:>12,.0f}{result.p50:>9.2f}{resident(contender.process.pid):>13.0f}")  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", action="append", default=[], metavar="NAME=URL", help="another server to measure")
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 16, 64])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--depth", action="store_true", help="measure receiving from 1,000 and from 1,000,000 messages")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with ExitStack() as stack:
        ours = stack.enter_context(pileus())
        # The others verify nothing: a key that nobody issued asks no more of us than they do.
        unverified = Contender("Pileus, as test", ours.endpoint)
        contenders = [ours, unverified, stack.enter_context(bare())]
        contenders += [Contender(*option.split("=", 1)) for option in given.endpoint]
        results = {number: sending(contenders, number, given.seconds, given.rounds) for number in given.connections}
        if given.depth:
            depth(ours, (1_000, 1_000_000, 1_000))
        if given.json:
            print(json.dumps(results))


if __name__ == "__main__":
    main()
