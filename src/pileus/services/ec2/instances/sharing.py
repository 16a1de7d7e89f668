"""Hosts and reserved capacity that other accounts share by RAM: who knows the id can use what is shared with it."""

from __future__ import annotations

from typing import TypeVar

from pileus.kernel import Call, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import homes
from pileus.services.ec2.kinds import kind_of, named

R = TypeVar("R", bound=Record)

HOST, CAPACITY = "ec2:DedicatedHost", "ec2:CapacityReservation"


def usable(call: Call, record: type[R], what: str) -> tuple[Call, R]:
    """What an id names, of the account or shared with it, and a call that looks at where it is."""
    if found := record.get(call, what):
        return call, found
    there = homes.of(call, what)
    if there and there.region == call.region and (found := record.get(there, what)):
        shared = call.aws("ram").list_resources(resource_owner="OTHER-ACCOUNTS", resource_arns=[found.arn(there)])
        if shared["resources"]:
            return there, found
    return call, named(call, record, what)  # which raises


def where(call: Call, what: str) -> Call:
    """A call that looks at where something is that an instance already uses."""
    return homes.of(call, what) or call


@ec2.shareable(HOST)
def host_shareable(call: Call, arn: str) -> bool:
    """Whether an ARN is that of a host of the account."""
    return _there(call, arn, "dedicated-host")


@ec2.shareable(CAPACITY)
def capacity_shareable(call: Call, arn: str) -> bool:
    """Whether an ARN is that of a capacity reservation of the account."""
    return _there(call, arn, "capacity-reservation")


def _there(call: Call, arn: str, wanted: str) -> bool:
    kind, _, what = arn.rpartition(":")[2].partition("/")
    found = kind_of(what)
    return kind == wanted and found is not None and found.record.get(call, what) is not None
