"""Parameters: put, with a new version each time, and deleted."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Record, arn, tags

from . import changes, data_types, policies, secrets, settings, ssm

MOST_VERSIONS = 100
MOST_LEVELS = 15
LONGEST_NAME = 1011
STANDARD, ADVANCED, INTELLIGENT = "Standard", "Advanced", "Intelligent-Tiering"
SIZES = {STANDARD: 4096, ADVANCED: 8192}

NAME = re.compile(r"[a-zA-Z0-9_.\-/]+")
NAMING = (
    'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive). If formed as a path, it can consist of '
    "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 "
    "symbols .-_"
)


class Parameter(Record, arn="parameter/{name}", cfn="AWS::SSM::Parameter", kw_only=True):
    """A parameter, and its latest version's number. What it holds is in its versions."""

    name: str
    version: int
    tier: str
    tags: dict[str, str] = {}
    policy: str = ""
    """Its resource policy."""
    policy_id: str = ""

    def arn(self, call: Call) -> str:
        return arn_of(call, self.name)


class Version(Record, key=("name", "number"), kw_only=True):
    """One version of a parameter."""

    name: str
    number: int
    type: str
    sealed: bytes
    key_id: str = ""
    description: str = ""
    pattern: str = ""
    tier: str
    data_type: str = "text"
    policies: list[dict[str, Any]] = []
    labels: list[str] = []
    modified: float
    user: str


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"parameter/{name.removeprefix('/')}")


@ssm.operation
def put_parameter(
    call: Call,
    name: str,
    value: str,
    type: str = "",  # noqa: A002
    description: str | None = None,
    key_id: str = "",
    overwrite: bool = False,
    allowed_pattern: str | None = None,
    tags: list[dict[str, str]] = [],
    tier: str = "",
    policies: str = "",
    data_type: str = "",
) -> dict[str, Any]:
    """Create a parameter, or with `overwrite` give it a new version."""
    check_name(name)
    found = Parameter.get(call, name)
    last = check_existing(call, found, overwrite, bool(tags))
    if not type and last is None:
        raise validation("A parameter type is required when you create a parameter.")
    version = Version(
        name=name,
        number=found.version + 1 if found else 1,
        type=type or (last.type if last else ""),
        sealed=b"",
        description=description if description is not None else (last.description if last else ""),
        pattern=allowed_pattern if allowed_pattern is not None else "",
        tier=tier_for(call, found, tier, value, bool(policies)),
        data_type=data_type or (last.data_type if last else "text"),
        modified=call.now,
        user=call.principal.arn,
    )
    version.policies = take_policies(version.tier, policies, last)
    check_value(version, value)
    if key_id and version.type != "SecureString":
        raise validation("KeyId is required for SecureString type parameter only.")
    secrets.fill(call, version, value, key_id or (last.key_id if last and last.type == "SecureString" else ""))
    if found is None:
        found = Parameter(name=name, version=1, tier=version.tier, tags=tags_of(tags))
    found.version, found.tier = version.number, version.tier
    found.put(call)
    version.put(call)
    forget_oldest(call, name)
    schedule(call, version)
    operation = "Create" if last is None else "Update"
    changes.changed(call, operation, found.arn(call), name, version.type, description=version.description)
    return {"Version": version.number, "Tier": version.tier}


def take_policies(tier: str, text: str, last: Version | None) -> list[dict[str, Any]]:
    """The policies of a new version: those of the request, else the ones before."""
    if text:
        if tier != ADVANCED:
            raise validation("Parameter policies are only supported for parameters in the advanced-parameter tier.")
        return policies.parsed(text)
    return last.policies if last else []


def schedule(call: Call, version: Version) -> None:
    policies.schedule(call, version.name, version.number, version.policies)


def check_existing(call: Call, found: Parameter | None, overwrite: bool, tagged: bool) -> Version | None:
    """The latest version, if the parameter is there and may be overwritten."""
    if tagged and overwrite:
        raise validation(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
            "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
            "RemoveTagsFromResource."
        )
    if found is None:
        return None
    if not overwrite:
        raise Fault(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        )
    return Version.get(call, found.name, found.version)


def check_name(name: str) -> None:
    plain = name.lower().removeprefix("/")
    if re.match(r"/(aws|ssm)(/|$)", name.lower()):
        raise Fault("AccessDeniedException", f"No access to reserved parameter name: {name}.", status=400)
    if plain.startswith(("aws", "ssm")) or not NAME.fullmatch(name) or "//" in name or name.endswith("/"):
        raise validation(NAMING)
    if "/" in name and not name.startswith("/"):
        raise validation("Parameter name must be a fully qualified name.")
    if name.count("/") > MOST_LEVELS:
        raise Fault(
            "HierarchyLevelLimitExceededException",
            "Parameter name hierarchies can have a maximum of 15 levels. Enter a different name.",
        )
    if len(name) > LONGEST_NAME:
        raise validation(f"Parameter name must not be longer than {LONGEST_NAME} characters.")


def tier_for(call: Call, found: Parameter | None, asked: str, value: str, with_policies: bool) -> str:
    """The tier that a version gets: never a lower one than before."""
    asked = asked or ("" if found and found.tier == ADVANCED else settings.value(call, settings.TIER))
    needs_more = with_policies or len(value.encode()) > SIZES[STANDARD]
    if asked == INTELLIGENT:
        return ADVANCED if needs_more or (found and found.tier == ADVANCED) else STANDARD
    if found and found.tier == ADVANCED:
        if asked == STANDARD:
            raise validation(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
                "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced "
                "parameter and recreate it as a standard parameter."
            )
        return ADVANCED
    return asked


def check_value(version: Version, value: str) -> None:
    if not value:
        raise validation("Parameter value can't be empty.")
    most = SIZES[version.tier]
    if len(value.encode()) > most:
        raise validation(
            f"{version.tier} tier parameters support a maximum parameter value of {most} characters."
            + (
                " To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For "
                "more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/"
                "parameter-store-advanced-parameters.html"
                if version.tier == STANDARD
                else ""
            )
        )
    if re.search(r"\{\{.*\}\}", value):
        raise validation(
            "Parameter values can't reference other parameters, or have values wrapped in double brackets {{}}."
        )
    if version.pattern:
        check_pattern(version.pattern, value)
    data_types.check(version.data_type, value)


def check_pattern(pattern: str, value: str) -> None:
    try:
        matches = re.search(pattern, value)
    except re.error:
        raise Fault(
            "InvalidAllowedPatternException", "The request does not meet the regular expression requirement."
        ) from None
    if not matches:
        raise Fault(
            "ParameterPatternMismatchException",
            f"Parameter value, cannot be validated against allowedPattern: {pattern}",
        )


def forget_oldest(call: Call, name: str) -> None:
    """Keep a hundred versions. The oldest goes, unless it has a label."""
    numbers = [version.number for version in Version.scan(call, name)]
    if len(numbers) <= MOST_VERSIONS:
        return
    oldest = Version.get(call, name, numbers[0])
    if oldest and oldest.labels:
        raise Fault(
            "ParameterMaxVersionLimitExceeded",
            f"You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. "
            f"Version {oldest.number}, the oldest version, can't be deleted because it has a label associated with it. "
            "Move the label to another version of the parameter, and try again.",
        )
    if oldest:
        oldest.delete(call)


@ssm.operation
def delete_parameter(call: Call, name: str) -> None:
    """Delete a parameter with all its versions."""
    if not removed(call, name):
        raise not_found(name)


@ssm.operation
def delete_parameters(call: Call, names: list[str]) -> dict[str, Any]:
    """Delete up to ten parameters; those that are not there are told."""
    done = {name: removed(call, name) for name in names}
    return {
        "DeletedParameters": [name for name, gone in done.items() if gone],
        "InvalidParameters": [name for name, gone in done.items() if not gone],
    }


def removed(call: Call, name: str) -> bool:
    from .sharing import unshare

    found = Parameter.get(call, plain_name(call, name))
    if found is None:
        return False
    last = Version.get(call, found.name, found.version)
    Version.delete_all(call, found.name)
    unshare(call, found)
    found.delete(call)
    changes.changed(call, "Delete", found.arn(call), found.name, last.type if last else "")
    return True


def plain_name(call: Call, text: str) -> str:
    """A parameter's name in a name or ARN. ARNs leave out the slash that names in a hierarchy begin with."""
    if not text.startswith("arn:"):
        return text
    try:
        resource = arn.parse(text).resource
    except ValueError:
        raise validation(NAMING) from None
    name = resource.removeprefix("parameter/")
    return f"/{name}" if "/" in name or Parameter.get(call, name) is None else name


@ssm.shareable("ssm:Parameter")
def shareable(call: Call, arn: str) -> bool:
    """Whether a parameter is there, and of the advanced tier."""
    found = Parameter.get(call, plain_name(call, arn))
    if found is not None and found.tier != ADVANCED:
        raise validation("Only parameters in the advanced-parameter tier can be shared.")
    return found is not None


def not_found(name: str) -> Fault:
    return Fault("ParameterNotFound", f"Parameter {name} not found.")


def validation(message: str) -> Fault:
    return Fault("ValidationException", message)


# Tags


@ssm.operation
def add_tags_to_resource(call: Call, resource_type: str, resource_id: str, tags: list[dict[str, str]]) -> None:
    """Add tags to a parameter, or give those that it has other values."""
    found = tagged(call, resource_type, resource_id)
    found.tags = checked_tags(found.tags | tags_of(tags))
    found.put(call)


@ssm.operation
def remove_tags_from_resource(call: Call, resource_type: str, resource_id: str, tag_keys: list[str]) -> None:
    """Take tags from a parameter; those that it does not have are no error."""
    found = tagged(call, resource_type, resource_id)
    found.tags = {key: value for key, value in found.tags.items() if key not in tag_keys}
    found.put(call)


@ssm.operation
def list_tags_for_resource(call: Call, resource_type: str, resource_id: str) -> dict[str, Any]:
    """The tags of a parameter."""
    return {"TagList": tags.as_list(tagged(call, resource_type, resource_id).tags)}


def tagged(call: Call, kind: str, name: str) -> Parameter:
    if kind != "Parameter":
        raise Fault("InvalidResourceType", f"{kind} is not a resource type that Pileus has.")
    found = Parameter.get(call, name)
    if found is None:
        raise Fault(
            "InvalidResourceId", "The resource ID is not valid. Verify that you entered the correct ID and try again."
        )
    return found


def tags_of(given: list[dict[str, str]]) -> dict[str, str]:
    return checked_tags(tags.as_map(given))


def checked_tags(held: dict[str, str]) -> dict[str, str]:
    if len(held) > tags.MOST:
        raise Fault("TooManyTagsError", f"The number of tags exceeds the limit of {tags.MOST}.")
    tags.check(held)
    return held
