"""Dedicated hosts: whole servers of one family, and the instances that they have room for.

A host of a family has as many virtual processors as the family's largest size, which its instances share; one of a type
has a fixed number of places. Left out: Outposts, host resource groups, Mac hosts' scrubbing, and reservations of hosts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import homes
from pileus.services.ec2.describing import Members, check_alone, described
from pileus.services.ec2.faults import bad_value, combination, limit
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import sharing
from .types import InstanceType, instance_type, table, there

T3_VCPUS = 48
"""A host of T3 instances has less than its largest size would say: sizes are shares of it."""
MOST_OF_A_FAMILY = 20


@kind(
    "dedicated-host",
    "h",
    missing=("InvalidHostID.NotFound", "The specified host ID '{}' does not exist."),
    malformed="InvalidHostID.Malformed",
)
class Host(Record, arn="dedicated-host/{host_id}", cfn="AWS::EC2::Host"):
    """A server of an account's own."""

    host_id: str
    family: str
    only_type: str
    """The one type that it takes; empty for all of the family."""
    availability_zone: str
    allocated: float
    auto_placement: bool = True
    recovery: bool = False
    maintenance: bool = False
    state: str = "available"
    released: float = 0.0
    client_token: str = ""
    tags: dict[str, str] = {}

    @property
    def vcpus(self) -> int:
        return T3_VCPUS if self.family == "t3" else max(one.vcpus for one in of_family(self.family))


class OnHost(Record, key=("host_id", "instance_id")):
    """An instance that has its place on a host."""

    host_id: str
    instance_id: str
    instance_type: str
    vcpus: int
    owner: str = ""
    """The account of the instance."""


FILTERS = Filters(
    {
        "auto-placement": lambda host: "on" if host.auto_placement else "off",
        "availability-zone": "availability_zone",
        "client-token": "client_token",
        "host-reservation-id": lambda host: None,
        "instance-type": "only_type",
        "state": "state",
    }
)


def of_family(family: str) -> list[InstanceType]:
    return [one for one in table().all if one.family == family]


@ec2.operation
def allocate_hosts(
    call: Call,
    availability_zone: str = "",
    availability_zone_id: str = "",
    instance_type: str = "",
    instance_family: str = "",
    quantity: int = 1,
    auto_placement: str = "on",
    host_recovery: str = "off",
    host_maintenance: str = "on",
    client_token: str = "",
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Take hosts of a type or of a family."""
    if made := made_before(call, client_token):
        return {"HostIds": made.split(",")}
    tags = specified(tag_specifications, "dedicated-host")
    zone = zone_named(call, availability_zone, availability_zone_id)
    family = _family(call, instance_type, instance_family)
    if quantity < 1:
        raise bad_value("Quantity", quantity)
    there_already = sum(1 for host in Host.scan(call) if host.family == family and host.state == "available")
    if there_already + quantity > MOST_OF_A_FAMILY:
        raise limit("HostLimit", "You have reached the maximum number of Dedicated Hosts you can have.")
    made_hosts = [
        Host(
            new_id(Host),
            family,
            instance_type,
            zone,
            call.now,
            auto_placement == "on",
            host_recovery == "on",
            host_maintenance == "on",
            client_token=client_token,
            tags=tags,
        ).put(call)
        for _ in range(quantity)
    ]
    host_ids = [host.host_id for host in made_hosts]
    for host_id in host_ids:
        homes.settle(call, host_id)
    remember(call, client_token, ",".join(host_ids))
    return {"HostIds": host_ids}


def zone_named(call: Call, name: str, zone_id: str = "") -> str:
    """A zone of the Region by its name or id; raises what EC2 says of one that there is not."""
    for zone in zones(call.region):
        if (name and zone.name == name) or (not name and zone_id and zone.id == zone_id):
            return zone.name
    if not name and not zone_id:
        raise Fault("MissingParameter", "The request must contain the parameter AvailabilityZone")
    raise Fault("InvalidParameterValue", f"Invalid availability zone: [{name or zone_id}]")


def _family(call: Call, wanted: str, family: str) -> str:
    if bool(wanted) == bool(family):
        raise combination("You must specify either an instance type or an instance family, but not both.")
    if wanted:
        family = instance_type(call, wanted).family
    found = [one for one in there(call) if one.family == family]
    if not found:
        raise bad_value("InstanceFamily", family)
    if found[0].burstable and family not in ("t2", "t3"):
        raise Fault("UnsupportedHostConfiguration", f"Dedicated Hosts do not support the {family} instance family.")
    return family


@ec2.operation
def describe_hosts(
    call: Call,
    host_ids: list[str] = [],
    filter: list[dict[str, Any]] = [],  # noqa: A002  # noqa: A002
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Hosts, and what room they have; those that others share by their ids."""
    check_alone("hostIds", host_ids, max_results)
    if host_ids:
        test = FILTERS.test(filter)
        found = [sharing.usable(call, Host, what) for what in dict.fromkeys(host_ids)]
        return {"Hosts": [shown(home, host) for home, host in found if test(host)]}
    return described(call, Host, FILTERS, "Hosts", shown, host_ids, filter, max_results, next_token)


@ec2.operation
def modify_hosts(
    call: Call,
    host_ids: list[str],
    auto_placement: str = "",
    host_recovery: str = "",
    host_maintenance: str = "",
    instance_type: str = "",
    instance_family: str = "",
) -> Members:
    """Change hosts: of each that can be."""

    def change(host: Host) -> None:
        if instance_type or instance_family:
            if _family(call, instance_type, instance_family) != host.family:
                raise Fault("InvalidParameterValue", "A Dedicated Host can only take types of its own instance family.")
            if any(one.instance_type != instance_type for one in OnHost.scan(call, host.host_id)) and instance_type:
                raise Fault("Client.InvalidHost.Occupied", "The Dedicated Host has instances of other types.")
            host.only_type = instance_type
        host.auto_placement = auto_placement == "on" if auto_placement else host.auto_placement
        host.recovery = host_recovery == "on" if host_recovery else host.recovery
        host.maintenance = host_maintenance == "on" if host_maintenance else host.maintenance
        host.put(call)

    return _each(call, host_ids, change)


@ec2.operation
def release_hosts(call: Call, host_ids: list[str]) -> Members:
    """Give hosts back: of these, those that have no instances."""

    def release(host: Host) -> None:
        if OnHost.first(call, host.host_id):
            text = f"Dedicated host '{host.host_id}' cannot be released as it is occupied by one or more instances."
            raise Fault("Client.InvalidHost.Occupied", text)
        host.state, host.released = "released", call.now
        host.put(call)
        forget_host.later(call, host_id=host.host_id, delay=3600.0)

    return _each(call, host_ids, release)


@ec2.task
def forget_host(call: Call, host_id: str) -> None:
    """A released host is described no more."""
    homes.leave(call, host_id)
    if host := Host.get(call, host_id):
        host.delete(call)


def _each(call: Call, host_ids: list[str], do: Any) -> Members:
    done, failed = [], []
    for host_id in host_ids:
        try:
            host = named(call, Host, host_id)
            if host.state != "available":
                raise Fault("Client.InvalidHostID.NotFound", f"The specified host ID '{host_id}' does not exist.")
            do(host)
        except Fault as fault:
            failed.append({"ResourceId": host_id, "Error": {"Code": fault.code, "Message": fault.message}})
        else:
            done.append(host_id)
    return {"Successful": done, "Unsuccessful": failed}


def shown(call: Call, host: Host) -> Members:
    mates = [*OnHost.scan(call, host.host_id)]
    zone_id = next((zone.id for zone in zones(call.region) if zone.name == host.availability_zone), "")
    threads = of_family(host.family)[0].threads
    properties: Members = {
        "Cores": host.vcpus // threads,
        "Sockets": 1 if "g" in of_family(host.family)[0].letters or host.vcpus // threads <= 18 else 2,
        "TotalVCpus": host.vcpus,
        "InstanceFamily": host.family,
    }
    view: Members = {
        "HostId": host.host_id,
        "State": host.state,
        "AutoPlacement": "on" if host.auto_placement else "off",
        "AvailabilityZone": host.availability_zone,
        "AvailabilityZoneId": zone_id,
        "HostRecovery": "on" if host.recovery else "off",
        "HostMaintenance": "on" if host.maintenance else "off",
        "AllowsMultipleInstanceTypes": "off" if host.only_type else "on",
        "AllocationTime": host.allocated,
        "OwnerId": call.account,
        "MemberOfServiceLinkedResourceGroup": False,
        "HostProperties": properties,
        "Instances": [
            {"InstanceId": one.instance_id, "InstanceType": one.instance_type, "OwnerId": one.owner} for one in mates
        ],
        "AvailableCapacity": {
            "AvailableVCpus": free(call, host),
            "AvailableInstanceCapacity": [*_capacity(call, host)],
        },
        "Tags": shown_tags(host.tags),
    }
    if host.only_type:
        properties["InstanceType"] = host.only_type
    if host.client_token:
        view["ClientToken"] = host.client_token
    if host.released:
        view["ReleaseTime"] = host.released
    return view


def _capacity(call: Call, host: Host) -> Iterator[Members]:
    left = free(call, host)
    for one in of_family(host.family):
        if host.only_type in ("", one.name) and (not one.metal or host.only_type):
            count = {"AvailableCapacity": left // one.vcpus, "TotalCapacity": host.vcpus // one.vcpus}
            yield {"InstanceType": one.name} | count


def free(call: Call, host: Host) -> int:
    """Virtual processors that no instance has."""
    return host.vcpus - sum(one.vcpus for one in OnHost.scan(call, host.host_id))


# What launches and life ask


def put_on(call: Call, host_id: str, wanted: InstanceType, zone: str, instance_id: str) -> Host:
    """Give an instance its place, on that host or on one that takes what comes; raises where there is no room."""
    home = call
    if host_id:
        home, host = sharing.usable(call, Host, host_id)
        if host.availability_zone != zone:
            text = f"The specified host '{host_id}' is not in the Availability Zone of the subnet."
            raise Fault("InvalidParameterValue", text)
        if not _takes(host, wanted):
            text = f"The instance type '{wanted.name}' is not supported by the specified host '{host_id}'."
            raise Fault("UnsupportedHostConfiguration", text)
        candidates = [host]
    else:
        candidates = [
            host
            for host in Host.scan(call)
            if host.auto_placement and host.availability_zone == zone and _takes(host, wanted)
        ]
    for host in candidates:
        if free(home, host) >= wanted.vcpus and host.state == "available":
            OnHost(host.host_id, instance_id, wanted.name, wanted.vcpus, call.account).put(home)
            return host
    text = "There is not enough capacity on the Dedicated Host to launch or start the instance."
    raise Fault("InsufficientCapacityOnHost", text)


def _takes(host: Host, wanted: InstanceType) -> bool:
    return host.only_type == wanted.name if host.only_type else host.family == wanted.family


def take_off(call: Call, host_id: str, instance_id: str) -> None:
    home = sharing.where(call, host_id)
    if found := OnHost.get(home, host_id, instance_id):
        found.delete(home)
