"""Values generated from the models' own shapes, of the kind that every protocol can carry."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pileus.models import Shape

DEEP = 4
TEXT = st.text(st.characters(exclude_categories=("C",), include_characters="\n\t"), max_size=12)
FIELD = st.text("abcXYZ019-_./=; ", min_size=1, max_size=12).map(str.strip).filter(bool)
NAME = st.text("abcdefgxyz", min_size=1, max_size=6)
FLOATS = st.floats(width=32, allow_nan=False)
MILLIS = st.integers(0, 4_000_000_000_000).map(lambda millis: millis / 1000)
SECONDS = st.integers(0, 4_000_000_000).map(float)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3),
    max_leaves=5,
)


def scalar(shape: Shape) -> st.SearchStrategy[Any]:
    location = shape.traits.get("location")
    if shape.type in ("string", "character"):
        if shape.traits.get("jsonvalue") and location == "header":
            return st.dictionaries(NAME, JSON, max_size=2)
        return NAME if shape.traits.get("hostLabel") else FIELD if location else TEXT
    if shape.type == "timestamp":
        whole = location == "header" or shape.traits.get("timestampFormat", "").lower() == "rfc822"
        return SECONDS if whole else MILLIS
    return {
        "integer": st.integers(200, 203) if location == "statusCode" else st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "float": FLOATS,
        "double": FLOATS,
        "boolean": st.booleans(),
        "blob": st.binary(max_size=12),
    }[shape.type]


@st.composite
def value(draw: st.DrawFn, shape: Shape, depth: int = 0) -> Any:
    """A value of a shape; deep in a recursive one only what is required."""
    if shape.traits.get("document"):
        return draw(st.dictionaries(NAME, JSON, max_size=2))
    if shape.type == "structure":
        return draw(structure(shape, depth))
    if shape.type == "list":
        item = (
            FIELD if shape.traits.get("location") and shape.member.type == "string" else value(shape.member, depth + 1)
        )
        return draw(st.lists(item, min_size=1, max_size=2 if depth < DEEP else 1))
    if shape.type == "map":
        return draw(mapping(shape, depth))
    return draw(scalar(shape))


def mapping(shape: Shape, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    outside = shape.traits.get("location")
    items = FIELD if outside and shape.value.type == "string" else value(shape.value, depth + 1)
    return st.dictionaries(NAME if outside else TEXT, items, min_size=1, max_size=2)


@st.composite
def structure(draw: st.DrawFn, shape: Shape, depth: int = 0) -> dict[str, Any]:
    names = [name for name, member in shape.members.items() if not member.traits.get("eventstream")]
    if not names:
        return {}
    if shape.traits.get("union"):
        chosen = [draw(st.sampled_from(names))]
    elif depth >= DEEP:
        chosen = [name for name in names if name in shape.required] or [simplest(shape, names)]
    else:
        some = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
        address = [name for name in names if in_address(shape.members[name])]
        chosen = [name for name in names if name in some or name in address]
    return {name: draw(value(shape.members[name], depth + 1)) for name in chosen}


def in_address(member: Shape) -> bool:
    """Whether the request has no address without the member."""
    return member.traits.get("location") == "uri" or bool(member.traits.get("hostLabel"))


def simplest(shape: Shape, names: list[str]) -> str:
    order = ["structure", "map", "list"]
    return max(names, key=lambda name: order.index(part) if (part := shape.members[name].type) in order else 3)


def without_empties(value: Any) -> Any:
    """A value without what many protocols cannot tell from nothing: empty lists, maps and structures."""
    if isinstance(value, dict):
        parts = {key: without_empties(item) for key, item in value.items()}
        return {key: item for key, item in parts.items() if item not in ({}, [])}
    if isinstance(value, list):
        items = [without_empties(item) for item in value]
        return [item for item in items if item not in ({}, [])]
    return value
