"""What became of letters, kept for thirty days: each with its events, and counts by day of what happened to them.

"Message insights" and "VDM metrics", Developer Guide. Counted are letters to one recipient. AWS does not count those to
the mailbox simulator; here they are counted, for nothing else bounces or complains.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record

from .letters import Letter

DAY = 86400
KEPT = 30 * DAY
FORGOTTEN_AT_ONCE = 20
ISPS = {
    "gmail.com": "Gmail", "googlemail.com": "Gmail", "yahoo.com": "Yahoo", "ymail.com": "Yahoo", "aol.com": "AOL",
    "outlook.com": "Hotmail", "hotmail.com": "Hotmail", "live.com": "Hotmail", "msn.com": "Hotmail",
    "icloud.com": "Apple", "me.com": "Apple", "gmx.de": "GMX", "gmx.net": "GMX", "web.de": "GMX",
    "comcast.net": "Comcast", "orange.fr": "Orange", "qq.com": "QQ", "163.com": "NetEase", "mail.ru": "Mail.ru",
}  # fmt: skip
OTHER = "Other"

Event = tuple[str, float, str, dict[str, Any]]
"""Whom it is about, when it was, its type, and its details."""


class Outgoing(Record, indexes={"by_time": ("at",)}, kw_only=True):
    """A letter that was sent."""

    id: str
    at: float
    sender: str
    subject: str
    to: list[str]
    tags: dict[str, str]
    identity: str
    set: str = ""
    tenant: str = ""
    events: list[Event] = []

    def of(self, address: str) -> list[Event]:
        return [event for event in self.events if event[0] == address]

    def last(self, address: str, order: tuple[str, ...]) -> str:
        """The last of these kinds of events that the letter has come to."""
        seen = {spelt(kind, details) for _, _, kind, details in self.of(address)}
        return next((kind for kind in reversed(order) if kind in seen), "")


class Volume(Record, key=("day", "metric", "identity", "set", "isp", "tenant")):
    """How often something happened to letters on a day."""

    day: int
    metric: str
    identity: str
    set: str
    isp: str
    tenant: str
    count: int = 0


class Standing(Record, key=("tenant", "day")):
    """What became of a tenant's letters on a day, as far as its reputation depends on that."""

    tenant: str
    day: int
    counts: dict[str, int] = {}


class Reached(Record):
    """What became of the last letter to an address."""

    address: str
    at: float
    good: bool


def isp_of(address: str) -> str:
    return ISPS.get(address.rpartition("@")[2].lower(), OTHER)


def spelt(kind: str, details: dict[str, Any]) -> str:
    """An event as metrics and filters call it: bounces by their types."""
    return f"{details['Bounce']['BounceType']}_BOUNCE" if "Bounce" in details else kind


def note(call: Call, letter: Letter, identity: str, set_name: str, kind: str, about: dict[str, Any]) -> None:
    """Something happened to a letter; `about` is what notifications tell of it."""
    found = Outgoing.get(call, letter.id)
    if found is None:
        forget(call)
        found = Outgoing(
            id=letter.id,
            at=call.now,
            sender=letter.sender,
            subject=letter.subject,
            to=letter.to,
            tags=letter.tags,
            identity=identity,
            set=set_name,
            tenant=letter.tenant,
        )
    for address in whom(letter.to, kind, about):
        happened(call, found, address, kind, details_of(kind, about))
    found.put(call)


def happened(call: Call, found: Outgoing, address: str, kind: str, details: dict[str, Any]) -> None:
    found.events.append((address, call.now, kind, details))
    if kind in ("DELIVERY", "BOUNCE"):
        Reached(address.lower(), call.now, kind == "DELIVERY").put(call)
    if len(found.to) == 1:
        metric, isp = spelt(kind, details), isp_of(address)
        key = (int(call.now) // DAY, metric, found.identity, found.set, isp, found.tenant)
        volume = Volume.get(call, *key) or Volume(*key)
        volume.count += 1
        volume.put(call)
        if found.tenant:
            stand(call, found.tenant, key[0], metric)


def stand(call: Call, tenant: str, day: int, metric: str) -> None:
    standing = Standing.get(call, tenant, day)
    if standing is None:
        standing = Standing(tenant, day)
        for old in list(Standing.scan(call, tenant, before=(day - KEPT // DAY,))):
            old.delete(call)
    standing.counts[metric] = standing.counts.get(metric, 0) + 1
    standing.put(call)


def whom(to: list[str], kind: str, about: dict[str, Any]) -> list[str]:
    told: dict[str, Any] = next(iter(about.values()), {})
    if kind == "DELIVERY":
        return list(told["recipients"])
    member = {"BOUNCE": "bouncedRecipients", "COMPLAINT": "complainedRecipients"}.get(kind)
    return [one["emailAddress"] for one in told[member]] if member else to


def details_of(kind: str, about: dict[str, Any]) -> dict[str, Any]:
    if kind == "BOUNCE":
        told = about["bounce"]
        code = told["bouncedRecipients"][0].get("diagnosticCode")
        named = {"BounceType": told["bounceType"].upper(), "BounceSubType": told["bounceSubType"].upper()}
        return {"Bounce": named | {"DiagnosticCode": code}}
    if kind == "COMPLAINT":
        told = about["complaint"]
        return {"Complaint": {"ComplaintFeedbackType": told["complaintFeedbackType"]}}
    return {}


def engaged(call: Call, message_id: str, kind: str) -> None:
    """Somebody opened a letter, or followed a link: its first recipient, as far as anybody knows."""
    if (found := Outgoing.get(call, message_id)) and found.to:
        happened(call, found, found.to[0], kind, {})
        found.put(call)


def forget(call: Call) -> None:
    """Remove some of what is older than thirty days: more than a letter adds."""
    old: dict[str, Any] = {"index": "by_time", "before": (call.now - KEPT,), "limit": FORGOTTEN_AT_ONCE}
    for one in list(Outgoing.scan(call, **old)):
        one.delete(call)
    for volume in list(Volume.scan(call, before=(int(call.now - KEPT) // DAY,), limit=FORGOTTEN_AT_ONCE)):
        volume.delete(call)


def between(call: Call, start: float, end: float) -> list[Volume]:
    """The counts of the days from one instant to another, both days included."""
    return list(Volume.scan(call, since=(int(start) // DAY,), upto=(int(end) // DAY,)))
