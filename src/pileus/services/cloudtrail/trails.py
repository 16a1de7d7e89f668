"""Trails: create, find, change, start, stop, delete.

A trail has its home in the Region where it was created; one for all Regions is seen in the others as its shadow.
"""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record, tags
from pileus.kernel import arn as arns
from pileus.kernel.access.attached import Membership
from pileus.kernel.trail import Selection

from . import cloudtrail, lookups

MOST = 5
"""Trails of an account in a Region, shadows included (User Guide, "Quotas")."""
NAME = re.compile(r"[A-Za-z0-9](?!.*[._-]{2})[A-Za-z0-9._-]{1,126}[A-Za-z0-9]")

Members = dict[str, Any]
DEFAULT_SELECTORS: list[Members] = [
    {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
    }
]


class Trail(Record, scope="account", key=("home", "name"), cfn="AWS::CloudTrail::Trail", kw_only=True):
    """A trail as it was configured, and how it fares."""

    home: str
    name: str
    bucket: str
    prefix: str = ""
    topic: str = ""
    """The ARN of the SNS topic."""
    global_events: bool = True
    multi_region: bool = False
    validation: bool = False
    log_group: str = ""
    role: str = ""
    key: str = ""
    organization: str = ""
    """The id of the organization for whose accounts it is."""
    tags: dict[str, str] = {}
    selectors: list[Members] = msgspec.field(default_factory=lambda: list(DEFAULT_SELECTORS))
    advanced: list[Members] = []
    insights: list[Members] = []
    insights_since: float = 0.0
    """Since when rates are counted."""
    logging: bool = False
    run: int = 0
    """Counts the starts: the tasks of an earlier one stop by themselves."""
    started: float | None = None
    stopped: float | None = None
    delivered: float = 0.0
    """Up to when events have been looked at."""
    idle: bool = False
    """Whether there were no later ones: then nothing is due until there is one."""
    status: Members = {}
    """What GetTrailStatus tells of deliveries."""

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:cloudtrail:{self.home}:{call.account}:trail/{self.name}"

    def put(self, call: Call) -> Trail:
        self.select(call)
        return super().put(call)

    def select(self, call: Call) -> None:
        """Say what is to be recorded for the trail while it logs."""
        from .choosing import data_types

        types = sorted(data_types(self.selectors, self.advanced))
        selection = Selection(call.account, self.home, self.name, types, self.multi_region, self.idle)
        old = Selection.get(call, call.account, self.home, self.name)
        if self.logging and old != selection:
            selection.put(call)
        elif not self.logging and old:
            selection.delete(call)

    @property
    def folders(self) -> str:
        return f"{self.prefix}/AWSLogs" if self.prefix else "AWSLogs"

    # Finding one

    @classmethod
    def named(cls, call: Call, name: str) -> Trail:
        """The trail of that name, seen from the call's Region, or of that ARN."""
        home, account = call.region, call.account
        if name.startswith("arn:"):
            account, home, name = parsed(name)
        else:
            check_name(name)
        if account != call.account:
            raise unknown(call, f"arn:{call.partition}:cloudtrail:{home}:{account}:trail/{name}")
        if found := cls.get(call, home, name):
            return found
        for trail in cls.scan(call):
            if trail.name == name and trail.multi_region and home == call.region:
                return trail
        raise unknown(call, f"arn:{call.partition}:cloudtrail:{home}:{call.account}:trail/{name}")


def unknown(call: Call, arn: str) -> Fault:
    return Fault("TrailNotFoundException", f"Unknown trail: {arn} for the user: {call.account}")


def by_name(call: Call, name: str) -> Trail:
    """The trail, for an operation that only looks."""
    return Trail.named(call, name)


def at_home(call: Call, name: str) -> Trail:
    """The trail, for an operation that changes it: that goes only where its home is."""
    trail = Trail.named(call, name)
    if trail.home != call.region:
        raise Fault(
            "InvalidHomeRegionException",
            f"Trail {trail.arn(call)} can be updated only from its home Region, which is {trail.home}.",
        )
    return trail


def parsed(arn: str) -> tuple[str, str, str]:
    """Account, home and name in a trail's ARN."""
    try:
        found = arns.parse(arn)
    except ValueError:
        found = None
    if found is None or found.service != "cloudtrail" or not found.resource.startswith("trail/"):
        raise Fault("CloudTrailARNInvalidException", f"Invalid ARN format: {arn}. Please provide a valid trail ARN.")
    return found.account, found.region, found.resource.removeprefix("trail/")


def check_name(name: str) -> None:
    if not NAME.fullmatch(name) or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
        raise Fault(
            "InvalidTrailNameException",
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens "
            "(-), and underscores (_), must start and end with a letter or number, have no adjacent periods, hyphens "
            "or underscores, be between 3 and 128 characters, and not be in IP address format.",
        )


@cloudtrail.operation
def create_trail(
    call: Call,
    name: str,
    s3_bucket_name: str,
    s3_key_prefix: str = "",
    sns_topic_name: str = "",
    include_global_service_events: bool = True,
    is_multi_region_trail: bool = False,
    enable_log_file_validation: bool = False,
    cloud_watch_logs_log_group_arn: str = "",
    cloud_watch_logs_role_arn: str = "",
    kms_key_id: str = "",
    is_organization_trail: bool = False,
    tags_list: list[dict[str, str]] = [],
) -> Members:
    """Create a trail; it logs once it is started."""
    check_name(name)
    if Trail.get(call, call.region, name):
        raise Fault("TrailAlreadyExistsException", f"Trail {name} already exists for customer: {call.account}")
    seen = [trail for trail in Trail.scan(call) if trail.home == call.region or trail.multi_region]
    if len(seen) >= MOST:
        raise Fault(
            "MaximumNumberOfTrailsExceededException",
            f"User: {call.account} already has {len(seen)} trails in {call.region}.",
        )
    held = tags.as_map(tags_list)
    tags.check(held, code="InvalidTagParameterException")
    trail = Trail(
        home=call.region,
        name=name,
        bucket=s3_bucket_name,
        prefix=s3_key_prefix,
        topic=lookups.topic_arn(call, sns_topic_name),
        global_events=include_global_service_events,
        multi_region=is_multi_region_trail,
        validation=enable_log_file_validation,
        log_group=cloud_watch_logs_log_group_arn,
        role=cloud_watch_logs_role_arn,
        key=lookups.key_arn(call, kms_key_id),
        organization=str(lookups.organization(call)["Id"]) if is_organization_trail else "",
        tags=held,
    )
    check(call, trail)
    trail.put(call)
    return described(call, trail)


@cloudtrail.operation(on=at_home)
def update_trail(
    call: Call,
    trail: Trail,
    s3_bucket_name: str | None = None,
    s3_key_prefix: str | None = None,
    sns_topic_name: str | None = None,
    include_global_service_events: bool | None = None,
    is_multi_region_trail: bool | None = None,
    enable_log_file_validation: bool | None = None,
    cloud_watch_logs_log_group_arn: str | None = None,
    cloud_watch_logs_role_arn: str | None = None,
    kms_key_id: str | None = None,
    is_organization_trail: bool | None = None,
) -> Members:
    """Change what is named; an empty text takes away."""
    given = {
        "bucket": s3_bucket_name,
        "prefix": s3_key_prefix,
        "topic": None if sns_topic_name is None else lookups.topic_arn(call, sns_topic_name),
        "global_events": include_global_service_events,
        "multi_region": is_multi_region_trail,
        "validation": enable_log_file_validation,
        "log_group": cloud_watch_logs_log_group_arn,
        "role": cloud_watch_logs_role_arn,
        "key": None if kms_key_id is None else lookups.key_arn(call, kms_key_id),
    }
    if is_organization_trail is not None:
        given["organization"] = str(lookups.organization(call)["Id"]) if is_organization_trail else ""
    for field, value in given.items():
        if value is not None:
            setattr(trail, field, value)
    check(call, trail)
    trail.put(call)
    return described(call, trail)


def check(call: Call, trail: Trail) -> None:
    if trail.multi_region and not trail.global_events:
        raise Fault("InvalidParameterCombinationException", "Multi-Region trail must include global service events.")
    lookups.check_logs(trail.log_group, trail.role)
    owners = [f"{trail.organization}/{call.account}" if trail.organization else call.account]
    lookups.check_bucket(call, trail.arn(call), trail.bucket, trail.prefix, owners)


@cloudtrail.operation(on=at_home)
def delete_trail(call: Call, trail: Trail) -> None:
    """Delete a trail; what it has delivered stays."""
    from .digests import Chain

    trail.logging = False
    trail.select(call)
    Chain.delete_all(call, trail.home, trail.name)
    trail.delete(call)


@cloudtrail.operation(on=at_home)
def start_logging(call: Call, trail: Trail) -> None:
    """Begin to record and deliver."""
    from . import delivery, digests

    if trail.logging:
        return
    trail.logging = True
    trail.run += 1
    trail.started = trail.delivered = call.now
    trail.idle = False
    trail.put(call)
    delivery.deliver.later(call, home=trail.home, name=trail.name, run=trail.run, delay=delivery.EVERY)
    digests.digest.later(call, home=trail.home, name=trail.name, run=trail.run, delay=digests.EVERY)


@cloudtrail.operation(on=at_home)
def stop_logging(call: Call, trail: Trail) -> None:
    """Deliver what there is up to now, and no more."""
    from . import delivery

    if not trail.logging:
        return
    end = math.nextafter(call.now, math.inf)  # what happened at this very instant is still in it
    delivery.deliver.later(call, home=trail.home, name=trail.name, run=trail.run, last=end)
    trail.logging = False
    trail.stopped = call.now
    trail.put(call)


@cloudtrail.operation(on=by_name)
def get_trail(call: Call, trail: Trail) -> Members:
    return {"Trail": described(call, trail) | told(trail)}


@cloudtrail.operation
def describe_trails(call: Call, trail_name_list: list[str] = [], include_shadow_trails: bool = True) -> Members:
    """The trails that are seen from this Region, or those that are named."""
    wanted = {*trail_name_list}
    for name in wanted:
        parsed(name) if name.startswith("arn:") else check_name(name)
    seen = [(call, trail) for trail in Trail.scan(call)] + organizational(call)
    here = [(there, one) for there, one in seen if one.home == call.region or one.multi_region]
    if wanted:
        here = [pair for pair in seen if pair[1].arn(pair[0]) in wanted or (pair in here and pair[1].name in wanted)]
    shown = [(there, one) for there, one in here if include_shadow_trails or one.home == call.region]
    return {"trailList": [described(there, trail) | told(trail) for there, trail in shown]}


def organizational(call: Call) -> list[tuple[Call, Trail]]:
    """The trails of the organization that the account is a member of, and a call that looks at where they are."""
    place = Membership.get(call, call.account)
    if place is None or place.management or not place.management_account:
        return []
    there = call.at(account=place.management_account)
    return [(there, trail) for trail in Trail.scan(there) if trail.organization == place.organization]


@cloudtrail.operation
def list_trails(call: Call, next_token: str = "") -> Members:
    """The account's trails, whatever their Region."""
    page = Trail.page(call, limit=100, token=next_token)
    return {
        "Trails": [{"TrailARN": trail.arn(call), "Name": trail.name, "HomeRegion": trail.home} for trail in page.items],
        "NextToken": page.token,
    }


@cloudtrail.operation(on=by_name)
def get_trail_status(call: Call, trail: Trail) -> Members:
    """Whether the trail logs, and how its deliveries went."""
    from .wording import iso

    status = trail.status
    return status | {
        "IsLogging": trail.logging,
        "StartLoggingTime": trail.started,
        "StopLoggingTime": trail.stopped,
        "TimeLoggingStarted": iso(trail.started) if trail.started else "",
        "TimeLoggingStopped": iso(trail.stopped) if trail.stopped else "",
        "LatestDeliveryAttemptTime": iso(status["LatestDeliveryTime"]) if "LatestDeliveryTime" in status else "",
        "LatestNotificationAttemptTime": "",
        "LatestNotificationAttemptSucceeded": "",
        "LatestDeliveryAttemptSucceeded": iso(status["LatestDeliveryTime"]) if "LatestDeliveryTime" in status else "",
    }


def described(call: Call, trail: Trail) -> Members:
    return {
        "Name": trail.name,
        "S3BucketName": trail.bucket,
        "S3KeyPrefix": trail.prefix or None,
        "SnsTopicName": trail.topic or None,
        "SnsTopicARN": trail.topic or None,
        "IncludeGlobalServiceEvents": trail.global_events,
        "IsMultiRegionTrail": trail.multi_region,
        "TrailARN": trail.arn(call),
        "LogFileValidationEnabled": trail.validation,
        "CloudWatchLogsLogGroupArn": trail.log_group or None,
        "CloudWatchLogsRoleArn": trail.role or None,
        "KmsKeyId": trail.key or None,
        "IsOrganizationTrail": bool(trail.organization),
    }


def told(trail: Trail) -> Members:
    """What is told of a trail only when it is looked at."""
    return {
        "HomeRegion": trail.home,
        "HasCustomEventSelectors": bool(trail.advanced) or trail.selectors != DEFAULT_SELECTORS,
        "HasInsightSelectors": bool(trail.insights),
    }
