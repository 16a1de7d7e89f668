"""The account's suppression list."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ses.suppression import Suppressed, suppress

from . import sesv2


def existing(call: Call, email_address: str) -> Suppressed:
    found = Suppressed.get(call, email_address.lower())
    if found is None:
        raise Fault("NotFoundException", f"Email address {email_address} does not exist on your suppression list.")
    return found


@sesv2.operation
def put_suppressed_destination(call: Call, email_address: str, reason: str) -> None:
    suppress(call, email_address, reason)


@sesv2.operation(on=existing)
def get_suppressed_destination(call: Call, found: Suppressed) -> dict[str, Any]:
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
) -> dict[str, Any]:
    page = Suppressed.page(
        call,
        limit=page_size,
        token=next_token,
        where=lambda one: (
            (not reasons or one.reason in reasons)
            and (start_date is None or one.at >= start_date)
            and (end_date is None or one.at <= end_date)
        ),
        invalid=Fault("InvalidNextTokenException", "The specified request includes an invalid or expired token."),
    )
    told = [{"EmailAddress": one.address, "Reason": one.reason, "LastUpdateTime": one.at} for one in page.items]
    return {"SuppressedDestinationSummaries": told, "NextToken": page.token}


@sesv2.operation(on=existing)
def delete_suppressed_destination(call: Call, found: Suppressed) -> None:
    found.delete(call)
