"""Passwords of Windows, and whether an account's serial consoles may be used."""

from __future__ import annotations

from pileus.kernel import Call, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members

from .instances import instance, wrong_state


class Switch(Record):
    """Something that an account has switched on in a Region."""

    name: str
    on: bool


@ec2.operation
def get_password_data(call: Call, instance_id: str) -> Members:
    """The password of a Windows instance; others have none."""
    one = instance(call, instance_id)
    if one.image.get("Platform") != "windows":
        return {"InstanceId": instance_id, "Timestamp": one.launched, "PasswordData": ""}
    raise wrong_state(f"The instance '{instance_id}' has no password yet.")


@ec2.operation
def get_serial_console_access_status(call: Call) -> Members:
    return {"SerialConsoleAccessEnabled": allowed(call), "ManagedBy": "account"}


@ec2.operation
def enable_serial_console_access(call: Call) -> Members:
    """Let whoever may do so use the serial consoles of the account's instances."""
    return _switch(call, True)


@ec2.operation
def disable_serial_console_access(call: Call) -> Members:
    return _switch(call, False)


def allowed(call: Call) -> bool:
    found = Switch.get(call, "serial-console")
    return bool(found and found.on)


def _switch(call: Call, on: bool) -> Members:
    Switch("serial-console", on).put(call)
    return {"SerialConsoleAccessEnabled": on}
