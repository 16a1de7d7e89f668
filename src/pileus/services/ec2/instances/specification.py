"""What a launch asks for: the request over its launch template, checked for what does not go together.

The result has the members of RunInstances, whoever launches: an operation, a fleet, a spot request.
"""

from __future__ import annotations

from pileus.kernel import Call
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, combination, invalid, missing, unsupported
from pileus.services.ec2.tags import specified

from . import launch_templates

DEFAULT_TYPE = "m1.small"
RENAMED = {"RamDiskId": "RamdiskId"}
"""Members of template data that RunInstances spells otherwise."""
MERGED = ("MetadataOptions", "Placement", "CpuOptions", "MaintenanceOptions", "PrivateDnsNameOptions")
"""Structures of which the request replaces only what it gives."""
RETIRED = {
    "ElasticGpuSpecification": "Amazon Elastic Graphics",
    "ElasticGpuSpecifications": "Amazon Elastic Graphics",
    "ElasticInferenceAccelerators": "Amazon Elastic Inference",
}
AT_INSTANCE = ("SubnetId", "PrivateIpAddress", "Ipv6Addresses", "Ipv6AddressCount")
"""What belongs to the first interface, and may be given for the instance only where no interfaces are."""


def complete(call: Call, request: Members) -> Members:
    """The request over the template that it names."""
    wanted = request
    if named := request.get("LaunchTemplate"):
        template, version = launch_templates.data_of(call, named)
        wanted = over(version.data, request)
        wanted["Template"] = {"id": template.launch_template_id, "version": version.number}
    check(wanted)
    if str(wanted["ImageId"]).startswith("resolve:ssm:"):
        wanted = wanted | {"ImageId": launch_templates.resolved_image(call, wanted["ImageId"])}
    return wanted


def over(data: Members, request: Members) -> Members:
    """What a request gives, over the data of a template."""
    base = {RENAMED.get(name, name): value for name, value in data.items()}
    merged = base | {name: value for name, value in request.items() if name != "LaunchTemplate"}
    for name in MERGED:
        if name in base and name in request:
            merged[name] = base[name] | request[name]
    merged["TagSpecifications"] = [*base.get("TagSpecifications", ()), *request.get("TagSpecifications", ())]
    for name, key in (("BlockDeviceMappings", "DeviceName"), ("NetworkInterfaces", "DeviceIndex")):
        if name in base and name in request:
            merged[name] = _by_key(base[name], request[name], key)
    if "NetworkInterfaces" in base and "NetworkInterfaces" not in request and request.get("SubnetId"):
        merged["NetworkInterfaces"] = [one | {"SubnetId": merged.pop("SubnetId")} for one in base["NetworkInterfaces"]]
    return merged


def _by_key(base: list[Members], request: list[Members], key: str) -> list[Members]:
    """A list of which the request replaces what has the same key, in what it gives."""
    found = {one.get(key): one for one in base}
    for one in request:
        found[one.get(key)] = found.get(one.get(key), {}) | one
    return [*found.values()]


def tags_for(wanted: Members, kind: str) -> dict[str, str]:
    """The tags of one kind of thing that a launch makes; those of the request over those of the template."""
    tags: dict[str, str] = {}
    for one in wanted.get("TagSpecifications", ()):
        tags |= specified([one], kind, *({"instance", *launch_templates.TAGGED} - {kind}))
    return tags


def check(wanted: Members) -> None:
    """Raise what EC2 says of what cannot be, before anything is looked up."""
    if not wanted.get("ImageId"):
        raise missing("ImageId")
    if "InstanceRequirements" in wanted:
        raise combination("You can't specify instance requirements in a launch template that you use to run instances.")
    for member, service in RETIRED.items():
        if wanted.get(member):
            raise unsupported(f"{service} is no longer available.")
    if data := wanted.get("UserData"):
        launch_templates.decoded_user_data(data)
    _check_interfaces(wanted)


def _check_interfaces(wanted: Members) -> None:
    interfaces = wanted.get("NetworkInterfaces")
    if not interfaces:
        return
    same = "may not be specified on the same request"
    if wanted.get("SubnetId"):
        raise combination(f"Network interfaces and an instance-level subnet ID {same}")
    if wanted.get("SecurityGroupIds") or wanted.get("SecurityGroups"):
        raise combination(f"Network interfaces and an instance-level security groups {same}")
    if any(wanted.get(member) for member in AT_INSTANCE):
        raise combination(f"Network interfaces and an instance-level private address {same}")
    if any("DeviceIndex" not in one and "NetworkInterfaceId" not in one for one in interfaces):
        raise invalid("Each network interface requires a device index.")
    indexes = [(one.get("NetworkCardIndex", 0), one.get("DeviceIndex", 0)) for one in interfaces]
    if len({*indexes}) < len(indexes):
        raise invalid("Each network interface requires a unique device index.")
    if len(interfaces) > 1 and any("AssociatePublicIpAddress" in one for one in interfaces):
        text = "The associatePublicIPAddress parameter cannot be specified when launching with multiple network"
        raise combination(f"{text} interfaces.")
    for one in interfaces:
        if one.get("NetworkInterfaceId") and (one.get("SubnetId") or one.get("Groups") or one.get("PrivateIpAddress")):
            text = "A network interface may not specify both a network interface ID and a subnet, groups or address"
            raise combination(text)


def counts(least: int, most: int, wanted: Members) -> None:
    """Raise what EC2 says of counts that cannot be."""
    if least < 1:
        raise bad_value("MinCount", least, "Minimum instance count must be at least 1.")
    if most < least:
        raise combination("Maximum instance count must not be smaller than minimum instance count")
    if most == 1:
        return
    interfaces = wanted.get("NetworkInterfaces", ())
    if wanted.get("PrivateIpAddress") or any(one.get("PrivateIpAddress") for one in interfaces):
        raise combination("The parameter privateIpAddress cannot be specified when launching multiple instances")
    if any(one.get("NetworkInterfaceId") for one in interfaces):
        raise combination("A network interface cannot be specified when launching multiple instances")


def flag(wanted: Members, structure: str, member: str) -> bool:
    """A boolean in a structure of the request, such as `Monitoring.Enabled`."""
    return bool(wanted.get(structure, {}).get(member))
