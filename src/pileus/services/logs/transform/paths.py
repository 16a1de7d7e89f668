"""Fields of documents by their names: `a.b[0].c`."""

from __future__ import annotations

import re
from typing import Any

Document = dict[str, Any]

STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class Missing(Exception):
    """There is no such field."""


def steps(path: str) -> list[str | int]:
    return [int(number) if number else name for name, number in STEP.findall(path)]


def get(document: Document, path: str) -> Any:
    if path in document:
        return document[path]
    at: Any = document
    for step in steps(path):
        try:
            at = at[step]
        except (KeyError, IndexError, TypeError):
            raise Missing(path) from None
    return at


def has(document: Document, path: str) -> bool:
    try:
        get(document, path)
    except Missing:
        return False
    return True


def put(document: Document, path: str, value: Any) -> None:
    *way, last = steps(path)
    at: Any = document
    for step in way:
        if isinstance(step, str) and isinstance(at, dict):
            at = at.setdefault(step, {})
        else:
            at = get({"list": at}, f"list[{step}]")
    fits = isinstance(last, str) if isinstance(at, dict) else isinstance(at, list) and last in range(len(at))
    if not fits:
        raise Missing(path)
    at[last] = value


def drop(document: Document, path: str) -> Any:
    """Take a field away; its value."""
    if path in document:
        return document.pop(path)
    *way, last = steps(path)
    at: Any = document
    for step in way:
        try:
            at = at[step]
        except (KeyError, IndexError, TypeError):
            raise Missing(path) from None
    try:
        return at.pop(last)
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Missing(path) from None
