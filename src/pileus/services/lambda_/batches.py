"""A batch of records on its way to a function: filtered, invoked, and what its answer says of single records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault

from . import sealing, traces
from .fleet import Fleet
from .invocation import Invocation, Outcome
from .mappings import Mapping
from .qualifiers import Meant
from .throttling import admit
from .waiting import active

if TYPE_CHECKING:
    from pileus.kernel.patterns import Pattern

Document = dict[str, Any]

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Pattern:
    from pileus.kernel.patterns import parse

    return parse(pattern)


def patterns(call: Call, mapping: Mapping) -> list[Pattern] | None:
    """The filters of a mapping; None as long as their key cannot be used, which is noted."""
    try:
        found = sealing.filters_for_polling(call, mapping.arn(call), mapping.settings)
    except Fault as fault:
        tell(call, mapping, f"PROBLEM: Lambda cannot decrypt the filter criteria: {fault.message}")
        return None
    return [compiled(each["Pattern"]) for each in found.get("Filters", []) if each.get("Pattern")]


def tell(call: Call, mapping: Mapping, result: str) -> None:
    """Say how the latest batch went."""
    if mapping.result != result:
        with call.transaction():
            if current := Mapping.get(call, mapping.id):
                current.result = mapping.result = result
                current.put(call)


def readable(document: Document, member: str) -> Document:
    """A record as filters see it: its body is a document, if it is one at all."""
    try:
        parsed = json.loads(document[member])
    except (ValueError, TypeError):
        return document
    return document | {member: parsed} if isinstance(parsed, dict) else document


class Delivery:
    """An invocation with a batch, and what came of it."""

    def __init__(self, outcome: Outcome, meant: Meant, request_id: str) -> None:
        self.outcome = outcome
        self.meant = meant
        self.request_id = request_id

    @property
    def failed(self) -> bool:
        return bool(self.outcome.error)

    def failures(self, known: set[str]) -> set[str] | None:
        """The records that the function says have failed; None where it says it in no good way, so that all have."""
        try:
            told = json.loads(self.outcome.payload or b"null")
        except ValueError:
            return None
        if not told:
            return set()
        items = told.get("batchItemFailures") if isinstance(told, dict) else None
        if items is None or items == []:
            return set()
        found = {item.get("itemIdentifier") if isinstance(item, dict) else None for item in items}
        return None if found - known else {str(each) for each in found}


async def delivered(
    call: Call, mapping: Mapping, event: Document, patience: Callable[[], bool] = lambda: True, trace: str = ""
) -> Delivery | None:
    """Invoke the function with a batch; None where there was no concurrency for it as long as there was patience."""
    payload = json.dumps(event, separators=(",", ":")).encode()
    pause = FIRST_PAUSE
    while True:
        inner = call.at(now=call.cloud.clock.now())
        meant = Meant.of(inner, mapping.function, mapping.qualifier)
        try:
            admit(inner, meant.name)
            version = await active(inner, meant.chosen(inner))
            header = traces.continued(inner, meant.function, version, trace)
            invocation = Invocation(payload, meant.arn(inner), trace=header)
            outcome = await call.cloud.engine(Fleet).invoke(inner, version, invocation)
            return Delivery(outcome, meant, invocation.id)
        except Fault as fault:
            if fault.code != "TooManyRequestsException":
                return Delivery(Outcome.failure(fault.code, fault.message), meant, "")
            if not patience():
                return None
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
