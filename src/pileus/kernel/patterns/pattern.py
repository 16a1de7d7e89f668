"""One pattern, and whether one event matches it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .conditions import Absent, Condition
from .grammar import Alternative, InvalidPattern, Path, alternatives, read

Tree = dict[str, "Tree | tuple[Condition, ...]"]
"""An alternative as the event is built: conditions at the leaves."""


class Pattern:
    """A compiled pattern: an event matches if it matches one of the alternatives."""

    __slots__ = ("alternatives", "trees")

    def __init__(self, alternatives: list[Alternative]) -> None:
        self.alternatives = alternatives
        self.trees = [tree_of(alternative) for alternative in alternatives]

    def matches(self, event: dict[str, Any]) -> bool:
        return any(self.matches_alternative(number, event) for number in range(len(self.alternatives)))

    def matches_alternative(self, number: int, event: dict[str, Any]) -> bool:
        return matches(self.trees[number], event, (), event)


def parse(text: str) -> Pattern:
    """A pattern from its JSON; `InvalidPattern` for what is none."""
    return Pattern(alternatives(read(text)))


def tree_of(alternative: Alternative) -> Tree:
    root: Tree = {}
    for path, conditions in alternative.items():
        node = root
        for name in path[:-1]:
            inner = node.setdefault(name, {})
            if not isinstance(inner, dict):
                raise both(path)
            node = inner
        if path[-1] in node:
            raise both(path)
        node[path[-1]] = conditions
    return root


def both(path: Path) -> InvalidPattern:
    """`$or` would have the same member be a value and an object."""
    return InvalidPattern(f"Path `{'.'.join(path)}` cannot be allowed multiple times")


def matches(tree: Tree, node: dict[str, Any], path: Path, event: dict[str, Any]) -> bool:
    """Whether an object has, all at once, what a tree asks for."""
    for name, wanted in tree.items():
        found = node.get(name, MISSING)
        here = (*path, name)
        if isinstance(wanted, dict):
            # Of a list of objects one must have it all: its members do not lend each other what they lack.
            if not any(matches(wanted, one, here, event) for one in objects(found) or [{}]):
                return False
        elif not fits(wanted, found, here, event):
            return False
    return True


def fits(wanted: tuple[Condition, ...], found: Any, path: Path, event: dict[str, Any]) -> bool:
    if any(condition.holds(value) for value in scalars(found) for condition in wanted):
        return True
    return any(isinstance(condition, Absent) for condition in wanted) and not there(event, path)


def there(node: Any, path: Path) -> bool:
    """Whether there is a value under a path: anywhere, where lists lie on the way."""
    if not path:
        return any(True for _ in scalars(node))
    return any(there(one.get(path[0], MISSING), path[1:]) for one in objects(node))


MISSING = object()


def scalars(found: Any) -> Iterator[Any]:
    """The values that a member has: itself, or the elements of a list, however deep."""
    if isinstance(found, list):
        for one in found:
            yield from scalars(one)
    elif found is not MISSING and not isinstance(found, dict):
        yield found


def objects(found: Any) -> list[dict[str, Any]]:
    """The objects that a member has: itself, or the elements of a list, however deep."""
    if isinstance(found, list):
        return [inner for one in found for inner in objects(one)]
    return [found] if isinstance(found, dict) else []
