"""Filter policies: which messages a subscriber wants, by their attributes or by their body.

The language is the one of EventBridge's patterns (`pileus.kernel.patterns`); what SNS limits is here. Developer Guide,
"Amazon SNS subscription filter policies".
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from pileus.kernel.patterns import InvalidPattern, Pattern, parse

from .faults import invalid
from .messages import Notice

BY_ATTRIBUTES, BY_BODY = "MessageAttributes", "MessageBody"
MOST_KEYS = 5
MOST_COMBINATIONS = 150
MOST_BYTES = 256 * 1024


@lru_cache(maxsize=4096)
def compiled(policy: str) -> Pattern:
    return parse(policy)


def checked(policy: str, scope: str) -> str:
    """A filter policy as it is kept."""
    if len(policy.encode()) > MOST_BYTES:
        raise invalid("FilterPolicy: Filter policy is too large")
    try:
        written = json.loads(policy)
    except ValueError:
        raise invalid("FilterPolicy: failed to parse JSON") from None
    if not isinstance(written, dict):
        raise invalid("FilterPolicy: failed to parse JSON. Filter policy must be an object")
    if not written:
        return ""
    if scope == BY_ATTRIBUTES and nested(written):
        raise invalid("Filter policy scope MessageAttributes does not support nested filter policy")
    keys, combinations = complexity(written)
    if keys > MOST_KEYS:
        raise invalid(f"FilterPolicy: Filter policy can not have more than {MOST_KEYS} keys")
    if combinations > MOST_COMBINATIONS:
        raise invalid("FilterPolicy: Filter policy is too complex")
    try:
        compiled(policy)
    except InvalidPattern as error:
        raise invalid(f"FilterPolicy: {error}") from None
    return policy


def nested(written: dict[str, Any]) -> bool:
    inner = [choice for choice in written.get("$or", ()) if isinstance(choice, dict)]
    return any(isinstance(value, dict) for value in written.values()) or any(nested(choice) for choice in inner)


def complexity(written: dict[str, Any], depth: int = 1) -> tuple[int, int]:
    """How many keys a policy has, and how many combinations: at each key, its values times its depth."""
    keys, combinations = 0, 1
    for name, value in written.items():
        if isinstance(value, dict):
            parts = [complexity(value, depth + 1)]
        elif name == "$or" and isinstance(value, list) and all(isinstance(one, dict) for one in value):
            several = [complexity(one, depth) for one in value]
            parts = [(sum(part[0] for part in several), sum(part[1] for part in several))]
        else:
            parts = [(1, max(1, len(value) if isinstance(value, list) else 1) * depth)]
        for more, times in parts:
            keys += more
            combinations *= times
    return keys, combinations


def accepts(policy: str, scope: str, notice: Notice) -> bool:
    """Whether a subscriber with that filter policy wants the message."""
    if scope == BY_BODY:
        body = notice.document()
        return body is not None and compiled(policy).matches(body)
    return compiled(policy).matches(notice.flat())
