"""Shapes as types of msgspec, which reads JSON and checks it in one pass.

What a type takes is a value of its shape, and breaks none of the constraints that `validation` knows. It does not take
all that a shape allows: nulls, timestamps as text, texts that may be just short enough. What it refuses is for those
who look closely, and who know AWS's words for what is wrong.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal, TypedDict

import msgspec

from . import patterns
from .model import Model, Shape
from .validation import LONGEST_MATCHED, constraints_of

WHOLE = {"integer": (-(1 << 31), (1 << 31) - 1), "long": (-(1 << 63), (1 << 63) - 1)}
UNICODE = ("\\p", "\\P")
"""What patterns have that become classes of hundreds of ranges. They take milliseconds to compile."""
YEARS = (-62135596800.0, 253402300799.0)
"""The first seconds of the year 1 and the last of 9999."""


class Unfit(Exception):
    """There is no such type: members have other names in JSON, or are documents; or it would take too long to make."""


def type_of(shape: Shape) -> Any:
    """The type of a shape; `Unfit` for a few."""
    known = _known(shape.model)
    types = _Types(known)
    found = types.of(shape)
    known.update(types.structures)
    return found


def nests(shape: Shape, within: frozenset[str] = frozenset()) -> bool:
    """Whether values of a shape may be as deep as they like, since a structure is in itself somewhere."""
    match shape.type:
        case "structure":
            inside = within | {shape.name}
            return shape.name in within or any(nests(member, inside) for member in shape.members.values())
        case "list":
            return nests(shape.member, within)
        case "map":
            return nests(shape.value, within)
    return False


@cache
def _known(model: Model) -> dict[str, Any]:
    """The types of a model's structures, by name: many are in several requests."""
    return {}


class _Types:
    """Types in the making. A structure is known before its members are: it may be in itself."""

    def __init__(self, known: dict[str, Any]) -> None:
        self.structures = known.copy()

    def of(self, shape: Shape) -> Any:
        traits = shape.traits
        if traits.get("document"):
            raise Unfit(shape.name)
        match shape.type:
            case "structure":
                return self._structure(shape)
            case "list":
                return _sized(list[self._part(shape, shape.member)], shape)  # type: ignore[misc]
            case "map":
                return _sized(dict[_text(shape.key), self._part(shape, shape.value)], shape)  # type: ignore[misc]
            case "string" | "character":
                return _text(shape)
            case "blob":
                return _sized(bytes, shape)
            case "integer" | "long":
                least, most = WHOLE[shape.type]
                return _within(int, max(traits.get("min", least), least), min(traits.get("max", most), most))
            case "float" | "double":
                return _within(float, traits.get("min"), traits.get("max"))
            case "timestamp":
                return _within(float, *YEARS)
        assert shape.type == "boolean"
        return bool

    def _part(self, whole: Shape, part: Shape) -> Any:
        """The type of a list's members or a map's values."""
        return self.of(part) | None if whole.traits.get("sparse") else self.of(part)

    def _structure(self, shape: Shape) -> Any:
        found = self.structures.get(shape.name)
        if found is None:
            found = self.structures[shape.name] = TypedDict(shape.name, {}, total=False)  # type: ignore[operator]
            found.__annotations__ = {name: self._member(name, member) for name, member in shape.members.items()}
            found.__required_keys__ = frozenset(shape.required)
        return found

    def _member(self, name: str, member: Shape) -> Any:
        if member.traits.get("locationName", name) != name or "location" in member.traits:
            raise Unfit(name)
        return self.of(member)


def _text(shape: Shape) -> Any:
    traits = shape.traits
    if "enum" in traits:
        constraints = constraints_of(shape)
        return Literal[tuple(text for text in traits["enum"] if all(one.holds(text) for one in constraints))]
    pattern = patterns.searched(_cheap(traits["pattern"])) if "pattern" in traits else None
    most = traits["max"] // 2 if "max" in traits else None  # whether longer ones are too long depends on their signs
    if pattern:
        most = LONGEST_MATCHED if most is None else min(most, LONGEST_MATCHED)
    return _meta(str, min_length=traits.get("min"), max_length=most, pattern=pattern)


def _cheap(pattern: str) -> str:
    if any(sign in pattern for sign in UNICODE):
        raise Unfit(pattern)
    return pattern


def _sized(plain: Any, shape: Shape) -> Any:
    traits = {} if shape.traits.get("streaming") else shape.traits
    return _meta(plain, min_length=traits.get("min"), max_length=traits.get("max"))


def _within(plain: Any, least: float | None, most: float | None) -> Any:
    return _meta(plain, ge=least, le=most)


def _meta(plain: Any, **limits: Any) -> Any:
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return Annotated[plain, msgspec.Meta(**given)] if given else plain
