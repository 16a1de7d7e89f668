"""Metric alarms: put, describe, delete, enable and disable their actions, set their state.

An alarm's configuration and its state are two records: the first is the customer's, the second changes with every
evaluation. Composite alarms and log alarms are kept in the same table, and are in `composites` and `log_alarms`.
"""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, Record, tags
from pileus.kernel.resource_type import resource_type

from . import cloudwatch, history
from .checking import ACTIONS, COMPOSITE, INSUFFICIENT_DATA, LOG, METRIC, OK, check, check_criteria
from .faults import bad_token, validation
from .metrics import dimensions_of, identity, label_of
from .watches import naming, watch

PAGE = 50
MOST_AT_ONCE = 100

OWN = ("Tags",)
"""Members of a request that are not the alarm's configuration."""


@resource_type(cloudwatch, "AlarmName", create="PutMetricAlarm", delete="DeleteAlarms", missing="ResourceNotFound")
class Alarm(Record, arn="arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}", cfn="AWS::CloudWatch::Alarm"):
    """An alarm as its owner configured it, in wire names."""

    name: str
    type: str
    configuration: dict[str, Any]
    updated: float
    tags: dict[str, str] = {}
    warming: float | None = None
    """When its warm-up began, while it lasts."""

    def actions(self, state: str) -> list[str]:
        found: list[str] = self.configuration.get(ACTIONS[state], [])
        return found


class State(Record):
    """How an alarm stands."""

    name: str
    value: str
    reason: str
    data: str
    updated: float
    """When the state was last told, and `turned` when it last became another."""
    turned: float
    due: float | None = None
    """When it is evaluated next; None while nothing could change it."""
    suppressed: str = ""
    suppressed_reason: str = ""


# Putting


@cloudwatch.operation(
    honours=[
        "ActionConfiguration",
        "ActionsEnabled",
        "AlarmActions",
        "AlarmDescription",
        "AlarmName",
        "ComparisonOperator",
        "DatapointsToAlarm",
        "Dimensions",
        "EvaluateLowSampleCountPercentile",
        "EvaluationCriteria",
        "EvaluationInterval",
        "EvaluationPeriods",
        "EvaluationWindow",
        "ExtendedStatistic",
        "InsufficientDataActions",
        "MetricName",
        "Metrics",
        "Namespace",
        "OKActions",
        "Period",
        "Statistic",
        "Tags",
        "Threshold",
        "ThresholdMetricId",
        "TreatMissingData",
        "Unit",
        "WarmUpConfiguration",
    ]
)
def put_metric_alarm(call: Call, request: dict[str, Any]) -> None:
    """Make an alarm, or replace all of its configuration; its state stays until it is next evaluated."""
    if "EvaluationCriteria" in request:
        check_criteria(request)
    else:
        check(call, request)
    put(call, METRIC, request)


def put(call: Call, kind: str, request: dict[str, Any]) -> Alarm:
    name = request["AlarmName"]
    old = Alarm.get(call, name)
    if old and old.type != kind:
        raise validation(f"An alarm of type {old.type} with the name {name} exists already.")
    given = tags.checked(request.get("Tags", []), code="ValidationError")
    configuration = {"ActionsEnabled": True, **{key: value for key, value in request.items() if key not in OWN}}
    alarm = Alarm(name, kind, configuration, call.now, old.tags if old else given, begun(call, old, request))
    if old:
        watch(call, old, on=False)
        if old.configuration.get("Metrics") != configuration.get("Metrics"):
            contributors_gone(call, name)
    alarm.put(call)
    watch(call, alarm, on=True)
    if old is None:
        value = OK if "EvaluationCriteria" in request else INSUFFICIENT_DATA
        State(name, value, "Unchecked: Initial alarm creation", "", call.now, call.now).put(call)
    summary = f'Alarm "{name}" {"updated" if old else "created"}'
    kind_of_change = "Update" if old else "Create"
    history.note(call, name, kind, "ConfigurationUpdate", summary, {"version": "1.0", "type": kind_of_change})
    from .evaluation import awaken

    awaken(call, {name})
    return alarm


def begun(call: Call, old: Alarm | None, request: dict[str, Any]) -> float | None:
    """When the warm-up of an alarm began that is put now. A new length does not start one again that is over."""
    if "WarmUpConfiguration" not in request:
        return None
    return old.warming if old and "WarmUpConfiguration" in old.configuration else call.now


def contributors_gone(call: Call, name: str) -> None:
    from .alarm_contributors import forget

    forget(call, name)


# Describing


def shown(call: Call, alarm: Alarm, state: State) -> dict[str, Any]:
    empty: dict[str, Any] = {member: [] for member in ACTIONS.values()} | (
        {"Dimensions": []} if alarm.type == METRIC else {}
    )
    return (
        empty
        | alarm.configuration
        | {
            "AlarmArn": alarm.arn(call),
            "AlarmConfigurationUpdatedTimestamp": alarm.updated,
            "StateValue": state.value,
            "StateReason": state.reason,
            "StateReasonData": state.data or None,
            "StateUpdatedTimestamp": state.updated,
            "StateTransitionedTimestamp": state.turned,
            "ActionsSuppressedBy": state.suppressed or None,
            "ActionsSuppressedReason": state.suppressed_reason or None,
        }
    )


def state_of(call: Call, name: str) -> State:
    state = State.get(call, name)
    assert state, f"alarm {name} has no state"
    return state


def alarm_named(call: Call, alarm_name: str) -> Alarm:
    found = Alarm.get(call, alarm_name)
    if found is None:
        raise Fault("ResourceNotFound", "Unknown")
    return found


@cloudwatch.operation
def describe_alarms(
    call: Call,
    alarm_names: list[str] = [],
    alarm_name_prefix: str = "",
    alarm_types: list[str] = [],
    children_of_alarm_name: str = "",
    parents_of_alarm_name: str = "",
    state_value: str = "",
    action_prefix: str = "",
    max_records: int = PAGE,
    next_token: str = "",
) -> dict[str, Any]:
    """Describe alarms: by default only those of metrics."""
    if alarm_names and alarm_name_prefix:
        raise validation("AlarmNamePrefix and AlarmNames are mutually exclusive.")
    if len(alarm_names) > MOST_AT_ONCE:
        raise validation(f"The collection AlarmNames must not have a size greater than {MOST_AT_ONCE}.")
    if children_of_alarm_name or parents_of_alarm_name:
        from .composites import relatives

        return relatives(call, children_of_alarm_name, parents_of_alarm_name)
    types = alarm_types or [METRIC]
    states: dict[str, State] = {}

    def wanted(alarm: Alarm) -> bool:
        if alarm.type not in types or (alarm_names and alarm.name not in alarm_names):
            return False
        states[alarm.name] = state_of(call, alarm.name)
        if state_value and states[alarm.name].value != state_value:
            return False
        actions = [action for member in ACTIONS.values() for action in alarm.configuration.get(member, ())]
        return not action_prefix or any(action.startswith(action_prefix) for action in actions)

    if alarm_names:
        found = [alarm for name in dict.fromkeys(alarm_names) if (alarm := Alarm.get(call, name)) and wanted(alarm)]
        token = None
    else:
        span = (
            {"since": (alarm_name_prefix,), "before": (alarm_name_prefix + "\U0010ffff",)} if alarm_name_prefix else {}
        )
        page = Alarm.page(call, limit=max_records, token=next_token, where=wanted, invalid=bad_token(), **span)
        found, token = page.items, page.token
    by_type: dict[str, list[dict[str, Any]]] = {METRIC: [], COMPOSITE: [], LOG: []}
    for alarm in found:
        by_type[alarm.type].append(shown(call, alarm, states[alarm.name]))
    told = {"MetricAlarms": by_type[METRIC], "CompositeAlarms": by_type[COMPOSITE], "LogAlarms": by_type[LOG]}
    return {**told, "NextToken": token}


@cloudwatch.operation
def describe_alarms_for_metric(
    call: Call,
    metric_name: str,
    namespace: str,
    statistic: str = "",
    extended_statistic: str = "",
    dimensions: list[dict[str, str]] = [],
    period: int | None = None,
    unit: str = "",
) -> dict[str, Any]:
    """The alarms that look at a metric by itself."""
    asked = {"Statistic": statistic, "ExtendedStatistic": extended_statistic, "Period": period, "Unit": unit}
    metric = identity(namespace, metric_name, label_of(dimensions_of(dimensions)))
    found = [alarm for name in naming(call, metric) if (alarm := Alarm.get(call, name))]
    fitting = [
        shown(call, alarm, state_of(call, alarm.name))
        for alarm in found
        if all(not value or alarm.configuration.get(member) == value for member, value in asked.items())
    ]
    return {"MetricAlarms": fitting}


# Deleting and setting


@cloudwatch.operation
def delete_alarms(call: Call, alarm_names: list[str]) -> None:
    """Delete alarms: all, or none where one is not there or a composite alarm needs it."""
    if len(alarm_names) > MOST_AT_ONCE:
        raise validation(f"The collection AlarmNames must not have a size greater than {MOST_AT_ONCE}.")
    found = [(name, Alarm.get(call, name)) for name in dict.fromkeys(alarm_names)]
    lacking = [name for name, alarm in found if alarm is None]
    if lacking:
        raise Fault("ResourceNotFound", f"Alarm names not found: {', '.join(lacking)}" if len(found) > 1 else "Unknown")
    composite = [alarm for _, alarm in found if alarm and alarm.type == COMPOSITE]
    if composite and len(found) > 1 and len(composite) > 1:
        raise validation("Only one composite alarm can be deleted at a time.")
    from .composites import unlink

    for name, alarm in found:
        assert alarm
        unlink(call, alarm)
        watch(call, alarm, on=False)
        if alarm.type == LOG:
            from .log_alarms import ended

            ended(call, alarm)
        contributors_gone(call, name)
        alarm.delete(call)
        state_of(call, name).delete(call)
        summary = {"version": "1.0", "type": "Delete"}
        history.note(call, name, alarm.type, "ConfigurationUpdate", f'Alarm "{name}" deleted', summary)


@cloudwatch.operation
def enable_alarm_actions(call: Call, alarm_names: list[str]) -> None:
    switch_actions(call, alarm_names, enabled=True)


@cloudwatch.operation
def disable_alarm_actions(call: Call, alarm_names: list[str]) -> None:
    switch_actions(call, alarm_names, enabled=False)


def switch_actions(call: Call, names: list[str], *, enabled: bool) -> None:
    for name in names:
        if alarm := Alarm.get(call, name):
            alarm.configuration["ActionsEnabled"] = enabled
            alarm.put(call)


@cloudwatch.operation(on=alarm_named)
def set_alarm_state(call: Call, alarm: Alarm, state_value: str, state_reason: str, state_reason_data: str = "") -> None:
    """Set the state until the next evaluation, with all that follows from it."""
    if state_reason_data:
        try:
            json.loads(state_reason_data)
        except ValueError:
            raise Fault("InvalidFormatFault", "StateReasonData is not valid JSON.") from None
    from .evaluation import awaken, turn

    turn(call, alarm, state_of(call, alarm.name), state_value, state_reason, state_reason_data)
    if alarm.type == METRIC:
        awaken(call, {alarm.name})
