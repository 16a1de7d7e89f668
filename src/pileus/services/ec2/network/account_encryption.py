"""The control of encryption in transit in all of an account's VPCs in a Region, which gives each a control of its own.

A mode that is attempted succeeds in those VPCs in which nothing stands against it.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import new_id

from .encryption_controls import EXCLUDABLE, VpcEncryptionControl, apply, of_vpc
from .vpcs import Vpc
from .vpcs import life as vpc_life

UNMANAGED, MONITOR, ENFORCE = "unmanaged", "attempt-monitor", "attempt-enforce"
FAILED = "enforce-failed"


class AccountEncryption(Record, key=("account",), table="ec2.AccountVpcEncryptionControl"):
    account: str
    mode: str = UNMANAGED
    exclusions: list[str] = []
    at: float = 0.0


def of_account(call: Call) -> AccountEncryption:
    return AccountEncryption.get(call, call.account) or AccountEncryption(call.account)


@ec2.operation(honours=EXCLUDABLE)
def modify_account_vpc_encryption_control(call: Call, request: Members, mode: str = "") -> Members:
    """Ask for a mode, and exclude what cannot encrypt, in all VPCs."""
    found = of_account(call)
    for name in EXCLUDABLE:
        if asked := request.get(name):
            without = {*found.exclusions} - {name}
            found.exclusions = sorted(without | ({name} if asked == "enable" else set()))
    found.mode, found.at = mode or found.mode, call.now
    found.put(call)
    for vpc in Vpc.scan(call):
        follow(call, vpc)
    return {"AccountVpcEncryptionControl": shown(call, found)}


@vpc_life.begins_with
def follow(call: Call, vpc: Vpc) -> None:
    """Bring a VPC to what the account asks for."""
    found = of_account(call)
    if found.mode == UNMANAGED:
        return
    there = of_vpc(call, vpc.vpc_id)
    one = there or VpcEncryptionControl(new_id(VpcEncryptionControl), vpc.vpc_id, call.now)
    one.exclusions = sorted({*one.exclusions, *found.exclusions})
    apply(call, one, found.mode.removeprefix("attempt-"))


@ec2.operation
def describe_account_vpc_encryption_control(call: Call) -> Members:
    """What the account asks for, and how far it has got."""
    return {"AccountVpcEncryptionControl": shown(call, of_account(call))}


def shown(call: Call, found: AccountEncryption) -> Members:
    told: dict[str, Any] = {
        "State": _state(call, found),
        "Mode": found.mode,
        "Exclusions": {name: "enabled" if name in found.exclusions else "disabled" for name in EXCLUDABLE},
        "ManagedBy": "account",
    }
    return told | ({"LastUpdateTimestamp": found.at} if found.at else {})


def _state(call: Call, found: AccountEncryption) -> str:
    if found.mode == UNMANAGED:
        return "default-state"
    states = [one.now(call) for one in VpcEncryptionControl.scan(call)]
    if any(state.endswith("-in-progress") or state == "creating" for state in states):
        return "transitions-in-progress"
    failed = [state for state in states if state == FAILED]
    if not failed:
        return "transitions-successful"
    return "transitions-failed" if failed == states else "transitions-partially-successful"
