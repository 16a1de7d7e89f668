"""JSON messages: `{ ($.status >= 500 || $.error NOT EXISTS) && $.path = "/orders/*" && $.tags[0] IS NULL }`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from . import values

TOKEN = re.compile(
    r"""\s*(?:(?P<path>\$(?:\.[\w-]+|\[\s*(?:\d+|\*|'[^']*'|"[^"]*")\s*\]|\.\*)*)
    |(?P<op>&&|\|\||!=|<=|>=|=|<|>)|(?P<mark>[()])|(?P<quoted>"(?:[^"\\]|\\.)*")|%(?P<regex>(?:[^%\\]|\\.)+)%
    |(?P<word>[^\s()&|=<>!"%{}]+))""",
    re.VERBOSE,
)
STEP = re.compile(r"""\.([\w-]+)|\.(\*)|\[\s*(?:(\d+)|(\*)|'([^']*)'|"([^"]*)")\s*\]""")

MISSING = object()
decode = msgspec.json.Decoder().decode

Step = str | int | None
"""A member, an element, or any of them."""
Test = Callable[[Any], bool]


class Document:
    """A condition on a JSON message, and the paths that it names."""

    def __init__(self, test: Test, paths: dict[str, list[Step]], needs: tuple[bytes, ...]) -> None:
        self.test = test
        self.paths = paths
        self.needs = needs

    def matches(self, message: str) -> bool:
        document = decoded(message)
        return document is not None and self.test(document)

    def extracted(self, message: str) -> dict[str, str]:
        document = decoded(message)
        found = {name: lookup(document, steps) for name, steps in self.paths.items()}
        return {name: text(value[0]) for name, value in found.items() if value}

    def value(self, message: str, selector: str) -> str | float | None:
        found = lookup(decoded(message), steps_of(selector))
        if not found or isinstance(found[0], bool | dict | list) or found[0] is None:
            return None
        return found[0] if isinstance(found[0], str) else float(found[0])


def decoded(message: str) -> Any:
    """The object or array that a message is, or None."""
    if message.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return decode(message)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def lookup(document: Any, steps: list[Step]) -> list[Any]:
    """What a path leads to: nothing, one thing, or several where it says any."""
    found = [document]
    for step in steps:
        further: list[Any] = []
        for value in found:
            if step is None:
                further += value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
            elif isinstance(step, int):
                if isinstance(value, list) and step < len(value):
                    further.append(value[step])
            elif isinstance(value, dict) and step in value:
                further.append(value[step])
        found = further
    return found


def steps_of(path: str) -> list[Step]:
    steps: list[Step] = []
    for match in STEP.finditer(path):
        name, _, index, _, single, double = match.groups()
        steps.append(int(index) if index is not None else next((one for one in (name, single, double) if one), None))
    return steps


class Parser:
    """Turns tokens into a test: `or` of `and` of conditions."""

    def __init__(self, pattern: str) -> None:
        self.tokens = lexed(pattern)
        self.place = 0
        self.paths: dict[str, list[Step]] = {}

    def parse(self) -> Document:
        test, needs = self.either()
        if self.place != len(self.tokens):
            raise values.invalid()
        return Document(test, self.paths, tuple(needs))

    def next(self, kind: str = "", value: str = "") -> str:
        """The next token, if it is as said; else nothing."""
        if self.place == len(self.tokens):
            return ""
        found, text = self.tokens[self.place]
        if (kind and found != kind) or (value and text.upper() != value):
            return ""
        self.place += 1
        return text

    def either(self) -> tuple[Test, set[bytes]]:
        test, needs = self.both()
        tests = [test]
        while self.next("op", "||"):
            test, more = self.both()
            tests.append(test)
            needs = needs & more
        return (tests[0] if len(tests) == 1 else lambda document: any(one(document) for one in tests)), needs

    def both(self) -> tuple[Test, set[bytes]]:
        test, needs = self.one()
        tests = [test]
        while self.next("op", "&&"):
            test, more = self.one()
            tests.append(test)
            needs = needs | more
        return (tests[0] if len(tests) == 1 else lambda document: all(one(document) for one in tests)), needs

    def one(self) -> tuple[Test, set[bytes]]:
        if self.next("mark", "("):
            found = self.either()
            if not self.next("mark", ")"):
                raise values.invalid()
            return found
        path = self.next("path")
        if not path:
            raise values.invalid()
        steps = self.paths[path] = steps_of(path)
        needs = {step.encode() for step in steps if isinstance(step, str) and re.fullmatch(r"[\w-]+", step, re.ASCII)}
        if self.next("word", "IS"):
            return self.state(steps), needs
        if self.next("word", "NOT"):
            if not self.next("word", "EXISTS"):
                raise values.invalid()
            return (lambda document: not lookup(document, steps)), set()
        if self.next("word", "EXISTS"):
            return (lambda document: bool(lookup(document, steps))), needs
        return comparison(steps, self.next("op"), self.operand()), needs

    def state(self, steps: list[Step]) -> Test:
        for word, value in (("NULL", None), ("TRUE", True), ("FALSE", False)):
            if self.next("word", word):
                return lambda document: any(one is value for one in lookup(document, steps))
        raise values.invalid()

    def operand(self) -> tuple[str, str]:
        if self.place == len(self.tokens) or self.tokens[self.place][0] not in ("word", "quoted", "regex"):
            raise values.invalid()
        self.place += 1
        return self.tokens[self.place - 1]


def comparison(steps: list[Step], operator: str, operand: tuple[str, str]) -> Test:
    """A comparison of what a path leads to. Of what is not there, nothing holds, not even that it differs."""
    kind, text = operand
    if operator not in values.COMPARE:
        raise values.invalid()
    wanted = values.number(text) if kind == "word" else None
    if operator not in ("=", "!=") and wanted is None:
        raise values.invalid(f"{text} is no number")
    if wanted is not None:
        compare = values.COMPARE[operator]
        return any_value(
            steps, lambda value: (is_number(value) and compare(value, wanted)) or same(value, operator, text)
        )
    if kind == "regex":
        search = values.regex(text).search
        fits: values.Test = lambda value: search(value) is not None  # noqa: E731
    else:
        fits = values.wildcard(text)
    equal = operator == "="
    return any_value(steps, lambda value: is_plain(value) and fits(plain(value)) == equal)


def same(value: Any, operator: str, text: str) -> bool:
    """Whether a text of digits is, or is not, as it is written in the pattern."""
    if not isinstance(value, str) or operator not in ("=", "!="):
        return False
    return (value == text) == (operator == "=")


def any_value(steps: list[Step], holds: Test) -> Test:
    if len(steps) == 1 and isinstance(steps[0], str):
        name = steps[0]

        def member(document: Any) -> bool:
            value = document.get(name, MISSING) if type(document) is dict else MISSING
            return value is not MISSING and holds(value)

        return member
    return lambda document: any(holds(value) for value in lookup(document, steps))


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_plain(value: Any) -> bool:
    return not isinstance(value, dict | list)


def plain(value: Any) -> str:
    return value if isinstance(value, str) else text(value)


def parsed(pattern: str) -> Document:
    if not pattern.endswith("}"):
        raise values.invalid()
    return Parser(pattern[1:-1]).parse()


def lexed(pattern: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    place = 0
    while place < len(pattern.rstrip()):
        match = TOKEN.match(pattern, place)
        if match is None:
            raise values.invalid()
        kind = match.lastgroup or ""
        found = match[kind]
        tokens.append((kind, re.sub(r"\\(.)", r"\1", found[1:-1]) if kind == "quoted" else found))
        place = match.end()
    return tokens
