"""Bounces: delivery status notifications (RFC 3464) for mail that was received and is not wanted."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any, NamedTuple

from pileus.kernel import Call

from . import letters, sending, ses
from .arrivals import BOUNCEABLE, Arrival
from .faults import rejected, wrong

TYPES = {
    "DoesNotExist": ("5.1.1", "smtp; 550 5.1.1 user unknown"),
    "MessageTooLarge": ("5.3.4", "smtp; 552 5.3.4 message too large"),
    "ExceededQuota": ("5.2.2", "smtp; 552 5.2.2 mailbox full"),
    "ContentRejected": ("5.6.1", "smtp; 500 5.6.1 message content rejected"),
    "Undefined": ("5.0.0", "smtp; 500 5.0.0 undefined"),
    "TemporaryFailure": ("4.0.0", "smtp; 450 4.0.0 temporary failure"),
}
SUBJECT = "Delivery Status Notification (Failure)"


class Returned(NamedTuple):
    """A recipient whom a letter did not reach."""

    address: str
    action: str
    status: str
    diagnosis: str
    fields: tuple[tuple[str, str], ...] = ()


def of_arrival(call: Call, arrival: Arrival, sender: str, code: str, status: str, text: str) -> str:
    """Send a letter that came back to its sender. Nothing goes back for what is itself a bounce."""
    if not arrival.sender:
        return ""
    diagnosis = f"smtp; {code} {status} {text}"
    returned = [Returned(one, "failed", status, diagnosis) for one in arrival.matched]
    return send(call, arrival, sender, text, returned)


def send(
    call: Call,
    arrival: Arrival,
    sender: str,
    text: str,
    returned: list[Returned],
    *,
    mta: str = "",
    arrived: float | None = None,
    fields: tuple[tuple[str, str], ...] = (),
) -> str:
    report = MIMEMultipart("report")
    report.set_param("report-type", "delivery-status")
    report["From"] = sender
    report["To"] = arrival.sender
    report["Subject"] = SUBJECT
    report["Date"] = written(call.now)
    report["Auto-Submitted"] = "auto-replied"
    raw = arrival.raw(call)
    original = letters.read(raw)
    if original["Message-ID"]:
        report["In-Reply-To"] = report["References"] = str(original["Message-ID"]).strip()
    report.attach(MIMEText(text, "plain", "utf-8"))
    report.attach(status_of(call, arrival, returned, mta, arrived, fields))
    report.attach(headers_of(raw))
    return sending.dispatch(call, letters.read(report.as_bytes()), [arrival.sender], envelope="")


def status_of(
    call: Call,
    arrival: Arrival,
    returned: list[Returned],
    mta: str,
    arrived: float | None,
    fields: tuple[tuple[str, str], ...],
) -> MIMEBase:
    status = MIMEBase("message", "delivery-status")
    whole = Message()
    whole["Reporting-MTA"] = mta or f"dns; inbound-smtp.{call.region}.amazonaws.com"
    whole["Arrival-Date"] = written(arrival.at if arrived is None else arrived)
    for name, value in fields:
        whole[name] = value
    blocks: list[Message | str] = [whole]
    for one in returned:
        block = Message()
        block["Final-Recipient"] = f"rfc822; {one.address}"
        block["Action"] = one.action
        block["Status"] = one.status
        block["Diagnostic-Code"] = one.diagnosis
        for name, value in one.fields:
            block[name] = value
        blocks.append(block)
    status.set_payload(blocks)
    return status


def headers_of(raw: bytes) -> MIMEText:
    """The header of the letter that comes back."""
    head, _, _ = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    return MIMEText(head.decode("utf-8", "replace"), "rfc822-headers")


def written(at: float) -> str:
    return email.utils.format_datetime(datetime.fromtimestamp(at, UTC))


@ses.operation
def send_bounce(
    call: Call,
    original_message_id: str,
    bounce_sender: str,
    bounced_recipient_info_list: list[dict[str, Any]],
    explanation: str = "",
    message_dsn: dict[str, Any] = {},
    bounce_sender_arn: str = "",
) -> dict[str, Any]:
    """Send back a letter that came within the last day."""
    sending.check_sender(call, bounce_sender, bounce_sender_arn)
    found = Arrival.get(call, original_message_id)
    if found is None or found.at < call.now - BOUNCEABLE:
        raise rejected(f"Invalid message ID: {original_message_id}. Only mail of the last 24 hours can be bounced.")
    if not found.sender:
        raise rejected("A bounce cannot be bounced.")
    returned = [returning(call, one) for one in bounced_recipient_info_list]
    if not returned:
        raise wrong(call, "At least one bounced recipient must be specified.")
    text = explanation or "\n".join(
        [
            "An error occurred while trying to deliver the mail to the following recipients:",
            *(r.address for r in returned),
        ]
    )
    mta, arrived = message_dsn.get("ReportingMta", ""), message_dsn.get("ArrivalDate")
    more = extensions(message_dsn)
    return {"MessageId": send(call, found, bounce_sender, text, returned, mta=mta, arrived=arrived, fields=more)}


def returning(call: Call, info: dict[str, Any]) -> Returned:
    given = info.get("RecipientDsnFields")
    if (given is None) == ("BounceType" not in info):
        raise wrong(call, "Each bounced recipient must have exactly one of BounceType and RecipientDsnFields.")
    if given is None:
        status, diagnosis = TYPES[info["BounceType"]]
        action = "delayed" if info["BounceType"] == "TemporaryFailure" else "failed"
        return Returned(info["Recipient"], action, status, diagnosis)
    fields = [("Remote-MTA", given["RemoteMta"])] if "RemoteMta" in given else []
    if "LastAttemptDate" in given:
        fields.append(("Last-Attempt-Date", written(given["LastAttemptDate"])))
    address = given.get("FinalRecipient") or info["Recipient"]
    diagnosis = given.get("DiagnosticCode", f"smtp; {given['Status']}")
    return Returned(address, given["Action"], given["Status"], diagnosis, (*fields, *extensions(given)))


def extensions(given: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((one["Name"], one["Value"]) for one in given.get("ExtensionFields", ()))
