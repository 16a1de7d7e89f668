"""Load from a second process: so many connections, each asking again as soon as it is answered."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import subprocess
import sys
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class Keys(NamedTuple):
    """What requests are signed with."""

    access_key: str = "test"
    secret_key: str = "test"
    token: str | None = None


ANYBODY = Keys()

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSING = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Result(NamedTuple):
    """What a load came to. Latencies are milliseconds."""

    rate: float
    p50: float
    p99: float
    errors: int


def signed(endpoint: str, target: str, body: dict[str, Any], keys: Keys = ANYBODY, service: str = "sqs") -> bytes:
    """A signed AWS JSON request as the octets of HTTP/1.1."""
    request = AWSRequest(
        "POST",
        f"{endpoint}/",
        headers={"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target, "User-Agent": "benchmark"},
        data=json.dumps(body).encode(),
    )
    SigV4Auth(Credentials(*keys), service, "us-east-1").add_auth(request)
    host = urlsplit(endpoint).netloc
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join(["POST / HTTP/1.1", f"Host: {host}", *lines, f"Content-Length: {len(request.data)}"])
    return head.encode() + b"\r\n\r\n" + request.data


def apply(endpoint: str, requests: list[bytes], *, connections: int, seconds: float, count: int = 0) -> Result:
    """Send `requests` in turn from another process, for some seconds or until `count` were answered."""
    order = {
        "endpoint": endpoint,
        "requests": [request.decode("latin-1") for request in requests],
        "connections": connections,
        "seconds": seconds,
        "count": count,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"], input=json.dumps(order), capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Result(*json.loads(done.stdout))


class Client(asyncio.Protocol):
    """One connection. It reads of an answer only where it ends, lest the load be slower than what it measures."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.missing = 0
        """Bytes of an answer's body that are still to come."""
        self.received = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.asked = time.perf_counter()
        self.transport.write(self.load.next())

    def data_received(self, data: bytes) -> None:
        if self.missing:
            self.missing -= len(data)
            if not self.missing:
                self.answered()
            return
        if self.received:
            data = self.received + data
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            self.received = data
            return
        self.received = b""
        self.head = data[:end]
        length = LENGTH.search(self.head)
        if length is None:
            raise ValueError(f"no Content-Length: {self.head!r}")
        self.missing = end + int(length[1]) - len(data)
        if not self.missing:
            self.answered()

    def answered(self) -> None:
        load = self.load
        if load.counting:
            load.latencies.append(time.perf_counter() - self.asked)
            load.errors += self.head[9:12] != b"200"
        if load.over:
            self.transport.close()
        elif CLOSING.search(self.head):
            self.transport.close()
            asyncio.get_running_loop().create_task(load.connect())
        else:
            self.ask()


class Load:
    """One run, inside the process that makes it."""

    def __init__(self, order: dict[str, Any]) -> None:
        url = urlsplit(order["endpoint"])
        self.address = (url.hostname, url.port)
        self.requests = [request.encode("latin-1") for request in order["requests"]]
        self.connections: int = order["connections"]
        self.seconds: float = order["seconds"]
        self.count: int = order["count"]
        self.turn = 0
        self.counting = False
        self.over = False
        self.errors = 0
        self.latencies: list[float] = []

    def next(self) -> bytes:
        self.turn += 1
        return self.requests[self.turn % len(self.requests)]

    async def connect(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: Client(self), *self.address)

    async def run(self) -> Result:
        for _ in range(self.connections):
            await self.connect()
        if not self.count:
            await asyncio.sleep(min(1.0, self.seconds / 4))  # warm up
        self.counting = True
        start = time.perf_counter()
        while time.perf_counter() - start < self.seconds and not (self.count and len(self.latencies) >= self.count):
            await asyncio.sleep(0.02)
        taken = time.perf_counter() - start
        self.counting = False
        self.over = True
        if len(self.latencies) < 2:
            return Result(0.0, 0.0, 0.0, self.errors)
        cuts = statistics.quantiles(self.latencies, n=100)
        return Result(len(self.latencies) / taken, cuts[49] * 1000, cuts[98] * 1000, self.errors)


def main() -> None:
    order = json.load(sys.stdin)
    try:
        import uvloop
    except ImportError:
        print(json.dumps(asyncio.run(Load(order).run())))
    else:
        print(json.dumps(uvloop.run(Load(order).run())))


if __name__ == "__main__":
    main()
