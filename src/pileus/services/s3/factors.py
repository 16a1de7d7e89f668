"""MFA delete: where it is on, versions go for good only with a code of an MFA device ("Configuring MFA delete", S3 User
Guide). Devices are IAM's: the root's of the bucket's account, or the caller's own."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.mfa import Device

from . import faults
from .buckets import Bucket


def spend(call: Call, bucket: Bucket, header: str) -> None:
    """Refuse a call without a right and new code; `header` is the device's serial number, a space, and the code."""
    if not header:
        raise faults.denied("Mfa Authentication must be used for this request")
    serial, _, code = header.partition(" ")
    owner = call.at(account=bucket.owner)
    device = Device.get(owner, serial)
    if device is None or device.holder not in (bucket.owner, call.principal.user_id):
        raise faults.denied("Mfa Authentication must be used for this request")
    if not device.accept(owner, code):
        raise faults.denied("The MFA code that you provided is invalid")
