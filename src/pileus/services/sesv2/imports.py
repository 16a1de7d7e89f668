"""Import jobs: suppressed addresses and contacts from a file in S3, whose caller must be let read it.

"Adding email addresses in bulk to your account-level suppression list" and "Managing lists and contacts", Developer
Guide: lines of JSON, or CSV. Left out: the file that tells which lines failed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Fault, Record, names
from pileus.services.ses.faults import wrong
from pileus.services.ses.identities import ADDRESS
from pileus.services.ses.suppression import Suppressed, suppress

from . import sesv2
from .contacts import IN, OUT, Contact, ContactList
from .contacts import existing as contact_list

KINDS = {"SUPPRESSION_LIST": "SuppressionListDestination", "CONTACT_LIST": "ContactListDestination"}
REASONS = ("BOUNCE", "COMPLAINT")

Line = dict[str, Any]


class ImportJob(Record, indexes={"by_time": ("created",)}):
    id: str
    destination: dict[str, Any]
    source: dict[str, str]
    status: str
    created: float
    completed: float | None = None
    processed: int = 0
    failed: int = 0
    error: str = ""

    def described(self) -> dict[str, Any]:
        return {
            "JobId": self.id,
            "ImportDestination": self.destination,
            "JobStatus": self.status,
            "CreatedTimestamp": self.created,
            "ProcessedRecordsCount": self.processed,
            "FailedRecordsCount": self.failed,
        }


@sesv2.operation
def create_import_job(
    call: Call, import_destination: dict[str, Any], import_data_source: dict[str, str]
) -> dict[str, Any]:
    if len(import_destination) != 1:
        raise wrong(call, "ImportDestination must have exactly one destination.")
    if to := import_destination.get("ContactListDestination"):
        try:
            contact_list(call, to["ContactListName"])
        except Fault as fault:
            raise wrong(call, fault.message) from None
    job = ImportJob(names.uuid4(), import_destination, import_data_source, "CREATED", call.now).put(call)
    carry_out.later(call, job=job.id)
    return {"JobId": job.id}


def existing(call: Call, job_id: str) -> ImportJob:
    found = ImportJob.get(call, job_id)
    if found is None:
        raise Fault("NotFoundException", f"Import job {job_id} does not exist.")
    return found


@sesv2.operation(on=existing)
def get_import_job(call: Call, job: ImportJob) -> dict[str, Any]:
    failure = {"FailureInfo": {"ErrorMessage": job.error}} if job.error else {}
    return job.described() | {"ImportDataSource": job.source, "CompletedTimestamp": job.completed} | failure


@sesv2.operation
def list_import_jobs(
    call: Call, import_destination_type: str = "", next_token: str = "", page_size: int = 100
) -> dict[str, Any]:
    kind = KINDS.get(import_destination_type, "")
    page = ImportJob.page(
        call,
        index="by_time",
        reverse=True,
        limit=page_size,
        token=next_token,
        invalid=wrong(call, "Invalid NextToken"),
        where=lambda one: not kind or kind in one.destination,
    )
    return {"ImportJobs": [one.described() for one in page.items], "NextToken": page.token}


@sesv2.task
async def carry_out(call: Call, job: str) -> None:
    """Read the file, and take in line after line."""
    found = existing(call, job)
    bucket, _, key = found.source["S3Url"].removeprefix("s3://").partition("/")
    try:
        data = await content(call, bucket, key)
    except Fault as fault:
        with call.transaction():
            found.status, found.error, found.completed = "FAILED", fault.message, call.now
            found.put(call)
        return
    with call.transaction():
        for line in lines(data, found.source["DataFormat"], "ContactListDestination" in found.destination):
            good = line is not None and take(call, found.destination, line)
            found.processed += 1
            found.failed += not good
        found.status, found.completed = "COMPLETED", call.now
        found.put(call)


async def content(call: Call, bucket: str, key: str) -> str:
    with call.transaction():
        body = call.aws("s3").get_object(bucket=bucket, key=key)["Body"]
    data = body if isinstance(body, bytes) else b"".join([part async for part in body])
    return bytes(data).decode("utf-8-sig", "replace")


def lines(data: str, kind: str, headed: bool) -> Iterator[Line | None]:
    """What each line says; None for one that says nothing good. CSV of contacts has its members' names on top."""
    if kind == "JSON":
        for text in filter(str.strip, data.splitlines()):
            try:
                found = json.loads(text)
            except ValueError:
                found = None
            yield found if isinstance(found, dict) else None
    elif headed:
        for row in csv.DictReader(io.StringIO(data)):
            topics = [
                {"topicName": name.partition(".")[2], "subscriptionStatus": value}
                for name, value in row.items()
                if name and name.startswith("topicPreferences.") and value
            ]
            yield {**row, "topicPreferences": topics}
    else:
        for cells in filter(None, csv.reader(io.StringIO(data))):
            yield {"emailAddress": cells[0], "reason": cells[1] if len(cells) > 1 else ""}


def take(call: Call, destination: dict[str, Any], line: Line) -> bool:
    """Take in what a line says; whether it was fit for that."""
    address = str(line.get("emailAddress") or "").strip()
    if not ADDRESS.fullmatch(address):
        return False
    if to := destination.get("SuppressionListDestination"):
        return suppressing(call, to["SuppressionListImportAction"], address, str(line.get("reason") or "").strip())
    to = destination["ContactListDestination"]
    found = ContactList.get(call, to["ContactListName"])
    return found is not None and contacting(call, found, to["ContactListImportAction"], address, line)


def suppressing(call: Call, action: str, address: str, reason: str) -> bool:
    if action == "PUT":
        if reason not in REASONS:
            return False
        suppress(call, address, reason)
    elif found := Suppressed.get(call, address.lower()):
        found.delete(call)
    return True


def contacting(call: Call, known: ContactList, action: str, address: str, line: Line) -> bool:
    old = Contact.get(call, known.name, address)
    if action == "DELETE":
        if old:
            old.delete(call)
        return True
    given = {one.get("topicName", ""): one.get("subscriptionStatus", "") for one in line.get("topicPreferences") or ()}
    if not given.keys() <= known.defaults().keys() or not set(given.values()) <= {IN, OUT}:
        return False
    out = str(line.get("unsubscribeAll") or "").lower() == "true"
    created = old.created if old else call.now
    Contact(known.name, address, given, out, str(line.get("attributesData") or ""), created, call.now).put(call)
    return True
