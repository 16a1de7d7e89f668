"""What RAM knows of the owner's organization, if it may share within it."""

from __future__ import annotations

from typing import NamedTuple

from pileus.kernel import Call, Fault, paging, roles
from pileus.kernel.access.attached import Membership
from pileus.kernel.identity import service

from . import ram
from .faults import not_permitted

PRINCIPAL = "ram.amazonaws.com"
CLOUD = service("pileus.amazonaws.com")


class Organization(NamedTuple):
    """The organization that an account may share in."""

    id: str
    management: str


def sharing_in(call: Call) -> Organization | None:
    """The organization of the account that the call looks at, where its management account has enabled sharing."""
    member = Membership.get(call, call.account)
    if member is None:
        return None
    organizations = call.at(account=member.management_account).aws("organizations", principal=CLOUD)
    enabled = paging.every(organizations.list_aws_service_access_for_organization, "EnabledServicePrincipals")
    if any(one["ServicePrincipal"] == PRINCIPAL for one in enabled):
        return Organization(member.organization, member.management_account)
    return None


def path_of_unit(call: Call, organization: Organization, unit: str) -> str | None:
    """`o-…/r-…/ou-…/` of a unit of the organization."""
    organizations = call.at(account=organization.management).aws("organizations", principal=CLOUD)
    try:
        return str(
            organizations.describe_organizational_unit(organizational_unit_id=unit)["OrganizationalUnit"]["Path"]
        )
    except Fault:
        return None


def places_of(call: Call, account: str) -> list[str]:
    """By what shares may mean an account: itself, its organization, the units that it is in."""
    member = Membership.get(call, account)
    return [account, *(member.path.rstrip("/").split("/") if member else [])]


@ram.operation
def enable_sharing_with_aws_organization(call: Call) -> dict[str, bool]:
    """Let the accounts of the organization share with each other, without invitations."""
    try:
        call.aws("organizations").enable_aws_service_access(service_principal=PRINCIPAL)
    except Fault as fault:
        raise not_permitted(
            f"Unable to enable sharing with AWS Organizations. Received {fault.code} from AWSOrganizations with the "
            f"following error message: {fault.message}"
        ) from None
    roles.link(call, PRINCIPAL, "AWSServiceRoleForResourceAccessManager")
    return {"returnValue": True}
