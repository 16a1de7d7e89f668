"""Reservations: parts of a subnet's addresses that are not given away by themselves."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import cidrs
from .leases import Reservation
from .subnets import Subnet, life

FILTERS = Filters({"reservationType": "type", "reservation-type": "type", "subnet-id": "subnet_id", "cidr": "cidr"})


@ec2.operation
def create_subnet_cidr_reservation(
    call: Call,
    subnet_id: str,
    cidr: str,
    reservation_type: str,
    description: str = "",
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Keep a part of a subnet: for prefixes, or for addresses that are asked for explicitly."""
    subnet = named(call, Subnet, subnet_id)
    tags = specified(tag_specifications, "subnet-cidr-reservation")
    network = cidrs.ipv6(cidr, "cidr") if ":" in cidr else cidrs.ipv4(cidr, "cidr")
    if not cidrs.within(network, subnet.ranges()):
        raise Fault("InvalidSubnet.Range", f"The CIDR '{cidr}' is not within the subnet {subnet_id}.")
    if cidrs.overlaps(network, (one.cidr for one in of_subnet(call, subnet))):
        raise Fault("InvalidCidr.InUse", f"The CIDR '{cidr}' overlaps an existing reservation.")
    made = Reservation(
        new_id(Reservation), subnet_id, subnet.owner_id, str(network), reservation_type, description, tags
    )
    return {"SubnetCidrReservation": shown(made.put(call))}


def of_subnet(call: Call, subnet: Subnet) -> list[Reservation]:
    return [*Reservation.scan(call, subnet.subnet_id, index="of_subnet")]


@ec2.operation
def get_subnet_cidr_reservations(
    call: Call,
    subnet_id: str,
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The reservations of a subnet, those of IPv4 and those of IPv6 apart."""
    found = FILTERS.select(of_subnet(call, named(call, Subnet, subnet_id)), filters)
    page = paged(call, "Found", [shown(one) for one in found], max_results, next_token)
    told = page.pop("Found")
    six = [one for one in told if ":" in one["Cidr"]]
    four = [one for one in told if ":" not in one["Cidr"]]
    return page | {"SubnetIpv4CidrReservations": four, "SubnetIpv6CidrReservations": six}


def shown(one: Reservation) -> Members:
    return {
        "SubnetCidrReservationId": one.subnet_cidr_reservation_id,
        "SubnetId": one.subnet_id,
        "Cidr": one.cidr,
        "ReservationType": one.type,
        "OwnerId": one.owner_id,
        "Description": one.description or None,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def delete_subnet_cidr_reservation(call: Call, subnet_cidr_reservation_id: str) -> Members:
    """Keep a part of a subnet no more; addresses of it that somebody has stay his."""
    found = named(call, Reservation, subnet_cidr_reservation_id)
    found.delete(call)
    return {"DeletedSubnetCidrReservation": shown(found)}


@life.ends_with
def leave(call: Call, subnet: Subnet) -> None:
    for one in of_subnet(call, subnet):
        one.delete(call)
