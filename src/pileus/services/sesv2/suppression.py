"""Suppression lists: the account's, and those of tenants."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ses import suppression
from pileus.services.ses.suppression import Suppressed, TenantSuppressed, suppress

from . import sesv2, tenants


def whose(call: Call, tenant_name: str) -> str:
    """The tenant whose list is meant, which must be there; none for the account's."""
    return tenants.existing(call, tenant_name).name if tenant_name else ""


def existing(call: Call, email_address: str, tenant_name: str = "") -> Suppressed | TenantSuppressed:
    found = suppression.found(call, email_address, whose(call, tenant_name))
    if found is None:
        raise Fault("NotFoundException", f"Email address {email_address} does not exist on your suppression list.")
    return found


@sesv2.operation
def put_suppressed_destination(call: Call, email_address: str, reason: str, tenant_name: str = "") -> None:
    suppress(call, email_address, reason, tenant=whose(call, tenant_name))


@sesv2.operation(on=existing)
def get_suppressed_destination(call: Call, found: Suppressed | TenantSuppressed) -> dict[str, Any]:
    attributes = {"MessageId": found.message, "FeedbackId": found.feedback} if found.message else None
    told = {"EmailAddress": found.address, "Reason": found.reason, "LastUpdateTime": found.at}
    return {"SuppressedDestination": told | {"Attributes": attributes}}


@sesv2.operation
def list_suppressed_destinations(
    call: Call,
    reasons: list[str] = [],
    start_date: float | None = None,
    end_date: float | None = None,
    next_token: str = "",
    page_size: int = 1000,
    tenant_name: str = "",
) -> dict[str, Any]:
    def wanted(one: Suppressed | TenantSuppressed) -> bool:
        return (
            (not reasons or one.reason in reasons)
            and (start_date is None or one.at >= start_date)
            and (end_date is None or one.at <= end_date)
        )

    invalid = Fault("InvalidNextTokenException", "The specified request includes an invalid or expired token.")
    scope: dict[str, Any] = {"limit": page_size, "token": next_token, "where": wanted, "invalid": invalid}
    tenant = whose(call, tenant_name)
    page: Any = TenantSuppressed.page(call, tenant, **scope) if tenant else Suppressed.page(call, **scope)
    told = [{"EmailAddress": one.address, "Reason": one.reason, "LastUpdateTime": one.at} for one in page.items]
    return {"SuppressedDestinationSummaries": told, "NextToken": page.token}


@sesv2.operation(on=existing)
def delete_suppressed_destination(call: Call, found: Suppressed | TenantSuppressed) -> None:
    found.delete(call)
