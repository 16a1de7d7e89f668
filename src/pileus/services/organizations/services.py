"""AWS services that may look into the organization and act in its accounts."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call

from . import organizations
from .delegation import Delegate
from .faults import constraint, invalid_input, not_all_features
from .organization import PAGE, Organization, organization, page

PRINCIPAL = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")


def checked(service_principal: str) -> str:
    if not PRINCIPAL.fullmatch(service_principal):
        raise invalid_input("UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified an unrecognized service principal.")
    return service_principal


@organizations.operation
def enable_aws_service_access(call: Call, service_principal: str) -> None:
    """Trust a service with the organization; doing so again changes nothing."""
    found = organization(call)
    if not found.all_features:
        raise not_all_features()
    found.services.setdefault(checked(service_principal), call.now)
    found.put(call)


@organizations.operation
def disable_aws_service_access(call: Call, service_principal: str) -> None:
    """Trust a service no longer, unless an account administers it still."""
    found = organization(call)
    if not found.all_features:
        raise not_all_features()
    checked(service_principal)
    if any(service_principal in delegate.services for delegate in Delegate.scan(call)):
        raise constraint(
            "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE",
            "You must first deregister the delegated administrators of this service.",
        )
    found.services.pop(service_principal, None)
    found.put(call)


@organizations.operation
def list_aws_service_access_for_organization(
    call: Call, next_token: str = "", max_results: int = PAGE
) -> dict[str, Any]:
    """The services with access."""
    found = organization(call)
    if not found.all_features:
        raise not_all_features()
    return page(call, "EnabledServicePrincipals", shown(found), next_token, max_results)


def shown(found: Organization) -> list[dict[str, Any]]:
    return [{"ServicePrincipal": name, "DateEnabled": since} for name, since in sorted(found.services.items())]
