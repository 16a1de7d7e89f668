"""Intelligent-Tiering: objects that nobody has read for long go to archive tiers, and come back when they are restored.

"How S3 Intelligent-Tiering works", S3 User Guide. Objects of the class that have 128 KB or more are monitored: a day on
which one is read is written down. The tiers that are read at once (frequent, infrequent, archive instant) differ only
in their price, and follow from that day; the two archive tiers are opted into, and entered by the bucket's sweep.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call

from . import faults, happenings, planning, versions
from .buckets import Bucket
from .configuration import numbered
from .documents import Document
from .objects import Object
from .rules import DAY, SMALL, Due, Filter, midnight

KIND = "intelligenttieringconfiguration"
CLASS = "INTELLIGENT_TIERING"
ARCHIVE, DEEP = "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"
LEAST = {ARCHIVE: 90, DEEP: 180}
MOST = 730
INSTANT = ((90, "ARCHIVE_INSTANT"), (30, "INFREQUENT"), (0, "FREQUENT"))

Members = dict[str, Any]


def check(call: Call, bucket: Bucket, content: Members) -> None:
    tiers = [each["AccessTier"] for each in content["Tierings"]]
    if not tiers or len(tiers) != len(set(tiers)):
        raise faults.malformed()
    for each in content["Tierings"]:
        least = LEAST[each["AccessTier"]]
        if not least <= each["Days"] <= MOST:
            words = f"'Days' for {each['AccessTier']} must be between {least} and {MOST}"
            raise faults.invalid_argument(words, "Days", each["Days"])
    if content["Status"] == "Enabled":
        bucket.tiers = True
        bucket.put(call)
        planning.soon(call, bucket)


numbered("IntelligentTieringConfiguration", check)


def configurations(call: Call, bucket: Bucket) -> list[Members]:
    """Those that are enabled."""
    found = Document.scan(call, bucket.room, KIND)
    return [each.content for each in found if each.content["Status"] == "Enabled"]


def monitored(found: Object) -> bool:
    return found.storage_class == CLASS and found.size >= SMALL


def last_read(found: Object) -> float:
    return max(found.accessed, found.modified)


def dues(wanted: list[Members], found: Object) -> Iterator[Due]:
    """The tiers that an object may still enter, and when."""
    if not monitored(found) or found.tier == DEEP or found.restore is not None:
        return
    for each in wanted:
        if not Filter.of(each).means(found.name, found):
            continue
        for tiering in each["Tierings"]:
            if tiering["AccessTier"] != found.tier:
                yield Due(midnight(last_read(found) + tiering["Days"] * DAY), each["Id"], tiering["AccessTier"])


def least_wait(wanted: list[Members], now: float) -> float | None:
    """When something that is read now can be due at the earliest."""
    days = [tiering["Days"] for each in wanted for tiering in each["Tierings"]]
    return midnight(now + min(days) * DAY) if days else None


def enter(call: Call, bucket: Bucket, found: Object, due: Due) -> None:
    """Put an object, which is still to be stored, into a tier."""
    found.tier = due.to
    more = {"intelligentTieringEventData": {"destinationAccessTier": due.to}}
    detail = {"destination-access-tier": due.to}
    happenings.changed(call, bucket, found, "IntelligentTiering", more=more, detail=detail)


def read(call: Call, found: Object) -> None:
    """Write down that an object was read today."""
    if monitored(found) and call.now - last_read(found) > DAY:
        found.accessed = call.now
        versions.save(call, found)


def tier(call: Call, found: Object) -> str:
    """The tier that an object is in, as inventories tell it; empty for other classes."""
    if found.storage_class != CLASS:
        return ""
    if found.tier or not monitored(found):
        return found.tier or "FREQUENT"
    idle = (call.now - last_read(found)) / DAY
    return next(name for days, name in INSTANT if idle >= days)
