"""What an account sees of resources that services manage for it: by default everything, or only what it asks for."""

from __future__ import annotations

from pileus.kernel import Call, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members

VISIBLE, HIDDEN = "visible", "hidden"


class Visibility(Record, key=("account",), scope="account", table="ec2.ManagedResourceVisibility"):
    account: str
    default: str = VISIBLE


def of_account(call: Call) -> Visibility:
    return Visibility.get(call, call.account) or Visibility(call.account)


def hidden(call: Call, include: bool | None) -> bool:
    """Whether a listing leaves managed resources out, as its request or the account says."""
    return of_account(call).default == HIDDEN if include is None else not include


@ec2.operation
def get_managed_resource_visibility(call: Call) -> Members:
    """Whether the account sees managed resources by default."""
    return {"Visibility": {"DefaultVisibility": of_account(call).default}}


@ec2.operation
def modify_managed_resource_visibility(call: Call, default_visibility: str) -> Members:
    """Let the account see managed resources by default, or not."""
    Visibility(call.account, default_visibility).put(call)
    return {"Visibility": {"DefaultVisibility": default_visibility}}
