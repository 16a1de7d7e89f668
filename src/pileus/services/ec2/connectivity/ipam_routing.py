"""Routing policy registrations of IPAM: which autonomous systems may tell the internet of which addresses; and how what
is told of stands to that.

A registration is published, as authorizations of origins (RFC 9582), a moment after it is made. Deltas are written as
{"create": [{"cidr": …, "asns": […], "maxLength": …}], "update": […], "delete": […]}: AWS's documents do not say how.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.names import uuid4
from pileus.kernel.resource import Row
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged, selected
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.kinds import named
from pileus.services.ec2.network.byoip import ADVERTISED, AMAZON_ASN, ByoipCidr
from pileus.services.ec2.tokens import made_before, remember

from .ipam_discoveries import Discovery
from .ipam_registries import InternetRegistryAssociation, brought, enabled, registrations
from .ipam_space import inside
from .ipams import Ipam

BRIEFLY = 1.0
ON = InternetRegistryAssociation.of


class Registration(Record, key=("association", "cidr"), table="ec2.IpamRoutingPolicyRegistration"):
    """Who may tell of a block."""

    association: str
    cidr: str
    asns: list[str]
    more_specific: bool
    max_length: int
    description: str
    delta: str
    at: float
    state: str = "create"


class Delta(Record, key=("association", "at", "delta_id"), table="ec2.IpamRoutingPolicyDelta"):
    """What was changed at once."""

    association: str
    at: float
    delta_id: str
    json: str


@registrations.holds
def holds(call: Call, row: Row) -> bool:
    return Registration.first(call, row["IpamInternetRegistryAssociationId"]) is not None


# Changing


@ec2.operation
def create_ipam_routing_policy_registration(
    call: Call,
    ipam_internet_registry_association_id: str,
    cidr: str,
    asns: list[str],
    permit_more_specific_announcements: bool = False,
    max_length: int | None = None,
    description: str = "",
    force: bool = False,
    client_token: str = "",
) -> Members:
    """Let autonomous systems tell of a block."""
    told = _told(cidr, asns, permit_more_specific_announcements, max_length, description)
    return _change(call, ipam_internet_registry_association_id, {"create": [told]}, force, client_token)


@ec2.operation
def modify_ipam_routing_policy_registration(
    call: Call,
    ipam_internet_registry_association_id: str,
    cidr: str,
    asns: list[str],
    permit_more_specific_announcements: bool = False,
    max_length: int | None = None,
    description: str = "",
    force: bool = False,
    client_token: str = "",
) -> Members:
    """Let others do so."""
    told = _told(cidr, asns, permit_more_specific_announcements, max_length, description)
    return _change(call, ipam_internet_registry_association_id, {"update": [told]}, force, client_token)


@ec2.operation
def delete_ipam_routing_policy_registration(
    call: Call, ipam_internet_registry_association_id: str, cidr: str, force: bool = False, client_token: str = ""
) -> Members:
    """Take a registration back."""
    return _change(call, ipam_internet_registry_association_id, {"delete": [{"cidr": cidr}]}, force, client_token)


@ec2.operation
def batch_modify_ipam_routing_policy_registrations(
    call: Call, ipam_internet_registry_association_id: str, delta_json: str, force: bool = False, client_token: str = ""
) -> Members:
    """Make several changes at once, or none of them."""
    try:
        told = json.loads(delta_json)
        known = all(name in ("create", "update", "delete") for name in told)
        known = known and all("cidr" in one for changes in told.values() for one in changes)
    except (ValueError, TypeError, AttributeError):
        known = False
    if not known:
        raise bad_value("DeltaJson", delta_json)
    return _change(call, ipam_internet_registry_association_id, told, force, client_token)


def _told(cidr: str, asns: list[str], more: bool, longest: int | None, description: str) -> dict[str, Any]:
    told: dict[str, Any] = {"cidr": cidr, "asns": asns, "permitMoreSpecificAnnouncements": more}
    given = {"maxLength": longest, "description": description or None}
    return told | {name: value for name, value in given.items() if value is not None}


def _change(call: Call, association: str, told: dict[str, Any], force: bool, client_token: str) -> Members:
    if before := made_before(call, client_token):
        return {"IpamRoutingPolicyRegistrationDelta": shown(call, _delta(call, association, before))}
    row = enabled(call, association)
    made = Delta(association, call.now, f"delta-{uuid4()}", json.dumps(told)).put(call)
    for way in ("create", "update"):
        for one in told.get(way, ()):
            _register(call, row, made, way, one)
    for one in told.get("delete", ()):
        _registration(call, association, one["cidr"]).delete(call)
    if not force:
        _check_announced(call, row, [one["cidr"] for changes in told.values() for one in changes])
    remember(call, client_token, made.delta_id)
    return {"IpamRoutingPolicyRegistrationDelta": shown(call, made)}


def _register(call: Call, row: Row, delta: Delta, way: str, told: dict[str, Any]) -> None:
    association, cidr = delta.association, told["cidr"]
    try:
        network = ip_network(cidr)
    except ValueError:
        raise bad_value("Cidr", cidr) from None
    length = told.get("maxLength") or network.prefixlen
    more = bool(told.get("permitMoreSpecificAnnouncements"))
    if not network.prefixlen <= length <= network.max_prefixlen or (length > network.prefixlen and not more):
        raise bad_value("MaxLength", length)
    if not told.get("asns"):
        raise bad_value("Asns", told.get("asns"))
    there = Registration.get(call, association, cidr)
    if there and way == "create":
        raise Fault("InvalidParameterValue", f"A routing policy registration of {cidr} already exists.")
    if way == "update":
        _registration(call, association, cidr)
    description = told.get("description", there.description if there else "")
    Registration(association, cidr, told["asns"], more, length, description, delta.delta_id, call.now, way).put(call)


def _registration(call: Call, association: str, cidr: str) -> Registration:
    if found := Registration.get(call, association, cidr):
        return found
    raise Fault("InvalidParameterValue", f"There is no routing policy registration of {cidr}.")


def _check_announced(call: Call, row: Row, changed: list[str]) -> None:
    """Raise where what is told of a block now would no longer be believed."""
    roas = [*authorizations(call, row["IpamInternetRegistryAssociationId"])]
    for _, one in brought(call, row["IpamId"]):
        touched = any(inside(ip_network(one.cidr), ip_network(cidr)) for cidr in changed)
        if touched and one.state == ADVERTISED and validity(one, roas)[0] == "invalid":
            text = f"The change conflicts with the announced route {one.cidr} of AS{one.asn}. Use Force to make it."
            raise Fault("InvalidParameterValue", text)


# What is there


@ec2.operation(on=ON("GetIpamRoutingPolicyRegistrations"))
def get_ipam_routing_policy_registrations(
    call: Call, row: Row, cidr: str = "", max_results: int = 0, next_token: str = ""
) -> Members:
    """The registrations of an association."""
    prefix = (row["IpamInternetRegistryAssociationId"], *([cidr] if cidr else []))
    found = [
        {
            "Cidr": one.cidr,
            "Asns": one.asns,
            "PermitMoreSpecificAnnouncements": one.more_specific,
            "MaxLength": one.max_length,
            "Description": one.description or None,
            "LatestDeltaId": one.delta,
            "State": f"{one.state}-{'complete' if one.at + BRIEFLY <= call.now else 'in-progress'}",
        }
        for one in Registration.scan(call, *prefix)
    ]
    return paged(call, "IpamRoutingPolicyRegistrations", found, max_results, next_token)


@ec2.operation(on=ON("GetIpamRoutingPolicyRegistrationDeltas"))
def get_ipam_routing_policy_registration_deltas(
    call: Call,
    row: Row,
    delta_id: str = "",
    start_time: float = 0.0,
    end_time: float | None = None,
    chronological_order: str = "forward",
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What was changed, and when."""
    until = call.now if end_time is None else end_time
    backwards = chronological_order == "reverse"
    deltas = Delta.scan(
        call, row["IpamInternetRegistryAssociationId"], since=(start_time,), upto=(until,), reverse=backwards
    )
    found = [shown(call, one) for one in deltas if delta_id in ("", one.delta_id)]
    return paged(call, "IpamRoutingPolicyRegistrationDeltas", found, max_results, next_token)


def _delta(call: Call, association: str, delta_id: str) -> Delta:
    return next(one for one in Delta.scan(call, association) if one.delta_id == delta_id)


def shown(call: Call, one: Delta) -> Members:
    state = "published" if one.at + BRIEFLY <= call.now else "pending"
    return {"DeltaId": one.delta_id, "DeltaJson": one.json, "State": state}


def authorizations(call: Call, association: str) -> Iterator[Members]:
    """What is published."""
    for one in Registration.scan(call, association):
        for asn in one.asns:
            yield {"Cidr": one.cidr, "Asn": asn, "MaxLength": one.max_length}


@ec2.operation(on=ON("GetIpamRouteOriginAuthorizations"))
def get_ipam_route_origin_authorizations(
    call: Call, row: Row, cidr: str = "", max_results: int = 0, next_token: str = ""
) -> Members:
    """What is published of an association."""
    found = [one for one in authorizations(call, row["IpamInternetRegistryAssociationId"]) if cidr in ("", one["Cidr"])]
    return paged(call, "IpamRouteOriginAuthorizations", found, max_results, next_token)


# What is told of


def validity(one: ByoipCidr, roas: list[Members]) -> tuple[str, list[Members]]:
    """Whether the route of a range is believed (RFC 6811), and the authorizations that cover it."""
    block = ip_network(one.cidr)
    covering = [roa for roa in roas if inside(block, ip_network(roa["Cidr"]))]
    asn = one.asn or AMAZON_ASN
    told = [
        {
            "Asn": roa["Asn"],
            "Prefix": roa["Cidr"],
            "MaxLength": roa["MaxLength"],
            "Match": roa["Asn"] == asn and block.prefixlen <= roa["MaxLength"],
        }
        for roa in covering
    ]
    return ("valid" if any(roa["Match"] for roa in told) else "invalid" if told else "unknown"), told


FINDING_FILTERS = Filters(
    {
        "asn": "Asn",
        "cidr": "Cidr",
        "resource-region": "ResourceRegion",
        "rpki-status": "RpkiStatus",
        "state": "State",
    },
    tags=None,
)


@ec2.operation
def get_ipam_route_protection_findings(
    call: Call, ipam_id: str, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """Whether the internet believes what is told of the ranges that the account has brought."""
    named(call, Ipam, ipam_id)
    associations = [row for row in InternetRegistryAssociation.family.row.scan(call) if row["IpamId"] == ipam_id]
    roas = [roa for row in associations for roa in authorizations(call, row["IpamInternetRegistryAssociationId"])]
    found = []
    for region, one in brought(call, ipam_id):
        status, covering = validity(one, roas)
        strict = all(roa["MaxLength"] == ip_network(roa["Prefix"]).prefixlen for roa in covering)
        found.append(
            route(call, region, one)
            | {
                "RpkiStatus": status,
                "RpkiStrength": ("strict" if strict else "permissive") if covering else None,
                "Roas": covering,
                "RouteOverlaps": [],
                "RoaSampleTime": call.now,
            }
        )
    page = selected(call, "RouteProtectionFindings", FINDING_FILTERS, found, filters, max_results, next_token)
    return page | {"IpamId": ipam_id}


def route(call: Call, region: str, one: ByoipCidr) -> Members:
    return {
        "ResourceOwnerId": call.account,
        "ResourceRegion": region,
        "Cidr": one.cidr,
        "Asn": one.asn or AMAZON_ASN,
        "State": one.state,
        "AdvertisementType": "regional",
        "NetworkBorderGroup": one.network_border_group,
        "PoolId": one.pool_id or None,
        "IpamPoolId": one.ipam_pool_id or None,
        "SampleTime": call.now,
    }


ROUTE_FILTERS = Filters({"asn": "Asn", "cidr": "Cidr", "state": "State"}, tags=None)


@ec2.operation
def get_ipam_discovered_routes(
    call: Call,
    ipam_resource_discovery_id: str,
    resource_region: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The ranges of which the internet is told in a Region."""
    discovery = named(call, Discovery, ipam_resource_discovery_id)
    there = ByoipCidr.scan(call.at(region=resource_region)) if resource_region in discovery.regions else ()
    found = [
        route(call, resource_region, one) | {"IpamResourceDiscoveryId": ipam_resource_discovery_id}
        for one in there
        if one.state == ADVERTISED
    ]
    return selected(call, "IpamDiscoveredRoutes", ROUTE_FILTERS, found, filters, max_results, next_token)
