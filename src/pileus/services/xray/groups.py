"""Groups: filter expressions with a name."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record, names, tags
from pileus.kernel.resource_type import resource_type

from . import xray
from .faults import bad_request

MOST = 25
DEFAULT = "Default"
OFF = {"InsightsEnabled": False, "NotificationsEnabled": False}


@resource_type(
    xray, "GroupName", create="CreateGroup", read="GetGroup", delete="DeleteGroup", missing="ResourceNotFoundException"
)
class Group(Record, arn="group/{name}/{id}", cfn="AWS::XRay::Group"):
    name: str
    id: str
    filter: str
    insights: dict[str, Any]
    tags: dict[str, str] = {}

    def shown(self, call: Call) -> dict[str, Any]:
        return {
            "GroupName": self.name,
            "GroupARN": self.arn(call),
            "FilterExpression": self.filter or None,
            "InsightsConfiguration": self.insights,
        }


def check_filter(expression: str) -> None:
    from .filters import compiled

    compiled(expression)


def by_name_or_arn(call: Call, group_name: str = "", group_arn: str = "") -> Group:
    if bool(group_name) == bool(group_arn):
        raise bad_request("Specify exactly one of GroupName and GroupARN.")
    name = group_name or group_arn.split("/")[-2] if group_name or "/" in group_arn else ""
    found = Group.get(call, name)
    if found is None or (group_arn and found.arn(call) != group_arn):
        raise bad_request(f"Group not found: {group_name or group_arn}")
    return found


@xray.operation
def create_group(
    call: Call,
    group_name: str,
    filter_expression: str = "",
    insights_configuration: dict[str, Any] = {},
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """Make a group; the name Default is AWS's own."""
    if group_name == DEFAULT or Group.get(call, group_name):
        raise bad_request(f"A group with the name {group_name} already exists.")
    if len(list(Group.scan(call, limit=MOST))) == MOST:
        raise bad_request(f"The limit of {MOST} groups is reached.")
    check_filter(filter_expression)
    insights = checked(OFF | insights_configuration)
    made = Group(group_name, names.uuid4(), filter_expression, insights, tagged(tags)).put(call)
    return {"Group": made.shown(call)}


def tagged(given: list[dict[str, str]]) -> dict[str, str]:
    return tags.checked(given, code="InvalidRequestException")


def checked(insights: dict[str, Any]) -> dict[str, Any]:
    if insights["NotificationsEnabled"] and not insights["InsightsEnabled"]:
        raise bad_request("Notifications require insights to be enabled.")
    return insights


@xray.operation(on=by_name_or_arn)
def get_group(call: Call, group: Group) -> dict[str, Any]:
    return {"Group": group.shown(call)}


@xray.operation
def get_groups(call: Call, next_token: str = "") -> dict[str, Any]:
    """All groups, AWS's own one of all traces first."""
    page = Group.page(call, limit=100, token=next_token, invalid=bad_request("Invalid pagination token"))
    own = {
        "GroupName": DEFAULT,
        "GroupARN": call.arn(f"group/{DEFAULT}"),
        "InsightsConfiguration": OFF,
    }
    first = [] if next_token else [own]
    return {"Groups": first + [group.shown(call) for group in page.items], "NextToken": page.token}


@xray.operation(on=by_name_or_arn)
def update_group(
    call: Call, group: Group, filter_expression: str = "", insights_configuration: dict[str, Any] = {}
) -> dict[str, Any]:
    check_filter(filter_expression)
    group.filter = filter_expression or group.filter
    group.insights = checked(group.insights | insights_configuration)
    return {"Group": group.put(call).shown(call)}


@xray.operation(on=by_name_or_arn)
def delete_group(call: Call, group: Group) -> None:
    group.delete(call)
