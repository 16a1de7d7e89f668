"""Deliveries: each is a task, tried again for a day, and then put into the target's dead-letter queue.

User Guide, "How Amazon EventBridge retries delivering events" and "Using dead-letter queues".
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, arn, identity

from . import events
from .rules import Rule
from .targets import Held, Target

log = logging.getLogger("pileus.events")

MOST_RETRIES = 185
LONGEST = 86_400
LONGEST_DELAY = 600.0


class Failed(Exception):
    """A target did not take an event. One that is `final` would not, however often it was asked."""

    def __init__(self, code: str, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.code = code
        self.final = final

    @classmethod
    def of(cls, fault: Fault) -> Failed:
        """What a fault of another service means for a delivery."""
        code = fault.code
        if (fault.status or 400) >= 500 and code != "NotImplemented":
            return cls("INTERNAL_ERROR", str(fault), final=False)
        if "Throttl" in code or "TooManyRequests" in code or "LimitExceeded" in code:
            return cls("THROTTLING", str(fault), final=False)
        if "AccessDenied" in code or "NotAuthorized" in code or "AuthorizationError" in code:
            return cls("NO_PERMISSIONS", str(fault), final=True)
        if "NotFound" in code or "DoesNotExist" in code or "NonExistent" in code:
            return cls("NO_RESOURCE", str(fault), final=True)
        return cls("SDK_CLIENT_ERROR", str(fault), final=True)


@events.task
async def deliver(
    call: Call,
    bus: str,
    rule: str,
    target: str,
    event: bytes,
    since: float,
    accounts: list[str] = [],
    tries: int = 0,
) -> None:
    """Give an event to one target of a rule, if both are still there."""
    from . import invoking

    found, held = Rule.get(call, bus, rule), Held.get(call, bus, rule, target)
    if found is None or held is None:
        return
    try:
        await invoking.invoke(call, found, held.target, msgspec.json.decode(event), tuple(accounts))
    except invoking.Later as later:
        with call.transaction():
            again(call, found, held, event, since, accounts, tries, later.seconds)
    except Failed as failed:
        with call.transaction():
            again_or_bury(call, found, held, event, since, accounts, tries, failed)


def again(
    call: Call,
    rule: Rule,
    held: Held,
    event: bytes,
    since: float,
    accounts: list[str],
    tries: int,
    delay: float,
) -> None:
    deliver.later(
        call,
        bus=rule.bus,
        rule=rule.name,
        target=held.id,
        event=event,
        since=since,
        accounts=accounts,
        tries=tries,
        delay=delay,
    )


def again_or_bury(
    call: Call,
    rule: Rule,
    held: Held,
    event: bytes,
    since: float,
    accounts: list[str],
    tries: int,
    failed: Failed,
) -> None:
    policy = held.target.get("RetryPolicy", {})
    delay = min(2.0**tries, LONGEST_DELAY)
    exhausted = ""
    if tries + 1 > policy.get("MaximumRetryAttempts", MOST_RETRIES):
        exhausted = "MaximumRetryAttempts"
    elif call.now + delay - since > policy.get("MaximumEventAgeInSeconds", LONGEST):
        exhausted = "MaximumEventAgeInSeconds"
    if failed.final or exhausted:
        bury(call, rule, held.target, event, failed, exhausted if not failed.final else "", tries)
    else:
        again(call, rule, held, event, since, accounts, tries + 1, delay)


def bury(call: Call, rule: Rule, target: Target, event: bytes, failed: Failed, exhausted: str, tries: int) -> None:
    """Put an event that was not delivered into the dead-letter queue of its target."""
    rule_arn = rule.arn(call)
    log.warning("%s: %s was not delivered: %s", rule_arn, target["Arn"], failed)
    queue_arn = target.get("DeadLetterConfig", {}).get("Arn")
    if not queue_arn:
        return
    told = {
        "RULE_ARN": rule_arn,
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": failed.code,
        "ERROR_MESSAGE": str(failed)[:1024] or failed.code,
    }
    if exhausted:
        told |= {"EXHAUSTED_RETRY_CONDITION": exhausted, "RETRY_ATTEMPTS": str(tries)}
    service = identity.service("events.amazonaws.com", rule_arn, call.account)
    try:
        keep_dead(call, queue_arn, event.decode(), told, service)
    except Fault as fault:
        log.warning("%s: nor could it be kept: %s", rule_arn, fault)


def keep_dead(call: Call, queue_arn: str, body: str, told: dict[str, str], principal: Any) -> None:
    """Send a dead letter."""
    queue = arn.parse(queue_arn)
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items()}
    call.at(region=queue.region).aws("sqs", principal=principal).send_message(
        queue_url=f"{call.endpoint}/{queue.account}/{queue.resource}",
        message_body=body,
        message_attributes=attributes,
    )
