"""Responsibility transfers: one management account pays the bills of another's organization.

Who invites is the target, and the transfer is inbound to it; who accepts is the source. Each side has a name of its own
for a transfer. Nothing is billed here, so a transfer moves no money. Left out: transfers of transfers; their quotas.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.record import Record

from . import organizations
from .addresses import account_with, email_of
from .announcing import announce
from .faults import handshake_constraint, invalid_input, no_account
from .handshakes import TRANSFER, Handshake, ask, pending
from .organization import INVALID_TOKEN, PAGE, organization
from .tags import given


class Transfer(
    Record,
    scope="cloud",
    indexes={"by_target": ("target", "requested"), "by_source": ("source", "requested")},
    kw_only=True,
):
    """A transfer, or an invitation to one."""

    id: str
    """`rt-…`"""
    kind: str
    target: str
    source: str
    requested: float
    start: float
    names: dict[str, str]
    """By the account that uses it."""
    handshake: str
    status: str = "REQUESTED"
    end: float | None = None
    tags: dict[str, str] = {}

    def shown(self, call: Call) -> dict[str, Any]:
        """The transfer as the account of the call sees it."""
        way = "inbound" if call.account == self.target else "outbound"
        place = f"{organization(call).id}/{self.kind.lower()}/{way}/{self.id}"
        told: dict[str, Any] = {
            "Arn": f"arn:{call.partition}:organizations::{call.account}:transfer/{place}",
            "Name": self.names[call.account],
            "Id": self.id,
            "Type": self.kind,
            "Status": self.status,
            "Source": participant(call, self.source),
            "Target": participant(call, self.target),
            "StartTimestamp": self.start,
        }
        if self.end is not None:
            told["EndTimestamp"] = self.end
        return told | ({"ActiveHandshakeId": self.handshake} if self.status == "REQUESTED" else {})


def participant(call: Call, account: str) -> dict[str, str]:
    return {"ManagementAccountId": account, "ManagementAccountEmail": email_of(call, account)}


@organizations.operation
def invite_organization_to_transfer_responsibility(
    call: Call,
    type: str,  # noqa: A002
    target: dict[str, str],
    start_timestamp: float,
    source_name: str,
    notes: str = "",
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """Ask another organization's management account to have this one pay its bills."""
    found = organization(call)
    party, account = target["Type"], target["Id"]
    if party not in ("ACCOUNT", "EMAIL"):
        raise invalid_input("INVALID_PARTY_TYPE_TARGET", "You specified the wrong type of entity as a party.")
    if party == "EMAIL":
        account = account_with(call, account)
    if not account:
        raise no_account()
    if account == call.account:
        raise handshake_constraint(
            "SOURCE_AND_TARGET_CANNOT_MATCH",
            "An account can't accept a transfer invitation if it is both the sender and recipient of the invitation.",
        )
    check_start(call, start_timestamp)
    if pending(call, found, TRANSFER, account):
        raise Fault("DuplicateHandshakeException", "There is already an invitation that waits for an answer.")
    identifier = "rt-" + names.token(20, names.LOWER)
    told = {"RESPONSIBILITY_TRANSFER": identifier, "TRANSFER_TYPE": type}
    when = datetime.fromtimestamp(start_timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told |= {"TRANSFER_START_TIMESTAMP": when} | ({"NOTES": notes} if notes else {})
    handshake = ask(
        call,
        found,
        TRANSFER,
        account,
        party=target,
        more=[{"Type": name, "Value": value} for name, value in told.items()],
        tags=given(tags),
    )
    Transfer(
        id=identifier,
        kind=type,
        target=call.account,
        source=account,
        requested=call.now,
        start=start_timestamp,
        names={call.account: source_name, account: f"Account {call.account}"},
        handshake=handshake.id,
        tags=handshake.tags,
    ).put(call)
    return {"Handshake": handshake.shown(call)}


def check_start(call: Call, start: float) -> None:
    """Bills begin with months."""
    if first_of_month(start) != start:
        raise invalid_input("START_DATE_NOT_BEGINNING_OF_MONTH", "The start must be the beginning of a month in UTC.")
    if start <= call.now:
        raise invalid_input("START_DATE_TOO_EARLY", "The start must be in the future.")


def first_of_month(instant: float) -> float:
    at = datetime.fromtimestamp(instant, UTC)
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()


def end_of_month(instant: float) -> float:
    """The last second of the month."""
    later = datetime.fromtimestamp(first_of_month(instant), UTC) + timedelta(days=32)
    return first_of_month(later.timestamp()) - 1


def of_handshake(call: Call, handshake: Handshake) -> Transfer:
    transfers = Transfer.scan(call, handshake.management, index="by_target")
    return next(one for one in transfers if one.handshake == handshake.id)


def check_acceptable(call: Call, handshake: Handshake) -> None:
    """Refuse unless the account manages an organization, whose bills nobody else pays."""
    organization(call)
    if any(one.status == "ACCEPTED" for one in Transfer.scan(call, call.account, index="by_source")):
        raise handshake_constraint(
            "RESPONSIBILITY_TRANSFER_ALREADY_EXISTS", "You cannot perform this operation with the current transfer."
        )
    if of_handshake(call, handshake).start <= call.now:
        raise invalid_input("START_DATE_TOO_EARLY", "The start of the transfer has passed.")


def answered(call: Call, handshake: Handshake, state: str) -> None:
    """An invitation has come to its end, and so has what waits for it."""
    transfer = of_handshake(call, handshake)
    transfer.status = state
    transfer.put(call)


def named(call: Call, id: str) -> Transfer:  # noqa: A002
    """A transfer that concerns the account of the call."""
    organization(call)
    found = Transfer.get(call, id)
    if found is None or call.account not in (found.source, found.target):
        raise Fault("ResponsibilityTransferNotFoundException", "We can't find a transfer that you specified.")
    return found


@organizations.operation(on=named)
def describe_responsibility_transfer(call: Call, transfer: Transfer) -> dict[str, Any]:
    return {"ResponsibilityTransfer": transfer.shown(call)}


@organizations.operation(on=named)
def update_responsibility_transfer(call: Call, transfer: Transfer, name: str) -> dict[str, Any]:
    """Give a transfer another name on this side."""
    transfer.names = transfer.names | {call.account: name}
    transfer.put(call)
    return {"ResponsibilityTransfer": transfer.shown(call)}


@organizations.operation(on=named)
def terminate_responsibility_transfer(
    call: Call, transfer: Transfer, end_timestamp: float | None = None
) -> dict[str, Any]:
    """End a transfer with a month, by default with the present one."""
    if transfer.status == "WITHDRAWN":
        message = "The responsibility transfer is already in the status that you specified."
        raise Fault("ResponsibilityTransferAlreadyInStatusException", message)
    if transfer.status != "ACCEPTED":
        message = "The responsibility transfer can't transition to the requested state from the one it is in."
        raise Fault("InvalidResponsibilityTransferTransitionException", message)
    end = end_of_month(max(call.now, transfer.start)) if end_timestamp is None else end_timestamp
    if int(end_of_month(end)) != int(end):
        raise invalid_input("END_DATE_NOT_END_OF_MONTH", "The end must be the end of a month in UTC.")
    if end <= call.now:
        raise invalid_input("END_DATE_TOO_EARLY", "The end must be in the future.")
    transfer.status, transfer.end = "WITHDRAWN", end
    transfer.put(call)
    for account in (transfer.source, transfer.target):
        announce(call.at(account=account), "ResponsibilityTransferTerminated", responsibilityTransferId=transfer.id)
    return {"ResponsibilityTransfer": transfer.shown(call)}


@organizations.operation
def list_inbound_responsibility_transfers(
    call: Call,
    type: str,  # noqa: A002
    id: str = "",  # noqa: A002
    next_token: str = "",
    max_results: int = PAGE,
) -> dict[str, Any]:
    """Transfers that let this organization pay the bills of others."""
    if id:
        found = named(call, id)
        if found.target != call.account:
            raise Fault("ResponsibilityTransferNotFoundException", "We can't find a transfer that you specified.")
        return {"ResponsibilityTransfers": [found.shown(call)]}
    return listed(call, "by_target", type, next_token, max_results)


@organizations.operation
def list_outbound_responsibility_transfers(
    call: Call,
    type: str,  # noqa: A002
    next_token: str = "",
    max_results: int = PAGE,
) -> dict[str, Any]:
    """Transfers that let others pay this organization's bills."""
    return listed(call, "by_source", type, next_token, max_results)


def listed(call: Call, index: str, kind: str, token: str, most: int) -> dict[str, Any]:
    organization(call)
    page = Transfer.page(
        call,
        call.account,
        index=index,
        limit=most,
        token=token,
        where=lambda one: one.kind == kind,
        invalid=INVALID_TOKEN,
    )
    return {"ResponsibilityTransfers": [one.shown(call) for one in page.items], "NextToken": page.token}


def forgotten(call: Call) -> None:
    """The account is reset: what it had with others is over."""
    for index in ("by_target", "by_source"):
        for one in list(Transfer.scan(call, call.account, index=index)):
            one.delete(call)
