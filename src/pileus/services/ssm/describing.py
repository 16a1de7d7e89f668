"""Describing parameters without their values, and labelling their versions."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.identity import service

from . import ssm
from .changes import changed
from .filters import Conditions
from .parameters import Parameter, Version, plain_name
from .reading import existing, facts, invalid_token, no_version, owner_of
from .sharing import shared_with

ITSELF = service("pileus.amazonaws.com")
MOST_LABELS = 10
LABEL = re.compile(r"(?!aws|ssm)[a-zA-Z_.\-][a-zA-Z0-9_.\-]*", re.IGNORECASE)


@ssm.operation
def describe_parameters(
    call: Call,
    filters: list[dict[str, Any]] = [],
    parameter_filters: list[dict[str, Any]] = [],
    max_results: int = 50,
    next_token: str = "",
    shared: bool = False,
) -> dict[str, Any]:
    """What parameters there are, or with `shared` what others share, and what is known of them beside their values."""
    if filters and parameter_filters:
        raise Fault("ValidationException", "You can use either Filters or ParameterFilters in a single request.")
    conditions = Conditions(parameter_filters or [older(one) for one in filters])
    if shared:
        others = [] if next_token else [(there, one) for there, one in shared_with(call) if conditions.hold(there, one)]
        page = received(call, conditions, max_results, next_token)
        page["Parameters"] = [described(there, one) for there, one in others] + page["Parameters"]
        return page
    found = Parameter.page(
        call,
        limit=max_results,
        token=next_token,
        invalid=invalid_token(),
        where=lambda one: conditions.hold(call, one),
    )
    told: dict[str, Any] = {"Parameters": [described(call, one) for one in found.items]}
    return told | ({"NextToken": found.token} if found.token else {})


def received(call: Call, conditions: Conditions, most: int, token: str) -> dict[str, Any]:
    """The parameters of other accounts that the caller may use."""
    asked = {"resource_owner": "OTHER-ACCOUNTS", "resource_type": "ssm:Parameter", "max_results": most}
    page = call.aws("ram", principal=ITSELF).list_resources(**asked, next_token=token or None)
    found = []
    for shared in page["resources"]:
        there = call.at(account=owner_of(call, shared["arn"]))
        parameter = Parameter.get(there, plain_name(there, shared["arn"]))
        if parameter and conditions.hold(there, parameter):
            found.append(described(there, parameter))
    return {"Parameters": found} | ({"NextToken": page["nextToken"]} if page["nextToken"] else {})


def older(given: dict[str, Any]) -> dict[str, Any]:
    """A filter of the older kind, which compares beginnings of names."""
    return given | {"Option": "BeginsWith" if given["Key"] == "Name" else "Equals"}


def described(call: Call, parameter: Parameter) -> dict[str, Any]:
    version = Version.get(call, parameter.name, parameter.version)
    assert version
    return facts(call, version) | {"ARN": parameter.arn(call)}


# Labels


@ssm.operation
def label_parameter_version(call: Call, name: str, labels: list[str], parameter_version: int = 0) -> dict[str, Any]:
    """Give a version labels, by default the latest; a label that another version has moves here."""
    parameter = existing(call, name)
    number = parameter_version or parameter.version
    version = labelled(call, parameter, number)
    fine = [label for label in dict.fromkeys(labels) if LABEL.fullmatch(label)]
    held = [*version.labels, *(label for label in fine if label not in version.labels)]
    if len(held) > MOST_LABELS:
        raise Fault("ParameterVersionLabelLimitExceeded", "A parameter version can have a maximum of ten labels.")
    for other in Version.scan(call, parameter.name):
        if other.number != number and not {*fine}.isdisjoint(other.labels):
            other.labels = [label for label in other.labels if label not in fine]
            other.put(call)
    version.labels = held
    version.put(call)
    told = {"label": ",".join(fine)}
    changed(call, "LabelParameterVersion", parameter.arn(call), parameter.name, version.type, **told)
    return {"InvalidLabels": [label for label in labels if label not in fine], "ParameterVersion": number}


@ssm.operation
def unlabel_parameter_version(call: Call, name: str, parameter_version: int, labels: list[str]) -> dict[str, Any]:
    """Take labels from a version; those that it does not have are told."""
    version = labelled(call, existing(call, name), parameter_version)
    gone = [label for label in labels if label in version.labels]
    version.labels = [label for label in version.labels if label not in gone]
    version.put(call)
    return {"RemovedLabels": gone, "InvalidLabels": [label for label in labels if label not in gone]}


def labelled(call: Call, parameter: Parameter, number: int) -> Version:
    version = Version.get(call, parameter.name, number)
    if version is None:
        raise no_version(parameter.name, number)
    return version
