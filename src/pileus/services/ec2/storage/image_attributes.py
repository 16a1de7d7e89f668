"""What is known of an image beside its volumes: its description, and who may launch it."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Unfinished
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, iso
from pileus.services.ec2.faults import bad_value, missing
from pileus.services.ec2.kinds import BY_RECORD

from . import public_access, sharing
from .images import DISABLED, KIND, Image, own
from .sharing import ALL
from .snapshots import Snapshot

PERMISSION = "launchPermission"
ORGANIZATION = re.compile(r"arn:[\w-]+:organizations::\d{12}:(organization|ou)/[\w/-]+")
VALUES = {
    "description": ("Description", "description"),
    "sriovNetSupport": ("SriovNetSupport", "sriov_net_support"),
    "bootMode": ("BootMode", "boot_mode"),
    "tpmSupport": ("TpmSupport", "tpm_support"),
    "uefiData": ("UefiData", "uefi_data"),
    "imdsSupport": ("ImdsSupport", "imds_support"),
    "deregistrationProtection": ("DeregistrationProtection", "protection"),
}
"""Attributes that are a text: their members, and our fields."""


@ec2.operation
def modify_image_attribute(
    call: Call,
    image_id: str,
    attribute: str = "",
    description: dict[str, Any] = {},
    launch_permission: dict[str, Any] = {},
    operation_type: str = "",
    product_codes: list[str] = [],
    user_groups: list[str] = [],
    user_ids: list[str] = [],
    value: str = "",
    organization_arns: list[str] = [],
    organizational_unit_arns: list[str] = [],
    imds_support: dict[str, Any] = {},
) -> None:
    """Change an image's description, or who may launch it, or that its instances use the newer metadata service."""
    one = own(call, image_id)
    if product_codes or attribute == "productCodes":
        raise Unfinished("Pileus has no product codes yet.")
    if attribute not in ("", "description", PERMISSION, "imdsSupport"):
        raise bad_value("attribute", attribute)
    named = [*user_ids, *user_groups, *organization_arns, *organizational_unit_arns]
    added, removed = grantees(launch_permission.get("Add", [])), grantees(launch_permission.get("Remove", []))
    (removed if operation_type == "remove" else added).extend(named)
    if added or removed:
        if operation_type not in ("", "add", "remove"):
            raise bad_value("operationType", operation_type)
        _check(call, one, added)
        share(call, one, added, removed)
    elif "Value" in description or attribute == "description":
        one.description = description.get("Value", value)
    elif "Value" in imds_support or attribute == "imdsSupport":
        if (wanted := imds_support.get("Value", value)) != "v2.0":
            raise bad_value("imdsSupport", wanted)
        one.imds_support = "v2.0"
    else:
        raise missing("Attribute", "Description", "LaunchPermission", "ImdsSupport")
    one.put(call)


def grantees(permissions: list[dict[str, str]]) -> list[str]:
    """Accounts, ARNs of organizations and their units, and `all` for the group of that name."""
    return [next(iter(one.values()), "") for one in permissions]


def _check(call: Call, one: Image, added: list[str]) -> None:
    for grantee in added:
        account = len(grantee) == 12 and grantee.isdigit()
        if grantee != ALL and not account and not ORGANIZATION.fullmatch(grantee):
            text = f'Invalid attribute item value "{grantee}" for userId item type.'
            raise Fault("InvalidAMIAttributeItemValue", text)
    if added and one.state == DISABLED:
        raise Fault("IncorrectState", f"The image {one.image_id} is disabled and cannot be shared.")
    if ALL in added:
        public_access.check(public_access.blocked(call).images, "AMIs")
        for mapping in one.block_device_mappings:
            source = Snapshot.get(call, mapping.get("Ebs", {}).get("SnapshotId", ""))
            if source and source.seal.key:
                text = f"Image {one.image_id} has an encrypted snapshot {source.snapshot_id} and cannot be made public."
                raise Fault("InvalidParameter", text)


def share(call: Call, one: Image, added: list[str], removed: list[str]) -> None:
    new = [grantee for grantee in dict.fromkeys(added) if grantee not in one.shared]
    sharing.withdraw(call, KIND, one.image_id, removed)
    sharing.offer(call, KIND, one.image_id, new)
    one.shared = [grantee for grantee in [*one.shared, *new] if grantee not in removed]


def permission(grantee: str) -> dict[str, str]:
    if grantee == ALL:
        return {"Group": ALL}
    if not grantee.startswith("arn:"):
        return {"UserId": grantee}
    return {"OrganizationalUnitArn" if ":ou/" in grantee else "OrganizationArn": grantee}


@ec2.operation
def describe_image_attribute(call: Call, attribute: str, image_id: str) -> Members:
    one = own(call, image_id)
    told: Members = {"ImageId": image_id}
    if attribute in VALUES:
        member, field = VALUES[attribute]
        text = getattr(one, field)
        return told | {member: {"Value": text} if text else {}}
    if attribute == PERMISSION:
        return told | {"LaunchPermissions": [permission(grantee) for grantee in one.shared]}
    if attribute == "blockDeviceMapping":
        return told | {"BlockDeviceMappings": one.block_device_mappings}
    if attribute == "lastLaunchedTime":
        return told | {"LastLaunchedTime": {"Value": iso(one.launched)} if one.launched else {}}
    if attribute == "productCodes":
        return told | {"ProductCodes": []}
    if attribute in ("kernel", "ramdisk"):
        return told | {"KernelId" if attribute == "kernel" else "RamdiskId": {}}
    raise bad_value("attribute", attribute)


@ec2.operation
def reset_image_attribute(call: Call, attribute: str, image_id: str) -> None:
    """Let nobody launch it any more but its owner."""
    if attribute != PERMISSION:
        raise bad_value("attribute", attribute)
    one = own(call, image_id)
    share(call, one, [], list(one.shared))
    one.put(call)


@ec2.operation
def cancel_image_launch_permission(call: Call, image_id: str) -> Members:
    """Refuse an image that somebody has shared with this account."""
    offer = sharing.Offer.get(call, KIND, call.region, call.account, image_id)
    if offer is None:
        raise BY_RECORD[Image].absent(image_id)
    there = call.at(account=offer.owner)
    one = Image.get(there, image_id)
    assert one
    share(there, one, [], [call.account])
    one.put(there)
    return {"Return": True}
