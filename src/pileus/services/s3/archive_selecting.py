"""RestoreObject with a query: what it wants of an archived object is put elsewhere, once the archive has been read
("Querying archived objects", S3 User Guide, as long as it told of that).

Under the prefix and the id of the job lie `job.txt`, what was found under `results/`, what went wrong under `errors/`,
and a manifest of the one or the other. They are put as whoever asked for them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from pileus.kernel import Call, Fault, Unfinished, names
from pileus.kernel.edge import Result

from . import access, faults, s3, seals, versions
from .buckets import Bucket
from .objects import Object
from .selecting import Query, Selection, checked

GRANTS = {"FULL_CONTROL": "grant_full_control", "READ": "grant_read", "READ_ACP": "grant_read_acp"}
GRANTS |= {"WRITE_ACP": "grant_write_acp"}

Members = dict[str, Any]


def begun(call: Call, bucket: Bucket, found: Object, asked: Members, delay: float) -> Result:
    """Have an archived object queried after the archive's delay; where the results will be."""
    if asked.get("Type") != "SELECT" or "SelectParameters" not in asked or "OutputLocation" not in asked:
        raise faults.malformed()
    if asked.keys() & {"Days", "GlacierJobParameters"}:
        raise faults.invalid_request("Days and GlacierJobParameters cannot be specified with OutputLocation")
    to = asked["OutputLocation"].get("S3")
    if to is None:
        raise faults.malformed()
    seals.check_reader(found.seal, None)
    understood(found, asked["SelectParameters"])
    target = Bucket.get(call, call.partition, to["BucketName"])
    if target is None:
        raise faults.no_bucket(to["BucketName"])
    if target.region != bucket.region:
        raise faults.invalid_request("The output bucket must be in the same Region as the object")
    job = names.token(40)
    place = {"bucket": bucket.name, "room": bucket.room, "key": found.name, "version": found.version}
    select_archived.later(call, **place, asked=asked, job=job, delay=delay)
    return Result({"RestoreOutputPath": f"{to['Prefix']}/{job}", **access.charged(call, bucket)}, 202)


def understood(found: Object, asked: Members) -> tuple[Query, Any]:
    """The query, if it is one."""
    try:
        from .select import grammar
    except ImportError:
        raise Unfinished("S3 Select needs sqlglot and DuckDB: pip install 'pileus[select]'") from None
    statement = grammar.parse(asked["Expression"])
    given, output = asked["InputSerialization"], asked["OutputSerialization"]
    return checked(found, asked["ExpressionType"], given, output, {}), statement


@s3.task
async def select_archived(call: Call, bucket: str, room: str, key: str, version: str, asked: Members, job: str) -> None:
    """Query an archived object, and put what comes of it where it was asked for."""
    home = Bucket.get(call, call.partition, bucket)
    there = versions.lookup(call, home, key, version) if home and home.room == room else None
    found = there.held if isinstance(there, versions.Version) else there
    if home is None or found is None:
        return
    output = Output(call, asked, job)
    query, statement = understood(found, asked["SelectParameters"])
    failure = ""
    try:
        await output.put("results/part-0", records(Selection(call, home, found, None, query, statement)))
    except Fault as fault:
        failure = f"{fault.code}: {fault.message}"
        await output.put("errors/error-0", json.dumps({"code": fault.code, "message": fault.message}).encode())
    which = "error" if failure else "result"
    await output.put(f"{which}_manifest.txt", "\n".join(output.written).encode())
    status = {"jobId": job, "object": f"s3://{bucket}/{key}", "versionId": version, "expression": output.expression}
    status |= {"description": asked.get("Description", ""), "status": "Failed" if failure else "Succeeded"}
    await output.put("job.txt", json.dumps(status, indent=2).encode())


async def records(selection: Selection) -> AsyncIterator[bytes]:
    async for event in selection.events():
        if "Records" in event:
            yield event["Records"]["Payload"]


class Output:
    """Where the results of a job go, and how they are kept."""

    def __init__(self, call: Call, asked: Members, job: str) -> None:
        self.call = call
        self.expression: str = asked["SelectParameters"]["Expression"]
        self.to: Members = asked["OutputLocation"]["S3"]
        self.place = f"{self.to['Prefix']}/{job}"
        self.written: list[str] = []

    async def put(self, name: str, body: Any) -> None:
        key = f"{self.place}/{name}"
        pieces = b"".join([piece async for piece in body]) if isinstance(body, AsyncIterator) else body
        bucket = self.to["BucketName"]
        await self.call.aws("s3").put_object(bucket=bucket, key=key, body=pieces, **self.settings())
        self.written.append(f"s3://{bucket}/{key}")

    def settings(self) -> Members:
        """What the location says of the objects, as PutObject takes it."""
        to = self.to
        encryption, tags = to.get("Encryption", {}), to.get("Tagging", {}).get("TagSet", [])
        told: Members = {
            "acl": to.get("CannedACL"),
            "storage_class": to.get("StorageClass"),
            "server_side_encryption": encryption.get("EncryptionType"),
            "ssekms_key_id": encryption.get("KMSKeyId"),
            "ssekms_encryption_context": encryption.get("KMSContext"),
            "tagging": urlencode({tag["Key"]: tag["Value"] for tag in tags}) or None,
            "metadata": {entry["Name"]: entry["Value"] for entry in to.get("UserMetadata", [])} or None,
        }
        for permission, member in GRANTS.items():
            holders = [each["Grantee"] for each in to.get("AccessControlList", []) if each["Permission"] == permission]
            told[member] = ", ".join(named(each) for each in holders)
        return {name: value for name, value in told.items() if value}


def named(grantee: Members) -> str:
    """A grantee as headers name one."""
    kinds = {"ID": "id", "URI": "uri", "EmailAddress": "emailAddress"}
    return next(f'{kind}="{grantee[member]}"' for member, kind in kinds.items() if member in grantee)
