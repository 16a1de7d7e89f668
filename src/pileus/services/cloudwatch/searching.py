"""SEARCH expressions: find metrics by namespace, dimensions and words.

    {AWS/EC2,InstanceId} MetricName="CPUUtilization" OR NetworkIn NOT test

User Guide, "Search expressions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pileus.kernel import Call

from .expressions import Misspelt
from .metrics import Metric

MOST = 500
"""Time series that a search finds."""

SCHEMA = re.compile(r"\s*\{([^}]*)\}\s*(.*)", re.DOTALL)
TOKEN = re.compile(r'\s*(?:(\()|(\))|([:.\w]+)\s*=\s*("[^"]*"|[^\s()]+)|("[^"]*")|([^\s()]+))')
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

Test = Callable[[Metric], bool]


def found(call: Call, expression: str) -> list[Metric]:
    """The metrics that a search expression is about."""
    schema = SCHEMA.fullmatch(expression)
    namespace, dimensions, terms = "", None, expression
    if schema:
        namespace, *rest = [part.strip().strip('"') for part in split(schema[1])]
        dimensions, terms = {*rest}, schema[2]
    test = Terms(terms).either() if terms.strip() else lambda metric: True
    scope = (namespace,) if namespace else ()
    matching: list[Metric] = []
    for metric in Metric.scan(call, *scope):
        if (dimensions is None or metric.dimensions.keys() == dimensions) and test(metric):
            matching.append(metric)
            if len(matching) == MOST:
                break
    return matching


def split(text: str) -> list[str]:
    return re.findall(r'"[^"]*"|[^,]+', text)


class Terms:
    """The words of a search: those beside each other must all be found."""

    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))

    def _at(self, word: str) -> bool:
        return bool(self._tokens) and self._tokens[0] == ("word", word)

    def either(self) -> Test:
        tests = [self.all()]
        while self._at("OR"):
            self._tokens.pop(0)
            tests.append(self.all())
        return lambda metric: any(test(metric) for test in tests)

    def all(self) -> Test:
        tests = [self.one()]
        while self._tokens and not self._at("OR") and self._tokens[0][0] != ")":
            if self._at("AND"):
                self._tokens.pop(0)
            tests.append(self.one())
        return lambda metric: all(test(metric) for test in tests)

    def one(self) -> Test:
        if not self._tokens:
            raise Misspelt("the search expression ends too soon")
        kind, token = self._tokens.pop(0)
        if kind == "word" and token == "NOT":
            inner = self.one()
            return lambda metric: not inner(metric)
        if kind == "(":
            inner = self.either()
            if not self._tokens or self._tokens.pop(0)[0] != ")":
                raise Misspelt("the search expression lacks a ')'")
            return inner
        if kind == "property":
            name, _, value = token.partition("=")
            return about(name, value)
        return lambda metric: any(holds(token, text) for text in texts(metric))


def tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise Misspelt("the search expression cannot be read")
        opening, closing, name, value, quoted, word = match.groups()
        if opening or closing:
            yield opening or closing, ""
        elif name:
            yield "property", f"{name}={value}"
        else:
            yield ("quoted", quoted) if quoted else ("word", word)
        at = match.end()


def about(name: str, value: str) -> Test:
    """A named property: of a dimension, or the metric's own name or namespace."""

    def test(metric: Metric) -> bool:
        own = {"MetricName": metric.name, "Namespace": metric.namespace}
        text = own.get(name, metric.dimensions.get(name))
        return text is not None and holds(value, text)

    return test


def texts(metric: Metric) -> list[str]:
    return [metric.namespace, metric.name, *metric.dimensions, *metric.dimensions.values()]


def holds(term: str, text: str) -> bool:
    """In quotes a term is the whole text; a bare one is some of its words."""
    if term.startswith('"'):
        return term.strip('"') == text
    wanted = [part.lower() for part in PARTS.findall(term)]
    return term.lower() == text.lower() or {*wanted} <= {part.lower() for part in PARTS.findall(text)}
