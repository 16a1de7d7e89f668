"""What there was before expressions: Expected, filters and key conditions, AttributeUpdates, AttributesToGet.

Developer Guide, "Legacy conditional parameters".
"""

from __future__ import annotations

from typing import Any

from . import conditions, faults, paths, updates, values
from .conditions import order
from .expressions import Matches
from .key_conditions import Part, Parts
from .tokens import Operand
from .updates import Action, Update
from .values import Value

Conditions = dict[str, dict[str, Any]]

NUMBER = {"NULL": 0, "NOT_NULL": 0, "BETWEEN": 2, "IN": None} | dict.fromkeys(
    ("EQ", "NE", "LE", "LT", "GE", "GT", "CONTAINS", "NOT_CONTAINS", "BEGINS_WITH"), 1
)
SCALARS_ONLY = ("LE", "LT", "GE", "GT", "CONTAINS", "NOT_CONTAINS", "IN", "BETWEEN", "BEGINS_WITH")
KEY_OPERATORS = {
    "EQ": "=",
    "LE": "<=",
    "LT": "<",
    "GE": ">=",
    "GT": ">",
    "BETWEEN": "BETWEEN",
    "BEGINS_WITH": "begins_with",
}


def matches(given: Conditions, operator: str | None) -> Matches:
    """Conditions on attributes, all of which must hold, or one of them."""
    for name, condition in given.items():
        check(name, condition["ComparisonOperator"], condition.get("AttributeValueList", []))
    tests = [
        (name, condition["ComparisonOperator"], condition.get("AttributeValueList", []))
        for name, condition in given.items()
    ]
    join = any if operator == "OR" else all
    return lambda item: join([holds(item.get(name), wanted, operands) for name, wanted, operands in tests])


def expected(given: Conditions, operator: str | None) -> Matches:
    """The condition of a write."""
    return matches({name: one_expected(name, condition) for name, condition in given.items()}, operator)


def one_expected(name: str, given: dict[str, Any]) -> dict[str, Any]:
    if "ComparisonOperator" in given:
        if "Value" in given and "AttributeValueList" in given:
            raise faults.bad_parameter(f"Value and AttributeValueList cannot be used together for Attribute: {name}")
        if "Exists" in given:
            raise faults.bad_parameter(f"Exists and ComparisonOperator cannot be used together for Attribute: {name}")
        operands = [given["Value"]] if "Value" in given else given.get("AttributeValueList", [])
        return {"ComparisonOperator": given["ComparisonOperator"], "AttributeValueList": operands}
    if "AttributeValueList" in given:
        raise faults.bad_parameter(
            f"AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}"
        )
    if given.get("Exists", True):
        if "Value" not in given:
            what = "TRUE" if "Exists" in given else "null"
            raise faults.bad_parameter(f"Value must be provided when Exists is {what} for Attribute: {name}")
        return {"ComparisonOperator": "EQ", "AttributeValueList": [given["Value"]]}
    if "Value" in given:
        raise faults.bad_parameter(f"Value cannot be used when Exists is false for Attribute: {name}")
    return {"ComparisonOperator": "NULL"}


def check(name: str, operator: str, operands: list[Value]) -> None:
    for operand in operands:
        values.take_value(operand)
    number = NUMBER[operator]
    if len(operands) != number and (number is not None or not operands):
        raise faults.bad_parameter(f"Invalid number of argument(s) for the {operator} ComparisonOperator")
    for operand in operands:
        kind = values.kind_of(operand)
        if operator in SCALARS_ONLY and kind not in ("S", "N", "B"):
            raise faults.bad_parameter(f"ComparisonOperator {operator} is not valid for {kind} AttributeValue type")
    if operator == "BEGINS_WITH" and "N" in operands[0]:
        raise faults.bad_parameter("ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type")
    if operator == "BETWEEN" and (order(operands[0], operands[1]) or 0) > 0:
        raise faults.invalid(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
        )


def holds(value: Value | None, operator: str, operands: list[Value]) -> bool:
    if operator == "NULL":
        return value is None
    if operator == "NE":
        return value is None or value != operands[0]
    if value is None:
        return False
    if operator == "NOT_NULL":
        return True
    if operator in ("EQ", "IN"):
        return value in operands
    if operator == "BEGINS_WITH":
        return conditions.begins(value, operands[0])
    if operator in ("CONTAINS", "NOT_CONTAINS"):
        return conditions.contains(value, operands[0]) == (operator == "CONTAINS")
    if operator == "BETWEEN":
        return order(value, operands[0]) in (0, 1) and order(value, operands[1]) in (-1, 0)
    return order(value, operands[0]) in {"LE": (-1, 0), "LT": (-1,), "GE": (0, 1), "GT": (1,)}[operator]


def key_parts(given: Conditions) -> Parts:
    found: Parts = {}
    for name, condition in given.items():
        operator, operands = condition["ComparisonOperator"], condition.get("AttributeValueList", [])
        check(name, operator, operands)
        if operator not in KEY_OPERATORS:
            raise faults.invalid("Attempted conditional constraint is not an indexable operation")
        found[name] = Part(KEY_OPERATORS[operator], tuple(operands))
    return found


def update(given: Conditions) -> tuple[Update, conditions.Values]:
    """What AttributeUpdates say as an update, and the values that it refers to."""
    actions: list[Action] = []
    held: conditions.Values = {}
    for name, change in given.items():
        action, value = change.get("Action", "PUT"), change.get("Value")
        if value is not None:
            values.take_value(value)
            held[f":{name}"] = value
        actions.append(Action(*legacy_action(name, action, value)))
    return Update(tuple(actions)), held


def legacy_action(name: str, action: str, value: Value | None) -> tuple[str, tuple[str, ...], Operand | None]:
    if value is None:
        if action != "DELETE":
            raise faults.bad_parameter("Only DELETE action is allowed when no attribute value is specified")
        return "REMOVE", (name,), None
    kind = values.kind_of(value)
    operand = Operand("value", value=f":{name}")
    if action == "ADD" and kind == "L":
        appended = Operand("if_not_exists", operands=(Operand("path", (name,)), Operand("empty")))
        return "SET", (name,), Operand("list_append", operands=(appended, operand))
    if action == "ADD" and kind != "N" and kind not in updates.SETS:
        raise faults.bad_parameter(f"ADD action is not supported for the type {kind}")
    if action == "DELETE" and kind not in updates.SETS:
        raise faults.bad_parameter(f"DELETE action with value is not supported for the type {kind}")
    return "SET" if action == "PUT" else action, (name,), operand


def attributes_to_get(names: list[str]) -> tuple[paths.Tree, frozenset[str]]:
    if len({*names}) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise faults.bad_parameter(f"Duplicate value in attribute name: {repeated}")
    return paths.tree((name,) for name in names), frozenset(names)
