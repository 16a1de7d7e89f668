"""Space-delimited messages: `[ip, user, ..., status = 4* || status = 5*, bytes > 1000]`.

A message has as many columns as there are texts between spaces; what stands in quotation marks or brackets is one. A
pattern without `...` wants exactly as many columns as it names.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from . import values

COLUMN = re.compile(r'"((?:[^"\\]|\\.)*)"|\[([^\]]*)\]|(\S+)')
TOKEN = re.compile(
    r'\s*(?:(?P<op>&&|\|\||!=|<=|>=|=|<|>)|(?P<quoted>"(?:[^"\\]|\\.)*")|%(?P<regex>(?:[^%\\]|\\.)+)%'
    r"|(?P<mark>[()])|(?P<word>[^\s,&|()=<>!\"]+))"
)


class Condition(NamedTuple):
    """One comparison of a column."""

    operator: str
    value: str
    regex: re.Pattern[str] | None

    def holds(self, column: str) -> bool:
        if self.regex is not None:
            return (self.regex.search(column) is not None) == (self.operator == "=")
        wanted, have = values.number(self.value), values.number(column)
        if wanted is not None and have is not None:
            return values.COMPARE[self.operator](have, wanted)
        if self.operator in ("=", "!="):
            return values.wildcard(self.value)(column) == (self.operator == "=")
        return False


class Column(NamedTuple):
    """A column's name, and alternatives of conditions that must all hold."""

    name: str
    any_of: list[list[Condition]]

    def holds(self, column: str) -> bool:
        return not self.any_of or any(all(one.holds(column) for one in all_of) for all_of in self.any_of)


class Columns:
    """A pattern: the columns before an ellipsis, and those after it."""

    needs: tuple[bytes, ...] = ()

    def __init__(self, before: list[Column], after: list[Column] | None) -> None:
        self.before = before
        self.after = after

    def named(self, message: str) -> list[tuple[Column, str]] | None:
        """The pattern's columns with what a message has in them, if it has as many."""
        found = split(message)
        if self.after is None:
            return list(zip(self.before, found, strict=True)) if len(found) == len(self.before) else None
        if len(found) < len(self.before) + len(self.after):
            return None
        tail = found[len(found) - len(self.after) :] if self.after else []
        return [*zip(self.before, found, strict=False), *zip(self.after, tail, strict=True)]

    def matches(self, message: str) -> bool:
        pairs = self.named(message)
        return pairs is not None and all(column.holds(text) for column, text in pairs)

    def extracted(self, message: str) -> dict[str, str]:
        return {f"${column.name}": text for column, text in self.named(message) or () if column.name}

    def value(self, message: str, selector: str) -> str | float | None:
        return self.extracted(message).get(selector)


def split(message: str) -> list[str]:
    """A message's columns."""
    return [next(text for text in match.groups() if text is not None) for match in COLUMN.finditer(message)]


def parsed(pattern: str) -> Columns:
    if not pattern.endswith("]"):
        raise values.invalid()
    before: list[Column] = []
    after: list[Column] | None = None
    for text in separated(pattern[1:-1]):
        if text == "...":
            if after is not None:
                raise values.invalid("Only one ellipsis is allowed")
            after = []
        else:
            (before if after is None else after).append(column(text))
    return Columns(before, after)


def separated(text: str) -> list[str]:
    """The parts between commas that stand in no quotation marks and no regular expression."""
    found = [""]
    quoted = ""
    place = 0
    while place < len(text):
        sign = text[place]
        if sign == "\\" and place + 1 < len(text):
            found[-1] += text[place : place + 2]
            place += 2
            continue
        if sign in '"%' and quoted in ("", sign):
            quoted = "" if quoted else sign
        if sign == "," and not quoted:
            found.append("")
        else:
            found[-1] += sign
        place += 1
    return [part.strip() for part in found]


def column(text: str) -> Column:
    """`name`, or `name = value && name != value || …`"""
    tokens = lexed(text)
    if not tokens:
        return Column("", [])
    if len(tokens) == 1 and tokens[0][0] == "word":
        return Column(tokens[0][1], [])
    name = ""
    any_of: list[list[Condition]] = [[]]
    tokens = [token for token in tokens if token[0] != "mark"]
    while tokens:
        (kind, found), (what, operator), value, *tokens = [*tokens, ("", ""), ("", "")][: len(tokens) + 2]
        if kind != "word" or what != "op" or operator in ("&&", "||") or value[0] not in ("word", "quoted", "regex"):
            raise values.invalid()
        if name and found != name:
            raise values.invalid(f"A column has one name, not {name} and {found}")
        name = found
        any_of[-1].append(condition(operator, value))
        tokens = [token for token in tokens if token[0]]
        if tokens:
            joint, *tokens = tokens
            if joint == ("op", "||"):
                any_of.append([])
            elif joint != ("op", "&&"):
                raise values.invalid()
            if not tokens:
                raise values.invalid()
    return Column(name, any_of)


def condition(operator: str, value: tuple[str, str]) -> Condition:
    kind, text = value
    if kind == "regex":
        if operator not in ("=", "!="):
            raise values.invalid()
        return Condition(operator, "", values.regex(text))
    if operator not in ("=", "!=") and values.number(text) is None:
        raise values.invalid(f"{text} is no number")
    return Condition(operator, text, None)


def lexed(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    place = 0
    while place < len(text.rstrip()):
        match = TOKEN.match(text, place)
        if match is None:
            raise values.invalid()
        kind = match.lastgroup or ""
        found = match[kind]
        tokens.append((kind, re.sub(r"\\(.)", r"\1", found[1:-1]) if kind == "quoted" else found))
        place = match.end()
    return tokens
