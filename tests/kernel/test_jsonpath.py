"""Paths into JSON, and the templates that they fill."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.kernel import jsonpath, templates

EVENT = {"detail-type": "Order", "detail": {"items": [{"n": 1}, {"n": 2}, {}], "a b": {"c": None}}}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("$", EVENT),
        ("$.detail-type", "Order"),
        ("$['detail-type']", "Order"),
        ('$.detail["a b"].c', None),
        ("$.detail.items[1].n", 2),
        ("$.detail.items[*].n", [1, 2]),
        ("$.detail.items.*.n", [1, 2]),
    ],
)
def test_what_a_path_finds(path: str, wanted: Any) -> None:
    assert jsonpath.find(path, EVENT) == wanted


@pytest.mark.parametrize("path", ["$.nothing", "$.detail.items[9]", "$.detail-type.x", "$.detail.items.n", "$[0]"])
def test_what_is_not_there_is_missing(path: str) -> None:
    with pytest.raises(jsonpath.Missing):
        jsonpath.find(path, EVENT)


@pytest.mark.parametrize("path", ["", "detail", "$detail", "$.", "$.a[", "$..a", "$[a]"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError):
        jsonpath.parse(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(value=JSON)
def test_whatever_fills_a_template_it_stays_json(value: Any) -> None:
    filled = templates.fill('{"by itself": <x>, "within": "a <x> b", "as it is": "<y>"}', {"x": value}.__getitem__)
    found = json.loads(filled)
    text = value if isinstance(value, str) else templates.compact(value)
    assert found == {"by itself": value, "within": f"a {text} b", "as it is": "<y>"}
