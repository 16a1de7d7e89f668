"""Event sources of partners: a partner makes one for a customer, who attaches a bus of its name to it."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Fault, Record

from . import events, faults
from .buses import Bus

PER_PAGE = 100
EXPIRES = 14 * 86_400.0
Members = dict[str, Any]


class Source(Record, kw_only=True):
    """A partner's source, as the customer has it."""

    name: str
    partner: str
    """The account that made it."""
    state: str
    created: float
    expires: float | None

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:events:{call.region}::event-source/{self.name}"

    @classmethod
    def named(cls, call: Call, name: str) -> Self:
        found = cls.get(call, name)
        if found is None:
            raise faults.missing("Event source", name)
        return found

    def described(self, call: Call) -> Members:
        return {
            "Arn": self.arn(call),
            "CreatedBy": "/".join(self.name.split("/")[:2]),
            "CreationTime": self.created,
            "ExpirationTime": self.expires,
            "Name": self.name,
            "State": self.state,
        }


class Given(Record, key=("name", "customer")):
    """A source, as the partner has it."""

    name: str
    customer: str


@events.operation
def create_partner_event_source(call: Call, name: str, account: str) -> Members:
    """Make a source for a customer, who has two weeks to attach a bus."""
    there = call.at(account=account)
    if Source.get(there, name):
        raise faults.exists("Event source", name)
    source = Source(name=name, partner=call.account, state="PENDING", created=call.now, expires=call.now + EXPIRES).put(
        there
    )
    Given(name, account).put(call)
    expire.later(there, name=name, created=call.now, delay=EXPIRES)
    return {"EventSourceArn": source.arn(call)}


@events.task
def expire(call: Call, name: str, created: float) -> None:
    source = Source.get(call, name)
    if source and source.state == "PENDING" and source.created == created:
        source.delete(call)


@events.operation
def delete_partner_event_source(call: Call, name: str, account: str) -> None:
    there = call.at(account=account)
    if (given := Given.get(call, name, account)) and (source := Source.get(there, name)):
        given.delete(call)
        source.delete(there)


@events.operation
def describe_partner_event_source(call: Call, name: str) -> Members:
    if Given.first(call, name) is None:
        raise faults.missing("Partner event source", name)
    return {"Arn": f"arn:{call.partition}:events:{call.region}::event-source/{name}", "Name": name}


@events.operation
def list_partner_event_sources(call: Call, name_prefix: str, next_token: str = "", limit: int = PER_PAGE) -> Members:
    page = Given.page(call, limit=limit, token=next_token, since=(name_prefix,), before=(name_prefix + "\U0010ffff",))
    listed = list(dict.fromkeys(one.name for one in page.items))
    sources = [{"Arn": f"arn:{call.partition}:events:{call.region}::event-source/{one}", "Name": one} for one in listed]
    return {"PartnerEventSources": sources, "NextToken": page.token}


@events.operation
def list_partner_event_source_accounts(
    call: Call, event_source_name: str, next_token: str = "", limit: int = PER_PAGE
) -> Members:
    page = Given.page(call, event_source_name, limit=limit, token=next_token)
    found = []
    for given in page.items:
        source = Source.get(call.at(account=given.customer), given.name)
        if source:
            told = {"Account": given.customer, "CreationTime": source.created, "State": source.state}
            found.append(told | {"ExpirationTime": source.expires})
    return {"PartnerEventSourceAccounts": found, "NextToken": page.token}


@events.operation
def put_partner_events(call: Call, entries: list[Members]) -> Members:
    """A partner's events go to the buses that customers have attached to its sources."""
    from . import publishing

    results = []
    for entry in entries:
        try:
            event = publishing.composed(call, entry)
        except publishing.Refused as refused:
            results.append({"ErrorCode": refused.code, "ErrorMessage": str(refused)})
            continue
        for given in Given.scan(call, entry["Source"]):
            there = call.at(account=given.customer)
            source, bus = Source.get(there, given.name), Bus.get(there, given.name)
            if source and bus and source.state == "ACTIVE":
                publishing.accept(there, bus, event | {"account": given.customer})
        results.append({"EventId": event["id"]})
    return publishing.answered(results)


# The customer's side


@events.operation(on=Source.named)
def describe_event_source(call: Call, source: Source) -> Members:
    return source.described(call)


@events.operation
def list_event_sources(call: Call, name_prefix: str = "", next_token: str = "", limit: int = PER_PAGE) -> Members:
    page = Source.page(call, limit=limit, token=next_token, since=(name_prefix,), before=(name_prefix + "\U0010ffff",))
    return {"EventSources": [one.described(call) for one in page.items], "NextToken": page.token}


@events.operation(on=Source.named)
def activate_event_source(call: Call, source: Source) -> None:
    if Bus.get(call, source.name) is None:
        raise Fault("InvalidStateException", f"Event source {source.name} has no event bus.")
    source.state, source.expires = "ACTIVE", None
    source.put(call)


@events.operation(on=Source.named)
def deactivate_event_source(call: Call, source: Source) -> None:
    source.state, source.expires = "PENDING", call.now + EXPIRES
    source.put(call)
    expire.later(call, name=source.name, created=source.created, delay=EXPIRES)


def activate(call: Call, bus: str, source_name: str) -> None:
    """A bus is made for a source; it has the source's name."""
    source = Source.named(call, source_name)
    if bus != source_name:
        raise faults.validation("Event bus name must match the name of the partner event source.")
    source.state, source.expires = "ACTIVE", None
    source.put(call)


def deactivated(call: Call, source_name: str) -> None:
    """Its bus is gone."""
    if source := Source.get(call, source_name):
        source.state, source.expires = "PENDING", call.now + EXPIRES
        source.put(call)
        expire.later(call, name=source.name, created=source.created, delay=EXPIRES)
