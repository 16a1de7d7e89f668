"""Launch templates: what instances are launched with, under a name, in numbered versions that never change.

A version's data is kept as it was given; whoever launches merges it with what the launch itself says.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, answer, bad_token, iso
from pileus.services.ec2.faults import invalid
from pileus.services.ec2.kinds import all_named, kind, named, new_id
from pileus.services.ec2.storage import sharing
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

NAME = re.compile(r"[a-zA-Z0-9().\-/_]{3,128}")
MOST_VERSIONS = 10_000
MOST_USER_DATA = 16 * 1024
LATEST, DEFAULT = "$Latest", "$Default"


@kind(
    "launch-template",
    "lt",
    missing=(
        "InvalidLaunchTemplateId.NotFound",
        "The specified launch template, with template ID {}, does not exist.",
    ),
)
class LaunchTemplate(
    Record,
    arn="launch-template/{launch_template_id}",
    cfn="AWS::EC2::LaunchTemplate",
    indexes={"by_name": ("launch_template_name",)},
):
    """A template; `versions` has what it says."""

    launch_template_id: str
    launch_template_name: str
    created: float
    created_by: str
    default: int = 1
    latest: int = 1
    last_number: int = 1
    """The highest number that was ever given; none is given twice."""
    tags: dict[str, str] = {}


class TemplateVersion(Record, key=("launch_template_id", "number")):
    """One version of a template."""

    launch_template_id: str
    number: int
    description: str
    created: float
    created_by: str
    data: Members


FILTERS = Filters({"create-time": lambda one: iso(one.created), "launch-template-name": "launch_template_name"})

VERSION_FILTERS = Filters(
    {
        "create-time": lambda shown: iso(shown["CreateTime"]),
        "ebs-optimized": "LaunchTemplateData.EbsOptimized",
        "http-endpoint": "LaunchTemplateData.MetadataOptions.HttpEndpoint",
        "http-protocol-ipv4": "LaunchTemplateData.MetadataOptions.HttpEndpoint",
        "host-resource-group-arn": "LaunchTemplateData.Placement.HostResourceGroupArn",
        "http-tokens": "LaunchTemplateData.MetadataOptions.HttpTokens",
        "iam-instance-profile": "LaunchTemplateData.IamInstanceProfile.Arn",
        "image-id": "LaunchTemplateData.ImageId",
        "instance-type": "LaunchTemplateData.InstanceType",
        "is-default-version": "DefaultVersion",
        "kernel-id": "LaunchTemplateData.KernelId",
        "license-configuration-arn": "LaunchTemplateData.LicenseSpecifications.LicenseConfigurationArn",
        "network-card-index": "LaunchTemplateData.NetworkInterfaces.NetworkCardIndex",
        "ram-disk-id": "LaunchTemplateData.RamDiskId",
    },
    tags=None,
)


def template(call: Call, launch_template_id: str = "", launch_template_name: str = "") -> LaunchTemplate:
    """The template of an id or a name; raises what EC2 says of one that is not there."""
    if bool(launch_template_id) == bool(launch_template_name):
        text = "You must specify either a launch template ID or a launch template name, but not both."
        raise Fault("MissingParameter" if not launch_template_id else "InvalidParameterCombination", text)
    if launch_template_id:
        return named(call, LaunchTemplate, launch_template_id)
    if found := LaunchTemplate.first(call, launch_template_name, index="by_name"):
        return found
    text = f"The specified launch template, with template name {launch_template_name}, does not exist."
    raise Fault("InvalidLaunchTemplateName.NotFoundException", text)


def version_of(call: Call, one: LaunchTemplate, version: str | int) -> TemplateVersion:
    """A version by its number, or by what stands for one; raises what EC2 says of one that is not there."""
    number = {LATEST: one.latest, DEFAULT: one.default, "": one.default}.get(str(version))
    if number is None and str(version).isdecimal():
        number = int(version)
    found = TemplateVersion.get(call, one.launch_template_id, number) if number is not None else None
    if found:
        return found
    text = f"Could not find the specified version {version} for the launch template with ID {one.launch_template_id}."
    raise Fault("InvalidLaunchTemplateId.VersionNotFound", text)


def data_of(call: Call, specification: Mapping[str, Any]) -> tuple[LaunchTemplate, TemplateVersion]:
    """The template and the version that a LaunchTemplateSpecification names."""
    one = template(call, specification.get("LaunchTemplateId", ""), specification.get("LaunchTemplateName", ""))
    return one, version_of(call, one, specification.get("Version", ""))


@ec2.operation
def create_launch_template(
    call: Call,
    launch_template_name: str,
    launch_template_data: Members,
    version_description: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Make a template with its first version."""
    if made := made_before(call, client_token):
        return {"LaunchTemplate": shown(call, named(call, LaunchTemplate, made))}
    tags = specified(tag_specifications, "launch-template")
    if not NAME.fullmatch(launch_template_name):
        text = (
            "Launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the"
            f" following characters: - ( ) . / _. The name '{launch_template_name}' is invalid."
        )
        raise Fault("InvalidLaunchTemplateName.MalformedException", text)
    if LaunchTemplate.first(call, launch_template_name, index="by_name"):
        raise Fault("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
    one = LaunchTemplate(new_id(LaunchTemplate), launch_template_name, call.now, call.principal.arn, tags=tags).put(
        call
    )
    _add(call, one, 1, version_description, launch_template_data)
    remember(call, client_token, one.launch_template_id)
    return {"LaunchTemplate": shown(call, one)}


@ec2.operation
def create_launch_template_version(
    call: Call,
    launch_template_data: Members,
    launch_template_id: str = "",
    launch_template_name: str = "",
    source_version: str = "",
    version_description: str = "",
    resolve_alias: bool = False,
    client_token: str = "",
) -> Members:
    """Add a version: what is given, over what the source version says, if one is named."""
    one = template(call, launch_template_id, launch_template_name)
    if made := made_before(call, client_token):
        return {"LaunchTemplateVersion": shown_version(call, one, version_of(call, one, made))}
    base = version_of(call, one, source_version).data if source_version else {}
    if one.last_number >= MOST_VERSIONS:
        text = f"You've reached the limit of {MOST_VERSIONS} versions for launch template {one.launch_template_id}."
        raise Fault("VersionLimitExceeded", text)
    one.latest = one.last_number = one.last_number + 1
    one.put(call)
    version = _add(call, one, one.latest, version_description, base | launch_template_data)
    remember(call, client_token, str(version.number))
    return {"LaunchTemplateVersion": shown_version(call, one, version, resolve_alias)}


def _add(call: Call, one: LaunchTemplate, number: int, description: str, data: Members) -> TemplateVersion:
    _check(data)
    if image_id := data.get("ImageId"):
        sharing.noted(call, image_id)
    version = TemplateVersion(one.launch_template_id, number, description, call.now, call.principal.arn, data)
    return version.put(call)


def _check(data: Members) -> None:
    """Raise what EC2 says of data that no launch could use."""
    if not data:
        raise Fault("MissingParameter", "The request must contain the parameter LaunchTemplateData")
    if "InstanceType" in data and "InstanceRequirements" in data:
        text = "The parameters InstanceType and InstanceRequirements cannot be specified together."
        raise Fault("InvalidParameterCombination", text)
    if data.get("NetworkInterfaces") and (data.get("SecurityGroupIds") or data.get("SecurityGroups")):
        text = "Network interfaces and an instance-level security groups may not be specified on the same request"
        raise Fault("InvalidParameterCombination", text)
    if user_data := data.get("UserData"):
        decoded_user_data(user_data)
    specified(data.get("TagSpecifications", ()), "instance", *TAGGED)


TAGGED = ("volume", "network-interface", "elastic-gpu", "spot-instances-request")
"""What a launch makes beside instances and can tag."""


def decoded_user_data(text: str) -> bytes:
    """User data as it is; raises what EC2 says of what is not base 64, or too much."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Fault("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None
    if len(data) > MOST_USER_DATA:
        raise Fault("InvalidParameterValue", "User data is limited to 16384 bytes")
    return data


@ec2.operation
def describe_launch_templates(
    call: Call,
    launch_template_ids: list[str] = [],
    launch_template_names: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Templates: all, or those of these ids or names."""
    test = FILTERS.test(filters)
    if launch_template_ids or launch_template_names:
        found = all_named(call, LaunchTemplate, launch_template_ids)
        found += [template(call, launch_template_name=name) for name in dict.fromkeys(launch_template_names)]
        return {"LaunchTemplates": [shown(call, one) for one in found if test(one)]}
    page = LaunchTemplate.page(call, limit=max_results or 200, token=next_token, where=test, invalid=bad_token())
    return answer("LaunchTemplates", [shown(call, one) for one in page.items], page.token)


@ec2.operation
def describe_launch_template_versions(
    call: Call,
    launch_template_id: str = "",
    launch_template_name: str = "",
    versions: list[str] = [],
    min_version: str = "",
    max_version: str = "",
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
    resolve_alias: bool = False,
) -> Members:
    """Versions of one template, the latest first; or the latest or default ones of all templates."""
    test = VERSION_FILTERS.test(filters)
    if not launch_template_id and not launch_template_name:
        return _of_all(call, versions, test, resolve_alias)
    one = template(call, launch_template_id, launch_template_name)

    def view(version: TemplateVersion) -> Members:
        return shown_version(call, one, version, resolve_alias)

    if versions:
        found = [version_of(call, one, version) for version in dict.fromkeys(versions)]
        return {"LaunchTemplateVersions": [seen for version in found if test(seen := view(version))]}
    page = TemplateVersion.page(
        call,
        one.launch_template_id,
        limit=max_results or 200,
        token=next_token,
        since=(numbered(min_version),) if min_version else None,
        upto=(numbered(max_version),) if max_version else None,
        reverse=True,
        where=lambda version: test(view(version)),
        invalid=bad_token(),
    )
    return answer("LaunchTemplateVersions", [*map(view, page.items)], page.token)


def numbered(version: str) -> int:
    if not version.isdecimal():
        raise invalid(f"Invalid launch template version: a numeric version is expected, not '{version}'.")
    return int(version)


def _of_all(call: Call, versions: list[str], test: Any, resolve_alias: bool) -> Members:
    if not versions or not {*versions} <= {LATEST, DEFAULT}:
        text = "When a launch template ID or name is not specified, Versions must be $Latest or $Default."
        raise Fault("MissingParameter", text)
    found = []
    for one in LaunchTemplate.scan(call):
        for number in {one.latest if version == LATEST else one.default for version in versions}:
            seen = shown_version(call, one, version_of(call, one, number), resolve_alias)
            if test(seen):
                found.append(seen)
    return {"LaunchTemplateVersions": found}


@ec2.operation
def modify_launch_template(
    call: Call, launch_template_id: str = "", launch_template_name: str = "", default_version: str = ""
) -> Members:
    """Make another version the default one."""
    one = template(call, launch_template_id, launch_template_name)
    if default_version:
        one.default = version_of(call, one, default_version).number
        one.put(call)
    return {"LaunchTemplate": shown(call, one)}


@ec2.operation
def delete_launch_template(call: Call, launch_template_id: str = "", launch_template_name: str = "") -> Members:
    """Remove a template and all its versions."""
    one = template(call, launch_template_id, launch_template_name)
    TemplateVersion.delete_all(call, one.launch_template_id)
    one.delete(call)
    return {"LaunchTemplate": shown(call, one)}


@ec2.operation
def delete_launch_template_versions(
    call: Call, versions: list[str], launch_template_id: str = "", launch_template_name: str = ""
) -> Members:
    """Remove versions, all but the default one; their numbers are not used again."""
    one = template(call, launch_template_id, launch_template_name)
    gone, kept = [], []
    for version in versions:
        number = int(version) if version.isdecimal() else 0
        seen: Members = {"LaunchTemplateId": one.launch_template_id, "LaunchTemplateName": one.launch_template_name}
        seen["VersionNumber"] = number
        found = TemplateVersion.get(call, one.launch_template_id, number)
        if found is None:
            text = f"The specified launch template version does not exist: {version}"
            kept.append(seen | {"ResponseError": {"Code": "launchTemplateVersionDoesNotExist", "Message": text}})
        elif number == one.default:
            text = "You cannot delete the default version of a launch template."
            kept.append(seen | {"ResponseError": {"Code": "unexpectedError", "Message": text}})
        else:
            found.delete(call)
            gone.append(seen)
    highest = TemplateVersion.first(call, one.launch_template_id, reverse=True)
    assert highest is not None  # the default one cannot be deleted
    one.latest = highest.number
    one.put(call)
    return {
        "SuccessfullyDeletedLaunchTemplateVersions": gone,
        "UnsuccessfullyDeletedLaunchTemplateVersions": kept,
    }


def shown(call: Call, one: LaunchTemplate) -> Members:
    return {
        "LaunchTemplateId": one.launch_template_id,
        "LaunchTemplateName": one.launch_template_name,
        "CreateTime": one.created,
        "CreatedBy": one.created_by,
        "DefaultVersionNumber": one.default,
        "LatestVersionNumber": one.latest,
        "Tags": shown_tags(one.tags),
    }


def shown_version(call: Call, one: LaunchTemplate, version: TemplateVersion, resolve_alias: bool = False) -> Members:
    data = version.data
    if resolve_alias and str(data.get("ImageId", "")).startswith("resolve:ssm:"):
        data = data | {"ImageId": resolved_image(call, data["ImageId"])}
    shown = {
        "LaunchTemplateId": one.launch_template_id,
        "LaunchTemplateName": one.launch_template_name,
        "VersionNumber": version.number,
        "CreateTime": version.created,
        "CreatedBy": version.created_by,
        "DefaultVersion": version.number == one.default,
        "LaunchTemplateData": data,
    }
    return shown | ({"VersionDescription": version.description} if version.description else {})


def resolved_image(call: Call, image_id: str) -> str:
    """The image that a parameter of Systems Manager names: `resolve:ssm:/aws/service/…`."""
    name = image_id.removeprefix("resolve:ssm:")
    return str(call.aws("ssm").get_parameter(name=name)["Parameter"]["Value"])
