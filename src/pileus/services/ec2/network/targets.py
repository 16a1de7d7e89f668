"""What routes lead to: how each kind of target is called, and whether packets get there.

Whoever knows a kind of target says so beside its record:

    @targets.way("igw", "GatewayId", needed=True)
    def attached(call: Call, vpc_id: str, target: str) -> bool: ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pileus.kernel import Call, Fault
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import kind_of

LOCAL = "local"

Reach = Callable[[Call, str, str], bool]


class Way(NamedTuple):
    """A kind of target."""

    member: str
    """The member that shows one."""
    reaches: Reach
    """Whether a packet from a VPC gets there now."""
    needed: bool
    """Whether a route to it can be made only where that is so."""
    shown: Callable[[Call, str], Members] | None


WAYS: dict[str, Way] = {}


def way(
    prefix: str, member: str, *, needed: bool = False, shown: Callable[[Call, str], Members] | None = None
) -> Callable[[Reach], Reach]:
    """Declare a kind of target by how its ids begin."""

    def declare(reaches: Reach) -> Reach:
        WAYS[prefix] = Way(member, reaches, needed, shown)
        return reaches

    return declare


def way_of(target: str) -> Way | None:
    return WAYS.get("core" if target.startswith("arn:") else target.rpartition("-")[0])


def check(call: Call, route_table_id: str, vpc_id: str, target: str) -> None:
    """Raise what EC2 says of what is not there, or cannot be reached from the VPC."""
    one, found = kind_of(target), way_of(target)
    if found is None or one is None:
        raise Fault("InvalidGatewayID.NotFound", f"The gateway ID '{target}' does not exist")
    record = one.record.get(call, target)
    if record is None:
        raise one.absent(target)
    elsewhere = getattr(record, "vpc_id", vpc_id) not in (vpc_id, "")
    if elsewhere or (found.needed and not found.reaches(call, vpc_id, target)):
        text = f"route table {route_table_id} and network gateway {target} belong to different networks"
        raise Fault("InvalidParameterValue", text)


def active(call: Call, vpc_id: str, target: str) -> bool:
    """Whether a route to this target is not a black hole."""
    if target == LOCAL:
        return True
    found, one = way_of(target), kind_of(target)
    if found is None or one is None or one.record.get(call, target) is None:
        return False
    return found.reaches(call, vpc_id, target)


def shown(call: Call, target: str) -> Members:
    """The members that show a target."""
    found = way_of(target)
    if target == LOCAL or found is None:
        return {"GatewayId": target}
    return found.shown(call, target) if found.shown else {found.member: target}
