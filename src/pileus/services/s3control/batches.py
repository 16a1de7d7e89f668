"""The work of batch operations: read a manifest, do its operation to each object, write a report.

Objects are done in the order of the manifest, a hundred to a transaction of progress: after a crash at most those are
done again: AWS too promises no more than at least once.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from pileus.kernel import Call, Fault, Record, names
from pileus.kernel.identity import Principal
from pileus.services.s3 import faults, replicating, roles, versions
from pileus.services.s3.buckets import Bucket
from pileus.services.s3.data import pieces
from pileus.services.s3.objects import Object
from pileus.services.s3.versions import Version

from . import generating, s3control
from .batch_checksums import computed
from .generating import Listed
from .jobs import OVER, Job
from .manifests import Stopped, Target, client, manifest

SERVICE = "batchoperations.s3.amazonaws.com"
AT_A_TIME = 100
TOO_MANY = 1000
"""Tasks after which a job ends of which more than half have failed."""
GRANTEES = {
    "id": ("CanonicalUser", "ID"),
    "uri": ("Group", "URI"),
    "emailAddress": ("AmazonCustomerByEmail", "EmailAddress"),
}
COLUMNS = ("Bucket", "Key", "VersionId", "TaskStatus", "ErrorCode", "HTTPStatusCode", "ResultMessage")


class Outcome(Record, key=("job", "number")):
    """What came of one task, until the report is written."""

    job: str
    number: int
    line: list[str]


# The steps of a job


@s3control.task
async def prepare(call: Call, job: str) -> None:
    """Read the manifest, and count what there is to do."""
    if not become(call, job, "Preparing", "New", "Preparing"):
        return
    found = current(call, job)
    try:
        principal = session(call, found)
        if found.generator:
            await generating.generate(call, found, principal)
        total = 0
        async for _ in targets(call, found, principal):
            total += 1
    except Stopped as stopped:
        end(call, job, "Failed", stopped.failure)
        return
    with call.transaction():
        found = current(call, job)
        if found.status != "Preparing":
            Listed.delete_all(call, job)
            return
        found.total = total
        found.status = "Suspended" if found.confirmation else "Ready"
        found.suspended = call.now if found.confirmation else 0.0
        found.put(call)
        if not found.confirmation:
            work.later(call, job=job)


@s3control.task
async def work(call: Call, job: str) -> None:
    """Do what is to be done, and go on where it was left."""
    if not become(call, job, "Active", "Ready", "Active"):
        return
    found = current(call, job)
    try:
        principal = session(call, found)
        done, lines, number = found.succeeded + found.failed, list[list[str]](), 0
        async for target in targets(call, found, principal):
            number += 1
            if number <= done:
                continue
            lines.append(await carried_out(call, found, principal, target))
            if len(lines) == AT_A_TIME:
                if not note(call, job, lines):
                    return
                lines = []
        if not note(call, job, lines):
            return
    except Stopped as stopped:
        end(call, job, "Failed", stopped.failure)
        return
    if become(call, job, "Completing", "Active"):
        await report(call, current(call, job), principal)
        end(call, job, "Complete")


def targets(call: Call, job: Job, principal: Principal) -> AsyncIterator[Target]:
    """What a job is about: as its manifest says, or as it has found out itself."""
    return generating.lines(call, job) if job.generator else manifest(call, job, principal)


def current(call: Call, job: str) -> Job:
    found = Job.get(call, job)
    assert found is not None, f"a task is about a job that is not there: {job}"
    return found


def become(call: Call, job: str, status: str, *before: str) -> bool:
    """Go on to another state, unless it was left meanwhile."""
    with call.transaction():
        found = current(call, job)
        if found.status not in before:
            return False
        found.status = status
        if status == "Active" and not found.active:
            found.active = call.now
        found.put(call)
    return True


def end(call: Call, job: str, status: str, failure: dict[str, str] | None = None) -> None:
    with call.transaction():
        found = current(call, job)
        if found.status in OVER:
            return
        Listed.delete_all(call, job)
        found.status, found.ended = status, call.now
        found.failures += [failure] if failure else []
        found.put(call)


def note(call: Call, job: str, lines: list[list[str]]) -> bool:
    """Write down what came of some tasks; whether the job is to go on."""
    with call.transaction():
        found = current(call, job)
        if found.status in OVER:
            return False
        for line in lines:
            failed = line[3] == "failed"
            found.failed += failed
            found.succeeded += not failed
            if found.report["Enabled"] and (failed or found.report["ReportScope"] == "AllTasks"):
                Outcome(job=job, number=found.failed + found.succeeded, line=line).put(call)
        found.put(call)
    if found.failed + found.succeeded >= TOO_MANY and found.failed * 2 > found.succeeded + found.failed:
        raise Stopped("JobFailed", "The job's failure rate is above 50%.")
    return True


def session(call: Call, job: Job) -> Principal:
    try:
        return roles.taken_on(call, job.role, SERVICE, f"s3-batch-operations_{job.id}"[:64])
    except Fault as fault:
        raise Stopped("AccessDenied", f"The role {job.role} cannot be assumed: {fault.message}") from None


# Operations


async def carried_out(call: Call, job: Job, principal: Principal, target: Target) -> list[str]:
    """Do the operation to one object: a line of the report."""
    line = [target.bucket, quote(target.key, safe="/"), target.version]
    try:
        told = await perform(call, job, principal, target)
    except Fault as fault:
        return [*line, "failed", fault.code, str(fault.status or 400), fault.message]
    return [*line, "succeeded", "", "200", told]


async def perform(call: Call, job: Job, principal: Principal, target: Target) -> str:
    given = job.operation[job.kind]
    if job.kind == "LambdaInvoke":
        return await invoked(call, job, principal, target, given)
    if job.kind == "S3ReplicateObject":
        replicated(call, principal, target)
        return "Successful"
    s3 = client(call, principal, given.get("TargetResource", target.bucket).split(":::")[-1])
    named: dict[str, Any] = {"bucket": target.bucket, "key": target.key, "version_id": target.version or None}
    if job.kind == "S3ComputeObjectChecksum":
        return await computed(s3, named, given)
    if job.kind == "S3UpdateObjectEncryption":
        s3.update_object_encryption(**named, object_encryption=given["ObjectEncryption"])
    elif job.kind == "S3PutObjectCopy":
        await copied(s3, target, given)
    elif job.kind == "S3PutObjectTagging":
        s3.put_object_tagging(**named, tagging={"TagSet": given.get("TagSet", [])})
    elif job.kind == "S3DeleteObjectTagging":
        s3.delete_object_tagging(**named)
    elif job.kind == "S3PutObjectAcl":
        s3.put_object_acl(**named, **acl(given.get("AccessControlPolicy", {})))
    elif job.kind == "S3InitiateRestoreObject":
        tier = {"Tier": given.get("GlacierJobTier", "STANDARD").title()}
        asked = {"Days": given.get("ExpirationInDays", 1), "GlacierJobParameters": tier}
        s3.restore_object(**named, restore_request=asked)
    elif job.kind == "S3PutObjectLegalHold":
        s3.put_object_legal_hold(**named, legal_hold=given["LegalHold"])
    else:
        bypass = given.get("BypassGovernanceRetention")
        s3.put_object_retention(**named, retention=given["Retention"], bypass_governance_retention=bypass)
    return "Successful"


def acl(given: dict[str, Any]) -> dict[str, Any]:
    if canned := given.get("CannedAccessControlList"):
        return {"acl": canned}
    told = given.get("AccessControlList", {})
    return {"access_control_policy": {"Owner": told.get("Owner", {}), "Grants": grants(told.get("Grants", []))}}


def grants(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = {
        "id": ("CanonicalUser", "ID"),
        "uri": ("Group", "URI"),
        "emailAddress": ("AmazonCustomerByEmail", "EmailAddress"),
    }
    rows = []
    for each in given:
        kind, member = kinds[each["Grantee"]["TypeIdentifier"]]
        rows.append(
            {"Grantee": {"Type": kind, member: each["Grantee"]["Identifier"]}, "Permission": each["Permission"]}
        )
    return rows


async def copied(s3: Any, target: Target, given: dict[str, Any]) -> None:
    new = given.get("NewObjectMetadata", {})
    source = quote(f"{target.bucket}/{target.key}", safe="/")
    algorithm = {"KMS": "aws:kms", None: None}.get(new.get("SSEAlgorithm"), new.get("SSEAlgorithm"))
    tags = given.get("NewObjectTagging")
    replaced = given.get("MetadataDirective") or ("REPLACE" if new.keys() - {"SSEAlgorithm"} else None)
    await s3.copy_object(
        bucket=given["TargetResource"].split(":::")[-1],
        key=f"{given['TargetKeyPrefix']}/{target.key}" if given.get("TargetKeyPrefix") else target.key,
        copy_source=f"{source}?versionId={target.version}" if target.version else source,
        acl=given.get("CannedAccessControlList"),
        storage_class=given.get("StorageClass"),
        metadata_directive=replaced,
        metadata=new.get("UserMetadata"),
        content_type=new.get("ContentType"),
        cache_control=new.get("CacheControl"),
        content_disposition=new.get("ContentDisposition"),
        content_encoding=new.get("ContentEncoding"),
        content_language=new.get("ContentLanguage"),
        server_side_encryption=algorithm,
        ssekms_key_id=given.get("SSEAwsKmsKeyId"),
        bucket_key_enabled=given.get("BucketKeyEnabled"),
        checksum_algorithm=given.get("ChecksumAlgorithm"),
        website_redirect_location=given.get("RedirectLocation"),
        tagging="&".join(f"{quote(t['Key'])}={quote(t['Value'])}" for t in tags) if tags else None,
        tagging_directive="REPLACE" if tags else None,
        copy_source_if_modified_since=given.get("ModifiedSinceConstraint"),
        copy_source_if_unmodified_since=given.get("UnModifiedSinceConstraint"),
        object_lock_mode=given.get("ObjectLockMode"),
        object_lock_retain_until_date=given.get("ObjectLockRetainUntilDate"),
        object_lock_legal_hold_status=given.get("ObjectLockLegalHoldStatus"),
    )


def replicated(call: Call, principal: Principal, target: Target) -> None:
    """Have an object replicated that was there before the rules, or whose replication failed."""
    with call.transaction():
        source = Bucket.get(call, call.partition, target.bucket)
        if source is None:
            raise faults.no_bucket(target.bucket)
        roles.check(call.at(principal=principal), "s3:InitiateReplication", source, target.key)
        found = versions.lookup(call, source, target.key, target.version) if target.version else None
        held = found.held if isinstance(found, Version) else found or Object.get(call, source.room, target.key)
        if held is None:
            raise faults.no_key(target.key)
        fitting = replicating.fitting(call, source, held.name, held.tags)
        chosen = [(rule, role) for rule, role in fitting if replicating.selected(rule, held)]
        if not chosen:
            raise faults.invalid_request("No replication rule of the bucket applies to the object")
        for rule, role in chosen:
            held.replicas[rule["Destination"]["Bucket"]] = replicating.PENDING
            replicating.enqueue(call, source, held.name, held.version, rule, role, replicating.PUT)
        versions.save(call, held)


async def invoked(call: Call, job: Job, principal: Principal, target: Target, given: dict[str, Any]) -> str:
    """What a function says of one object ("Invoke AWS Lambda function", User Guide)."""
    task = {
        "taskId": base64.b64encode(target.key.encode()).decode(),
        "s3Key": quote(target.key, safe="/"),
        "s3VersionId": target.version or None,
        "s3BucketArn": f"arn:{call.partition}:s3:::{target.bucket}",
    }
    event = {"invocationSchemaVersion": "1.0", "invocationId": names.uuid4(), "job": {"id": job.id}, "tasks": [task]}
    told = await call.aws("lambda", principal=principal).invoke(
        function_name=given["FunctionArn"], payload=json.dumps(event).encode()
    )
    answer = b"".join([piece async for piece in pieces(told["Payload"])])
    results = [] if told.get("FunctionError") else json.loads(answer or b"{}").get("results", [])
    if not results or results[0].get("resultCode") != "Succeeded":
        raise Fault("PermanentFailure", str(results[0].get("resultString", "") if results else "FunctionError"))
    return str(results[0].get("resultString", ""))


# Reports


async def report(call: Call, job: Job, principal: Principal) -> None:
    """Write what came of the tasks, and a manifest of the files that say it."""
    if not job.report["Enabled"]:
        return
    bucket = job.report["Bucket"].split(":::")[-1]
    folder = "/".join(part for part in (job.report.get("Prefix", "").strip("/"), f"job-{job.id}") if part)
    lines = [outcome.line for outcome in Outcome.scan(call, job.id)]
    files = []
    for status in ("succeeded", "failed"):
        chosen = [line for line in lines if line[3] == status]
        if not chosen:
            continue
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(chosen)
        key = f"{folder}/results/{names.uuid4()}.csv"
        body = text.getvalue().encode()
        await put(call, principal, bucket, key, body)
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        files.append({"TaskExecutionStatus": status, "Bucket": bucket, "MD5Checksum": digest, "Key": key})
    told = {
        "Format": job.report["Format"],
        "ReportCreationDate": call.now,
        "Results": files,
        "ReportSchema": ", ".join(COLUMNS),
    }
    await put(call, principal, bucket, f"{folder}/manifest.json", json.dumps(told).encode())
    with call.transaction():
        Outcome.delete_all(call, job.id)


async def put(call: Call, principal: Principal, bucket: str, key: str, body: bytes) -> None:
    try:
        await client(call, principal, bucket).put_object(bucket=bucket, key=key, body=body)
    except Fault as fault:
        with call.transaction():
            found = Job.get(call, key.split("job-", 1)[1].split("/")[0])
            if found is not None:
                found.failures.append({"FailureCode": "ReportFailed", "FailureReason": str(fault)[:256]})
                found.put(call)
