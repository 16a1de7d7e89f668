"""The kinds of EC2's resources: how their ids begin, what tags call them, and what EC2 says of one that is not there.

    @kind("subnet", "subnet", missing=("InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist"))
    class Subnet(Record, arn="subnet/{subnet_id}", cfn="AWS::EC2::Subnet"): ...

A record's key is its id. Whatever is declared so can be tagged, if it has a field `tags`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.names import hex_id
from pileus.kernel.resource import Resource
from pileus.kernel.resource_type import resource_type

from . import ec2

K = TypeVar("K", bound=type)
R = TypeVar("R", bound=Record)


HEXADECIMAL = re.compile("[0-9a-f]+")


class Kind(NamedTuple):
    """One kind of resource."""

    name: str
    """As tags and tag specifications call it: a value of the model's ResourceType."""
    prefix: str
    """What its ids begin with, without the last hyphen."""
    record: type[Record]
    missing: tuple[str, str]
    """The error for one that is not there, and what it says."""
    malformed: str
    """The code of the error for an id that cannot be one; empty where EC2 says that it is not there."""
    digits: bool = False
    """Whether an id whose end is no hexadecimal number cannot be one."""

    def new_id(self) -> str:
        return hex_id(self.prefix)

    def absent(self, *ids: str) -> Fault:
        """The error for ids that are not there."""
        code, text = self.missing
        if len(ids) > 1:
            text = text.replace(" ID '", " IDs '").replace(" id '", " ids '").replace("does not exist", "do not exist")
        return Fault(code, text.format(", ".join(ids)))

    def check(self, what: str) -> None:
        """Raise the error for what cannot be the id of one."""
        begins = what.startswith(f"{self.prefix}-")
        if self.malformed == "InvalidParameterValue" and not begins:
            text = f"Value ({what}) for parameter {self.name}Id is invalid. Expected: '{self.prefix}-...'."
            raise Fault(self.malformed, text)
        if self.malformed and not begins:
            raise Fault(self.malformed, f'Invalid id: "{what}" (expecting "{self.prefix}-...")')
        if self.digits and not HEXADECIMAL.fullmatch(what, len(self.prefix) + 1):
            raise Fault(self.malformed, f'Invalid id: "{what}"')


BY_PREFIX: dict[str, Kind] = {}
BY_RECORD: dict[type, Kind] = {}


def kind(
    name: str,
    prefix: str,
    *,
    missing: tuple[str, str],
    malformed: str | None = None,
    member: str = "",
    digits: bool = False,
) -> Callable[[K], K]:
    """Declare a kind of resource.

    `malformed` is by default the missing error's code with `.Malformed` for `.NotFound`. `member` is the request member
    that names one (`VpcId`), by default the record's first field in AWS's spelling. With `digits` EC2 looks at the
    digits of an id too.
    """
    if malformed is None:
        malformed = missing[0].replace(".NotFound", ".Malformed") if missing[0].endswith(".NotFound") else ""

    def declare(cls: K) -> K:
        record: Any = cls.family.row if issubclass(cls, Resource) else cls
        one = Kind(name, prefix, record, missing, malformed, digits)
        BY_PREFIX[prefix] = BY_RECORD[cls] = BY_RECORD[record] = one
        if not issubclass(cls, Resource):
            words = record.__struct_fields__[0].split("_")
            resource_type(ec2, member or "".join(word.capitalize() for word in words))(record)
        return cls

    return declare


def kind_of(what: str) -> Kind | None:
    """The kind that an id is one of, by how it begins."""
    return BY_PREFIX.get(what.rpartition("-")[0]) or BY_PREFIX.get(what.partition("-")[0])  # fleets' end in a UUID


def new_id(record: type) -> str:
    """A new id for one of a kind."""
    return BY_RECORD[record].new_id()


def named(call: Call, record: type[R], what: str) -> R:
    """The one of that id; raises its kind's error for one that is not there."""
    one = BY_RECORD[record]
    if found := record.get(call, what):
        return found
    one.check(what)
    raise one.absent(what)


def all_named(call: Call, record: type[R], ids: Iterable[str]) -> list[R]:
    """Those of these ids, each once and in this order; raises the kind's error that names all that are not there."""
    one = BY_RECORD[record]
    found: dict[str, Any] = {what: record.get(call, what) for what in ids}
    absent = [what for what, there in found.items() if there is None]
    for what in absent:
        one.check(what)
    if absent:
        raise one.absent(*absent)
    return [*found.values()]
