"""Everything that the metadata service may tell of an instance, gathered from the records."""

from __future__ import annotations

from pileus.kernel import Call, arn, regions
from pileus.services.ec2.describing import Members
from pileus.services.ec2.instances import describing_instances, events, launch_templates, spot
from pileus.services.ec2.instances.instances import Instance
from pileus.services.ec2.network import interfaces
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.subnets import Subnet
from pileus.services.ec2.network.subnets import of_vpc as subnets_of
from pileus.services.ec2.network.vpcs import Vpc

from . import credentials, pushed_keys, subject
from .subject import Subject
from .tree import instant


def asking(call: Call, vpc_id: str, address: str) -> Instance | None:
    """The instance that has that address in a VPC."""
    for subnet in subnets_of(call, vpc_id):
        found = interfaces.at_address(call, subnet.subnet_id, address)
        if found and found.instance_id:
            return Instance.get(call.at(account=found.owner_id), found.instance_id)
    return None


def subject_of(call: Call, one: Instance) -> Subject:
    view = describing_instances.shown(call, one)
    role_arn = credentials.role_of(call, one.profile["Arn"]) if one.profile else ""
    own = [*interfaces.of_instance(call, one.instance_id)]
    return Subject(
        instance=view,
        account=call.account,
        region=call.region,
        partition=regions.partition_of(call.region),
        reservation_id=one.reservation_id,
        user_data=launch_templates.decoded_user_data(one.user_data) if one.user_data else b"",
        public_key=f"{one.public_key} {one.key_name}" if one.public_key else "",
        subnets=prefixes_of_subnets(call, own),
        vpcs=prefixes_of_vpcs(call, own),
        zone_id=view.get("Placement", {}).get("AvailabilityZoneId", ""),
        role=arn.parse(role_arn).resource.rpartition("/")[2] if role_arn else "",
        credentials=lambda: credentials.current(call, one.instance_id, role_arn),
        pushed_keys=pushed_keys.active(call, one.instance_id),
        interruption=interruption(one),
        rebalance=instant(one.interruption["time"] - spot.NOTICE) if one.interruption else "",
        scheduled=events.told_inside(call, one.instance_id),
    )


def interruption(one: Instance) -> Members:
    if not one.interruption:
        return {}
    return {"action": one.interruption["action"], "time": instant(one.interruption["time"])}


def prefixes_of_subnets(call: Call, own: list[NetworkInterface]) -> dict[str, subject.Subnet]:
    found = [Subnet.get(call, one.subnet_id) for one in own]
    return {one.subnet_id: by_version(one.ranges()) for one in found if one}


def prefixes_of_vpcs(call: Call, own: list[NetworkInterface]) -> dict[str, subject.Subnet]:
    found = [Vpc.get(call, one.vpc_id) for one in own]
    return {one.vpc_id: by_version(one.ranges()) for one in found if one}


def by_version(ranges: list[str]) -> subject.Subnet:
    return subject.Subnet([one for one in ranges if "." in one], [one for one in ranges if ":" in one])
