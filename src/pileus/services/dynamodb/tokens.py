"""The words of an expression, and the paths and placeholders that all kinds of expressions have in common.

Developer Guide, "Using expressions in DynamoDB", and "Expression size and complexity limits" of the quotas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from pileus.kernel import Fault

from . import faults
from .reserved import RESERVED

WORDS = re.compile(
    r"""\s*(?: (?P<name>[A-Za-z_][A-Za-z0-9_]*) | (?P<attribute>\#[A-Za-z0-9_\-]+) | (?P<value>:[A-Za-z0-9_\-]+)
    | (?P<number>\d+) | (?P<sign><>|<=|>=|[=<>+\-(),.\[\]]) | (?P<other>\S) )""",
    re.VERBOSE,
)
LONGEST = 4096
DEEPEST_PATH = 32
DEEPEST = 150
MOST_OPERATORS = 300
EOF = "<EOF>"

Path = tuple[str | int, ...]


class Token(NamedTuple):
    kind: str
    text: str


class Operand(NamedTuple):
    """What an expression computes with: a path, a `:value`, or a function of operands."""

    kind: str
    """`path`, `value`, or the name of the function."""
    path: Path = ()
    value: str = ""
    operands: tuple[Operand, ...] = ()


class Tokens:
    """An expression that is being read: `kind` is the request's member, `names` what its `#names` stand for."""

    def __init__(self, kind: str, text: str, names: Mapping[str, str]) -> None:
        self.kind = kind
        self.names = names
        self.used_names: set[str] = set()
        self.used_values: set[str] = set()
        self.operators = 0
        self.depth = 0
        if not text.strip():
            raise self.invalid("The expression can not be empty;")
        if (size := len(text.encode())) > LONGEST:
            raise self.invalid(f"Expression size has exceeded the maximum allowed size; expression size: {size}")
        self.tokens = [Token(str(found.lastgroup), found[found.lastgroup or 0]) for found in WORDS.finditer(text)]
        self.at = 0

    # Reading

    @property
    def token(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else Token("end", EOF)

    @property
    def next(self) -> Token:
        return self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else Token("end", EOF)

    def take(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def word(self, *words: str) -> str:
        """Take one of these keywords, in any case, if it is next."""
        token = self.token
        if token.kind == "name" and (found := token.text.upper()) in words:
            self.at += 1
            return found
        return ""

    def sign(self, *signs: str) -> str:
        token = self.token
        if token.kind == "sign" and token.text in signs:
            self.at += 1
            return token.text
        return ""

    def expect(self, sign: str) -> None:
        if not self.sign(sign):
            raise self.unexpected()

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise self.unexpected()

    # Errors

    def invalid(self, reason: str) -> Fault:
        return faults.invalid(f"Invalid {self.kind}: {reason}")

    def unexpected(self) -> Fault:
        near = " ".join(token.text for token in self.tokens[max(self.at - 1, 0) : self.at + 2])
        return self.invalid(f'Syntax error; token: "{self.token.text}", near: "{near}"')

    def count(self) -> None:
        """Another operator or function."""
        self.operators += 1
        if self.operators > MOST_OPERATORS:
            raise self.invalid(
                f"The expression contains more than the maximum of {MOST_OPERATORS} operators; "
                f"number of operators: {self.operators}"
            )

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.invalid("The expression is nested too deeply")

    def wrong_number(self, function: str, number: int) -> Fault:
        return self.invalid(
            "Incorrect number of operands for operator or function; "
            f"operator or function: {function}, number of operands: {number}"
        )

    # Paths and values

    def path(self) -> Path:
        parts: list[str | int] = [self.attribute()]
        while True:
            if self.sign("."):
                parts.append(self.attribute())
            elif self.sign("["):
                if self.token.kind != "number":
                    raise self.unexpected()
                parts.append(int(self.take().text))
                self.expect("]")
            else:
                break
        if len(parts) > DEEPEST_PATH:
            raise self.invalid("The document path has too many nesting elements; nesting elements: " + str(len(parts)))
        return tuple(parts)

    def attribute(self) -> str:
        kind, text = self.token
        if kind == "name":
            if text.upper() in RESERVED:
                raise self.invalid(f"Attribute name is a reserved keyword; reserved keyword: {text}")
            self.at += 1
            return text
        if kind != "attribute":
            raise self.unexpected()
        self.at += 1
        if text not in self.names:
            raise self.invalid(
                f"An expression attribute name used in the document path is not defined; attribute name: {text}"
            )
        self.used_names.add(text)
        return self.names[text]

    def placeholder(self) -> str:
        if self.token.kind != "value":
            raise self.unexpected()
        name = self.take().text
        self.used_values.add(name)
        return name

    def operand(self) -> Operand:
        """A path or a value."""
        if self.token.kind == "value":
            return Operand("value", value=self.placeholder())
        return Operand("path", self.path())


def shown(path: Path) -> str:
    return f"[{', '.join(f'[{part}]' if isinstance(part, int) else part for part in path)}]"


def disjoint(tokens: Tokens, paths: list[Path]) -> None:
    """Raise where one path is another or leads to it, or where two disagree on what is a list and what a map."""
    for number, later in enumerate(paths):
        for earlier in paths[:number]:
            where = next((at for at, pair in enumerate(zip(earlier, later, strict=False)) if pair[0] != pair[1]), None)
            if where is None:
                problem = "overlap"
            elif type(earlier[where]) is not type(later[where]):
                problem = "conflict"
            else:
                continue
            raise tokens.invalid(
                f"Two document paths {problem} with each other; must remove or rewrite one of these paths; "
                f"path one: {shown(earlier)}, path two: {shown(later)}"
            )
