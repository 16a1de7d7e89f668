"""Expressions: what is refused, in DynamoDB's words; conditions against an evaluator too simple to be wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.kernel import Fault
from pileus.services.dynamodb.expressions import Expressions


def refusal(kind: str, text: str, names: Any = None, values: Any = None) -> str:
    with pytest.raises(Fault) as refused:
        shared = Expressions(names, values)
        methods = {"ProjectionExpression": shared.projection, "UpdateExpression": shared.update}
        methods["KeyConditionExpression"] = shared.key_condition
        if kind in methods:
            methods[kind](text)
        else:
            shared.condition(kind, text)
        shared.finish()
    return refused.value.message


V = {":v": {"S": "x"}}
N = {":v": {"N": "1"}}


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("", None, "The expression can not be empty;"),
        ("a = = :v", V, 'Syntax error; token: "=", near: "= = :v"'),
        ("a = :v)", V, 'Syntax error; token: ")", near: ":v )"'),
        ("a = ", V, 'Syntax error; token: "<EOF>", near: "="'),
        ("size = :v", V, "Attribute name is a reserved keyword; reserved keyword: size"),
        ("#a = :v", V, "An expression attribute name used in the document path is not defined; attribute name: #a"),
        (
            "a = :w",
            V,
            "An expression attribute value used in expression is not defined; attribute value: :w",
        ),
        ("foo(a)", V, "Invalid function name; function: foo"),
        (
            "attribute_exists(a, b)",
            None,
            "Incorrect number of operands for operator or function; "
            "operator or function: attribute_exists, number of operands: 2",
        ),
        (
            "attribute_exists(:v)",
            V,
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "begins_with(a, :v)",
            N,
            "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
        ),
        ("attribute_type(a, :v)", V, "Invalid attribute type name found; type: x, valid types: "),
        ("((a = :v))", V, "The expression has redundant parentheses;"),
        (
            "a = a",
            None,
            "The first operand must be distinct from the remaining operands for this operator or function; "
            "operator: =, first operand: [a]",
        ),
        ("if_not_exists(a, :v)", V, "The function is not allowed in a condition expression; function: if_not_exists"),
        (
            "size(a)",
            None,
            "The function is not allowed to be used this way in an expression; function: size",
        ),
        (
            "a BETWEEN :v AND :w",
            {":v": {"S": "b"}, ":w": {"S": "a"}},
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            "lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: {S:a}",
        ),
        ("a = :v" + " OR a = :v" * 300, V, "The expression contains more than the maximum of 300 operators"),
        ("a = :v" + " " * 5000, V, "Expression size has exceeded the maximum allowed size; expression size: 5006"),
        ("(" * 2000, V, "The expression is nested too deeply"),
    ],
)
def test_conditions_that_are_refused(text: str, values: Any, message: str) -> None:
    told = refusal("ConditionExpression", text, None, values)
    assert told.startswith(f"Invalid ConditionExpression: {message}")


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("SET a = :v SET b = :v", V, 'The "SET" section can only be used once in an update expression;'),
        (
            "SET a.b = :v REMOVE a",
            V,
            "Two document paths overlap with each other; must remove or rewrite one of these paths; "
            "path one: [a, b], path two: [a]",
        ),
        (
            "SET a.b = :v, a[0] = :v",
            V,
            "Two document paths conflict with each other; must remove or rewrite one of these paths; "
            "path one: [a, b], path two: [a, [0]]",
        ),
        (
            "ADD a :v",
            V,
            "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, "
            "typeSet: ALLOWED_FOR_ADD_OPERAND",
        ),
        ("DELETE a :v", N, "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER"),
        (
            "SET a = b + :v",
            V,
            "Incorrect operand type for operator or function; operator or function: +, operand type: S",
        ),
        ("SET a = begins_with(a, :v)", V, "The function is not allowed in an update expression; function: begins_with"),
        ("REMOVE", None, 'Syntax error; token: "<EOF>", near: "REMOVE"'),
        ("a = :v", V, 'Syntax error; token: "a", near: "a ="'),
    ],
)
def test_updates_that_are_refused(text: str, values: Any, message: str) -> None:
    assert refusal("UpdateExpression", text, None, values).startswith(f"Invalid UpdateExpression: {message}")


def test_names_and_values_must_be_used() -> None:
    unused = "Value provided in ExpressionAttribute{} unused in expressions: keys: {{{}}}"
    text = "attribute_exists(a)"
    assert refusal("ConditionExpression", text, {"#b": "b", "#a": "a"}) == unused.format("Names", "#a, #b")
    assert refusal("ConditionExpression", text, None, {":v": {"S": "x"}}) == unused.format("Values", ":v")
    assert refusal("ConditionExpression", text, {}) == "ExpressionAttributeNames must not be empty"
    assert refusal("ConditionExpression", text, None, {}) == "ExpressionAttributeValues must not be empty"
    told = refusal("ConditionExpression", text, {"b": "b"})
    assert told == 'ExpressionAttributeNames contains invalid key: Syntax error; key: "b"'
    told = refusal("ConditionExpression", text, None, {":v": {}})
    assert told == (
        "ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, must contain exactly one "
        "of the supported datatypes for key :v"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = :v OR b = :v", "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: OR"),
        ("a = :v AND a = :v", "KeyConditionExpressions must only contain one condition per key"),
        (
            "a.b = :v",
            "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes",
        ),
        (
            "attribute_exists(a)",
            "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: attribute_exists",
        ),
    ],
)
def test_key_conditions_that_are_refused(text: str, message: str) -> None:
    assert refusal("KeyConditionExpression", text, None, V if ":v" in text else None) == message


# Against a reference

scalars = st.one_of(
    st.sampled_from([{"S": text} for text in ("", "a", "ab", "b", "é")]),
    st.sampled_from([{"N": text} for text in ("-1", "0", "1", "2", "10", "1.5")]),
    st.sampled_from([{"B": raw} for raw in (b"", b"a", b"ab")]),
    st.sampled_from([{"BOOL": True}, {"BOOL": False}, {"NULL": True}]),
    st.sampled_from([{"SS": ["a", "b"]}, {"SS": ["a"]}, {"NS": ["1", "2"]}, {"BS": [b"a"]}]),
)
attribute_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda one: {"L": one}),
        st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2).map(lambda one: {"M": one}),
    ),
    max_leaves=4,
)
items = st.dictionaries(st.sampled_from(["a", "b", "c"]), attribute_values, max_size=3)
path_texts = st.sampled_from(["a", "b", "c", "a.b", "a[0]", "b.a[1]", "c[0].a"])
PLACEHOLDERS = [f":v{number}" for number in range(4)]
operands = st.one_of(
    path_texts.map(lambda path: ("path", path)),
    st.sampled_from(PLACEHOLDERS).map(lambda name: ("value", name)),
    path_texts.map(lambda path: ("size", path)),
)
comparisons = st.tuples(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), operands, operands)
tests = st.one_of(
    comparisons,
    st.tuples(st.just("BETWEEN"), operands, operands, operands),
    st.tuples(st.just("IN"), operands, operands, operands),
    st.tuples(st.sampled_from(["attribute_exists", "attribute_not_exists"]), path_texts.map(lambda p: ("path", p))),
    st.tuples(st.sampled_from(["begins_with", "contains"]), path_texts.map(lambda p: ("path", p)), operands),
)
trees = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.tuples(st.just("NOT"), inner),
        st.tuples(st.just("AND"), inner, inner),
        st.tuples(st.just("OR"), inner, inner),
    ),
    max_leaves=6,
)


def text_of(node: Any, precedence: int = 0) -> str:
    operator, *rest = node
    if operator == "NOT":
        return f"NOT {text_of(rest[0], 3)}"
    if operator in ("AND", "OR"):
        own = 2 if operator == "AND" else 1
        text = f" {operator} ".join(text_of(one, own) for one in rest)
        return f"({text})" if precedence > own else text
    shown = [f"size({text})" if kind == "size" else text for kind, text in rest]
    if operator == "BETWEEN":
        return f"{shown[0]} between {shown[1]} AND {shown[2]}"
    if operator == "IN":
        return f"{shown[0]} IN ({', '.join(shown[1:])})"
    if len(operator) <= 2:
        return f"{shown[0]} {operator} {shown[1]}"
    return f"{operator} ( {', '.join(shown)} )"


def look_up(item: Any, path: str) -> Any:
    value: Any = {"M": item}
    for part in path.replace("[", ".[").split("."):
        if part.startswith("["):
            elements = value.get("L", [])
            number = int(part[1:-1])
            value = elements[number] if number < len(elements) else {}
        else:
            value = value.get("M", {}).get(part, {})
    return value or None


def value_of(operand: Any, item: Any, values: Any) -> Any:
    kind, text = operand
    if kind == "value":
        return values[text]
    value = look_up(item, text)
    if kind == "path" or value is None:
        return value
    ((tag, content),) = value.items()
    return {"N": str(len(content))} if tag in ("S", "B", "SS", "NS", "BS", "L", "M") else None


def python(value: Any) -> Any:
    ((tag, content),) = value.items()
    return Decimal(content) if tag == "N" else content


def naive(node: Any, item: Any, values: Any) -> bool:
    operator, *rest = node
    if operator == "NOT":
        return not naive(rest[0], item, values)
    if operator == "AND":
        return naive(rest[0], item, values) and naive(rest[1], item, values)
    if operator == "OR":
        return naive(rest[0], item, values) or naive(rest[1], item, values)
    found = [value_of(operand, item, values) for operand in rest]
    if operator == "attribute_exists":
        return found[0] is not None
    if operator == "attribute_not_exists":
        return found[0] is None
    if operator == "<>":
        return not naive(("=", *rest), item, values)
    if operator == "IN":
        return any(naive(("=", rest[0], one), item, values) for one in rest[1:])
    if operator == "BETWEEN":
        return naive((">=", rest[0], rest[1]), item, values) and naive(("<=", rest[0], rest[2]), item, values)
    if None in found:
        return False
    if operator == "=":
        return bool(found[0] == found[1])
    (one,), (other,) = found[0], found[1]
    if operator == "contains":
        if one == "L":
            return found[1] in found[0]["L"]
        return one[0] == other and one in ("S", "B", "SS", "NS", "BS") and found[1][other] in found[0][one]
    if one != other or one not in ("S", "N", "B"):
        return False
    left, right = python(found[0]), python(found[1])
    if operator == "begins_with":
        return one != "N" and left[: len(right)] == right
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator])


@given(trees, st.lists(items, min_size=1, max_size=5), st.lists(attribute_values, min_size=4, max_size=4))
def test_conditions_hold_as_the_naive_evaluator_says(node: Any, several: Any, given_values: Any) -> None:
    text = text_of(node)
    used = {name: value for name, value in zip(PLACEHOLDERS, given_values, strict=True) if name in text}
    try:
        holds = Expressions(None, used or None).condition("FilterExpression", text)
    except Fault as fault:
        # What can never be true of any item is refused at once.
        assert fault.message.split(": ", 1)[1].startswith(  # noqa: PT017
            ("Incorrect operand type", "The BETWEEN operator requires", "The first operand must be distinct")
        )
        return
    for item in several:
        assert holds(item) == naive(node, item, used), (text, item, used)
