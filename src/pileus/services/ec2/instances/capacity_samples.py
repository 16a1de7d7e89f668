"""Samples of capacity: how much of a reservation there was and was used, and which instances ran, when that changed.

They are taken while Capacity Manager is on, and say what there was until the next one of the same thing.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record

HOME = "us-east-1"


class Manager(Record):
    """That an account's capacity is watched, in all Regions. It is kept in one of them."""

    name: str
    since: float
    home: str
    """The Region in which it was switched on."""
    organization: bool = False
    tag_keys: dict[str, float] = {}
    """Keys that are dimensions, and since when."""
    regions: list[str] = []
    """Where there is something to be seen."""


class Sample(Record, key=("subject", "at")):
    """How something was from an instant on."""

    subject: str
    """A reservation or an instance."""
    at: float
    count: int
    used: int
    about: dict[str, Any]
    """What does not change, as dimensions have it."""
    market: str = ""
    """Of an instance: `spot`, `reserved` or `unreserved`."""
    committed: int = 0


def manager(call: Call) -> Manager | None:
    return Manager.get(call.at(region=HOME), "capacity")


def note(call: Call, sample: Sample) -> None:
    """Take a sample, if somebody wants them."""
    found = manager(call)
    if found is None:
        return
    if call.region not in found.regions:
        found.regions = [*found.regions, call.region]
        found.put(call.at(region=HOME))
    sample.put(call)
