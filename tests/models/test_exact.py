"""The quick way to read JSON: what it takes is what the long way makes of it, and breaks no constraint."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pileus.gateway.protocols.json_scalars import JSON
from pileus.gateway.protocols.values import reader
from pileus.models import Model, Shape, exact, load
from pileus.models.validation import Sound, violations
from tests.gateway.protocols.generated import structure

MODEL = Model(
    "limits",
    {"protocol": "json"},
    {},
    {
        "Root": {
            "type": "structure",
            "required": ["Name"],
            "members": {
                "Name": {"shape": "Name"},
                "Start": {"shape": "Start"},
                "Kind": {"shape": "Kind"},
                "Count": {"shape": "Count"},
                "Share": {"shape": "Share"},
                "Data": {"shape": "Data"},
                "When": {"shape": "When"},
                "Flag": {"shape": "Flag"},
                "Names": {"shape": "Names"},
                "Map": {"shape": "Map"},
                "Sparse": {"shape": "Sparse"},
                "Self": {"shape": "Root"},
            },
        },
        "Name": {"type": "string", "min": 1, "max": 6, "pattern": "[a-z😀]*"},
        "Start": {"type": "string", "pattern": "^(?i)ab"},
        "Kind": {"type": "string", "enum": ["A", "LONG"], "max": 3},
        "Count": {"type": "integer", "min": 1, "max": 10},
        "Share": {"type": "double", "min": 0.5, "max": 2},
        "Data": {"type": "blob", "min": 1, "max": 2},
        "When": {"type": "timestamp"},
        "Flag": {"type": "boolean"},
        "Names": {"type": "list", "member": {"shape": "Name"}, "min": 1, "max": 2},
        "Map": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Count"}, "max": 1},
        "Sparse": {"type": "map", "key": {"shape": "Start"}, "value": {"shape": "Flag"}, "sparse": True},
    },
)
ROOT = MODEL.shape("Root")
EVERYTHING = {
    "Name": "abc",
    "Start": "abc",
    "Kind": "A",
    "Count": 10,
    "Share": 1,
    "Data": "QQ==",
    "When": 1.5,
    "Flag": True,
    "Names": ["a", "b"],
    "Map": {"a": 1},
    "Sparse": {"ab": None},
    "Self": {"Name": "a"},
    "Unknown": 1,
}
ODD: list[Any] = [
    None,
    True,
    0,
    1,
    11,
    -1.5,
    5.0,
    1e300,
    2**63,
    "",
    "a",
    "ab\n",
    "abcd",
    "😀😀",
    "😀" * 4,
    "LONG",
    "NaN",
]
ODD += [
    "QQ==",
    "QR==",
    "QQ",
    "QUJD",
    "1970-01-01",
    [],
    ["a"] * 3,
    [None],
    {},
    {"": 1},
    {"Name": "A"},
    {"S": "x", "N": ""},
]
SHAPES = [ROOT] + [
    load(service).operation(name).input
    for service, name in (
        ("dynamodb", "TransactWriteItems"),
        ("dynamodb", "Query"),
        ("sqs", "SendMessageBatch"),
        ("kms", "CreateKey"),
        ("kinesis", "PutRecords"),
        ("events", "PutEvents"),
        ("cloudwatch", "PutMetricData"),
    )
]
EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def taken(shape: Shape, text: str) -> Any:
    """What the type takes a text for; None where it does not take it."""
    try:
        return msgspec.json.decode(text.encode(), type=exact.type_of(shape))
    except msgspec.DecodeError:
        return None


def same(shape: Shape, text: str) -> bool:
    """Whether the type takes a text, which then is what it would be otherwise."""
    found = taken(shape, text)
    if found is not None:
        closely = reader(JSON, shape)(json.loads(text))
        assert msgspec.msgpack.encode(found) == msgspec.msgpack.encode(closely)
        assert violations(shape, closely) == []
    return found is not None


def test_what_is_right_is_taken() -> None:
    assert same(ROOT, json.dumps(EVERYTHING))


@pytest.mark.parametrize("name", [name for name in EVERYTHING if name != "Unknown"])
def test_every_member_alone(name: str) -> None:
    taken = [odd for odd in ODD if same(ROOT, json.dumps(EVERYTHING | {name: odd}))]
    assert len(taken) < len(ODD)
    assert not same(ROOT, json.dumps({"Self": {"Name": "a"}})), "a required member is missing"


@EXAMPLES
@given(st.data(), st.sampled_from(SHAPES))
def test_whatever_is_taken_is_right(data: st.DataObject, shape: Shape) -> None:
    request = json.loads(msgspec.json.encode(data.draw(structure(shape))))
    same(shape, json.dumps(request))
    for _ in range(data.draw(st.integers(0, 2))):
        spoil(data, request)
    same(shape, json.dumps(request))


def spoil(data: st.DataObject, value: Any) -> None:
    """Put something odd somewhere into a value."""
    while True:
        places = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not places:
            return
        place = data.draw(st.sampled_from(places))
        if not isinstance(value[place], dict | list) or data.draw(st.booleans()):
            value[place] = deepcopy(data.draw(st.sampled_from(ODD)))  # the next may be put into it
            return
        value = value[place]


def test_types_that_cannot_be_made_leave_none_behind_that_are_half_made() -> None:
    shapes: dict[str, Any] = {
        "Bad": {"type": "structure", "members": {"Good": {"shape": "Good"}, "Other": {"shape": "Renamed"}}},
        "Good": {"type": "structure", "members": {"Bad": {"shape": "Bad"}}},
        "Renamed": {"type": "structure", "members": {"Name": {"shape": "Text", "locationName": "name"}}},
        "Text": {"type": "string"},
    }
    model = Model("half", {"protocol": "json"}, {}, shapes)
    for name in ("Bad", "Good", "Bad"):
        with pytest.raises(exact.Unfit):
            exact.type_of(model.shape(name))


def test_which_shapes_nest() -> None:
    assert exact.nests(ROOT)
    assert exact.nests(load("dynamodb").shape("ListAttributeValue"))
    assert not exact.nests(load("sqs").shape("SendMessageBatchRequest"))


def test_sound_requests_are_not_checked_again_but_copies_are() -> None:
    assert violations(ROOT, {}) != []
    assert violations(ROOT, Sound()) == []
    assert violations(ROOT, Sound() | {"Count": 0}) != []
