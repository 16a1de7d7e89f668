"""Event selectors, basic and advanced: checked and kept; `choosing` heeds them."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.trail.kinds import DATA

from . import cloudtrail
from .trails import Trail, at_home, by_name

MOST_SELECTORS = 5
MOST_RESOURCES = 250
MOST_CONDITIONS = 500
BASIC_TYPES = {"AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table"}
EXCLUDABLE = {"kms.amazonaws.com", "rdsdata.amazonaws.com"}
TYPES = {kind for kinds in DATA.values() for kind in kinds}
FIELDS = {
    "Management": {"eventCategory", "readOnly", "eventSource", "eventName", "eventType", "userIdentity.arn"}
    | {"sessionCredentialFromConsole"},
    "Data": {"eventCategory", "readOnly", "eventSource", "eventName", "eventType", "userIdentity.arn"}
    | {"resources.type", "resources.ARN", "sessionCredentialFromConsole"},
    "NetworkActivity": {"eventCategory", "eventSource", "eventName", "errorCode", "vpcEndpointId"},
}
OPERATORS = ("Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith")
ONLY_EQUALS = {"eventCategory", "readOnly", "resources.type"}

Members = dict[str, Any]


def invalid(message: str) -> Fault:
    return Fault("InvalidEventSelectorsException", message)


def home_of(call: Call, trail_name: str) -> Trail:
    return at_home(call, trail_name)


def named(call: Call, trail_name: str) -> Trail:
    return by_name(call, trail_name)


@cloudtrail.operation(on=home_of)
def put_event_selectors(
    call: Call,
    trail: Trail,
    event_selectors: list[Members] = [],
    advanced_event_selectors: list[Members] = [],
) -> Members:
    """Replace the trail's selectors, of one kind or the other."""
    if bool(event_selectors) == bool(advanced_event_selectors):
        raise invalid("Specify either event selectors or advanced event selectors, and not both.")
    if event_selectors:
        trail.selectors, trail.advanced = [checked(one) for one in event_selectors], []
        if len(event_selectors) > MOST_SELECTORS:
            raise invalid(f"A trail can have up to {MOST_SELECTORS} event selectors.")
        resources = [one for selector in trail.selectors for one in selector["DataResources"]]
        if sum(len(one.get("Values", ())) for one in resources) > MOST_RESOURCES:
            raise invalid(f"A trail can have up to {MOST_RESOURCES} data resources in all event selectors.")
    else:
        for selector in advanced_event_selectors:
            check_advanced(selector)
        values = [value for one in advanced_event_selectors for value in conditions(one)]
        if len(values) > MOST_CONDITIONS:
            raise invalid(f"A trail can have up to {MOST_CONDITIONS} values for all conditions in all selectors.")
        trail.selectors, trail.advanced = [], advanced_event_selectors
    trail.put(call)
    return shown(call, trail)


@cloudtrail.operation(on=named)
def get_event_selectors(call: Call, trail: Trail) -> Members:
    return shown(call, trail)


def shown(call: Call, trail: Trail) -> Members:
    kind, held = ("AdvancedEventSelectors", trail.advanced) if trail.advanced else ("EventSelectors", trail.selectors)
    return {"TrailARN": trail.arn(call), kind: held}


def checked(selector: Members) -> Members:
    """A basic selector, with what it leaves out."""
    kind = selector.get("ReadWriteType", "All")
    if kind not in ("All", "ReadOnly", "WriteOnly"):
        raise invalid(f"Invalid ReadWriteType: {kind}.")
    for source in selector.get("ExcludeManagementEventSources", ()):
        if source not in EXCLUDABLE:
            raise invalid(f"The value {source} is not valid for ExcludeManagementEventSources.")
    for resource in selector.get("DataResources", ()):
        if resource.get("Type") not in BASIC_TYPES:
            raise invalid(f"Type {resource.get('Type')} is not valid for DataResources.")
        for value in resource.get("Values", ()):
            if not value.startswith("arn:"):
                raise invalid(f"Value {value} for DataResources.Values is invalid.")
    management = selector.get("IncludeManagementEvents", True)
    if not management and not selector.get("DataResources"):
        raise invalid("An event selector must include management events or data resources.")
    return {
        "ReadWriteType": kind,
        "IncludeManagementEvents": management,
        "DataResources": selector.get("DataResources", []),
        "ExcludeManagementEventSources": selector.get("ExcludeManagementEventSources", []),
    }


def conditions(selector: Members) -> list[str]:
    return [value for field in selector["FieldSelectors"] for name in OPERATORS for value in field.get(name, ())]


def check_advanced(selector: Members) -> None:
    fields = selector["FieldSelectors"]
    names = [field["Field"] for field in fields]
    if len(set(names)) != len(names):
        raise invalid("A field can be used only once in a selector.")
    category = next((field.get("Equals", [""])[0] for field in fields if field["Field"] == "eventCategory"), "")
    if category not in FIELDS:
        raise invalid("An advanced event selector needs eventCategory, which is Management, Data or NetworkActivity.")
    for field in fields:
        check_field(field, category)
    kinds = [value for field in fields if field["Field"] == "resources.type" for value in field["Equals"]]
    if category == "Data" and len(kinds) != 1:
        raise invalid("A selector for data events needs resources.type with exactly one value.")
    if any(kind not in TYPES and not kind.startswith("AWS::") for kind in kinds):
        raise invalid(f"The value {kinds[0]} is not valid for resources.type.")


def check_field(field: Members, category: str) -> None:
    name = field["Field"]
    if name not in FIELDS[category]:
        raise invalid(f"The field {name} is not valid for the event category {category}.")
    used = [operator for operator in OPERATORS if operator in field]
    if not used or any(not field[operator] for operator in used):
        raise invalid(f"The field {name} needs an operator with at least one value.")
    if name in ONLY_EQUALS and used != ["Equals"]:
        raise invalid(f"The field {name} allows only the operator Equals.")
    if name == "readOnly" and field["Equals"] not in (["true"], ["false"]):
        raise invalid("The field readOnly is true or false.")
