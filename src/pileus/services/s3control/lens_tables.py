"""Storage Lens in tables: a day's metrics as rows of Iceberg tables, in the table bucket that is S3's own.

"Exporting S3 Storage Lens metrics to S3 Tables", S3 User Guide. A row has all metrics of one kind of what it is about,
each in a column with the metric's name.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, NamedTuple

from pileus.engines.iceberg import snapshots
from pileus.engines.iceberg.metadata import Metadata
from pileus.kernel import Call
from pileus.services.s3 import lens_tallies, managed_tables, table_files
from pileus.services.s3.expiring_records import at
from pileus.services.s3.journals import field, file_of
from pileus.services.s3.table_files import Files
from pileus.services.s3.upkeep import quietly

from .lens import Configuration
from .lens_accounts import ITSELF
from .lens_counting import Line
from .lens_figures import COST, OWNERSHIPS

Members = dict[str, Any]

REPORTED = 3
"""The number of the column with the day."""
PAIRS = ("", "CurrentVersion", "NonCurrentVersion", "DeleteMarker", "Encrypted", "ObjectLockEnabled", "Replicated")
STORAGE = (
    *(f"{kind}{unit}" for kind in (*PAIRS, "IncompleteMultipartUpload") for unit in ("StorageBytes", "ObjectCount")),
    "ReplicatedStorageBytesSource",
    "ReplicatedObjectCountSource",
    "IncompleteMPUStorageBytesOlderThan7Days",
    "IncompleteMPUObjectCountOlderThan7Days",
)
PROPERTIES = (
    "VersioningEnabledBucketCount",
    "MFADeleteEnabledBucketCount",
    "SSEKMSEnabledBucketCount",
    "EventNotificationEnabledBucketCount",
    "TransferAccelerationEnabledBucketCount",
    *OWNERSHIPS.values(),
    *COST,
    "ExpiredObjectDeleteMarkerLifecycleRuleCount",
    "TotalLifecycleRuleCount",
    "TotalReplicationRuleCount",
    "InvalidDestinationReplicationRuleCount",
    "SameRegionReplicationRuleCount",
    "CrossRegionReplicationRuleCount",
    "SameAccountReplicationRuleCount",
    "CrossAccountReplicationRuleCount",
)
ACTIVITY = (*lens_tallies.ACTIVITY, *lens_tallies.STATUSES.values())
TABLES = {
    "default_storage_metrics": STORAGE,
    "default_activity_metrics": ACTIVITY,
    "bucket_property_metrics": PROPERTIES,
}
HEAD = (
    *("version_number", "configuration_id", "report_time", "aws_account_id", "aws_region", "storage_class"),
    *("record_type", "record_value", "bucket_name"),
)
VERSION = "1.0"


class Day(NamedTuple):
    """A day of a configuration."""

    configuration: str
    day: float


def column(metric: str) -> str:
    """The name of a metric's column: `SSEKMSEnabledBucketCount` is `sse_kms_enabled_bucket_count`."""
    parted = re.sub(r"(?<=SSE)(?=KMS)|(?<=[a-z])(?=[A-Z\d])|(?<=\d)(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", metric)
    return parted.lower()


def schema(metrics: tuple[str, ...]) -> Members:
    fields = [
        field(number, name, "timestamptz" if number == REPORTED else "string") for number, name in enumerate(HEAD, 1)
    ]
    fields += [field(number, column(name), "long") for number, name in enumerate(metrics, len(HEAD) + 1)]
    return {"type": "struct", "fields": fields}


async def put(call: Call, found: Configuration, day: float, lines: list[Line]) -> None:
    """Add the rows of a day to the tables, unless they are there from an earlier try."""
    namespace = f"lens_{re.sub('[^0-9a-z_]', '_', found.id.lower())}_exp"
    wanted = found.table.get("Encryption", {}).get("SSEKMS")
    encryption = {"sseAlgorithm": "aws:kms", "kmsKeyArn": wanted["KeyId"]} if wanted else {}
    about = Day(found.id, day)
    for name, metrics in TABLES.items():
        told = [row for line in lines for row in rows_of(about, line, metrics)]
        if told:
            address = await managed_tables.made(call, namespace, name, schema(metrics), encryption, ITSELF)
            await table_files.commit(call, address, partial(added, call, about, told), quietly)


async def added(call: Call, about: Day, told: list[Members], before: Metadata, files: Files) -> Metadata | None:
    for file in await snapshots.data_files(before, files):
        if at(file, REPORTED, upper=False) <= about.day <= at(file, REPORTED, upper=True):
            return None
    return await snapshots.changed(before, files, call.now, added=[await file_of(before, files, told)])


def rows_of(about: Day, line: Line, metrics: tuple[str, ...]) -> list[Members]:
    """The rows of a line: one for each storage class, where metrics have one."""
    found: dict[str, Members] = {}
    for (kind, metric), figure in line.sums.items():
        if metric in metrics:
            found.setdefault(kind, {})[column(metric)] = figure
    head = {
        "version_number": VERSION,
        "configuration_id": about.configuration,
        "report_time": about.day,
        "aws_account_id": line.account,
        "aws_region": line.region,
        "record_type": line.record,
        "record_value": line.value or None,
        "bucket_name": line.bucket or None,
    }
    return [{**head, "storage_class": kind or None, **sums} for kind, sums in sorted(found.items())]
