"""MFA devices: virtual ones, whose codes are checked for real (see `pileus.kernel.mfa`)."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from pileus.kernel import Call, Fault
from pileus.kernel.mfa import Device, base32
from pileus.kernel.resource_type import resource_type

from . import iam
from . import tags as tagging
from .faults import conflict, exists, missing
from .lists import MOST, entries, records
from .quotas import MFA_DEVICES, exceeded
from .users import BEGINNING, User, user_meant, user_named, user_of

SEED = 40
"""Bytes, which make 64 characters."""
FAR = 10
"""Steps by which two consecutive codes may be off, since they prove more than one does."""

resource_type(
    iam, "SerialNumber", create="CreateVirtualMFADevice", list="ListVirtualMFADevices",
    delete="DeleteVirtualMFADevice", missing="NoSuchEntityException",
)(Device)  # fmt: skip


def device_named(call: Call, serial_number: str) -> Device:
    if device := Device.get(call, serial_number):
        return device
    raise missing(f"VirtualMFADevice with serial number {serial_number} does not exist.")


@iam.operation(name="CreateVirtualMFADevice")
def create_virtual_mfa_device(
    call: Call, virtual_mfa_device_name: str, path: str = "/", tags: list[dict[str, str]] = []
) -> dict[str, Any]:
    """A new device; its seed is told this once, as text and as a picture for authenticators."""
    serial = f"arn:{call.partition}:iam::{call.account}:mfa{path}{virtual_mfa_device_name}"
    if Device.get(call, serial):
        raise exists("MFADevice entity at the same path and name already exists.")
    device = Device(serial, os.urandom(SEED), call.now, tags=tagging.given(tags)).put(call)
    shown: dict[str, Any] = {"SerialNumber": serial, "Base32StringSeed": base32(device.seed).encode()}
    if picture := qr_code(call, device, virtual_mfa_device_name):
        shown["QRCodePNG"] = picture
    return {"VirtualMFADevice": shown | tagging.shown(device.tags)}


def qr_code(call: Call, device: Device, name: str) -> bytes | None:
    """The picture that authenticators read, where the package that draws it is installed (the extra `iam`)."""
    try:
        import segno
    except ImportError:
        return None
    import io

    label = quote(f"Amazon Web Services:{name}@{call.account}")
    text = f"otpauth://totp/{label}?secret={base32(device.seed)}&issuer=Amazon%20Web%20Services"
    picture = io.BytesIO()
    segno.make_qr(text).save(picture, kind="png", scale=4)
    return picture.getvalue()


@iam.operation(on=user_named, name="EnableMFADevice")
def enable_mfa_device(
    call: Call, user: User, serial_number: str, authentication_code1: str, authentication_code2: str
) -> None:
    """Let a device stand for a user, who proves by two consecutive codes to have it."""
    device = device_named(call, serial_number)
    if device.holder:
        raise exists("MFADevice is already in use.")
    if len(devices_of(call, user)) >= MFA_DEVICES:
        raise exceeded("MFADevicesPerUser", MFA_DEVICES)
    prove(call, device, authentication_code1, authentication_code2)
    device.holder, device.enabled = user.id, call.now
    device.put(call)


@iam.operation(on=user_named, name="ResyncMFADevice")
def resync_mfa_device(
    call: Call, user: User, serial_number: str, authentication_code1: str, authentication_code2: str
) -> None:
    """Show by two consecutive codes that the device is still right."""
    device = held(call, user, serial_number)
    prove(call, device, authentication_code1, authentication_code2)
    device.put(call)


def prove(call: Call, device: Device, first: str, second: str) -> None:
    step = device.step_of(call, first, FAR)
    if step is None or device.step_of(call, second, FAR + 1) != step + 1:
        raise Fault("InvalidAuthenticationCodeException", "Authentication code for device is not valid")
    device.spent = step + 1


@iam.operation(on=user_meant, name="DeactivateMFADevice")
def deactivate_mfa_device(call: Call, user: User, serial_number: str) -> None:
    """Let a device stand for its user no longer."""
    device = held(call, user, serial_number)
    device.holder, device.enabled = "", 0.0
    device.put(call)


@iam.operation(on=device_named, name="DeleteVirtualMFADevice")
def delete_virtual_mfa_device(call: Call, device: Device) -> None:
    """Delete a device that stands for nobody."""
    if device.holder:
        raise conflict("MFA VirtualDevice in use. Must deactivate first.")
    device.delete(call)


@iam.operation(on=device_named, name="GetMFADevice")
def get_mfa_device(call: Call, device: Device, user_name: str = "") -> dict[str, Any]:
    """What is known of a device."""
    if user_name and device.holder != user_named(call, user_name).id:
        raise missing(f"MFA Device {device.serial} for user {user_name} cannot be found.")
    told: dict[str, Any] = {"SerialNumber": device.serial}
    if device.holder:
        told |= {"EnableDate": device.enabled}
        told |= {"UserName": user_of(call, device.holder).name} if device.holder != call.account else {}
    return told


@iam.operation(on=user_meant, name="ListMFADevices")
def list_mfa_devices(call: Call, user: User, marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """The devices that stand for a user."""
    return records(
        call,
        "MFADevices",
        Device,
        user.id,
        index="by_holder",
        show=lambda device: {
            "UserName": user.name,
            "SerialNumber": device.serial,
            "EnableDate": device.enabled,
        },
        marker=marker,
        max_items=max_items,
    )


@iam.operation(name="ListVirtualMFADevices")
def list_virtual_mfa_devices(
    call: Call, assignment_status: str = "Any", marker: str = "", max_items: int = MOST
) -> dict[str, Any]:
    """The devices of the account, without their seeds."""
    found = [
        device
        for device in Device.scan(call)
        if assignment_status == "Any" or bool(device.holder) == (assignment_status == "Assigned")
    ]
    return entries(call, "VirtualMFADevices", [listed(call, device) for device in found], marker, max_items)


def listed(call: Call, device: Device) -> dict[str, Any]:
    shown: dict[str, Any] = {"SerialNumber": device.serial}
    if not device.holder:
        return shown
    user = (
        User(folded="", name="", path="/", id=call.account, created=BEGINNING)
        if device.holder == call.account
        else user_of(call, device.holder)
    )
    return shown | {"EnableDate": device.enabled, "User": user.shown(call)}


def devices_of(call: Call, user: User) -> list[Device]:
    return list(Device.scan(call, user.id, index="by_holder"))


def held(call: Call, user: User, serial_number: str) -> Device:
    device = Device.get(call, serial_number)
    if device is None or device.holder != user.id:
        raise missing(f"MFA Device {serial_number} for user {user.name} cannot be found.")
    return device


tagging.taggable("MFADevice", device_named)
