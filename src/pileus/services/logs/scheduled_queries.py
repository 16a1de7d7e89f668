"""Scheduled queries: a query that runs at its times as a role, with results that may go to a bucket.

How the files in the bucket are called, and that they are JSON, is ours.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, Record, identity, names, roles, schedules

from . import faults, logs
from .groups import check_tags
from .insights import sql
from .insights.query import Query
from .lookup_tables import LookupTable
from .queries import UNFINISHED, Run

Members = dict[str, Any]

LOOKBACK = 3600
"""Seconds that a query looks back, unless it says how many."""
PATIENCE = 60.0
MEMBERS = {
    "description",
    "queryLanguage",
    "queryString",
    "logGroupIdentifiers",
    "scheduleExpression",
    "timezone",
    "startTimeOffset",
    "endTimeOffset",
    "destinationConfiguration",
    "scheduleStartTime",
    "scheduleEndTime",
    "executionRoleArn",
    "state",
}


class ScheduledQuery(Record, arn="scheduled-query:{id}", indexes={"id": ("id",)}, kw_only=True):
    """A query and its times."""

    name: str
    id: str
    settings: Members
    created: float
    updated: float
    revision: str
    """Tells the plan that is good from those before."""
    triggered: float = 0.0
    result: str = ""
    """How it went the last time."""
    managed: bool = False
    """Whether a service keeps it for somebody."""
    tags: dict[str, str] = {}

    @classmethod
    def identified(cls, call: Call, identifier: str) -> ScheduledQuery:
        found = cls.get(call, identifier)
        if found is None and identifier.startswith("arn:"):
            found = cls.first(call, identifier.rpartition(":")[2], index="id")
        if found is None:
            raise faults.missing(f"The scheduled query {identifier} does not exist.")
        return found

    @property
    def kind(self) -> str:
        return "AWS_MANAGED" if self.managed else "CUSTOMER_MANAGED"

    @property
    def enabled(self) -> bool:
        return bool(self.settings.get("state", "ENABLED") == "ENABLED")

    def next(self, after: float) -> float | None:
        """When it is to run next."""
        start, end = (seconds(self.settings.get(f"schedule{end}Time")) for end in ("Start", "End"))
        plan = schedules.parse(self.settings["scheduleExpression"], self.settings.get("timezone", "UTC"), self.created)
        at = plan.after(max(after, start - 1) if start else after)
        return None if at is None or (end and at > end) else at


class Trigger(Record, key=("query", "at"), kw_only=True):
    """One run of a scheduled query."""

    query: str
    at: float
    run: str = ""
    status: str = "Running"
    error: str = ""
    destinations: list[Members] = []


def seconds(at: int | None) -> float:
    return 0.0 if not at else at / 1000 if at >= 10**11 else float(at)


def wrong(message: str) -> Fault:
    return Fault("ValidationException", message)


def checked(request: Members) -> Members:
    settings = {name: request[name] for name in MEMBERS & request.keys()}
    by_sql = settings["queryLanguage"] == sql.LANGUAGE
    if by_sql == bool(settings.get("logGroupIdentifiers")):
        raise wrong(
            "Log groups are named in the query, where its language is SQL."
            if by_sql
            else "logGroupIdentifiers must name at least one log group."
        )
    try:
        schedules.parse(settings["scheduleExpression"], settings.get("timezone", "UTC"))
    except ValueError:
        raise wrong("The schedule expression or its time zone is not valid.") from None
    if settings.get("startTimeOffset", LOOKBACK) <= settings.get("endTimeOffset", 0):
        raise wrong("startTimeOffset must be further back than endTimeOffset.")
    try:
        if by_sql:
            sql.groups_of(settings["queryString"])
        else:
            Query(settings["queryString"], 0, language=settings["queryLanguage"])
    except Fault as fault:
        raise wrong(fault.message) from None
    return settings


def plan(call: Call, query: ScheduledQuery) -> None:
    """Have it run at its next time."""
    if query.enabled and (at := query.next(call.now)) is not None:
        trigger.later(call, name=query.name, revision=query.revision, at=at, due=at)


@logs.operation(honours=[*MEMBERS, "name", "tags"])
def create_scheduled_query(call: Call, request: Members) -> Members:
    settings, name = checked(request), request["name"]
    check_tags(request.get("tags", {}))
    if ScheduledQuery.get(call, name):
        raise Fault("ConflictException", f"A scheduled query named {name} already exists.")
    query = ScheduledQuery(
        name=name,
        id=names.uuid4(),
        settings=settings,
        created=call.now,
        updated=call.now,
        revision=names.token(8),
        managed=call.principal.type == "AWSService",
        tags=request.get("tags", {}),
    ).put(call)
    plan(call, query)
    return {"scheduledQueryArn": query.arn(call), "state": settings.get("state", "ENABLED")}


@logs.operation(on=ScheduledQuery.identified)
def get_scheduled_query(call: Call, query: ScheduledQuery) -> Members:
    return described(call, query)


@logs.operation(on=ScheduledQuery.identified, honours=[*MEMBERS, "identifier"])
def update_scheduled_query(call: Call, query: ScheduledQuery, request: Members) -> Members:
    """Say anew what is asked, and when."""
    query.settings = checked(request)
    query.updated, query.revision = call.now, names.token(8)
    plan(call, query.put(call))
    return described(call, query)


@logs.operation(on=ScheduledQuery.identified)
def delete_scheduled_query(call: Call, query: ScheduledQuery) -> None:
    Trigger.delete_all(call, query.id)
    query.delete(call)


@logs.operation
def list_scheduled_queries(
    call: Call, max_results: int = 1000, next_token: str = "", state: str = "", schedule_type: str = ""
) -> Members:
    def wanted(query: ScheduledQuery) -> bool:
        return schedule_type in ("", query.kind) and state in ("", "ENABLED" if query.enabled else "DISABLED")

    page = ScheduledQuery.page(call, limit=max_results, token=next_token, where=wanted)
    hidden = {"queryLanguage", "queryString", "logGroupIdentifiers", "executionRoleArn", "description"}
    hidden |= {name for name in MEMBERS if name.endswith(("Offset", "StartTime", "EndTime"))}
    shown = [{k: v for k, v in described(call, query).items() if k not in hidden} for query in page.items]
    return {"scheduledQueries": shown, "nextToken": page.token}


def described(call: Call, query: ScheduledQuery) -> Members:
    return {
        "scheduledQueryArn": query.arn(call),
        "name": query.name,
        "state": "ENABLED",
        **query.settings,
        "scheduleType": query.kind,
        "creationTime": int(query.created * 1000),
        "lastUpdatedTime": int(query.updated * 1000),
        "lastTriggeredTime": int(query.triggered * 1000) or None,
        "lastExecutionStatus": query.result or None,
    }


@logs.operation(on=ScheduledQuery.identified)
def get_scheduled_query_history(
    call: Call,
    query: ScheduledQuery,
    start_time: int,
    end_time: int,
    execution_statuses: list[str] = [],
    max_results: int = 1000,
    next_token: str = "",
) -> Members:
    """The times that it has run, the first one first."""
    page = Trigger.page(
        call,
        query.id,
        limit=max_results,
        token=next_token,
        since=(seconds(start_time),),
        upto=(seconds(end_time),),
        where=lambda one: not execution_statuses or one.status in execution_statuses,
    )
    history = [
        {
            "queryId": one.run or None,
            "executionStatus": one.status,
            "triggeredTimestamp": int(one.at * 1000),
            "errorMessage": one.error or None,
            "destinations": one.destinations,
        }
        for one in page.items
    ]
    arn = query.arn(call)
    return {"name": query.name, "scheduledQueryArn": arn, "triggerHistory": history, "nextToken": page.token}


# Its runs


@logs.task
def trigger(call: Call, name: str, revision: str, at: float) -> None:
    """It is time: begin the query, as its role, and plan the next one."""
    query = ScheduledQuery.get(call, name)
    if query is None or query.revision != revision or not query.enabled:
        return
    plan(call, query)
    one = Trigger(query=query.id, at=at)
    start = int(at) - query.settings.get("startTimeOffset", LOOKBACK)
    end = int(at) - query.settings.get("endTimeOffset", 0)
    try:
        answer = (
            as_role(call, query, query.settings["executionRoleArn"])
            .aws("logs")
            .start_query(
                log_group_identifiers=query.settings.get("logGroupIdentifiers"),
                query_string=query.settings["queryString"],
                query_language=query.settings["queryLanguage"],
                start_time=start,
                end_time=end,
            )
        )
        one.run = answer["queryId"]
        report.later(call, name=name, at=at)
    except Fault as fault:
        one.status, one.error = "Failed", fault.message
    query.triggered, query.result = at, one.status
    one.put(call)
    query.put(call)


def as_role(call: Call, query: ScheduledQuery, role: str) -> Call:
    ours = identity.service("logs.amazonaws.com", query.arn(call), call.account)
    return call.at(principal=roles.taken_on(call, role, "CloudWatchLogs", ours))


@logs.task(retries=5)
async def report(call: Call, name: str, at: float) -> None:
    """Wait for the results, and pass them on."""
    query = ScheduledQuery.get(call, name)
    one = Trigger.get(call, query.id, at) if query else None
    if query is None or one is None:
        return
    while (run := Run.get(call, one.run)) and run.status in UNFINISHED:
        await call.wait(("logs.query", one.run), seconds=PATIENCE)
    one.status = run.status if run and run.status == "Complete" else "Failed"
    wanted = query.settings.get("destinationConfiguration", {})
    if run and (bucket := wanted.get("s3Configuration")):
        one.destinations.append(await delivered(call, query, run, bucket, at))
    if run and (table := wanted.get("lookupTableConfiguration")):
        one.destinations.append(await tabled(call, query, run, table))
    with call.transaction():
        if query := ScheduledQuery.get(call, name):
            query.result = one.status
            query.put(call)
            one.put(call)


async def tabled(call: Call, query: ScheduledQuery, run: Run, wanted: Members) -> Members:
    """Fill a lookup table with the results, or make one of them."""
    told = {"destinationType": "LOOKUP_TABLE", "destinationIdentifier": wanted["tableName"]}
    try:
        with call.transaction():
            there = as_role(call, query, wanted["roleArn"]).aws("logs")
            if table := LookupTable.get(call, wanted["tableName"]):
                arn = there.update_lookup_table(lookup_table_arn=table.arn(call), query_id=run.id)["lookupTableArn"]
            else:
                arn = there.create_lookup_table(
                    lookup_table_name=wanted["tableName"],
                    description=wanted.get("description"),
                    query_id=run.id,
                    kms_key_id=wanted.get("kmsKeyId"),
                    tags=wanted.get("tags") or None,
                )["lookupTableArn"]
    except Fault as fault:
        return told | {"status": "CLIENT_ERROR", "errorMessage": fault.message}
    return told | {"status": "COMPLETE", "processedIdentifier": arn}


async def delivered(call: Call, query: ScheduledQuery, run: Run, wanted: Members, at: float) -> Members:
    """Put the results into the bucket."""
    bucket, _, prefix = wanted["destinationIdentifier"].removeprefix("s3://").partition("/")
    day = datetime.fromtimestamp(at, UTC)
    key = f"{prefix.rstrip('/')}/{query.name}/{day:%Y/%m/%d}/{run.id}.json".lstrip("/")
    rows = [{name: value for name, value in row if name != "@ptr"} for row in run.results]
    told = {"destinationType": "S3", "destinationIdentifier": wanted["destinationIdentifier"]}
    try:
        with call.transaction():
            there = as_role(call, query, wanted["roleArn"])
        key_arn = wanted.get("kmsKeyId")
        encryption = {"server_side_encryption": "aws:kms", "ssekms_key_id": key_arn} if key_arn else {}
        await there.aws("s3").put_object(bucket=bucket, key=key, body=json.dumps(rows).encode(), **encryption)
    except Fault as fault:
        return told | {"status": "CLIENT_ERROR", "errorMessage": fault.message}
    return told | {"status": "COMPLETE", "processedIdentifier": f"s3://{bucket}/{key}"}
