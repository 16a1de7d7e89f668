"""What the model itself says of a request: required members, lengths, ranges, patterns, enumerations, in AWS's words.

Independent of protocols. A shape is compiled once; one that constrains nothing, at any depth, compiles to None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

from . import patterns
from .model import Model, Shape

Found = list[str]
Check = Callable[[Any, str, Found], None]
"""Appends what is wrong with a value at a path."""

MOST = 10  # AWS's services tell ten at most
LONGEST_MATCHED = 65_536  # texts beyond are not put to a pattern
LONGEST_SHOWN = 4_096
TRAITS = frozenset({"required", "min", "max", "pattern", "enum"})


class Sound(dict[str, Any]):
    """A request whose reader has made sure already that it breaks no constraint."""


class Constraint(NamedTuple):
    holds: Callable[[Any], Any]
    says: str


def violations(shape: Shape | None, value: Any) -> list[str]:
    """What is wrong with a value, each as AWS says it; see `message`."""
    if type(value) is Sound:
        return []
    check = checker(shape) if shape is not None else None
    if check is None:
        return []
    found: Found = []
    check(value, "", found)
    return found


def message(violations: list[str]) -> str:
    """The violations as one ValidationException tells them."""
    count = len(violations)
    return f"{count} validation error{'s' if count > 1 else ''} detected: {'; '.join(violations)}"


@cache
def checker(shape: Shape) -> Check | None:
    """What checks the inside of a value: a structure's members, a list's elements, a map's keys and values."""
    if not _constrained(shape.model, shape.name):
        return None
    return INSIDES[shape.type](shape) if shape.type in INSIDES else None


@cache
def _constrained(model: Model, name: str) -> bool:
    """Whether a shape or anything below it has a constraint."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        traits = model.shape(name).traits
        if not TRAITS.isdisjoint(traits):
            return True
        parts = [*traits.get("members", {}).values(), *(traits[part] for part in PARTS if part in traits)]
        waiting += [part["shape"] for part in parts]
    return False


PARTS = ("member", "key", "value")


# Structures, lists, maps


class Member(NamedTuple):
    name: str
    label: str
    required: bool
    check: Check | None


def _structure(shape: Shape) -> Check:
    plain = shape.model.shape(shape.name)
    if not shape.required and len(shape.members) > FEW:
        return _of_what_is_there(plain)

    def check(value: Any, path: str, found: Found) -> None:
        for name, label, required, check_member in _members(plain):
            item = value.get(name)
            if item is None:
                if required:
                    _report(found, f"Value null at '{path}{label}'", "Member must not be null")
            elif check_member is not None:
                check_member(item, path + label, found)

    return _dotted(check)


FEW = 4


def _of_what_is_there(shape: Shape) -> Check:
    """For structures with many members, none of which must be there, such as DynamoDB's values: look at what is."""
    known: dict[str, Member] = {}

    def check(value: Any, path: str, found: Found) -> None:
        if not known:
            known.update({member.name: member for member in _members(shape)})
        for name, item in value.items():
            member = known.get(name)
            if member is not None and item is not None and member.check is not None:
                member.check(item, f"{path}.{member.label}" if path else member.label, found)

    return check


def _dotted(check: Check) -> Check:
    """The outermost structure has no name of its own."""
    return lambda value, path, found: check(value, f"{path}." if path else "", found)


@cache
def _members(shape: Shape) -> list[Member]:
    """The members of a structure that can be wrong. Found when first needed: shapes may be recursive."""
    required = set(shape.required)
    members = [
        Member(name, name[:1].lower() + name[1:], name in required, _whole(part))
        for name, part in shape.members.items()
    ]
    return [member for member in members if member.required or member.check]


def _whole(shape: Shape) -> Check | None:
    """What checks a value itself and its inside."""
    constraints, inside = constraints_of(shape), checker(shape)
    if not constraints:
        return inside

    def check(value: Any, path: str, found: Found) -> None:
        for holds, says in constraints:
            if not holds(value):
                _report(found, f"Value {_shown(shape, value)}at '{path}'", says)
        if inside is not None:
            inside(value, path, found)

    return check


def _list(shape: Shape) -> Check:
    constraints, inside = constraints_of(shape.member), checker(shape.member)

    def check(value: Any, path: str, found: Found) -> None:
        if constraints and not _all_hold(constraints, value):
            _report_all(found, shape, value, path, "Member must satisfy constraint", constraints)
        if inside is not None and _any_wrong(inside, value):
            for index, item in enumerate(value, 1):
                inside(item, f"{path}.{index}.member", found)

    return check


def _any_wrong(inside: Check, values: Iterable[Any]) -> bool:
    """Whether it is worth while to tell where each of many values is."""
    found: Found = []
    for value in values:
        inside(value, "", found)
    return bool(found)


def _map(shape: Shape) -> Check:
    keys, values, inside = constraints_of(shape.key), constraints_of(shape.value), checker(shape.value)

    def check(value: Any, path: str, found: Found) -> None:
        if keys and not _all_hold(keys, value):
            _report_all(found, shape, value, path, "Map keys must satisfy constraint", keys)
        if values and not _all_hold(values, value.values()):
            _report_all(found, shape, value, path, "Map value must satisfy constraint", values)
        if inside is not None and _any_wrong(inside, value.values()):
            for key, item in value.items():
                inside(item, f"{path}.{key}.member", found)

    return check


INSIDES: dict[str, Callable[[Shape], Check]] = {"structure": _structure, "list": _list, "map": _map}


def _all_hold(constraints: list[Constraint], values: Iterable[Any]) -> bool:
    for holds, _ in constraints:
        for value in values:
            if value is not None and not holds(value):
                return False
    return True


def _report_all(found: Found, shape: Shape, value: Any, path: str, says: str, constraints: list[Constraint]) -> None:
    """Of elements, keys and values AWS tells all constraints, and not which of them is violated, nor by which one."""
    every = ", ".join(constraint.says for constraint in constraints)
    _report(found, f"Value {_shown(shape, value)}at '{path}'", f"{says}: [{every}]")


def _report(found: Found, what: str, says: str) -> None:
    if len(found) < MOST:
        found.append(f"{what} failed to satisfy constraint: {says}")


# Constraints on a value itself


def constraints_of(shape: Shape) -> list[Constraint]:
    traits = shape.traits
    if shape.type in ("integer", "long", "float", "double"):
        return list(_range(traits))
    constraints = [] if traits.get("streaming") else list(_length(traits))
    if "pattern" in traits and (matches := patterns.matcher(traits["pattern"])):
        says = f"Member must satisfy regular expression pattern: {traits['pattern']}"
        constraints.append(Constraint(_pattern(matches, traits.get("max", LONGEST_MATCHED)), says))
    if "enum" in traits:
        says = f"Member must satisfy enum value set: [{', '.join(traits['enum'])}]"
        constraints.append(Constraint(frozenset(traits["enum"]).__contains__, says))
    return constraints


def _length(traits: dict[str, Any]) -> Iterable[Constraint]:
    most, least = traits.get("max"), traits.get("min")
    if most is not None:
        half = most // 2  # Java counts two for signs beyond the first 65,536
        yield Constraint(
            lambda value: len(value) <= half or length(value) <= most,
            f"Member must have length less than or equal to {_number(most)}",
        )
    if least:
        yield Constraint(
            lambda value: length(value) >= least, f"Member must have length greater than or equal to {_number(least)}"
        )


def length(value: Any) -> int:
    """As Java counts: a text's UTF-16 units."""
    if isinstance(value, str) and not value.isascii():
        return len(value.encode("utf-16-le", "surrogatepass")) // 2
    return len(value)


def _range(traits: dict[str, Any]) -> Iterable[Constraint]:
    most, least = traits.get("max"), traits.get("min")
    if most is not None:
        yield Constraint(lambda value: value <= most, f"Member must have value less than or equal to {_number(most)}")
    if least is not None:
        yield Constraint(
            lambda value: value >= least, f"Member must have value greater than or equal to {_number(least)}"
        )


def _number(bound: Any) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)


def _pattern(matches: Callable[[str], Any], longest: int) -> Callable[[str], Any]:
    """Texts that are too long anyway are not matched: some patterns take their time."""
    longest = min(longest, LONGEST_MATCHED)
    return lambda text: len(text) > longest or matches(text)


# Values as AWS shows them


def _shown(shape: Shape, value: Any) -> str:
    """The value in quotes and a space; nothing for a secret one."""
    if shape.traits.get("sensitive"):
        return ""
    text = shown(shape, value)
    return f"'{text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + '...'}' "


def shown(shape: Shape, value: Any) -> str:
    """A value as Java writes it, secrets hidden."""
    if shape.traits.get("sensitive"):
        return "***Sensitive Data Redacted***"
    if shape.type == "structure" and isinstance(value, dict) and not shape.traits.get("document"):
        members = (f"{name[:1].lower()}{name[1:]}={shown(shape.members[name], item)}" for name, item in value.items())
        return f"{shape.name}({', '.join(members)})"
    if shape.type == "list" and isinstance(value, list):
        return f"[{', '.join(shown(shape.member, item) for item in value)}]"
    if shape.type == "map" and isinstance(value, dict):
        entries = (f"{shown(shape.key, key)}={shown(shape.value, item)}" for key, item in value.items())
        return f"{{{', '.join(entries)}}}"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
