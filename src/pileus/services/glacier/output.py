"""What jobs bring: the bytes of an archive, or an inventory."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

from pileus import durations
from pileus.kernel import Call
from pileus.kernel.edge import Result

from . import glacier
from .faults import invalid
from .inventories import Archive
from .jobs import Job, named
from .storage import read
from .tree_hash import TreeHash, aligned
from .vaults import Vault, iso, vault

_RANGE = re.compile(r"bytes=(\d+)-(\d+)", re.ASCII)


@glacier.operation(on=vault)
async def get_job_output(call: Call, found: Vault, job_id: str, range: str = "") -> dict[str, Any]:  # noqa: A002
    """The output of a job that is done, or a range of it."""
    job = named(call, found, job_id)
    if job.status != "Succeeded":
        raise invalid(f"The job is not currently available for download: {job.id}")
    size = len(job.inventory) if job.archive is None else job.stop - job.start
    start, stop = span(range, size)
    told: dict[str, Any] = {"acceptRanges": "bytes"}
    if job.archive is None:
        kind = "text/csv" if job.format == "CSV" else "application/json"
        told |= {"body": job.inventory[start:stop], "contentType": kind}
    else:
        told |= await of_archive(call, job, job.archive, job.start + start, job.start + stop)
    if not range:
        return told | {"status": 200}
    return Result(told | {"contentRange": f"bytes {start}-{stop - 1}/{size}", "status": 206}, 206)


def span(text: str, size: int) -> tuple[int, int]:
    if not text:
        return 0, size
    match = _RANGE.fullmatch(text)
    start, stop = (int(match[1]), min(int(match[2]) + 1, size)) if match else (0, 0)
    if start >= stop:
        raise invalid(f"Invalid range: {text}")
    return start, stop


async def of_archive(call: Call, job: Job, archive: Archive, start: int, stop: int) -> dict[str, Any]:
    """The bytes, and their tree hash if it is one of the tree over the whole."""
    told: dict[str, Any] = {
        "body": read(call, archive.parts, start, stop),
        "contentType": "application/octet-stream",
    }
    if archive.description:
        told["archiveDescription"] = archive.description
    if (start, stop) == (0, archive.size):
        told["checksum"] = archive.tree_hash
    elif aligned(start, stop, archive.size):
        tree = TreeHash()
        async for piece in read(call, archive.parts, start, stop):
            tree.update(piece)
        told["checksum"] = tree.hexdigest()
    return told


# Inventories


def take_inventory(call: Call, found: Vault, job: Job) -> None:
    """Write down the archives that the last inventory knows and the job wants."""
    since = durations.instant(job.since) if job.since else 0.0
    until = durations.instant(job.until) if job.until else found.inventoried + 1
    most = int(job.most) if job.most else None
    rows: list[Archive] = []
    for archive in Archive.scan(call, call.account, found.room, above=(job.marker,) if job.marker else None):
        if archive.created > found.inventoried or not since <= archive.created < until:
            continue
        if most is not None and len(rows) == most:
            job.next = rows[-1].id
            break
        rows.append(archive)
    job.inventory = as_csv(rows) if job.format == "CSV" else as_json(call, found, rows)


def as_json(call: Call, found: Vault, rows: list[Archive]) -> bytes:
    listed = [
        {
            "ArchiveId": row.id,
            "ArchiveDescription": row.description,
            "CreationDate": iso(row.created),
            "Size": row.size,
            "SHA256TreeHash": row.tree_hash,
        }
        for row in rows
    ]
    told = {"VaultARN": found.arn(call), "InventoryDate": iso(found.inventoried), "ArchiveList": listed}
    return json.dumps(told).encode()


def as_csv(rows: list[Archive]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["ArchiveId", "ArchiveDescription", "CreationDate", "Size", "SHA256TreeHash"])
    writer.writerows([row.id, row.description, iso(row.created), row.size, row.tree_hash] for row in rows)
    return text.getvalue().encode()
