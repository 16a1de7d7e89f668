"""Images: what instances are started from. Those that Amazon and others publish are there in every Region.

The published ones are all the machine's own system, whatever they are called; those of Windows can be looked up and
not started. Left out: paid images and product codes, kernels and RAM disks, images in instance stores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pileus.kernel import Call, Fault, Record, machine_images
from pileus.kernel.filters import Filters
from pileus.kernel.machine_images import PublicImage
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, iso, paged
from pileus.services.ec2.kinds import BY_RECORD, kind
from pileus.services.ec2.tags import shown_tags

from . import allowing, sharing
from .announcing import IMAGE, announced
from .snapshots import ERROR, PENDING, Snapshot, Use

KIND = "image"

# States of an image
AVAILABLE, FAILED, DISABLED = "available", "failed", "disabled"


@kind("image", "ami", missing=("InvalidAMIID.NotFound", "The image id '[{}]' does not exist"), digits=True)
class Image(
    Record,
    arn="arn:{partition}:ec2:{region}::image/{image_id}",
    cfn="AWS::EC2::Image",
    indexes={"by_name": ("name",)},
    kw_only=True,
):
    """An image."""

    image_id: str
    name: str
    owner: str
    created: float
    architecture: str = "x86_64"
    description: str = ""
    state: str = PENDING
    state_reason: str = ""
    root_device_name: str = "/dev/xvda"
    block_device_mappings: list[Members] = []
    """In AWS's own form; those of volumes have `Ebs` with `SnapshotId` and all that is known of the volume."""
    platform: str = ""
    """`windows`, or nothing."""
    virtualization_type: str = "hvm"
    ena_support: bool = True
    sriov_net_support: str = "simple"
    boot_mode: str = ""
    tpm_support: str = ""
    imds_support: str = ""
    uefi_data: str = ""
    tags: dict[str, str] = {}
    shared: list[str] = []
    """Who may launch it beside the owner: accounts, ARNs of organizations and units, `all`."""
    alias: str = ""
    source_instance_id: str = ""
    source_image_id: str = ""
    source_image_region: str = ""
    deprecated: float = 0.0
    """From when on it is deprecated; 0 for never."""
    launched: float = 0.0
    protection: str = "disabled"
    """Against being deregistered."""
    unprotected: float = 0.0
    """From when on it is protected no more, where that takes a day."""
    parameter: str = ""
    """The public parameter that names it."""
    instance_types: dict[str, list[str]] = {}
    watermarks: list[Members] = []

    def condition_keys(self, call: Call, request: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        return {
            "ec2:imageid": (self.image_id,),
            "ec2:imagetype": ("machine",),
            "ec2:owner": (self.alias or self.owner,),
            "ec2:public": ("true" if self.public else "false",),
            "ec2:rootdevicetype": ("ebs",),
        }

    @property
    def public(self) -> bool:
        return sharing.ALL in self.shared

    @property
    def root(self) -> Members:
        """The volume that instances boot from; empty for an image without one."""
        found = (one for one in self.block_device_mappings if one.get("DeviceName") == self.root_device_name)
        return next((one["Ebs"] for one in found if "Ebs" in one), {})

    @property
    def location(self) -> str:
        return f"{self.alias or self.owner}/{self.name}"


def ebs(name: str) -> Any:
    """What the volumes of an image have under a name."""
    return lambda image: [one["Ebs"].get(name) for one in image.block_device_mappings if "Ebs" in one]


FILTERS = Filters(
    {
        "architecture": "architecture",
        "block-device-mapping.delete-on-termination": ebs("DeleteOnTermination"),
        "block-device-mapping.device-name": "block_device_mappings.DeviceName",
        "block-device-mapping.snapshot-id": ebs("SnapshotId"),
        "block-device-mapping.volume-size": ebs("VolumeSize"),
        "block-device-mapping.volume-type": ebs("VolumeType"),
        "block-device-mapping.encrypted": ebs("Encrypted"),
        "boot-mode": "boot_mode",
        "creation-date": lambda image: iso(image.created),
        "description": "description",
        "ena-support": "ena_support",
        "free-tier-eligible": lambda image: image.alias == "amazon",
        "hypervisor": lambda image: "xen",
        "image-id": "image_id",
        "image-type": lambda image: "machine",
        "image-watermark.source-image-id": "watermarks.SourceImageId",
        "image-watermark.source-image-region": "watermarks.SourceImageRegion",
        "image-watermark.watermark-key": "watermarks.WatermarkKey",
        "instance-type-specification.supported-instance-type": "instance_types.SupportedInstanceTypes",
        "instance-type-specification.unsupported-instance-type": "instance_types.UnsupportedInstanceTypes",
        "is-public": "public",
        "kernel-id": lambda image: None,
        "manifest-location": "location",
        "name": "name",
        "owner-alias": lambda image: image.alias or None,
        "owner-id": "owner",
        "platform": lambda image: image.platform or None,
        "product-code": lambda image: None,
        "product-code.type": lambda image: None,
        "public-ssm-parameter-name": lambda image: image.parameter or None,
        "ramdisk-id": lambda image: None,
        "root-device-name": "root_device_name",
        "root-device-type": lambda image: "ebs",
        "source-image-id": lambda image: image.source_image_id or None,
        "source-image-region": lambda image: image.source_image_region or None,
        "source-instance-id": lambda image: image.source_instance_id or None,
        "sriov-net-support": "sriov_net_support",
        "state": "state",
        "state-reason-code": lambda image: "Client.InternalError" if image.state_reason else None,
        "state-reason-message": lambda image: image.state_reason or None,
        "virtualization-type": "virtualization_type",
    }
)


def shown(call: Call, image: Image) -> Members:
    own = image.owner == call.account
    told = {
        "ImageId": image.image_id,
        "Name": image.name,
        "OwnerId": image.owner,
        "State": image.state,
        "CreationDate": iso(image.created),
        "Architecture": image.architecture,
        "ImageType": "machine",
        "ImageLocation": image.location,
        "Public": image.public,
        "RootDeviceType": "ebs",
        "RootDeviceName": image.root_device_name,
        "BlockDeviceMappings": image.block_device_mappings,
        "VirtualizationType": image.virtualization_type,
        "Hypervisor": "xen",
        "EnaSupport": image.ena_support,
        "SriovNetSupport": image.sriov_net_support or None,
        "PlatformDetails": "Windows" if image.platform else "Linux/UNIX",
        "UsageOperation": "RunInstances:0002" if image.platform else "RunInstances",
        "Platform": image.platform or None,
        "Description": image.description or None,
        "ImageOwnerAlias": image.alias or None,
        "BootMode": image.boot_mode or None,
        "TpmSupport": image.tpm_support or None,
        "ImdsSupport": image.imds_support or None,
        "DeprecationTime": iso(image.deprecated) if image.deprecated else None,
        "LastLaunchedTime": iso(image.launched) if own and image.launched else None,
        "SourceInstanceId": image.source_instance_id or None,
        "SourceImageId": image.source_image_id or None,
        "SourceImageRegion": image.source_image_region or None,
        "PublicSsmParameterName": image.parameter or None,
        "StateReason": {"Code": "Client.InternalError", "Message": image.state_reason} if image.state_reason else None,
        "DeregistrationProtection": image.protection if own else None,
        "FreeTierEligible": image.alias == "amazon",
        "ImageAllowed": allowing.allows(call, image),
        "ImageWatermarks": image.watermarks or None,
        "InstanceTypeSpecification": _types(image) or None,
        "Tags": shown_tags(image.tags) or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _types(image: Image) -> Members:
    return {name: [{"InstanceType": one} for one in types] for name, types in image.instance_types.items()}


# Which one is meant


def image(call: Call, image_id: str) -> Image:
    """One that the caller's account may launch: its own, a public one, or one that is shared with it."""
    return images(call, [image_id])[0]


def images(call: Call, image_ids: list[str]) -> list[Image]:
    """Those of these ids, each once; raises the error that names all that are not there."""
    found = {one: _found(call, one) for one in image_ids}
    absent = [what for what, there in found.items() if there is None]
    for what in absent:
        BY_RECORD[Image].check(what)
    if absent:
        raise BY_RECORD[Image].absent(*absent)
    return [one for one in found.values() if one]


def _found(call: Call, image_id: str) -> Image | None:
    if found := Image.get(call, image_id) or published(call.region).get(image_id):
        return found
    if owner := sharing.owner_of(call, KIND, image_id):
        there = Image.get(call.at(account=owner), image_id)
        assert there, f"{image_id} is offered and not there"
        there.tags = {}
        return there
    return None


def own(call: Call, image_id: str) -> Image:
    """One of the caller's own account; others may be launched and not changed."""
    if found := Image.get(call, image_id):
        return found
    image(call, image_id)
    raise Fault("AuthFailure", f"Not authorized for image:{image_id}", status=403)


def launchable(call: Call, image_id: str) -> Image:
    """The image of a launch: `image`, if it can be used now, and is noted to have been."""
    found = image(call, image_id)
    if found.state != AVAILABLE:
        told = f"The image ID '{image_id}' is not available. Its state is '{found.state}'."
        raise Fault("InvalidAMIID.Unavailable", told)
    if not allowing.lets(call, found):
        raise BY_RECORD[Image].absent(image_id)
    if found.owner == call.account:
        found.launched = call.now
        found.put(call)
    elif image_id not in published(call.region):
        sharing.noted(call, image_id)
    return found


@lru_cache(maxsize=64)
def published(region: str) -> dict[str, Image]:
    """The public images of a Region by their ids. Not to be changed."""
    return {one.id(region): _published(one, region) for one in machine_images.images()}


def _published(one: PublicImage, region: str) -> Image:
    volume = {
        "DeleteOnTermination": True,
        "SnapshotId": one.snapshot(region),
        "VolumeSize": one.size,
        "VolumeType": one.volume_type,
        "Encrypted": False,
    }
    if one.volume_type == "gp3":
        volume |= {"Iops": 3000, "Throughput": 125}
    return Image(
        image_id=one.id(region),
        name=one.name,
        owner=one.owner,
        created=machine_images.MADE,
        architecture=one.architecture,
        description=one.description,
        state=AVAILABLE,
        root_device_name=one.root_device,
        block_device_mappings=[{"DeviceName": one.root_device, "Ebs": volume}],
        platform="windows" if one.windows else "",
        boot_mode="" if one.windows else "uefi-preferred" if one.architecture == "x86_64" else "uefi",
        imds_support="v2.0" if one.imds else "",
        shared=[sharing.ALL],
        alias="amazon" if one.owner in machine_images.AMAZONS else "",
        parameter=one.parameters[-1],
    )


# Becoming available


def settled(call: Call, one: Image) -> Image:
    """An image is available when its snapshots are complete, and fails with the first that fails."""
    if one.state != PENDING:
        return one
    states = {source.state for name in snapshot_ids(one) if (source := Snapshot.get(call, name))}
    if ERROR in states:
        one.state, one.state_reason = FAILED, "A snapshot of the image has failed."
    elif PENDING not in states:
        one.state = AVAILABLE
    if one.state != PENDING:
        one.put(call)
        told_state(call, one)
    return one


def snapshot_ids(one: Image) -> list[str]:
    """The snapshots of an image."""
    volumes = [mapping["Ebs"] for mapping in one.block_device_mappings if "Ebs" in mapping]
    return list(dict.fromkeys(volume["SnapshotId"] for volume in volumes if "SnapshotId" in volume))


def settle_all(call: Call, snapshot_id: str) -> None:
    """The images that wait for a snapshot may be available now."""
    for use in list(Use.scan(call, snapshot_id)):
        if one := Image.get(call, use.image_id):
            settled(call, one)


def told_state(call: Call, one: Image) -> None:
    """Whoever listens is told of an image's state (EC2 User Guide, "Monitor AMI events using Amazon EventBridge")."""
    detail = {"RequestId": "", "ImageId": one.image_id, "State": one.state, "ErrorMessage": one.state_reason}
    announced(call, IMAGE, [one.arn(call)], detail)


# Describing


@ec2.operation
def describe_images(
    call: Call,
    image_ids: list[str] = [],
    executable_users: list[str] = [],
    owners: list[str] = [],
    filters: list[dict[str, Any]] = [],
    include_deprecated: bool = False,
    include_disabled: bool = False,
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The images that the account may launch: its own, those that are public, and those that are shared with it."""
    fits = FILTERS.test([one for one in filters if one.get("Name") != "image-allowed"])
    allowed = {value for one in filters if one.get("Name") == "image-allowed" for value in one.get("Values", [])}
    found = images(call, image_ids) if image_ids else _visible(call, executable_users, owners)

    def wanted(one: Image) -> bool:
        return (
            (not owners or any(_owned(call, one, owner) for owner in owners))
            and (not executable_users or any(_executable(call, one, user) for user in executable_users))
            and (bool(image_ids) or not _hidden(call, one, include_deprecated, include_disabled))
            and allowing.lets(call, one)
            and (not allowed or str(allowing.allows(call, one)).lower() in allowed)
            and fits(one)
        )

    chosen = (shown(call, one) for one in found if wanted(one))
    return paged(call, "Images", chosen, max_results, next_token)


def _hidden(call: Call, one: Image, include_deprecated: bool, include_disabled: bool) -> bool:
    """Whether a list leaves an image out that was not asked for by its id."""
    if one.state == DISABLED and not include_disabled:
        return True
    deprecated = one.deprecated and one.deprecated <= call.now and one.owner != call.account
    return bool(deprecated and not include_deprecated)


def _visible(call: Call, users: list[str], owners: list[str]) -> Iterator[Image]:
    """The images that can be meant, each once."""
    yield from Image.scan(call)
    if owners == ["self"]:
        return
    if not users or sharing.ALL in users:
        yield from published(call.region).values()
    for one in sharing.offered(call, KIND, call.account, sharing.ALL, *sharing.organization(call)):
        there = Image.get(call.at(account=one.owner), one.id)
        if there and there.state in (AVAILABLE, DISABLED):
            there.tags = {}
            yield there


def _owned(call: Call, one: Image, owner: str) -> bool:
    if owner == "self":
        return one.owner == call.account
    return owner in (one.owner, one.alias)


def _executable(call: Call, one: Image, user: str) -> bool:
    """Whether an image was made launchable for somebody: `self` is for the caller's account by name."""
    return (call.account if user == "self" else user) in one.shared
