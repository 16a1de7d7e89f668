"""Paths into JSON, as targets and templates name parts of an event: `$.detail.items[0].name`, `$['detail-type']`.

What AWS's event services take of JSONPath: members by dot or bracket, elements by number, and all of them by `*`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

STEP = re.compile(r"""\.([A-Za-z0-9_:$@/-]+)|\[(?:'([^']*)'|"([^"]*)")\]|\[(\d+)\]|(\[\*\]|\.\*)""")

Step = str | int | None
"""A member, an element, or all."""


class Missing(Exception):
    """There is nothing at that path."""


@lru_cache(maxsize=4096)
def parse(path: str) -> tuple[Step, ...]:
    """The steps of a path; ValueError for a text that is none."""
    if not path.startswith("$"):
        raise ValueError(f"{path} does not begin with $")
    steps: list[Step] = []
    at = 1
    while at < len(path):
        found = STEP.match(path, at)
        if found is None:
            raise ValueError(f"{path} is no path from its character {at} on")
        name = next((one for one in found.group(1, 2, 3) if one is not None), None)
        steps.append(int(found[4]) if found[4] is not None else name)
        at = found.end()
    return tuple(steps)


def find(path: str, value: Any) -> Any:
    """What is at a path; `Missing` where there is nothing."""
    return walk(parse(path), value)


def walk(steps: tuple[Step, ...], value: Any) -> Any:
    for number, step in enumerate(steps):
        if step is None:
            inner = list(value.values()) if isinstance(value, dict) else value
            if not isinstance(inner, list):
                raise Missing
            return [found for one in inner if (found := optional(steps[number + 1 :], one)) is not ABSENT]
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise Missing from None
    return value


ABSENT: Any = object()


def optional(steps: tuple[Step, ...], value: Any) -> Any:
    try:
        return walk(steps, value)
    except Missing:
        return ABSENT
