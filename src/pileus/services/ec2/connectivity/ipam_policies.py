"""Policies of IPAM: out of which pools an account's public addresses come, by Region and kind of resource.

Only addresses that are allocated by themselves heed them here (`eip`, and `rnat` in regional NAT gateways); other rules
are kept for services that are not there.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.access.attached import Membership
from pileus.kernel.filters import Filters
from pileus.kernel.paging import every
from pileus.kernel.resource import Resource, Row, hex_id, owner
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.faults import bad_value, in_use
from pileus.services.ec2.kinds import kind, named

from .ipam_pools import seen
from .ipams import Ipam

PRINCIPAL = "ipam.amazonaws.com"
MISSING = ("InvalidIpamPolicyId.NotFound", "The specified IPAM Policy ID does not exist: {}")
STATES = (
    "State: create-in-progress -> create-complete after 1s; modify-in-progress -> modify-complete after 1s; "
    "delete-in-progress -> delete-complete after 1s; delete-complete -> gone after 1h"
)


class PolicyRule(Record, key=("policy", "locale", "resource_type"), table="ec2.IpamPolicyRule"):
    """Out of which pools a kind of resource gets its addresses in a Region: the first that has one."""

    policy: str
    locale: str
    resource_type: str
    pools: list[str]


class PolicyTarget(Record, scope="cloud", indexes={"of_policy": ("policy",)}, table="ec2.IpamPolicyTarget"):
    """For whom a policy is enabled: an account, or a part of an organization."""

    target: str
    policy: str
    account: str
    region: str


@ec2.forget
def forget(call: Call) -> None:
    """What is known everywhere of an account that is reset."""
    for one in [one for one in PolicyTarget.scan(call) if one.account == call.account]:
        one.delete(call)


@kind("ipam-policy", "ipam-policy", missing=MISSING)
class IpamPolicy(Resource, service=ec2):
    """A policy."""

    key = "IpamPolicyId"
    arn = ("IpamPolicyArn", "arn:{partition}:ec2::{account}:ipam-policy/{IpamPolicyId}")
    create, list, delete = "CreateIpamPolicy", "DescribeIpamPolicies", "DeleteIpamPolicy"
    missing = MISSING
    tags = "TagSpecifications"
    states = STATES
    fields = {"IpamPolicyId": hex_id("ipam-policy"), "OwnerId": owner, "IpamPolicyRegion": None}
    filters = {"ipam-id": "IpamId", "ipam-policy-id": "IpamPolicyId", "owner-id": "OwnerId", "state": "State"}

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        named(call, Ipam, row["IpamId"])
        row["IpamPolicyRegion"] = call.region

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        if targets(call, row["IpamPolicyId"]):
            raise in_use(f"The IPAM policy {row['IpamPolicyId']} is enabled and cannot be deleted.")

    @staticmethod
    def after_delete(call: Call, row: Row) -> None:
        PolicyRule.delete_all(call, row["IpamPolicyId"])


def targets(call: Call, policy: str) -> list[PolicyTarget]:
    return [*PolicyTarget.scan(call, policy, index="of_policy")]


# Rules


@ec2.operation(on=IpamPolicy.of("ModifyIpamPolicyAllocationRules"))
def modify_ipam_policy_allocation_rules(
    call: Call, policy: Row, locale: str, resource_type: str, allocation_rules: list[Members] = []
) -> Members:
    """Say anew out of which pools a kind of resource gets its addresses in a Region; none are Amazon's own."""
    pools = [one.get("SourceIpamPoolId", "") for one in allocation_rules]
    for what in pools:
        _, pool = seen(call, what)
        if (pool.scope_type, pool.family, pool.locale) != ("public", "ipv4", locale):
            raise bad_value("SourceIpamPoolId", what, f"The pool must be a public IPv4 pool with the locale {locale}.")
    rule = PolicyRule(policy["IpamPolicyId"], locale, resource_type, pools)
    if pools:
        rule.put(call)
    else:
        rule.delete(call)
    return {"IpamPolicyDocument": _document(rule)}


RULE_FILTERS = Filters({"locale": "Locale", "resource-type": "ResourceType"}, tags=None)


@ec2.operation(on=IpamPolicy.of("GetIpamPolicyAllocationRules"))
def get_ipam_policy_allocation_rules(
    call: Call,
    policy: Row,
    filters: list[Members] = [],
    locale: str = "",
    resource_type: str = "",
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The rules of a policy."""
    rules = PolicyRule.scan(call, policy["IpamPolicyId"], *filter(None, [locale]))
    found = [_document(one) for one in rules if resource_type in ("", one.resource_type)]
    return selected(call, "IpamPolicyDocuments", RULE_FILTERS, found, filters, max_results, next_token)


def _document(rule: PolicyRule) -> Members:
    return {
        "IpamPolicyId": rule.policy,
        "Locale": rule.locale,
        "ResourceType": rule.resource_type,
        "AllocationRules": [{"SourceIpamPoolId": what} for what in rule.pools],
    }


# For whom


@ec2.operation(on=IpamPolicy.of("EnableIpamPolicy"))
def enable_ipam_policy(call: Call, policy: Row, organization_target_id: str = "") -> Members:
    """Let a policy count for the account, or for a part of the organization; the one that did before no longer does."""
    if organization_target_id:
        check_manager(call)
    what = policy["IpamPolicyId"]
    PolicyTarget(organization_target_id or call.account, what, call.account, call.region).put(call)
    return {"IpamPolicyId": what}


@ec2.operation(on=IpamPolicy.of("DisableIpamPolicy"))
def disable_ipam_policy(call: Call, policy: Row, organization_target_id: str = "") -> Members:
    """Let it count no longer."""
    found = PolicyTarget.get(call, organization_target_id or call.account)
    if found is None or found.policy != policy["IpamPolicyId"]:
        raise Fault("InvalidParameterValue", f"The IPAM policy {policy['IpamPolicyId']} is not enabled for the target.")
    found.delete(call)
    return {"Return": True}


def check_manager(call: Call) -> None:
    """Raise unless the account manages the addresses of an organization."""
    member = Membership.get(call, call.account)
    if member and not member.management:
        asked = call.at(account=member.management_account).aws("organizations").list_delegated_administrators
        found: Any = every(asked, "DelegatedAdministrators", service_principal=PRINCIPAL)
        if not any(one["Id"] == call.account for one in found):
            member = None
    if member is None:
        text = "The account is not the delegated administrator for IPAM of an organization."
        raise Fault("UnsupportedOperation", text)


ORGANIZATION_FILTERS = Filters({"organization-target-id": "OrganizationTargetId"}, tags=None)


@ec2.operation(on=IpamPolicy.of("GetIpamPolicyOrganizationTargets"))
def get_ipam_policy_organization_targets(
    call: Call, policy: Row, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The parts of the organization for which a policy is enabled."""
    there = (one.target for one in targets(call, policy["IpamPolicyId"]) if one.target != one.account)
    found = [{"OrganizationTargetId": what} for what in there]
    return selected(call, "OrganizationTargets", ORGANIZATION_FILTERS, found, filters, max_results, next_token)


@ec2.operation
def get_enabled_ipam_policy(call: Call) -> Members:
    """The policy that counts for the account."""
    found = effective(call)
    if found is None:
        return {"IpamPolicyEnabled": False}
    by = "account" if found.account == call.account else "delegated-administrator-for-ipam"
    return {"IpamPolicyEnabled": True, "IpamPolicyId": found.policy, "ManagedBy": by}


def effective(call: Call) -> PolicyTarget | None:
    """What is enabled nearest to the account: for itself, its unit, or its organization's root."""
    if PolicyTarget.first(call) is None:
        return None
    member = Membership.get(call, call.account)
    above = member.path.strip("/").split("/")[1:] if member else []
    return next((found for what in (call.account, *reversed(above)) if (found := PolicyTarget.get(call, what))), None)


def pools_for(call: Call, resource_type: str) -> list[str]:
    """Out of which pools a kind of resource of the account gets its addresses in the Region."""
    found = effective(call)
    there = call.at(found.account, found.region) if found else call
    rule = PolicyRule.get(there, found.policy, call.region, resource_type) if found else None
    return rule.pools if rule else []
