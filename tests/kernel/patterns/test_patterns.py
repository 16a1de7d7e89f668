"""The language of event patterns and filter policies: what it promises, what it refuses, and that the index agrees."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.kernel.patterns import Index, InvalidPattern, parse

from . import naive

NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from(["", "a", "b", "ab", "AB", "ba", "abc", "bca", "10.0.0.1", "10.0.1.1"])
NUMBERS = st.sampled_from([-1, 0, 1, 1.0, 1.5, 2, 300])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
EVENTS = st.dictionaries(NAMES, VALUES, max_size=3)
SOME_TEXT = TEXTS.filter(bool)


def one_key(operator: str, operand: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return operand.map(lambda value: {operator: value})


AFFIX = SOME_TEXT | one_key("equals-ignore-case", SOME_TEXT)
BOUNDS = st.tuples(NUMBERS, NUMBERS).filter(lambda pair: pair[0] < pair[1])
RANGES = st.one_of(
    st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS).map(list),
    st.tuples(st.sampled_from([">", ">="]), st.sampled_from(["<", "<="]), BOUNDS).map(
        lambda made: [made[0], made[2][0], made[1], made[2][1]]
    ),
)
WILD = st.sampled_from(["*", "a*", "*a", "a*c", "*b*", "b*b", "a"])
BUT = st.one_of(
    TEXTS,
    NUMBERS,
    st.lists(TEXTS, min_size=1, max_size=3),
    st.lists(NUMBERS, min_size=1, max_size=3),
    one_key("prefix", SOME_TEXT | st.lists(SOME_TEXT, min_size=1, max_size=2)),
    one_key("suffix", SOME_TEXT | st.lists(SOME_TEXT, min_size=1, max_size=2)),
    one_key("equals-ignore-case", TEXTS | st.lists(TEXTS, min_size=1, max_size=2)),
    one_key("wildcard", WILD | st.lists(WILD, min_size=1, max_size=2)),
)
RULES = st.one_of(
    SCALARS,
    one_key("prefix", AFFIX),
    one_key("suffix", AFFIX),
    one_key("equals-ignore-case", TEXTS),
    one_key("wildcard", WILD),
    one_key("exists", st.booleans()),
    one_key("cidr", st.sampled_from(["10.0.0.0/24", "10.0.1.1"])),
    one_key("numeric", RANGES),
    one_key("anything-but", BUT),
)
LEAVES = st.lists(RULES, min_size=1, max_size=3)
TREES = st.recursive(
    st.dictionaries(NAMES, LEAVES, min_size=1, max_size=3),
    lambda inner: (
        st.dictionaries(NAMES, LEAVES | inner, min_size=1, max_size=3)
        | st.lists(inner, min_size=2, max_size=2).map(lambda choices: {"$or": choices})
    ),
    max_leaves=4,
)


@settings(max_examples=400, deadline=None)
@given(patterns=st.lists(TREES, min_size=1, max_size=6), events=st.lists(EVENTS, min_size=1, max_size=4))
def test_patterns_agree_with_a_naive_matcher_alone_and_in_an_index(patterns: list[Any], events: list[Any]) -> None:
    compiled = {number: parse(json.dumps(pattern)) for number, pattern in enumerate(patterns)}
    index = Index(compiled)
    for event in events:
        wanted = [number for number, pattern in enumerate(patterns) if naive.matches(pattern, event)]
        assert [number for number, pattern in compiled.items() if pattern.matches(event)] == wanted
        assert index.matching(event) == wanted


EVENT: dict[str, Any] = {
    "source": "aws.ec2",
    "detail-type": "EC2 Instance State-change Notification",
    "detail": {
        "state": "running",
        "c-count": 5,
        "d-count": 7.5,
        "x": 301.8,
        "ip": "10.0.0.17",
        "responsible": None,
        "tags": ["web", "blue"],
        "disks": [{"name": "root", "size": 8}, {"name": "data", "size": 100}],
        "done": False,
        "path": "a*b",
        "nothing": [],
    },
}


@pytest.mark.parametrize(
    ("detail", "fits"),
    [
        ({"state": ["running", "stopped"]}, True),
        ({"state": [{"anything-but": ["running"]}]}, False),
        ({"nobody": [{"anything-but": ["running"]}]}, False),
        ({"state": [{"anything-but": {"prefix": "stop"}}]}, True),
        ({"state": [{"anything-but": {"equals-ignore-case": ["RUNNING", "stopped"]}}]}, False),
        ({"state": [{"anything-but": {"wildcard": "*n*g"}}]}, False),
        ({"c-count": [{"numeric": [">", 0, "<=", 5]}], "x": [{"numeric": ["=", 301.8]}]}, True),
        ({"c-count": [{"numeric": ["<", 5]}]}, False),
        ({"c-count": [5.0]}, True),
        ({"c-count": ["5"]}, False),
        ({"c-count": [{"anything-but": [5, 6]}]}, False),
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"responsible": [None]}, True),
        ({"responsible": [""]}, False),
        ({"responsible": [{"exists": True}]}, True),
        ({"done": [False]}, True),
        ({"done": [0]}, False),
        ({"tags": ["blue", "green"]}, True),
        ({"disks": {"name": ["root"], "size": [8]}}, True),
        ({"disks": {"name": ["root"], "size": [100]}}, False),
        ({"nothing": [{"exists": False}]}, True),
        ({"disks": [{"exists": True}]}, False),
        ({"path": [{"wildcard": "a\\*b"}]}, True),
        ({"state": [{"wildcard": "run*g"}]}, True),
        ({"state": [{"prefix": {"equals-ignore-case": "RUN"}}]}, True),
        ({"$or": [{"state": ["stopped"]}, {"d-count": [{"numeric": ["<", 10]}]}]}, True),
        ({"$or": ["a", "b"]}, False),
    ],
)
def test_what_the_documentation_promises(detail: dict[str, Any], fits: bool) -> None:
    pattern = parse(json.dumps({"source": [{"prefix": "aws."}], "detail": detail}))
    assert pattern.matches(EVENT) is fits
    assert bool(Index({"it": pattern}).matching(EVENT)) is fits


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ('"a"', "Filter is not an object"),
        ("{", "Unparseable JSON"),
        ("{}", "Empty objects are not allowed"),
        ('{"a": "b"}', '"a" must be an object or an array'),
        ('{"a": []}', "Empty arrays are not allowed"),
        ('{"a": [["b"]]}', "Match value must be String, number, true, false, or null"),
        ('{"a": [{"looks-like": "b"}]}', "Unrecognized match type looks-like"),
        ('{"a": [{"prefix": "b", "suffix": "c"}]}', "Only one key allowed in match expression"),
        ('{"a": [{"prefix": 5}]}', "prefix match pattern must be a string"),
        ('{"a": [{"numeric": ["~", 5]}]}', "Unrecognized numeric range operator: ~"),
        ('{"a": [{"numeric": [">", "5"]}]}', "Value of > must be numeric"),
        ('{"a": [{"numeric": [">", 5, "<", 4]}]}', "Bottom must be less than top"),
        ('{"a": [{"numeric": [">", 6e9]}]}', "Value must be between -5.0E9 and 5.0E9, inclusive"),
        ('{"a": [{"exists": "yes"}]}', "exists match pattern must be either true or false."),
        ('{"a": [{"cidr": "10.0.0/x"}]}', "Malformed CIDR"),
        ('{"a": [{"wildcard": "a**b"}]}', "Consecutive wildcard characters at pos 1"),
        ('{"a": [{"wildcard": "a\\\\b"}]}', "Invalid escape character at pos 1"),
        ('{"a": [{"anything-but": ["a", 5]}]}', "Inside anything but list, either all values are number or string"),
        ('{"a": [{"anything-but": [null]}]}', "Inside anything but list, start|null|boolean is not supported."),
        ('{"a": [{"anything-but": {"numeric": ["=", 5]}}]}', "Unsupported anything-but pattern: numeric"),
        ('{"a": [1], "$or": [{"a": [2]}, {"b": [3]}]}', "Path `a` cannot be allowed multiple times"),
        ('{"a": [1], "$or": [{"a": {"b": [2]}}, {"b": [3]}]}', "cannot be allowed multiple times"),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(InvalidPattern) as told:
        parse(pattern)
    assert reason in str(told.value)
