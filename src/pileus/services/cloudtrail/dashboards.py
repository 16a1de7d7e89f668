"""Dashboards: queries that are asked together, when somebody wants it or by a schedule.

CloudTrail asks for whoever has the dashboard, without the policies that AWS wants for it on the stores. Left out: AWS's
own dashboards, the Highlights among them.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished, names, tags

from . import cloudtrail, queries, statements
from .wording import moment

Members = dict[str, Any]

HIGHLIGHTS = "AWSCloudTrail-Highlights"
MOST_WIDGETS = 10
MOST_LISTED = 100
DAY = 86400.0
UNITS = {"HOURS": 3600.0, "DAYS": DAY}
PARAMETERS = ("$StartTime$", "$EndTime$", "$Period$")


class Dashboard(Record, arn="dashboard/{name}", kw_only=True):
    """A dashboard with its widgets."""

    name: str
    widgets: list[Members]
    """With the alias that each query is known by."""
    schedule: Members = {}
    protected: bool = False
    created: float
    updated: float
    status: str = "CREATED"
    refresh: str = ""
    """The last refresh."""
    run: int = 0
    """Counts the schedules: the tasks of an earlier one stop by themselves."""
    failure: str = ""
    tags: dict[str, str] = {}
    policy: str = ""

    def resource_policy(self, call: Call) -> str:
        return self.policy


def dashboard_named(call: Call, dashboard_id: str) -> Dashboard:
    name = dashboard_id.rpartition("/")[2] if dashboard_id.startswith("arn:") else dashboard_id
    found = Dashboard.get(call, name)
    if found is None or (dashboard_id.startswith("arn:") and found.arn(call) != dashboard_id):
        raise Fault("ResourceNotFoundException", f"Dashboard not found: {dashboard_id}.")
    return found


@cloudtrail.operation
def create_dashboard(
    call: Call,
    name: str,
    refresh_schedule: Members = {},
    tags_list: list[dict[str, str]] = [],
    termination_protection_enabled: bool = False,
    widgets: list[Members] = [],
) -> Members:
    """Make a dashboard of up to ten queries."""
    if name == HIGHLIGHTS:
        raise Unfinished("Pileus has no Highlights dashboard yet.")
    if Dashboard.get(call, name):
        raise Fault("ConflictException", f"A dashboard named {name} already exists.")
    held = tags.as_map(tags_list)
    tags.check(held, code="InvalidTagParameterException")
    dashboard = Dashboard(
        name=name,
        widgets=checked(call, widgets),
        protected=termination_protection_enabled,
        created=call.now,
        updated=call.now,
        tags=held,
    )
    schedule(call, dashboard, refresh_schedule)
    dashboard.put(call)
    return shown(call, dashboard) | {"Name": name, "TagsList": tags.as_list(held)}


def checked(call: Call, widgets: list[Members]) -> list[Members]:
    if len(widgets) > MOST_WIDGETS:
        raise Fault("ServiceQuotaExceededException", f"A dashboard can have up to {MOST_WIDGETS} widgets.")
    found = []
    for widget in widgets:
        parameters = widget.get("QueryParameters", [])
        if not {*parameters} <= {*PARAMETERS}:
            raise statements.invalid("A query parameter is not valid.")
        queries.check(call, statements.bound(widget["QueryStatement"], values(call, parameters, {})))
        found.append(widget | {"QueryAlias": f"widget-{names.uuid4()}"})
    return found


def values(call: Call, parameters: list[str], given: dict[str, str]) -> list[str]:
    """The values of a widget's parameters: by default the last day, hour by hour."""
    usual = {"$StartTime$": moment(call.now - DAY), "$EndTime$": moment(call.now), "$Period$": "hour"}
    return [(usual | given)[name] for name in parameters]


def schedule(call: Call, dashboard: Dashboard, given: Members) -> None:
    """Have a dashboard refreshed at its times, or not any more."""
    if not given:
        return
    dashboard.schedule = dashboard.schedule | given
    dashboard.run += 1
    if dashboard.schedule.get("Status") == "ENABLED":
        if "Frequency" not in dashboard.schedule:
            raise Fault("InvalidParameterException", "A refresh schedule needs a frequency.", status=400)
        refresh_by_schedule.later(call, name=dashboard.name, run=dashboard.run, due=following(call, dashboard))


def following(call: Call, dashboard: Dashboard) -> float:
    """When it is time again."""
    frequency = dashboard.schedule["Frequency"]
    every = UNITS[frequency.get("Unit", "HOURS")] * frequency.get("Value", 1)
    hours, _, minutes = dashboard.schedule.get("TimeOfDay", "00:00").partition(":")
    offset = (int(hours) * 3600 + int(minutes) * 60) % every
    return float((call.now - offset) // every * every + every + offset)


@cloudtrail.task
def refresh_by_schedule(call: Call, name: str, run: int) -> None:
    dashboard = Dashboard.get(call, name)
    if dashboard is None or dashboard.run != run or dashboard.schedule.get("Status") != "ENABLED":
        return
    try:
        with call.store.attempt():
            refresh(call, dashboard, {})
    except Fault as fault:
        dashboard.failure = fault.message
        dashboard.put(call)
    refresh_by_schedule.later(call, name=name, run=run, due=following(call, dashboard))


def refresh(call: Call, dashboard: Dashboard, given: dict[str, str]) -> str:
    """Ask all queries of a dashboard."""
    number = names.token(20, "0123456789")
    for widget in dashboard.widgets:
        parameters = values(call, widget.get("QueryParameters", []), given)
        queries.begin(call, widget["QueryStatement"], parameters, alias=widget["QueryAlias"], refresh=number)
    dashboard.refresh, dashboard.failure = number, ""
    dashboard.put(call)
    return number


def shown(call: Call, dashboard: Dashboard) -> Members:
    return {
        "DashboardArn": dashboard.arn(call),
        "Type": "CUSTOM",
        "Widgets": dashboard.widgets,
        "RefreshSchedule": dashboard.schedule or None,
        "TerminationProtectionEnabled": dashboard.protected,
    }


@cloudtrail.operation(on=dashboard_named)
def get_dashboard(call: Call, dashboard: Dashboard) -> Members:
    return shown(call, dashboard) | {
        "Status": dashboard.status,
        "CreatedTimestamp": dashboard.created,
        "UpdatedTimestamp": dashboard.updated,
        "LastRefreshId": dashboard.refresh or None,
        "LastRefreshFailureReason": dashboard.failure or None,
    }


@cloudtrail.operation
def list_dashboards(
    call: Call,
    name_prefix: str = "",
    type: str = "",  # noqa: A002
    next_token: str = "",
    max_results: int = MOST_LISTED,
) -> Members:
    """The account's dashboards in this Region."""
    page = Dashboard.page(
        call,
        limit=max_results,
        token=next_token,
        where=lambda one: one.name.startswith(name_prefix) and type in ("", "CUSTOM"),
    )
    return {
        "Dashboards": [{"DashboardArn": one.arn(call), "Type": "CUSTOM"} for one in page.items],
        "NextToken": page.token,
    }


@cloudtrail.operation(on=dashboard_named)
def update_dashboard(
    call: Call,
    dashboard: Dashboard,
    widgets: list[Members] | None = None,
    refresh_schedule: Members = {},
    termination_protection_enabled: bool | None = None,
) -> Members:
    """Give a dashboard other widgets, another schedule, or protection."""
    if widgets is not None:
        dashboard.widgets = checked(call, widgets)
    if termination_protection_enabled is not None:
        dashboard.protected = termination_protection_enabled
    schedule(call, dashboard, refresh_schedule)
    dashboard.status, dashboard.updated = "UPDATED", call.now
    dashboard.put(call)
    return shown(call, dashboard) | {
        "Name": dashboard.name,
        "CreatedTimestamp": dashboard.created,
        "UpdatedTimestamp": dashboard.updated,
    }


@cloudtrail.operation(on=dashboard_named)
def delete_dashboard(call: Call, dashboard: Dashboard) -> None:
    if dashboard.protected:
        message = "The dashboard cannot be deleted because termination protection is enabled for it."
        raise Fault("ConflictException", message)
    dashboard.delete(call)


@cloudtrail.operation(on=dashboard_named)
def start_dashboard_refresh(call: Call, dashboard: Dashboard, query_parameter_values: dict[str, str] = {}) -> Members:
    """Ask all queries of a dashboard now."""
    if not {*query_parameter_values} <= {*PARAMETERS}:
        raise Fault("InvalidParameterException", "A query parameter is not valid.", status=400)
    return {"RefreshId": refresh(call, dashboard, query_parameter_values)}


def widget_of(call: Call, alias: str) -> Members:
    """The widget whose query has an alias."""
    for dashboard in Dashboard.scan(call):
        for widget in dashboard.widgets:
            if widget["QueryAlias"] == alias:
                return widget
    raise Fault("InvalidParameterException", f"There is no query with the alias {alias}.", status=400)


def refreshed(call: Call, alias: str) -> str:
    """The last refresh of the dashboard with that query."""
    for dashboard in Dashboard.scan(call):
        if any(widget["QueryAlias"] == alias for widget in dashboard.widgets):
            return dashboard.refresh
    return ""
