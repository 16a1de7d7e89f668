"""Centralized root access: an organization's management account acts as the root of its members, for certain tasks."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.identity import service
from pileus.kernel.paging import every
from pileus.kernel.record import Record

from . import iam

PRINCIPAL = "iam.amazonaws.com"
CLOUD = service("pileus.amazonaws.com")
CREDENTIALS, SESSIONS = "RootCredentialsManagement", "RootSessions"


class RootFeatures(Record, scope="account"):
    """The features that an organization has enabled. The record lies in its management account."""

    organization: str
    enabled: list[str] = []


@iam.operation
def enable_organizations_root_credentials_management(call: Call) -> dict[str, Any]:
    """Let the management account manage the credentials of its members' roots."""
    return changed(call, CREDENTIALS, enable=True)


@iam.operation
def disable_organizations_root_credentials_management(call: Call) -> dict[str, Any]:
    return changed(call, CREDENTIALS, enable=False)


@iam.operation
def enable_organizations_root_sessions(call: Call) -> dict[str, Any]:
    """Let the management account have sessions as its members' roots (STS AssumeRoot)."""
    return changed(call, SESSIONS, enable=True)


@iam.operation
def disable_organizations_root_sessions(call: Call) -> dict[str, Any]:
    return changed(call, SESSIONS, enable=False)


@iam.operation
def list_organizations_features(call: Call) -> dict[str, Any]:
    """The features that are enabled."""
    return shown(features(call)[1])


def changed(call: Call, feature: str, *, enable: bool) -> dict[str, Any]:
    there, found = features(call)
    if enable and there.account != call.account:
        raise Fault(
            "CallerIsNotManagementAccountException",
            "The request was rejected because the account making the request is not the management account.",
        )
    others = [name for name in found.enabled if name != feature]
    found.enabled = sorted([*others, feature]) if enable else others
    found.put(there)
    return shown(found)


def shown(found: RootFeatures) -> dict[str, Any]:
    return {"OrganizationId": found.organization, "EnabledFeatures": found.enabled}


def features(call: Call) -> tuple[Call, RootFeatures]:
    """The features of the caller's organization, and the call that looks at its management account."""
    try:
        organization = call.aws("organizations", principal=CLOUD).describe_organization()["Organization"]
    except Fault as fault:
        if fault.code != "AWSOrganizationsNotInUseException":
            raise
        raise Fault("OrganizationNotFoundException", "Your account is not a member of an organization.") from None
    if organization["FeatureSet"] != "ALL":
        raise Fault("OrganizationNotInAllFeaturesModeException", "Your organization must have all features enabled.")
    there = call.at(account=organization["MasterAccountId"])
    organizations = there.aws("organizations", principal=CLOUD)
    enabled = every(organizations.list_aws_service_access_for_organization, "EnabledServicePrincipals")
    if not any(one["ServicePrincipal"] == PRINCIPAL for one in enabled):
        raise Fault(
            "ServiceAccessNotEnabledException",
            "The request was rejected because trusted access is not enabled for IAM in Organizations.",
        )
    if there.account != call.account and not administers(call, organizations):
        raise Fault(
            "AccountNotManagementOrDelegatedAdministratorException",
            "The request was rejected because the account is not the management account or a delegated administrator.",
        )
    return there, RootFeatures.get(there, organization["Id"]) or RootFeatures(organization["Id"])


def administers(call: Call, organizations: Any) -> bool:
    """Whether the caller's account administers IAM for its organization."""
    asked = {"service_principal": PRINCIPAL}
    found = every(organizations.list_delegated_administrators, "DelegatedAdministrators", **asked)
    return any(one["Id"] == call.account for one in found)
