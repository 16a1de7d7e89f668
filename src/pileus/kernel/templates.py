"""Input templates: JSON, or texts, with places `<name>` that an event fills.

A place that stands by itself becomes the value as JSON; one within quotes becomes its text. What is not in the event is
null by itself and nothing within quotes. EventBridge User Guide, "Amazon EventBridge input transformation".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from . import jsonpath

PLACE = re.compile(r"<([^<>\s\"]+)>")
TOKEN = re.compile(r'\\.|"|<[^<>\s"]+>', re.DOTALL)


def fill(template: str, value_of: Callable[[str], Any]) -> str:
    """The template with every place filled. `value_of` gives a place's value, or `jsonpath.ABSENT`, or raises KeyError
    for what is no place: that is left as it is."""
    quoted = False

    def filled(match: re.Match[str]) -> str:
        nonlocal quoted
        token = match[0]
        if token == '"':
            quoted = not quoted
        if not token.startswith("<"):
            return token
        try:
            value = value_of(token[1:-1])
        except KeyError:
            return token
        return within_quotes(value) if quoted else by_itself(value)

    return TOKEN.sub(filled, template)


def by_itself(value: Any) -> str:
    return "null" if value is jsonpath.ABSENT else compact(value)


def within_quotes(value: Any) -> str:
    if value is jsonpath.ABSENT:
        return ""
    return compact(value if isinstance(value, str) else compact(value))[1:-1]


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def places(template: str) -> list[str]:
    return PLACE.findall(template)


def at(path: str, event: Any) -> Any:
    """What an event has at a path, or `jsonpath.ABSENT`."""
    return jsonpath.optional(jsonpath.parse(path), event)
