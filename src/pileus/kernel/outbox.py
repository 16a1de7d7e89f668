"""What the cloud would send into the world: mail, text messages, pushes. It is kept, and read at `/_pileus/mail`.

Nothing leaves the machine, unless the user names a server that mail is handed on to (`--relay`): whoever waits for a
confirmation or a code looks for it here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .record import Record

if TYPE_CHECKING:
    from .call import Call

Kind = Literal["mail", "sms", "push"]
KINDS: tuple[Kind, ...] = ("mail", "sms", "push")


class Sent(Record, scope="cloud", key=("kind", "at", "id"), kw_only=True):
    """One message to somebody outside."""

    kind: str
    at: float
    id: str
    account: str
    region: str
    sender: str
    to: list[str]
    subject: str = ""
    text: str
    raw: bytes = b""
    """A letter as it was sent (RFC 5322)."""
    more: dict[str, Any] = {}


def send(
    call: Call, kind: Kind, to: str, text: str, *, sender: str = "", subject: str = "", more: dict[str, Any] = {}
) -> str:
    """Keep a message that would leave the cloud now. Its id."""
    sent = Sent(
        kind=kind,
        at=call.now,
        id=call.cloud.runner.number(),
        account=call.account,
        region=call.region,
        sender=sender,
        to=[to],
        subject=subject,
        text=text,
        more=more,
    )
    if kind == "mail":
        sent.raw = letter(sent)
    sent.put(call)
    if kind == "mail":
        hand_on(call, sent, sent.to)
    return sent.id


def hand_on(call: Call, sent: Sent, to: list[str]) -> None:
    """Hand a letter on for these recipients, where the user has named a server that takes it."""
    if to and call.cloud.options.get("relay"):
        call.cloud.service("ses").tasks["hand_on"].later(call, letter=sent.id, at=sent.at, to=to)


def letter(sent: Sent) -> bytes:
    from datetime import UTC, datetime
    from email.message import EmailMessage
    from email.utils import format_datetime, make_msgid

    message = EmailMessage()
    message["From"] = sent.sender
    message["To"] = ", ".join(sent.to)
    message["Subject"] = sent.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(sent.at, UTC))
    message["Message-ID"] = make_msgid(sent.id, domain=f"{sent.region}.amazonses.com")
    message.set_content(sent.text)
    return bytes(message)
