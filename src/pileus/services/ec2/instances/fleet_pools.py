"""Pools: what a fleet can launch, each of one type in one place, and which of them it takes first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault
from pileus.kernel.regions import zones
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import named
from pileus.services.ec2.network.subnets import Subnet, default_subnet

from . import launch_templates, prices
from .requirements import fitting
from .specification import DEFAULT_TYPE, over
from .types import InstanceType, table

MOST_TYPES = 20
"""Of types that fit requirements so many, the cheapest ones, are pools."""
LAST = 1e9

OVERRIDDEN = (
    "InstanceType",
    "SubnetId",
    "ImageId",
    "BlockDeviceMappings",
    "KeyName",
    "IamInstanceProfile",
    "MetadataOptions",
)
"""Members of an override that are RunInstances' own."""


class Pool(NamedTuple):
    """Something that can be launched."""

    wanted: Members
    kind: InstanceType
    zone: str
    weight: float
    priority: float
    max_price: str
    shown: Members
    """The template and the override, as answers show them."""

    def spot_price(self, call: Call) -> float:
        return prices.price(self.kind, self.zone, call.now).dollars

    def on_demand_price(self, call: Call) -> float:
        return prices.on_demand(self.kind, call.region)


def of_templates(call: Call, configs: list[Members], unit: str) -> list[Pool]:
    """The pools of launch templates and their overrides."""
    pools = []
    for config in configs:
        specification = config.get("LaunchTemplateSpecification", {})
        template, version = launch_templates.data_of(call, specification)
        named_so = {
            "LaunchTemplateId": template.launch_template_id,
            "LaunchTemplateName": template.launch_template_name,
            "Version": str(version.number),
        }
        origin = {"id": template.launch_template_id, "version": version.number}
        for override in config.get("Overrides") or [{}]:
            for request in _requests(call, version.data, override):
                data = {name: value for name, value in version.data.items() if name != "InstanceRequirements"}
                wanted = over(data, request) | {"Template": origin}
                shown = {"LaunchTemplateSpecification": named_so, "Overrides": _override(override, wanted)}
                pools.append(_pool(call, wanted, override, unit, shown))
    return pools


def of_specifications(call: Call, specifications: list[Members], unit: str) -> list[Pool]:
    """The pools of the launch specifications of a spot fleet."""
    pools = []
    for given in specifications:
        groups = [group["GroupId"] for group in given.get("SecurityGroups", ()) if "GroupId" in group]
        base = {name: value for name, value in given.items() if name not in NOT_LAUNCHED}
        base |= {"SecurityGroupIds": groups} if groups and not given.get("NetworkInterfaces") else {}
        for subnet_id in str(given.get("SubnetId", "")).split(","):
            wanted = base | ({"SubnetId": subnet_id.strip()} if subnet_id.strip() else {})
            names = _types(call, given, {})
            pools += [_pool(call, wanted | {"InstanceType": name}, given, unit, {}) for name in names]
    return pools


NOT_LAUNCHED = ("SecurityGroups", "SpotPrice", "WeightedCapacity", "SubnetId", "InstanceRequirements", "AddressingType")


def _requests(call: Call, data: Members, override: Members) -> Iterator[Members]:
    """What an override asks for, with each of its types and subnets."""
    base = {name: override[name] for name in OVERRIDDEN if name in override}
    place = dict(override.get("Placement", {}))
    for member in ("AvailabilityZone", "AvailabilityZoneId"):
        if override.get(member):
            place[member] = override[member]
    if place:
        base["Placement"] = place
    for name in _types(call, override, data):
        for subnet_id in str(override.get("SubnetId", "")).split(","):
            yield base | {"InstanceType": name} | ({"SubnetId": subnet_id.strip()} if subnet_id.strip() else {})


def _types(call: Call, override: Members, data: Members) -> list[str]:
    if override.get("InstanceType"):
        return [override["InstanceType"]]
    if wanted := override.get("InstanceRequirements") or data.get("InstanceRequirements"):
        found = fitting(call, wanted, ["x86_64"])[:MOST_TYPES]
        if not found:
            raise Fault("InvalidFleetConfiguration", "No instance types match the instance requirements.")
        return [one.name for one in found]
    return [data.get("InstanceType", DEFAULT_TYPE)]


def _override(override: Members, wanted: Members) -> Members:
    shown = {name: value for name, value in override.items() if name in SHOWN}
    return shown | {"InstanceType": wanted["InstanceType"]}


SHOWN = ("MaxPrice", "SubnetId", "AvailabilityZone", "WeightedCapacity", "Priority", "Placement", "ImageId")


def _pool(call: Call, wanted: Members, given: Members, unit: str, shown: Members) -> Pool:
    kind = table().get(wanted["InstanceType"])
    if kind is None:
        raise Fault("InvalidFleetConfiguration", f"The instance type '{wanted['InstanceType']}' is invalid.")
    weight = {"vcpu": kind.vcpus, "memory-mib": kind.mib}.get(unit) or given.get("WeightedCapacity") or 1.0
    max_price = given.get("MaxPrice") or given.get("SpotPrice") or ""
    return Pool(wanted, kind, _zone(call, wanted), float(weight), given.get("Priority", LAST), max_price, shown)


def _zone(call: Call, wanted: Members) -> str:
    interfaces: list[dict[str, Any]] = wanted.get("NetworkInterfaces") or [{}]
    if subnet_id := wanted.get("SubnetId") or interfaces[0].get("SubnetId"):
        return named(call, Subnet, subnet_id).availability_zone
    place = wanted.get("Placement", {})
    if place.get("AvailabilityZone"):
        return str(place["AvailabilityZone"])
    found = default_subnet(call)
    return found.availability_zone if found else zones(call.region)[0].name


# Which first


def ordered(call: Call, pools: list[Pool], market: str, strategy: str) -> list[Pool]:
    """The pools as a strategy prefers them."""
    if "rioritized" in strategy:
        return sorted(pools, key=lambda pool: pool.priority)
    if market == "spot":
        return sorted(pools, key=lambda pool: pool.spot_price(call) / pool.weight)
    return sorted(pools, key=lambda pool: pool.on_demand_price(call) / pool.weight)


def spread(strategy: str, pools: int, asked: int) -> int:
    """Over how many pools a strategy spreads what it launches."""
    if strategy == "diversified":
        return pools
    if strategy == "lowestPrice":
        return min(pools, asked or 1)
    return 1
