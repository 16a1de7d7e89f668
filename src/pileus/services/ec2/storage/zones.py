"""The zone that a request means, by its name or its id."""

from __future__ import annotations

from pileus.kernel import Call, Fault, regions
from pileus.services.ec2.faults import combination, missing


def zone_in(call: Call, name: str, zone: str = "") -> str:
    """The name of a zone of the Region, by its name or its id."""
    if not name and not zone:
        raise missing("AvailabilityZone", "AvailabilityZoneId")
    found = next((one for one in regions.zones(call.region) if one.name == name or one.id == zone), None)
    if found is None:
        raise Fault("InvalidZone.NotFound", f"The zone '{name or zone}' does not exist.")
    if name and zone and (found.name, found.id) != (name, zone):
        raise combination("The parameters AvailabilityZone and AvailabilityZoneId name different zones.")
    return found.name


def zone_id(name: str) -> str:
    """The id of a zone, by its name; empty for one that is no Availability Zone."""
    return next((one.id for one in regions.zones(name[:-1]) if one.name == name), "")
