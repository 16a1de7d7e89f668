"""The recycle bin: snapshots, images and volumes that were deleted while a rule of Recycle Bin says that such are kept.

What is in it is taken out of its own table, so that nothing else finds it; its blocks stay where they are.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from pileus.engines.disks import Disks
from pileus.kernel import Call, Record, Unfinished, identity, paging
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, bad_token
from pileus.services.ec2.kinds import BY_RECORD

R = TypeVar("R", bound=Record)

DAY = 86400.0
CLOUD = identity.service("pileus.amazonaws.com")
TYPES = {"snapshot": "EBS_SNAPSHOT", "image": "EC2_IMAGE", "volume": "EBS_VOLUME"}
"""What Recycle Bin calls the kinds."""


class Binned(Record, key=("kind", "id")):
    """A resource in the recycle bin."""

    kind: str
    id: str
    entered: float
    leaves: float
    content: bytes


def kept(call: Call, record: Any) -> bool:
    """Put what is being deleted into the bin, if a rule wants that; whether one does."""
    kind = BY_RECORD[type(record)].name
    days = retention(call, kind, record.tags)
    if not days:
        return False
    binned = Binned(kind, record.place()[0], call.now, call.now + days * DAY, msgspec.msgpack.encode(record))
    binned.put(call)
    record.delete(call)
    binned_expired.later(call, kind=kind, id=binned.id, due=binned.leaves)
    return True


def retention(call: Call, kind: str, tags: dict[str, str]) -> int:
    """For how many days a deleted resource is kept: as the longest of the rules says that mean it."""
    rbin = call.aws("rbin", principal=CLOUD)
    try:
        rules = [*paging.every(rbin.list_rules, "Rules", resource_type=TYPES[kind])]
    except Unfinished:
        return 0
    found = [rbin.get_rule(identifier=one["Identifier"]) for one in rules]
    return max((one["RetentionPeriod"]["RetentionPeriodValue"] for one in found if means(one, tags)), default=0)


def means(rule: Members, tags: dict[str, str]) -> bool:
    """Whether a rule is for what has these tags: for any one of its own, or for all but what it excludes."""

    def any_of(wanted: list[dict[str, str]]) -> bool:
        names = [(one["ResourceTagKey"], one.get("ResourceTagValue", "")) for one in wanted]
        return any(key in tags and value in ("", tags[key]) for key, value in names)

    if wanted := rule.get("ResourceTags"):
        return any_of(wanted)
    return not any_of(rule.get("ExcludeResourceTags") or [])


@ec2.task
async def binned_expired(call: Call, kind: str, id: str) -> None:  # noqa: A002
    """The time of something in the bin has run out."""
    with call.transaction():
        binned = Binned.get(call, kind, id)
        if binned is None or binned.leaves > call.now:
            return
        binned.delete(call)
    if kind == "snapshot":
        await call.cloud.engine(Disks).discard(id)
    elif kind == "volume":
        await call.cloud.engine(Disks).remove(id)


def restored(call: Call, record: type[R], what: str) -> R:
    """Take something out of the bin; raises its kind's error for what is not in it."""
    one = BY_RECORD[record]
    binned = Binned.get(call, one.name, what)
    if binned is None:
        one.check(what)
        raise one.absent(what)
    binned.delete(call)
    return content(binned, record).put(call)


def content(binned: Binned, record: type[R]) -> R:
    return msgspec.msgpack.decode(binned.content, type=record)


def listed(call: Call, record: type[Record], ids: list[str], most: int, token: str) -> tuple[list[Binned], str | None]:
    """What is in the bin of a kind, in pages."""
    one = BY_RECORD[record]
    for what in ids:
        if Binned.get(call, one.name, what) is None:
            raise one.absent(what)
    page = Binned.page(
        call,
        one.name,
        limit=most or 1000,
        token=token,
        invalid=bad_token(),
        where=lambda binned: not ids or binned.id in ids,
    )
    return page.items, page.token


def times(binned: Binned) -> Members:
    return {"RecycleBinEnterTime": binned.entered, "RecycleBinExitTime": binned.leaves}
