"""One call as it is kept, and how events lie in the store.

Events come into the store in batches, as they were noted between two commits: one record for all of them. What has come
in such small pieces is filed, some hundred events at a time, into records with postings by all that CloudTrail lets one
look up. The events themselves stay as they were packed when they were noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import msgspec

from pileus.kernel.record import Record

if TYPE_CHECKING:
    from pileus.kernel.call import Call

Mark = tuple[str, str]
"""What an event can be looked up by: EventName and its like, and the value."""


class Who(msgspec.Struct, array_like=True):
    """A principal, as far as an event tells of it."""

    type: str
    account: str
    arn: str
    user_id: str
    access_key_id: str
    session: dict[str, Any]

    @property
    def user_name(self) -> str:
        """What LookupEvents knows as the user name: a user's own, a role session's, `root`."""
        if self.type == "Root":
            return "root"
        return "" if self.type == "AWSService" else self.arn.partition("/")[2].rpartition("/")[2]


class Event(msgspec.Struct, array_like=True):
    """One call. Requests and responses are in wire names, without their secrets.

    The recorder packs a tuple of these fields, so their order is what is stored.
    """

    noted: float
    """When the call had its outcome: events are in this order."""
    at: float
    service: str
    operation: str
    who: Who
    region: str
    source_ip: str
    user_agent: str
    endpoint: str
    """By which address the cloud was reached."""
    secure: bool
    request_id: str
    request: dict[str, Any] | None
    response: dict[str, Any] | None
    error: str
    message: str
    via: str
    """The service that called on the principal's behalf."""
    other: str
    """The second account that the call concerns: its owner in the caller's event, and the other way round."""
    context: dict[str, Any] = {}
    """What is noted beside, where somebody wants it (`enriching`)."""

    @property
    def id(self) -> str:
        """A UUID that begins with its time, so that an event is found by its id without an index."""
        digits = f"{int(self.noted * 1000):012x}"
        end = self.request_id[14:]
        if self.other and self.other != self.who.account:  # the caller's; the owner's has another one
            end = end[:-12] + end[:-13:-1]
        return f"{digits[:8]}-{digits[8:]}-{end}"


unpack = msgspec.msgpack.Decoder(Event).decode


class Fresh(Record, key=("at", "number"), table="pileus.TrailFresh"):
    """Management events of an account and Region as they came in."""

    at: float
    number: str
    events: list[msgspec.Raw]
    marks: list[Mark]


class Filed(Record, key=("at", "number"), table="pileus.TrailFiled"):
    """Management events that can be looked up; `at` is when the last of them was noted."""

    at: float
    number: str
    events: list[msgspec.Raw]
    marks: list[Mark]


class Posting(Record, key=("name", "value", "at", "number"), table="pileus.TrailPosting"):
    """Which filed records have an event with that mark."""

    name: str
    value: str
    at: float
    number: str


class Data(Record, key=("at", "number"), table="pileus.TrailData"):
    """Data events that some trail wants."""

    at: float
    number: str
    events: list[msgspec.Raw]


class Place(Record, scope="cloud", key=("account", "region"), table="pileus.TrailPlace"):
    """An account and Region that has events."""

    account: str
    region: str


class Selection(Record, scope="cloud", key=("account", "region", "trail"), table="pileus.TrailSelection"):
    """What a trail which is logging wants. Data events that none wants are not recorded at all."""

    account: str
    region: str
    trail: str
    types: list[str]
    """Of resources, for data events: `AWS::S3::Object`."""
    everywhere: bool
    """In all Regions, not only in the trail's."""
    idle: bool = False
    """Whether the trail has delivered everything, and is to be told of the next event."""
    context: dict[str, list[str]] = {}
    """The keys of tags and of requests that events are to tell too."""

    def about(self, account: str, region: str) -> bool:
        return self.account == account and (self.everywhere or self.region == region)

    def put(self, call: Call) -> Self:
        call.cloud.trail.selections_changed()
        return super().put(call)

    def delete(self, call: Call) -> None:
        call.cloud.trail.selections_changed()
        super().delete(call)


def noted_at(event_id: str) -> float | None:
    """When the event of that id was noted, to the millisecond."""
    try:
        return int(event_id[:8] + event_id[9:13], 16) / 1000
    except ValueError:
        return None


def postings(filed: Filed) -> Iterator[Posting]:
    for name, value in filed.marks:
        yield Posting(name, value, filed.at, filed.number)
