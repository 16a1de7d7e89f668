"""The words of a PartiQL statement."""

from __future__ import annotations

import re
from typing import NamedTuple

from pileus.kernel import Fault

from . import faults

WORDS = re.compile(
    r"""\s*(?: (?P<text>'(?:[^']|'')*') | (?P<quoted>"(?:[^"]|"")*") | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_\-]*) | (?P<sign><<|>>|<>|!=|<=|>=|[=<>+\-(),.\[\]{}:*?]) | (?P<other>\S) )""",
    re.VERBOSE,
)
LONGEST = 8192
DEEPEST = 100


class Word(NamedTuple):
    kind: str
    text: str


class Words:
    """A statement that is being read."""

    def __init__(self, statement: str) -> None:
        if len(statement) > LONGEST:
            raise faults.invalid(f"Statement length exceeds the limit of {LONGEST}")
        text = statement.strip().removesuffix(";")
        self.words = [Word(str(found.lastgroup), found[found.lastgroup or 0]) for found in WORDS.finditer(text)]
        self.at = 0
        self.depth = 0

    @property
    def word(self) -> Word:
        return self.words[self.at] if self.at < len(self.words) else Word("end", "")

    def take(self) -> Word:
        word = self.word
        self.at += 1
        return word

    def keyword(self, *words: str) -> str:
        """Take one of these keywords, in any case, if it is next."""
        word = self.word
        if word.kind == "name" and (found := word.text.upper()) in words:
            self.at += 1
            return found
        return ""

    def sign(self, *signs: str) -> str:
        word = self.word
        if word.kind == "sign" and word.text in signs:
            self.at += 1
            return word.text
        return ""

    def expect(self, *what: str) -> None:
        """Take these keywords and signs, one after the other."""
        for one in what:
            if not (self.keyword(one) if one.isalpha() else self.sign(one)):
                raise self.unexpected()

    def identifier(self) -> str:
        kind, text = self.word
        if kind == "quoted":
            self.at += 1
            return text[1:-1].replace('""', '"')
        if kind == "name":
            self.at += 1
            return text
        raise self.unexpected()

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise faults.invalid("Statement wasn't well formed, can't be processed: it nests too deeply")

    def unexpected(self) -> Fault:
        what = f"Unexpected {self.word.text!r}" if self.word.kind != "end" else "Unexpected end"
        return faults.invalid(f"Statement wasn't well formed, can't be processed: {what}")
