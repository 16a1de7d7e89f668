"""Handing mail on to a server that the user named (`--relay HOST:PORT`), or into folders (`--maildir DIR`).

Without either, none leaves the cloud.

Plain SMTP, with TLS where the server offers it. Events tell of delivery as soon as a letter is sent: what the server
says later is in the log alone.
"""

from __future__ import annotations

import asyncio
import logging
import mailbox
import smtplib
from pathlib import Path
from urllib.parse import quote

from pileus.kernel import Call, outbox
from pileus.kernel.outbox import Sent

from . import arrivals, letters, ses
from .arrivals import Envelope

log = logging.getLogger("pileus.ses")

RETRIES = 12
SECONDS = 30.0


def pauses(tries: int) -> float:
    return float(min(5 * 2.0**tries, 3600.0))


@ses.task
def leave(call: Call, letter: str, at: float) -> None:
    """A letter of another service leaves: it is received where its recipients' domains are, or handed on."""
    sent = Sent.get(call, "mail", at, letter)
    if sent is None:
        return
    arrivals.arrive(call, Envelope(letters.address_of(sent.sender), sent.to), sent.raw)
    outbox.hand_on(call, sent, [one for one in sent.to if not arrivals.receivers(call, one)])


@ses.task(retries=RETRIES, backoff=pauses)
async def hand_on(call: Call, letter: str, at: float, to: list[str]) -> None:
    """Hand a letter on for some of its recipients. What the server refuses for good is not tried again."""
    relay = call.cloud.options.get("relay", "")
    sent = Sent.get(call, "mail", at, letter)
    if not relay or sent is None:
        return
    try:
        await asyncio.to_thread(hand, relay, sent, to)
    except smtplib.SMTPRecipientsRefused as refused:
        if any(400 <= code < 500 for code, _ in refused.recipients.values()):
            raise
        log.warning("%s does not take %s: %s", relay, letter, refused)
    except smtplib.SMTPResponseException as refused:
        if refused.smtp_code < 500:
            raise
        log.warning("%s does not take %s: %s", relay, letter, refused)


@ses.task
def put_down(call: Call, letter: str, at: float) -> None:
    """Write a letter into the Maildir of each of its recipients, under one name however often that is done."""
    folder = call.cloud.options.get("maildir", "")
    sent = Sent.get(call, "mail", at, letter)
    if not folder or sent is None:
        return
    for address in dict.fromkeys(sent.to):
        box = Path(folder) / quote(address.lower(), safe="@+")
        mailbox.Maildir(box, create=True)
        name = f"{int(at)}.{letter}.pileus"
        (box / "tmp" / name).write_bytes(sent.raw)
        (box / "tmp" / name).rename(box / "new" / name)


def hand(relay: str, sent: Sent, to: list[str]) -> None:
    host, _, port = relay.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=SECONDS) as server:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls()
        server.sendmail(sent.sender, to, sent.raw)
