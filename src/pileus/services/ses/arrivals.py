"""Mail that came: kept with the rules that apply to it until those are done, and for a day in which it may be bounced.

"Email receiving concepts and use cases", Developer Guide.
"""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pileus.kernel import Call, Record, names

from . import identities, letters, receipt_filters, receipt_rules, ses
from .receipt_rules import Rule

BASE32 = "0123456789abcdefghijklmnopqrstuv"
BOUNCEABLE = 86400
MOST_HEADERS = 10 * 1024
"""Octets of header fields that notifications tell."""
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


class Envelope(NamedTuple):
    """How a letter comes, beside what is written in it."""

    sender: str
    to: list[str]
    address: str = ""
    """Where on the Internet it comes from; nothing for what comes from the cloud itself."""
    helo: str = "amazonses.com"
    secure: bool = True


class Content(Record, table="ses.ArrivalContent"):
    """The letter itself: beside the record, which is written after each action."""

    id: str
    raw: bytes


class Arrival(Record):
    """A letter that came, and how far its rules are."""

    id: str
    at: float
    sender: str
    to: list[str]
    matched: list[str]
    """The recipients to whom rules apply."""
    rule_set: str
    rules: list[Rule]
    """The rules that apply, as they were when it came."""
    verdicts: dict[str, str]
    at_step: tuple[int, int] = (0, 0)
    """The rule and the action that come next."""

    def raw(self, call: Call) -> bytes:
        found = Content.get(call, self.id)
        return found.raw if found else b""

    def delete(self, call: Call) -> None:
        Content(self.id, b"").delete(call)
        super().delete(call)

    def step(self) -> tuple[Rule, dict[str, Any]] | None:
        """The next action and its rule."""
        rule, action = self.at_step
        while rule < len(self.rules):
            actions = self.rules[rule]["Actions"]
            if action < len(actions):
                self.at_step = (rule, action)
                return self.rules[rule], actions[action]
            rule, action = rule + 1, 0
        return None

    def go_on(self, disposition: str) -> None:
        rule, action = self.at_step
        steps = {"STOP_RULE": (rule + 1, 0), "STOP_RULE_SET": (len(self.rules), 0)}
        self.at_step = steps.get(disposition, (rule, action + 1))


# Where mail goes


def applies(rule: Rule, address: str) -> bool:
    """Whether a rule is about an address ("Recipient conditions", Developer Guide)."""
    local, _, domain = address.lower().rpartition("@")
    bare = f"{local.partition('+')[0]}@{domain}"
    for one in rule["Recipients"]:
        wanted = one.lower()
        if wanted.startswith("."):
            if domain.endswith(wanted):
                return True
        elif wanted in (domain, f"{local}@{domain}", bare):
            return True
    return not rule["Recipients"]


def rules_for(call: Call, address: str) -> list[Rule]:
    found = receipt_rules.active(call)
    return [rule for rule in found.rules if rule["Enabled"] and applies(rule, address)] if found else []


def receivers(call: Call, address: str) -> list[Call]:
    """Who receives mail to an address: each account and Region that has its domain, and an active rule for it.

    Where the caller's own account does, it alone: what accounts send to themselves stays with them.
    """
    there = [call.at(account, region) for account, region in identities.homes(call, address)]
    found = [one for one in there if rules_for(one, address)]
    return [one for one in found if one.account == call.account] or found


class Refusal(Exception):
    """Why mail is not taken: an SMTP reply."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


def takers(call: Call, address: str, envelope: Envelope) -> list[Call]:
    """Who takes a letter to an address; a refusal where nobody does."""
    found = receivers(call, address)
    if not found:
        raise Refusal(550, "5.1.1 Requested action not taken: mailbox unavailable")
    open_to = [one for one in found if not receipt_filters.blocked(one, envelope.address)]
    if not open_to:
        raise Refusal(550, "5.7.1 Service unavailable; client host blocked by an IP address filter")
    if not envelope.secure:
        open_to = [one for one in open_to if not needs_tls(one, address)]
        if not open_to:
            raise Refusal(530, "Must issue a STARTTLS command first")
    return open_to


def needs_tls(call: Call, address: str) -> bool:
    return any(rule["TlsPolicy"] == "Require" for rule in rules_for(call, address))


# Arriving


def arrive(call: Call, envelope: Envelope, raw: bytes) -> str:
    """Take in a letter, for each account that receives mail to one of its recipients. Its id, if one does."""
    places: dict[tuple[str, str], list[str]] = {}
    for address in envelope.to:
        for one in receivers(call, address):
            places.setdefault((one.account, one.region), []).append(address)
    message_id = ""
    for (account, region), matched in places.items():
        there = call.at(account, region, service="ses")
        if receipt_filters.blocked(there, envelope.address):
            continue
        message_id = names.token(40, BASE32)
        keep(there, message_id, envelope, matched, raw)
    return message_id


def keep(call: Call, message_id: str, envelope: Envelope, matched: list[str], raw: bytes) -> None:
    from . import receiving

    rule_set = receipt_rules.active(call)
    assert rule_set
    rules = [rule for rule in rule_set.rules if rule["Enabled"] and any(applies(rule, address) for address in matched)]
    found = verdicts(call, envelope, raw, any(rule["ScanEnabled"] for rule in rules))
    told = stamped(call, message_id, envelope, matched, found)
    Content(message_id, told + raw).put(call)
    Arrival(message_id, call.now, envelope.sender, envelope.to, matched, rule_set.name, rules, found).put(call)
    receiving.process.later(call, arrival=message_id)
    forget.later(call, arrival=message_id, delay=float(BOUNCEABLE))


def verdicts(call: Call, envelope: Envelope, raw: bytes, scanned: bool) -> dict[str, str]:
    """What SES thinks of a letter. Spam and viruses are known by what is made to test such scans."""
    own = not envelope.address  # from the cloud itself, which has verified who may send, and signed it
    signed = own and letters.read(raw)["DKIM-Signature"] is not None
    return {
        "spam": ("FAIL" if GTUBE in raw else "PASS") if scanned else "DISABLED",
        "virus": ("FAIL" if EICAR in raw else "PASS") if scanned else "DISABLED",
        "spf": "PASS" if own else "GRAY",
        "dkim": "PASS" if signed else "GRAY",
        "dmarc": "PASS" if own else "GRAY",
    }


def stamped(call: Call, message_id: str, envelope: Envelope, matched: list[str], found: dict[str, str]) -> bytes:
    """The header fields that SES puts before a letter."""
    address = envelope.address or "54.240.8.70"
    date = email.utils.format_datetime(datetime.fromtimestamp(call.now, UTC))
    spf = "pass" if found["spf"] == "PASS" else "none"
    fields = [
        f"Return-Path: <{envelope.sender}>",
        f"Received: from {envelope.helo} ({envelope.helo} [{address}])\r\n"
        f" by inbound-smtp.{call.region}.amazonaws.com with SMTP id {message_id}\r\n for {matched[0]};\r\n {date}",
        f"X-SES-Spam-Verdict: {found['spam']}",
        f"X-SES-Virus-Verdict: {found['virus']}",
        f"Received-SPF: {spf} (spfCheck: domain of {envelope.sender}) client-ip={address};"
        f" envelope-from={envelope.sender}; helo={envelope.helo};",
        f"Authentication-Results: amazonses.com;\r\n spf={spf} (spfCheck: {envelope.sender}) client-ip={address};"
        f"\r\n dkim={'pass' if found['dkim'] == 'PASS' else 'none'}",
    ]
    return "".join(f"{field}\r\n" for field in fields).encode()


@ses.task
def forget(call: Call, arrival: str) -> None:
    """A letter that came is not kept for longer than it may be bounced, once its rules are done."""
    if found := Arrival.get(call, arrival):
        if found.step():
            forget.later(call, arrival=arrival, delay=3600.0)
        else:
            found.delete(call)


# As it is told


def described(arrival: Arrival, raw: bytes, at: str) -> dict[str, Any]:
    """The `mail` of a notification."""
    message = letters.read(raw)
    told: list[dict[str, str]] = []
    size = 0
    for name, value in message.items():
        size += len(name) + len(str(value))
        if size > MOST_HEADERS:
            break
        told.append({"name": name, "value": str(value)})
    return {
        "timestamp": at,
        "source": arrival.sender,
        "messageId": arrival.id,
        "destination": arrival.to,
        "headersTruncated": size > MOST_HEADERS,
        "headers": told,
        "commonHeaders": common(message, arrival),
    }


def common(message: Any, arrival: Arrival) -> dict[str, Any]:
    told: dict[str, Any] = {"returnPath": arrival.sender}
    for name, member, several in (
        ("From", "from", True),
        ("Sender", "sender", False),
        ("Reply-To", "replyTo", True),
        ("Date", "date", False),
        ("To", "to", True),
        ("Cc", "cc", True),
        ("Bcc", "bcc", True),
        ("Message-ID", "messageId", False),
        ("Subject", "subject", False),
    ):
        if message[name] is not None:
            value = str(message[name])
            told[member] = addresses(value) if several else value
    return told


def addresses(field: str) -> list[str]:
    pairs = email.utils.getaddresses([field])
    return [f"{name} <{address}>" if name else address for name, address in pairs]


def with_header(raw: bytes, name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode() + raw
