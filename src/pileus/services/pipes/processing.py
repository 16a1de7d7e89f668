"""One batch on its way through a pipe: filtered, put into templates, enriched, handed to the target.

User Guide, "Amazon EventBridge Pipes filtering", "input transformation", "event enrichment", "batching".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pileus.kernel import Arn, Call, Fault, Principal, arn, jsonpath, names, targets, templates
from pileus.kernel.patterns import Pattern, parse
from pileus.kernel.targets import Failed, Sending

from .definitions import Pipe, filters
from .logs import Execution
from .sources import settled

Document = dict[str, Any]

WHOLE = ("lambda", "states")
"""Targets that are given a batch as one array; the others get one event after the other."""
MOST_ENTRIES = 10


class Filter:
    """The patterns of a pipe, of which one must match."""

    def __init__(self, pipe: Pipe) -> None:
        self.patterns: list[Pattern] = [parse(pattern) for pattern in filters(pipe)]

    def wants(self, record: Document) -> bool:
        if not self.patterns:
            return True
        seen = opened(record)
        return any(pattern.matches(seen) for pattern in self.patterns)


def opened(record: Document) -> Document:
    """A record whose body, or data, is JSON: filters and templates look into it."""
    found = dict(record)
    for name in ("body", "data"):
        if isinstance(text := record.get(name), str):
            found[name] = inner(text, encoded=name == "data")
    return found


def inner(text: str, *, encoded: bool) -> Any:
    try:
        return json.loads(base64.b64decode(text) if encoded else text)
    except ValueError:
        return text


class Passage:
    """A batch and the pipe that it passes."""

    def __init__(self, call: Call, pipe: Pipe, principal: Principal, execution: Execution) -> None:
        self.call = call
        self.pipe = pipe
        self.principal = principal
        self.execution = execution

    async def take(self, records: list[Document]) -> Any:
        """Bring records to the target; what a function answers. `Failed` where they do not get there."""
        events: list[Any] = records
        if self.pipe.enrichment:
            with self.stage("ENRICHMENT", records):
                texts = self.transformed("ENRICHMENT", self.pipe.enrichment_parameters, records)
                with self.step("ENRICHMENT_INVOCATION", records):
                    events = await self.enriched(records, texts)
        if not events:
            self.execution.note(self.call, "TARGET_STAGE_SKIPPED")
            return None
        with self.stage("TARGET", events):
            texts = self.transformed("TARGET", self.pipe.target_parameters, events)
            with self.step("TARGET_INVOCATION", events):
                return await self.hand_over(events, texts)

    # Telling

    def stage(self, name: str, events: list[Any]) -> AbstractContextManager[None]:
        return self.step(f"{name}_STAGE", events, begun="ENTERED")

    @contextmanager
    def step(self, name: str, events: list[Any], begun: str = "STARTED") -> Iterator[None]:
        """Tell the logs of a step, and how it ends."""
        self.execution.note(self.call, f"{name}_{begun}", events)
        try:
            yield
        except (Failed, Fault) as error:
            self.execution.note(self.call, f"{name}_FAILED", events, str(error))
            raise
        self.execution.note(self.call, f"{name}_SUCCEEDED", events)

    def transformed(self, stage: str, parameters: Document, events: list[Any]) -> list[str]:
        """Events as the template of a stage shows them; without one nothing is told of it."""
        template = parameters.get("InputTemplate", "")
        if not template:
            return [self.filled("", event) for event in events]
        with self.step(f"{stage}_TRANSFORMATION", events):
            return [self.filled(template, event) for event in events]

    # Templates

    def filled(self, template: str, event: Any) -> str:
        """An event as its template shows it."""
        if not template:
            return event if isinstance(event, str) else templates.compact(event)
        seen = opened(event) if isinstance(event, dict) else event

        def value_of(name: str) -> Any:
            return templates.at(name, seen) if name.startswith("$") else self.reserved(name, event)

        return templates.fill(template, value_of)

    def reserved(self, name: str, event: Any) -> Any:
        pipe = self.pipe
        known = {
            "aws.pipes.pipe-arn": pipe.arn(self.call),
            "aws.pipes.pipe-name": pipe.name,
            "aws.pipes.source-arn": pipe.source,
            "aws.pipes.enrichment-arn": pipe.enrichment,
            "aws.pipes.target-arn": pipe.target,
            "aws.pipes.event.ingestion-time": int(self.call.cloud.clock.now() * 1000),
            "aws.pipes.event": event,
            "aws.pipes.event.json": event,
        }
        return known[name]

    def resolved(self, value: Any, event: Any) -> Any:
        """A parameter, in which `$.path` stands for what the event has there."""
        if isinstance(value, dict):
            return {name: self.resolved(one, event) for name, one in value.items()}
        if isinstance(value, list):
            return [self.resolved(one, event) for one in value]
        if isinstance(value, str) and value.startswith("$."):
            found = templates.at(value, opened(event) if isinstance(event, dict) else event)
            return None if found is jsonpath.ABSENT else found
        return value

    # Enrichment

    async def enriched(self, records: list[Document], texts: list[str]) -> list[Any]:
        """What the enrichment makes of a batch: an array is a new batch, anything else one event."""
        to = arn.parse(self.pipe.enrichment)
        text = f"[{','.join(texts)}]"
        if targets.kind_of(to) == "api-destination":
            return [one for each in zip(records, texts, strict=True) for one in await self.asked(to, *each)]
        if to.service == "lambda":
            answer = await self.send(to, text, {}, wait=True)
            told = json.loads(answered(answer) or b"null")
        elif to.service == "states":
            states = self.call.at(region=to.region).aws("stepfunctions", principal=self.principal)
            run = await settled(states.start_sync_execution(state_machine_arn=str(to), input=text))
            if run["status"] != "SUCCEEDED":
                raise Failed("ENRICHMENT_FAILURE", str(run.get("cause") or run["status"]), final=False)
            told = json.loads(run.get("output") or "null")
        else:
            raise Failed("NO_RESOURCE", f"{to} cannot enrich", final=True)
        return batch_of(told)

    async def asked(self, to: Arn, record: Document, text: str) -> list[Any]:
        """What a server outside makes of one event."""
        answer = await self.send(to, text, texts_of(self.resolved(self.pipe.enrichment_parameters, record)))
        try:
            return batch_of(json.loads(answer or b"null"))
        except ValueError:
            raise Failed("ENRICHMENT_FAILURE", "The answer is not JSON.", final=False) from None

    # Targets

    async def hand_over(self, events: list[Any], texts: list[str]) -> Any:
        to = arn.parse(self.pipe.target)
        parameters = {name: value for name, value in self.pipe.target_parameters.items() if name != "InputTemplate"}
        kind = targets.kind_of(to)
        if kind == "event-bus":
            return self.to_bus(str(to), events, texts, parameters)
        if to.service in WHOLE:
            block = "LambdaFunctionParameters" if to.service == "lambda" else "StepFunctionStateMachineParameters"
            wait = parameters.get(block, {}).get("InvocationType", "REQUEST_RESPONSE") == "REQUEST_RESPONSE"
            return await self.to_whole(to, f"[{','.join(texts)}]", wait)
        if to.service == "logs":
            return self.to_log(to, events, texts, parameters.get("CloudWatchLogsParameters", {}))
        for event, text in zip(events, texts, strict=True):
            told = self.resolved(parameters, event)
            await self.send(to, text, texts_of(told) if kind == "api-destination" else told)
        return None

    async def send(self, to: Any, text: str, parameters: Document, *, wait: bool = False) -> Any:
        sending = Sending(self.call, to, text, parameters, self.principal, names.uuid4(), wait=wait)
        return await targets.invoke(sending)

    async def to_whole(self, to: Any, text: str, wait: bool) -> Any:
        if to.service == "lambda":
            answer = await self.send(to, text, {}, wait=wait)
            return answered(answer) if wait else None
        await self.send(to, text, {})
        return None

    def to_bus(self, bus: str, events: list[Any], texts: list[str], parameters: Document) -> None:
        """To a bus go events of its own kind; the text is their detail."""
        block = parameters.get("EventBridgeEventBusParameters", {})
        entries = []
        for event, text in zip(events, texts, strict=True):
            told = self.resolved(block, event)
            entries.append(
                {
                    "EventBusName": bus,
                    "Source": told.get("Source") or f"Pipe {self.pipe.name}",
                    "DetailType": told.get("DetailType") or "Event from aws:pipes",
                    "Detail": text,
                    "Resources": told.get("Resources") or [],
                    "Time": told.get("Time"),
                }
            )
        client = self.call.aws("events", principal=self.principal)
        with self.call.transaction():
            for some in portions(entries, MOST_ENTRIES):
                answer = client.put_events(
                    entries=[{name: value for name, value in entry.items() if value is not None} for entry in some],
                    endpoint_id=block.get("EndpointId"),
                )
                if answer["FailedEntryCount"]:
                    failed = next(one for one in answer["Entries"] if "ErrorCode" in one)
                    raise Failed("SDK_CLIENT_ERROR", f"{failed['ErrorCode']}: {failed['ErrorMessage']}", final=True)

    def to_log(self, to: Any, events: list[Any], texts: list[str], block: Document) -> None:
        group = to.resource.removeprefix("log-group:").removesuffix(":*")
        logs = self.call.at(account=to.account, region=to.region).aws("logs", principal=self.principal)
        now = int(self.call.cloud.clock.now() * 1000)
        with self.call.transaction():
            for event, text in zip(events, texts, strict=True):
                told = self.resolved(block, event)
                at = told.get("Timestamp")
                line = {"timestamp": now if at is None else int(at), "message": text}
                stream = told.get("LogStreamName") or self.pipe.name
                put_line(logs, group, stream, line)


def put_line(logs: Any, group: str, stream: str, line: Document) -> None:
    """Write a line into a stream, which is made where it is not there."""
    try:
        logs.put_log_events(log_group_name=group, log_stream_name=stream, log_events=[line])
    except Fault as fault:
        if fault.code != "ResourceNotFoundException":
            raise
        logs.create_log_stream(log_group_name=group, log_stream_name=stream)
        logs.put_log_events(log_group_name=group, log_stream_name=stream, log_events=[line])


def texts_of(value: Any) -> Any:
    """Values of a request by HTTP, which are texts whatever they were in the event."""
    if isinstance(value, dict):
        return {name: texts_of(one) for name, one in value.items()}
    if isinstance(value, list):
        return [texts_of(one) for one in value]
    return value if isinstance(value, str) else json.dumps(value)


def batch_of(told: Any) -> list[Any]:
    """What an enrichment has told, as events."""
    if told in (None, "", {}, []):
        return []
    return told if isinstance(told, list) else [told]


def answered(answer: Document) -> bytes:
    """What a function answered; `Failed` where it broke down."""
    payload = answer.get("Payload") or b""
    octets = payload if isinstance(payload, bytes) else bytes(payload)
    if answer.get("FunctionError"):
        raise Failed("FUNCTION_ERROR", octets.decode(errors="replace")[:1024], final=False)
    return octets


def portions(items: list[Document], size: int) -> Iterable[list[Document]]:
    return (items[start : start + size] for start in range(0, len(items), size))
