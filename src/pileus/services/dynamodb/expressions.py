"""The expressions of one request: read once and kept by their text, then put together with the request's values."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from pileus.kernel import Fault

from . import conditions, faults, key_conditions, paths, updates, values
from .tokens import Path, Tokens, disjoint
from .values import Item

T = TypeVar("T")

NAME = re.compile(r"#[A-Za-z0-9_\-]+")
VALUE = re.compile(r":[A-Za-z0-9_\-]+")
KEPT = 4096
Names = tuple[tuple[str, str], ...]
Matches = Callable[[Item], bool]


class Compiled(NamedTuple):
    """An expression as it was read, and what it is made into."""

    tokens: Tokens
    node: Any
    result: Any
    tops: frozenset[str]
    """The attributes in which its paths begin."""


@lru_cache(maxsize=KEPT)
def compiled(kind: str, text: str, names: Names) -> Compiled:
    """An expression by its kind, which is the member of the request that it came in."""
    tokens = Tokens(kind, text, dict(names))
    if kind == "UpdateExpression":
        update = updates.read(tokens)
        return Compiled(tokens, update, update, frozenset(str(path[0]) for path in update.paths))
    if kind == "ProjectionExpression":
        found = projection(tokens)
        return Compiled(tokens, found, paths.tree(found), frozenset(str(path[0]) for path in found))
    node = conditions.read(tokens)
    tops = frozenset(str(path[0]) for path in paths_in(node))
    return Compiled(tokens, node, conditions.compiled(node), tops)


def projection(tokens: Tokens) -> list[Path]:
    found = [tokens.path()]
    while tokens.sign(","):
        found.append(tokens.path())
    tokens.end()
    disjoint(tokens, found)
    return found


def paths_in(node: conditions.Node) -> list[Path]:
    own = [one.path for operand in node.operands for one in (operand, *operand.operands) if one.kind == "path"]
    return own + [path for below in node.below for path in paths_in(below)]


class Expressions:
    """The names and values of a request, which its expressions must use up."""

    __slots__ = ("names", "unused_names", "unused_values", "values")

    def __init__(self, names: dict[str, str] | None, given: dict[str, Any] | None, present: str = "") -> None:
        """`present` tells of the expressions that the request could have but has not, if it has none."""
        if present and (names is not None or given is not None):
            what = "Names" if names is not None else "Values"
            told = "" if names is not None else f": {present}"
            raise faults.invalid(f"ExpressionAttribute{what} can only be specified when using expressions{told}")
        self.names: Names = checked_names(names) if names is not None else ()
        self.values = checked_values(given) if given is not None else {}
        self.unused_names = {*names} if names else set()
        self.unused_values = {*self.values}

    def _use(self, kind: str, text: str) -> Compiled:
        found = compiled(kind, text, self.names)
        tokens = found.tokens
        for name in tokens.used_values:
            if name not in self.values:
                raise tokens.invalid(
                    f"An expression attribute value used in expression is not defined; attribute value: {name}"
                )
        self.unused_names -= tokens.used_names
        self.unused_values -= tokens.used_values
        return found

    def condition(self, kind: str, text: str) -> Matches:
        found = self._use(kind, text)
        conditions.check(found.tokens, found.node, self.values)
        test, given = found.result, self.values
        return lambda item: test(item, given)

    def filter(self, text: str, keys: tuple[str, ...]) -> Matches:
        """A filter, which must not be about these key attributes."""
        matches = self.condition("FilterExpression", text)
        tops = compiled("FilterExpression", text, self.names).tops
        for name in keys:
            if name in tops:
                raise faults.invalid(
                    "Filter Expression can only contain non-primary key attributes: Primary key attribute: " + name
                )
        return matches

    def key_condition(self, text: str) -> key_conditions.Parts:
        found = self._use("KeyConditionExpression", text)
        conditions.check(found.tokens, found.node, self.values)
        return key_conditions.parts(found.tokens, found.node, self.values)

    def projection(self, text: str) -> tuple[paths.Tree, frozenset[str]]:
        """The paths as a tree, and the attributes in which they begin."""
        found = self._use("ProjectionExpression", text)
        return found.result, found.tops

    def update(self, text: str) -> updates.Update:
        found = self._use("UpdateExpression", text)
        updates.check(found.tokens, found.result, self.values)
        update: updates.Update = found.result
        return update

    def finish(self) -> None:
        """Raise where a name or a value has not been used."""
        for what, unused in (("Names", self.unused_names), ("Values", self.unused_values)):
            if unused:
                shown = ", ".join(sorted(unused))
                raise faults.invalid(
                    f"Value provided in ExpressionAttribute{what} unused in expressions: keys: {{{shown}}}"
                )


def checked_names(names: dict[str, str]) -> Names:
    if not names:
        raise faults.invalid("ExpressionAttributeNames must not be empty")
    for name in names:
        if not NAME.fullmatch(name):
            raise faults.invalid(f'ExpressionAttributeNames contains invalid key: Syntax error; key: "{name}"')
    return tuple(names.items())


def checked_values(given: dict[str, Any]) -> dict[str, Any]:
    if not given:
        raise faults.invalid("ExpressionAttributeValues must not be empty")
    for name, value in given.items():
        if not VALUE.fullmatch(name):
            raise faults.invalid(f'ExpressionAttributeValues contains invalid key: Syntax error; key: "{name}"')
        try:
            values.take_value(value)
        except Fault as fault:
            raise faults.invalid(
                f"ExpressionAttributeValues contains invalid value: {fault.message} for key {name}"
            ) from None
    return given


def not_both(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Raise where a request has both expressions and what there was before them."""
    olds = [name for name, value in old.items() if value is not None]
    if olds and (news := [name for name, value in new.items() if value is not None]):
        raise faults.invalid(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(olds)}}} Expression parameters: {{{', '.join(news)}}}"
        )
