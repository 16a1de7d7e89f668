"""Account status reports for declarative policies: how the accounts of an organization are set up, written to a bucket.

AWS Organizations User Guide, "Generating the account status report for declarative policies". The attributes are those
that such policies know; their values are the accounts' own, in every Region.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, Record, identity
from pileus.kernel.access.attached import Membership
from pileus.kernel.filters import Filters
from pileus.kernel.paging import every
from pileus.kernel.regions import regions
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.network.public_access_changes import describe_vpc_block_public_access_options
from pileus.services.ec2.storage.allowing import get_allowed_images_settings
from pileus.services.ec2.storage.public_access import blocked
from pileus.services.ec2.tags import shown_tags, specified

from .console_access import allowed
from .metadata_options import get_instance_metadata_defaults

TAKES = 60.0
RUNNING, CANCELLED, COMPLETE, ERROR = "running", "cancelled", "complete", "error"
SERVICE = "ec2.amazonaws.com"


@kind(
    "declarative-policies-report",
    "p",
    missing=("InvalidReportId.NotFound", "The report '{}' does not exist."),
    malformed="InvalidReportId.Malformed",
)
class PolicyReport(Record, arn="declarative-policies-report/{report_id}"):
    """A report."""

    report_id: str
    bucket: str
    prefix: str
    target: str
    begun: float
    ended: float = 0.0
    status: str = RUNNING
    summary: Members = {}
    tags: dict[str, str] = {}


FILTERS = Filters({})


def attributes(call: Call) -> dict[str, str]:
    """How an account is set up in a Region."""
    metadata = get_instance_metadata_defaults(call)["AccountLevel"]
    vpcs = describe_vpc_block_public_access_options(call)["VpcBlockPublicAccessOptions"]
    return {
        "serial_console_access": "enabled" if allowed(call) else "disabled",
        "image_block_public_access": str(blocked(call).images),
        "snapshot_block_public_access": str(blocked(call).snapshots),
        "allowed_images_settings": str(get_allowed_images_settings(call).get("State", "disabled")),
        "vpc_block_public_access": str(vpcs.get("InternetGatewayBlockMode", "off")),
        "instance_metadata_defaults": str(metadata.get("HttpTokens", "no-preference")),
    }


@ec2.operation
def start_declarative_policies_report(
    call: Call,
    s3_bucket: str,
    target_id: str,
    s3_prefix: str = "",
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Report on an account, or on all below a unit or the root, as the organization's administrator."""
    _check(call)
    accounts(call, target_id)
    if any(report.status == RUNNING for report in PolicyReport.scan(call)):
        raise Fault("ReportInProgress", "Another report is being generated for the organization.")
    tags = specified(tag_specifications, "declarative-policies-report")
    report = PolicyReport(new_id(PolicyReport), s3_bucket, s3_prefix, target_id, call.now, tags=tags).put(call)
    policies_reported.later(call, report_id=report.report_id, delay=TAKES)
    return {"ReportId": report.report_id}


def _check(call: Call) -> None:
    member = Membership.get(call, call.account)
    if member is None or not (member.management or _delegated(call, member)):
        text = "Only the management account or a delegated administrator of an organization may do this."
        raise Fault("UnauthorizedOperation", text, status=403)
    manager = _manager(call, member)
    trusted = every(manager.list_aws_service_access_for_organization, "EnabledServicePrincipals")
    if not any(one["ServicePrincipal"] == SERVICE for one in trusted):
        raise Fault("OperationNotPermitted", f"Trusted access for {SERVICE} is not enabled for the organization.")


def _manager(call: Call, member: Membership) -> Any:
    account = member.management_account or call.account
    who = identity.root(account, partition=call.partition)
    return call.at(account=account).aws("organizations", principal=who)


def _delegated(call: Call, member: Membership) -> bool:
    told = every(
        _manager(call, member).list_delegated_administrators, "DelegatedAdministrators", service_principal=SERVICE
    )
    return any(one["Id"] == call.account for one in told)


def accounts(call: Call, target: str) -> list[str]:
    """The accounts that a target means; raises for what is not in the organization."""
    member = Membership.get(call, call.account)
    assert member
    manager = _manager(call, member)
    try:
        if target.isdigit():
            manager.describe_account(account_id=target)
            return [target]
        return _below(manager, target)
    except Fault:
        raise bad_value("TargetId", target, "It is not in the organization.") from None


def _below(manager: Any, parent: str) -> list[str]:
    found = [one["Id"] for one in every(manager.list_accounts_for_parent, "Accounts", parent_id=parent)]
    units = every(manager.list_children, "Children", parent_id=parent, child_type="ORGANIZATIONAL_UNIT")
    return found + [account for unit in [*units] for account in _below(manager, unit["Id"])]


@ec2.task
async def policies_reported(call: Call, report_id: str) -> None:
    """Look at all accounts, and write down what was seen."""
    report = PolicyReport.get(call, report_id)
    if report is None or report.status != RUNNING:
        return
    status, summary = COMPLETE, {}
    try:
        rows = [
            (account, region, name, value)
            for account in accounts(call, report.target)
            for region in regions(call.partition)
            for name, value in attributes(call.at(account=account, region=region)).items()
        ]
        summary = _summary(rows)
        at = datetime.fromtimestamp(call.now, UTC)
        name = f"ec2_{report.target}_{report_id}_{at:%Y%m%dT%H%MZ}.csv"
        key = f"{report.prefix.rstrip('/')}/{name}" if report.prefix else name
        await call.aws("s3").put_object(bucket=report.bucket, key=key, body=_table(rows))
    except Fault:
        status = ERROR
    with call.transaction():
        report = PolicyReport.get(call, report_id)
        if report and report.status == RUNNING:
            report.status, report.summary, report.ended = status, summary, call.now
            report.put(call)


def _table(rows: list[tuple[str, str, str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("account_id", "region", "attribute", "value"))
    writer.writerows(rows)
    return text.getvalue().encode()


def _summary(rows: list[tuple[str, str, str, str]]) -> Members:
    """Of each attribute the value that most have, and how many have it: everywhere, and in each Region."""
    summaries = []
    everybody = {account for account, _, _, _ in rows}
    for name in dict.fromkeys(name for _, _, name, _ in rows):
        values = {(account, region): value for account, region, which, value in rows if which == name}
        most = Counter(values.values()).most_common(1)[0][0]
        regional = []
        for region in dict.fromkeys(region for _, region in values):
            matched = sum(1 for account in everybody if values[account, region] == most)
            regional.append(_counts(matched, len(everybody)) | {"RegionName": region})
        whole = sum(1 for account in everybody if all(v == most for (who, _), v in values.items() if who == account))
        told = {"AttributeName": name, "MostFrequentValue": most, "RegionalSummaries": regional}
        summaries.append(told | _counts(whole, len(everybody)))
    return {"NumberOfAccounts": len(everybody), "NumberOfFailedAccounts": 0, "AttributeSummaries": summaries}


def _counts(matched: int, total: int) -> dict[str, Any]:
    return {"NumberOfMatchedAccounts": matched, "NumberOfUnmatchedAccounts": total - matched}


@ec2.operation
def cancel_declarative_policies_report(call: Call, report_id: str) -> Members:
    report = named(call, PolicyReport, report_id)
    if report.status != RUNNING:
        raise Fault("IncorrectState", f"The report '{report_id}' is {report.status}.")
    report.status, report.ended = CANCELLED, call.now
    report.put(call)
    return {"Return": True}


@ec2.operation
def describe_declarative_policies_reports(
    call: Call, report_ids: list[str] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    return described(call, PolicyReport, FILTERS, "Reports", shown, report_ids, (), max_results, next_token)


def shown(call: Call, report: PolicyReport) -> Members:
    return _where(report) | {"Status": report.status, "Tags": shown_tags(report.tags)}


def _where(report: PolicyReport) -> Members:
    return {
        "ReportId": report.report_id,
        "S3Bucket": report.bucket,
        "S3Prefix": report.prefix or None,
        "TargetId": report.target,
        "StartTime": report.begun,
        "EndTime": report.ended or None,
    }


@ec2.operation
def get_declarative_policies_report_summary(call: Call, report_id: str) -> Members:
    """What a complete report says, in short."""
    report = named(call, PolicyReport, report_id)
    if report.status != COMPLETE:
        raise Fault("IncorrectState", f"The report '{report_id}' is {report.status}.")
    return _where(report) | report.summary
