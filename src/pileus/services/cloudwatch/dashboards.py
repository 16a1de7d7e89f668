"""Dashboards: kept, checked for their form, listed. Drawing them is the console's."""

from __future__ import annotations

import json
import re
from typing import Any

from pileus.kernel import Call, Fault, Record, tags
from pileus.kernel.resource_type import resource_type

from . import cloudwatch
from .faults import bad_value

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
MOST_WIDGETS = 500
TYPES = ("metric", "text", "log", "alarm", "explorer", "custom")
PAGE = 1000


@resource_type(cloudwatch, "DashboardName", create="PutDashboard", read="GetDashboard", delete="DeleteDashboards")
class Dashboard(
    Record,
    scope="account",
    arn="arn:{partition}:cloudwatch::{account}:dashboard/{name}",
    cfn="AWS::CloudWatch::Dashboard",
):
    """Dashboards belong to an account as a whole, whatever the Region."""

    name: str
    body: str
    modified: float
    tags: dict[str, str] = {}


@cloudwatch.operation
def put_dashboard(
    call: Call, dashboard_name: str, dashboard_body: str, tags: list[dict[str, str]] = []
) -> dict[str, Any]:
    """Make a dashboard or replace its body; warnings are told, errors refuse it."""
    if not NAME.fullmatch(dashboard_name):
        raise bad_value(
            "The value for field DashboardName has invalid characters. "
            "It can only contain alphanumerics, dash (-) and underscore (_)."
        )
    wrong = problems(dashboard_body)
    if wrong:
        raise Fault(
            "DashboardInvalidInputError",
            f"The field DashboardBody must be a valid JSON object: {wrong[0]['Message']}"[:1000],
            dashboardValidationMessages=wrong,
        )
    old = Dashboard.get(call, dashboard_name)
    held = old.tags if old else tagged(tags)
    Dashboard(dashboard_name, dashboard_body, call.now, held).put(call)
    return {"DashboardValidationMessages": []}


def tagged(given: list[dict[str, str]]) -> dict[str, str]:
    return tags.checked(given, code="InvalidParameterValue")


def problems(body: str) -> list[dict[str, str]]:
    """What is wrong with a body, as the model's messages (User Guide, "Dashboard body structure and syntax")."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return [problem("/", "The field DashboardBody must be a valid JSON object")]
    if not isinstance(parsed, dict) or not isinstance(parsed.get("widgets", []), list):
        return [problem("/widgets", "Should be array")]
    widgets = parsed.get("widgets", [])
    if len(widgets) > MOST_WIDGETS:
        return [problem("/widgets", f"Should NOT have more than {MOST_WIDGETS} items")]
    return [found for number, widget in enumerate(widgets) for found in of_widget(widget, f"/widgets/{number}")]


def of_widget(widget: Any, where: str) -> list[dict[str, str]]:
    if not isinstance(widget, dict):
        return [problem(where, "Should be object")]
    if widget.get("type") not in TYPES:
        return [problem(f"{where}/type", f"Should match exactly one of: {', '.join(TYPES)}")]
    if not isinstance(widget.get("properties"), dict):
        return [problem(f"{where}/properties", "Should have required property 'properties'")]
    sizes = (("width", 1, 24), ("height", 1, 1000), ("x", 0, 23), ("y", 0, 10**9))
    return [
        problem(f"{where}/{name}", f"Should be between {low} and {high}")
        for name, low, high in sizes
        if name in widget and not (isinstance(widget[name], int) and low <= widget[name] <= high)
    ]


def problem(path: str, message: str) -> dict[str, str]:
    return {"DataPath": path, "Message": message}


@cloudwatch.operation
def get_dashboard(call: Call, dashboard_name: str) -> dict[str, Any]:
    found = Dashboard.get(call, dashboard_name)
    if found is None:
        raise Fault("DashboardNotFoundError", f"Dashboard {dashboard_name} does not exist")
    return {"DashboardArn": found.arn(call), "DashboardBody": found.body, "DashboardName": found.name}


def prefixed(prefix: str) -> dict[str, Any]:
    """The bounds of names that begin so."""
    return {"since": (prefix,), "before": (prefix + "\U0010ffff",)} if prefix else {}


@cloudwatch.operation
def list_dashboards(call: Call, dashboard_name_prefix: str = "", next_token: str = "") -> dict[str, Any]:
    invalid = bad_value("The token is invalid.")
    page = Dashboard.page(call, limit=PAGE, token=next_token, invalid=invalid, **prefixed(dashboard_name_prefix))
    entries = [
        {"DashboardName": d.name, "DashboardArn": d.arn(call), "LastModified": d.modified, "Size": len(d.body.encode())}
        for d in page.items
    ]
    return {"DashboardEntries": entries, "NextToken": page.token}


@cloudwatch.operation
def delete_dashboards(call: Call, dashboard_names: list[str]) -> None:
    """Delete dashboards: all, or none where one is not there."""
    found = [(name, Dashboard.get(call, name)) for name in dict.fromkeys(dashboard_names)]
    if lacking := [name for name, dashboard in found if dashboard is None]:
        raise Fault("DashboardNotFoundError", f"Dashboards {', '.join(lacking)} do not exist")
    for _, dashboard in found:
        assert dashboard
        dashboard.delete(call)
