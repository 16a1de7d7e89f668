"""Application status checks: what is asked of instances' programs by HTTP, how often, and of which instances.

The asking itself is in `application_status`. A check that was deleted is still described for an hour, to whoever wants
to see all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, paged
from pileus.services.ec2.faults import bad_value, combination, limit, missing
from pileus.services.ec2.kinds import BY_RECORD, all_named, kind, new_id
from pileus.services.ec2.network.subnets import Subnet
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from .instances import Instance

MOST, MOST_TAGS = 50, 50
GRACE = 3600.0
CODES = re.compile(r"\d{3}(?:-\d{3})?(?:,\d{3}(?:-\d{3})?)*")
DEFAULTS: Members = {
    "Aggregation": "included",
    "Path": "/",
    "DeviceIndex": 0,
    "IpVersion": "ipv4",
    "IpScope": "private",
    "Interval": 60,
    "Timeout": 6,
    "FailureThreshold": 2,
    "SuccessThreshold": 2,
    "StatusCodeMatcher": "200",
    "InitializationGracePeriodSeconds": 300,
}
SETTINGS = ("HealthCheckPaths", "Protocol", "Port", *DEFAULTS)


@kind(
    "application-status-check",
    "asc",
    missing=("InvalidApplicationStatusCheckId.NotFound", "The application status check '{}' does not exist."),
)
class ApplicationCheck(Record, arn="application-status-check/{application_status_check_id}"):
    """A check."""

    application_status_check_id: str
    settings: Members
    """As they are shown."""
    created: float
    modified: float
    deleted: float = 0.0
    tags: dict[str, str] = {}

    @property
    def included(self) -> bool:
        return bool(self.settings["Aggregation"] == "included")


class CheckTarget(Record, key=("check_id", "type", "name", "value")):
    """What a check is of: an instance, or all that have a tag."""

    check_id: str
    type: str
    name: str
    """The instance's id, or the tag's key."""
    value: str = ""


FILTERS = Filters({"aggregation": "settings.Aggregation"})
ASSOCIATIONS = Filters({"association-type": "AssociationType"}, tags=None)


def existing(call: Call, check_id: str) -> ApplicationCheck:
    found = ApplicationCheck.get(call, check_id)
    if found is None or found.deleted:
        raise BY_RECORD[ApplicationCheck].absent(check_id)
    return found


def all_existing(call: Call) -> Iterator[ApplicationCheck]:
    return (one for one in ApplicationCheck.scan(call) if not one.deleted)


@ec2.operation(honours=(*SETTINGS, "TagSpecifications"))
def create_application_status_check(call: Call, request: Members, client_token: str = "") -> Members:
    if made := made_before(call, client_token):
        return {"ApplicationStatusCheck": shown(call, existing(call, made))}
    if sum(1 for _ in all_existing(call)) >= MOST:
        raise limit("ApplicationStatusCheckLimit", f"An account can have at most {MOST} application status checks.")
    settings = DEFAULTS | {name: value for name, value in request.items() if name in SETTINGS}
    _check(call, settings)
    tags = specified(request.get("TagSpecifications", []), "application-status-check")
    one = ApplicationCheck(new_id(ApplicationCheck), settings, call.now, call.now, tags=tags).put(call)
    remember(call, client_token, one.application_status_check_id)
    return {"ApplicationStatusCheck": shown(call, one)}


def _check(call: Call, settings: Members) -> None:
    """Raise what EC2 says of settings that it does not take."""
    ranges = {"Port": (1, 65535), "Timeout": (1, 30), "InitializationGracePeriodSeconds": (1, 600)}
    ranges |= {"Interval": (60, 60), "FailureThreshold": (1, 100), "SuccessThreshold": (1, 100), "DeviceIndex": (0, 14)}
    for name, (least, most) in ranges.items():
        if not least <= settings[name] <= most:
            raise bad_value(name, settings[name], f"It must be between {least} and {most}.")
    if not settings["Path"].startswith("/"):
        raise bad_value("Path", settings["Path"], "It must start with a forward slash.")
    codes = settings["StatusCodeMatcher"]
    spans = [span.split("-") for span in codes.split(",")]
    if len(codes) > 64 or not CODES.fullmatch(codes) or any(len(span) == 2 and span[0] >= span[1] for span in spans):
        raise bad_value("StatusCodeMatcher", codes)
    for path in settings.get("HealthCheckPaths", []):
        places = [path.get("Source", {}), *path.get("Destinations", [])]
        all_named(call, Subnet, [place["SubnetId"] for place in places if "SubnetId" in place])


@ec2.operation(honours=SETTINGS)
def modify_application_status_check(
    call: Call, application_status_check_id: str, request: Members, client_token: str = ""
) -> Members:
    one = existing(call, application_status_check_id)
    settings = one.settings | {name: value for name, value in request.items() if name in SETTINGS}
    _check(call, settings)
    one.settings, one.modified = settings, call.now
    one.put(call)
    changed(call, one)
    return {"ApplicationStatusCheck": shown(call, one)}


@ec2.operation
def delete_application_status_check(call: Call, application_status_check_id: str, client_token: str = "") -> Members:
    one = existing(call, application_status_check_id)
    for target in [*CheckTarget.scan(call, application_status_check_id)]:
        target.delete(call)
    one.deleted = call.now
    one.put(call)
    changed(call, one)
    application_check_forgotten.later(call, check_id=application_status_check_id, delay=GRACE)
    return {"ApplicationStatusCheck": shown(call, one)}


@ec2.task
def application_check_forgotten(call: Call, check_id: str) -> None:
    if one := ApplicationCheck.get(call, check_id):
        one.delete(call)


@ec2.operation
def describe_application_status_checks(
    call: Call,
    application_status_check_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    include_all: bool = False,
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    ids = application_status_check_ids
    if not include_all:
        ids = [existing(call, what).application_status_check_id for what in ids]
        if not application_status_check_ids:
            ids = [one.application_status_check_id for one in all_existing(call)]
            if not ids:
                return {"ApplicationStatusChecks": []}
    views = "ApplicationStatusChecks", shown
    return described(call, ApplicationCheck, FILTERS, *views, ids, filters, max_results, next_token)


def shown(call: Call, one: ApplicationCheck) -> Members:
    found = CheckTarget.scan(call, one.application_status_check_id, "tag")
    return one.settings | {
        "ApplicationStatusCheckId": one.application_status_check_id,
        "TargetTagAssociations": [{"Key": target.name, "Value": target.value} for target in found],
        "Tags": shown_tags(one.tags),
        "CreationTime": one.created,
        "ModifyTime": one.modified,
        "LastUpdatedAt": one.modified,
        "DeletionTime": one.deleted or None,
    }


# Of which instances


@ec2.operation
def associate_application_status_check(
    call: Call,
    application_status_check_id: str,
    target_tag_associations: list[dict[str, str]] = [],
    instance_ids: list[str] = [],
    client_token: str = "",
) -> Members:
    """Check instances from now on: these, or all that have tags, whenever they are launched."""
    one = existing(call, application_status_check_id)
    wanted = _targets(one, target_tag_associations, instance_ids)
    there = sum(1 for _ in CheckTarget.scan(call, application_status_check_id, "tag"))
    if there + len(target_tag_associations) > MOST_TAGS:
        raise limit("ApplicationStatusCheckTagLimit", f"A check can have at most {MOST_TAGS} tags.")
    good, bad = [], []
    for target in wanted:
        if target.type == "instance-id" and Instance.get(call, target.name) is None:
            bad.append(_result(target) | {"Reason": f"The instance ID '{target.name}' does not exist"})
        else:
            good.append(_result(target.put(call)))
    changed(call, one)
    return {"SuccessfulResults": good, "UnsuccessfulResults": bad}


@ec2.operation
def disassociate_application_status_check(
    call: Call,
    application_status_check_id: str,
    target_tag_associations: list[dict[str, str]] = [],
    instance_ids: list[str] = [],
    client_token: str = "",
) -> Members:
    """Check them no more."""
    one = existing(call, application_status_check_id)
    good, bad = [], []
    for target in _targets(one, target_tag_associations, instance_ids):
        if there := CheckTarget.get(call, target.check_id, target.type, target.name, target.value):
            there.delete(call)
            good.append(_result(target))
        else:
            bad.append(_result(target) | {"Reason": "The association does not exist."})
    changed(call, one)
    return {"SuccessfulResults": good, "UnsuccessfulResults": bad}


def _targets(one: ApplicationCheck, tags: list[dict[str, str]], instance_ids: list[str]) -> list[CheckTarget]:
    if bool(tags) == bool(instance_ids):
        if tags:
            raise combination("Specify either TargetTagAssociations or InstanceIds, but not both.")
        raise missing("TargetTagAssociations", "InstanceIds")
    check_id = one.application_status_check_id
    if any(not tag.get("Key") for tag in tags):
        raise bad_value("TargetTagAssociations.Key", "", "Tag keys must not be blank.")
    found = [CheckTarget(check_id, "tag", tag["Key"], tag.get("Value", "")) for tag in tags]
    return found + [CheckTarget(check_id, "instance-id", what) for what in dict.fromkeys(instance_ids)]


def _result(target: CheckTarget) -> Members:
    value = f"{target.name}={target.value}" if target.type == "tag" else target.name
    return {
        "ApplicationStatusCheckId": target.check_id,
        "AssociationType": target.type,
        "AssociationValue": value,
    }


@ec2.operation
def describe_application_status_check_associations(
    call: Call,
    application_status_check_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    for what in application_status_check_ids:
        existing(call, what)
    test = ASSOCIATIONS.test(filters)
    found = (
        {
            "ApplicationStatusCheckId": target.check_id,
            "AssociationType": target.type,
            "Key": target.name if target.type == "tag" else None,
            "Value": target.value if target.type == "tag" else target.name,
        }
        for target in CheckTarget.scan(call)
        if not application_status_check_ids or target.check_id in application_status_check_ids
    )
    return paged(call, "Associations", filter(test, found), max_results, next_token)


def of_instance(call: Call, one: Instance) -> Iterator[ApplicationCheck]:
    """The checks of an instance, each once."""
    for check in all_existing(call):
        for target in CheckTarget.scan(call, check.application_status_check_id):
            tagged = target.type == "tag" and one.tags.get(target.name) == target.value
            if tagged or (target.type == "instance-id" and target.name == one.instance_id):
                yield check
                break


def changed(call: Call, one: ApplicationCheck) -> None:
    """What is to be asked of whom has changed."""
    from .application_status import ask_soon, forget_results

    if one.deleted:
        forget_results(call, one.application_status_check_id)
    ask_soon(call)
