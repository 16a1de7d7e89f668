"""EC2 Capacity Manager: switched on and off, and what is a dimension of its data.

Its data begin when it is switched on, and end with it. Left out: data of an organization's other accounts.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.regions import regions, zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import bad_value, combination, limit

from . import states
from .capacity import CapacityReservation
from .capacity_samples import HOME, Manager, Sample, manager, note
from .instances import RUNNING, SHUTTING_DOWN, STOPPING, Instance
from .requirements import fitting
from .types import InstanceType, table, zones_of

MOST_KEYS = 50
MOST_ZONES, MOST_TYPES = 10, 50
ORDER = ("unsupported", "low", "medium", "high")


@ec2.operation
def enable_capacity_manager(call: Call, organizations_access: bool = False, client_token: str = "") -> Members:
    """Watch the account's capacity from now on."""
    found = manager(call)
    if found is None:
        found = Manager("capacity", call.now, call.region, organizations_access)
        found.put(call.at(region=HOME))
        for region in regions(call.partition):
            there = call.at(region=region)
            for reservation in [*CapacityReservation.scan(there)]:
                reservation.put(there)
            for one in [*Instance.scan(there)]:
                if one.state == RUNNING:
                    sampled(there, one, running=True)
    return status(call)


@ec2.operation
def disable_capacity_manager(call: Call, client_token: str = "") -> Members:
    """Watch no more; the data are deleted."""
    from .capacity_exports import DataExport

    if found := manager(call):
        for region in found.regions:
            there = call.at(region=region)
            for sample in [*Sample.scan(there)]:
                sample.delete(there)
        found.delete(call.at(region=HOME))
    for export in [*DataExport.scan(call)]:
        export.delete(call)
    return status(call)


def status(call: Call) -> Members:
    found = manager(call)
    told = {"CapacityManagerStatus": "enabled" if found else "disabled"}
    return told | {"OrganizationsAccess": bool(found and found.organization)}


def enabled(call: Call) -> Manager:
    if found := manager(call):
        return found
    raise Fault("CapacityManagerNotEnabled", "EC2 Capacity Manager is not enabled for the account.")


@ec2.operation
def update_capacity_manager_organizations_access(
    call: Call, organizations_access: bool, client_token: str = ""
) -> Members:
    found = enabled(call)
    found.organization = organizations_access
    found.put(call.at(region=HOME))
    return status(call)


@ec2.operation
def get_capacity_manager_attributes(call: Call) -> Members:
    from .capacity_exports import DataExport

    told = status(call)
    if found := manager(call):
        told |= {"IngestionStatus": "ingestion-complete", "DataExportCount": sum(1 for _ in DataExport.scan(call))}
        told |= {"EarliestDatapointTimestamp": found.since, "LatestDatapointTimestamp": call.now}
    return told


# Samples of instances


def sampled(call: Call, one: Instance, *, running: bool) -> None:
    market = "spot" if one.market == "spot" else "reserved" if one.capacity_reservation_id else "unreserved"
    about = {
        "instance_type": one.instance_type,
        "platform": one.image.get("PlatformDetails", "Linux/UNIX"),
        "availability_zone": one.availability_zone,
        "tenancy": one.placement.get("Tenancy", "default"),
        "Tags": one.tags,
    }
    note(call, Sample(one.instance_id, call.now, int(running), int(running), about, market))


@states.follows
def after(call: Call, one: Instance, state: str) -> None:
    if state in (RUNNING, STOPPING, SHUTTING_DOWN) and manager(call):
        sampled(call, one, running=state == RUNNING)


# Tags as dimensions


@ec2.operation
def update_capacity_manager_monitored_tag_keys(
    call: Call, activate_tag_keys: list[str] = [], deactivate_tag_keys: list[str] = [], client_token: str = ""
) -> Members:
    """Let tags of these keys be dimensions, or no longer."""
    found = enabled(call)
    if both := {*activate_tag_keys} & {*deactivate_tag_keys}:
        raise combination(f"The tag keys {', '.join(sorted(both))} are both activated and deactivated.")
    keys = {key: at for key, at in found.tag_keys.items() if key not in deactivate_tag_keys}
    keys |= {key: call.now for key in activate_tag_keys if key not in keys}
    if len(keys) > MOST_KEYS:
        raise limit("CapacityManagerTagKeyLimit", f"At most {MOST_KEYS} tag keys can be monitored.")
    found.tag_keys = keys
    found.put(call.at(region=HOME))
    return {"CapacityManagerTagKeys": _keys(found)}


def _keys(found: Manager) -> list[Members]:
    return [
        {"TagKey": key, "Status": "activated", "CapacityManagerProvided": False, "EarliestDatapointTimestamp": at}
        for key, at in found.tag_keys.items()
    ]


@ec2.operation
def get_capacity_manager_monitored_tag_keys(call: Call, max_results: int = 0, next_token: str = "") -> Members:
    return paged(call, "CapacityManagerTagKeys", _keys(enabled(call)), max_results, next_token)


# Scores


@ec2.operation
def get_capacity_manager_supportability_scores(
    call: Call,
    market_type: str,
    capacity_amount: int,
    capacity_unit: str,
    capacity_availability_zone_ids: list[str],
    instance_types: list[str] = [],
    instance_requirements_with_metadata: dict[str, Any] = {},
) -> Members:
    """Whether a request would find capacity: here, wherever the type is offered at all."""
    enabled(call)
    if bool(instance_types) == bool(instance_requirements_with_metadata):
        raise combination("Specify either InstanceTypes or InstanceRequirementsWithMetadata, but not both.")
    if capacity_amount < 1:
        raise bad_value("CapacityAmount", capacity_amount)
    ids = capacity_availability_zone_ids
    if len(ids) > MOST_ZONES or len(instance_types) > MOST_TYPES:
        raise combination(f"At most {MOST_ZONES} zones and {MOST_TYPES} instance types can be scored.")
    places = {zone.id: (region, zone.name) for region in regions(call.partition) for zone in zones(region)}
    if unknown := [what for what in ids if what not in places]:
        raise bad_value("CapacityAvailabilityZoneIds", ", ".join(unknown))
    wanted = instance_requirements_with_metadata
    scores = []
    for what in ids:
        there, zone = call.at(region=places[what][0]), places[what][1]
        names = instance_types or [
            one.name
            for one in fitting(there, wanted.get("InstanceRequirements", {}), wanted.get("ArchitectureTypes", ()))
        ]
        for name in names[:MOST_TYPES]:
            one = table().get(name)
            if one is None:
                raise bad_value("InstanceTypes", name)
            scores.append({"InstanceType": name, "AvailabilityZoneId": what, "Score": _score(there, one, zone)})
    best = max((ORDER.index(one["Score"]) for one in scores), default=0)
    return {"AggregateScore": ORDER[best], "CapacityManagerSupportabilityScores": scores}


def _score(call: Call, one: InstanceType, zone: str) -> str:
    return "high" if one.offered(call) and zone in zones_of(call, one) else "unsupported"
