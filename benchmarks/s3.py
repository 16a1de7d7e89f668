"""S3 through HTTP: small objects, large ones, and lists, beside any other endpoints, in one run on one machine.

    python -m benchmarks.s3
    python -m benchmarks.s3 --endpoint ministack=http://127.0.0.1:4570 --endpoint moto=http://127.0.0.1:5000
    python -m benchmarks.s3 --listing --large

Pileus keeps its data in a directory, and verifies every signature (its requests carry keys that it issued).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from . import sqs
from .load import Keys, Result, apply
from .sqs import resident

SIZE = 1024
KEYS = 2000


class Contender:
    """An endpoint under measurement, with a bucket of its own."""

    def __init__(self, name: str, endpoint: str, keys: Keys = Keys(), pid: int = 0) -> None:  # noqa: B008
        self.name = name
        self.endpoint = endpoint
        self.keys = keys
        self.pid = pid
        self.bucket = f"load-{time.time_ns()}"
        self.client().create_bucket(Bucket=self.bucket)

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.keys.access_key,
            aws_secret_access_key=self.keys.secret_key,
            aws_session_token=self.keys.token,
            config=Config(s3={"addressing_style": "path"}),
        )

    def request(self, method: str, target: str, body: bytes = b"") -> bytes:
        """A signed request as the octets of HTTP/1.1."""
        request = AWSRequest(method, f"{self.endpoint}/{self.bucket}{target}", data=body)
        request.headers["User-Agent"] = "benchmark"
        S3SigV4Auth(Credentials(*self.keys), "s3", "us-east-1").add_auth(request)
        if "X-Amz-Content-SHA256" not in request.headers:
            request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
        lines = [f"{name}: {value}" for name, value in request.headers.items()]
        url = urlsplit(self.endpoint)
        head = [
            f"{method} /{self.bucket}{target} HTTP/1.1",
            f"Host: {url.netloc}",
            *lines,
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body

    def put(self, connections: int, seconds: float) -> Result:
        requests = [self.request("PUT", f"/small/{number:08}", os.urandom(SIZE)) for number in range(KEYS)]
        return apply(self.endpoint, requests, connections=connections, seconds=seconds)

    def get(self, connections: int, seconds: float) -> Result:
        requests = [self.request("GET", f"/small/{number:08}") for number in range(KEYS)]
        return apply(self.endpoint, requests, connections=connections, seconds=seconds)

    def list(self, seconds: float, query: str = "?list-type=2") -> Result:
        return apply(self.endpoint, [self.request("GET", query)], connections=1, seconds=seconds)


@contextmanager
def pileus() -> Iterator[Contender]:
    with sqs.pileus() as running:
        yield Contender("Pileus", running.endpoint, running.keys, running.process.pid)  # type: ignore[attr-defined]


def table(title: str, results: dict[str, Result]) -> None:
    print(f"\n{title}")
    print(f"{'server':<16}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}{'Pileus is':>12}")
    ours = results["Pileus"].rate
    for name, result in results.items():
        ratio = f"{ours / result.rate:.2f} x" if result.rate else "-"
        print(f"{name:<16}{result.rate:>12,.0f}{result.p50:>9.2f}{result.p99:>9.2f}{result.errors:>8}{ratio:>12}")


PAGES = {
    "first page": "?list-type=2",
    "with a delimiter": "?delimiter=%2F&list-type=2",
    "100 from the middle": "?list-type=2&max-keys=100&start-after=250%2F",
    "of versions": "?versions=",
}


def listing(ours: Contender, sizes: tuple[int, int], seconds: float, rounds: int = 8) -> None:
    """Pages by how much is in the bucket, both buckets in turn; of each the best median of some short rounds."""
    buckets = [filled(ours, size) for size in sizes]
    print("\nA page of a list, milliseconds (Pileus, 1 connection)")
    print(f"{'':<20}" + "".join([f"{size:>12,} keys" for size in sizes]) + f"{'ratio':>8}")
    for name, query in PAGES.items():
        taken = [[bucket.list(seconds / 4, query) for bucket in buckets] for _ in range(rounds)]
        assert not any(result.errors for results in taken for result in results)
        few, many = [min(result.p50 for result in results) for results in zip(*taken, strict=True)]
        print(f"{name:<20}{few:>17.2f}{many:>17.2f}{many / few:>8.2f}")


def filled(ours: Contender, size: int) -> Contender:
    """A bucket with so many keys, in 500 folders."""
    bucket = Contender("Pileus", ours.endpoint, ours.keys, ours.pid)
    for start in range(0, size, 50_000):
        stop = min(size, start + 50_000)
        puts = [bucket.request("PUT", f"/{n % 500:03}/{n:08}", b"x") for n in range(start, stop)]
        assert not apply(bucket.endpoint, puts, connections=16, seconds=3600, count=len(puts)).errors
    return bucket


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", action="append", default=[], metavar="NAME=URL", help="another server to measure")
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 16])
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--listing", action="store_true", help="measure lists of buckets with 1,000 and 1,000,000 keys")
    parser.add_argument("--keys", type=int, default=1_000_000, help="how many keys the larger bucket has")
    parser.add_argument("--large", action="store_true", help="measure an object of 1 GiB (more in benchmarks.large)")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with ExitStack() as stack:
        ours = stack.enter_context(pileus())
        as_test = Contender("Pileus, as test", ours.endpoint, pid=ours.pid)
        contenders = [ours, as_test, *(Contender(*option.split("=", 1)) for option in given.endpoint)]
        told: dict[str, Any] = {}
        for number in given.connections:
            puts = {each.name: each.put(number, given.seconds) for each in contenders}
            table(f"PutObject, {SIZE} bytes, {number} connections", puts)
            gets = {each.name: each.get(number, given.seconds) for each in contenders}
            table(f"GetObject, {SIZE} bytes, {number} connections", gets)
            told[str(number)] = {"put": puts, "get": gets}
        print(f"\nresident {resident(ours.pid):.0f} MB")
        if given.listing:
            listing(ours, (1_000, given.keys), given.seconds)
        if given.large:
            from . import large

            large.compare(ours, 1 << 30, rounds=3)
        if given.json:
            print(json.dumps(told))


if __name__ == "__main__":
    main()
