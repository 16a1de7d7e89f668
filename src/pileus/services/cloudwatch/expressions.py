"""Metric math as text: read into a tree.

    expression = or ; or = and {("OR" | "||") and} ; and = comparison {("AND" | "&&") comparison}
    comparison = sum [("==" | "!=" | "<" | "<=" | ">" | ">=") sum] ; sum = product {("+" | "-") product}
    product = power {("*" | "/" | "%") power} ; power = unary ["^" power] ; unary = "-" unary | primary
    primary = number | string | id | FUNCTION "(" [expression {"," expression}] ")" | "[" … "]" | "(" expression ")"

User Guide, "Metric math syntax and functions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/%^<>(),\[\]]))"
)
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


class Misspelt(ValueError):
    """Why a text is no expression."""


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Text:
    value: str


@dataclass(frozen=True)
class Name:
    value: str


@dataclass(frozen=True)
class Apply:
    """A function, or an operator, and what it is applied to."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Text | Name | Apply


@lru_cache(maxsize=1024)
def parse(text: str) -> Node:
    """The tree of an expression; `Misspelt` for what is none."""
    reader = Reader(tokens(text))
    tree = reader.either()
    if reader.kind:
        raise Misspelt(f"unexpected '{reader.token}'")
    return tree


def names(tree: Node) -> Iterator[str]:
    """The ids that an expression names. They begin with a small letter, words such as REPEAT with a capital."""
    if isinstance(tree, Name) and not tree.value[0].isupper():
        yield tree.value
    elif isinstance(tree, Apply):
        for argument in tree.arguments:
            yield from names(argument)


def functions(tree: Node) -> set[str]:
    """The functions and operators that an expression applies."""
    if not isinstance(tree, Apply):
        return set()
    return {tree.function}.union(*map(functions, tree.arguments))


def tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise Misspelt(f"unexpected '{text[at:].strip()[:1]}'")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


class Reader:
    """One token ahead of where it is."""

    def __init__(self, source: Iterator[tuple[str, str]]) -> None:
        self._source = source
        self.kind, self.token = "", ""
        self.advance()

    def advance(self) -> str:
        token = self.token
        self.kind, self.token = next(self._source, ("", ""))
        return token

    def at(self, *signs: str) -> bool:
        return self.kind == "sign" and self.token in signs

    def word(self, word: str) -> bool:
        return self.kind == "name" and self.token.upper() == word

    def expect(self, sign: str) -> None:
        if not self.at(sign):
            raise Misspelt(f"expected '{sign}'" + (f" before '{self.token}'" if self.kind else " at the end"))
        self.advance()

    def either(self) -> Node:
        left = self.both()
        while self.at("||") or self.word("OR"):
            self.advance()
            left = Apply("||", (left, self.both()))
        return left

    def both(self) -> Node:
        left = self.comparison()
        while self.at("&&") or self.word("AND"):
            self.advance()
            left = Apply("&&", (left, self.comparison()))
        return left

    def comparison(self) -> Node:
        left = self.sum()
        while self.at(*COMPARISONS):
            left = Apply(self.advance(), (left, self.sum()))
        return left

    def sum(self) -> Node:
        left = self.product()
        while self.at("+", "-"):
            left = Apply(self.advance(), (left, self.product()))
        return left

    def product(self) -> Node:
        left = self.power()
        while self.at("*", "/", "%"):
            left = Apply(self.advance(), (left, self.power()))
        return left

    def power(self) -> Node:
        base = self.unary()
        return Apply(self.advance(), (base, self.power())) if self.at("^") else base

    def unary(self) -> Node:
        if self.at("-"):
            self.advance()
            return Apply("negative", (self.unary(),))
        return self.primary()

    def primary(self) -> Node:
        if self.kind == "number":
            return Number(float(self.advance()))
        if self.kind == "text":
            return Text(re.sub(r"\\(.)", r"\1", self.advance()[1:-1]))
        if self.kind == "name":
            name = self.advance()
            return Apply(name.upper(), self.listed("(", ")")) if self.at("(") else Name(name)
        if self.at("["):
            return Apply("[]", self.listed("[", "]"))
        self.expect("(")
        inner = self.either()
        self.expect(")")
        return inner

    def listed(self, opening: str, closing: str) -> tuple[Node, ...]:
        self.expect(opening)
        found: list[Node] = []
        while not self.at(closing):
            if found:
                self.expect(",")
            found.append(self.either())
        self.expect(closing)
        return tuple(found)
