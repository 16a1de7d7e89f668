"""What comes and goes with a resource, as those say it that know: a VPC does not know what may be in it.

life = Life[Vpc]()                 beside the record

@vpcs.life.begins_with             where its main route table is written
def main_table(call: Call, vpc: Vpc) -> None: ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from pileus.kernel import Call

R = TypeVar("R")


class Life(Generic[R]):
    """Steps in the life of one kind of resource."""

    def __init__(self) -> None:
        self._beginnings: list[Callable[[Call, R], None]] = []
        self._endings: list[Callable[[Call, R], None]] = []
        self._holders: list[Callable[[Call, R], bool]] = []

    def begins_with(self, step: Callable[[Call, R], None]) -> Callable[[Call, R], None]:
        """Declare what is done when one has been made."""
        self._beginnings.append(step)
        return step

    def ends_with(self, step: Callable[[Call, R], None]) -> Callable[[Call, R], None]:
        """Declare what is done when one is about to be removed."""
        self._endings.append(step)
        return step

    def holds(self, test: Callable[[Call, R], bool]) -> Callable[[Call, R], bool]:
        """Declare what forbids that one is deleted."""
        self._holders.append(test)
        return test

    def begin(self, call: Call, one: R) -> None:
        for step in self._beginnings:
            step(call, one)

    def end(self, call: Call, one: R) -> None:
        for step in self._endings:
            step(call, one)

    def held(self, call: Call, one: R) -> bool:
        return any(test(call, one) for test in self._holders)
