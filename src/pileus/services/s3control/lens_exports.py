"""What Storage Lens tells every day: a file of metrics with its manifest, put into a bucket, and data for CloudWatch.

"Using Amazon S3 Storage Lens metrics exports" and "Monitor S3 Storage Lens metrics in CloudWatch", S3 User Guide.
Files are put by `storage-lens.s3.amazonaws.com`, so that the destination's policy must let it in; Parquet wants
pyarrow, which the extra `inventory` brings. A day that cannot be delivered is not delivered later.
"""

from __future__ import annotations

import csv
import hashlib
import inspect
import io
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from pileus.kernel import Call, Fault, Unfinished, identity, names
from pileus.kernel.blobs import threaded
from pileus.services.s3.rules import DAY

from . import s3control
from .lens import Configuration, bucket_of, observe, plan
from .lens_counting import Counting, Line

log = logging.getLogger("pileus.s3")

VERSION = "V_1"
FIELDS = (
    "version_number",
    "configuration_id",
    "report_date",
    "aws_account_number",
    "aws_region",
    "storage_class",
    "record_type",
    "record_value",
    "bucket_name",
    "metric_name",
    "metric_value",
)
NAMESPACE = "AWS/S3/Storage-Lens"
PUBLISHED = ("ACCOUNT", "BUCKET", "STORAGE_LENS_GROUP_ACCOUNT", "STORAGE_LENS_GROUP_BUCKET")
DATA_AT_ONCE = 1000

Members = dict[str, Any]
Row = tuple[str | int, ...]


@s3control.task
async def measure(call: Call, name: str, planned: float) -> None:
    """Measure the day that is over, tell of it, and plan for the next one."""
    found = Configuration.get(call, call.region, name)
    if found is None or found.due != planned:
        return
    lines = [line async for line in Counting(call, found, planned - DAY).lines()]
    try:
        if found.export:
            await Export(call, found, planned - DAY).make(lines)
        if found.table:
            from . import lens_tables

            await lens_tables.put(call, found, planned - DAY, lines)
        if found.published:
            await publish(call, found, planned - DAY, lines)
    except Fault as fault:
        log.warning("the Storage Lens configuration %s of %s is not delivered: %s", name, call.account, fault)
    with call.transaction():
        if (now := Configuration.get(call, call.region, name)) is not None:
            plan(call, now)
            observe(call)


class Export:
    """One day of one configuration on its way into a bucket."""

    def __init__(self, call: Call, found: Configuration, day: float) -> None:
        self.call = call
        self.name = found.id
        self.to = found.export
        self.date = datetime.fromtimestamp(day, UTC).strftime("%Y-%m-%d")
        place = f"StorageLens/{call.account}/{found.id}/{VERSION}"
        self.place = f"{self.to['Prefix'].rstrip('/')}/{place}" if self.to.get("Prefix") else place

    async def make(self, lines: list[Line]) -> None:
        kind: str = self.to["Format"]
        write, ending = FORMATS[kind]
        body = await threaded(write, [row for line in lines for row in self.rows(line)])
        key = f"{self.place}/reports/dt={self.date}/{names.uuid4()}.{ending}"
        await self.put(key, body, "text/csv" if kind == "CSV" else "application/octet-stream")
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        manifest = {
            "sourceAccountId": self.call.account,
            "configId": self.name,
            "destinationBucket": self.to["Arn"],
            "reportVersion": VERSION,
            "reportDate": self.date,
            "reportFormat": kind,
            "reportSchema": SCHEMAS[kind],
            "reportFiles": [{"key": key, "size": len(body), "md5Checksum": digest}],
        }
        told = json.dumps(manifest, indent=2).encode()
        await self.put(f"{self.place}/manifests/dt={self.date}/manifest.json", told, "application/json")

    def rows(self, line: Line) -> list[Row]:
        """A row for each metric."""
        head = (VERSION, self.name, self.date, line.account, line.region)
        value = quote_plus(line.value, safe="/") if line.record == "PREFIX" else line.value
        return [
            (*head, kind, line.record, value, line.bucket, metric, figure)
            for (kind, metric), figure in sorted(line.sums.items())
        ]

    async def put(self, key: str, body: bytes, kind: str) -> None:
        given: Members = {}
        wanted = self.to.get("Encryption", {})
        if "SSEKMS" in wanted:
            given = {"server_side_encryption": "aws:kms", "ssekms_key_id": wanted["SSEKMS"]["KeyId"]}
        elif "SSES3" in wanted:
            given = {"server_side_encryption": "AES256"}
        await self.call.aws("s3").put_object(
            bucket=bucket_of(self.to),
            key=key,
            body=body,
            content_type=kind,
            expected_bucket_owner=self.to["AccountId"],
            acl="bucket-owner-full-control",
            **given,
        )


# Formats


def as_csv(rows: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows: list[Row]) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise Unfinished("Exports as Parquet want pyarrow: pip install 'pileus[inventory]'.") from None
    fields = [
        pyarrow.field(name, pyarrow.int64() if name == FIELDS[-1] else pyarrow.string(), nullable=False)
        for name in FIELDS
    ]
    columns = [pyarrow.array([row[at] for row in rows], field.type) for at, field in enumerate(fields)]
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns, schema=pyarrow.schema(fields)), out)
    return out.getvalue()


FORMATS: dict[str, tuple[Callable[[list[Row]], bytes], str]] = {"CSV": (as_csv, "csv"), "Parquet": (as_parquet, "par")}
SCHEMAS = {
    "CSV": ",".join(FIELDS),
    "Parquet": "message s3.storage.lens { "
    + " ".join(f"required {'long' if name == FIELDS[-1] else 'string'} {name};" for name in FIELDS)
    + " }",
}


# CloudWatch


async def publish(call: Call, found: Configuration, day: float, lines: list[Line]) -> None:
    """Hand the metrics of the account, its buckets and groups to CloudWatch."""
    data = [datum for line in lines if line.record in PUBLISHED for datum in told(call, found, day, line)]
    cloudwatch = call.aws("cloudwatch", principal=identity.service("cloudwatch.amazonaws.com"))
    for start in range(0, len(data), DATA_AT_ONCE):
        done = cloudwatch.put_metric_data(namespace=NAMESPACE, metric_data=data[start : start + DATA_AT_ONCE])
        if inspect.isawaitable(done):
            await done


def told(call: Call, found: Configuration, day: float, line: Line) -> list[Members]:
    about = {
        "configuration_id": found.id,
        "metrics_version": "1.0",
        "aws_account_number": line.account,
        "aws_region": line.region,
        "record_type": line.record,
        "bucket_name": line.bucket,
        "record_value": line.value,
    }
    return [
        {
            "MetricName": metric,
            "Dimensions": [
                {"Name": name, "Value": value} for name, value in {**about, "storage_class": kind}.items() if value
            ],
            "Timestamp": day,
            "Unit": "Bytes" if "Bytes" in metric else "Count",
            "Value": float(figure),
        }
        for (kind, metric), figure in line.sums.items()
    ]
