"""Paths into items, and projections: parts of items that some paths lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .tokens import Path
from .values import Item, Value

Tree = dict[str | int, Any]
"""Paths by their first elements: what is below each, or an empty tree where a path ends."""


def getter(path: Path) -> Callable[[Item], Value | None]:
    """What a path leads to in an item, or None."""
    name = path[0]
    if len(path) == 1:
        return lambda item: item.get(name)  # type: ignore[arg-type]
    rest = path[1:]
    return lambda item: within(item.get(name), rest)  # type: ignore[arg-type]


def within(value: Value | None, path: Path) -> Value | None:
    for part in path:
        if value is None:
            return None
        if type(part) is int:
            elements = value.get("L")
            value = elements[part] if elements is not None and part < len(elements) else None
        else:
            members = value.get("M")
            value = members.get(part) if members is not None else None
    return value


def tree(paths: Iterable[Path]) -> Tree:
    root: Tree = {}
    for path in paths:
        node = root
        for part in path:
            node = node.setdefault(part, {})
    return root


def projected(item: Item, root: Tree) -> Item:
    """What the paths lead to, in the places where it stands; elements of lists move together."""
    found = {}
    for name, below in root.items():
        value = item.get(name)  # type: ignore[arg-type]
        if value is not None and (part := _part(value, below)) is not None:
            found[name] = part
    return found  # type: ignore[return-value]


def _part(value: Value, below: Tree) -> Value | None:
    if not below:
        return value
    if "M" in value:
        members = projected(value["M"], below)
        return {"M": members} if members else None
    if "L" in value:
        elements = value["L"]
        chosen = sorted(part for part in below if type(part) is int and part < len(elements))
        parts = [part for at in chosen if (part := _part(elements[at], below[at])) is not None]
        return {"L": parts} if parts else None
    return None
