"""The filter pattern language: AWS's examples, and every operator against a naive matcher."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.kernel.errors import Fault
from pileus.services.logs.patterns import compiled


def matching(pattern: str, *messages: str) -> list[str]:
    found = compiled(pattern)
    matched = [message for message in messages if found.matches(message)]
    for message in matched:
        assert all(need in message.encode() for need in found.needs)
    return matched


# CloudWatch Logs User Guide, "Filter pattern syntax for metric filters, subscription filters, filter log events, and
# Live Tail": its examples.

BAD = "[ERROR 400] BAD REQUEST"
UNAUTHORIZED = "[ERROR 401] UNAUTHORIZED REQUEST"
MISSING = "[ERROR 419] MISSING ARGUMENTS"
INVALID = "[ERROR 420] INVALID ARGUMENTS"
WARNING = "[WARN 410] OLD CLIENT"


def test_terms() -> None:
    assert matching("ERROR", BAD, WARNING, INVALID) == [BAD, INVALID]
    assert matching("ERROR ARGUMENTS", BAD, UNAUTHORIZED, MISSING, INVALID) == [MISSING, INVALID]
    assert matching("?ERROR ?WARN", BAD, WARNING, "[INFO] fine") == [BAD, WARNING]
    assert matching('"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", "INTERNAL ERROR") == [
        "[ERROR 500] INTERNAL SERVER ERROR"
    ]
    assert matching("ERROR -ARGUMENTS", BAD, UNAUTHORIZED, MISSING) == [BAD, UNAUTHORIZED]
    assert matching('ERROR -"BAD REQUEST"', BAD, UNAUTHORIZED) == [UNAUTHORIZED]
    assert matching("", BAD, WARNING) == [BAD, WARNING]
    assert matching("error", BAD) == []


def test_a_question_mark_counts_for_nothing_beside_plain_terms() -> None:
    assert matching("?WARN ARGUMENTS", MISSING, WARNING) == [MISSING]


def test_regular_expressions() -> None:
    assert matching("%AUTHORIZED%", UNAUTHORIZED, "[SUCCESS 200] AUTHORIZED REQUEST", BAD) == [
        UNAUTHORIZED,
        "[SUCCESS 200] AUTHORIZED REQUEST",
    ]
    assert matching("%4[01][0-9]%", BAD, WARNING, INVALID) == [BAD, WARNING]
    assert matching("ERROR -%40\\d%", BAD, INVALID) == [INVALID]


LINE = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


def test_columns() -> None:
    columns = "[ip, environment, user, timestamp, request, status, bytes]"
    assert matching(columns, LINE, "too few") == [LINE]
    assert compiled(columns).extracted(LINE)["$request"] == "GET /index.html HTTP/1.0"
    assert compiled(columns).extracted(LINE)["$timestamp"] == "10/Oct/2000:13:25:15 -0700"
    for wanted in (
        "[ip=%127\\.0\\.0\\.[1-9]%, environment, user, timestamp, request, status=404, bytes]",
        "[ip, environment, user, timestamp, request =*.html*, status = 4*, bytes]",
        "[ip, environment, ..., status = 4* && status != 400, bytes > 1000]",
        "[..., bytes]",
        "[ip, environment=Prod || environment=Gamma, ...]",
        "[..., status_code=404 || status_code=410, bytes<=1534]",
    ):
        assert matching(wanted, LINE) == [LINE], wanted
    for unwanted in (
        "[ip, environment, user, timestamp, request, status=500, bytes]",
        "[ip, environment, user, timestamp, request, status, bytes > 2000]",
        "[ip]",
        "[..., environment=Gamma, status, bytes]",
    ):
        assert matching(unwanted, LINE) == [], unwanted
    assert compiled(columns).value(LINE, "$bytes") == "1534"


EVENT = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "cluster.name": "c",
        "latency": 52.5,
        "flag": True,
    }
)


def test_documents() -> None:
    for wanted in (
        '{ $.eventType = "UpdateTrail" }',
        "{ $.eventType = UpdateTrail }",
        '{ $.sourceIPAddress != "123.123.*" }',
        '{ $.arrayKey[0] = "value" }',
        "{ $.objectList[1].id = 2 }",
        "{ $.objectList[*].id = 2 }",
        "{ $.SomeObject IS NULL }",
        "{ $.SomeOtherObject NOT EXISTS }",
        "{ $.flag IS TRUE }",
        "{ $.latency > 50 && $.latency <= 52.5 }",
        "{ $.latency = 5.25e1 }",
        "{ ($.latency > 60 || $.flag IS TRUE) && $.eventType = Upd* }",
        "{ $['cluster.name'] = c }",
        "{ $.eventType = %Trail$% }",
        "{ $.eventType = * }",
    ):
        assert matching(wanted, EVENT) == [EVENT], wanted
    for unwanted in (
        '{ $.eventType = "Update" }',
        "{ $.nothing != 1 }",
        "{ $.SomeObject NOT EXISTS }",
        "{ $.latency > 60 }",
        "{ $.eventType IS TRUE }",
        "{ $.objectList = 1 }",
    ):
        assert matching(unwanted, EVENT) == [], unwanted
    assert matching("{ $.a = 1 }", "no JSON", '{"a": 1}', "[1]") == ['{"a": 1}']
    assert compiled('{ $.eventType = "*" && $.latency > 1 }').extracted(EVENT) == {
        "$.eventType": "UpdateTrail",
        "$.latency": "52.5",
    }


@pytest.mark.parametrize(
    "wrong",
    ["{ $.a }", "{ $.a = }", "[a, b", '"open', "{ a = 1 }", "{ $.a = 1 && }", "a:b", "%(a)%", "{ $.a > x }", "[a > x]"],
)
def test_what_is_no_pattern_is_refused(wrong: str) -> None:
    with pytest.raises(Fault) as refused:
        compiled(wrong)
    assert refused.value.code == "InvalidParameterException"


# Against a naive matcher.

words = st.sampled_from(["ERROR", "WARN", "disk", "full", "a b", "x_1"])
texts = st.lists(st.sampled_from(["ERROR", "WARN", "disk", "full", "a", "b", "x_1", "-"]), max_size=6).map(" ".join)


@given(st.lists(st.tuples(st.sampled_from(["", "-", "?"]), words), max_size=4), texts)
def test_terms_mean_what_a_naive_reader_takes_them_for(terms: list[tuple[str, str]], message: str) -> None:
    pattern = " ".join(f'{sign}"{word}"' for sign, word in terms)
    plain = [word for sign, word in terms if sign == ""]
    optional = [word for sign, word in terms if sign == "?"]
    naive = all(word in message for word in plain)
    naive = naive and not any(word in message for sign, word in terms if sign == "-")
    if optional and not plain:
        naive = naive and any(word in message for word in optional)
    assert compiled(pattern).matches(message) == naive


scalars = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0]) | st.sampled_from(["a", "ab", "1"])
)
documents = st.recursive(
    st.dictionaries(st.sampled_from("xyz"), scalars, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner | st.lists(scalars, max_size=2), max_size=3),
    max_leaves=6,
)
paths = st.lists(st.sampled_from(["x", "y", "z", 0]), min_size=1, max_size=2)
conditions = st.tuples(
    paths,
    st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "IS NULL", "IS TRUE", "IS FALSE", "NOT EXISTS"]),
    st.integers(-3, 3) | st.sampled_from(["a", "a*", "b"]),
)


def at(document: Any, path: list[Any]) -> tuple[bool, Any]:
    for step in path:
        if (isinstance(step, int) and isinstance(document, list) and step < len(document)) or (
            isinstance(step, str) and isinstance(document, dict) and step in document
        ):
            document = document[step]
        else:
            return False, None
    return True, document


def naive(document: Any, path: list[Any], operator: str, wanted: Any) -> bool:
    there, value = at(document, path)
    if operator == "NOT EXISTS":
        return not there
    if not there:
        return False
    if operator.startswith("IS"):
        return value is {"NULL": None, "TRUE": True, "FALSE": False}[operator[3:]]
    if isinstance(value, dict | list):
        return False
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(wanted, int):
        if number:
            return bool(eval(f"{value} {'==' if operator == '=' else operator} {wanted}"))
        return isinstance(value, str) and operator in ("=", "!=") and (value == str(wanted)) == (operator == "=")
    text = value if isinstance(value, str) else json.dumps(value)
    same = text.startswith(wanted[:-1]) if wanted.endswith("*") else text == wanted
    return same == (operator == "=")


def written(path: list[Any], operator: str, wanted: Any) -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"$.{steps[1:]} {operator}" + ("" if " " in operator else f" {wanted}") if steps[0] == "." else ""


@settings(max_examples=300)
@given(documents, st.lists(conditions, min_size=1, max_size=3), st.sampled_from(["&&", "||"]))
def test_documents_mean_what_a_naive_reader_takes_them_for(document: Any, terms: list[Any], joint: str) -> None:
    terms = [term for term in terms if term[0][0] != 0 and not (isinstance(term[2], str) and term[1] in "<=>=")]
    terms = [term for term in terms if term[1] not in ("<", "<=", ">", ">=") or isinstance(term[2], int)]
    if not terms:
        return
    pattern = "{ " + f" {joint} ".join(written(*term) for term in terms) + " }"
    results = [naive(document, *term) for term in terms]
    found = compiled(pattern)
    message = json.dumps(document)
    matched = found.matches(message)
    assert matched == (all(results) if joint == "&&" else any(results)), pattern
    if matched:
        assert all(need in message.encode() for need in found.needs)
