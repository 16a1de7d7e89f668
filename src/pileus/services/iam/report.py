"""The credential report: all users of the account and the state of what they sign in with, as a table."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.record import Record
from pileus.kernel.usage import KeyUse

from . import iam
from .access_keys import keys_of
from .certificates import SigningCertificate
from .mfa import devices_of
from .passwords import LoginProfile, expires
from .users import BEGINNING, User

KEPT = 4 * 3600.0
"""A report is made anew only when the last one is four hours old ("Generate credential reports")."""
MAKING = 2.0

KEY = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
COLUMNS = (
    *("user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed"),
    *("password_next_rotation", "mfa_active"),
    *(f"access_key_{number}_{part}" for number in (1, 2) for part in KEY),
    *(f"cert_{number}_{part}" for number in (1, 2) for part in ("active", "last_rotated")),
)


class CredentialReport(Record, scope="account"):
    account: str
    made: float
    content: bytes


@iam.operation
def generate_credential_report(call: Call) -> dict[str, Any]:
    """Make a report, unless there is a fresh one."""
    report = CredentialReport.get(call, call.account)
    if report is None or call.now >= report.made + KEPT:
        CredentialReport(call.account, call.now, table(call).encode()).put(call)
        return {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}
    return {"State": "COMPLETE" if call.now >= report.made + MAKING else "INPROGRESS"}


@iam.operation
def get_credential_report(call: Call) -> dict[str, Any]:
    """The report that was made last."""
    report = CredentialReport.get(call, call.account)
    if report is None:
        raise Fault("CredentialReportNotPresentException", "No report exists.")
    if call.now < report.made + MAKING:
        raise Fault("CredentialReportNotReadyException", "Report generation is in progress.")
    if call.now >= report.made + KEPT:
        raise Fault("CredentialReportExpiredException", "The most recent credential report has expired.")
    return {"Content": report.content, "ReportFormat": "text/csv", "GeneratedTime": report.made}


def table(call: Call) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    root = User(folded="", name="<root_account>", path="/", id=call.account, created=BEGINNING)
    rows.writerow(["<root_account>", f"arn:{call.partition}:iam::{call.account}:root", *row(call, root)])
    for user in User.scan(call):
        rows.writerow([user.name, user.arn(call), *row(call, user)])
    return text.getvalue().rstrip("\n")


def row(call: Call, user: User) -> list[str]:
    keys = [key_cells(call, key) for key in keys_of(call, user)]
    certificates = [
        [told(one.status == "Active"), instant(one.uploaded)] for one in SigningCertificate.scan(call, user.id)
    ]
    unused = ["false", *["N/A"] * 4]
    cells = [cell for key in [*keys, unused, unused][:2] for cell in key]
    signed = [cell for one in [*certificates, ["false", "N/A"], ["false", "N/A"]][:2] for cell in one]
    has_mfa = told(bool(devices_of(call, user)))
    return [instant(user.created), *password_cells(call, user), has_mfa, *cells, *signed]


def password_cells(call: Call, user: User) -> list[str]:
    if user.is_root:
        return ["not_supported", "no_information", "not_supported", "not_supported"]
    profile = LoginProfile.get(call, user.id)
    if profile is None:
        return ["false", *["N/A"] * 3]
    until = expires(call, profile)
    return ["true", "no_information", instant(profile.changed), instant(until) if until else "N/A"]


def key_cells(call: Call, key: Any) -> list[str]:
    use = KeyUse.get(call, key.id)
    used = [instant(use.at), use.region, use.service] if use else ["N/A"] * 3
    return [told(key.status == "Active"), instant(key.created), *used]


def told(claim: bool) -> str:
    return "true" if claim else "false"


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
