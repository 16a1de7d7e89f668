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


EVERYBODY = "*"
"""The mailbox of all letters."""


class Numbering(Record, scope="cloud"):
    """How many letters there have been."""

    kind: str
    last: int
    begun: int
    """When the numbers began, in seconds: they may begin anew."""


class Delivery(Record, scope="cloud", key=("box", "number")):
    """A letter in a mailbox."""

    box: str
    number: int
    at: float
    id: str
    flags: list[str] = []


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
    number: int = 0
    """A letter's own, by which mailboxes have it."""

    def boxes(self) -> list[str]:
        """The mailboxes in which a letter lies: of each recipient, of their domains, of who sent it, of everybody."""
        addresses = [one.lower() for one in self.to]
        domains = [f"@{one.rpartition('@')[2]}" for one in addresses]
        return list(dict.fromkeys([*addresses, *domains, self.account, EVERYBODY]))

    def delete(self, call: Call) -> None:
        for box in self.boxes():
            Delivery(box, self.number, self.at, self.id).delete(call)
        super().delete(call)


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
        deliver(call, sent)
        call.cloud.service("ses").tasks["leave"].later(call, letter=sent.id, at=sent.at)
    else:
        sent.put(call)
    return sent.id


def deliver(call: Call, sent: Sent) -> Sent:
    """Put a letter into the mailboxes."""
    numbering = Numbering.get(call, sent.kind) or Numbering(sent.kind, 0, int(call.now))
    numbering.last = sent.number = numbering.last + 1
    numbering.put(call)
    for box in sent.boxes():
        Delivery(box, sent.number, sent.at, sent.id).put(call)
        call.wake((Delivery, box))
    if call.cloud.options.get("maildir"):
        call.cloud.service("ses").tasks["put_down"].later(call, letter=sent.id, at=sent.at)
    return sent.put(call)


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
