"""Log events on their way to CloudWatch Logs: gathered for a moment, and put there as the function's role."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault, Principal, Unfinished

from .logs import Event, Log

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

log = logging.getLogger("pileus.lambda")

GATHERED_SECONDS = 0.1
MOST_EVENTS = 10_000
MOST_BYTES = 1_048_576
EVENT_OVERHEAD = 26
"""Bytes that each event counts for, beside its text (API reference, PutLogEvents)."""


class Shipping:
    """What environments have logged and CloudWatch Logs does not have yet."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._waiting: dict[Log, Call] = {}
        self._there: set[Log] = set()
        """Logs whose stream exists."""
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def carry(self, call: Call, log: Log, principal: Principal) -> None:
        """From now on, what that log takes in goes on to CloudWatch Logs."""
        there = call.at(principal=principal, id="", service="lambda")
        log.on_event = self._noticing(log, there)

    def _noticing(self, log: Log, call: Call) -> Callable[[], None]:
        def notice() -> None:
            self._waiting[log] = call
            if self._timer is None:
                self._timer = self._loop.call_later(GATHERED_SECONDS, self._ship_soon)

        return notice

    def _ship_soon(self) -> None:
        self._loop.create_task(self.ship())

    async def ship(self) -> None:
        """Put everything that waits."""
        if self._timer:
            self._timer.cancel()
        self._timer = None
        waiting, self._waiting = self._waiting, {}
        for log_, call in waiting.items():
            events, log_.events = log_.events, []
            try:
                await self._put(call, log_, events)
            except Unfinished:
                return
            except Fault as fault:
                # As on AWS, a role that may not write logs has none.
                log.debug("the log of %s is lost: %s", log_.group, fault)

    async def _put(self, call: Call, log_: Log, events: list[Event]) -> None:
        logs = call.at(now=self._cloud.clock.now()).aws("logs", principal=call.principal)
        if log_ not in self._there:
            await made(logs.create_log_group, log_group_name=log_.group)
            await made(logs.create_log_stream, log_group_name=log_.group, log_stream_name=log_.stream)
            self._there.add(log_)
        for batch in batches(events):
            shown = [{"timestamp": self._at(event), "message": event.text} for event in batch]
            put = logs.put_log_events(log_group_name=log_.group, log_stream_name=log_.stream, log_events=shown)
            if inspect.isawaitable(put):
                await put

    def _at(self, event: Event) -> int:
        """The time of an event in the cloud."""
        return int(self._cloud.clock.at_wall(event.at / 1000) * 1000)

    def forget(self, log_: Log) -> None:
        self._there.discard(log_)


async def made(create: Callable[..., Any], **names: str) -> None:
    """Create something that may be there already."""
    try:
        creating = create(**names)
        if inspect.isawaitable(creating):
            await creating
    except Fault as fault:
        if fault.code != "ResourceAlreadyExistsException":
            raise


def batches(events: list[Event]) -> list[list[Event]]:
    """Events in portions that one call may put."""
    found: list[list[Event]] = [[]]
    size = 0
    for event in events:
        weight = len(event.text.encode()) + EVENT_OVERHEAD
        if size + weight > MOST_BYTES or len(found[-1]) == MOST_EVENTS:
            found.append([])
            size = 0
        if event.text:
            found[-1].append(event)
            size += weight
    return [batch for batch in found if batch]
