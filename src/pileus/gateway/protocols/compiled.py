"""Tables of compiled pieces that grow as they are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Part = TypeVar("Part")


class Compiled(dict[str, Part | None]):
    """What `compile` makes of a key, made when the key is first met.

    Compiling late is what lets recursive shapes end, and keeps a service's first call from compiling members that
    nobody sends. Keys for which `compile` answers None are not kept: a client must not make the table grow.
    """

    __slots__ = ("compile",)

    def __init__(self, compile: Callable[[str], Part | None]) -> None:  # noqa: A002
        super().__init__()
        self.compile = compile

    def __missing__(self, key: str) -> Part | None:
        part = self.compile(key)
        if part is not None:
            self[key] = part
        return part
