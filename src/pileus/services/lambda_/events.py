"""Asynchronous invocations: an event is kept, its function invoked, twice again if need be, and then passed on.

Developer Guide, "Invoking a Lambda function asynchronously" and "How Lambda handles errors and retries with
asynchronous invocation". An event for which there is no concurrency waits longer and longer, up to five minutes, as
long as it is not too old; one that fails is tried again after one minute and after two.
"""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, Record

from . import destinations, faults, lambda_, traces
from .fleet import Fleet
from .functions import LATEST
from .invocation import Invocation, Outcome
from .qualifiers import Meant, whole
from .throttling import Account, admit
from .waiting import active

RETRIES = 2
OLDEST = 21600
"""Seconds for which an event may wait."""
RETRY_AFTER = (60.0, 120.0)
LONGEST_WAIT = 300.0


class EventConfig(
    Record, key=("function", "qualifier"), arn="function:{function}", cfn="AWS::Lambda::EventInvokeConfig", kw_only=True
):
    """How a function, a version or an alias handles events."""

    function: str
    qualifier: str
    modified: float
    retries: int | None = None
    oldest: int | None = None
    destinations: dict[str, dict[str, str]] = {}

    def shown(self, call: Call) -> dict[str, Any]:
        answer = {
            "LastModified": self.modified,
            "FunctionArn": call.arn(f"function:{self.function}:{self.qualifier}"),
            "MaximumRetryAttempts": self.retries,
            "MaximumEventAgeInSeconds": self.oldest,
            "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}} | self.destinations,
        }
        return {name: value for name, value in answer.items() if value is not None}


class Event:
    """An event on its way, as its task carries it."""

    def __init__(self, call: Call, name: str, payload: bytes, received: float, tries: int) -> None:
        self.call = call
        self.id = name
        self.payload = payload
        self.received = received
        self.tries = tries

    def over(self, meant: Meant, config: EventConfig | None, condition: str, outcome: Outcome | None) -> None:
        """The event has been handled, or given up: tell whoever wants to know."""
        version, success = meant.version, condition == "Success"
        wanted = config.destinations.get("OnSuccess" if success else "OnFailure") if config else None
        if not success:
            destinations.bury(self.call, version, self.payload, self.id, message_of(outcome, condition))
        if wanted:
            arn = self.call.arn(f"function:{meant.name}:{meant.qualifier or LATEST}")
            record = destinations.result(
                arn, self.id, json.loads(self.payload), condition, self.tries, self.call.now, response_of(outcome)
            )
            destinations.send(self.call, version, wanted["Destination"], record, success)


def accept(call: Call, meant: Meant, payload: bytes, trace: str = "", tenant: str = "") -> None:
    """Take in an event, in the transaction that is under way."""
    handle.later(
        call,
        function=meant.name,
        qualifier=meant.qualifier,
        event=call.request_id,
        payload=payload,
        trace=trace,
        received=call.now,
        tenant=tenant,
    )


@lambda_.task(retries=20)
async def handle(
    call: Call,
    function: str,
    qualifier: str,
    event: str,
    payload: bytes,
    trace: str,
    received: float,
    tries: int = 0,
    waits: int = 0,
    tenant: str = "",
) -> None:
    """Invoke the function with an event, and see to what comes of it."""
    try:
        meant = Meant.of(call, function, qualifier)
    except Fault:
        return  # the function is gone, and its events with it
    config = EventConfig.get(call, function, qualifier or LATEST)
    retries = RETRIES if config is None or config.retries is None else config.retries
    oldest = OLDEST if config is None or config.oldest is None else config.oldest
    carried = Event(call, event, payload, received, tries)
    again = {"function": function, "qualifier": qualifier, "event": event, "payload": payload, "trace": trace}
    again["tenant"] = tenant
    if call.now - received >= oldest:
        with call.transaction():
            carried.over(meant, config, "EventAgeExceeded", None)
        return
    if traces.looping(call, meant.function, trace):
        with call.transaction():
            carried.over(meant, config, "RecursiveInvocation", None)
        return
    if Account.of(call).reserved.get(function) == 0:
        with call.transaction():
            carried.over(meant, config, "ZeroReservedConcurrency", None)
        return
    outcome = await tried(call, meant, event, payload, trace, tenant)
    with call.transaction():
        if outcome is None:  # there was no concurrency for it, which is no try
            delay = min(2.0**waits, LONGEST_WAIT)
            handle.later(call, **again, received=received, tries=tries, waits=waits + 1, delay=delay)
        elif outcome.error and tries < retries:
            handle.later(call, **again, received=received, tries=tries + 1, delay=RETRY_AFTER[min(tries, 1)])
        else:
            carried.tries = tries + 1
            carried.over(meant, config, "RetriesExhausted" if outcome.error else "Success", outcome)


async def tried(call: Call, meant: Meant, event: str, payload: bytes, trace: str, tenant: str = "") -> Outcome | None:
    """Invoke the function; None where it was throttled."""
    version = await active(call, meant.chosen(call))
    try:
        admit(call, meant.name)
        header = traces.continued(call, meant.function, version, trace)
        invocation = Invocation(payload, meant.arn(call), trace=header, request_id=event, tenant=tenant)
        return await call.cloud.engine(Fleet).invoke(call, version, invocation)
    except Fault as fault:
        if fault.code == "TooManyRequestsException":
            return None
        return Outcome.failure(fault.code, fault.message)


def response_of(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {}
    context: dict[str, Any] = {"statusCode": 200, "executedVersion": outcome.version}
    if outcome.error:
        context["functionError"] = outcome.error
    return {"responseContext": context, "responsePayload": document(outcome.payload)}


def document(payload: bytes) -> Any:
    try:
        return json.loads(payload or b"null")
    except ValueError:
        return payload.decode("utf-8", "replace")


def message_of(outcome: Outcome | None, condition: str) -> str:
    told = document(outcome.payload) if outcome else None
    return str(told.get("errorMessage", "")) if isinstance(told, dict) else condition


# How it is configured


def configured(call: Call, function_name: str, qualifier: str = "") -> tuple[Meant, EventConfig | None]:
    meant = Meant.by_name(call, function_name, qualifier)
    return meant, EventConfig.get(call, meant.name, meant.qualifier or LATEST)


def existing(call: Call, function_name: str, qualifier: str = "") -> EventConfig:
    meant, config = configured(call, function_name, qualifier)
    if config is None:
        arn = call.arn(f"function:{meant.name}:{meant.qualifier or LATEST}")
        raise faults.none_such(f"The function {arn} doesn't have an EventInvokeConfig")
    return config


@lambda_.operation(on=Meant.by_name)
def put_function_event_invoke_config(
    call: Call,
    meant: Meant,
    maximum_retry_attempts: int | None = None,
    maximum_event_age_in_seconds: int | None = None,
    destination_config: dict[str, Any] = {},
) -> dict[str, Any]:
    """Say how events are handled, in place of what was said before."""
    if maximum_retry_attempts is None and maximum_event_age_in_seconds is None and not destination_config:
        raise faults.invalid("You must specify at least one of error handling or destination setting.")
    config = EventConfig(
        function=meant.name,
        qualifier=meant.qualifier or LATEST,
        modified=call.now,
        retries=maximum_retry_attempts,
        oldest=maximum_event_age_in_seconds,
        destinations=destinations.check(destination_config, call.arn(f"function:{meant.name}")),
    )
    return config.put(call).shown(call)


@lambda_.operation(on=existing)
def update_function_event_invoke_config(
    call: Call,
    config: EventConfig,
    maximum_retry_attempts: int | None = None,
    maximum_event_age_in_seconds: int | None = None,
    destination_config: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Change what is given."""
    config.modified = call.now
    if maximum_retry_attempts is not None:
        config.retries = maximum_retry_attempts
    if maximum_event_age_in_seconds is not None:
        config.oldest = maximum_event_age_in_seconds
    if destination_config is not None:
        config.destinations = destinations.check(destination_config, call.arn(f"function:{config.function}"))
    return config.put(call).shown(call)


@lambda_.operation(on=existing)
def get_function_event_invoke_config(call: Call, config: EventConfig) -> dict[str, Any]:
    return config.shown(call)


@lambda_.operation(on=existing)
def delete_function_event_invoke_config(call: Call, config: EventConfig) -> None:
    config.delete(call)


@lambda_.operation(on=whole)
def list_function_event_invoke_configs(
    call: Call, meant: Meant, marker: str = "", max_items: int = 50
) -> dict[str, Any]:
    found = EventConfig.page(call, meant.name, limit=max_items, token=marker)
    configs = [config.shown(call) for config in found.items]
    return {"FunctionEventInvokeConfigs": configs, "NextMarker": found.token}
