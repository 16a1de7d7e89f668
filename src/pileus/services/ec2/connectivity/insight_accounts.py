"""Which other accounts' networks the Reachability Analyzer may look into: those of the organization that trusts it.

The management account may, and whom it has delegated that to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access.attached import Membership
from pileus.kernel.paging import every
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import kind_of

PRINCIPAL = "reachabilityanalyzer.networkinsights.amazonaws.com"


@ec2.operation
def enable_reachability_analyzer_organization_sharing(call: Call) -> Members:
    """Let the analyzer see the accounts of the organization, of which the caller's has to be the management account."""
    call.aws("organizations").enable_aws_service_access(service_principal=PRINCIPAL)
    return {"ReturnValue": True}


def check(call: Call, accounts: Iterable[str]) -> None:
    """Raise unless the account may look into all of these."""
    others = [one for one in accounts if one != call.account]
    if not others:
        return
    mine = Membership.get(call, call.account)
    if mine is None or not _trusted(call, mine):
        text = "The account may not analyze resources of other accounts: Reachability Analyzer is not trusted for it."
        raise Fault("OperationNotPermitted", text)
    for one in others:
        theirs = Membership.get(call, one)
        if theirs is None or theirs.organization != mine.organization:
            raise Fault("InvalidParameterValue", f"The account {one} is not a member of the organization.")


def _trusted(call: Call, mine: Membership) -> bool:
    """Whether the organization trusts the analyzer, and lets this account ask it."""
    manager = call.account if mine.management else mine.management_account
    organizations = call.at(account=manager).aws("organizations")
    trusted: Any = every(organizations.list_aws_service_access_for_organization, "EnabledServicePrincipals")
    if not any(one["ServicePrincipal"] == PRINCIPAL for one in trusted):
        return False
    asked: Any = every(
        organizations.list_delegated_administrators, "DelegatedAdministrators", service_principal=PRINCIPAL
    )
    return mine.management or any(one["Id"] == call.account for one in asked)


def found(call: Call, accounts: Iterable[str], what: str) -> tuple[Call, Any]:
    """What an id names in the account, or in one of the others, and a call that looks there; None if it is nowhere."""
    one = kind_of(what)
    for account in dict.fromkeys([call.account, *accounts]):
        there = call.at(account=account)
        if one and (record := one.record.get(there, what)):
            return there, record
    return call, None
