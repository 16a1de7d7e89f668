"""Whose things are: subnets and prefix lists that one account shares with others by AWS RAM.

A shared subnet stays its owner's, with all of its VPC; the interfaces and groups that others make in it are theirs, and
are kept with them. `accounts` finds all who have something in a VPC.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Record, identity
from pileus.kernel.access.attached import Shared
from pileus.kernel.paging import every
from pileus.services.ec2.connectivity import homes


class Guest(Record, key=("vpc_id", "account")):
    """Another account that has something in a VPC."""

    vpc_id: str
    account: str


def home(call: Call, what: str) -> Call:
    """A call that looks at the account of a subnet, a VPC or a list; the same call for what nobody else has."""
    there = homes.of(call, what)
    return there if there and there.region == call.region else call


def given(call: Call, arn: str) -> bool:
    """Whether a resource share gives the account this resource of another one."""
    found = _ram(call).list_resources(resource_owner="OTHER-ACCOUNTS", resource_arns=[arn])
    return bool(found["resources"])


def received(call: Call, kind: str) -> Iterator[str]:
    """The ids of the resources of a type that other accounts share with this one."""
    if Shared.first(call, "ec2") is None:
        return
    for one in every(_ram(call).list_resources, "resources", token="nextToken", resource_owner="OTHER-ACCOUNTS"):
        if one["type"] == kind:
            yield one["arn"].rpartition("/")[2]


def _ram(call: Call) -> Any:
    """What the account sees in RAM, whatever the caller himself may ask there."""
    return call.aws("ram", principal=identity.root(call.account, partition=call.partition))


def arrive(call: Call, vpc_id: str) -> None:
    """The account makes something in a VPC that may be another's."""
    there = home(call, vpc_id)
    if there.account != call.account:
        Guest(vpc_id, call.account).put(there)


def accounts(call: Call, vpc_id: str) -> Iterator[Call]:
    """Calls that look at each account that may have something in a VPC, its owner first."""
    there = home(call, vpc_id)
    yield there
    for guest in Guest.scan(there, vpc_id):
        yield call.at(account=guest.account)
