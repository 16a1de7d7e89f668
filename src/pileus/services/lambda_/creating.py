"""Functions: create, find, list, delete."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names, tags

from . import archives, configuration, faults, lambda_, signing
from .archives import Code, Upload, release, share
from .capacity import CapacityProvider, Scaling
from .downloads import location
from .durable.executions import Execution
from .durable.executions import forget as forget_execution
from .events import EventConfig
from .fleet import Fleet
from .functions import LATEST, Alias, Function, Version, shown
from .provisioned import Provision
from .provisioned import forget as give_up
from .qualifiers import Meant, parsed
from .states import settle
from .throttling import give_back
from .urls import Url, forget

SETTINGS = {
    "Runtime",
    "Role",
    "Handler",
    "ImageConfig",
    "Description",
    "Timeout",
    "MemorySize",
    "VpcConfig",
    "PackageType",
    "DeadLetterConfig",
    "Environment",
    "KMSKeyArn",
    "TracingConfig",
    "Layers",
    "Architectures",
    "EphemeralStorage",
    "SnapStart",
    "LoggingConfig",
    "FileSystemConfigs",
    "DurableConfig",
    "CapacityProviderConfig",
    "TenancyConfig",
}
"""Members that are kept, and shown again."""


@lambda_.operation(honours=[*SETTINGS, "FunctionName", "Code", "Publish", "Tags", "CodeSigningConfigArn"])
async def create_function(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Create a function; it is active as soon as its code is unpacked and a runtime is there for it."""
    given = parsed(request["FunctionName"])
    if given.qualifier:
        raise faults.invalid(f"Invalid function name: {request['FunctionName']}")
    source = request["Code"]
    check_package(request.get("PackageType", "Zip"), request)
    data, uri = await archives.fetched(call, source), source.get("ImageUri", "")
    async with Upload(call, data, archives.mounted(call, source), uri) as upload:
        with call.transaction():
            version = created(call, given.name, request, upload)
            if request.get("Publish"):
                version = published(call, Function.named(call, given.name), version)
            return shown(call, version)


def check_package(kind: str, request: dict[str, Any]) -> None:
    """A package is a ZIP file or an image, and each wants other things told."""
    source = request["Code"]
    if kind == "Image" and request.get("CodeSigningConfigArn"):
        raise faults.invalid("Code signing is not supported for functions created with container images.")
    if kind == "Image":
        if "ImageUri" not in source:
            raise faults.invalid("Please provide ImageUri when building a function with packageType Image.")
        if request.keys() & {"Handler", "Runtime", "Layers"}:
            raise faults.invalid(
                "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
            )
    elif "ImageUri" in source:
        raise faults.invalid("Please don't provide ImageUri when creating function with packageType Zip.")
    elif request.get("ImageConfig"):
        raise faults.invalid("Please don't provide ImageConfig when creating function with packageType Zip.")


def created(call: Call, name: str, request: dict[str, Any], upload: Upload) -> Version:
    if Function.get(call, name):
        raise faults.conflict(f"Function already exist: {name}")
    given = {member: request[member] for member in SETTINGS & request.keys()}
    settings = configuration.settings(call, name, given)
    tags.check(request.get("Tags", {}), code="InvalidParameterValueException")
    Function(
        name=name,
        id=names.token(8),
        created=call.now,
        tags=request.get("Tags", {}),
        code_signing=request.get("CodeSigningConfigArn", ""),
    ).put(call)
    check_capacity(call, settings)
    signing.verify(call, request.get("CodeSigningConfigArn", ""))
    share_layers(call, settings)
    version = Version(function=name, number=0, code=upload.take(), settings=settings, modified=0, revision="")
    version.touch(call)
    settle(call, version)
    return version.put(call)


def published(call: Call, function: Function, latest: Version, description: str = "") -> Version:
    """A new version that is as `$LATEST` is now; or the newest one, if nothing has changed since."""
    newest = Version.get(call, function.name, function.last_version) if function.last_version else None
    settings = latest.settings | ({"Description": description} if description else {})
    if newest and unchanged(function, newest, latest):
        return newest
    function.last_version += 1
    function.described = latest.settings["Description"]
    function.put(call)
    share_layers(call, settings)
    version = Version(
        function=function.name,
        number=function.last_version,
        code=share(call, latest.code),
        settings=settings,
        modified=call.now,
        revision=names.uuid4(),
    )
    settle(call, version)
    return version.put(call)


def check_capacity(call: Call, settings: dict[str, Any]) -> None:
    """A capacity provider that is named must be there."""
    if config := settings.get("CapacityProviderConfig"):
        CapacityProvider.named(call, config["LambdaManagedInstancesCapacityProviderConfig"]["CapacityProviderArn"])


def unchanged(function: Function, newest: Version, latest: Version) -> bool:
    """Whether `$LATEST` is as it was when it was last published, perhaps with a description of its own."""
    if newest.code.sha256 != latest.code.sha256:
        return False
    return {**newest.settings, "Description": function.described} == latest.settings


def share_layers(call: Call, settings: dict[str, Any]) -> None:
    """Layers stay with those who have them, even when they are deleted."""
    for code in layer_codes(settings):
        if archives.Package.get(call, code.sha256):
            share(call, code)


def layer_codes(settings: dict[str, Any]) -> list[Code]:
    return [Code(**layer["Code"]) for layer in settings["Layers"]]


@lambda_.operation(on=Meant.by_name)
def get_function(call: Call, meant: Meant) -> dict[str, Any]:
    """A function's configuration, code, tags and reserved concurrency."""
    function, version = meant.function, meant.version
    answer: dict[str, Any] = {
        "Configuration": shown(call, version, meant.arn(call)),
        "Code": source(call, version),
    }
    if function.tags:
        answer["Tags"] = function.tags
    if function.reserved is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
    return answer


def source(call: Call, version: Version) -> dict[str, Any]:
    """Where the code is to be had."""
    code = version.code
    if code.uri:
        resolved = f"{code.uri}@sha256:{code.digest}"
        return {"RepositoryType": "S3", "ImageUri": code.uri, "ResolvedImageUri": resolved}
    return {"RepositoryType": "S3", "Location": location(call, code)}


@lambda_.operation(on=Meant.by_name)
def get_function_configuration(call: Call, meant: Meant) -> dict[str, Any]:
    return shown(call, meant.version, meant.arn(call))


@lambda_.operation
def list_functions(
    call: Call, master_region: str = "", function_version: str = "", marker: str = "", max_items: int = 50
) -> dict[str, Any]:
    """The account's functions by name; all their versions too, if asked for."""
    every = function_version == "ALL"
    found = Version.page(call, limit=min(max_items, 50), token=marker, where=lambda each: every or not each.number)
    functions = [
        shown(call, version, "" if version.number or not every else f"{version.arn(call)}:{LATEST}")
        for version in found.items
    ]
    return {"Functions": functions, "NextMarker": found.token}


@lambda_.operation(on=Meant.by_name)
def delete_function(call: Call, meant: Meant) -> None:
    """Delete a function with all that belongs to it; or one of its versions, unless an alias points to it."""
    if not meant.qualifier:
        delete_whole(call, meant.function)
        return
    if meant.alias:
        raise faults.invalid(f"Unable to delete alias {meant.qualifier} with DeleteFunction.")
    if meant.qualifier == LATEST:
        raise faults.invalid("$LATEST version cannot be deleted without deleting the function.")
    label = meant.version.label
    users = [alias for alias in Alias.scan(call, meant.name) if label in (alias.version, *alias.weights)]
    if users:
        listed = ", ".join(alias.name for alias in users)
        raise faults.conflict(f"Unable to delete version because the following aliases reference it: [{listed}]")
    delete_version(call, meant.version)


def delete_version(call: Call, version: Version) -> None:
    version.delete(call)
    if version.number:
        forget_qualifier(call, version.function, version.label)
    for code in (version.code, *layer_codes(version.settings)):
        release(call, code)


def delete_whole(call: Call, function: Function) -> None:
    for version in list(Version.scan(call, function.name)):
        delete_version(call, version)
    for alias in list(Alias.scan(call, function.name)):
        alias.delete(call)
        forget_qualifier(call, function.name, alias.name)
    for qualifier in ("", LATEST):
        forget_qualifier(call, function.name, qualifier)
    for execution in list(Execution.scan(call, function.name)):
        forget_execution(call, execution)
    give_back(call, function)
    function.delete(call)
    call.after_commit(lambda: call.cloud.engine(Fleet).drop(call, function.name))


def forget_qualifier(call: Call, function: str, qualifier: str) -> None:
    """What belongs to a version, an alias or an unqualified function goes with it."""
    if provision := Provision.get(call, function, qualifier):
        give_up(call, provision)
    if scaling := Scaling.get(call, function, qualifier):
        scaling.delete(call)
    if url := Url.get(call, function, qualifier):
        forget(call, url)
    if config := EventConfig.get(call, function, qualifier):
        config.delete(call)


def refuse_busy(call: Call, version: Version) -> None:
    """No change while another one is under way."""
    if version.state == "Pending":
        raise faults.conflict(
            "The operation cannot be performed at this time. The function is currently in the following state: Pending"
        )
    if version.update == "InProgress":
        raise faults.conflict(
            "The operation cannot be performed at this time. "
            f"An update is in progress for resource: {version.arn(call)}"
        )
