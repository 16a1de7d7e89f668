"""What the store costs: `python benchmarks/store.py [rows]`, on files in a temporary directory and in memory.

Microseconds are the median of rounds. Groups are of 50 attempts, as a busy tick's; values are 400 bytes and change.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pileus.kernel.blobs import Blobs
from pileus.kernel.store import Durability, keys, sqlite

ROUNDS = 40
GROUP = 50

Timer = dict[str, float]


def measure(name: str, body: Callable[[int], object], each: int = GROUP, rounds: int = ROUNDS) -> None:
    """Print the median of the microseconds that one of the `each` things in `body` takes."""
    taken = []
    for number in range(rounds):
        start = time.perf_counter()
        body(number)
        taken.append(time.perf_counter() - start)
    print(f"  {name:<44}{statistics.median(taken) / each * 1e6:>10.2f} µs")


def pack() -> None:
    short = ("000000000000", "us-east-1", "sqs.Message", "my-queue", 1234567)
    packed = keys.pack(short)
    print("Keys")
    measure("pack, five short elements", lambda _: [keys.pack(short) for _ in range(1000)], 1000)
    measure("unpack, five short elements", lambda _: [keys.unpack(packed) for _ in range(1000)], 1000)


class Table:
    """A store of so many rows, put in in the order of their keys, or in none."""

    def __init__(
        self, folder: Path | None, rows: int, durability: Durability = "process", *, ordered: bool = True
    ) -> None:
        self.due: list[Callable[[], None]] = []
        self.store = sqlite.open(folder, durability=durability, schedule=self.due.append)
        self.prefix = keys.pack(("000000000000", "us-east-1", "sqs.Message"))
        self.start, self.end = keys.prefix_range(self.prefix)
        self.random = random.Random(1)
        self.keys = [self.prefix + keys.pack((self.random.randbytes(8).hex(),)) for _ in range(rows)]
        if ordered:
            self.keys.sort()
        for at in range(0, rows, 1000):
            for key in self.keys[at : at + 1000]:
                self.store.put(key, os.urandom(400))
            self.tick()
        for thread in threading.enumerate():  # a checkpoint of what was filled in
            if thread.name == "pileus-checkpoint":
                thread.join()
        self.values = [os.urandom(400) for _ in range(997)]

    def tick(self) -> None:
        while self.due:
            self.due.pop()()

    def some(self) -> list[bytes]:
        return self.random.sample(self.keys, GROUP)

    def fresh(self) -> list[bytes]:
        return [self.prefix + keys.pack((self.random.randbytes(8).hex(),)) for _ in range(GROUP)]


def reads(table: Table) -> None:
    get, scan, attempt = table.store.get, table.store.scan, table.store.attempt

    def in_attempts(_: int) -> None:
        for _key in range(1000):
            with attempt():
                pass

    samples = [table.some() for _ in range(ROUNDS)]
    measure("empty attempt", in_attempts, 1000)
    measure("get", lambda n: [get(key) for key in samples[n]])
    measure("get of the same row", lambda n: [get(samples[0][0]) for key in samples[n]])
    measure("get of what is not there", lambda n: [get(key + b"\0") for key in samples[n]])
    measure("scan of 10", lambda n: [list(scan(key, table.end, limit=10)) for key in samples[n]])
    measure(
        "scan of 10, backwards", lambda n: [list(scan(table.start, key, limit=10, reverse=True)) for key in samples[n]]
    )
    measure(
        "scan of 1000, per row", lambda n: list(scan(table.start, table.end, limit=1000)), min(1000, len(table.keys))
    )


def writes(table: Table) -> None:
    store, values = table.store, table.values
    samples = [table.some() for _ in range(ROUNDS)]
    fresh = [table.fresh() for _ in range(ROUNDS)]
    tails = [[keys.pack(("tail", n * GROUP + i)) for i in range(GROUP)] for n in range(ROUNDS)]

    def put(number: int, chosen: list[bytes]) -> None:
        for key in chosen:
            store.put(key, values[(number + key[-3]) % 997])

    def put_in_attempts(number: int, chosen: list[bytes]) -> None:
        for key in chosen:
            with store.attempt():
                store.put(key, values[(number + key[-3]) % 997])

    def delete(number: int) -> None:
        for key in fresh[number]:
            store.delete(key)

    def alone(number: int) -> None:
        for key in samples[number]:
            put_in_attempts(number, [key])
            table.tick()

    def within(work: Callable[[int], None]) -> Callable[[int], None]:
        def group(number: int) -> None:
            work(number)
            table.tick()

        return group

    measure("put over a row", lambda n: put(n, samples[0]))
    table.tick()
    measure("put over a row, commit included", within(lambda n: put(n, samples[n])))
    measure("attempt with a put over a row, commit incl.", within(lambda n: put_in_attempts(n, samples[n])))
    measure("attempt with a new row, commit included", within(lambda n: put_in_attempts(n, fresh[n])))
    measure("attempt with a new last row, commit included", within(lambda n: put_in_attempts(n, tails[n])))
    measure("attempt with a put, a commit for each", alone)
    measure("delete, commit included", within(delete))


def rows(label: str, table: Table) -> None:
    print(f"{label}, {len(table.keys):,} rows")
    reads(table)
    writes(table)


def load(folder: Path, seconds: float = 5) -> None:
    """Ticks of 20 attempts without a pause: how long the log becomes, and what the slowest ticks cost."""
    table = Table(folder, 20_000)
    taken: list[float] = []
    longest, size = 0, folder / "store.db-wal"
    until = time.perf_counter() + seconds
    while (start := time.perf_counter()) < until:
        for key in table.some()[:20]:
            with table.store.attempt():
                table.store.put(key, table.values[len(taken) % 997])
        table.tick()
        taken.append(time.perf_counter() - start)
        if len(taken) % 100 == 0:
            longest = max(longest, size.stat().st_size)
    taken.sort()
    at = {share: taken[int(len(taken) * share)] * 1e3 for share in (0.5, 0.99, 0.999)}
    print(
        f"Constant load: {20 * len(taken) / sum(taken):,.0f} attempts/s; log at most {longest >> 20} MB; ticks of 20:"
    )
    print(f"  p50 {at[0.5]:.2f} ms, p99 {at[0.99]:.2f} ms, p99.9 {at[0.999]:.2f} ms, slowest {taken[-1] * 1e3:.1f} ms")
    table.store.close()


async def blobs(folder: Path, durability: Durability = "process") -> None:
    store = sqlite.open(folder, durability=durability, schedule=asyncio.get_running_loop().call_soon)
    kept = Blobs(store, folder / "blobs", durability=durability)

    async def write(size: int, count: int) -> list[str]:
        names, content = [], os.urandom(min(size, 65536))
        start = time.perf_counter()
        for _ in range(count):
            async with kept.writer() as writer:
                for _chunk in range(0, size, 65536):
                    await writer.write(content)
                names.append(await writer.keep())
                with store.attempt():
                    kept.adopt(names[-1])
        store.flush()
        report("write", size, count, time.perf_counter() - start)
        return names

    async def read(names: list[str], size: int) -> None:
        start = time.perf_counter()
        for name in names:
            async for _ in kept.open(name):
                pass
        report("read", size, len(names), time.perf_counter() - start)

    def report(what: str, size: int, count: int, taken: float) -> None:
        speed = f"{taken / count * 1e6:>10.0f} µs" if size < 1 << 20 else f"{size * count / taken / 1e6:>10.0f} MB/s"
        print(f"  {f'{what} a blob of {size:,} bytes':<44}{speed}")

    for size, count in ((4096, 500), (200_000, 200), (256 << 20, 1)):
        await read(await write(size, count), size)
    store.close()


def resident() -> float:
    """This process's memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def reset(table: Table) -> None:
    start = time.perf_counter()
    table.store.reset()
    print(f"  {'reset':<44}{(time.perf_counter() - start) * 1e3:>10.2f} ms")
    start = time.perf_counter()
    table.store.close()
    print(f"  {'close':<44}{(time.perf_counter() - start) * 1e3:>10.2f} ms")


def on_file(label: str, folder: Path, count: int, ordered: bool) -> None:
    before = resident()
    table = Table(folder, count, ordered=ordered)
    rows(label, table)
    listed = sum(sys.getsizeof(key) + 8 for key in table.keys) / 1e6
    print(f"  {'memory added':<44}{resident() - before - listed:>10.0f} MB")
    reset(table)


def main() -> None:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"{resident():.0f} MB resident\n")
    pack()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for label, count, ordered in (
            ("File", 1000, True),
            ("File", many, True),
            ("File, put in without order", many // 10, False),
        ):
            on_file(label, folder / f"{count}", count, ordered)
        table = Table(None, 1000)
        rows("Memory", table)
        reset(table)
        table = Table(folder / "disk", 1000, "disk")
        print("File, fsync per group")
        writes(table)
        reset(table)
        load(folder / "load")
        print("Blobs")
        asyncio.run(blobs(folder / "blobs"))
        print("Blobs, fsync for each")
        asyncio.run(blobs(folder / "synced", "disk"))


if __name__ == "__main__":
    main()
