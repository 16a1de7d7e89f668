"""What becomes of images: deprecated from a day on, disabled and enabled again, protected, marked, traced back."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, iso
from pileus.services.ec2.faults import bad_value

from .image_attributes import share
from .images import AVAILABLE, DISABLED, Image, image, own, told_state

DAY = 86400.0
YEAR = 365 * DAY
COOLDOWN = 24 * 3600.0
WATERMARK = re.compile(r"[\w()\[\] ./\-'@]{3,128}", re.ASCII)
MOST_WATERMARKS = 20


@ec2.operation
def enable_image_deprecation(call: Call, image_id: str, deprecate_at: float) -> Members:
    """From a day on, within ten years, others do not see it in lists any more. They can still launch it."""
    one = own(call, image_id)
    at = float(deprecate_at // 60 * 60)
    if at <= call.now or at > call.now + (2 if one.public else 10) * YEAR + 3 * DAY:
        raise bad_value("DeprecateAt", iso(deprecate_at))
    one.deprecated = at
    one.put(call)
    return {"Return": True}


@ec2.operation
def disable_image_deprecation(call: Call, image_id: str) -> Members:
    one = own(call, image_id)
    one.deprecated = 0.0
    one.put(call)
    return {"Return": True}


@ec2.operation
def disable_image(call: Call, image_id: str) -> Members:
    """Let it be launched no more, nor be seen by others: who was let launch it no longer is."""
    one = own(call, image_id)
    if one.state not in (AVAILABLE, DISABLED):
        raise Fault("IncorrectState", f"The image {image_id} is '{one.state}'.")
    share(call, one, [], list(one.shared))
    return _turned(call, one, DISABLED)


@ec2.operation
def enable_image(call: Call, image_id: str) -> Members:
    one = own(call, image_id)
    if one.state not in (AVAILABLE, DISABLED):
        raise Fault("IncorrectState", f"The image {image_id} is '{one.state}'.")
    return _turned(call, one, AVAILABLE)


def _turned(call: Call, one: Image, state: str) -> Members:
    changes = one.state != state
    one.state = state
    one.put(call)
    if changes:
        told_state(call, one)
    return {"Return": True}


@ec2.operation
def enable_image_deregistration_protection(call: Call, image_id: str, with_cooldown: bool = False) -> Members:
    """Let nobody deregister it until that is taken back; with a cooldown, until a day after."""
    one = own(call, image_id)
    one.protection = "enabled-with-cooldown" if with_cooldown else "enabled-without-cooldown"
    one.unprotected = 0.0
    one.put(call)
    return {"Return": one.protection}


@ec2.operation
def disable_image_deregistration_protection(call: Call, image_id: str) -> Members:
    one = own(call, image_id)
    if one.protection == "enabled-with-cooldown":
        one.unprotected = one.unprotected or call.now + COOLDOWN
    else:
        one.protection = "disabled"
    one.put(call)
    return {"Return": one.protection}


@ec2.operation
def attach_image_watermark(call: Call, image_id: str, watermark_name: str) -> Members:
    """Mark an image, and all that will be made of it."""
    one = own(call, image_id)
    if not WATERMARK.fullmatch(watermark_name):
        raise bad_value("WatermarkName", watermark_name)
    if one.public:
        raise Fault("OperationNotPermitted", "Watermarks cannot be added to public AMIs.")
    key = f"{call.account}:{watermark_name}"
    if all(mark["WatermarkKey"] != key for mark in one.watermarks):
        if len(one.watermarks) >= MOST_WATERMARKS:
            raise Fault("ImageWatermarkLimitExceeded", f"An AMI can have {MOST_WATERMARKS} watermarks.")
        mark: dict[str, Any] = {
            "WatermarkKey": key,
            "SourceImageId": image_id,
            "SourceImageRegion": call.region,
            "SourceImageCreationTime": one.created,
            "WatermarkCreationTime": call.now,
        }
        one.watermarks = [*one.watermarks, mark]
        one.put(call)
    return {"WatermarkKey": key}


@ec2.operation
def detach_image_watermark(call: Call, image_id: str, watermark_key: str) -> Members:
    one = own(call, image_id)
    if all(mark["WatermarkKey"] != watermark_key for mark in one.watermarks):
        raise bad_value("WatermarkKey", watermark_key)
    one.watermarks = [mark for mark in one.watermarks if mark["WatermarkKey"] != watermark_key]
    one.put(call)
    return {"Return": True}


@ec2.operation
def get_image_ancestry(call: Call, image_id: str) -> Members:
    """The images that it was made of, up to the first, or to the last that can be seen."""
    entries: list[Members] = []
    there, next_id = call, image_id
    while next_id:
        try:
            one = image(there, next_id)
        except Fault:
            if not entries:
                raise
            break
        entry = {
            "CreationDate": one.created,
            "ImageId": one.image_id,
            "ImageOwnerAlias": one.alias or None,
            "SourceImageId": one.source_image_id or None,
            "SourceImageRegion": one.source_image_region or None,
        }
        entries.append({name: value for name, value in entry.items() if value is not None})
        there, next_id = there.at(region=one.source_image_region or there.region), one.source_image_id
    return {"ImageAncestryEntries": entries}


@ec2.operation
def replace_image_instance_type_specification(
    call: Call, image_id: str, instance_type_specification: dict[str, Any] = {}
) -> Members:
    """Say for which types of instances it is, or is not."""
    one = own(call, image_id)
    one.instance_types = {name: given for name, given in instance_type_specification.items() if given}
    one.put(call)
    return {"ReturnValue": True}
