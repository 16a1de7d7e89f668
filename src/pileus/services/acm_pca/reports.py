"""Audit reports: all certificates that an authority has issued and revoked, as a file in the customer's bucket."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from pileus.durations import iso
from pileus.kernel import Call, Fault, Record, names

from . import acm_pca, faults
from .authorities import ACTIVE, DISABLED, EXPIRED, Authority, living, tell
from .issuing import Issued
from .revocation import check_bucket, service

Members = dict[str, Any]

COLUMNS = (
    "awsAccountId", "requestedByServicePrincipal", "certificateArn", "serial", "subject", "notBefore", "notAfter",
    "issuedAt", "revokedAt", "revocationReason", "templateArn",
)  # fmt: skip
"""In the order of AWS's files ("Using audit reports with your private CA")."""


class Report(Record, key=("authority", "id")):
    authority: str
    id: str
    format: str
    bucket: str
    file: str
    created: float
    status: str = "CREATING"


@acm_pca.operation(on=living)
def create_certificate_authority_audit_report(
    call: Call, authority: Authority, s3_bucket_name: str, audit_report_response_format: str
) -> Members:
    """Write a report into a bucket that lets the service write."""
    authority.check(ACTIVE, DISABLED, EXPIRED)
    check_bucket(call, s3_bucket_name)
    identifier = names.uuid4()
    place = f"audit-report/{authority.id}/{identifier}.{audit_report_response_format.lower()}"
    Report(authority.id, identifier, audit_report_response_format, s3_bucket_name, place, call.now).put(call)
    write.later(call, authority=authority.id, report=identifier)
    return {"AuditReportId": identifier, "S3Key": place}


@acm_pca.operation(on=living)
def describe_certificate_authority_audit_report(call: Call, authority: Authority, audit_report_id: str) -> Members:
    report = Report.get(call, authority.id, audit_report_id)
    if report is None:
        raise faults.missing(audit_report_id)
    return {
        "AuditReportStatus": report.status,
        "S3BucketName": report.bucket,
        "S3Key": report.file,
        "CreatedAt": report.created,
    }


@acm_pca.task
async def write(call: Call, authority: str, report: str) -> None:
    """Write a report; one that the bucket refuses has failed."""
    found, wanted = Authority.get(call, authority), Report.get(call, authority, report)
    if found is None or wanted is None:
        return
    rows = [row(call, found, issued) for issued in Issued.scan(call, authority)]
    body = json.dumps(rows, indent=2) if wanted.format == "JSON" else table(rows)
    try:
        await call.aws("s3", principal=service(call, found.arn(call))).put_object(
            bucket=wanted.bucket,
            key=wanted.file,
            body=body.encode(),
            content_type="application/json" if wanted.format == "JSON" else "text/csv",
        )
        status = "SUCCESS"
    except Fault:
        status = "FAILED"
    with call.transaction():
        if wanted := Report.get(call, authority, report):
            wanted.status = status
            wanted.put(call)
        result = {"result": "success" if status == "SUCCESS" else "failure"}
        resources = [found.arn(call), report]
        tell.later(call, kind="ACM Private CA Audit Report Generation", resources=resources, detail=result)


def row(call: Call, authority: Authority, issued: Issued) -> dict[str, str]:
    digits = issued.serial
    told = {
        "awsAccountId": call.account,
        "requestedByServicePrincipal": issued.by,
        "certificateArn": issued.name(call, authority),
        "serial": ":".join(digits[at : at + 2] for at in range(0, len(digits), 2)),
        "subject": issued.subject,
        "notBefore": iso(issued.not_before),
        "notAfter": iso(issued.not_after),
        "issuedAt": iso(issued.issued),
        "revokedAt": iso(issued.revoked) if issued.revoked else "",
        "revocationReason": issued.reason,
        "templateArn": issued.template,
    }
    return {name: value for name, value in told.items() if value}


def table(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
