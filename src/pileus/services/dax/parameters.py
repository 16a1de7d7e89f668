"""Parameter groups: for how long nodes keep items and queries."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record

from . import dax, faults
from .events import tell

DEFAULT = "default.dax1.0"
TTLS = {
    "query-ttl-millis": "Duration in milliseconds for queries to remain cached",
    "record-ttl-millis": "Duration in milliseconds for records to remain valid in cache (Default: 0 = infinite)",
}
FIVE_MINUTES = "300000"
MOST_GROUPS = 20
MOST_LISTED = 100


class ParameterGroup(Record):
    """A parameter group; of its values those that differ from the defaults."""

    name: str
    description: str = ""
    values: dict[str, str] = {}
    users: int = 0
    """How many clusters have it."""


def found(call: Call, parameter_group_name: str) -> ParameterGroup:
    group = ParameterGroup.get(call, parameter_group_name)
    if group is None and parameter_group_name == DEFAULT:
        return ParameterGroup(name=DEFAULT, description="Default parameter group for dax1.0")
    if group is None:
        raise Fault("ParameterGroupNotFoundFault", f"Parameter group {parameter_group_name} not found.")
    return group


def described(group: ParameterGroup) -> dict[str, Any]:
    return {"ParameterGroupName": group.name, "Description": group.description}


@dax.operation
def create_parameter_group(call: Call, parameter_group_name: str, description: str = "") -> dict[str, Any]:
    """Make a parameter group with the default values."""
    if parameter_group_name == DEFAULT or ParameterGroup.get(call, parameter_group_name):
        raise Fault("ParameterGroupAlreadyExistsFault", f"Parameter group {parameter_group_name} already exists.")
    if sum(1 for _ in ParameterGroup.scan(call, limit=MOST_GROUPS)) >= MOST_GROUPS:
        raise Fault("ParameterGroupQuotaExceededFault", f"There may be at most {MOST_GROUPS} parameter groups.")
    group = ParameterGroup(name=parameter_group_name, description=description).put(call)
    tell(call, "PARAMETER_GROUP", group.name, "Parameter group created.")
    return {"ParameterGroup": described(group)}


@dax.operation(on=found)
def update_parameter_group(
    call: Call, group: ParameterGroup, parameter_name_values: list[dict[str, str]]
) -> dict[str, Any]:
    """Change values, which nodes heed at once."""
    if group.name == DEFAULT:
        raise Fault("InvalidParameterGroupStateFault", f"The parameter group {DEFAULT} cannot be modified.")
    for given in parameter_name_values:
        name, value = given.get("ParameterName", ""), given.get("ParameterValue", "")
        if name not in TTLS:
            raise faults.value(f"Invalid parameter name: {name}")
        if not value.isdecimal() or int(value) > (1 << 31) - 1:
            raise faults.value(f"Invalid value for the parameter {name}: {value}")
        group.values = group.values | {name: value}
    group.put(call)
    tell(call, "PARAMETER_GROUP", group.name, "Parameter group updated.")
    return {"ParameterGroup": described(group)}


@dax.operation(on=found)
def delete_parameter_group(call: Call, group: ParameterGroup) -> dict[str, Any]:
    """Delete a parameter group that no cluster has."""
    if group.name == DEFAULT or group.users:
        raise Fault("InvalidParameterGroupStateFault", f"The parameter group {group.name} is in use or a default.")
    group.delete(call)
    tell(call, "PARAMETER_GROUP", group.name, "Parameter group deleted.")
    return {"DeletionMessage": f"Parameter group {group.name} has been deleted."}


@dax.operation
def describe_parameter_groups(
    call: Call, parameter_group_names: list[str] = [], max_results: int = MOST_LISTED, next_token: str = ""
) -> dict[str, Any]:
    """The parameter groups of the account, the default one among them."""
    if parameter_group_names:
        return {"ParameterGroups": [described(found(call, name)) for name in parameter_group_names]}
    invalid = faults.value("Invalid NextToken")
    where = lambda group: group.name != DEFAULT  # noqa: E731
    page = ParameterGroup.page(call, limit=max_results, token=next_token, where=where, invalid=invalid)
    first = [] if next_token else [described(found(call, DEFAULT))]
    told: dict[str, Any] = {"ParameterGroups": first + [described(group) for group in page.items]}
    return told | ({"NextToken": page.token} if page.token else {})


def parameters(values: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "ParameterName": name,
            "ParameterType": "DEFAULT",
            "ParameterValue": values.get(name, FIVE_MINUTES),
            "NodeTypeSpecificValues": [],
            "Description": description,
            "Source": "user" if name in values else "system",
            "DataType": "integer",
            "AllowedValues": "0-",
            "IsModifiable": "TRUE",
            "ChangeType": "IMMEDIATE",
        }
        for name, description in TTLS.items()
    ]


@dax.operation(on=found)
def describe_parameters(
    call: Call, group: ParameterGroup, source: str = "", max_results: int = MOST_LISTED, next_token: str = ""
) -> dict[str, Any]:
    """The values of a group."""
    return paged([one for one in parameters(group.values) if source in ("", one["Source"])], max_results, next_token)


@dax.operation
def describe_default_parameters(call: Call, max_results: int = MOST_LISTED, next_token: str = "") -> dict[str, Any]:
    """The values that new groups begin with."""
    return paged(parameters({}), max_results, next_token)


def paged(several: list[dict[str, Any]], most: int, token: str) -> dict[str, Any]:
    if token and not token.isdecimal():
        raise faults.value("Invalid NextToken")
    start = int(token or 0)
    told: dict[str, Any] = {"Parameters": several[start : start + most]}
    return told | ({"NextToken": str(start + most)} if start + most < len(several) else {})
