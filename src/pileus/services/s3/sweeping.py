"""Lifecycle rules carried out: a bucket is gone through in slices, at a midnight UTC on which something may be due.

A sweep notes what is due next, and nothing that comes meanwhile can be due before the shortest of the rules' times has
passed; so a bucket is only gone through on days that have something to do, and operations need not tell of what they
write. The few that make something due at once (a tag, a version that comes or goes) say so by `planning.soon`.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from pileus.kernel import Call

from . import happenings, planning, rules, s3, tiering, versions
from .buckets import Bucket
from .listing_versions import merged
from .objects import Object
from .rules import Due, Rules
from .uploads import Upload, abort
from .versions import Version

SLICE = 500


class Walk:
    """How far a sweep has come, and what it has seen."""

    def __init__(self, call: Call, bucket: Bucket, state: dict[str, Any]) -> None:
        self.call = call
        self.bucket = bucket
        self.rules: Rules = rules.load(call, bucket)
        self.tiers = tiering.configurations(call, bucket) if bucket.tiers else []
        self.name: str = state.get("name", "")
        self.order: int = state.get("order", 0)
        self.since: float = state.get("since", 0.0)
        """When the version that was last seen became the successor of the next one."""
        self.newer: int = state.get("newer", 0)
        """How many noncurrent versions of the key have been seen."""
        self.next: float | None = state.get("next")
        """What is due next."""

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("name", "order", "since", "newer", "next")}

    def due(self, at: float) -> bool:
        """Whether that time has come; if not, it is remembered."""
        if at <= self.call.now:
            return True
        self.next = at if self.next is None else min(self.next, at)
        return False

    def acted(self) -> None:
        """One thing leads to another: look again tomorrow."""
        self.due(rules.tomorrow(self.call.now))

    def see(self, version: Version) -> None:
        """One version, the newest of a key first."""
        if version.name != self.name:
            self.newer = 0
            if version.held is not None:
                self.current(version.held)
            else:
                self.marker(version)
        else:
            self.noncurrent(version)
            self.newer += 1
        self.name, self.order, self.since = version.name, version.order, version.modified

    def waits(self, found: Object) -> bool:
        """Whether an object has to stay as it is until it has been replicated ("Replication and lifecycle rules")."""
        waiting = bool(found.replicas) and found.replication != "COMPLETED"
        if waiting:
            self.acted()
        return waiting

    def current(self, found: Object) -> None:
        if self.waits(found):
            return
        expires = rules.expiration(self.rules, found)
        if expires is not None and self.due(expires.at):
            self.acted()
            expire(self.call, self.bucket, found)
        elif moves := self.moving(rules.transitions(self.rules, found)):
            move(self.call, self.bucket, found, moves)
            found.put(self.call)
        elif self.tier(found):
            found.put(self.call)

    def marker(self, version: Version) -> None:
        """A delete marker that covers nothing any more."""
        call, room = self.call, self.bucket.room
        expires = rules.marker_expiration(self.rules, version.name, version.modified)
        if expires is None or Version.first(call, room, version.name, above=(version.order,)) is not None:
            return
        if self.due(expires.at):
            versions.remove(call, self.bucket, version)
            happenings.removed(call, self.bucket, version, "LifecycleExpiration")

    def noncurrent(self, version: Version) -> None:
        held = version.held
        if held is not None and self.waits(held):
            return
        gone = rules.noncurrent_expiration(self.rules, version.name, held, self.since, self.newer)
        if gone is not None and self.due(gone.at):
            self.acted()
            if held is None or not (held.hold or held.lock_until > self.call.now):
                versions.remove(self.call, self.bucket, version)
                happenings.removed(self.call, self.bucket, version, "LifecycleExpiration")
        elif held is not None and (moves := self.moving(rules.transitions(self.rules, held, self.since, self.newer))):
            move(self.call, self.bucket, held, moves)
            version.put(self.call)
        elif held is not None and self.tier(held):
            version.put(self.call)

    def tier(self, found: Object) -> bool:
        """Whether an object has to go to an archive tier of Intelligent-Tiering now."""
        entered = [due for due in tiering.dues(self.tiers, found) if self.due(due.at)]
        if entered:
            deepest = max(entered, key=lambda due: tiering.LEAST[due.to])
            tiering.enter(self.call, self.bucket, found, deepest)
            self.acted()
        return bool(entered)

    def moving(self, dues: list[Due]) -> Due | None:
        """The transition that is to be made now."""
        found = rules.lowest([due for due in dues if self.due(due.at)])
        if found is not None:
            self.acted()
        return found


def expire(call: Call, bucket: Bucket, found: Object) -> None:
    """A current version comes to its end: it goes, or is covered by a delete marker."""
    if bucket.versioned:
        marker = versions.mark(call, bucket, found.name)
        happenings.marked(call, bucket, marker, "LifecycleExpiration")
    else:
        versions.remove(call, bucket, found)
        happenings.removed(call, bucket, found, "LifecycleExpiration")


def move(call: Call, bucket: Bucket, found: Object, due: Due) -> None:
    """Give an object, which is still to be put, another storage class."""
    found.storage_class = due.to
    found.restore, found.tier = None, ""
    more = {"lifecycleEventData": {"transitionEventData": {"destinationStorageClass": due.to}}}
    detail = {"destination-storage-class": due.to}
    happenings.changed(call, bucket, found, "LifecycleTransition", more=more, detail=detail)


@s3.task
def go_on(call: Call, bucket: str, room: str, state: dict[str, Any] = {}) -> None:
    """Look at some more versions; after the last one at the uploads."""
    found = planning.there(call, bucket, room)
    if found is None:
        return
    walk = Walk(call, found, state)
    bounds = {"above": (walk.name, walk.order)} if walk.name else {}
    seen = list(islice(merged(call, found, SLICE, **bounds), SLICE))
    for version in seen:
        walk.see(version)
    if len(seen) == SLICE:
        go_on.later(call, bucket=bucket, room=room, state=walk.state())
    else:
        end_uploads.later(call, bucket=bucket, room=room, state={"next": walk.next})


@s3.task
def end_uploads(call: Call, bucket: str, room: str, state: dict[str, Any]) -> None:
    """Give up uploads that have taken too long; then plan the next sweep."""
    found = planning.there(call, bucket, room)
    if found is None:
        return
    walk = Walk(call, found, {"next": state["next"]})
    after = tuple(state["after"]) if "after" in state else None
    uploads = list(Upload.scan(call, room, limit=SLICE, above=after))
    for upload in uploads:
        due = rules.abortion(walk.rules, upload.name, upload.begun)
        if due is not None and walk.due(due.at):
            abort(call, upload)
    if len(uploads) == SLICE:
        last = [uploads[-1].name, uploads[-1].id]
        end_uploads.later(call, bucket=bucket, room=room, state={"next": walk.next, "after": last})
        return
    waits = (walk.next, rules.least_wait(walk.rules, call.now), tiering.least_wait(walk.tiers, call.now))
    dues = [at for at in waits if at is not None]
    if dues:
        planning.schedule(call, found, min(dues))
