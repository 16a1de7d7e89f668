"""Reading parameters: one, several, a hierarchy, the history of one."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, Unfinished, paging
from pileus.kernel.access.target import Target
from pileus.kernel.machine_images import PREFIX

from . import permissions, policies, public, secrets, ssm
from .filters import Conditions
from .parameters import NAMING, Parameter, Version, arn_of, not_found, plain_name, validation
from .sharing import account_in

REFERENCE = "/aws/reference/secretsmanager/"
PUBLISHED = 1700000000.0
"""When AWS published its parameters."""


class Selected(NamedTuple):
    """A name with what follows its colon: a version's number, or a label."""

    name: str
    selector: str


@ssm.targets
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """The parameters that a request names, or the path; or its document, or the setting."""
    if setting := request.get("SettingId"):
        return [Target(setting if setting.startswith("arn:") else call.arn(f"servicesetting{setting}"), call.account)]
    if call.operation in permissions.OPERATIONS:
        return [permissions.target(call, request["Name"])]
    names = request.get("Names") or [request[one] for one in ("Name", "Path") if one in request]
    if request.get("ResourceType") == "Parameter":
        names = [request["ResourceId"]]
    if not names:
        return None
    return [target(call, selected(name).name) for name in names]


def target(call: Call, name: str) -> Target:
    if name.startswith("arn:"):
        there = call.at(account=account_in(name) or call.account)
        shared = Parameter.get(there, plain_name(there, name))
        return Target(name, there.account, shared.policy if shared else None, tags=shared.tags if shared else {})
    if name.startswith(PREFIX):
        return Target(f"arn:{call.partition}:ssm:{call.region}::parameter{name}", call.account)
    found = Parameter.get(call, name)
    return Target(arn_of(call, name.rstrip("/")), call.account, tags=found.tags if found else {})


@ssm.operation
def get_parameter(call: Call, name: str, with_decryption: bool = False) -> dict[str, Any]:
    """A parameter: its latest version, or that of a number (`name:3`) or label (`name:prod`)."""
    return {"Parameter": read(call, name, with_decryption)}


@ssm.operation
def get_parameters(call: Call, names: list[str], with_decryption: bool = False) -> dict[str, Any]:
    """Up to ten parameters; those that are not there are told."""
    found, invalid = [], []
    for name in dict.fromkeys(names):
        try:
            found.append(read(call, name, with_decryption))
        except Fault as fault:
            if fault.code not in ("ParameterNotFound", "ParameterVersionNotFound"):
                raise
            invalid.append(name)
    found.sort(key=lambda one: str(one["Name"]))
    return {"Parameters": found, "InvalidParameters": invalid}


@ssm.operation
def get_parameters_by_path(
    call: Call,
    path: str,
    recursive: bool = False,
    parameter_filters: list[dict[str, Any]] = [],
    with_decryption: bool = False,
    max_results: int = 10,
    next_token: str = "",
) -> dict[str, Any]:
    """The parameters below a path: its own level, or with `recursive` all below."""
    if not path.startswith("/") or "//" in path:
        raise validation(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward "
            f'slash "/". {NAMING}'
        )
    base = path.rstrip("/") + "/"
    if base.startswith(PREFIX):
        return published(call, base, recursive, max_results, next_token)
    conditions = Conditions(parameter_filters, by_path=True)
    found = Parameter.page(
        call,
        limit=max_results,
        token=next_token,
        invalid=invalid_token(),
        where=lambda one: level(one.name, base, recursive) and conditions.hold(call, one),
        since=(base,),
        before=(base[:-1] + "0",),  # the sign after the slash
    )
    shown = [read(call, one.name + conditions.selector(call, one), with_decryption) for one in found.items]
    return {"Parameters": shown} | ({"NextToken": found.token} if found.token else {})


def level(name: str, base: str, recursive: bool) -> bool:
    return name.startswith(base) and (recursive or "/" not in name[len(base) :])


def published(call: Call, base: str, recursive: bool, most: int, token: str) -> dict[str, Any]:
    below = [one for name, one in public.published(call.region).items() if level(name, base, recursive)]
    start = int(paging.opened(call, token, invalid_token())) if token else 0
    stop = start + most
    told: dict[str, Any] = {"Parameters": [shown_public(call, one) for one in below[start:stop]]}
    return told | ({"NextToken": paging.sealed(call, stop)} if stop < len(below) else {})


@ssm.operation
def get_parameter_history(
    call: Call, name: str, with_decryption: bool = False, max_results: int = 50, next_token: str = ""
) -> dict[str, Any]:
    """All versions of a parameter that are kept, the oldest first."""
    call = call.at(account=owner_of(call, name))
    parameter = existing(call, name)
    found = Version.page(call, parameter.name, limit=max_results, token=next_token, invalid=invalid_token())
    told: dict[str, Any] = {"Parameters": [past(call, one, with_decryption) for one in found.items]}
    return told | ({"NextToken": found.token} if found.token else {})


def past(call: Call, version: Version, with_decryption: bool) -> dict[str, Any]:
    value = secrets.value_of(call, version, with_decryption)
    return facts(call, version) | {"Value": value, "Labels": version.labels}


def facts(call: Call, version: Version) -> dict[str, Any]:
    """What DescribeParameters and GetParameterHistory both tell."""
    told: dict[str, Any] = {
        "Name": version.name,
        "Type": version.type,
        "LastModifiedDate": version.modified,
        "LastModifiedUser": version.user,
        "Version": version.number,
        "Tier": version.tier,
        "Policies": policies.shown(call, version.policies),
        "DataType": version.data_type,
    }
    more = {"KeyId": version.key_id, "Description": version.description, "AllowedPattern": version.pattern}
    return told | {name: value for name, value in more.items() if value}


# Finding


def selected(text: str) -> Selected:
    """A name and its selector. The colons of an ARN are not the selector's."""
    colons = 5 if text.startswith("arn:") else 0
    parts = text.split(":")
    head, rest = ":".join(parts[: colons + 1]), ":".join(parts[colons + 1 :])
    return Selected(head, rest)


def read(call: Call, text: str, with_decryption: bool) -> dict[str, Any]:
    """A parameter as GetParameter tells it, wherever it comes from."""
    if text.startswith(REFERENCE):
        return referenced(call, text, with_decryption)
    chosen = selected(text)
    call = call.at(account=owner_of(call, chosen.name))
    if found := public.find(call.region, chosen.name):
        return shown_public(call, found)
    parameter = existing(call, chosen.name)
    version = version_of(call, parameter, chosen.selector)
    told = {
        "Name": parameter.name,
        "Type": version.type,
        "Value": secrets.value_of(call, version, with_decryption),
        "Version": version.number,
        "LastModifiedDate": version.modified,
        "ARN": parameter.arn(call),
        "DataType": version.data_type,
    }
    return told | ({"Selector": f":{chosen.selector}"} if chosen.selector else {})


def owner_of(call: Call, name: str) -> str:
    """The account of a parameter: another one's is named by its ARN."""
    account = name.split(":", 5)[4] if name.startswith("arn:") and name.count(":") > 4 else ""
    return account or call.account


def existing(call: Call, name: str) -> Parameter:
    found = Parameter.get(call, plain_name(call, name))
    if found is None:
        raise not_found(name)
    return found


def version_of(call: Call, parameter: Parameter, selector: str) -> Version:
    """The version that a selector means; the latest without one."""
    if not selector or selector.isdigit():
        number = int(selector) if selector else parameter.version
        found = Version.get(call, parameter.name, number)
        if found is None:
            raise no_version(parameter.name, number)
        return found
    for version in Version.scan(call, parameter.name):
        if selector in version.labels:
            return version
    raise Fault(
        "ParameterVersionNotFound",
        f"Systems Manager could not find label {selector} for parameter {parameter.name}. "
        "Verify the label and try again.",
    )


def no_version(name: str, number: int) -> Fault:
    return Fault(
        "ParameterVersionNotFound",
        f"Systems Manager could not find version {number} of {name}. Verify the version and try again.",
    )


def shown_public(call: Call, found: public.PublicParameter) -> dict[str, Any]:
    return {
        "Name": found.name,
        "Type": "String",
        "Value": found.value,
        "Version": 1,
        "LastModifiedDate": PUBLISHED,
        "ARN": found.arn(call),
        "DataType": found.data_type,
    }


def referenced(call: Call, name: str, with_decryption: bool) -> dict[str, Any]:
    """A secret of Secrets Manager, as the caller itself could read it ("Referencing AWS Secrets Manager secrets")."""
    if not with_decryption:
        raise validation("WithDecryption flag must be True for retrieving a Secret Manager secret.")
    secret, selector = selected(name.removeprefix(REFERENCE))
    chosen = {("version_id" if len(selector) == 36 else "version_stage"): selector} if selector else {}
    try:
        found = call.aws("secretsmanager").get_secret_value(secret_id=secret, **chosen)
    except Unfinished:
        raise
    except Fault as fault:
        raise Fault(
            "ParameterNotFound",
            f"An error occurred ({fault.code}) when referencing Secrets Manager: Secret {name} not found.",
        ) from None
    value = found.get("SecretString") or found["SecretBinary"].decode("utf-8", "replace")
    source = {key: shown for key, shown in found.items() if key != "SecretBinary"}
    return {
        "Name": name,
        "Type": "SecureString",
        "Value": value,
        "Version": 0,
        "SourceResult": json.dumps(source),
        "LastModifiedDate": found["CreatedDate"],
        "ARN": found["ARN"],
    } | ({"Selector": f":{selector}"} if selector else {})


def invalid_token() -> Fault:
    return Fault("InvalidNextToken", "The specified token is not valid.")
