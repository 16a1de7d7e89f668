"""Delegated administrators: member accounts that may keep event data stores for their whole organization.

Left out: their trails of the organization, which the management account would own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.kernel import Call, Fault

from . import cloudtrail
from .lookups import PRINCIPAL

WORDS = {
    "AWSOrganizationsNotInUseException": ("OrganizationsNotInUseException", 404),
    "AccessDeniedException": ("NotOrganizationManagementAccountException", 400),
    "AccountAlreadyRegisteredException": ("AccountRegisteredException", 400),
    "AccountNotFoundException": ("AccountNotFoundException", 400),
    "AccountNotRegisteredException": ("AccountNotRegisteredException", 400),
    "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR": ("CannotDelegateManagementAccountException", 400),
    "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED": ("DelegatedAdminAccountLimitExceededException", 400),
    "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE": ("OrganizationNotInAllFeaturesModeException", 400),
    "SERVICE_ACCESS_NOT_ENABLED": ("CloudTrailAccessNotEnabledException", 400),
}
"""CloudTrail's errors, by those of Organizations or their reasons."""


@cloudtrail.operation
def register_organization_delegated_admin(call: Call, member_account_id: str) -> None:
    """Have a member account administer CloudTrail for the organization."""
    organizations = call.aws("organizations")
    asked(lambda: organizations.enable_aws_service_access(service_principal=PRINCIPAL))
    asked(
        lambda: organizations.register_delegated_administrator(
            account_id=member_account_id, service_principal=PRINCIPAL
        )
    )


@cloudtrail.operation
def deregister_organization_delegated_admin(call: Call, delegated_admin_account_id: str) -> None:
    """Have it administer CloudTrail no more."""
    organizations = call.aws("organizations")
    asked(
        lambda: organizations.deregister_delegated_administrator(
            account_id=delegated_admin_account_id, service_principal=PRINCIPAL
        )
    )


def asked(ask: Callable[[], Any]) -> None:
    """Ask Organizations; its errors become those of CloudTrail."""
    try:
        ask()
    except Fault as fault:
        known = WORDS.get(str(fault.members.get("Reason", ""))) or WORDS.get(fault.code)
        if known is None:
            raise
        raise Fault(known[0], fault.message, status=known[1]) from None
