"""Policies of form uploads: which fields a form may have, what they may say, how large the file may be, and until when.

"POST policy", S3 API Reference.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault

from . import faults

UNCOVERED = re.compile(r"x-amz-signature|signature|awsaccesskeyid|policy|file|x-ignore-.*", re.IGNORECASE)
"""Fields that a policy need not mention."""


def check(call: Call, fields: dict[str, str]) -> tuple[int, int | None]:
    """Refuse a form that its policy does not cover; the least and the most bytes that the file may have."""
    try:
        document = json.loads(base64.b64decode(fields["policy"]))
        expiration, conditions = document["expiration"], document["conditions"]
    except (ValueError, KeyError, TypeError):
        raise invalid("Invalid JSON.") from None
    expires = ending(expiration)
    if not isinstance(conditions, list):
        raise invalid("Invalid 'conditions' value: must be a List.")
    if expired(call, fields, expires):
        raise faults.denied("Invalid according to Policy: Policy expired.")
    least, most = 0, None
    covered: set[str] = set()
    for condition in conditions:
        if isinstance(condition, list) and condition and condition[0] == "content-length-range":
            least, most = length_range(condition)
            continue
        covered.add(check_condition(fields, condition))
    extra = [name for name in fields if name not in covered and not UNCOVERED.fullmatch(name)]
    if extra:
        raise faults.denied(f"Invalid according to Policy: Extra input fields: {', '.join(extra)}")
    return least, most


def invalid(words: str) -> Fault:
    return faults.fault("InvalidPolicyDocument", f"Invalid Policy: {words}")


def ending(expiration: Any) -> float:
    """When a policy's time is over."""
    try:
        moment = datetime.fromisoformat(expiration)
    except (ValueError, TypeError):
        moment = datetime.min
    if moment.tzinfo is None:
        raise invalid(f"Invalid 'expiration' value: '{expiration}'")
    return moment.timestamp()


def length_range(condition: list[Any]) -> tuple[int, int]:
    """The least and the most bytes of a content-length-range."""
    limits = [str(limit) for limit in condition[1:]]
    if len(limits) != 2 or not all(limit.isascii() and limit.isdigit() and len(limit) < 19 for limit in limits):
        raise invalid("Invalid content-length-range: two numbers are expected.")
    return int(limits[0]), int(limits[1])


def expired(call: Call, fields: dict[str, str], expires: float) -> bool:
    """Whether a policy's time is over. Its maker's clock is the real one; how long it is good for is cloud time."""
    try:
        made = datetime.strptime(fields.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return call.cloud.clock.at_wall(expires) <= call.now
    return call.cloud.made(fields.get("x-amz-signature", ""), made) + (expires - made) <= call.now


def check_condition(fields: dict[str, str], condition: Any) -> str:
    """The field that a condition is about."""
    if isinstance(condition, dict) and len(condition) == 1:
        ((name, value),) = condition.items()
        operator = "eq"
    elif isinstance(condition, list) and len(condition) == 3:
        operator, name, value = map(str, condition)
        name = name.removeprefix("$")
    else:
        raise invalid("Invalid condition.")
    found = fields.get(name.lower(), "")
    if operator.lower() == "eq":
        holds = found == value
    elif operator.lower() == "starts-with":
        holds = found.startswith(value)
    else:
        raise invalid(f"Unknown operation '{operator}'.")
    if not holds:
        shown = json.dumps([operator, f"${name}", value])
        raise faults.denied(f"Invalid according to Policy: Policy Condition failed: {shown}")
    return str(name).lower()
