"""Where instances are: their zone, placement group, dedicated host, and the capacity that is reserved for them."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, combination

from . import capacity_use, hosts, placement_groups
from .instances import STOPPED, Instance, alive, stopped
from .types import InstanceType, instance_type

TENANCIES = ("default", "dedicated", "host")


def placed(call: Call, one: Instance, kind: InstanceType, wanted: Members, tenancy: str) -> None:
    """Give a new instance the place that its launch wants."""
    tenancy = wanted.get("Tenancy") or tenancy
    if tenancy not in TENANCIES:
        raise bad_value("Tenancy", tenancy)
    if (wanted.get("HostId") or wanted.get("Affinity")) and tenancy != "host":
        raise combination("HostId and Affinity can only be specified with a tenancy of 'host'.")
    if kind.family.startswith("mac") and tenancy != "host":
        raise Fault("Unsupported", f"The instance type {kind.name} can only be launched on a Dedicated Host.")
    one.placement = {"Tenancy": tenancy}
    if wanted.get("GroupName") or wanted.get("GroupId"):
        if tenancy == "host":
            raise combination("Placement groups cannot be used with instances on Dedicated Hosts.")
        into_group(call, one, kind, wanted)
    elif wanted.get("PartitionNumber"):
        raise combination("PartitionNumber needs the name of a placement group.")
    if tenancy == "host":
        one.placement["Affinity"] = wanted.get("Affinity", "host" if wanted.get("HostId") else "default")
        host = hosts.put_on(call, wanted.get("HostId", ""), kind, one.availability_zone, one.instance_id)
        one.placement["HostId"] = host.host_id
    capacity_use.claim(call, one)


def into_group(call: Call, one: Instance, kind: InstanceType, wanted: Members) -> None:
    group = placement_groups.placement_group(call, wanted.get("GroupName", ""), wanted.get("GroupId", ""))
    if group.strategy == "cluster" and kind.burstable:
        text = f"Cluster placement groups are not supported by the '{kind.name}' instance type."
        raise Fault("InvalidParameterCombination", text)
    if group.strategy == "spread" and one.placement["Tenancy"] != "default":
        raise combination("Spread placement groups are not supported for Dedicated Instances or Dedicated Hosts.")
    number = placement_groups.place(
        call, group, one.instance_id, one.availability_zone, wanted.get("PartitionNumber", 0)
    )
    one.placement |= {"GroupName": group.group_name, "GroupId": group.group_id}
    if number:
        one.placement["PartitionNumber"] = number


def rests(call: Call, one: Instance) -> None:
    """An instance has stopped: others may have its place."""
    if group_id := one.placement.get("GroupId"):
        placement_groups.left(call, group_id, one.instance_id, for_good=False)
    if (host_id := one.placement.get("HostId")) and one.placement.get("Affinity") != "host":
        hosts.take_off(call, host_id, one.instance_id)
        del one.placement["HostId"]
    capacity_use.give_back(call, one)


def returns(call: Call, one: Instance) -> None:
    """An instance is started again, and wants a place."""
    kind = instance_type(call, one.instance_type)
    if group_id := one.placement.get("GroupId"):
        group = placement_groups.placement_group(call, group_id=group_id)
        number = one.placement.get("PartitionNumber", 0)
        placement_groups.place(call, group, one.instance_id, one.availability_zone, number)
    if one.placement.get("Tenancy") == "host" and one.placement.get("Affinity") != "host":
        host = hosts.put_on(call, "", kind, one.availability_zone, one.instance_id)
        one.placement["HostId"] = host.host_id
    capacity_use.claim(call, one)


def leaves(call: Call, one: Instance) -> None:
    """An instance has ended."""
    if group_id := one.placement.get("GroupId"):
        placement_groups.left(call, group_id, one.instance_id, for_good=True)
    if host_id := one.placement.get("HostId"):
        hosts.take_off(call, host_id, one.instance_id)
    capacity_use.give_back(call, one)


@ec2.operation
def modify_instance_placement(
    call: Call,
    instance_id: str,
    affinity: str = "",
    group_name: str | None = None,
    group_id: str = "",
    host_id: str = "",
    partition_number: int = 0,
    tenancy: str = "",
) -> Members:
    """Move a stopped instance to another group, host or tenancy."""
    one = alive(call, instance_id)
    stopped(one, "its placement")
    kind = instance_type(call, one.instance_type)
    if group_name is not None or group_id:
        if before := one.placement.get("GroupId"):
            placement_groups.left(call, before, instance_id, for_good=True)
        for member in ("GroupId", "GroupName", "PartitionNumber"):
            one.placement.pop(member, None)
        if group_name or group_id:
            wanted = {"GroupName": group_name or "", "GroupId": group_id, "PartitionNumber": partition_number}
            into_group(call, one, kind, wanted)
            placement_groups.left(call, one.placement["GroupId"], instance_id, for_good=False)
    _to_host(call, one, kind, {"Affinity": affinity, "HostId": host_id, "Tenancy": tenancy})
    one.put(call)
    return {"Return": True}


def _to_host(call: Call, one: Instance, kind: InstanceType, wanted: dict[str, Any]) -> None:
    before = one.placement.get("Tenancy", "default")
    tenancy = wanted["Tenancy"] or before
    if "default" in (tenancy, before) and tenancy != before:
        raise combination(f"The tenancy of an instance cannot be changed from '{before}' to '{tenancy}'.")
    if wanted["HostId"]:
        if tenancy != "host":
            raise combination("HostId can only be specified with a tenancy of 'host'.")
        if there := one.placement.get("HostId"):
            hosts.take_off(call, there, one.instance_id)
        host = hosts.put_on(call, wanted["HostId"], kind, one.availability_zone, one.instance_id)
        one.placement |= {"HostId": host.host_id, "Affinity": "host"}
    if wanted["Affinity"]:
        one.placement["Affinity"] = wanted["Affinity"]
    one.placement["Tenancy"] = tenancy
    assert one.state == STOPPED
