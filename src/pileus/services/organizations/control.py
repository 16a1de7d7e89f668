"""What the access decision is told: of every account its place in the tree, and the policies on the way there."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.access.attached import Membership

from .attachments import attached
from .kinds import FULL, RCP, SCP
from .nodes import Member, ancestry, beneath, path_of
from .organization import Organization


def tell(call: Call, found: Organization, member: Member) -> None:
    """Write down what limits an account; nothing is written where nothing has changed."""
    way = ancestry(call, found, member.id)
    membership = Membership(
        account=member.id,
        organization=found.id,
        path=path_of(found, way[:-1]),
        management=member.id == found.management,
        management_account=found.management,
        scps=levels(call, found, way, SCP),
        rcps=levels(call, found, way, RCP),
        suspended=member.state in ("CLOSED", "SUSPENDED"),
    )
    if Membership.get(call, member.id) != membership:
        membership.put(call)


def levels(call: Call, found: Organization, way: list[str], kind: str) -> list[list[str]]:
    """The policies of a type at each level, from the root down; none where the type is not enabled."""
    return [attached(call, node_id, kind) for node_id in way] if kind in found.types else []


def tell_beneath(call: Call, found: Organization, node_id: str, kind: str = SCP) -> None:
    """Write down anew what limits every account that is in a node, if policies of that type limit anybody."""
    if kind in FULL:
        for member in list(beneath(call, node_id)):
            tell(call, found, member)


def forget(call: Call, account: str) -> None:
    """An account is in no organization any more."""
    if membership := Membership.get(call, account):
        membership.delete(call)
