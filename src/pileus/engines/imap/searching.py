"""SEARCH: a criterion is compiled into a question about a letter (RFC 3501, section 6.4.4)."""

from __future__ import annotations

import email.header
import email.utils
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from .boxes import Entry
from .grammar import Malformed, Token, Word, day, is_set, numbers
from .letters import Letter, Part


class Candidate(NamedTuple):
    """A letter that is looked at."""

    number: int
    entry: Entry
    letter: Letter


Question = Callable[[Candidate], bool]

FLAGS = {"ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN", "RECENT"}
FIELDS = {"BCC": "Bcc", "CC": "Cc", "FROM": "From", "SUBJECT": "Subject", "TO": "To"}


def compiled(tokens: list[Token], highest: int, highest_uid: int) -> Question:
    """The question whether all of the criteria hold."""
    return Compiler(tokens, highest, highest_uid).all()


class Compiler:
    def __init__(self, tokens: list[Token], highest: int, highest_uid: int) -> None:
        self._tokens = list(tokens)
        self._highest = highest
        self._highest_uid = highest_uid

    def all(self) -> Question:
        questions = []
        while self._tokens:
            questions.append(self.one())
        if not questions:
            raise Malformed("nothing is looked for")
        return lambda it: all(question(it) for question in questions)

    def word(self) -> Word:
        if not self._tokens or isinstance(self._tokens[0], list):
            raise Malformed("a word is missing")
        word: Word = self._tokens.pop(0)
        return word

    def text(self) -> str:
        return self.word().decode("utf-8", "replace").lower()

    def number(self) -> int:
        word = self.word()
        if not word.isdigit():
            raise Malformed(f"{word!r} is no number")
        return int(word)

    def one(self) -> Question:
        if not self._tokens:
            raise Malformed("a criterion is missing")
        if isinstance(self._tokens[0], list):
            return compiled(self._tokens.pop(0), self._highest, self._highest_uid)
        word = self.word()
        key = word.decode("ascii", "replace").upper()
        if is_set(word):
            inside = numbers(word, self._highest)
            return lambda it: inside(it.number)
        return self.flags(key) or self.fields(key) or self.dates(key) or self.others(key)

    def flags(self, key: str) -> Question | None:
        bare = key.removeprefix("UN")
        if bare in FLAGS:
            flag, wanted = f"\\{bare.capitalize()}", bare == key
            return lambda it: (flag in it.entry.flags) == wanted
        if key in ("KEYWORD", "UNKEYWORD"):
            keyword = self.word().decode("ascii", "replace")
            return lambda it: (keyword in it.entry.flags) == (key == "KEYWORD")
        if key == "NEW":
            return lambda it: "\\Recent" in it.entry.flags and "\\Seen" not in it.entry.flags
        return (lambda it: "\\Recent" not in it.entry.flags) if key == "OLD" else None

    def fields(self, key: str) -> Question | None:
        if key in FIELDS or key == "HEADER":
            name = FIELDS.get(key) or self.text()
            wanted = self.text()
            return lambda it: any(wanted in one for one in values(it.letter.message, name))
        if key in ("BODY", "TEXT"):
            wanted = self.text()
            return lambda it: wanted in written(it.letter, whole=key == "TEXT")
        return None

    def dates(self, key: str) -> Question | None:
        kind = key.removeprefix("SENT")
        if kind not in ("BEFORE", "ON", "SINCE"):
            return None
        wanted = day(self.word())
        of = sent_day if key != kind else came_day
        if kind == "ON":
            return lambda it: of(it) == wanted
        return (lambda it: of(it) < wanted) if kind == "BEFORE" else (lambda it: of(it) >= wanted)

    def others(self, key: str) -> Question:
        if key == "ALL":
            return lambda it: True
        if key == "NOT":
            inner = self.one()
            return lambda it: not inner(it)
        if key == "OR":
            first, second = self.one(), self.one()
            return lambda it: first(it) or second(it)
        if key == "UID":
            inside = numbers(self.word(), self._highest_uid)
            return lambda it: inside(it.entry.uid)
        if key in ("LARGER", "SMALLER"):
            size = self.number()
            return lambda it: len(it.letter.raw) > size if key == "LARGER" else len(it.letter.raw) < size
        raise Malformed(f"there is no criterion {key}")


def values(message: Part, name: str) -> list[str]:
    """A header field's values, decoded."""
    found = (email.header.decode_header(str(one)) for one in message.get_all(name, []))
    return [str(email.header.make_header(one)).lower() for one in found]


def written(letter: Letter, *, whole: bool) -> str:
    """The text of a letter's parts, and of its header where the whole is meant."""
    found = [letter.header.decode("utf-8", "replace")] if whole else []
    if whole:
        found += [" ".join(values(letter.message, name)) for name in {*letter.message.keys()}]
    for part in letter.message.walk():
        data = part.get_payload(decode=True)
        if part.get_content_maintype() == "text" and isinstance(data, bytes):
            try:
                found.append(data.decode(part.get_content_charset("utf-8"), "replace"))
            except LookupError:
                found.append(data.decode("latin-1"))
    return "\n".join(found).lower()


def came_day(it: Candidate) -> int:
    return datetime.fromtimestamp(it.entry.at, UTC).toordinal()


def sent_day(it: Candidate) -> int:
    try:
        return email.utils.parsedate_to_datetime(str(it.letter.message["Date"])).toordinal()
    except ValueError:
        return 0
