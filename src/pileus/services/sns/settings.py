"""The attributes of topics, one by one: what they may be set to, and what they are where nobody sets them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pileus.kernel.access import grammar

from . import retries
from .faults import invalid

Check = Callable[[str, str], str]
"""Gives the value of an attribute as it is kept, or raises the fault for what it cannot be."""


def text(name: str, value: str) -> str:
    return value


def boolean(name: str, value: str) -> str:
    if value.lower() not in ("true", "false"):
        raise invalid(f"Attributes Reason: {name}: Invalid value [{value}]. Must be true or false.")
    return value.lower()


def one_of(*values: str) -> Check:
    def check(name: str, value: str) -> str:
        if value not in values:
            raise invalid(name, f"Invalid value [{value}]. Must be one of {', '.join(values)}.")
        return value

    return check


def whole(least: int, most: int) -> Check:
    def check(name: str, value: str) -> str:
        if not value.isdecimal() or not least <= int(value) <= most:
            raise invalid(name, f"The value must be an integer between {least} and {most}.")
        return str(int(value))

    return check


def display_name(name: str, value: str) -> str:
    if len(value) > 100:
        raise invalid("DisplayName", "must be at most 100 characters long")
    return value


def role(name: str, value: str) -> str:
    if value and not re.fullmatch(r"arn:[^:]+:iam::\d{12}:role/.+", value):
        raise invalid(name, "Invalid value. Must be a role's ARN.")
    return value


def policy(name: str, value: str) -> str:
    """A policy document; an empty one takes it away, and the default is back."""
    if value:
        try:
            grammar.check(value, "resource")
        except grammar.Malformed as error:
            raise invalid("Policy", f"Policy Error: {error.reason}") from None
    return value


def object_of(name: str, value: str) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise invalid(f"{name}: failed to parse JSON")
    return found


def delivery_policy(name: str, value: str) -> str:
    return retries.checked_for_topic(object_of(name, value)) if value else ""


def archive_policy(name: str, value: str) -> str:
    """How many days a FIFO topic keeps what was published."""
    if not value or value == "{}":
        return ""
    found = object_of(name, value)
    days = str(found.get("MessageRetentionPeriod", ""))
    if {*found} != {"MessageRetentionPeriod"} or not days.isdecimal() or not 1 <= int(days) <= 365:
        raise invalid("ArchivePolicy", "MessageRetentionPeriod must be an integer between 1 and 365.")
    return json.dumps({"MessageRetentionPeriod": days}, separators=(",", ":"))


PROTOCOLS = ("Application", "Firehose", "HTTP", "Lambda", "SQS")
"""As the attributes of delivery status spell them."""

SETTINGS: dict[str, Check] = {
    "DeliveryPolicy": delivery_policy,
    "DisplayName": display_name,
    "KmsMasterKeyId": text,
    "MaximumMessageSize": whole(1024, 1_048_576),
    "Policy": policy,
    "SignatureVersion": one_of("1", "2"),
    "TracingConfig": one_of("PassThrough", "Active"),
    "ArchivePolicy": archive_policy,
    "ContentBasedDeduplication": boolean,
    "FifoThroughputScope": one_of("Topic", "MessageGroup"),
    "FifoTopic": boolean,
}
for _protocol in PROTOCOLS:
    SETTINGS[f"{_protocol}SuccessFeedbackRoleArn"] = role
    SETTINGS[f"{_protocol}FailureFeedbackRoleArn"] = role
    SETTINGS[f"{_protocol}SuccessFeedbackSampleRate"] = whole(0, 100)

FIFO_ONLY = {"ArchivePolicy", "ContentBasedDeduplication", "FifoThroughputScope"}
MOST_BYTES = 262_144


def checked(given: dict[str, str], *, fifo: bool) -> dict[str, str]:
    """Attributes as a topic keeps them; those that are empty mean that it has none of its own."""
    kept = {}
    for name, value in given.items():
        check = SETTINGS.get(name)
        if check is None:
            raise invalid("AttributeName")
        if name in FIFO_ONLY and not fifo:
            raise invalid(f"Attributes Reason: {name} is not supported for standard topics." if value else name)
        kept[name] = check(name, value)
    return kept
