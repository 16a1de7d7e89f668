"""Who uses an image: what of one's own names it, and reports of how much of which accounts does.

Which accounts may have to do with an image is noted when they launch it or name it in a template. A report is ready
after some seconds, and kept for thirty days. Image Builder's recipes and Inspector's findings there are none of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Record, identity
from pileus.kernel.filters import Filters
from pileus.kernel.paging import every
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, iso, paged
from pileus.services.ec2.faults import bad_value, combination, missing
from pileus.services.ec2.instances.instances import SHUTTING_DOWN, TERMINATED, Instance
from pileus.services.ec2.instances.launch_templates import LaunchTemplate, TemplateVersion
from pileus.services.ec2.kinds import all_named, kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from .images import image
from .sharing import ImageUser

KEPT = 30 * 86400.0
TAKES = 10.0
INSTANCE, TEMPLATE, PARAMETER = "ec2:Instance", "ec2:LaunchTemplate", "ssm:Parameter"
RECIPES = ("imagebuilder:ImageRecipe", "imagebuilder:ContainerRecipe")
DEPTH = 20
"""By how many of its latest versions a template is judged, by default."""
PENDING, AVAILABLE = "pending", "available"


@kind(
    "image-usage-report",
    "report",
    missing=("InvalidImageUsageReportId.NotFound", "The image usage report '{}' does not exist."),
)
class ImageUsageReport(Record, arn="image-usage-report/{report_id}", indexes={"by_image": ("image_id",)}):
    """A report."""

    report_id: str
    image_id: str
    created: float
    resource_types: list[Members]
    accounts: list[str]
    state: str = PENDING
    entries: list[Members] = []
    tags: dict[str, str] = {}


REPORTS = Filters({"creation-time": lambda one: iso(one.created), "state": "state"})
ENTRIES = Filters(
    {
        "account-id": "AccountId",
        "creation-time": lambda one: iso(one["ReportCreationTime"]),
        "resource-type": "ResourceType",
    },
    tags=None,
)


# What names an image


def naming(call: Call, image_ids: set[str], wanted: list[Members]) -> Iterator[tuple[str, str, str]]:
    """What of the call's account names an image: the image, the type of the resource, its ARN."""
    for one in wanted:
        what, options = one["ResourceType"], _options(one)
        if what == INSTANCE:
            yield from _instances(call, image_ids, options.get("state-name", []))
        elif what == TEMPLATE:
            yield from _templates(call, image_ids, int((options.get("version-depth") or [str(DEPTH)])[0]))
        elif what == PARAMETER:
            yield from _parameters(call, image_ids)
        elif what not in RECIPES:
            raise bad_value("ResourceType", what)


def _options(one: Members) -> dict[str, list[str]]:
    return {found["OptionName"]: found.get("OptionValues", []) for found in one.get("ResourceTypeOptions", [])}


def _instances(call: Call, image_ids: set[str], states: list[str]) -> Iterator[tuple[str, str, str]]:
    for one in Instance.scan(call):
        fits = one.state in states if states else one.state not in (SHUTTING_DOWN, TERMINATED)
        if one.image_id in image_ids and fits:
            yield one.image_id, INSTANCE, one.arn(call)


def _templates(call: Call, image_ids: set[str], depth: int) -> Iterator[tuple[str, str, str]]:
    for one in LaunchTemplate.scan(call):
        latest = TemplateVersion.scan(call, one.launch_template_id, reverse=True, limit=depth)
        for found in sorted({version.data.get("ImageId", "") for version in latest} & image_ids):
            yield found, TEMPLATE, one.arn(call)


def _parameters(call: Call, image_ids: set[str]) -> Iterator[tuple[str, str, str]]:
    ssm = call.aws("ssm", principal=identity.root(call.account, partition=call.partition))
    kept = [{"Key": "DataType", "Values": ["aws:ec2:image"]}]
    for told in every(ssm.describe_parameters, "Parameters", parameter_filters=kept):
        found = ssm.get_parameter(name=told["Name"])["Parameter"]
        if found["Value"] in image_ids:
            yield found["Value"], PARAMETER, found["ARN"]


@ec2.operation
def describe_image_references(
    call: Call,
    image_ids: list[str],
    include_all_resource_types: bool = False,
    resource_types: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What of one's own names certain images."""
    if not include_all_resource_types and not resource_types:
        raise missing("IncludeAllResourceTypes", "ResourceTypes")
    if any("ResourceType" not in one for one in resource_types):
        raise missing("ResourceType")
    given = {one["ResourceType"]: one for one in resource_types}
    if include_all_resource_types:
        given = {what: {"ResourceType": what} for what in (INSTANCE, TEMPLATE, PARAMETER, *RECIPES)} | given
    found = naming(call, {*image_ids}, [*given.values()])
    views = ({"ImageId": what, "ResourceType": kind_of, "Arn": arn} for what, kind_of, arn in found)
    return paged(call, "ImageReferences", views, max_results, next_token)


@ec2.operation
def get_image_findings(call: Call, image_id: str, max_results: int = 0, next_token: str = "") -> Members:
    """What Inspector has found in an image: nothing, for it has scanned none."""
    image(call, image_id)
    return {"ImageFindings": []}


# Reports


@ec2.operation
def create_image_usage_report(
    call: Call,
    image_id: str,
    resource_types: list[dict[str, Any]],
    account_ids: list[str] = [],
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Have it counted how often accounts name an image of one's own."""
    if made := made_before(call, client_token):
        return {"ReportId": made}
    if image(call, image_id).owner != call.account:
        raise bad_value("ImageId", image_id, "You must be the owner of the image.")
    for one in resource_types:
        if one.get("ResourceType") not in (INSTANCE, TEMPLATE, *RECIPES):
            raise bad_value("ResourceType", one.get("ResourceType"))
    tags = specified(tag_specifications, "image-usage-report")
    report = ImageUsageReport(new_id(ImageUsageReport), image_id, call.now, resource_types, account_ids, tags=tags)
    report.put(call)
    usage_counted.later(call, report_id=report.report_id, delay=TAKES)
    usage_report_expires.later(call, report_id=report.report_id, delay=KEPT)
    remember(call, client_token, report.report_id)
    return {"ReportId": report.report_id}


@ec2.task
def usage_counted(call: Call, report_id: str) -> None:
    report = ImageUsageReport.get(call, report_id)
    if report is None:
        return
    known = [call.account, *(one.account for one in ImageUser.scan(call, report.image_id))]
    counts: dict[tuple[str, str], int] = {}
    for account in dict.fromkeys(known):
        if report.accounts and account not in report.accounts:
            continue
        for _, what, _ in naming(call.at(account=account), {report.image_id}, report.resource_types):
            counts[account, what] = counts.get((account, what), 0) + 1
    report.entries = [
        {"AccountId": account, "ResourceType": what, "UsageCount": count}
        for (account, what), count in sorted(counts.items())
    ]
    report.state = AVAILABLE
    report.put(call)


@ec2.task
def usage_report_expires(call: Call, report_id: str) -> None:
    if report := ImageUsageReport.get(call, report_id):
        report.delete(call)


@ec2.operation
def delete_image_usage_report(call: Call, report_id: str) -> Members:
    named(call, ImageUsageReport, report_id).delete(call)
    return {"Return": True}


@ec2.operation
def describe_image_usage_reports(
    call: Call,
    image_ids: list[str] = [],
    report_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    if image_ids and not report_ids:
        report_ids = [one.report_id for one in _of_images(call, image_ids)]
        if not report_ids:
            return {"ImageUsageReports": []}
    views = "ImageUsageReports", shown
    return described(call, ImageUsageReport, REPORTS, *views, report_ids, filters, max_results, next_token)


def _of_images(call: Call, image_ids: list[str]) -> list[ImageUsageReport]:
    return [one for what in image_ids for one in ImageUsageReport.scan(call, what, index="by_image")]


def shown(call: Call, report: ImageUsageReport) -> Members:
    return {
        "ImageId": report.image_id,
        "ReportId": report.report_id,
        "ResourceTypes": report.resource_types,
        "AccountIds": report.accounts,
        "State": report.state,
        "CreationTime": report.created,
        "ExpirationTime": report.created + KEPT,
        "Tags": shown_tags(report.tags),
    }


@ec2.operation
def describe_image_usage_report_entries(
    call: Call,
    image_ids: list[str] = [],
    report_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """How often which accounts name images, by reports of them."""
    if image_ids and report_ids:
        raise combination("Specify either ImageIds or ReportIds, but not both.")
    test = ENTRIES.test(filters)
    reports = all_named(call, ImageUsageReport, report_ids) if report_ids else _of_images(call, image_ids)
    if not image_ids and not report_ids:
        reports = [*ImageUsageReport.scan(call)]
    entries = (
        entry | {"ImageId": one.image_id, "ReportId": one.report_id, "ReportCreationTime": one.created}
        for one in reports
        for entry in one.entries
    )
    return paged(call, "ImageUsageReportEntries", filter(test, entries), max_results, next_token)
