"""DynamoDB through HTTP: PutItem and GetItem of 1 KB, beside any other endpoints, in one run on one machine.

    python -m benchmarks.dynamodb
    python -m benchmarks.dynamodb --endpoint ministack=http://127.0.0.1:4570 --endpoint dynalite=http://127.0.0.1:4567
    python -m benchmarks.dynamodb --handlers

Pileus keeps its data in a directory, and verifies every signature (its requests carry keys that it issued).
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from typing import Any

from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import root
from pileus.kernel.store import open_store

from .load import Result, apply, signed
from .sqs import Contender, pileus

NAME = "load"
TARGET = "DynamoDB_20120810"
TABLE: dict[str, Any] = {
    "TableName": NAME,
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
DIFFERENT = 1000


def item(number: int) -> dict[str, Any]:
    """About a kilobyte in ten attributes."""
    return {"pk": {"S": f"item-{number:08}"}} | {f"field{place}": {"S": "x" * 100} for place in range(10)}


def measured(contender: Contender, connections: int, seconds: float) -> dict[str, Result]:
    puts = [{"TableName": NAME, "Item": item(number)} for number in range(DIFFERENT)]
    gets = [{"TableName": NAME, "Key": {"pk": one["Item"]["pk"]}} for one in puts]
    found = {}
    for operation, several in (("PutItem", puts), ("GetItem", gets)):
        target = f"{TARGET}.{operation}"
        requests = [signed(contender.endpoint, target, one, contender.keys, "dynamodb") for one in several]
        found[operation] = apply(contender.endpoint, requests, connections=connections, seconds=seconds)
    return found


def prepare(contender: Contender) -> None:
    client = contender.client("dynamodb")
    client.create_table(**TABLE)
    client.get_waiter("table_exists").wait(TableName=NAME)


def handlers(count: int = 20_000) -> None:
    """What the operations alone cost, without HTTP, signature and codec, in a store in memory."""
    cloud = Cloud(open_store(None, schedule=lambda tick: None), Clock())
    who = root("111122223333")
    service = cloud.service("dynamodb")

    def call(operation: str) -> Any:
        return cloud.call("dynamodb", operation, account=who.account, principal=who)

    cloud.perform(call("CreateTable"), "CreateTable", TABLE)
    service.tasks["activate"](call("CreateTable"), name=NAME)
    for operation, member in (("PutItem", "Item"), ("GetItem", "Key")):
        bound, made = service.bound(operation), call(operation)
        requests = [
            {"TableName": NAME, member: item(number) if member == "Item" else {"pk": item(number)["pk"]}}
            for number in range(count)
        ]
        began = time.process_time()
        for request in requests:
            bound(made, request)
        print(f"{operation:<10}{(time.process_time() - began) / count * 1e6:>8.1f} µs of CPU in the handler")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", action="append", default=[], metavar="NAME=URL", help="another server to measure")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--handlers", action="store_true", help="only what the operations themselves cost")
    given = parser.parse_args()
    if given.handlers:
        handlers()
        return
    with ExitStack() as stack:
        contenders = [stack.enter_context(pileus())]
        contenders += [
            Contender(name, url, queue="-") for name, url in (option.split("=", 1) for option in given.endpoint)
        ]
        print(f"{'server':<14}{'operation':<12}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}")
        for contender in contenders:
            prepare(contender)
            for operation, result in measured(contender, given.connections, given.seconds).items():
                print(
                    f"{contender.name:<14}{operation:<12}{result.rate:>12,.0f}{result.p50:>9.2f}{result.p99:>9.2f}"
                    f"{result.errors:>8}"
                )


if __name__ == "__main__":
    main()
