"""DynamoDB through HTTP: PutItem and GetItem of 1 KB, beside any other endpoints, in one run on one machine.

    python -m benchmarks.dynamodb
    python -m benchmarks.dynamodb --endpoint ministack=http://127.0.0.1:4570 --endpoint dynalite=http://127.0.0.1:4567
    python -m benchmarks.dynamodb --handlers
    python -m benchmarks.dynamodb --stored 1000 1000000 10000000

Pileus keeps its data in a directory, and verifies every signature (its requests carry keys that it issued).
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import DEFAULT_ACCOUNT, root
from pileus.kernel.store import open_store
from pileus.services.dynamodb.records import dump
from pileus.services.dynamodb.tables import Table
from pileus.services.dynamodb.values import size

from .load import Keys, Result, apply, signed
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


# What is stored


def fill(folder: Path, number: int) -> None:
    """Put so many small items into a table of the default account, past all the rooms, in the order of their places."""
    cloud = Cloud(open_store(folder), Clock())
    who = root(DEFAULT_ACCOUNT)
    made = cloud.call("dynamodb", "CreateTable", account=who.account, principal=who)
    cloud.perform(made, "CreateTable", TABLE)
    cloud.service("dynamodb").tasks["activate"](made, name=NAME)
    table = Table.named(made, NAME)
    places = sorted(int.from_bytes(table.schema.place(small(n))[:4], "big") << 32 | n for n in range(number))
    for start in range(0, number, 50_000):
        with cloud.store.attempt():
            for place in places[start : start + 50_000]:
                one = small(place & 0xFFFFFFFF)
                cloud.store.put(table.prefix + table.schema.place(one), dump(one, size(one)))
    cloud.store.close()


def small(number: int) -> dict[str, Any]:
    """About a hundred bytes."""
    return {
        "pk": {"S": f"item-{number:08}"},
        "name": {"S": "x" * 40},
        "count": {"N": str(number)},
        "flag": {"BOOL": True},
    }


def stored(number: int, connections: int, seconds: float) -> tuple[Result, float]:
    """GetItem by random keys, and how many items a second a scan reads, of a table with so many items."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), number)
        with pileus(data=Path(folder)) as contender:
            chosen = random.Random(1).sample(range(number), min(number, 5000))
            keys = [{"TableName": NAME, "Key": {"pk": small(one)["pk"]}} for one in chosen]
            target = f"{TARGET}.GetItem"
            requests = [signed(contender.endpoint, target, one, contender.keys, "dynamodb") for one in keys]
            got = apply(contender.endpoint, requests, connections=connections, seconds=seconds)
            return got, scanned(contender, most=1_000_000)


def scanned(contender: Contender, most: int) -> float:
    """Items a second of a scan page by page; the client does no more than it must to ask for the next."""
    import urllib.request

    found, start, began = 0, None, time.perf_counter()
    while found < most:
        body = {"TableName": NAME} | ({"ExclusiveStartKey": start} if start else {})
        sent = signed(contender.endpoint, f"{TARGET}.Scan", body, contender.keys, "dynamodb")
        head, _, data = sent.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        request = urllib.request.Request(f"{contender.endpoint}/", data, headers)
        answer = msgspec.json.decode(urllib.request.urlopen(request).read(), type=Page)
        found, start = found + answer.Count, answer.LastEvaluatedKey
        if start is None:
            break
    return found / (time.perf_counter() - began)


class Page(msgspec.Struct):
    """What of a page a client needs that only counts."""

    Count: int
    LastEvaluatedKey: dict[str, Any] | None = None


def by_size(sizes: list[int], connections: int, seconds: float) -> None:
    print(f"{'items':>12}{'GetItem/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'scanned/s':>12}")
    for number in sizes:
        got, rate = stored(number, connections, seconds)
        print(f"{number:>12,}{got.rate:>12,.0f}{got.p50:>9.2f}{got.p99:>9.2f}{rate:>12,.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", action="append", default=[], metavar="NAME=URL", help="another server to measure")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--handlers", action="store_true", help="only what the operations themselves cost")
    parser.add_argument("--stored", type=int, nargs="+", metavar="ITEMS", help="by how many items the table has")
    given = parser.parse_args()
    if given.stored:
        by_size(given.stored, given.connections, given.seconds)
        return
    if given.handlers:
        handlers()
        return
    with ExitStack() as stack:
        contenders = [stack.enter_context(pileus())]
        somebody = Keys("111122223333", "test")  # which nobody issued: nothing is verified, as with the others
        contenders.append(Contender("Pileus, as test", contenders[0].endpoint, somebody, queue="-"))
        contenders += [
            Contender(name, url, queue="-") for name, url in (option.split("=", 1) for option in given.endpoint)
        ]
        print(f"{'server':<16}{'operation':<12}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}")
        for contender in contenders:
            prepare(contender)
            for operation, result in measured(contender, given.connections, given.seconds).items():
                print(
                    f"{contender.name:<16}{operation:<12}{result.rate:>12,.0f}{result.p50:>9.2f}{result.p99:>9.2f}"
                    f"{result.errors:>8}"
                )


if __name__ == "__main__":
    main()
