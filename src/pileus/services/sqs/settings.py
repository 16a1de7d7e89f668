"""What may be set on a queue, and to what: the attributes of CreateQueue and SetQueueAttributes, one by one.

Nothing here looks beyond the request. What concerns other queues (whether a dead-letter queue exists, and lets this
queue use it) is in `queues`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from pileus.kernel import Arn, Fault, arn
from pileus.kernel.access import grammar

from . import faults

MOST_ALLOWED_SOURCES = 10

Check = Callable[[str], str]
"""Gives a value as it is kept, or raises ValueError, or a fault where AWS says more than that the value is invalid."""


def whole(least: int, most: int) -> Check:
    def check(value: str) -> str:
        if not value.isdecimal() or not least <= int(value) <= most:
            raise ValueError
        return str(int(value))

    return check


def one_of(*values: str) -> Check:
    def check(value: str) -> str:
        if value not in values:
            raise ValueError
        return value

    return check


def boolean(value: str) -> str:
    return one_of("true", "false")(value.lower())


def text(value: str) -> str:
    return value


def policy(value: str) -> str:
    """A policy document."""
    if value:
        grammar.check(value, "resource")
    return value


class Redrive(NamedTuple):
    """A RedrivePolicy: after `most` receives a message goes to the queue `target`."""

    target: Arn
    most: int


class Allowed(NamedTuple):
    """A RedriveAllowPolicy: which queues may name this one as their dead-letter queue."""

    permission: str
    sources: tuple[str, ...]

    def allows(self, source: str) -> bool:
        return self.permission == "allowAll" or (self.permission == "byQueue" and source in self.sources)


@lru_cache(maxsize=1024)
def redrive(value: str) -> Redrive:
    document = parsed("RedrivePolicy", value, "Redrive policy is not a valid JSON map.")
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if name not in document:
            raise faults.invalid(
                "RedrivePolicy", value, f"Redrive policy does not contain mandatory attribute: {name}."
            )
    count = str(document["maxReceiveCount"])
    if not count.isdecimal() or not 1 <= int(count) <= 1000:
        reason = f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive."
        raise faults.invalid("RedrivePolicy", value, reason)
    try:
        return Redrive(arn.parse(str(document["deadLetterTargetArn"])), int(count))
    except ValueError:
        raise faults.invalid("RedrivePolicy", value, "Invalid value for deadLetterTargetArn.") from None


@lru_cache(maxsize=1024)
def allowed(value: str) -> Allowed:
    document = parsed("RedriveAllowPolicy", value, "Redrive allow policy is not a valid JSON map.")
    permission, sources = document.get("redrivePermission", "allowAll"), document.get("sourceQueueArns", [])
    by_queue = permission == "byQueue"
    if (
        permission not in ("allowAll", "denyAll", "byQueue")
        or not isinstance(sources, list)
        or bool(sources) != by_queue
        or document.keys() - {"redrivePermission", "sourceQueueArns"}
    ):
        reason = "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format."
        raise faults.invalid("RedriveAllowPolicy", value, reason)
    if len(sources) > MOST_ALLOWED_SOURCES:
        reason = f"Only up to {MOST_ALLOWED_SOURCES} source queue ARNs can be specified in sourceQueueArns."
        raise faults.invalid("RedriveAllowPolicy", value, reason)
    return Allowed(permission, tuple(sources))


def parsed(name: str, value: str, otherwise: str) -> dict[str, Any]:
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise faults.invalid(name, value, otherwise)
    return document


def redrive_policy(value: str) -> str:
    """The policy as GetQueueAttributes gives it, however it was spaced and whether or not the count was quoted."""
    if not value:
        return ""
    parts = redrive(value)
    return json.dumps({"deadLetterTargetArn": str(parts.target), "maxReceiveCount": parts.most}, separators=(",", ":"))


def redrive_allow_policy(value: str) -> str:
    """The policy as GetQueueAttributes gives it."""
    if not value:
        return ""
    allowed(value)
    return json.dumps(json.loads(value), separators=(",", ":"))


SETTINGS: dict[str, Check] = {
    "DelaySeconds": whole(0, 900),
    "MaximumMessageSize": whole(1024, 1_048_576),
    "MessageRetentionPeriod": whole(60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": whole(0, 20),
    "VisibilityTimeout": whole(0, 43_200),
    "Policy": policy,
    "RedrivePolicy": redrive_policy,
    "RedriveAllowPolicy": redrive_allow_policy,
    "KmsMasterKeyId": text,
    "KmsDataKeyReusePeriodSeconds": whole(60, 86_400),
    "SqsManagedSseEnabled": boolean,
    "FifoQueue": boolean,
    "ContentBasedDeduplication": boolean,
    "DeduplicationScope": one_of("messageGroup", "queue"),
    "FifoThroughputLimit": one_of("perQueue", "perMessageGroupId"),
}
REMOVABLE = {"Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"}
"""An empty value takes these away."""
FIFO_ONLY = {"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}

DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
    "SqsManagedSseEnabled": "true",
}
FIFO_DEFAULTS = DEFAULTS | {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}


def checked(given: Mapping[str, str], *, fifo: bool) -> dict[str, str]:
    """Attributes as a queue keeps them; faults for those that there are not, and for values that they cannot have."""
    kept = {}
    for name, value in given.items():
        check = SETTINGS.get(name)
        if check is None or (name in FIFO_ONLY and not fifo):
            raise faults.unknown_attribute(name)
        try:
            kept[name] = check(value)
        except ValueError:
            raise faults.invalid_setting(name) from None
    return kept


def laid_over(present: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """A queue's attributes after checked changes; a fault where they contradict each other."""
    attributes = {**present, **changes}
    if changes.get("KmsMasterKeyId"):
        if changes.get("SqsManagedSseEnabled") == "true":
            raise Fault(
                "InvalidAttributeValue",
                "You can use one type of server-side encryption (SSE) at one time. "
                "You can either enable KMS SSE or SQS SSE.",
            )
        attributes["SqsManagedSseEnabled"] = "false"
        attributes.setdefault("KmsDataKeyReusePeriodSeconds", "300")
    elif changes.get("SqsManagedSseEnabled") == "true":
        attributes["KmsMasterKeyId"] = ""
    if attributes.get("FifoThroughputLimit") == "perMessageGroupId" and attributes["DeduplicationScope"] == "queue":
        raise Fault(
            "InvalidAttributeValue",
            "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.",
        )
    return {name: value for name, value in attributes.items() if value or name not in REMOVABLE}
