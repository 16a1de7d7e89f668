"""Policies as the decision uses them: statements compiled once, and found by the action that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import conditions, grammar, matching
from .principals import Principals

if TYPE_CHECKING:
    from .attached import Document
    from .decision import Query

Match = Callable[[str], bool]
MOST_ACTIONS_KEPT = 1024


class Statement:
    """One statement of one policy."""

    __slots__ = (
        "action",
        "allows",
        "conditions",
        "excluded",
        "number",
        "only",
        "principals",
        "resource",
        "sid",
        "source",
    )

    def __init__(self, source: str, number: int, written: dict[str, Any], variables: bool) -> None:
        self.source = source
        """The policy's name, ARN or id."""
        self.number = number
        self.sid: str = written.get("Sid", "")
        self.allows = written["Effect"] == "Allow"
        self.action, self.only = actions_of(written)
        self.resource, self.excluded = resources_of(written, variables)
        self.principals = Principals.of(written)
        self.conditions = conditions.compiled(written.get("Condition", {}), variables=variables)

    def __repr__(self) -> str:
        return f"<Statement {self.sid or self.number} of {self.source}>"

    def acts(self, action: str) -> bool:
        """Whether it speaks of an action, given in lower case."""
        return self.action(action) == self.only

    def applies(self, query: Query) -> bool:
        """Whether it speaks of this resource under these circumstances, its action being the query's."""
        if self.resource is not None and self.resource(query.resource, query.lookup) == self.excluded:
            return False
        return all(test(query.lookup) for test in self.conditions) if self.conditions else True


def actions_of(written: dict[str, Any]) -> tuple[Match, bool]:
    if "Action" in written:
        return matching.actions(grammar.listed(written["Action"])), True
    return matching.actions(grammar.listed(written["NotAction"])), False


def resources_of(written: dict[str, Any], variables: bool) -> tuple[matching.Matcher | None, bool]:
    """What matches the resources, or None for all; and whether they are those that it does not speak of."""
    if "NotResource" in written:
        return matching.arns(grammar.listed(written["NotResource"]), variables=variables), True
    texts = grammar.listed(written.get("Resource", "*"))
    return (None if "*" in texts else matching.arns(texts, variables=variables)), False


class Policies:
    """Some policies of one kind, asked together: their statements by action."""

    __slots__ = ("_denied", "_granted", "statements")

    def __init__(self, statements: Iterable[Statement]) -> None:
        self.statements = tuple(statements)
        self._denied: dict[str, tuple[Statement, ...]] = {}
        self._granted: dict[str, tuple[Statement, ...]] = {}

    def denying(self, query: Query) -> Statement | None:
        """A statement that denies explicitly what is asked."""
        try:
            found = self._denied[query.key]
        except KeyError:
            found = self._index(self._denied, query.key, allows=False)
        for statement in found:
            if (statement.principals is None or statement.principals.covers(query.caller)) and statement.applies(query):
                return statement
        return None

    def allowing(self, query: Query) -> Statement | None:
        """A statement that allows what is asked; of resource policies see `grants`."""
        for statement in self._granting(query):
            if statement.applies(query):
                return statement
        return None

    def grants(self, query: Query) -> Iterator[tuple[int, Statement]]:
        """Statements of resource policies that allow what is asked, and how they name the caller (see `principals`)."""
        for statement in self._granting(query):
            if statement.principals is None:
                continue
            grant = statement.principals.grants(query.caller)
            if grant and statement.applies(query):
                yield grant, statement

    def _granting(self, query: Query) -> tuple[Statement, ...]:
        try:
            return self._granted[query.key]
        except KeyError:
            return self._index(self._granted, query.key, allows=True)

    def _index(self, index: dict[str, tuple[Statement, ...]], action: str, *, allows: bool) -> tuple[Statement, ...]:
        if len(index) >= MOST_ACTIONS_KEPT:
            index.clear()
        speaking = (one for one in self.statements if one.allows == allows and one.acts(action))
        # Those without conditions are the quickest to answer.
        index[action] = found = tuple(
            sorted(speaking, key=lambda one: (bool(one.conditions), one.resource is not None))
        )
        return found


NONE = Policies(())
"""Policies that allow nothing."""


def of(documents: Iterable[Document]) -> Policies:
    """The policies of some documents."""
    found = [compiled(document.source, document.text) for document in documents]
    if len(found) == 1:
        return found[0]
    return Policies(statement for policies in found for statement in policies.statements)


@lru_cache(maxsize=2048)
def compiled(source: str, text: str) -> Policies:
    """A document compiled. One that is no policy says nothing, so it allows nothing."""
    try:
        document = grammar.parsed(text)
        variables = document.get("Version") == "2012-10-17"
        return Policies(
            Statement(source, number, written, variables) for number, written in enumerate(grammar.statements(document))
        )
    except (ValueError, KeyError, TypeError):
        return NONE
