"""Regions and their zones: Availability Zones, and Local and Wavelength Zones, which an account has to opt in to.

Availability Zones are those of `pileus.kernel.regions`; of the other zones AWS has some dozens, of which the ones of
`FURTHER` are here. Left out: Outposts' zones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, Record, regions
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value

AVAILABILITY, LOCAL, WAVELENGTH = "availability-zone", "local-zone", "wavelength-zone"

OPEN_BY_DEFAULT = {
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
    "us-east-2", "us-west-1", "us-west-2",
}  # fmt: skip
"""Regions that every account of the commercial partition has without asking (EC2 User Guide, "Regions")."""

FURTHER: dict[str, list[tuple[str, str, str]]] = {
    "us-east-1": [
        (LOCAL, "bos", "US East (Boston)"),
        (LOCAL, "mia", "US East (Miami)"),
        (LOCAL, "nyc", "US East (New York City)"),
        (LOCAL, "chi", "US East (Chicago)"),
        (WAVELENGTH, "bos", "US East (Verizon) - Boston"),
        (WAVELENGTH, "nyc", "US East (Verizon) - New York"),
        (WAVELENGTH, "was", "US East (Verizon) - Washington DC"),
    ],
    "us-west-2": [
        (LOCAL, "lax", "US West (Los Angeles)"),
        (LOCAL, "den", "US West (Denver)"),
        (LOCAL, "phx", "US West (Phoenix)"),
        (WAVELENGTH, "den", "US West (Verizon) - Denver"),
        (WAVELENGTH, "las", "US West (Verizon) - Las Vegas"),
    ],
    "eu-central-1": [(LOCAL, "ham", "EU Central (Hamburg)"), (WAVELENGTH, "ber", "EU Central (Vodafone) - Berlin")],
    "ap-northeast-1": [(LOCAL, "tpe", "Asia Pacific (Taipei)"), (WAVELENGTH, "nrt", "AP Northeast (KDDI) - Tokyo")],
}
"""Where there are zones beside the Availability Zones."""


class Zone(NamedTuple):
    """A zone of a Region."""

    name: str
    id: str
    type: str = AVAILABILITY
    group: str = ""
    group_long_name: str = ""
    border_group: str = ""
    parent: str = ""
    parent_id: str = ""


class OptIn(Record):
    """A group of zones to which an account has opted in."""

    group_name: str


ZONE_FILTERS = Filters(
    {
        "group-long-name": "GroupLongName",
        "group-name": "GroupName",
        "message": "Messages.Message",
        "network-border-group": "NetworkBorderGroup",
        "opt-in-status": "OptInStatus",
        "parent-zone-id": "ParentZoneId",
        "parent-zone-name": "ParentZoneName",
        "parentZoneID": "ParentZoneId",
        "parentZoneName": "ParentZoneName",
        "region-name": "RegionName",
        "state": "State",
        "zone-id": "ZoneId",
        "zone-name": "ZoneName",
        "zone-type": "ZoneType",
    },
    tags=None,
)

REGION_FILTERS = Filters(
    {"endpoint": "Endpoint", "opt-in-status": "OptInStatus", "region-name": "RegionName"}, tags=None
)


def availability_zones(call: Call) -> list[Zone]:
    region = call.region
    return [
        Zone(zone.name, zone.id, group=f"{region}-zg-1", border_group=region, group_long_name=f"{region} 1")
        for zone in regions.zones(region)
    ]


def further_zones(call: Call) -> list[Zone]:
    """The Local and Wavelength Zones of the Region, opted in to or not."""
    region, parent = call.region, regions.zones(call.region)[0]
    place = parent.id.partition("-")[0]
    found = []
    for kind, city, long_name in FURTHER.get(region, []):
        if kind == LOCAL:
            group = border = f"{region}-{city}-1"
            name, zone_id = f"{group}a", f"{place}-{city}1-az1"
        else:
            group = f"{region}-wl1"
            name = border = f"{group}-{city}-wlz-1"
            zone_id = f"{place}-wl1-{city}-wlz1"
        found.append(Zone(name, zone_id, kind, group, long_name, border, parent.name, parent.id))
    return found


def zone(call: Call, name: str = "", zone_id: str = "") -> Zone:
    """The zone that a request means: by its name or id, or any; one that needs an opt-in has to have it."""
    usable = [*availability_zones(call), *(one for one in further_zones(call) if OptIn.get(call, one.group))]
    if not name and not zone_id:
        return usable[0]
    for one in usable:
        if one.name == name or one.id == zone_id:
            return one
    text = ", ".join(one.name for one in usable if one.type == AVAILABILITY)
    what, parameter = (name, "availabilityZone") if name else (zone_id, "availabilityZoneId")
    reason = f"Subnets can currently only be created in the following availability zones: {text}."
    raise bad_value(parameter, what, reason)


@ec2.operation
def describe_availability_zones(
    call: Call,
    zone_names: list[str] = [],
    zone_ids: list[str] = [],
    all_availability_zones: bool = False,
    filters: list[dict[str, Any]] = [],
) -> Members:
    """The zones of the Region that the account may use; all that there are with `all_availability_zones`."""
    every = [*availability_zones(call), *further_zones(call)]
    for member, given, names in (
        ("ZoneName", zone_names, {one.name for one in every}),
        ("ZoneId", zone_ids, {one.id for one in every}),
    ):
        if absent := [what for what in given if what not in names]:
            text = f"Invalid availability zone{'-id' if member == 'ZoneId' else ''}: [{', '.join(absent)}]"
            raise Fault("InvalidParameterValue", text)
    wanted = [
        one for one in every if (not zone_names or one.name in zone_names) and (not zone_ids or one.id in zone_ids)
    ]
    zones = [shown(call, one) for one in wanted]
    if not (all_availability_zones or zone_names or zone_ids):
        zones = [one for one in zones if one["OptInStatus"] != "not-opted-in"]
    return {"AvailabilityZones": ZONE_FILTERS.select(zones, filters)}


def shown(call: Call, one: Zone) -> Members:
    further = {"ParentZoneName": one.parent, "ParentZoneId": one.parent_id} if one.parent else {}
    return {
        "RegionName": call.region,
        "ZoneName": one.name,
        "ZoneId": one.id,
        "ZoneType": one.type,
        "GroupName": one.group,
        "GroupLongName": one.group_long_name,
        "NetworkBorderGroup": one.border_group,
        "OptInStatus": status(call, one),
        "State": "available",
        "Messages": [],
    } | further


def status(call: Call, one: Zone) -> str:
    if one.type == AVAILABILITY:
        return "opt-in-not-required"
    return "opted-in" if OptIn.get(call, one.group) else "not-opted-in"


@ec2.operation
def modify_availability_zone_group(call: Call, group_name: str, opt_in_status: str) -> Members:
    """Opt in to a group of Local or Wavelength Zones. There is no way back but by AWS's support."""
    if group_name not in {one.group for one in further_zones(call)}:
        raise bad_value("GroupName", group_name, "The group does not exist or needs no opt-in.")
    if opt_in_status != "opted-in":
        text = "Opting out of Local Zones and Wavelength Zones is not currently supported."
        raise Fault("InvalidParameterValue", text)
    OptIn(group_name=group_name).put(call)
    return {"Return": True}


@ec2.operation
def describe_regions(
    call: Call,
    region_names: list[str] = [],
    all_regions: bool = False,
    filters: list[dict[str, Any]] = [],
) -> Members:
    """The Regions of the partition that the account may use, or all.

    Regions that have to be enabled are shown as not enabled, although requests to them are answered.
    """
    known = regions.regions(call.partition)
    if absent := [name for name in region_names if name not in known]:
        raise bad_value("region-names", ", ".join(absent), "Invalid region")
    shown = [shown_region(name) for name in known if not region_names or name in region_names]
    if not (all_regions or region_names):
        shown = [one for one in shown if one["OptInStatus"] != "not-opted-in"]
    return {"Regions": REGION_FILTERS.select(shown, filters)}


def shown_region(name: str) -> Members:
    home = regions.partition(name)
    closed = home.id == regions.DEFAULT_PARTITION and name not in OPEN_BY_DEFAULT
    return {
        "RegionName": name,
        "Endpoint": f"ec2.{name}.{home.dns_suffix}",
        "OptInStatus": "not-opted-in" if closed else "opt-in-not-required",
    }
