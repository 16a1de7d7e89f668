"""What a launch is about, for the access decision: the instances, and everything that they are made of or with.

Each of them has to be allowed, with condition keys of its own (IAM User Guide, "Example policies to control access to
the Amazon EC2 API"). Whoever gives tags in a launch needs the right to create tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access.target import Target
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import kind_of
from pileus.services.ec2.network.subnets import Subnet, default_subnet
from pileus.services.ec2.storage.images import image

from . import key_pairs, launch_templates, placement_groups
from .specification import DEFAULT_TYPE, over

Keys = dict[str, tuple[str, ...]]


def launched(call: Call, request: Mapping[str, Any]) -> Iterator[Target]:
    """Everything that RunInstances has to be allowed on."""
    wanted, template = _complete(call, request)
    common = _common(wanted, template)
    yield Target(call.arn("instance/*"), call.account, keys=_of_instance(wanted) | common)
    yield Target(call.arn("volume/*"), call.account, keys=_of_volume(wanted) | common)
    yield from _network(call, wanted, common)
    yield from _image(call, wanted, common)
    if name := wanted.get("KeyName"):
        pair = key_pairs.by_name(call, name)
        yield Target(call.arn(f"key-pair/{name}"), call.account, tags=pair.tags if pair else {}, keys=common)
    if template:
        yield Target(template.arn(call), call.account, tags=template.tags, keys=common)
    if name := wanted.get("Placement", {}).get("GroupName"):
        group = placement_groups.PlacementGroup.first(call, name, index="by_name")
        yield Target(call.arn(f"placement-group/{name}"), call.account, tags=group.tags if group else {}, keys=common)
    for kind in {one.get("ResourceType", "") for one in wanted.get("TagSpecifications", ()) if one.get("Tags")}:
        keys = common | {"ec2:createaction": ("RunInstances",)}
        yield Target(call.arn(f"{kind}/*"), call.account, keys=keys, action="ec2:CreateTags")


def _complete(call: Call, request: Mapping[str, Any]) -> tuple[Members, launch_templates.LaunchTemplate | None]:
    """The request over its template, if that is there."""
    named = request.get("LaunchTemplate")
    if not named:
        return dict(request), None
    try:
        template, version = launch_templates.data_of(call, named)
    except Fault:
        return dict(request), None
    return over(version.data, dict(request)), template


def _common(wanted: Members, template: launch_templates.LaunchTemplate | None) -> Keys:
    keys: Keys = {"ec2:instancetype": (wanted.get("InstanceType", DEFAULT_TYPE),)}
    if template:
        keys |= {"ec2:launchtemplate": (template.launch_template_id,), "ec2:islaunchtemplateresource": ("true",)}
    return keys


def _of_instance(wanted: Members) -> Keys:
    place, metadata = wanted.get("Placement", {}), wanted.get("MetadataOptions", {})
    profile = wanted.get("IamInstanceProfile", {})
    market = (wanted.get("InstanceMarketOptions") or {}).get("MarketType", "on-demand")
    told = {
        "ec2:tenancy": place.get("Tenancy", "default"),
        "ec2:placementgroup": place.get("GroupName"),
        "ec2:availabilityzone": place.get("AvailabilityZone"),
        "ec2:instanceprofile": profile.get("Arn"),
        "ec2:metadatahttptokens": metadata.get("HttpTokens"),
        "ec2:metadatahttpendpoint": metadata.get("HttpEndpoint", "enabled"),
        "ec2:metadatahttpputresponsehoplimit": metadata.get("HttpPutResponseHopLimit"),
        "ec2:ebsoptimized": str(bool(wanted.get("EbsOptimized"))).lower(),
        "ec2:instancemarkettype": market,
        "ec2:rootdevicetype": "ebs",
    }
    return {name: (str(value),) for name, value in told.items() if value is not None}


def _of_volume(wanted: Members) -> Keys:
    volumes = [one["Ebs"] for one in wanted.get("BlockDeviceMappings", ()) if "Ebs" in one]
    if len(volumes) != 1:  # each is asked for on AWS; here those of several have no keys
        return {}
    [ebs] = volumes
    told = {"ec2:volumetype": ebs.get("VolumeType"), "ec2:volumesize": ebs.get("VolumeSize")}
    told |= {"ec2:encrypted": str(bool(ebs.get("Encrypted"))).lower()}
    return {name: (str(value),) for name, value in told.items() if value is not None}


def _network(call: Call, wanted: Members, common: Keys) -> Iterator[Target]:
    specifications = wanted.get("NetworkInterfaces") or [wanted]
    found = Subnet.get(call, specifications[0].get("SubnetId", "")) or default_subnet(call)
    vpc = {"ec2:vpc": (call.arn(f"vpc/{found.vpc_id}"),)} if found else {}
    yield Target(call.arn("network-interface/*"), call.account, keys=common | vpc)
    ids = [one.get("SubnetId") for one in specifications] + [*wanted.get("SecurityGroupIds", ())]
    ids += [group for one in specifications for group in one.get("Groups", ())]
    if not ids[0] and found:
        ids[0] = found.subnet_id
    for what in dict.fromkeys(filter(None, ids)):
        kind = kind_of(what)
        record: Any = kind.record.get(call, what) if kind else None
        if record:
            yield Target(record.arn(call), call.account, tags=record.tags, keys=common | vpc)


def _image(call: Call, wanted: Members, common: Keys) -> Iterator[Target]:
    image_id = str(wanted.get("ImageId", ""))
    try:
        found = image(call, image_id)
    except Fault:
        return
    keys = {"ec2:imageid": (image_id,), "ec2:public": (str(found.public).lower(),)}
    keys |= {"ec2:owner": (found.alias or found.owner,), "ec2:imagetype": ("machine",)}
    arn = f"arn:{call.partition}:ec2:{call.region}::image/{image_id}"
    yield Target(arn, call.account, tags=found.tags, keys=common | keys)
