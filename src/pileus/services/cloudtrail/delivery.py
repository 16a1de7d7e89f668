"""Log files: what has happened since the last time, every five minutes of cloud time, into the trail's bucket.

One file for each account and Region that has had events. What cannot be delivered is tried again the next time.
"""

from __future__ import annotations

import datetime
import gzip
import hashlib
import json
from collections.abc import Iterator
from typing import Any, Protocol

from pileus.kernel import Call, Fault, identity, names, paging
from pileus.kernel.access.attached import Membership
from pileus.kernel.trail import Data, Event, Filed, Fresh, Place, unpack

from . import cloudtrail, notices
from .choosing import GLOBAL, chosen
from .detecting import detected
from .digests import LogFile, logged
from .events import kind_of, known, record
from .lookups import PRINCIPAL
from .rates import Tally, scope_of
from .trails import Trail

EVERY = 300.0
"""AWS delivers about every five minutes (User Guide, "How CloudTrail works")."""
MOST_RECORDS = 20_000
"""Records of one file."""

Members = dict[str, Any]


@cloudtrail.task
async def deliver(call: Call, home: str, name: str, run: int, last: float | None = None) -> None:
    """Deliver what there is, and come back if there may be more; or, at the end of a run, deliver up to `last`."""
    trail = Trail.get(call, home, name)
    if trail is None or trail.run != run or not (trail.logging or last is not None):
        return
    call.cloud.trail.write()
    since, upto = trail.delivered, call.now if last is None else last
    delivery = Delivery(call.at(region=home), trail)
    tallies: dict[tuple[str, str], Tally] = {}
    for account, region in places(call, trail):
        tally = tallies[account, region] = Tally(trail.insights)
        for records in pieces(call.at(account, region), trail, since, upto):
            for told in records:
                tally.count(told)
            await delivery.write(account, region, records)
            if "LatestDeliveryError" in delivery.status:
                break
    with call.transaction():
        if trail := Trail.get(call, home, name):
            trail.status = trail.status | delivery.status
            if "LatestDeliveryError" not in delivery.status:
                trail.status.pop("LatestDeliveryError", None)
                trail.delivered = upto
                look(call, trail, tallies, since, upto)
            if last is None and trail.logging:
                trail.idle = not steady(trail) and not newer(call, trail)
                if not trail.idle:
                    deliver.later(call, home=home, name=name, run=run, delay=EVERY)
            trail.put(call)


def steady(trail: Trail) -> bool:
    """Whether a trail comes back even if nothing has happened.

    Silence is a rate too; of other accounts' events it would not be told; and what could not be delivered waits.
    """
    return bool(trail.organization or trail.insights or "LatestDeliveryError" in trail.status)


def newer(call: Call, trail: Trail) -> bool:
    """Whether something has been noted since the trail's events were looked at."""
    call.cloud.trail.write()
    there = (call.at(*place) for place in places(call, trail))
    return any(table.first(one, since=(trail.delivered,)) for one in there for table in (Fresh, Filed, Data))


@cloudtrail.task
def rouse(call: Call, home: str, name: str, noted: float) -> None:
    """Something has happened that an idle trail may want."""
    trail = Trail.get(call, home, name)
    if trail and trail.idle and trail.logging:
        trail.idle = False
        trail.put(call)
        deliver.later(call, home=home, name=name, run=trail.run, due=noted + EVERY)


def look(call: Call, trail: Trail, tallies: dict[tuple[str, str], Tally], since: float, upto: float) -> None:
    """See whether anything was unusual, where the trail wants to know it."""
    from .insights import tell

    if not trail.insights:
        return
    for (account, region), tally in tallies.items():
        there = call.at(account, region)
        tally.keep(there, scope_of(trail))
        found = detected(there, scope_of(trail), since, upto, trail.insights_since)
        if found:
            tell.later(call, home=trail.home, name=trail.name, account=account, region=region, events=found)


class Delivery:
    """One round of files."""

    def __init__(self, call: Call, trail: Trail) -> None:
        self.call = call
        self.trail = trail
        self.status: Members = {}

    async def write(self, account: str, region: str, records: list[Members], folder: str = "CloudTrail") -> None:
        """Put one log file into the bucket, and tell those who are to know."""
        call, trail = self.call, self.trail
        body = json.dumps({"Records": records}, separators=(",", ":")).encode()
        key = file_name(call, trail, account, region, folder)
        try:
            await put(call, trail, key, gzip.compress(body, 6, mtime=0))
        except Fault as fault:
            self.status["LatestDeliveryError"] = fault.code
            return
        self.status["LatestDeliveryTime"] = call.now
        times = [record["eventTime"] for record in records]
        logged(call, trail, account, region, LogFile(key, hashlib.sha256(body).hexdigest(), min(times), max(times)))
        self.status |= await notices.tell(call, trail, account, region, key, records)


async def put(call: Call, trail: Trail, key: str, body: bytes, **members: Any) -> None:
    """Put an object into the trail's bucket, as CloudTrail."""
    ours = identity.service(PRINCIPAL, trail.arn(call), call.account)
    encryption = {"server_side_encryption": "aws:kms", "ssekms_key_id": trail.key} if trail.key else {}
    await call.aws("s3", principal=ours).put_object(
        bucket=trail.bucket,
        key=key,
        body=body,
        acl="bucket-owner-full-control",
        content_type="application/json",
        content_encoding="gzip",
        **encryption,
        **members,
    )


def file_name(call: Call, trail: Trail, account: str, region: str, folder: str) -> str:
    """User Guide, "Finding your CloudTrail log files"."""
    at = datetime.datetime.fromtimestamp(call.now, datetime.UTC)
    owner = f"{trail.organization}/{account}" if trail.organization else account
    return (
        f"{trail.folders}/{owner}/{folder}/{region}/{at:%Y/%m/%d}/"
        f"{account}_{folder}_{region}_{at:%Y%m%dT%H%MZ}_{names.token(16)}.json.gz"
    )


class Scope(Protocol):
    """Whose events are wanted: those of a trail, or of an event data store."""

    @property
    def home(self) -> str: ...

    @property
    def organization(self) -> str: ...

    @property
    def multi_region(self) -> bool: ...


def places(call: Call, trail: Scope) -> list[tuple[str, str]]:
    """The accounts and Regions that a trail or a store is about, as far as they have events."""
    accounts = [call.account]
    if trail.organization:
        accounts = members(call)
    if trail.multi_region:
        return [(place.account, place.region) for account in accounts for place in Place.scan(call, account)]
    return [(account, trail.home) for account in accounts]


def members(call: Call) -> list[str]:
    """The accounts of the organization that the call's account manages, or administers CloudTrail for."""
    place = Membership.get(call, call.account)
    there = call.at(account=place.management_account) if place and place.management_account else call
    organizations = there.aws("organizations", principal=identity.service("organizations.amazonaws.com"))
    return [account["Id"] for account in paging.every(organizations.list_accounts, "Accounts")]


def pieces(call: Call, trail: Trail, since: float, upto: float) -> Iterator[list[Members]]:
    """The records that the trail wants of those noted in a time, in files of a sensible size."""
    records: list[Members] = []
    for event in events(call, since, upto):
        if known(call, event):
            kind = kind_of(call, event)
            told = record(call, event, call.account)
            if kind.source in GLOBAL and not trail.global_events:
                continue
            if chosen(event, kind, told, trail.selectors, trail.advanced):
                records.append(told)
        if len(records) == MOST_RECORDS:
            yield records
            records = []
    if records:
        yield records


def events(call: Call, since: float, upto: float) -> Iterator[Event]:
    """The events of the call's account and Region that were noted in a time, management events first."""
    call.cloud.trail.file(call)
    for table in (Filed, Data):
        for batch in table.scan(call, since=(since,)):
            first = unpack(batch.events[0])
            if first.noted >= upto:
                break
            for packed in batch.events:
                event = unpack(packed)
                if since <= event.noted < upto:
                    yield event
