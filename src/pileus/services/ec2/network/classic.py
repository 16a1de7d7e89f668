"""EC2-Classic, which AWS has retired: what is left of it answers as where there never was any."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.faults import unsupported

from .addresses import of_ip


def retired() -> Fault:
    """There is no ClassicLink anywhere."""
    return unsupported("The functionality you requested is not available in this region.")


@ec2.operation
def enable_vpc_classic_link(call: Call, vpc_id: str) -> Members:
    raise retired()


@ec2.operation
def disable_vpc_classic_link(call: Call, vpc_id: str) -> Members:
    raise retired()


@ec2.operation
def enable_vpc_classic_link_dns_support(call: Call, vpc_id: str = "") -> Members:
    raise retired()


@ec2.operation
def disable_vpc_classic_link_dns_support(call: Call, vpc_id: str = "") -> Members:
    raise retired()


@ec2.operation
def attach_classic_link_vpc(call: Call, instance_id: str, vpc_id: str, groups: list[str]) -> Members:
    raise retired()


@ec2.operation
def detach_classic_link_vpc(call: Call, instance_id: str, vpc_id: str) -> Members:
    raise retired()


@ec2.operation
def describe_vpc_classic_link(call: Call, vpc_ids: list[str] = [], filters: list[dict[str, Any]] = []) -> Members:
    raise retired()


@ec2.operation
def describe_vpc_classic_link_dns_support(
    call: Call, vpc_ids: list[str] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    raise retired()


@ec2.operation
def describe_classic_link_instances(
    call: Call,
    instance_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    raise retired()


# Addresses


@ec2.operation
def move_address_to_vpc(call: Call, public_ip: str) -> Members:
    """All addresses of the account are for VPCs already."""
    of_ip(call, public_ip)
    raise Fault("InvalidParameterValue", f"The address {public_ip} is not an EC2-Classic address.")


@ec2.operation
def restore_address_to_classic(call: Call, public_ip: str) -> Members:
    """None of them ever was for EC2-Classic."""
    of_ip(call, public_ip)
    text = f"The address {public_ip} was not moved from EC2-Classic and cannot be restored to it."
    raise Fault("InvalidParameterValue", text)


MOVING_FILTERS = Filters({"moving-status": "MoveStatus"}, tags=None)


@ec2.operation
def describe_moving_addresses(
    call: Call,
    public_ips: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The addresses that are on the move: none, for there is nowhere to move to."""
    for one in public_ips:
        of_ip(call, one)
    return selected(call, "MovingAddressStatuses", MOVING_FILTERS, [], filters, max_results, next_token)
