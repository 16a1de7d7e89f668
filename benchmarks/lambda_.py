"""Lambda through HTTP: warm invocations, cold starts, and how soon a queue of 10,000 messages is empty.

    python -m benchmarks.lambda_
    python -m benchmarks.lambda_ --endpoint ministack=http://127.0.0.1:4570

Pileus keeps its data in a directory, and verifies every signature (its requests carry keys that it issued).
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
import zipfile
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .load import Result, apply
from .sqs import Contender, pileus

HANDLER = "def handler(event, context):\n    return {'hello': 'world'}\n"
ROLE = "arn:aws:iam::000000000000:role/benchmark"
MESSAGES = 10_000


def package(source: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("app.py", source)
    return data.getvalue()


def create(client: Any, name: str, runtime: str, source: str = HANDLER) -> None:
    client.create_function(
        FunctionName=name, Runtime=runtime, Role=ROLE, Handler="app.handler", Code={"ZipFile": package(source)}
    )
    for _ in range(200):
        if client.get_function_configuration(FunctionName=name).get("State", "Active") == "Active":
            return
        time.sleep(0.1)


def request(contender: Contender, name: str) -> bytes:
    """An Invoke as the octets of HTTP/1.1."""
    path = f"/2015-03-31/functions/{name}/invocations"
    made = AWSRequest("POST", f"{contender.endpoint}{path}", headers={"User-Agent": "benchmark"}, data=b'{"a": 1}')
    SigV4Auth(Credentials(*contender.keys), "lambda", "us-east-1").add_auth(made)
    fields = [f"{field}: {value}" for field, value in made.headers.items()]
    host = urlsplit(contender.endpoint).netloc
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", *fields, f"Content-Length: {len(made.data)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + made.data


def warm(contenders: list[Contender], connections: int, seconds: float, rounds: int) -> None:
    print(f"\nInvoke of a trivial Python handler, warm, {connections} connections, median of {rounds} rounds")
    print(f"{'server':<16}{'invokes/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}")
    taken: dict[str, list[Result]] = {}
    for _ in range(rounds):
        for contender in contenders:
            invoke = request(contender, "warm")
            found = apply(contender.endpoint, [invoke], connections=connections, seconds=seconds)
            taken.setdefault(contender.name, []).append(found)
    for name, results in taken.items():
        result = sorted(results)[len(results) // 2]
        print(f"{name:<16}{result.rate:>12,.0f}{result.p50:>9.2f}{result.p99:>9.2f}{result.errors:>8}")


def cold(contender: Contender, runtime: str, number: int = 20) -> None:
    """The first invocations of so many functions, as the client sees them."""
    client = contender.client("lambda")
    took = []
    for n in range(number):
        create(client, f"cold{n}", runtime)
        began = time.perf_counter()
        client.invoke(FunctionName=f"cold{n}")["Payload"].read()
        took.append((time.perf_counter() - began) * 1000)
    median, worst = statistics.median(took), max(took)
    print(f"{contender.name:<16}cold start: median {median:.0f} ms, worst of {number}: {worst:.0f} ms")


def drain(contender: Contender, runtime: str) -> None:
    """From the mapping's creation until the queue is empty."""
    client, sqs = contender.client("lambda"), contender.client("sqs")
    url = sqs.create_queue(QueueName="drained")["QueueUrl"]
    for start in range(0, MESSAGES, 10):
        entries = [{"Id": str(n), "MessageBody": str(start + n)} for n in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    create(client, "drain", runtime, "def handler(event, context):\n    return len(event['Records'])\n")
    names = ["QueueArn", "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]["QueueArn"]
    began = time.perf_counter()
    client.create_event_source_mapping(FunctionName="drain", EventSourceArn=arn, BatchSize=10)
    while time.perf_counter() - began < 120:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        left = sum(int(found[name]) for name in names[1:])
        if not left:
            break
        time.sleep(0.05)
    print(f"{contender.name:<16}{MESSAGES - left:,} messages drained in {time.perf_counter() - began:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", action="append", default=[], metavar="NAME=URL", help="another server to measure")
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 16])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runtime", default="python3.11")
    given = parser.parse_args()
    with ExitStack() as stack:
        contenders = [stack.enter_context(pileus())]
        contenders += [Contender(*option.split("=", 1)) for option in given.endpoint]
        for contender in contenders:
            client = contender.client("lambda")
            create(client, "warm", given.runtime)
            answer = client.invoke(FunctionName="warm")
            assert "FunctionError" not in answer, answer["Payload"].read()
        for connections in given.connections:
            warm(contenders, connections, given.seconds, given.rounds)
        print()
        for contender in contenders:
            cold(contender, given.runtime)
            drain(contender, given.runtime)


if __name__ == "__main__":
    main()
