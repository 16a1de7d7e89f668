"""What may be asked of one value of an event: a string, a number, true, false or null."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol


class Condition(Protocol):
    def holds(self, value: Any) -> bool: ...


def identity(value: Any) -> Any:
    """What is equal exactly when JSON values are: to Python 1 is 1.0, which is right, but True as well."""
    return (value,) if value is None or isinstance(value, bool) else value


@dataclass(frozen=True)
class Exactly:
    key: Hashable
    """The `identity` of the value."""

    def holds(self, value: Any) -> bool:
        return bool(identity(value) == self.key)


@dataclass(frozen=True)
class Prefix:
    text: str
    folded: bool = False
    """Whether case is ignored; `text` is then in lower case."""

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and (value.lower() if self.folded else value).startswith(self.text)


@dataclass(frozen=True)
class Suffix:
    text: str
    folded: bool = False

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and (value.lower() if self.folded else value).endswith(self.text)


@dataclass(frozen=True)
class Folded:
    """Equal, but for case."""

    text: str

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and value.lower() == self.text


@dataclass(frozen=True)
class Wildcard:
    """`*` stands for any characters, or none; a backslash takes that from it."""

    parts: tuple[str, ...]
    """What stands between the asterisks."""

    def holds(self, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        first, *middle = self.parts
        if not middle:
            return value == first
        last = middle.pop()
        if len(value) < len(first) + len(last) or not (value.startswith(first) and value.endswith(last)):
            return False
        at, end = len(first), len(value) - len(last)
        for part in middle:
            found = value.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


@dataclass(frozen=True)
class Between:
    """A number in a range; a bound that is `open` is not in it."""

    low: float = float("-inf")
    high: float = float("inf")
    low_open: bool = False
    high_open: bool = False

    def holds(self, value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)


@dataclass(frozen=True)
class Cidr:
    """An address in a block; a block of one address may be written as that address."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network

    def holds(self, value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in self.network
        except ValueError:
            return False


@dataclass(frozen=True)
class AnythingBut:
    """There is a value, and none of these conditions holds for it."""

    these: tuple[Condition, ...]
    keys: frozenset[Hashable] = field(default=frozenset())
    """The values excluded, where values alone are."""

    def holds(self, value: Any) -> bool:
        if self.keys:
            return identity(value) not in self.keys
        return not any(condition.holds(value) for condition in self.these)


@dataclass(frozen=True)
class Present:
    def holds(self, value: Any) -> bool:
        return True


@dataclass(frozen=True)
class Absent:
    """There is no value: what `holds` for a value is never this."""

    def holds(self, value: Any) -> bool:
        return False
