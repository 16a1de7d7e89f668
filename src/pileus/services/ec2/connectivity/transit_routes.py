"""Routes of transit gateways: those that are set, those that attachments tell, and what a table makes of both.

The most specific route wins. Of two for the same block a set one comes before a learned one; of learned ones those of
VPCs come first, then Direct Connect's, Connect's and VPNs' ("How transit gateways work", "Route evaluation order").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network
from typing import Any, NamedTuple, TypeVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import combination, missing
from pileus.services.ec2.kinds import named

from . import neighbours, transit_nat
from .transit_announcements import incoming
from .transit_attachments import CONCENTRATOR, CONNECT, DIRECT, VPC, VPN, Attachment, reference, rewire
from .transit_tables import Propagation, TransitGatewayRouteTable, table
from .transit_tables import parts as table_parts

STATIC, PROPAGATED = "static", "propagated"
ACTIVE, BLACKHOLE = "active", "blackhole"

MOST_FOUND = 1000

ORDER = (VPC, DIRECT, CONNECT, VPN, CONCENTRATOR)


class TransitRoute(Record, key=("table", "destination")):
    """A route that somebody set: to an attachment, or to nowhere."""

    table: str
    destination: str
    attachment: str = ""
    """Empty where its packets are dropped."""


class PrefixListReference(Record, key=("table", "prefix_list_id")):
    """A route for all blocks of a prefix list."""

    table: str
    prefix_list_id: str
    attachment: str = ""


@table_parts.ends_with
def routes_gone(call: Call, one: TransitGatewayRouteTable) -> None:
    """A table's routes go with it."""
    TransitRoute.delete_all(call, one.transit_gateway_route_table_id)
    PrefixListReference.delete_all(call, one.transit_gateway_route_table_id)


class Effective(NamedTuple):
    """A route by which a table really routes."""

    destination: str
    attachments: tuple[Attachment, ...]
    type: str
    state: str
    prefix_list_id: str = ""


def effective(call: Call, table_id: str, *, own: bool = False) -> list[Effective]:
    """What a table routes by, in the order of blocks: for each block the route that counts.

    `own` is without what peers have announced.
    """
    routes: dict[str, Effective] = {}
    for one in TransitRoute.scan(call, table_id):
        routes[one.destination] = _set(call, one.destination, one.attachment)
    for listed in PrefixListReference.scan(call, table_id):
        for block in neighbours.prefix_list_blocks(call, listed.prefix_list_id):
            routes.setdefault(block, _set(call, block, listed.attachment, listed.prefix_list_id))
    for block, attachments in _learned(call, table_id, own).items():
        routes.setdefault(block, Effective(block, tuple(_best(attachments)), PROPAGATED, ACTIVE))
    return [routes[block] for block in sorted(routes, key=_by_block)]


def _set(call: Call, block: str, attachment: str, prefix_list_id: str = "") -> Effective:
    found = Attachment.get(call, attachment) if attachment else None
    usable = found is not None and found.usable
    state = ACTIVE if usable else BLACKHOLE
    return Effective(block, (found,) if found and usable else (), STATIC, state, prefix_list_id)


def _learned(call: Call, table_id: str, own: bool) -> dict[str, list[Attachment]]:
    """Attachments by the blocks that they tell a table."""
    found: dict[str, list[Attachment]] = {}
    for one in Propagation.scan(call, table_id):
        attachment = Attachment.get(call, one.attachment)
        if attachment and attachment.usable and not (own and one.announcement):
            blocks = _announced(call, one.announcement) if one.announcement else told(call, attachment)
            for block in blocks:
                found.setdefault(block, []).append(attachment)
    return found


def _announced(call: Call, announcement_id: str) -> list[str]:
    """The blocks that a peer announces."""
    if (told := incoming(call, announcement_id)) is None:
        return []
    announcement, there = told
    return [one.destination for one in effective(there, announcement.table, own=True) if one.attachments]


def _best(attachments: list[Attachment]) -> Iterator[Attachment]:
    """Those that come first; several VPNs share the traffic (ECMP)."""
    rank = {kind: number for number, kind in enumerate(ORDER)}
    first = min(attachments, key=lambda one: (rank.get(one.resource_type, len(rank)), one.since))
    if first.resource_type in (VPN, CONNECT):
        return (one for one in attachments if one.resource_type == first.resource_type)
    return iter([first])


R = TypeVar("R")
Teller = Callable[[Call, Attachment], Iterable[str]]

TELLERS: dict[str, Teller] = {}
"""What attachments of a kind tell, as those say it that make them."""


def tells(kind: str) -> Callable[[Teller], Teller]:
    """Declare what attachments of a kind tell the tables to which they propagate."""

    def declare(teller: Teller) -> Teller:
        TELLERS[kind] = teller
        return teller

    return declare


def told(call: Call, attachment: Attachment) -> Iterable[str]:
    """The blocks that an attachment tells the tables to which it propagates."""
    teller = TELLERS.get(attachment.resource_type)
    return teller(call, attachment) if teller else ()


@tells(VPC)
def of_vpc(call: Call, attachment: Attachment) -> list[str]:
    """A VPC's own blocks; those of IPv6 only where the attachment carries them."""
    blocks = neighbours.blocks(call.at(attachment.resource_owner), attachment.resource_id)
    six = attachment.options.get("Ipv6Support") == "enable"
    there = call.at(account=attachment.gateway_owner)
    hidden = transit_nat.told(there, attachment.transit_gateway_attachment_id)
    return [block for block in (*blocks, *hidden) if six or ":" not in block]


def _by_block(block: str) -> tuple[Any, ...]:
    network = ip_network(block)
    return network.version, int(network.network_address), network.prefixlen


def lookup(routes: Iterable[Effective], address: str) -> Effective | None:
    """The most specific of some routes for an address."""
    wanted = ip_network(address)
    fitting = [one for one in routes if _inside(wanted, ip_network(one.destination))]
    return max(fitting, key=lambda one: ip_network(one.destination).prefixlen, default=None)


def _inside(inner: Any, outer: Any) -> bool:
    return bool(inner.version == outer.version and inner.subnet_of(outer))


# Setting routes


@ec2.operation
def create_transit_gateway_route(
    call: Call,
    destination_cidr_block: str,
    transit_gateway_route_table_id: str,
    transit_gateway_attachment_id: str = "",
    blackhole: bool = False,
) -> Members:
    """Set a route to an attachment, or drop what goes to a block."""
    block = checked(destination_cidr_block)
    found = table(call, transit_gateway_route_table_id)
    if TransitRoute.get(call, transit_gateway_route_table_id, block):
        text = f"Route {block} already exists in {transit_gateway_route_table_id}."
        raise Fault("RouteAlreadyExists", text)
    return _put(call, found, block, transit_gateway_attachment_id, blackhole)


@ec2.operation
def replace_transit_gateway_route(
    call: Call,
    destination_cidr_block: str,
    transit_gateway_route_table_id: str,
    transit_gateway_attachment_id: str = "",
    blackhole: bool = False,
) -> Members:
    """Set another route in the place of the one for the same block."""
    block = checked(destination_cidr_block)
    found = table(call, transit_gateway_route_table_id)
    _route(call, transit_gateway_route_table_id, block)
    return _put(call, found, block, transit_gateway_attachment_id, blackhole)


def _put(call: Call, found: TransitGatewayRouteTable, block: str, attachment: str, blackhole: bool) -> Members:
    target(call, found, attachment, blackhole)
    table_id = found.transit_gateway_route_table_id
    TransitRoute(table=table_id, destination=block, attachment=attachment).put(call)
    rewire(call, found.transit_gateway_id)
    return {"Route": shown(_set(call, block, attachment))}


def target(call: Call, found: TransitGatewayRouteTable, attachment: str, blackhole: bool) -> None:
    """Raise unless a route's target is an attachment of the table's gateway, or nowhere."""
    if bool(attachment) == blackhole:
        if blackhole:
            raise combination("You cannot specify both a Transit Gateway Attachment ID and Blackhole.")
        raise missing("TransitGatewayAttachmentId")
    if blackhole:
        return
    one = named(call, Attachment, attachment)
    if one.transit_gateway_id != found.transit_gateway_id:
        raise Fault("InvalidParameterValue", f"{attachment} is not attached to {found.transit_gateway_id}.")
    if not one.usable:
        raise Fault("IncorrectState", f"{attachment} is in invalid state")


@ec2.operation
def delete_transit_gateway_route(
    call: Call, transit_gateway_route_table_id: str, destination_cidr_block: str
) -> Members:
    """Remove a route that was set."""
    found = table(call, transit_gateway_route_table_id)
    route = _route(call, transit_gateway_route_table_id, checked(destination_cidr_block))
    route.delete(call)
    rewire(call, found.transit_gateway_id)
    return {"Route": shown(_set(call, route.destination, route.attachment)) | {"State": "deleted"}}


def _route(call: Call, table_id: str, block: str) -> TransitRoute:
    if found := TransitRoute.get(call, table_id, block):
        return found
    raise Fault("InvalidRoute.NotFound", f"Route {block} does not exist in {table_id}.")


def checked(block: str) -> str:
    """A block of addresses in its canonical form."""
    try:
        return str(ip_network(block))
    except ValueError:
        text = f"Value ({block}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block."
        raise Fault("InvalidParameterValue", text) from None


# Searching them

FIELDS = {
    "attachment.transit-gateway-attachment-id": "TransitGatewayAttachments.TransitGatewayAttachmentId",
    "attachment.resource-id": "TransitGatewayAttachments.ResourceId",
    "attachment.resource-type": "TransitGatewayAttachments.ResourceType",
    "prefix-list-id": "PrefixListId",
    "state": "State",
    "type": "Type",
}
ROUTE_FILTERS = Filters(FIELDS, tags=None)


@ec2.operation
def search_transit_gateway_routes(
    call: Call,
    transit_gateway_route_table_id: str,
    filters: list[Members],
    max_results: int = MOST_FOUND,
    next_token: str = "",
) -> Members:
    """The routes by which a table routes, as far as they fit."""
    table(call, transit_gateway_route_table_id)
    if not filters:
        raise missing("Filters")
    found = searched(effective(call, transit_gateway_route_table_id), filters)
    page = paged(call, "Routes", found, max_results, next_token)
    return page | {"AdditionalRoutesAvailable": "NextToken" in page}


def searched(routes: list[Effective], filters: list[Members]) -> list[Members]:
    """The routes that fit filters, of which some compare blocks."""
    for one in filters:
        name, values = one.get("Name", ""), one.get("Values", [])
        if name.startswith("route-search."):
            routes = compared(routes, name, values, lambda route: route.destination)
    plain = [one for one in filters if not one.get("Name", "").startswith("route-search.")]
    return ROUTE_FILTERS.select([shown(route) for route in routes], plain)


def compared(routes: list[R], name: str, values: list[str], block_of: Callable[[R], str]) -> list[R]:
    """The routes whose blocks stand so to some others."""
    wanted = [ip_network(checked(value)) for value in values]
    blocks = [(one, ip_network(block_of(one))) for one in routes if block_of(one)]
    match name.removeprefix("route-search."):
        case "exact-match":
            return [one for one, block in blocks if block in wanted]
        case "longest-prefix-match":
            around = ([pair for pair in blocks if _inside(value, pair[1])] for value in wanted)
            best = [max(pairs, key=lambda pair: pair[1].prefixlen)[0] for pairs in around if pairs]
            return [one for one in routes if one in best]
        case "subnet-of-match":
            return [one for one, block in blocks if any(_inside(block, value) for value in wanted)]
        case "supernet-of-match":
            return [one for one, block in blocks if any(_inside(value, block) for value in wanted)]
    raise Fault("InvalidParameterValue", f"The filter '{name}' is invalid")


def shown(route: Effective) -> Members:
    return {
        "DestinationCidrBlock": route.destination,
        "PrefixListId": route.prefix_list_id or None,
        "TransitGatewayAttachments": [reference(one) for one in route.attachments] or None,
        "Type": route.type,
        "State": route.state,
    }
