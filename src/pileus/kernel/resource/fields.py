"""What a declaration may give its fields: plain values, or functions of the call and the resource that is being made.

fields = dict(Id=unique("ns-", 16), CreatedAt=now, ModifiedAt=changed, Locked=False, Policy=None)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pileus.kernel import names

if TYPE_CHECKING:
    from pileus.kernel.call import Call

    from .family import Row

Make = Callable[["Call", "Row"], Any]


def now(call: Call, row: Row) -> float:
    """When the resource was made."""
    return call.now


def changed(call: Call, row: Row) -> float:
    """When it was made or last updated."""
    return call.now


def unique(prefix: str = "", length: int = 17, alphabet: str = names.LOWER) -> Make:
    """Random characters after a prefix."""
    return lambda call, row: prefix + names.token(length, alphabet)


def hex_id(prefix: str) -> Make:
    """An id such as EC2's: `i-0123456789abcdef0`."""
    return lambda call, row: names.hex_id(prefix)


def owner(call: Call, row: Row) -> str:
    """The account whose resource it is."""
    return call.account


def uuid(call: Call, row: Row) -> str:
    return names.uuid4()


def fill(call: Call, row: Row, fields: Mapping[str, Any]) -> None:
    """Give a resource those of its fields that it has not. None is a field without a value."""
    members = row.members
    for name, value in fields.items():
        if name in members or value is None:
            continue
        if callable(value):
            members[name] = value(call, row)
        else:
            members[name] = copy.deepcopy(value) if isinstance(value, (list, dict)) else value
