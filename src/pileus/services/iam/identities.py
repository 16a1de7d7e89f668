"""What users, groups and roles are alike in: a name and a path, and policies, of which the access decision is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import quote

from pileus.kernel import Call, Fault
from pileus.kernel.access import grammar
from pileus.kernel.access.attached import Grants
from pileus.kernel.record import Record

from .faults import exists, missing
from .lists import records

if TYPE_CHECKING:
    from pileus.kernel.access.grammar import Kind


class Identity(Record):
    """A user, group or role. Their names are the same in any case, and so are stored `folded`."""

    kind: ClassVar[str] = ""

    folded: str
    name: str
    path: str
    id: str
    created: float
    inline: dict[str, str] = {}
    attached: list[str] = []

    @classmethod
    def named(cls, call: Call, name: str) -> Self:
        if found := cls.get(call, name.lower()):
            return found
        raise missing(f"The {cls.kind} with name {name} cannot be found.")

    @classmethod
    def check_new(cls, call: Call, name: str) -> None:
        """Raise where one has that name already."""
        if cls.get(call, name.lower()):
            raise exists(f"{cls.kind.capitalize()} with name {name} already exists.")

    @classmethod
    def under(cls, call: Call, path_prefix: str, marker: str, max_items: int) -> dict[str, Any]:
        """Those under a path, in short."""
        return records(
            call,
            f"{cls.kind.capitalize()}s",
            cls,
            show=lambda one: one.shown(call),
            where=lambda one: one.path.startswith(path_prefix),
            marker=marker,
            max_items=max_items,
        )

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:iam::{call.account}:{self.kind}{self.path}{self.name}"

    def grants(self, call: Call) -> Grants:
        """What the access decision reads."""
        return Grants(id=self.id, owner=self.arn(call), inline=self.inline, attached=self.attached)

    def put(self, call: Call) -> Self:
        super().put(call)
        grants = self.grants(call)
        if Grants.get(call, self.id) != grants:
            grants.put(call)
        return self

    def delete(self, call: Call) -> None:
        super().delete(call)
        if grants := Grants.get(call, self.id):
            grants.delete(call)

    def refuse_change(self) -> None:
        """Raise for one that only AWS changes."""

    def shown(self, call: Call) -> dict[str, Any]:
        """The members that all answers have."""
        name = self.kind.capitalize()
        return {
            "Path": self.path,
            f"{name}Name": self.name,
            f"{name}Id": self.id,
            "Arn": self.arn(call),
            "CreateDate": self.created,
        }


def checked(document: str, kind: Kind) -> str:
    """A policy document, if it is one."""
    try:
        grammar.check(document, kind)
    except grammar.Malformed as malformed:
        raise Fault("MalformedPolicyDocumentException", malformed.reason) from None
    return document


def encoded(document: str) -> str:
    """A document as answers carry it (API reference: URL-encoded, compliant with RFC 3986)."""
    return quote(document, safe="")
