"""The event history: the management events of 90 days, by what they can be looked up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, paging
from pileus.kernel.trail import KEPT, Event, Filed, Posting, named, noted_at, unpack

from . import cloudtrail
from .events import kind_of, known, record
from .insights import looked_up

MOST = 50


class Wish(NamedTuple):
    """What is looked for."""

    name: str
    value: str
    start: float
    end: float

    @property
    def token(self) -> str:
        return hashlib.sha256(repr((self.name, self.value)).encode()).hexdigest()[:16]


class Found(NamedTuple):
    """An event, and where it lies."""

    event: Event
    place: tuple[float, str, int]


@cloudtrail.operation
def lookup_events(
    call: Call,
    lookup_attributes: list[dict[str, str]] = [],
    start_time: float | None = None,
    end_time: float | None = None,
    event_category: str = "",
    max_results: int = MOST,
    next_token: str = "",
) -> dict[str, Any]:
    """Management events of the account in this Region, or insights, the newest first."""
    if not 1 <= max_results <= MOST:
        raise Fault(
            "InvalidMaxResultsException", f"Invalid value {max_results} for MaxResults. It must be 1 to {MOST}."
        )
    wish = wished(call, lookup_attributes, start_time, end_time)
    if event_category:
        return looked_up(call, wish.name, wish.value, wish.start, wish.end, max_results, next_token)
    invalid = Fault("InvalidNextTokenException", "Invalid NextToken. Please check your input and try again.")
    below = None
    if next_token:
        token, *place = paging.opened(call, next_token, invalid)
        if token != wish.token:
            raise invalid
        below = (place[0], place[1], place[2])
    call.cloud.trail.file(call)
    found: list[Found] = []
    for one in search(call, wish, below):
        if len(found) == max_results:
            return answer(call, found) | {"NextToken": paging.sealed(call, (wish.token, *found[-1].place))}
        found.append(one)
    return answer(call, found)


def answer(call: Call, found: list[Found]) -> dict[str, Any]:
    return {"Events": [shown(call, one.event) for one in found]}


def shown(call: Call, event: Event) -> dict[str, Any]:
    kind = kind_of(call, event)
    return {
        "EventId": event.id,
        "EventName": event.operation,
        "ReadOnly": "true" if kind.read_only else "false",
        "AccessKeyId": event.who.access_key_id or None,
        "EventTime": float(int(event.at)),
        "EventSource": kind.source,
        "Username": event.who.user_name or None,
        "Resources": [
            {"ResourceType": resource_type, "ResourceName": name}
            for resource_type, name in named(kind.places, event.request or {})
        ],
        "CloudTrailEvent": json.dumps(record(call, event, call.account), separators=(",", ":")),
    }


def wished(call: Call, attributes: list[dict[str, str]], start: float | None, end: float | None) -> Wish:
    if len(attributes) > 1:
        raise Fault("InvalidLookupAttributesException", "Only one lookup attribute is allowed.")
    name = attributes[0]["AttributeKey"] if attributes else ""
    value = attributes[0]["AttributeValue"] if attributes else ""
    if name == "ReadOnly" and value not in ("true", "false"):
        raise Fault("InvalidLookupAttributesException", "The value of ReadOnly must be true or false.")
    if start is not None and end is not None and start > end:
        raise Fault("InvalidTimeRangeException", "Start time must be before end time.")
    since = max(call.now - KEPT, 0.0 if start is None else float(start))
    return Wish(name, value, since, call.now + 1 if end is None else float(end) + 1)


def search(call: Call, wish: Wish, below: tuple[float, str, int] | None) -> Iterator[Found]:
    """Events that are wished for, from the newest; from below a place, if one is given."""
    for filed in pieces(call, wish, below):
        for number in range(len(filed.events) - 1, -1, -1):
            place = (filed.at, filed.number, number)
            if below is not None and place >= below:
                continue
            event = unpack(filed.events[number])
            if wish.start <= event.at < wish.end and matches(call, event, wish):
                yield Found(event, place)


def pieces(call: Call, wish: Wish, below: tuple[float, str, int] | None) -> Iterator[Filed]:
    """The filed records that may have them: those whose postings say so."""
    if wish.name == "EventId":
        at = noted_at(wish.value)
        if at is not None and (filed := Filed.first(call, since=(at,))):
            yield filed
        return
    posted = (wish.name, wish.value) if wish.name else ()
    table: Any = Posting if posted else Filed
    # The last event of a record is noted at its key: the one after the end of the time has the last ones of the time.
    last = table.first(call, *posted, since=(wish.end,))
    upto = (last.at, last.number) if last is not None else None
    if below is not None and (upto is None or below[:2] < upto):
        upto = below[:2]
    for one in table.scan(call, *posted, since=(wish.start,), upto=upto, reverse=True):
        filed = Filed.get(call, one.at, one.number) if posted else one
        if filed is not None:
            yield filed


def matches(call: Call, event: Event, wish: Wish) -> bool:
    if not known(call, event):
        return False
    if not wish.name:
        return True
    if wish.name == "EventId":
        return event.id == wish.value
    kind = kind_of(call, event)
    held = {
        ("EventName", event.operation),
        ("EventSource", kind.source),
        ("ReadOnly", "true" if kind.read_only else "false"),
        ("Username", event.who.user_name),
        ("AccessKeyId", event.who.access_key_id),
    }
    for resource_type, name in named(kind.places, event.request or {}):
        held |= {("ResourceType", resource_type), ("ResourceName", name)}
    return (wish.name, wish.value) in held
