"""A process for others to kill: it writes without end, and prints what it was told is safe.

`python writer.py store FOLDER DURABILITY` puts pairs of records; with `blobs` it adopts blobs.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from pileus.kernel.blobs import Blobs
from pileus.kernel.store import Durability, Store, checkpoint, sqlite

checkpoint.LONG, checkpoint.VERY_LONG = 50, 200


def value(number: int) -> bytes:
    return b"%d;" % number * 150


def content(number: int) -> bytes:
    return b"%d;" % number * (100, 40_000, 400_000)[number % 3]


def say(what: object) -> None:
    os.write(1, f"{what}\n".encode())


async def safe(store: Store) -> None:
    committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    store.after_commit(lambda error: committed.set_exception(error) if error else committed.set_result(None))
    await committed


async def put(store: Store, number: int, group: int) -> None:
    with store.attempt():
        store.put(b"a%09d" % number, value(number))
        store.put(b"b%09d" % number, b"%d" % group)
    await safe(store)
    say(number)


async def put_forever(store: Store) -> None:
    for group in range(1_000_000):
        await asyncio.gather(*[put(store, group * 7 + member, group) for member in range(7)])


async def adopt_forever(store: Store, blobs: Blobs) -> None:
    for number in range(1_000_000):
        async with blobs.writer() as writer:
            whole = content(number)
            for at in range(0, len(whole), 300_000):
                await writer.write(whole[at : at + 300_000])
            name = await writer.keep()
            with store.attempt():
                store.put(b"%d" % number, name.encode())
                blobs.adopt(name)
                if number % 5 == 4:
                    old = b"%d" % (number - 2)
                    blobs.discard((store.get(old) or b"").decode())
                    store.delete(old)
        await safe(store)
        say(number)


async def main(what: str, folder: Path, durability: Durability) -> None:
    store = sqlite.open(folder, durability=durability, schedule=asyncio.get_running_loop().call_soon)
    if what == "store":
        await put_forever(store)
    else:
        await adopt_forever(store, Blobs(store, folder / "blobs", durability=durability))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))  # type: ignore[arg-type]
