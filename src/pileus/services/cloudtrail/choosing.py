"""Which events a trail wants, as its selectors say."""

from __future__ import annotations

from typing import Any

from pileus.kernel.trail import Event, Kind

Members = dict[str, Any]

GLOBAL = {"iam.amazonaws.com", "sts.amazonaws.com", "cloudfront.amazonaws.com", "route53.amazonaws.com"}


def data_types(selectors: list[Members], advanced: list[Members]) -> set[str]:
    """The types of resources of whose data events some selector wants any."""
    found = {resource["Type"] for selector in selectors for resource in selector.get("DataResources", ())}
    for selector in advanced:
        for field in selector["FieldSelectors"]:
            if field["Field"] == "resources.type":
                found.update(field.get("Equals", ()))
    return found


def chosen(event: Event, kind: Kind, told: Members, selectors: list[Members], advanced: list[Members]) -> bool:
    """Whether any selector wants the event; `told` is its record."""
    if advanced:
        return any(advanced_wants(selector, kind, told) for selector in advanced)
    return any(wants(selector, kind, told) for selector in selectors)


def wants(selector: Members, kind: Kind, told: Members) -> bool:
    """A basic event selector."""
    wanted = selector.get("ReadWriteType", "All")
    if wanted != "All" and kind.read_only != (wanted == "ReadOnly"):
        return False
    if not kind.data:
        excluded = selector.get("ExcludeManagementEventSources", ())
        return selector.get("IncludeManagementEvents", True) and kind.source not in excluded
    return any(
        resource["Type"] == kind.data and any(within(told, kind, value) for value in resource.get("Values", ()))
        for resource in selector.get("DataResources", ())
    )


def within(told: Members, kind: Kind, value: str) -> bool:
    """Whether the event is about something that an ARN or a prefix of ARNs names; `arn:aws:s3` is everything."""
    everything = value.count(":") == 2 or value == f"arn:aws:{value.split(':')[2]}:::"
    return everything or any(arn.startswith(value) for arn in arns(told, kind))


def arns(told: Members, kind: Kind) -> list[str]:
    """The ARNs of the resources of the event that are of its kind."""
    found = [one for one in told.get("resources", ()) if one["type"] == kind.data]
    return [one.get("ARN") or one.get("ARNPrefix", "") for one in found]


def advanced_wants(selector: Members, kind: Kind, told: Members) -> bool:
    """An advanced event selector: all of its field selectors."""
    return all(field_holds(field, kind, told) for field in selector["FieldSelectors"])


def field_holds(field: Members, kind: Kind, told: Members) -> bool:
    values = values_of(field["Field"], kind, told)
    wanted = [
        any(value == one for value in values for one in field.get("Equals", ())) if "Equals" in field else None,
        any(value.startswith(one) for value in values for one in field.get("StartsWith", ()))
        if "StartsWith" in field
        else None,
        any(value.endswith(one) for value in values for one in field.get("EndsWith", ()))
        if "EndsWith" in field
        else None,
    ]
    asked = [holds for holds in wanted if holds is not None]
    if asked and not any(asked):
        return False
    return not any(
        value in field.get("NotEquals", ())
        or any(value.startswith(one) for one in field.get("NotStartsWith", ()))
        or any(value.endswith(one) for one in field.get("NotEndsWith", ()))
        for value in values
    )


def values_of(name: str, kind: Kind, told: Members) -> list[str]:
    if name == "resources.ARN":
        return arns(told, kind)
    if name == "resources.type":
        return [kind.data] if kind.data else []
    found = {
        "eventCategory": told["eventCategory"],
        "eventSource": told["eventSource"],
        "eventName": told["eventName"],
        "eventType": told["eventType"],
        "readOnly": "true" if told["readOnly"] else "false",
        "errorCode": told.get("errorCode", ""),
        "userIdentity.arn": told["userIdentity"].get("arn", ""),
        "sessionCredentialFromConsole": "false",
        "vpcEndpointId": told.get("vpcEndpointId", ""),
    }.get(name, "")
    return [found]
