"""How management policies add up, from the root down to an account. Pure.

Organizations User Guide, "Understanding management policy inheritance": a policy is a tree whose leaves say by
operators what becomes of the value that was inherited: `@@assign` sets it, `@@append` and `@@remove` add to a list and
take from it. `@@operators_allowed_for_child_policies` says what policies further down may do to an element; it holds
for this element, whose parts have rules of their own, and without `@@assign` nobody adds parts to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

ASSIGN, APPEND, REMOVE = "@@assign", "@@append", "@@remove"
ALLOWED = "@@operators_allowed_for_child_policies"
EVERYTHING = frozenset([ASSIGN, APPEND, REMOVE])

Json = dict[str, Any]


class Element:
    """One element of the policy that results."""

    __slots__ = ("allowed", "next_allowed", "parts", "value")

    def __init__(self) -> None:
        self.value: Any = None
        self.parts: dict[str, Element] = {}
        self.allowed = EVERYTHING
        """What the policies of this level may do."""
        self.next_allowed = EVERYTHING
        """What those of the next may."""

    def descend(self) -> None:
        """Go one level down in the organization."""
        self.allowed = self.next_allowed
        for part in self.parts.values():
            part.descend()

    def result(self) -> Any:
        if self.value is not None:
            return self.value
        shown = {name: part.result() for name, part in self.parts.items()}
        return {name: value for name, value in shown.items() if value is not None} or None


def merged(levels: Iterable[Iterable[Json]]) -> Json:
    """The policy that results for an account: documents at each level, from the root down."""
    whole = Element()
    for documents in levels:
        for document in documents:
            apply(whole, document)
        whole.descend()
    return whole.result() or {}


def apply(element: Element, document: Json) -> None:
    """Do to an element, and to its parts, what a policy says."""
    for operator in (ASSIGN, REMOVE, APPEND):
        if operator in document and operator in element.allowed:
            element.value = changed(element.value, operator, document[operator])
    if ALLOWED in document:
        element.next_allowed &= operators(document[ALLOWED])
    for name, part in document.items():
        if name.startswith("@@"):
            continue
        key = own_name(element, name)
        if key not in element.parts:
            if ASSIGN not in element.allowed:
                continue
            element.parts[key] = Element()
        apply(element.parts[key], part)


def own_name(element: Element, name: str) -> str:
    """The name that an element has already, whose case does not matter."""
    return next((known for known in element.parts if known.lower() == name.lower()), name)


def changed(value: Any, operator: str, given: Any) -> Any:
    if operator == ASSIGN:
        return given
    if value is not None and not isinstance(value, list):
        return value  # a single value can only be set anew
    held, many = value or [], given if isinstance(given, list) else [given]
    if operator == REMOVE:
        return [one for one in held if one not in many] if value is not None else None
    return [*held, *(one for one in many if one not in held)]


def operators(given: Any) -> frozenset[str]:
    names = set(given if isinstance(given, list) else [given])
    return EVERYTHING if "@@all" in names else EVERYTHING & names
