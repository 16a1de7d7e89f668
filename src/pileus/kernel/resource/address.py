"""Which resource a request means: by its key, its parents' keys, or its ARN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pileus import models
from pileus.kernel.signature import Members, takes

if TYPE_CHECKING:
    from pileus.kernel.call import Call

    from .family import Family, Row


class Address:
    """How one operation's requests name a resource of one family.

    A key may be spelled in several ways; wherever it may be given, the ARN may be too, and it may have a member of its
    own. Where an operation does not name the parents, the ARN alone leads to the resource.
    """

    def __init__(
        self, family: Family, operation: models.Operation, spellings: Sequence[tuple[str, ...]] | None = None
    ) -> None:
        self.family = family
        self.operation = operation
        inputs = operation.input.members if operation.input else {}
        levels = spellings or [*family.spellings[:-1], (*family.spellings[-1], family.arn)]
        self.levels = [[name for name in dict.fromkeys(level) if name in inputs] for level in levels]
        if not self.levels[-1]:
            raise family.odd(f"{operation.name} does not name it by {family.spellings[-1]}")
        self.whole = all(self.levels)
        if not self.whole and not family.type.arn:
            raise family.odd(f"{operation.name} does not name its parent by {family.spellings[:-1]}")
        self.members = [name for level in (self.levels if self.whole else self.levels[-1:]) for name in level]

    def find(self, call: Call, request: Members) -> Row:
        """The resource that a request means; raises the error for a missing one."""
        own = self._given(self.levels[-1], request)
        row: Row | None = None
        if isinstance(own, str) and own.startswith("arn:"):
            row = self.family.type.find_by_arn(call, own)
        elif self.whole:
            above = [self._given(level, request) for level in self.levels[:-1]]
            row = self.family.find(call, *above, own)
        if row is None:
            raise self.family.type.absent(own)
        return row

    def finder(self) -> Callable[..., Row]:
        """`find`, for an operation's `on`."""
        return takes(self.operation.input, self.members)(self.find)

    def _given(self, level: list[str], request: Members) -> Any:
        for name in level:
            if name in request:
                return request[name]
        member = level[0][0].lower() + level[0][1:]
        broken = f"Value null at '{member}' failed to satisfy constraint: Member must not be null"
        raise self.family.service.invalid(self.operation, [broken])
