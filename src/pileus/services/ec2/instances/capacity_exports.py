"""Capacity Manager's data, written to a bucket hour by hour: as CSV, or as Parquet."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, iso
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from .capacity_manager import enabled
from .capacity_metrics import metric, spans

HOUR, DAY = 3600.0, 86400.0
WEEK = 7 * DAY
METRICS = (
    "reservation-total-capacity-hrs-inst", "reservation-total-capacity-hrs-vcpu",
    "reservation-unused-total-capacity-hrs-inst", "reservation-unused-total-capacity-hrs-vcpu",
    "reservation-avg-utilization-inst", "reserved-total-usage-hrs-inst", "unreserved-total-usage-hrs-inst",
    "spot-total-usage-hrs-inst",
)  # fmt: skip
COLUMNS = (
    "ResourceRegion", "AvailabilityZoneId", "AccountId", "InstanceFamily", "InstanceType", "InstancePlatform",
    "Tenancy", "ReservationId", "ReservationType", "ReservationState",
)  # fmt: skip


@kind(
    "capacity-manager-data-export",
    "cmde",
    missing=("InvalidCapacityManagerDataExportId.NotFound", "The data export '{}' does not exist."),
)
class DataExport(Record, arn="capacity-manager-data-export/{export_id}"):
    """Where data go."""

    export_id: str
    bucket: str
    prefix: str
    format: str
    created: float
    told: float
    """Up to when they were written."""
    status: str = "pending"
    message: str = ""
    where: str = ""
    delivered: float = 0.0
    tags: dict[str, str] = {}


FILTERS = Filters(
    {
        "export-status": "status",
        "latest-delivery-status": "status",
        "s3-bucket-name": "bucket",
        "create-time": lambda one: iso(one.created),
        "creation-date": lambda one: iso(one.created),
    }
)


@ec2.operation
def create_capacity_manager_data_export(
    call: Call,
    s3_bucket_name: str,
    schedule: str,
    output_format: str,
    s3_bucket_prefix: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Write data to a bucket, from now on."""
    if made := made_before(call, client_token):
        return {"CapacityManagerDataExportId": made}
    enabled(call)
    if output_format == "parquet":
        packed([], [])
    try:
        call.aws("s3").head_bucket(bucket=s3_bucket_name)
    except Fault:
        raise bad_value("S3BucketName", s3_bucket_name, "The bucket does not exist, or cannot be reached.") from None
    tags = specified(tag_specifications, "capacity-manager-data-export")
    hour = call.now // HOUR * HOUR
    one = DataExport(new_id(DataExport), s3_bucket_name, s3_bucket_prefix, output_format, call.now, hour, tags=tags)
    one.put(call)
    capacity_exported.later(call, export_id=one.export_id, due=hour + HOUR)
    remember(call, client_token, one.export_id)
    return {"CapacityManagerDataExportId": one.export_id}


@ec2.task
async def capacity_exported(call: Call, export_id: str) -> None:
    """An hour is over; after a week files are of a day."""
    one = DataExport.get(call, export_id)
    if one is None:
        return
    start, end = one.told, call.now // HOUR * HOUR
    rows = [row for at in _hours(start, end) for row in _rows(call, at)]
    name = f"capacity-manager/{call.account}/{datetime.fromtimestamp(start, UTC):%Y/%m/%d/%H}/{export_id}.{one.format}"
    key = f"{one.prefix.rstrip('/')}/{name}" if one.prefix else name
    header = ["Timestamp", *COLUMNS, *METRICS]
    body = packed(header, rows) if one.format == "parquet" else written(header, rows)
    trouble = ""
    try:
        await call.aws("s3").put_object(bucket=one.bucket, key=key, body=body)
    except Fault as fault:
        trouble = fault.message
    with call.transaction():
        found = DataExport.get(call, export_id)
        if found is None:
            return
        found.told, found.message = end, trouble
        found.status = "failed" if trouble else "delivered"
        if not trouble:
            found.where, found.delivered = f"s3://{one.bucket}/{key}", call.now
        found.put(call)
        step = DAY if call.now > found.created + WEEK else HOUR
        capacity_exported.later(call, export_id=export_id, due=(call.now // step + 1) * step)


def _hours(start: float, end: float) -> list[float]:
    return [start + HOUR * number for number in range(int((end - start) // HOUR))]


def _rows(call: Call, at: float) -> list[list[Any]]:
    groups: dict[tuple[str, ...], list[Any]] = {}
    for span in spans(call, at, at + HOUR):
        key = tuple(str(span.dimensions.get(name) or "") for name in COLUMNS)
        groups.setdefault(key, []).append(span)
    stamp = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return [[stamp, *key, *(metric(name, found) for name in METRICS)] for key, found in sorted(groups.items())]


def written(header: list[str], rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([["" if value is None else value for value in row] for row in rows])
    return text.getvalue().encode()


def packed(header: list[str], rows: list[list[Any]]) -> bytes:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise Unfinished('Parquet needs pyarrow: pip install "pileus[inventory]"') from None
    columns = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    data = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), data)
    return data.getvalue()


@ec2.operation
def delete_capacity_manager_data_export(call: Call, capacity_manager_data_export_id: str) -> Members:
    named(call, DataExport, capacity_manager_data_export_id).delete(call)
    return {"CapacityManagerDataExportId": capacity_manager_data_export_id}


@ec2.operation
def describe_capacity_manager_data_exports(
    call: Call,
    capacity_manager_data_export_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    ids = capacity_manager_data_export_ids
    views = "CapacityManagerDataExports", shown
    return described(call, DataExport, FILTERS, *views, ids, filters, max_results, next_token)


def shown(call: Call, one: DataExport) -> Members:
    return {
        "CapacityManagerDataExportId": one.export_id,
        "S3BucketName": one.bucket,
        "S3BucketPrefix": one.prefix or None,
        "Schedule": "hourly",
        "OutputFormat": one.format,
        "CreateTime": one.created,
        "LatestDeliveryStatus": one.status,
        "LatestDeliveryStatusMessage": one.message or None,
        "LatestDeliveryS3LocationUri": one.where or None,
        "LatestDeliveryTime": one.delivered or None,
        "Tags": shown_tags(one.tags),
    }
