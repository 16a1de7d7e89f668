"""Second factors: codes of MFA devices, which IAM has handed out, beside the caller's own signature."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.kernel.mfa import Device

UNKNOWN = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  "
    "Please verify your MFA serial number is valid and associated with this user."
)
WRONG = "MultiFactorAuthentication failed with invalid MFA one time pass code. "


def device_of(call: Call, serial_number: str) -> Device | None:
    """The device of that serial number, if it is the caller's."""
    caller = call.principal
    device = Device.get(call.at(account=caller.account), serial_number)
    return device if device and device.holder == caller.user_id else None


def proves(call: Call, serial_number: str, code: str) -> bool:
    """Whether the caller shows by a code that it has its device with it; a wrong one is refused before policies are
    asked. A code may be shown again until it is spent."""
    if not serial_number and not code:
        return False
    device = device_of(call, serial_number)
    if device is None:
        raise Fault("AccessDenied", UNKNOWN)
    if (device.step_of(call, code) or 0) <= device.spent:
        raise Fault("AccessDenied", WRONG)
    return True


def spend_code(call: Call, serial_number: str, code: str) -> None:
    """Accept a code of one of the caller's devices, once (RFC 6238, section 5.2)."""
    device = device_of(call, serial_number)
    if device is None:
        raise Fault("AccessDenied", UNKNOWN)
    if not device.accept(call.at(account=call.principal.account), code):
        raise Fault("AccessDenied", WRONG)
