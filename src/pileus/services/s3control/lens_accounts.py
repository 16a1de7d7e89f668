"""The accounts that a Storage Lens configuration is about: its own, or all of an organization.

"Using S3 Storage Lens with AWS Organizations", S3 User Guide: the management account, or one that was registered as its
delegate, looks at all accounts once Storage Lens has been given access to the organization.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, identity, paging
from pileus.services.s3.faults import denied, invalid_request

ITSELF = "storage-lens.s3.amazonaws.com"

Members = dict[str, Any]


def organizations(call: Call, account: str) -> Any:
    """AWS Organizations, asked by the root of an account."""
    root = identity.root(account, partition=call.partition)
    return call.at(account=account, principal=root).aws("organizations", principal=root)


def check(call: Call, wanted: Members) -> None:
    """Refuse an organization that is not the account's to look at, or into which Storage Lens was not let."""
    try:
        found = organizations(call, call.account).describe_organization()["Organization"]
    except Fault:
        raise invalid_request("The account is not in an organization") from None
    if found["Arn"] != wanted["Arn"]:
        raise invalid_request("The account is not in that organization")
    manager = organizations(call, found["MasterAccountId"])
    services = paging.every(manager.list_aws_service_access_for_organization, "EnabledServicePrincipals")
    if ITSELF not in [each["ServicePrincipal"] for each in services]:
        raise invalid_request("Trusted access for S3 Storage Lens is not enabled in the organization")
    delegates = paging.every(manager.list_delegated_administrators, "DelegatedAdministrators", service_principal=ITSELF)
    if call.account not in (found["MasterAccountId"], *(each["Id"] for each in delegates)):
        raise denied()


def of(call: Call, content: Members) -> list[str]:
    """The accounts; only its own once it may not look at the others any more."""
    if wanted := content.get("AwsOrg"):
        try:
            check(call, wanted)
        except Fault:
            return [call.account]
        manager = organizations(call, call.account).describe_organization()["Organization"]["MasterAccountId"]
        listed = paging.every(organizations(call, manager).list_accounts, "Accounts")
        return sorted(each["Id"] for each in listed if each["Status"] == "ACTIVE")
    return [call.account]
