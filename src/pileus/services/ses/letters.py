"""Letters as they are sent: made of a subject and bodies, or brought whole (RFC 5322)."""

from __future__ import annotations

import email.message
import email.parser
import email.policy
import email.utils
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pileus.kernel import Call, names

LARGEST = 40 * 1024 * 1024
POLICY = email.policy.SMTP


class Letter(NamedTuple):
    """A letter that is to be sent, and to whom."""

    id: str
    sender: str
    """The address alone."""
    to: list[str]
    subject: str
    text: str
    raw: bytes
    headers: list[tuple[str, str]]
    tags: dict[str, str]
    tenant: str = ""
    feedback: str = ""
    """Who hears of bounces and complaints, if not its sender."""


def new_id(call: Call) -> str:
    """A message id as SES's look: milliseconds in hexadecimal, and a UUID."""
    return f"{int(call.now * 1000):016x}-{names.uuid4()}-000000"


def address_of(text: str) -> str:
    """The address in `Ada <ada@example.com>`."""
    return email.utils.parseaddr(text)[1]


def built(
    call: Call,
    *,
    sender: str,
    to: list[str],
    cc: list[str] = [],
    reply_to: list[str] = [],
    subject: str = "",
    text: str = "",
    html: str = "",
    headers: list[dict[str, str]] = [],
    attachments: list[dict[str, Any]] = [],
) -> email.message.EmailMessage:
    message = email.message.EmailMessage(policy=POLICY)
    for name, value in (("From", sender), ("To", ", ".join(to)), ("Cc", ", ".join(cc))):
        if value:
            message[name] = value
    if reply_to:
        message["Reply-To"] = ", ".join(reply_to)
    message["Subject"] = " ".join(subject.splitlines())
    message["Date"] = email.utils.format_datetime(datetime.fromtimestamp(call.now, UTC))
    for header in headers:
        message[header["Name"]] = header["Value"]
    if text or not html:
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
    else:
        message.set_content(html, subtype="html")
    for one in attachments:
        kind, _, subtype = one.get("ContentType", "application/octet-stream").partition("/")
        more: dict[str, Any] = {"cid": f"<{one['ContentId']}>"} if "ContentId" in one else {}
        disposition = one.get("ContentDisposition", "ATTACHMENT").lower()
        message.add_attachment(
            one["RawContent"], maintype=kind, subtype=subtype, filename=one["FileName"], disposition=disposition, **more
        )
    return message


def read(raw: bytes) -> email.message.EmailMessage:
    """A letter that was brought whole."""
    parser = email.parser.BytesParser(_class=email.message.EmailMessage, policy=POLICY)
    message = parser.parsebytes(raw)
    assert isinstance(message, email.message.EmailMessage)
    return message


def recipients(message: email.message.EmailMessage) -> list[str]:
    fields = [str(value) for name in ("To", "Cc", "Bcc") for value in message.get_all(name, [])]
    return [address for _, address in email.utils.getaddresses(fields) if address]


def plain_text(message: email.message.EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    return str(body.get_content()) if body else ""


def sealed(
    letter: email.message.EmailMessage, message_id: str, region: str, to: list[str], tags: dict[str, str]
) -> Letter:
    """The letter with SES's own header, and without those that are for SES alone."""
    for name in ("Bcc", "X-SES-CONFIGURATION-SET", "X-SES-MESSAGE-TAGS", "X-SES-SOURCE-ARN", "X-SES-TENANT"):
        del letter[name]
    del letter["Message-ID"]
    letter["Message-ID"] = f"<{message_id}@{region}.amazonses.com>"
    headers = [(name, str(value)) for name, value in letter.items()]
    return Letter(
        message_id,
        address_of(str(letter["From"])),
        to,
        str(letter["Subject"] or ""),
        plain_text(letter),
        bytes(letter),
        headers,
        tags,
    )
