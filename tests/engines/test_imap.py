"""The IMAP server by itself: whatever is said to it has an answer, and its grammar gives back what it is given."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pileus.engines.imap import grammar
from pileus.engines.imap.boxes import Entry
from pileus.engines.imap.letters import Letter
from pileus.engines.imap.session import ANYWHERE, BY_UID, LOGGED_IN, REFUSED, SELECTED, Session

RAW = b"From: Ada <a@example.com>\r\nTo: b@example.com\r\nSubject: s\r\n\r\nhello\r\n"
NESTED = b"""From: a@example.com\r
Content-Type: multipart/mixed; boundary="x"\r
\r
--x\r
Content-Type: text/plain\r
\r
one\r
--x\r
Content-Type: message/rfc822\r
\r
Subject: inner\r
\r
two\r
--x--\r
"""


class Box:
    """Two letters in memory."""

    validity = 7

    def __init__(self) -> None:
        self.held = {
            3: Entry(3, 0.0, frozenset(), lambda: RAW),
            9: Entry(9, 86400.0, frozenset({"\\Seen"}), lambda: NESTED),
        }

    def entries(self) -> list[Entry]:
        return list(self.held.values())

    def flag(self, uid: int, flags: frozenset[str]) -> None:
        self.held[uid] = self.held[uid]._replace(flags=flags)

    def remove(self, uids: list[int]) -> None:
        for uid in uids:
            del self.held[uid]

    async def changed(self) -> None:
        await asyncio.Event().wait()


class Writer:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    async def drain(self) -> None: ...


def talk(*lines: bytes) -> bytes:
    """What a server says to these lines, after which the client is gone."""

    async def run() -> bytes:
        reader, writer = asyncio.StreamReader(limit=1 << 16), Writer()
        reader.feed_data(b"".join(line + b"\r\n" for line in lines))
        reader.feed_eof()
        taken: Any = writer
        await Session(reader, taken, lambda user, password: Box()).run()
        return writer.data

    return asyncio.run(run())


def said(*lines: bytes) -> bytes:
    """The same in a selected mailbox."""
    return talk(b"a LOGIN u p", b"b SELECT INBOX", *lines).partition(b"b OK")[2]


COMMANDS = sorted(
    {*ANYWHERE, *LOGGED_IN, *SELECTED, *REFUSED, *(f"UID {name}" for name in BY_UID), "UID", "X"}
    - {"IDLE", "AUTHENTICATE"}
)
WORDS = st.sampled_from(
    [b"1", b"*", b"1:*", b"9,3", b"0", b"ALL", b"NOT", b"OR", b"(", b")", b'"x"', b"FLAGS", b"+FLAGS", b"(\\Seen)",
     b"BODY[]", b"BODY[1.1.MIME]", b"BODY[HEADER.FIELDS (TO)]<0.3>", b"BODY[x]", b"UID", b"LARGER", b"SINCE",
     b"1-Feb-2026", b"INBOX", b"CHARSET", b"UTF-8", b"(MESSAGES)", b"BODYSTRUCTURE", b"ENVELOPE", b"{3}\r\nabc",
     b"HEADER", b"TEXT", b"RFC822"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.sampled_from(COMMANDS), st.lists(WORDS, max_size=5))
@example("SEARCH", [b"CHARSET"])
@example("FETCH", [b"(1)", b"FLAGS"])
@example("STORE", [b"(1)", b"FLAGS", b"x"])
@example("SEARCH", [b"LARGER", b"x"])
@example("STATUS", [b"(", b")", b"INBOX"])
def test_every_command_has_an_answer(command: str, words: list[bytes]) -> None:
    line = b" ".join([b"c", command.encode(), *words])
    answer = said(line, b"d NOOP")
    assert b"\r\nc " in answer, (line, answer)
    if command != "LOGOUT" and b"{" not in line:
        assert b"\r\nd OK" in answer


@given(st.lists(st.binary(max_size=30).filter(lambda text: b"\n" not in text and b"\r" not in text), max_size=5))
def test_nonsense_ends_nothing_else(lines: list[bytes]) -> None:
    assert talk(*lines).startswith(b"* OK ")


@given(st.binary(max_size=200))
def test_a_string_comes_back(value: bytes) -> None:
    written = grammar.text(value)
    assert grammar.parsed(written) == [value]


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=5))
def test_sets_of_numbers(ranges: list[tuple[int, int]]) -> None:
    inside = grammar.numbers(b",".join(b"%d:%d" % one for one in ranges), 50)
    wanted = {number for low, high in ranges for number in range(min(low, high), max(low, high) + 1)}
    assert {number for number in range(1, 51) if inside(number)} == wanted


def test_sections_of_a_letter_in_a_letter() -> None:
    letter = Letter(NESTED)
    assert letter.section(b"1") == b"one"
    assert letter.section(b"2.HEADER") == b"Subject: inner\r\n\r\n"
    assert letter.section(b"2.TEXT").strip() == b"two"
    assert letter.section(b"2.1").strip() == b"two"
    assert letter.section(b"3") == b""
    assert letter.section(b"HEADER.FIELDS (From)") == b"From: a@example.com\r\n\r\n"
    assert b'("message" "rfc822"' in said(b"c FETCH 2 BODYSTRUCTURE")
