"""Where policies hang: on the root, on units, on accounts."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.record import Record

from .kinds import FULL
from .organization import Organization


class Attachment(Record, scope="account", key=("target", "type", "policy"), indexes={"by_policy": ("policy",)}):
    """A policy on a root, unit or account."""

    target: str
    type: str
    policy: str
    since: float


def attached(call: Call, target: str, kind: str) -> list[str]:
    """The ids of the policies of a type that hang on a node itself."""
    return [attachment.policy for attachment in Attachment.scan(call, target, kind)]


def attach_full(call: Call, found: Organization, target: str) -> None:
    """Hang AWS's own policies of the enabled types on something new in the tree."""
    for kind, full in FULL.items():
        if kind in found.types:
            Attachment(target, kind, full, call.now).put(call)


def detach_all(call: Call, target: str) -> None:
    """Take everything off what leaves the tree."""
    for attachment in list(Attachment.scan(call, target)):
        attachment.delete(call)
