"""How events get into event data stores, and out of them again when they are too old.

A store looks every quarter of an hour at what has been noted since it looked last, and once more when it is asked. What
it takes in it keeps in batches of lines of JSON, compressed, and under a data key where the store has a key of KMS.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pileus.kernel import Call, Record, identity, names
from pileus.kernel.trail.enriching import limited

from . import cloudtrail
from .choosing import chosen
from .delivery import events, places
from .detecting import detected
from .events import kind_of, known, record
from .lookups import PRINCIPAL
from .rates import Tally
from .stores import ENABLED, EventDataStore

EVERY = 12 * 3600.0
"""Seconds after which a store takes in what is new, if nobody asks it: data events are noted for a day."""
EVERY_WITH_RATES = 900.0
"""The same where rates are looked at."""
AT_ONCE = 500
DAY = 86400.0

Members = dict[str, Any]


class Batch(Record, key=("store", "at", "number"), kw_only=True):
    """Events of a store."""

    store: str
    at: float
    """The time of its latest event."""
    number: str
    earliest: float
    count: int
    size: int
    lines: bytes
    data_key: bytes = b""


@cloudtrail.task
def ingest(call: Call, store: str, run: int) -> None:
    """Take in what is new, let go of what is old, and come back."""
    found = EventDataStore.get(call, store)
    if found is None or found.run != run or found.status != ENABLED:
        return
    take_in(call, found, call.now)
    if found.insights:
        look(call, found)
    expire(call, found)
    ingest.later(call, store=store, run=run, delay=pause(found))


def pause(store: EventDataStore) -> float:
    return EVERY_WITH_RATES if store.insights else EVERY


def take_in(call: Call, store: EventDataStore, upto: float) -> None:
    """Take in what was noted up to a moment."""
    if store.status != ENABLED or store.from_outside:
        return
    call.cloud.trail.write()
    edge = set(store.edge) if store.ingested == upto else set()
    for account, region in places(call, store):
        there = call.at(account, region)
        tally = Tally(store.insights)
        keep(call, store, tally.each(wanted(there, store, upto, edge)))
        tally.keep(there, scope_of(store))
    store.ingested, store.edge = upto, sorted(edge)
    store.put(call)


def look(call: Call, store: EventDataStore) -> None:
    """See whether anything was unusual since the last look, and keep what was in the store for it."""
    destination = EventDataStore.get(call, store.insights_destination.rpartition("/")[2])
    since, store.looked = max(store.looked, store.insights_since), call.now
    store.put(call)
    if destination is None or destination.status != ENABLED:
        return
    for account, region in places(call, store):
        there = call.at(account, region)
        found = detected(there, scope_of(store), since, call.now, store.insights_since)
        keep(call, destination, found)
    expire(call, destination)


def scope_of(store: EventDataStore) -> str:
    return f"eventdatastore/{store.id}"


def wanted(there: Call, store: EventDataStore, upto: float, edge: set[str]) -> Iterator[Members]:
    """The events since the last time, with those of this moment, whose ids are added to the edge."""
    for event in events(there, store.ingested, math.nextafter(upto, math.inf)):
        if (event.noted == store.ingested and event.id in store.edge) or not known(there, event):
            continue
        if event.noted == upto:
            edge.add(event.id)
        told = record(there, event, there.account)
        if chosen(event, kind_of(there, event), told, [], store.selectors):
            yield told | {"eventContext": limited(event.context, store.context)} if store.context else told


def keep(call: Call, store: EventDataStore, several: Iterable[Members]) -> int:
    """Put events into a store; how many there were."""
    lines: list[bytes] = []
    times: list[float] = []
    kept = 0
    for told in several:
        lines.append(json.dumps(told, separators=(",", ":")).encode())
        times.append(instant(told))
        kept += 1
        if len(lines) == AT_ONCE:
            put_batch(call, store, lines, times)
            lines, times = [], []
    if lines:
        put_batch(call, store, lines, times)
    return kept


def instant(told: Members) -> float:
    try:
        return datetime.fromisoformat(str(told["eventTime"])).timestamp()
    except (KeyError, ValueError):
        return 0.0


def put_batch(call: Call, store: EventDataStore, lines: list[bytes], times: list[float]) -> None:
    content = b"\n".join(lines)
    packed, data_key = zlib.compress(content, 6), b""
    if store.key:
        packed, data_key = sealed(call, store, packed)
    Batch(
        store=store.id,
        at=max(times),
        number=names.token(10),
        earliest=min(times),
        count=len(lines),
        size=len(content),
        lines=packed,
        data_key=data_key,
    ).put(call)


def sealed(call: Call, store: EventDataStore, content: bytes) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    made = kms(call, store).generate_data_key(
        key_id=store.key, key_spec="AES_256", encryption_context=context(call, store)
    )
    nonce = os.urandom(12)
    return nonce + AESGCM(made["Plaintext"]).encrypt(nonce, content, None), made["CiphertextBlob"]


def opened(call: Call, store: EventDataStore, batch: Batch) -> bytes:
    """A batch as it was packed, which `lines_of` unpacks."""
    packed = batch.lines
    if batch.data_key:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = kms(call, store).decrypt(ciphertext_blob=batch.data_key, encryption_context=context(call, store))
        packed = AESGCM(key["Plaintext"]).decrypt(packed[:12], packed[12:], None)
    return packed


def lines_of(packed: bytes) -> list[bytes]:
    return zlib.decompress(packed).split(b"\n")


def kms(call: Call, store: EventDataStore) -> Any:
    return call.aws("kms", principal=identity.service(PRINCIPAL, store.arn(call), call.account))


def context(call: Call, store: EventDataStore) -> dict[str, str]:
    return {"aws:cloudtrail:arn": store.arn(call)}


def expire(call: Call, store: EventDataStore) -> None:
    """Let go of events that are older than the store keeps them."""
    for batch in list(Batch.scan(call, store.id, before=(call.now - store.retention * DAY,), limit=AT_ONCE)):
        batch.delete(call)
