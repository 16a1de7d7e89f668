"""Deliveries: each is a task, tried again for a day, and then put into the target's dead-letter queue.

User Guide, "How Amazon EventBridge retries delivering events" and "Using dead-letter queues".
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import msgspec

from pileus.kernel import Call, Fault, arn, identity, targets
from pileus.kernel.targets import Failed

from . import bus_logs, events, metrics
from .buses import Bus
from .destinations import Later
from .rules import Rule
from .targets import Held, Target

log = logging.getLogger("pileus.events")


class Told(NamedTuple):
    """A delivery, as the bus's logs tell of it."""

    call: Call
    rule: Rule
    target: Target
    event: dict[str, Any]
    tries: int

    def note(self, level: str, message: str, **more: Any) -> None:
        bus = Bus.get(self.call, self.rule.bus)
        if bus is None or bus.logged["Level"] == "OFF":
            return
        about = {"rule_arn": self.rule.arn(self.call), "target_arn": self.target["Arn"], "attempt": self.tries + 1}
        with self.call.transaction():
            bus_logs.note(self.call, bus, level, message, self.event, about | more, target_properties=self.target)


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
    if not tries:
        metrics.count(call, found, "Invocations")
    told = Told(call, found, held.target, msgspec.json.decode(event), tries)
    told.note("TRACE", "INVOCATION_ATTEMPT_START")
    try:
        await invoking.invoke(call, found, held.target, told.event, tuple(accounts))
        told.note("INFO", "INVOCATION_SUCCESS")
    except Later as later:
        with call.transaction():
            again(call, found, held, event, since, accounts, tries, later.seconds)
    except (Failed, Fault) as error:
        failed = error if isinstance(error, Failed) else Failed.of(error)
        with call.transaction():
            kind = "PERMANENT" if failed.final else "TRANSIENT"
            told.note("ERROR", f"INVOCATION_ATTEMPT_{kind}_FAILURE", error_code=failed.code, error_message=str(failed))
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
    delay, exhausted = targets.retry(held.target.get("RetryPolicy", {}), tries, since, call.now)
    if failed.final or exhausted:
        metrics.count(call, rule, "FailedInvocations")
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
        targets.bury(call, arn.parse(queue_arn), event.decode(), told, service)
    except Fault as fault:
        log.warning("%s: nor could it be kept: %s", rule_arn, fault)
