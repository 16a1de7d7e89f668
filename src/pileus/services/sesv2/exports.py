"""Export jobs: metrics and message insights in a file, which SES keeps for a while and shows at an address of its own.

AWS keeps the files in a bucket of its own and signs the addresses; here they are in the cloud, below its own address.
"""

from __future__ import annotations

import csv
import fnmatch
import io
import json
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, Record, names
from pileus.kernel.edge import Answer
from pileus.services.ses.faults import wrong
from pileus.services.ses.insights import DAY, KEPT, Outgoing, isp_of

from . import sesv2
from .insights import daily

METRICS, MESSAGES = "METRICS_DATA", "MESSAGE_INSIGHTS"
MOST_MESSAGES = 1000
ADDRESS_LASTS = 300
OPEN = ("CREATED", "PROCESSING")
DELIVERY = ("SEND", "UNDETERMINED_BOUNCE", "TRANSIENT_BOUNCE", "PERMANENT_BOUNCE", "DELIVERY", "COMPLAINT")
ENGAGEMENT = ("OPEN", "CLICK")
COLUMNS = (
    "MessageId", "SentTimestamp", "FromEmailAddress", "Subject", "Destination", "Isp", "TenantName",
    "LastDeliveryEvent", "LastDeliveryEventTimestamp", "LastEngagementEvent", "LastEngagementEventTimestamp",
)  # fmt: skip

Row = dict[str, Any]


class ExportJob(Record, indexes={"by_time": ("created",)}):
    id: str
    kind: str
    source: dict[str, Any]
    format: str
    status: str
    created: float
    completed: float | None = None
    processed: int = 0
    exported: int = 0

    def summary(self) -> dict[str, Any]:
        return {
            "JobId": self.id,
            "ExportSourceType": self.kind,
            "JobStatus": self.status,
            "CreatedTimestamp": self.created,
            "CompletedTimestamp": self.completed,
        }


class ExportFile(Record):
    job: str
    content: bytes


class Link(Record, scope="cloud", table="sesv2.ExportLink"):
    """An address at which a file can be had for a while."""

    token: str
    account: str
    region: str
    job: str
    until: float


def existing(call: Call, job_id: str) -> ExportJob:
    found = ExportJob.get(call, job_id)
    if found is None:
        raise Fault("NotFoundException", f"Export job {job_id} does not exist.")
    return found


@sesv2.operation
def create_export_job(
    call: Call, export_data_source: dict[str, Any], export_destination: dict[str, str]
) -> dict[str, Any]:
    if len(export_data_source) != 1:
        raise wrong(call, "ExportDataSource must have exactly one data source.")
    if "S3Url" in export_destination:
        raise wrong(call, "ExportDestination must not have an S3Url.")
    ((name, source),) = export_data_source.items()
    if source["StartDate"] >= source["EndDate"]:
        raise wrong(call, "StartDate must be before EndDate.")
    kind = METRICS if name == "MetricsDataSource" else MESSAGES
    if kind == METRICS and not all(metric.get("Name") for metric in source["Metrics"]):
        raise wrong(call, "Each of the Metrics must have a Name.")
    job = ExportJob(names.uuid4(), kind, export_data_source, export_destination["DataFormat"], "CREATED", call.now)
    job.put(call)
    export.later(call, job=job.id)
    return {"JobId": job.id}


@sesv2.operation(on=existing)
def get_export_job(call: Call, job: ExportJob) -> dict[str, Any]:
    to = {"DataFormat": job.format}
    if job.status == "COMPLETED":
        link = Link(names.token(40), call.account, call.region, job.id, call.now + ADDRESS_LASTS).put(call)
        unlink.later(call, token=link.token, delay=float(ADDRESS_LASTS))
        to["S3Url"] = call.url(f"/_pileus/at/sesv2/{link.token}")
    return job.summary() | {
        "ExportDestination": to,
        "ExportDataSource": job.source,
        "Statistics": {"ProcessedRecordsCount": job.processed, "ExportedRecordsCount": job.exported},
    }


@sesv2.operation
def list_export_jobs(
    call: Call, next_token: str = "", page_size: int = 100, export_source_type: str = "", job_status: str = ""
) -> dict[str, Any]:
    page = ExportJob.page(
        call,
        index="by_time",
        reverse=True,
        limit=page_size,
        token=next_token,
        invalid=wrong(call, "Invalid NextToken"),
        where=lambda one: export_source_type in ("", one.kind) and job_status in ("", one.status),
    )
    return {"ExportJobs": [one.summary() for one in page.items], "NextToken": page.token}


@sesv2.operation(on=existing)
def cancel_export_job(call: Call, job: ExportJob) -> None:
    if job.status not in OPEN:
        raise wrong(call, f"Export job {job.id} is {job.status} and cannot be cancelled.")
    job.status, job.completed = "CANCELLED", call.now
    job.put(call)


# Carrying out


@sesv2.task
def export(call: Call, job: str) -> None:
    """Gather what was asked for, and write it down; it is forgotten after as long as letters are."""
    found = existing(call, job)
    if found.status not in OPEN:
        return
    source = found.source.get("MetricsDataSource")
    rows = metric_rows(call, source) if source else message_rows(call, found)
    found.exported = len(rows)
    found.processed = max(found.processed, len(rows))
    found.status, found.completed = "COMPLETED", call.now
    found.put(call)
    ExportFile(job, written(rows, found.format)).put(call)
    expire.later(call, job=job, delay=float(KEPT))


@sesv2.task
def expire(call: Call, job: str) -> None:
    for record in (ExportFile.get(call, job), ExportJob.get(call, job)):
        if record:
            record.delete(call)


@sesv2.task
def unlink(call: Call, token: str) -> None:
    if found := Link.get(call, token):
        found.delete(call)


def metric_rows(call: Call, source: dict[str, Any]) -> list[Row]:
    """A row for each day and combination of the dimensions' values, with the metrics that were asked for."""
    rows: list[Row] = []
    for values in combined(source["Dimensions"]):
        counts = {
            metric: daily(call, metric, values, source["StartDate"], source["EndDate"])
            for metric in {one["Name"] for one in source["Metrics"]} | {"SEND"}
        }
        for day in sorted({day for by_day in counts.values() for day in by_day}):
            row: Row = {"Timestamp": stamp(day * DAY), **values}
            for one in source["Metrics"]:
                count, sent = counts[one["Name"]].get(day, 0), counts["SEND"].get(day, 0)
                rate = one.get("Aggregation") == "RATE"
                row[f"{one['Name']}_{'RATE' if rate else 'VOLUME'}"] = (
                    (count / sent if sent else 0.0) if rate else count
                )
            rows.append(row)
    return rows


def combined(dimensions: dict[str, list[str]]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = [{}]
    for name, values in dimensions.items():
        found = [{**one, name: value} for one in found for value in values]
    return found


def message_rows(call: Call, job: ExportJob) -> list[Row]:
    source = job.source["MessageInsightsDataSource"]
    include, exclude = source.get("Include", {}), source.get("Exclude", {})
    rows: list[Row] = []
    span: dict[str, Any] = {"index": "by_time", "since": (source["StartDate"],), "upto": (source["EndDate"],)}
    for letter in Outgoing.scan(call, **span):
        for address in letter.to:
            job.processed += 1
            row = message_row(letter, address)
            if all(chosen(row, name, values) for name, values in include.items()) and not any(
                chosen(row, name, values) for name, values in exclude.items()
            ):
                rows.append(row)
        if len(rows) >= source.get("MaxResults", MOST_MESSAGES):
            break
    return rows[: source.get("MaxResults", MOST_MESSAGES)]


def message_row(letter: Outgoing, address: str) -> Row:
    delivery, engagement = letter.last(address, DELIVERY), letter.last(address, ENGAGEMENT)
    times = {kind: at for _, at, kind, _ in letter.of(address)}
    values = (
        letter.id,
        stamp(letter.at),
        letter.sender,
        letter.subject,
        address,
        isp_of(address),
        letter.tenant,
        delivery,
        stamp(times.get("BOUNCE" if delivery.endswith("BOUNCE") else delivery, letter.at)),
        engagement,
        stamp(times[engagement]) if engagement else "",
    )
    return dict(zip(COLUMNS, values, strict=True))


def chosen(row: Row, name: str, values: list[str]) -> bool:
    """Whether one filter chooses a letter. In addresses and subjects `*` stands for anything."""
    held = str(row[name])
    if name in ("FromEmailAddress", "Destination", "Subject"):
        return any(like(held, value) for value in values)
    return held in values


def like(held: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(held.lower(), pattern.lower().replace("[", "[[]"))


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def written(rows: list[Row], kind: str) -> bytes:
    if kind == "JSON":
        return json.dumps(rows).encode()
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return out.getvalue().encode()


@sesv2.address
def download(call: Call, request: Any, token: str) -> Answer:
    """The file, to whoever knows its address."""
    found = Link.get(call, token)
    there = call.at(account=found.account, region=found.region) if found else call
    content = ExportFile.get(there, found.job) if found and call.now < found.until else None
    if content is None:
        return Answer(403, [("content-type", "text/plain")], b"Request has expired\n")
    return Answer(200, [("content-type", "application/octet-stream")], content.content)
