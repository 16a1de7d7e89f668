"""Feedback: letters by which the sender hears of bounces and complaints, where nobody has switched that off.

A bounce is a delivery status notification (RFC 3464), a complaint a feedback report (RFC 5965). "Receiving Amazon SES
notifications through email", Developer Guide.
"""

from __future__ import annotations

from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

from pileus.kernel import Call

from . import ses
from .letters import Letter

DAEMON = "MAILER-DAEMON@amazonses.com"
SUBJECTS = {"bounce": "Delivery Status Notification (Failure)", "complaint": "Complaint about your message"}


def forward(call: Call, letter: Letter, kind: str, addresses: list[str], told: dict[str, Any]) -> None:
    """Write to whoever is to hear of it."""
    to = letter.feedback or letter.sender
    head = "".join(f"{name}: {value}\n" for name, value in letter.headers)
    write.later(call, to=to, kind=kind, addresses=addresses, told=told, head=head)


@ses.task
def write(call: Call, to: str, kind: str, addresses: list[str], told: dict[str, Any], head: str) -> None:
    from . import bounces, letters, sending

    report = MIMEMultipart("report")
    report.set_param("report-type", "delivery-status" if kind == "bounce" else "feedback-report")
    report["From"], report["To"], report["Subject"] = DAEMON, to, SUBJECTS[kind]
    report["Date"] = bounces.written(call.now)
    report["Auto-Submitted"] = "auto-replied"
    report.attach(MIMEText(explained(kind, addresses), "plain", "utf-8"))
    report.attach(status(told) if kind == "bounce" else complaint(told))
    report.attach(MIMEText(head, "rfc822-headers"))
    sending.dispatch(call, letters.read(report.as_bytes()), [to], envelope="")


def explained(kind: str, addresses: list[str]) -> str:
    if kind == "bounce":
        first = "An error occurred while trying to deliver the mail to the following recipients:"
    else:
        first = "This is an email abuse report for an email message that these recipients got from you:"
    return "\n".join([first, *addresses, ""])


def status(told: dict[str, Any]) -> MIMEBase:
    part = MIMEBase("message", "delivery-status")
    whole = Message()
    whole["Reporting-MTA"] = told["reportingMTA"]
    blocks: list[Message | str] = [whole]
    for one in told["bouncedRecipients"]:
        block = Message()
        block["Final-Recipient"] = f"rfc822; {one['emailAddress']}"
        for name, member in (("Action", "action"), ("Status", "status"), ("Diagnostic-Code", "diagnosticCode")):
            block[name] = one[member]
        blocks.append(block)
    part.set_payload(blocks)
    return part


def complaint(told: dict[str, Any]) -> MIMEBase:
    part = MIMEBase("message", "feedback-report")
    whole = Message()
    whole["Feedback-Type"] = told["complaintFeedbackType"]
    whole["User-Agent"] = told["userAgent"]
    whole["Version"] = "1"
    for one in told["complainedRecipients"]:
        whole["Original-Rcpt-To"] = one["emailAddress"]
    part.set_payload([whole])
    return part
