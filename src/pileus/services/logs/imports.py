"""Import tasks: the events of a CloudTrail Lake event data store, brought into a group that is made for them.

A batch is a day of the store. What has been imported keeps its time, however old it is. User Guide, "Importing
CloudTrail Lake event data stores".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, Record, arn, identity, names, roles
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target

from . import faults, logs
from .groups import Group, Volume
from .putting import OVERHEAD, arrived
from .streams import find

RUNNING, CANCELLED, COMPLETED, FAILED = "IN_PROGRESS", "CANCELLED", "COMPLETED", "FAILED"
MOST_ACTIVE = 3
DAY = 86_400_000
STREAM = "imported"
SOON = 1.0
"""Seconds until a query is looked after again."""
WAITING = ("QUEUED", "RUNNING")

Members = dict[str, Any]


class Import(Record, indexes={"by_time": ("created",)}, kw_only=True):
    """An import task."""

    id: str
    source: str
    role: str
    group: str
    start: int
    end: int
    given: dict[str, int] = {}
    """The filter as it was given."""
    created: int
    updated: int
    status: str = RUNNING
    message: str = ""
    octets: int = 0
    query: str = ""
    """The query of CloudTrail Lake that is on its way."""
    days: bool = True
    """Whether it asks for the days that have events, and not for the events of a batch."""
    token: str = ""
    """From where on its results are read next."""

    @classmethod
    def named(cls, call: Call, import_id: str) -> Import:
        if found := cls.get(call, import_id):
            return found
        raise faults.missing(f"The import task {import_id} does not exist.")

    @property
    def store(self) -> str:
        return arn.parse(self.source).resource.removeprefix("eventdatastore/")


class Batch(Record, key=("import_id", "day"), table="logs.ImportBatch", kw_only=True):
    """The events of one day."""

    import_id: str
    day: int
    """Milliseconds."""
    id: str
    status: str = RUNNING
    message: str = ""


@logs.operation
def create_import_task(
    call: Call, import_source_arn: str, import_role_arn: str, import_filter: dict[str, int] = {}
) -> Members:
    """Begin an import, into a group that the role makes."""
    start = import_filter.get("startEventTime", 0)
    end = import_filter.get("endEventTime", int(call.now * 1000))
    if start > end:
        raise faults.invalid("startEventTime must be less than or equal to endEventTime.")
    if sum(one.status == RUNNING for one in Import.scan(call)) >= MOST_ACTIVE:
        raise Fault("InvalidOperationException", f"There can be no more than {MOST_ACTIVE} active imports.")
    told = Import(
        id=names.uuid4(),
        source=import_source_arn,
        role=import_role_arn,
        group="",
        start=start,
        end=end,
        given=import_filter,
        created=int(call.now * 1000),
        updated=int(call.now * 1000),
    )
    check_source(call, import_source_arn)
    told.group = f"/aws/cloudtrail/{told.store}"
    make_group(call, told)
    told.put(call)
    go_on_importing.later(call, number=told.id)
    return {"importId": told.id, "importDestinationArn": destination(call, told), "creationTime": told.created}


def check_source(call: Call, source: str) -> None:
    if ":eventdatastore/" not in source:
        raise faults.invalid("The import source must be the ARN of a CloudTrail event data store.")
    try:
        store = call.aws("cloudtrail").get_event_data_store(event_data_store=source)
    except Fault as fault:
        if fault.code == "EventDataStoreNotFoundException":
            raise faults.missing(f"The import source {source} does not exist.") from None
        raise
    if store["Status"] == "PENDING_DELETION":
        raise Fault("InvalidOperationException", f"The import source {source} is not active.")


def make_group(call: Call, told: Import) -> None:
    """As the role, which CloudTrail must be trusted with, and which must be allowed to read the store."""
    service = identity.service("cloudtrail.amazonaws.com", told.source, call.account)
    try:
        role = roles.taken_on(call, told.role, told.id, service)
    except Fault:
        raise faults.invalid(f"The role {told.role} cannot be assumed by cloudtrail.amazonaws.com.") from None
    authorize(call.at(principal=role), "cloudtrail:GetEventDataStoreData", Target(told.source, call.account))
    itself = call.aws("logs", principal=role)
    stream = {"log_group_name": told.group, "log_stream_name": STREAM}
    for make, members in (
        (itself.create_log_group, {"log_group_name": told.group}),
        (itself.create_log_stream, stream),
    ):
        try:
            make(**members)
        except Fault as fault:
            if fault.code != "ResourceAlreadyExistsException":
                raise


def destination(call: Call, one: Import) -> str:
    return call.arn(f"log-group:{one.group}")


# Importing


@logs.task
def go_on_importing(call: Call, number: str) -> None:
    """See what has become of the query that is on its way, and ask the next."""
    told = Import.get(call, number)
    if told is None or told.status != RUNNING:
        return
    trail = call.aws("cloudtrail", principal=identity.service("pileus.amazonaws.com"))
    if told.query:
        answer = trail.get_query_results(query_id=told.query, next_token=told.token or None)
        status = answer["QueryStatus"]
        if status in WAITING:
            go_on_importing.later(call, number=number, delay=SOON)
            return
        if status != "FINISHED":
            end(call, told, FAILED, answer.get("ErrorMessage") or f"The query is {status}.")
            return
        rows = [{name: value for cell in row for name, value in cell.items()} for row in answer["QueryResultRows"]]
        take(call, told, rows)
        told.token = answer.get("NextToken") or ""
        if told.token:
            told.put(call)
            go_on_importing.later(call, number=number)
            return
        if not told.days and (batch := present(call, told)):
            batch.status = COMPLETED
            batch.put(call)
    ask(call, told, trail)


def present(call: Call, told: Import) -> Batch | None:
    """The batch that is being imported."""
    return next((one for one in Batch.scan(call, told.id) if one.status == RUNNING), None)


def ask(call: Call, told: Import, trail: Any) -> None:
    """Ask for the days that have events, and then for those of each day."""
    batch, start, end_at = present(call, told), told.start, told.end
    what, order = "date_trunc('day', eventTime) AS day", "GROUP BY date_trunc('day', eventTime)"
    if told.query and batch is None:
        end(call, told, COMPLETED)
        return
    if batch is not None:
        start, end_at = max(start, batch.day), min(end_at, batch.day + DAY - 1)
        what, order = "eventTime, eventJson", "ORDER BY eventTime"
    where = f"eventTime >= '{written(start)}' AND eventTime <= '{written(end_at)}'"
    text = f"SELECT {what} FROM {told.store} WHERE {where} {order}"
    told.days = batch is None
    told.query, told.updated = trail.start_query(query_statement=text)["QueryId"], int(call.now * 1000)
    told.put(call)
    go_on_importing.later(call, number=told.id, delay=SOON)


def take(call: Call, told: Import, rows: list[dict[str, str]]) -> None:
    """Make batches of days, or store the events of one."""
    if told.days:
        for row in rows:
            Batch(import_id=told.id, day=moment(row["day"]), id=names.uuid4()).put(call)
        return
    group = Group.get(call, told.group)
    if group is None or not rows:
        return
    messages = [row["eventJson"] for row in rows]
    octets = sum(len(message.encode()) for message in messages) + OVERHEAD * len(messages)
    stream = find(call, group, STREAM)
    arrived(call, group, stream, [moment(row["eventTime"]) for row in rows], messages, octets)
    stream.put(call)
    volume = Volume.get(call, group.id) or Volume(group.id)
    volume.octets += octets
    volume.put(call)
    told.octets += octets


def end(call: Call, told: Import, status: str, message: str = "") -> None:
    told.status, told.message, told.updated = status, message, int(call.now * 1000)
    told.put(call)
    if batch := present(call, told):
        batch.status, batch.message = status, message
        batch.put(call)


def written(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{at % 1000:03d}"


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


# Looking


@logs.operation(on=Import.named)
def cancel_import_task(call: Call, found: Import) -> Members:
    if found.status != RUNNING:
        raise Fault("InvalidOperationException", f"The import task {found.id} is {found.status}.")
    end(call, found, CANCELLED)
    told = described(call, found)
    members = ("importId", "importStatistics", "importStatus", "creationTime", "lastUpdatedTime")
    return {name: told[name] for name in members}


@logs.operation
def describe_import_tasks(
    call: Call,
    import_id: str = "",
    import_status: str = "",
    import_source_arn: str = "",
    limit: int = 50,
    next_token: str = "",
) -> Members:
    """Import tasks, the newest first."""
    if import_id:
        Import.named(call, import_id)
    page = Import.page(
        call,
        limit=limit,
        token=next_token,
        index="by_time",
        reverse=True,
        where=lambda one: (
            import_id in ("", one.id) and import_status in ("", one.status) and import_source_arn in ("", one.source)
        ),
    )
    return {"imports": [described(call, one) for one in page.items], "nextToken": page.token}


def described(call: Call, one: Import) -> Members:
    return {
        "importId": one.id,
        "importSourceArn": one.source,
        "importStatus": one.status,
        "importDestinationArn": destination(call, one),
        "importStatistics": {"bytesImported": one.octets},
        "importFilter": one.given or None,
        "creationTime": one.created,
        "lastUpdatedTime": one.updated,
        "errorMessage": one.message or None,
    }


@logs.operation(on=Import.named)
def describe_import_task_batches(
    call: Call, found: Import, batch_import_status: list[str] = [], limit: int = 10, next_token: str = ""
) -> Members:
    page = Batch.page(
        call,
        found.id,
        limit=limit,
        token=next_token,
        where=lambda one: not batch_import_status or one.status in batch_import_status,
    )
    batches = [{"batchId": one.id, "status": one.status, "errorMessage": one.message or None} for one in page.items]
    told = {"importSourceArn": found.source, "importId": found.id}
    return told | {"importBatches": batches, "nextToken": page.token}
