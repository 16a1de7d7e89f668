"""Which rules an event concerns: one index for each bus, compiled when it is first needed and kept in memory.

An index belongs to one version of the bus's rules, and versions are random: so an index that is out of date, or whose
rules were undone or replaced by a snapshot, is never asked again.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call
from pileus.kernel.patterns import Index, Pattern, parse

from .buses import Bus
from .rules import DISABLED, Rule

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

MOST = 1000


class Indexes:
    """The indexes of the cloud's buses. A cache."""

    def __init__(self, cloud: Cloud) -> None:
        self._kept: OrderedDict[tuple[str, str, str], Index[str]] = OrderedDict()

    async def close(self) -> None:
        self._kept.clear()

    def of(self, call: Call, bus: Bus) -> Index[str]:
        key = call.account, call.region, bus.version
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = made(call, bus)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found


def made(call: Call, bus: Bus) -> Index[str]:
    patterns: dict[str, Pattern] = {}
    for rule in Rule.scan(call, bus.name):
        if rule.pattern and rule.state != DISABLED:
            patterns[rule.name] = parse(rule.pattern)
    return Index(patterns)


def rules_for(call: Call, bus: Bus, event: dict[str, Any]) -> list[str]:
    """The names of the bus's rules that the event matches."""
    if not bus.version:
        return []
    return call.cloud.engine(Indexes).of(call, bus).matching(event)
