"""Log alarms: a scheduled query of CloudWatch Logs, whose results are compared with a threshold.

The query runs at its times as its role and is Logs' own scheduled query; a task here waits for each of its results.
`AggregationExpression` becomes its `stats`: without `by` it gives one value, with `by` one of each contributor.
"""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, identity, roles, schedules

from . import alarm_contributors, cloudwatch
from .alarms import Alarm, State, put
from .checking import LOG, check_actions, check_missing, check_propagation
from .evaluation import breached, counted, short, turn, verdict, warming
from .faults import validation

Members = dict[str, Any]
Row = dict[str, str]

BAND_FREE = ("GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold")
MOST_RESULTS, MOST_LINES = 100, 50
BARE_SORT = re.compile(r"\|\s*sort\s+(asc|desc)\s*$", re.IGNORECASE)
BY = re.compile(r"\sby\s+([^|]+)", re.IGNORECASE)
PATIENCE = 5.0
TRIES = 100
AFTER = 0.01
"""Seconds after the query's time at which its result is waited for: Logs tells that time in milliseconds."""


@cloudwatch.operation(
    honours=[
        "ActionConfiguration",
        "ActionLogLineCount",
        "ActionLogLineRoleArn",
        "ActionsEnabled",
        "AlarmActions",
        "AlarmDescription",
        "AlarmName",
        "ComparisonOperator",
        "InsufficientDataActions",
        "OKActions",
        "QueryResultsToAlarm",
        "QueryResultsToEvaluate",
        "ScheduledQueryConfiguration",
        "Tags",
        "Threshold",
        "TreatMissingData",
        "WarmUpConfiguration",
    ]
)
def put_log_alarm(call: Call, request: Members) -> None:
    """Make a log alarm with its scheduled query, or replace both; the state stays until the next result."""
    check(request)
    name, asked = request["AlarmName"], request["ScheduledQueryConfiguration"]
    old = Alarm.get(call, name)
    if old and old.type != LOG:
        raise Fault("ResourceConflict", f"An alarm of type {old.type} with the name {name} exists already.")
    settings = queried(name, asked)
    logs = as_logs(call).aws("logs")
    try:
        if old:
            arn = old.configuration["ScheduledQueryConfiguration"]["QueryARN"]
            logs.update_scheduled_query(identifier=arn, **settings)
        else:
            tags = {one["Key"]: one["Value"] for one in asked.get("Tags", [])}
            made = logs.create_scheduled_query(name=query_name(name), tags=tags or None, **settings)
            arn = made["scheduledQueryArn"]
    except Fault as fault:
        raise validation(f"The scheduled query could not be saved: {fault.message}") from None
    alarm = put(call, LOG, request | {"ScheduledQueryConfiguration": asked | {"QueryARN": arn}})
    if old:
        alarm_contributors.forget(call, name)
    await_result(call, alarm, call.now)


def check(request: Members) -> None:
    check_actions(request)
    check_missing(request)
    check_propagation(request)
    if request["ComparisonOperator"] not in BAND_FREE:
        raise validation(f"The value {request['ComparisonOperator']} for ComparisonOperator is not supported.")
    if not 1 <= request["QueryResultsToAlarm"] <= request["QueryResultsToEvaluate"] <= MOST_RESULTS:
        raise validation(
            "QueryResultsToAlarm must be less than or equal to QueryResultsToEvaluate, "
            f"and both between 1 and {MOST_RESULTS}."
        )
    lines = request.get("ActionLogLineCount", 0)
    if not 0 <= lines <= MOST_LINES:
        raise validation(f"ActionLogLineCount must be between 0 and {MOST_LINES}.")
    if lines and "ActionLogLineRoleArn" not in request:
        raise validation("ActionLogLineRoleArn is required when ActionLogLineCount is greater than 0.")
    schedule = request["ScheduledQueryConfiguration"]["ScheduleConfiguration"]
    if not schedule["ScheduleExpression"].startswith("rate("):
        raise validation("ScheduleExpression must be a rate expression.")
    if schedule.get("EndTimeOffset", 0) >= schedule["StartTimeOffset"]:
        raise validation("EndTimeOffset must be less than StartTimeOffset.")


def queried(name: str, asked: Members) -> Members:
    """The scheduled query that belongs to an alarm, as Logs takes it."""
    schedule = asked["ScheduleConfiguration"]
    aggregated = f"stats {BARE_SORT.sub('', asked['AggregationExpression']).strip()}"
    text = asked["QueryString"].strip()
    return {
        "description": f"Runs for the alarm {name}.",
        "query_language": "CWLI",
        "query_string": f"{text} | {aggregated}" if text else aggregated,
        "log_group_identifiers": asked.get("LogGroupIdentifiers"),
        "schedule_expression": schedule["ScheduleExpression"],
        "start_time_offset": schedule["StartTimeOffset"],
        "end_time_offset": schedule.get("EndTimeOffset", 0),
        "execution_role_arn": asked["ScheduledQueryRoleARN"],
        "state": "ENABLED",
    }


def query_name(alarm: str) -> str:
    return "cloudwatch-alarm-" + re.sub(r"[^A-Za-z0-9_/.#-]", "_", alarm)


def as_logs(call: Call) -> Call:
    """Logs itself, which keeps the queries of alarms as its own."""
    return call.at(principal=identity.service("logs.amazonaws.com", source_account=call.account))


def ended(call: Call, alarm: Alarm) -> None:
    """The alarm is deleted: so is its query."""
    try:
        arn = alarm.configuration["ScheduledQueryConfiguration"]["QueryARN"]
        as_logs(call).aws("logs").delete_scheduled_query(identifier=arn)
    except Fault as fault:
        if fault.code != "ResourceNotFoundException":
            raise


# Results


def await_result(call: Call, alarm: Alarm, after: float) -> None:
    asked = alarm.configuration["ScheduledQueryConfiguration"]
    logs = as_logs(call).aws("logs")
    created = logs.get_scheduled_query(identifier=asked["QueryARN"])["creationTime"] / 1000
    at = schedules.parse(asked["ScheduleConfiguration"]["ScheduleExpression"], "UTC", created).after(after)
    if at is not None:
        judge.later(call, name=alarm.name, updated=alarm.updated, at=at, due=at + AFTER)


@cloudwatch.task(retries=5)
async def judge(call: Call, name: str, updated: float, at: float) -> None:
    """Wait for the result of the run at that time, and see what it says."""
    alarm = Alarm.get(call, name)
    if alarm is None or alarm.updated != updated:
        return
    rows, wrong = await result(as_logs(call), alarm, at)
    with call.transaction():
        alarm, state = Alarm.get(call, name), State.get(call, name)
        if alarm is None or state is None or alarm.updated != updated:
            return
        look(call, alarm, state, rows, wrong, at)
        await_result(call, alarm, at)


async def result(call: Call, alarm: Alarm, at: float) -> tuple[list[Row], str]:
    """The rows of a run; or why there are none."""
    logs, around = call.aws("logs"), int(at * 1000)
    arn = alarm.configuration["ScheduledQueryConfiguration"]["QueryARN"]
    for _ in range(TRIES):
        told = logs.get_scheduled_query_history(identifier=arn, start_time=around - 999, end_time=around + 999)
        runs = told["triggerHistory"]
        if not runs:
            await call.wait(("cloudwatch.log_alarm", arn), seconds=0.05)
        elif not runs[0].get("queryId"):
            return [], runs[0].get("errorMessage") or "The scheduled query failed."
        else:
            number = runs[0]["queryId"]
            answer = logs.get_query_results(query_id=number)
            if answer["status"] not in ("Scheduled", "Running"):
                rows = [{one["field"]: one["value"] for one in row} for row in answer["results"]]
                return rows, "" if answer["status"] == "Complete" else "The scheduled query failed."
            await call.wait(("logs.query", number), seconds=PATIENCE)
    return [], "The scheduled query has no result yet."


def valued(expression: str, rows: list[Row]) -> list[tuple[Row, float]]:
    """Whose value each row is, and the value."""
    by = BY.search(expression)
    names = [name.strip().split(" as ")[-1].strip() for name in by[1].split(",")] if by else []
    found = []
    for row in rows:
        others = [as_number(text) for name, text in row.items() if name not in names]
        numbers = [number for number in others if number is not None]
        if numbers:
            found.append(({name: row[name] for name in names if name in row}, numbers[0]))
    return found


def as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def look(call: Call, alarm: Alarm, state: State, rows: list[Row], wrong: str, at: float) -> None:
    """Take a result into account: of each contributor, or of the only value there is."""
    configuration = alarm.configuration
    expression = configuration["ScheduledQueryConfiguration"]["AggregationExpression"]
    apart = BY.search(expression) is not None
    values = valued(expression, rows)
    now = {alarm_contributors.id_of(who): (who, value) for who, value in values}
    before = {one.id: one.attributes for one in alarm_contributors.AlarmContributor.scan(call, alarm.name)}
    everybody = before | {name: who for name, (who, _) in now.items()} or {alarm_contributors.id_of({}): {}}
    ready = warming(call, alarm, lambda: True)
    seen = set()
    for name, who in everybody.items():
        one = alarm_contributors.known(call, alarm, who)
        value = now[name][1] if name in now else None
        one.recent = [value, *one.recent][: configuration["QueryResultsToEvaluate"]]
        if apart and all(point is None for point in one.recent):
            continue
        seen.add(name)
        told = verdict_of(configuration, one.recent) if ready else None
        if apart:
            alarm_contributors.turn(call, alarm, one, told or one.value, why(configuration, one.recent, at), "")
            continue
        one.put(call)
        if told is not None and told != state.value:
            turn(call, alarm, state, told, wrong or why(configuration, one.recent, at), "")
    if apart and ready:
        alarm_contributors.settle(call, alarm, state, seen)


def verdict_of(configuration: Members, recent: list[float | None]) -> str | None:
    breaches = [None if one is None else breached(configuration, one, ({}, {}), 0) for one in recent]
    most, least = configuration["QueryResultsToEvaluate"], configuration["QueryResultsToAlarm"]
    return verdict(breaches, most, least, configuration.get("TreatMissingData", "missing"))


def why(configuration: Members, recent: list[float | None], at: float) -> str:
    known = [one for one in recent if one is not None]
    if not known:
        return f"Insufficient Data: {counted(len(recent), 'query result')} without a value."
    listed = ", ".join(f"{one:g}" for one in known)
    return (
        f"Threshold Crossed: {counted(len(known), 'query result')} [{listed}] up to {short(at)} compared with the "
        f"threshold ({configuration['Threshold']}) by {configuration['ComparisonOperator']}."
    )


# What notifications show of the logs


async def lines(call: Call, alarm: Alarm) -> list[str] | None:
    """The log lines that the query found last, read as the role that the alarm names for it; None for none wanted."""
    configuration = alarm.configuration
    count = configuration.get("ActionLogLineCount", 0)
    if not count:
        return None
    asked = configuration["ScheduledQueryConfiguration"]
    schedule, text = asked["ScheduleConfiguration"], asked["QueryString"].strip()
    with call.transaction():
        ours = identity.service("cloudwatch.amazonaws.com", alarm.arn(call), call.account)
        role = roles.taken_on(call, configuration["ActionLogLineRoleArn"], "CloudWatchAlarms", ours)
        logs = call.aws("logs", principal=role)
        number = logs.start_query(
            log_group_identifiers=asked.get("LogGroupIdentifiers"),
            query_string=" | ".join(part for part in (text, "fields @message", f"limit {count}") if part),
            start_time=int(call.now) - schedule["StartTimeOffset"],
            end_time=int(call.now) - schedule.get("EndTimeOffset", 0),
        )["queryId"]
    while (answer := logs.get_query_results(query_id=number))["status"] in ("Scheduled", "Running"):
        await call.wait(("logs.query", number), seconds=PATIENCE)
    rows = [{one["field"]: one["value"] for one in row} for row in answer["results"]]
    return [row["@message"] for row in rows if "@message" in row]
