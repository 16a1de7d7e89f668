"""Jobs: what is retrieved comes after the time that its tier takes, and can be had for a day."""

from __future__ import annotations

import json
import re
from typing import Any

from pileus import durations
from pileus.kernel import Call, Record, identity, names

from . import glacier, retrievals
from .faults import fault, invalid, limit, missing, not_found
from .inventories import Archive
from .tree_hash import MEGABYTE
from .vaults import Vault, iso, vault

TAKES = {"Expedited": 3 * 60.0, "Standard": 4 * 3600.0, "Bulk": 8 * 3600.0}
"""Seconds: in the midst of 1–5 minutes, 3–5 hours, 5–12 hours ("Archive Retrieval Options", Developer Guide)."""
LASTS = 24 * 3600.0
MOST_LISTED = 50
ACTIONS = {"archive-retrieval": "ArchiveRetrieval", "inventory-retrieval": "InventoryRetrieval"}
_RANGE = re.compile(r"(\d+)-(\d+)", re.ASCII)


class Job(Record, scope="account", key=("room", "id"), kw_only=True, omit_defaults=True):
    """A retrieval."""

    room: str
    id: str
    action: str
    created: float
    description: str = ""
    topic: str = ""
    tier: str = "Standard"
    done: float = 0.0
    failed: str = ""
    archive: Archive | None = None
    """As it was when the job began: what is deleted meanwhile makes the job fail."""
    start: int = 0
    stop: int = 0
    format: str = "JSON"
    since: str = ""
    until: str = ""
    most: str = ""
    marker: str = ""
    next: str = ""
    """Where the next inventory retrieval goes on."""
    inventory: bytes = b""

    @property
    def status(self) -> str:
        return "Failed" if self.failed else "Succeeded" if self.done else "InProgress"


@glacier.operation(on=vault)
def initiate_job(call: Call, found: Vault, job_parameters: dict[str, Any] = {}) -> dict[str, str]:
    """Ask for an archive, or for the inventory of the vault."""
    kind = job_parameters.get("Type", "")
    if not kind:
        raise missing("Required parameter missing: Type")
    if kind == "select":
        raise fault("NoLongerSupportedException", "Amazon S3 Glacier Select is no longer available.")
    if kind not in ACTIONS:
        raise invalid(f"Invalid job type: {kind}")
    topic = job_parameters.get("SNSTopic", "")
    if topic and ":sns:" not in topic:
        raise invalid(f"Invalid SNS topic: {topic}")
    job = Job(
        room=found.room,
        id=names.token(92),
        action=ACTIONS[kind],
        created=call.now,
        description=job_parameters.get("Description", ""),
        topic=topic,
    )
    if kind == "archive-retrieval":
        of_archive(call, found, job, job_parameters)
    else:
        of_inventory(found, job, job_parameters)
    job.put(call)
    finish.later(call, name=found.name, room=found.room, job=job.id, delay=TAKES[job.tier])
    path = f"/{call.account}/vaults/{found.name}/jobs/{job.id}"
    return {"location": path, "jobId": job.id}


def of_archive(call: Call, found: Vault, job: Job, given: dict[str, Any]) -> None:
    if "ArchiveId" not in given:
        raise missing("Required parameter missing: ArchiveId")
    job.archive = archive = Archive.get(call, call.account, found.room, given["ArchiveId"])
    if archive is None:
        raise not_found(f"The archive ID was not found: {given['ArchiveId']}")
    job.tier = given.get("Tier", "Standard")
    if job.tier not in TAKES:
        raise invalid(f"Invalid tier: {job.tier}")
    job.start, job.stop = 0, archive.size
    if text := given.get("RetrievalByteRange", ""):
        job.start, job.stop = asked(text, archive.size)
    if job.tier == "Standard":
        retrievals.take(call, job.stop - job.start)


def asked(text: str, size: int) -> tuple[int, int]:
    """A range of an archive, which begins and ends at whole megabytes, or at the archive's end."""
    match = _RANGE.fullmatch(text)
    start, stop = (int(match[1]), int(match[2]) + 1) if match else (0, 0)
    if match is None or start >= stop or stop > size or start % MEGABYTE or (stop % MEGABYTE and stop != size):
        raise invalid(f"Invalid range: {text}. It must be megabyte aligned, and within the archive")
    return start, stop


def of_inventory(found: Vault, job: Job, given: dict[str, Any]) -> None:
    if not found.inventoried:
        raise not_found(f"The inventory of the vault {found.name} is not available yet")
    job.format = given.get("Format", "JSON")
    if job.format not in ("JSON", "CSV"):
        raise invalid(f"Invalid format: {job.format}")
    wanted = given.get("InventoryRetrievalParameters", {})
    job.since, job.until = wanted.get("StartDate", ""), wanted.get("EndDate", "")
    job.most, job.marker = wanted.get("Limit", ""), wanted.get("Marker", "")
    for text in (job.since, job.until):
        try:
            durations.instant(text or "0")
        except ValueError:
            raise invalid(f"Invalid date: {text}") from None
    if job.most and (not job.most.isdigit() or int(job.most) < 1):
        raise invalid(f"Invalid limit: {job.most}")


@glacier.task
def finish(call: Call, name: str, room: str, job: str) -> None:
    """The time has come: the job is done, and its output there for a day."""
    from .output import take_inventory

    found, running = Vault.get(call, name), Job.get(call, room, job)
    if found is None or running is None or found.room != room:
        return
    if running.archive is None:
        take_inventory(call, found, running)
    elif Archive.get(call, call.account, room, running.archive.id) is None:
        running.failed = "The archive was deleted"
    running.done = call.now
    running.put(call)
    forget.later(call, room=room, job=job, delay=LASTS)
    topics = [running.topic] if running.topic else []
    if found.topic and f"{running.action}Completed" in found.events:
        topics.append(found.topic)
    for topic in dict.fromkeys(topics):
        notify.later(call, topic=topic, message=json.dumps(described(call, found, running)))


@glacier.task
async def notify(call: Call, topic: str, message: str) -> None:
    """Tell a topic that a job is done."""
    sns = call.aws("sns", principal=identity.service("glacier.amazonaws.com", source_account=call.account))
    told = sns.publish(topic_arn=topic, message=message)
    if hasattr(told, "__await__"):
        await told


@glacier.task
def forget(call: Call, room: str, job: str) -> None:
    """A day after it was done nobody knows of a job any more."""
    if found := Job.get(call, room, job):
        found.delete(call)


def named(call: Call, found: Vault, job_id: str) -> Job:
    job = Job.get(call, found.room, job_id)
    if job is None:
        raise not_found(f"The job ID was not found: {job_id}")
    return job


@glacier.operation(on=vault)
def describe_job(call: Call, found: Vault, job_id: str) -> dict[str, Any]:
    """What was asked, and whether it is there."""
    return described(call, found, named(call, found, job_id))


def described(call: Call, found: Vault, job: Job) -> dict[str, Any]:
    told: dict[str, Any] = {
        "JobId": job.id,
        "JobDescription": job.description or None,
        "Action": job.action,
        "VaultARN": found.arn(call),
        "CreationDate": iso(job.created),
        "Completed": bool(job.done),
        "StatusCode": job.status,
        "StatusMessage": job.failed or job.status if job.done else None,
        "CompletionDate": iso(job.done) if job.done else None,
        "SNSTopic": job.topic or None,
    }
    if job.archive is None:
        wanted = {"Format": job.format, "StartDate": job.since, "EndDate": job.until, "Limit": job.most}
        wanted["Marker"] = job.next or job.marker
        told["InventoryRetrievalParameters"] = {name: value for name, value in wanted.items() if value}
        if job.done:
            told["InventorySizeInBytes"] = len(job.inventory)
    else:
        told |= {
            "ArchiveId": job.archive.id,
            "ArchiveSizeInBytes": job.archive.size,
            "ArchiveSHA256TreeHash": job.archive.tree_hash,
            "RetrievalByteRange": f"{job.start}-{job.stop - 1}",
            "Tier": job.tier,
        }
        if (job.start, job.stop) == (0, job.archive.size):
            told["SHA256TreeHash"] = job.archive.tree_hash
    return {name: value for name, value in told.items() if value is not None}


@glacier.operation(on=vault)
def list_jobs(
    call: Call, found: Vault, limit: str = "", marker: str = "", statuscode: str = "", completed: str = ""
) -> dict[str, Any]:
    """The jobs of a vault that are under way, or done since a day at most."""
    if statuscode not in ("", "InProgress", "Succeeded", "Failed"):
        raise invalid(f"Invalid status code: {statuscode}")
    if completed not in ("", "true", "false"):
        raise invalid(f"Invalid value for completed: {completed}")

    def wanted(job: Job) -> bool:
        fits = not completed or bool(job.done) == (completed == "true")
        return fits and statuscode in ("", job.status)

    wrong = invalid(f"Invalid marker: {marker}")
    page = Job.page(call, found.room, limit=page_size(limit), token=marker, invalid=wrong, where=wanted)
    return {"JobList": [described(call, found, each) for each in page.items], "Marker": page.token}


def page_size(given: str) -> int:
    return limit(given, MOST_LISTED, MOST_LISTED)
