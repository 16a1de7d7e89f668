"""What accounts let others use: snapshots and images that are shared with accounts, with organizations, or with all.

An offer stands under whom it is made to, so that what somebody may use is a range, and so is what is public.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pileus.kernel import Call, Record
from pileus.kernel.access.attached import Membership
from pileus.services.ec2 import ec2

ALL = "all"


class Offer(Record, scope="cloud", key=("kind", "region", "grantee", "id"), indexes={"by_owner": ("owner", "kind")}):
    """Something that somebody may use who does not own it."""

    kind: str
    region: str
    grantee: str
    """An account, the ARN of an organization or of a unit of it, or `all`."""
    id: str
    owner: str


class ImageUser(Record, scope="cloud", key=("image_id", "account")):
    """That an account has named an image that another one shares."""

    image_id: str
    account: str


def noted(call: Call, image_id: str) -> None:
    """The account names an image in a launch or a template."""
    if owner_of(call, "image", image_id):
        ImageUser(image_id, call.account).put(call)


def offer(call: Call, kind: str, what: str, grantees: Iterable[str]) -> None:
    for grantee in grantees:
        Offer(kind, call.region, grantee, what, call.account).put(call)


def withdraw(call: Call, kind: str, what: str, grantees: Iterable[str]) -> None:
    for grantee in grantees:
        if found := Offer.get(call, kind, call.region, grantee, what):
            found.delete(call)


def owner_of(call: Call, kind: str, what: str) -> str:
    """The account that lets the caller's use it; empty if none does."""
    for grantee in (call.account, ALL):
        if found := Offer.get(call, kind, call.region, grantee, what):
            return found.owner
    for grantee in organization(call):
        if found := Offer.get(call, kind, call.region, grantee, what):
            return found.owner
    return ""


def offered(call: Call, kind: str, *grantees: str) -> Iterator[Offer]:
    """What is offered to any of these, each once."""
    seen: set[str] = set()
    for grantee in grantees:
        for found in Offer.scan(call, kind, call.region, grantee):
            if found.id not in seen and found.owner != call.account:
                seen.add(found.id)
                yield found


@ec2.forget
def forget(call: Call) -> None:
    """What an account that is reset has offered."""
    for found in list(Offer.scan(call, call.account, index="by_owner")):
        found.delete(call)
    for user in [user for user in ImageUser.scan(call) if user.account == call.account]:
        user.delete(call)


def organization(call: Call) -> list[str]:
    """The ARNs of the organization of the caller's account and of the units that it is in."""
    member = Membership.get(call, call.account)
    if member is None:
        return []
    home = f"arn:{call.partition}:organizations::{member.management_account}"
    units = [place for place in member.path.split("/") if place.startswith("ou-")]
    return [f"{home}:organization/{member.organization}", *(f"{home}:ou/{member.organization}/{one}" for one in units)]
