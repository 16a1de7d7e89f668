"""From the call to the store: notes what was called, by whom, and how it ended.

It must cost next to nothing. A data event that no trail wants costs a look-up. Any other call is packed into an event
at once; all events of a tick come into the store with the group commit that makes what they did safe. Calls that only
read have no commit to wait for: their events are written with the next one, or within a twentieth of a second, so those
of the last moment before a `kill -9` may be missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from pileus.kernel import names
from pileus.kernel.errors import Fault, Unfinished
from pileus.kernel.store import StoreFailed

from .event import Data, Filed, Fresh, Mark, Place, Selection, Who, postings
from .kinds import Kind
from .secrets import without

if TYPE_CHECKING:
    from pileus.kernel.call import Call
    from pileus.kernel.cloud import Cloud
    from pileus.kernel.identity import Principal
    from pileus.kernel.operation import Bound

log = logging.getLogger("pileus")

DAY = 86400.0
KEPT = 90 * DAY
"""How long events can be looked up (CloudTrail User Guide, "Working with CloudTrail event history")."""
SOON = 0.05
"""Real seconds after which the event of a call that only read is written at the latest."""
WORTH_FILING = 64
"""Fresh records, or events that come in at once, from which on it is worth while to make postings of them."""
MOST_FILED = 256
"""Events of a filed record, about."""
LARGEST = 100_000
"""Bytes of a request or response, from which on events do without it ("CloudTrail record contents")."""
MOST_EXPIRED = 100
"""Filed records that are deleted at a time."""
MOST_KNOWN = 1024
SESSION = ("issuer", "issued", "mfa", "provider", "source_identity", "source_arn", "source_account")


def _untold(value: Any) -> Any:
    """What msgpack cannot carry and no event tells: open bodies, streams of events."""
    return None


pack = msgspec.msgpack.Encoder(enc_hook=_untold).encode


class Known:
    """A principal whose calls were noted: packed, and with what its events can be looked up by."""

    __slots__ = ("marks", "packed", "principal")

    def __init__(self, principal: Principal) -> None:
        session = principal.session
        kept = {name: session[name] for name in SESSION if name in session}
        who = Who(principal.type, principal.account, principal.arn, principal.user_id, principal.access_key_id, kept)
        self.principal = principal
        self.packed = msgspec.Raw(pack(who))
        marks = (("Username", who.user_name), ("AccessKeyId", who.access_key_id))
        self.marks: tuple[Mark, ...] = tuple(mark for mark in marks if mark[1])


class Notes:
    """The events of an account and Region that are not written yet."""

    __slots__ = ("calls", "events", "first", "last", "resources")

    def __init__(self, first: float) -> None:
        self.first = self.last = first
        self.events: list[msgspec.Raw] = []
        self.calls: set[tuple[Kind, Known]] = set()
        self.resources: set[Mark] = set()

    def marks(self) -> set[Mark]:
        marks = set(self.resources)
        for kind, known in self.calls:
            marks.update(kind.marks, known.marks)
        return marks


class Recorder:
    """Notes the calls of a cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._kinds: dict[Bound, Kind] = {}
        self._known: dict[int, Known] = {}
        self._notes: dict[tuple[str, str, bool], Notes] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._selections: list[Selection] | None = None
        """What the trails want that are logging. A cache."""
        self._selected: set[str] = set()
        """The types of resources whose data events are wanted by any of them."""
        self._context: dict[str, list[str]] = {}
        """What any of them wants events to tell beside."""
        self._days: dict[tuple[str, str], int] = {}
        """The last day on which something was written, by account and Region. A cache."""
        self._fresh: dict[tuple[str, str], int] = {}
        """How many fresh records there are, as far as it was this process that wrote them. A cache."""
        self._calls: dict[tuple[str, str], Call] = {}
        self._prefix = names.token(5)
        self._number = 0
        cloud.store.before_commit(self.write)

    # Which calls

    def kind(self, call: Call, bound: Bound) -> Kind | None:
        """What the event of such a call is like; None where there is to be none."""
        kind = self._kinds.get(bound) or self.kind_of(bound)
        principal = call.principal
        if kind.data:
            if self._selections is None:
                self._read_selections()
            # CloudTrail would record its own deliveries for ever.
            if kind.data not in self._selected or principal.arn == "cloudtrail.amazonaws.com":
                return None
        if principal.type == "AWSService" and principal.arn in ("pileus.amazonaws.com", kind.source):
            return None  # a service at work within itself
        return kind

    def kind_of(self, bound: Bound) -> Kind:
        """What events of the operation are like, whether anybody wants them or not."""
        kind = self._kinds.get(bound)
        if kind is None:
            kind = self._kinds[bound] = Kind(bound)
        return kind

    def _read_selections(self) -> list[Selection]:
        found = self._selections = list(Selection.scan(self._cloud.system))
        self._selected = {kind for one in found for kind in one.types}
        kinds = {kind for one in found for kind in one.context}
        self._context = {kind: sorted({key for one in found for key in one.context.get(kind, ())}) for kind in kinds}
        return found

    def _logging(self) -> list[Selection]:
        """What the trails want that are logging."""
        return self._read_selections() if self._selections is None else self._selections

    def _logged(self, account: str, region: str) -> bool:
        """Whether a trail, and not only an event data store, is logging there: then EventBridge is told."""
        return any(one.about(account, region) and "/" not in one.trail for one in self._logging())

    def _rouse(self, call: Call, noted: float) -> None:
        """Tell the trails that have nothing to deliver of the first event that they may want."""
        for one in self._logging():
            if one.idle and one.about(call.account, call.region):
                rouse = self._cloud.service("cloudtrail").tasks["rouse"]
                rouse.later(call, home=one.region, name=one.trail, noted=noted)

    def selections_changed(self) -> None:
        """A selection is being written: read them again now, and once the write is safe or undone."""
        self._selections = None
        self._cloud.store.after_commit(lambda error: setattr(self, "_selections", None))

    def forget(self, account: str = "") -> None:
        """Forget everything, as when the store's content is replaced; or what is not yet written of one account."""
        for key in [key for key in self._notes if account in ("", key[0])]:
            del self._notes[key]
        self._selections = None
        self._days.clear()
        self._fresh.clear()

    # Noting

    async def watched(self, kind: Kind, call: Call, request: dict[str, Any], result: Coroutine[Any, Any, Any]) -> Any:
        """Wait for the result of an async operation, and note how it ended."""
        try:
            answer = await result
        except Exception as error:
            self.note(kind, call, request, None, error)
            raise
        self.note(kind, call, request, answer)
        return answer

    def note(
        self, kind: Kind, call: Call, request: dict[str, Any], result: Any, error: Exception | None = None
    ) -> None:
        """Note a call and its outcome."""
        if error is not None and isinstance(error, Unfinished):
            return  # nothing that AWS would know
        account = call.principal.account
        if account == call.account and kind.service != "sts":
            self._note(account, "", kind, call, request, result, error)
            return
        accounts = concerned(call, request)
        for number, account in enumerate(accounts):
            self._note(account, accounts[1 - number] if len(accounts) == 2 else "", kind, call, request, result, error)

    def _note(
        self,
        account: str,
        other: str,
        kind: Kind,
        call: Call,
        request: dict[str, Any],
        result: Any,
        error: Exception | None,
    ) -> None:
        noted = self._cloud.clock.now()
        notes = self._taking(account, call.region, kind, noted)
        known = self._known.get(id(call.principal)) or self._meet(call.principal)
        told = request
        code = message = ""
        if error is not None:
            code, message = (error.code, error.message) if isinstance(error, Fault) else ("InternalFailure", "")
        if kind.request_secrets is not None:
            request = without(request, kind.request_secrets, kind.silent)
        answer = result if kind.tells and type(result) is dict else None
        if answer is not None and kind.response_secrets is not None:
            answer = without(answer, kind.response_secrets, kind.silent)
        if self._selections is None:
            self._read_selections()
        beside = self._beside(call, kind, told, error is not None) if self._context else {}
        fields: tuple[Any, ...] = (
            noted,
            call.now,
            kind.service,
            kind.name,
            known.packed,
            call.region,
            call.source_ip,
            call.user_agent,
            call.endpoint,
            call.secure,
            call.request_id,
            request or None,
            answer or None,
            code,
            message,
            call.called_via[-1] if call.called_via else "",
            other,
        )
        if beside:
            fields += (beside,)
        notes.events.append(packed(fields))
        notes.last = noted
        notes.calls.add((kind, known))
        for resource_type, member in kind.places:
            name = request.get(member)
            if name and type(name) is str:
                notes.resources.add(("ResourceName", name))
                notes.resources.add(("ResourceType", resource_type))

    def _beside(self, call: Call, kind: Kind, request: dict[str, Any], failed: bool) -> dict[str, Any]:
        """The tags and keys of the call that somebody wants."""
        from .enriching import enriched

        bound = self._cloud.service(kind.service).bound(kind.name)
        return enriched(call, bound, request, self._context, failed=failed)

    def _taking(self, account: str, region: str, kind: Kind, noted: float) -> Notes:
        """Where an event is to be added."""
        key = (account, region, bool(kind.data))
        notes = self._notes.get(key)
        if notes is not None and not -1.0 < noted - notes.first < 1.0:  # the clock was turned
            self.write()
            notes = None
        if notes is None:
            notes = self._notes[key] = Notes(noted)
            if self._timer is None:
                self._write_soon()
        return notes

    def _meet(self, principal: Principal) -> Known:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        known = self._known[id(principal)] = Known(principal)  # which keeps the principal, and so its id
        return known

    # Writing

    def _write_soon(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # without a loop, whatever looks into the store writes first
        self._timer = loop.call_later(SOON, self.write)

    def write(self) -> None:
        """Put everything that was noted into the store."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._notes:
            (account, region, data), notes = self._notes.popitem()
            try:
                self._put(self._call(account, region, notes.last), notes, data)
            except StoreFailed as error:
                log.error("%d events of %s in %s are lost: %s", len(notes.events), account, region, error)

    def _call(self, account: str, region: str, now: float) -> Call:
        """A call that looks there, to write with."""
        if len(self._calls) > MOST_KNOWN:
            self._calls.clear()
        call = self._calls.get((account, region))
        if call is None:
            call = self._calls[account, region] = self._cloud.system.at(account, region)
        call.now = now
        return call

    def _next(self) -> str:
        """What tells records of the same instant apart, in this process and from those of others."""
        self._number += 1
        return f"{self._number:09d}{self._prefix}"

    def _put(self, call: Call, notes: Notes, data: bool) -> None:
        place = (call.account, call.region)
        day = int(notes.last // DAY)
        if self._days.get(place) != day:
            self._days[place] = day
            Place(*place).put(call)
            expire(call, notes.last)
        self._rouse(call, notes.first)
        if data:
            Data(notes.last, self._next(), notes.events).put(call)
            return
        if self._logged(*place):
            announce = self._cloud.service("cloudtrail").tasks["announce"]
            announce.later(call, events=[bytes(event) for event in notes.events])
        fresh = self._fresh.get(place, 0)
        self._fresh[place] = fresh + 1
        if max(fresh, len(notes.events)) < WORTH_FILING:
            Fresh(notes.last, self._next(), notes.events, list(notes.marks())).put(call)
        else:
            self._file(call, notes)

    def file(self, call: Call) -> None:
        """Make everything that was noted in the call's account and Region findable."""
        self.write()
        self._file(call, None)

    def _file(self, call: Call, notes: Notes | None) -> None:
        """Make filed records of what is fresh and of what comes in now."""
        self._fresh[call.account, call.region] = 0
        events: list[msgspec.Raw] = []
        marks: set[Mark] = set()
        at = 0.0
        fresh = list(Fresh.scan(call))
        for batch in fresh:
            if len(events) + len(batch.events) > MOST_FILED and events:
                keep(call, at, events, marks)
                events, marks = [], set()
            events += batch.events
            marks.update(batch.marks)
            at = batch.at
        if fresh:
            Fresh.delete_all(call)
        if notes is not None:
            events += notes.events
            marks |= notes.marks()
            at = notes.last
        if events:
            keep(call, at, events, marks)


def packed(fields: tuple[Any, ...]) -> msgspec.Raw:
    """An event as it is stored; without request and response if those are too large or cannot be told."""
    try:
        octets = pack(fields)
    except (TypeError, ValueError, OverflowError):
        octets = b""
    if not octets or len(octets) > LARGEST:
        request, response = [part and {"omitted": True} for part in fields[11:13]]
        octets = pack((*fields[:11], request, response, *fields[13:]))
    return msgspec.Raw(octets)


def keep(call: Call, at: float, events: list[msgspec.Raw], marks: set[Mark]) -> None:
    filed = Filed(at, names.token(6), events, sorted(marks)).put(call)
    for posting in postings(filed):
        posting.put(call)


def expire(call: Call, now: float) -> None:
    """Delete what is older than events are kept: once a day, with the first event of the day."""
    for filed in list(Filed.scan(call, before=(now - KEPT,), limit=MOST_EXPIRED)):
        for posting in postings(filed):
            posting.delete(call)
        filed.delete(call)
    for data in list(Data.scan(call, before=(now - DAY,), limit=MOST_EXPIRED)):
        data.delete(call)


def concerned(call: Call, request: dict[str, Any]) -> list[str]:
    """The accounts that have an event of the call: the caller's, and the one that owns what it is about."""
    principal = call.principal
    caller = call.account if principal.type in ("AWSService", "Anonymous") else principal.account
    owner = call.account
    if call.service == "sts" and (role := request.get("RoleArn")):
        owner = role.split(":")[4] if role.count(":") >= 5 else owner
        caller = owner if principal.type == "Anonymous" else caller
    return [account for account in dict.fromkeys((caller, owner)) if account.isdigit()]
