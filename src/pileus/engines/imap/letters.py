"""A letter as IMAP shows it: its envelope, its structure, and any section of it."""

from __future__ import annotations

import email
import email.policy
import email.utils
import re
from email.message import Message
from typing import TypeAlias

from .grammar import Malformed, Word, listed, literal, text

Part: TypeAlias = "Message[str, str]"
SECTION = re.compile(rb"BODY(\.PEEK)?\[([^\]]*)\](?:<(\d+)(?:\.(\d+))?>)?", re.IGNORECASE)
_FIELDS = re.compile(rb"HEADER\.FIELDS(\.NOT)? \(([^)]*)\)", re.IGNORECASE)


class Letter:
    """A letter, taken apart when that is asked for."""

    def __init__(self, raw: bytes) -> None:
        self.raw = re.sub(rb"\r?\n", b"\r\n", raw)
        self._message: Part | None = None

    @property
    def message(self) -> Part:
        if self._message is None:
            self._message = email.message_from_bytes(self.raw, policy=email.policy.compat32)
        return self._message

    @property
    def header(self) -> bytes:
        return header_of(self.raw)

    @property
    def body(self) -> bytes:
        return self.raw[len(self.header) :]

    def section(self, wanted: bytes) -> bytes:
        """The octets that `BODY[…]` means; nothing where there is no such part."""
        path, what = [], wanted
        while digits := re.match(rb"(\d+)(?:\.|$)", what):
            path.append(int(digits[1]))
            what = what[digits.end() :]
        if not path:
            return self.raw if not what else sliced(self.raw, what)
        part = part_at(self.message, path)
        if part is None:
            return b""
        if what.upper() == b"MIME":
            return header_of(part.as_bytes(policy=email.policy.SMTP))
        if not what:
            return content(part)
        inner = within(part)
        if part.get_content_type() != "message/rfc822" or not inner:
            return b""
        return sliced(inner[0].as_bytes(policy=email.policy.SMTP), what)


def header_of(raw: bytes) -> bytes:
    """The header with the empty line that ends it."""
    if raw.startswith(b"\r\n"):
        return b"\r\n"
    end = raw.find(b"\r\n\r\n")
    return raw if end < 0 else raw[: end + 4]


def sliced(raw: bytes, what: bytes) -> bytes:
    """HEADER, TEXT or some fields of a whole letter."""
    header = header_of(raw)
    if what.upper() == b"HEADER":
        return header
    if what.upper() == b"TEXT":
        return raw[len(header) :]
    fields = _FIELDS.fullmatch(what)
    if not fields:
        raise Malformed(f"there is no section {what!r}")
    names = {name.strip(b'"').lower() for name in fields[2].split()}
    found = re.findall(rb"[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*", header)
    kept = [one for one in found if (one.partition(b":")[0].lower() in names) != bool(fields[1])]
    return b"".join(kept) + b"\r\n"


def within(part: Part) -> list[Part]:
    """The parts that a part is made of."""
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def part_at(message: Part, path: list[int]) -> Part | None:
    """A part by its numbers; what is no multipart is its own first part."""
    part = message
    for number in path:
        if part.get_content_type() == "message/rfc822" and within(part):
            part = within(part)[0]
        if inner := within(part):
            if not 0 < number <= len(inner):
                return None
            part = inner[number - 1]
        elif number != 1:
            return None
    return part


def content(part: Part) -> bytes:
    """A part's body as it was written, transfer encoding and all."""
    payload = part.get_payload()
    if isinstance(payload, str):
        return payload.encode("utf-8", "surrogateescape")
    whole = part.as_bytes(policy=email.policy.SMTP)
    return whole[len(header_of(whole)) :]


# FETCH items


def fetched_section(letter: Letter, item: Word) -> bytes:
    """`BODY[…]` with its value."""
    match = SECTION.fullmatch(item)
    if not match:
        raise Malformed(f"there is no item {item!r}")
    data = letter.section(match[2])
    name = b"BODY[%s]" % match[2].upper()
    if match[3] is not None:
        start = int(match[3])
        data = data[start : start + int(match[4])] if match[4] else data[start:]
        name += b"<%d>" % start
    return b"%s %s" % (name, literal(data))


def envelope(message: Part) -> bytes:
    sender = message["Sender"] or message["From"]
    answers = message["Reply-To"] or message["From"]
    fields = [text(_line(message["Date"])), text(_line(message["Subject"]))]
    people = (message["From"], sender, answers, message["To"], message["Cc"], message["Bcc"])
    fields += [addresses(one) for one in people]
    return listed([*fields, text(_line(message["In-Reply-To"])), text(_line(message["Message-ID"]))])


def _line(value: str | None) -> str | None:
    return None if value is None else re.sub(r"\r?\n\s*", " ", str(value))


def addresses(field: str | None) -> bytes:
    found = []
    for name, address in email.utils.getaddresses([str(field)] if field else []):
        local, _, domain = address.rpartition("@")
        found.append(listed([text(name or None), b"NIL", text(local), text(domain)]))
    return b"(%s)" % b"".join(found) if found else b"NIL"


def structure(part: Part, *, extended: bool) -> bytes:
    """BODYSTRUCTURE; without what it has more, BODY."""
    kind, _, subtype = part.get_content_type().partition("/")
    parts = within(part)
    if kind == "multipart" and parts:
        inner = b"".join(structure(one, extended=extended) for one in parts)
        more = b" %s %s NIL NIL" % (parameters(part), disposition(part)) if extended else b""
        return b"(%s %s%s)" % (inner, text(subtype), more)
    data = content(part)
    encoding = str(part.get("Content-Transfer-Encoding", "7bit")).strip()
    fields = [text(kind), text(subtype), parameters(part), text(part.get("Content-ID"))]
    fields += [text(part.get("Content-Description")), text(encoding), b"%d" % len(data)]
    if kind == "message" and subtype == "rfc822" and parts:
        fields += [envelope(parts[0]), structure(parts[0], extended=extended)]
    if kind == "text" or (kind == "message" and subtype == "rfc822"):
        fields.append(b"%d" % data.count(b"\n"))
    if extended:
        fields += [b"NIL", disposition(part), b"NIL", b"NIL"]
    return listed(fields)


def parameters(part: Part, header: str = "Content-Type") -> bytes:
    found = part.get_params([], header)[1:]
    pairs = [text(one) for name, value in found for one in (name, email.utils.collapse_rfc2231_value(value))]
    return listed(pairs) if pairs else b"NIL"


def disposition(part: Part) -> bytes:
    kind = part.get_content_disposition()
    return listed([text(kind), parameters(part, "Content-Disposition")]) if kind else b"NIL"
