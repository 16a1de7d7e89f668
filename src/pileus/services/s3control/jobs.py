"""Batch operations: jobs that do one thing to every object of a list ("Performing object operations in bulk").

New, Preparing (its manifest is read and counted), Suspended until it is confirmed if that is wanted, Ready, Active,
Completing (its report is written), and Complete, Failed or Cancelled. `batches` does the work.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record, Unfinished, names
from pileus.kernel.tags import as_list
from pileus.services.s3.faults import fault

from . import mine, s3control
from .batch_checksums import IN_PARTS
from .tagging import tagged

MOST_LISTED = 1000
OPERATIONS = (
    "LambdaInvoke",
    "S3PutObjectCopy",
    "S3PutObjectAcl",
    "S3PutObjectTagging",
    "S3DeleteObjectTagging",
    "S3InitiateRestoreObject",
    "S3PutObjectLegalHold",
    "S3PutObjectRetention",
    "S3ReplicateObject",
    "S3ComputeObjectChecksum",
    "S3UpdateObjectEncryption",
)
OVER = ("Complete", "Failed", "Cancelled")
FORMATS = ("S3BatchOperations_CSV_20180820", "S3InventoryReport_CSV_20161130")
GENERATED = "S3InventoryReport_CSV_20211130"
"""The format of manifests that jobs make themselves."""


class Job(Record, kw_only=True, omit_defaults=True):
    """A job of an account in a Region."""

    id: str
    token: str
    created: float
    operation: dict[str, Any]
    manifest: dict[str, Any] = {}
    generator: dict[str, Any] = {}
    """How the job makes its manifest, if it does so itself."""
    generated: dict[str, Any] = {}
    """Where it wrote that."""
    report: dict[str, Any]
    role: str
    priority: int
    description: str = ""
    confirmation: bool = False
    status: str = "New"
    reason: str = ""
    failures: list[dict[str, str]] = []
    ended: float = 0.0
    suspended: float = 0.0
    active: float = 0.0
    """When it became active, and what it took."""
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return call.arn(f"job/{self.id}", "s3")

    @property
    def kind(self) -> str:
        return next(iter(self.operation))

    def means_as(self, other: Job) -> bool:
        """Whether another one would do the same."""
        mine = (self.operation, self.manifest, self.generator, self.role)
        return mine == (other.operation, other.manifest, other.generator, other.role)


class JobToken(Record):
    """The job that was created with a client's token."""

    token: str
    job: str


def job(call: Call, account_id: str, job_id: str) -> Job:
    found = Job.get(call.at(account=mine(call, account_id)), job_id)
    if found is None:
        raise fault("NotFoundException", "The specified job was not found.", 404)
    return found


def bad(message: str) -> Exception:
    return fault("BadRequestException", message)


@s3control.operation(on=mine)
def create_job(
    call: Call,
    account: str,
    operation: dict[str, Any],
    report: dict[str, Any],
    client_request_token: str,
    priority: int,
    role_arn: str,
    confirmation_required: bool = False,
    manifest: dict[str, Any] | None = None,
    description: str = "",
    tags: list[dict[str, str]] = [],
    manifest_generator: dict[str, Any] | None = None,
) -> dict[str, str]:
    """Create a job; repeated with the same token it is the same one."""
    generator = (manifest_generator or {}).get("S3JobManifestGenerator", {})
    if bool(manifest) == bool(generator):
        raise bad("A job has either a manifest or a manifest generator")
    check(operation, report)
    if manifest:
        check_manifest(manifest)
    elif generator["EnableManifestOutput"] != ("ManifestOutputLocation" in generator):
        raise bad("A manifest that is to be written needs a location, and another one has none")
    made = Job(
        id=names.uuid4(),
        token=client_request_token,
        created=call.now,
        operation=operation,
        manifest=manifest or {},
        generator=generator,
        report=report,
        role=role_arn,
        priority=priority,
        description=description,
        confirmation=confirmation_required,
        tags=tagged(tags),
    )
    if before := JobToken.get(call, client_request_token):
        known = Job.get(call, before.job)
        if known and known.means_as(made):
            return {"JobId": known.id}
        raise fault("IdempotencyException", "The client token was used before with other parameters.")
    made.put(call)
    JobToken(token=client_request_token, job=made.id).put(call)
    from .batches import prepare

    prepare.later(call, job=made.id)
    return {"JobId": made.id}


def check(operation: dict[str, Any], report: dict[str, Any]) -> None:
    if len(operation) != 1:
        raise bad("A job has one operation")
    if (kind := next(iter(operation))) not in OPERATIONS:
        raise Unfinished(f"Pileus has no batch operation {kind} yet.")
    sums = operation.get("S3ComputeObjectChecksum", {})
    if sums.get("ChecksumType") == "COMPOSITE" and sums.get("ChecksumAlgorithm") not in IN_PARTS:
        raise bad("There are no composite checksums of that algorithm")
    if report["Enabled"] and not {"Bucket", "Format", "ReportScope"} <= report.keys():
        raise bad("A report that is enabled needs a bucket, a format and a scope")


def check_manifest(manifest: dict[str, Any]) -> None:
    spec = manifest["Spec"]
    if spec["Format"] == FORMATS[0] and not {"Bucket", "Key"} <= set(spec.get("Fields", [])):
        raise bad("The fields of a CSV manifest name at least Bucket and Key")
    if spec["Format"] not in FORMATS:
        raise bad("Unknown format of a manifest")


@s3control.operation(on=job)
def describe_job(call: Call, found: Job) -> dict[str, Any]:
    """How a job was set up, and how far it is."""
    told: dict[str, Any] = {
        "JobId": found.id,
        "JobArn": found.arn(call),
        "ConfirmationRequired": found.confirmation,
        "Description": found.description or None,
        "Status": found.status,
        "StatusUpdateReason": found.reason or None,
        "Manifest": found.manifest or None,
        "ManifestGenerator": {"S3JobManifestGenerator": found.generator} if found.generator else None,
        "GeneratedManifestDescriptor": found.generated or None,
        "Operation": found.operation,
        "Priority": found.priority,
        "ProgressSummary": progress(call, found),
        "FailureReasons": found.failures,
        "Report": found.report,
        "CreationTime": found.created,
        "TerminationDate": found.ended or None,
        "SuspendedDate": found.suspended or None,
        "SuspendedCause": "AwaitingConfirmation" if found.status == "Suspended" else None,
        "RoleArn": found.role,
    }
    return {"Job": {name: value for name, value in told.items() if value is not None}}


def progress(call: Call, found: Job) -> dict[str, Any]:
    seconds = int((found.ended or call.now) - found.active) if found.active else 0
    return {
        "TotalNumberOfTasks": found.total,
        "NumberOfTasksSucceeded": found.succeeded,
        "NumberOfTasksFailed": found.failed,
        "Timers": {"ElapsedTimeInActiveSeconds": seconds},
    }


@s3control.operation(on=mine)
def list_jobs(
    call: Call, account: str, job_statuses: list[str] = [], next_token: str = "", max_results: int = MOST_LISTED
) -> dict[str, Any]:
    """The account's jobs in this Region, or those in certain states."""
    wrong = fault("InvalidNextTokenException", "The token is invalid.")
    limit = max(1, min(max_results, MOST_LISTED))

    def wanted(each: Job) -> bool:
        return not job_statuses or each.status in job_statuses

    page = Job.page(call, limit=limit, token=next_token, invalid=wrong, where=wanted)
    return {"Jobs": [summary(call, each) for each in page.items], "NextToken": page.token}


def summary(call: Call, found: Job) -> dict[str, Any]:
    told: dict[str, Any] = {
        "JobId": found.id,
        "Operation": found.kind,
        "Priority": found.priority,
        "Status": found.status,
        "CreationTime": found.created,
        "ProgressSummary": progress(call, found),
    }
    told |= {"Description": found.description} if found.description else {}
    return told | ({"TerminationDate": found.ended} if found.ended else {})


@s3control.operation(on=job)
def update_job_priority(call: Call, found: Job, priority: int) -> dict[str, Any]:
    """Give a job another priority."""
    if found.status in OVER:
        raise bad(f"The priority of a job that is {found.status} cannot be changed")
    found.priority = priority
    found.put(call)
    return {"JobId": found.id, "Priority": priority}


@s3control.operation(on=job)
def update_job_status(
    call: Call, found: Job, requested_job_status: str, status_update_reason: str = ""
) -> dict[str, Any]:
    """Confirm a job that waits for it, or cancel one that is not over."""
    if requested_job_status == "Ready" and found.status == "Suspended":
        found.status = "Ready"
        from .batches import work

        work.later(call, job=found.id)
    elif requested_job_status == "Cancelled" and found.status not in OVER:
        from .generating import Listed

        Listed.delete_all(call, found.id)
        found.status, found.ended = "Cancelled", call.now
    else:
        words = f"A job that is {found.status} cannot become {requested_job_status}."
        raise fault("JobStatusException", words)
    found.reason = status_update_reason
    found.put(call)
    told = {"JobId": found.id, "Status": found.status}
    return told | ({"StatusUpdateReason": found.reason} if found.reason else {})


# Tags


@s3control.operation(on=job)
def put_job_tagging(call: Call, found: Job, tags: list[dict[str, str]]) -> None:
    """Replace the job's tags."""
    found.tags = tagged(tags)
    found.put(call)


@s3control.operation(on=job)
def get_job_tagging(call: Call, found: Job) -> dict[str, Any]:
    """The job's tags."""
    return {"Tags": as_list(found.tags, "Key", "Value")}


@s3control.operation(on=job)
def delete_job_tagging(call: Call, found: Job) -> None:
    """Remove the job's tags."""
    found.tags = {}
    found.put(call)
