"""The organization itself, and its root."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, paging
from pileus.kernel.access.attached import Membership
from pileus.kernel.record import Record

from . import organizations
from .addresses import email_of
from .faults import constraint, denied, invalid_input, not_in_use

PAGE = 20
"""How many entries a list gives, where its caller does not want fewer (API reference, MaxResults)."""

INVALID_TOKEN = invalid_input("INVALID_NEXT_TOKEN", "You provided an invalid value for NextToken.")


class Organization(Record, scope="account"):
    """An organization; the account in which it lies is its management account."""

    id: str
    """`o-…`"""
    management: str
    features: str
    """ALL or CONSOLIDATED_BILLING."""
    root: str
    """`r-…`"""
    types: list[str] = []
    """The types of policies that are enabled in the root."""
    tags: dict[str, str] = {}
    """Of the root."""
    services: dict[str, float] = {}
    """The principals of the services with access, and since when."""
    counts: dict[str, int] = {}
    """How many units and accounts there are, and policies of each type."""
    closures: list[float] = []
    """When accounts were closed lately."""

    def arn(self, call: Call, kind: str = "organization", *rest: str) -> str:
        """The ARN of something in the organization."""
        return f"arn:{call.partition}:organizations::{self.management}:{'/'.join((kind, self.id, *rest))}"

    @property
    def all_features(self) -> bool:
        return self.features == "ALL"

    def one_more(self, call: Call, what: str, most: int, reason: str, message: str) -> None:
        """Count one more, unless there are as many as there may be."""
        count = self.counts.get(what, 0)
        if count >= most:
            raise constraint(reason, message)
        self.counts = self.counts | {what: count + 1}
        self.put(call)

    def one_less(self, call: Call, what: str) -> None:
        self.counts = self.counts | {what: self.counts.get(what, 0) - 1}
        self.put(call)

    def shown(self, call: Call) -> dict[str, Any]:
        available = [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}] if self.all_features else []
        return {
            "Id": self.id,
            "Arn": self.arn(call),
            "FeatureSet": self.features,
            "MasterAccountArn": self.arn(call, "account", self.management),
            "MasterAccountId": self.management,
            "MasterAccountEmail": email_of(call, self.management),
            "AvailablePolicyTypes": available,  # which AWS answers still, and says not to use
        }

    def root_shown(self, call: Call) -> dict[str, Any]:
        return {
            "Id": self.root,
            "Arn": self.arn(call, "root", self.root),
            "Name": "Root",
            "PolicyTypes": [{"Type": name, "Status": "ENABLED"} for name in self.types],
        }


def organization(call: Call) -> Organization:
    """The organization of the account that the call looks at, which must be its management account."""
    if found := Organization.first(call):
        return found
    raise denied() if Membership.get(call, call.account) else not_in_use()


def home(call: Call) -> Call:
    """The call looking at the management account of the organization that its own account is in."""
    member = Membership.get(call, call.account)
    if member is None:
        raise not_in_use()
    return call.at(account=member.management_account)


@organizations.operation
def describe_organization(call: Call) -> dict[str, Any]:
    """The organization that the calling account is in."""
    at_home = home(call)
    return {"Organization": organization(at_home).shown(at_home)}


@organizations.operation
def list_roots(call: Call, next_token: str = "", max_results: int = PAGE) -> dict[str, Any]:
    """The one root of the organization."""
    return page(call, "Roots", [organization(call).root_shown(call)], next_token, max_results)


def page(call: Call, member: str, items: list[Any], token: str, most: int) -> dict[str, Any]:
    """A page of what is at hand as a whole."""
    start = paging.opened(call, token, INVALID_TOKEN) if token else 0
    stop = start + most
    return {member: items[start:stop], "NextToken": paging.sealed(call, stop) if stop < len(items) else None}
