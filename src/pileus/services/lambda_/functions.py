"""Functions and their versions: what they are, and how they are shown.

A function has what all its versions share. Its versions have code and configuration: number 0 is `$LATEST`, which
changes; those that are published have numbers from 1 on and stay as they are.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from pileus.kernel import Call, Record, names

from . import faults, sealing
from .archives import Code

LATEST = "$LATEST"


class Function(Record, arn="function:{name}", cfn="AWS::Lambda::Function", kw_only=True):
    """What the versions of a function share."""

    name: str
    id: str
    """Tells it from other functions that have had its name."""
    created: float
    last_version: int = 0
    described: str = ""
    """How `$LATEST` was described when it was last published."""
    tags: dict[str, str] = {}
    reserved: int | None = None
    """Reserved concurrency."""
    policies: dict[str, list[dict[str, Any]]] = {}
    """Statements by qualifier; the function's own under an empty one."""
    policy_revisions: dict[str, str] = {}
    code_signing: str = ""
    recursive_loop: str = "Terminate"
    runtime_management: dict[str, dict[str, str]] = {}
    """By version."""

    @classmethod
    def named(cls, call: Call, name: str) -> Function:
        found = cls.get(call, name)
        if found is None:
            raise faults.missing(call.arn(f"function:{name}"))
        return found


class Version(Record, key=("function", "number"), arn="function:{function}", kw_only=True):
    """A version: its code and configuration, the latter in wire names."""

    function: str
    number: int
    code: Code
    settings: dict[str, Any]
    modified: float
    revision: str
    state: str = "Pending"
    update: str = "Successful"
    """How the latest update is doing."""

    @property
    def label(self) -> str:
        return str(self.number) if self.number else LATEST

    def arn(self, call: Call) -> str:
        return call.arn(f"function:{self.function}" + (f":{self.number}" if self.number else ""))

    def touch(self, call: Call) -> None:
        """It has changed."""
        self.modified = call.now
        self.revision = names.uuid4()


class Alias(Record, key=("function", "name"), arn="function:{function}:{name}", cfn="AWS::Lambda::Alias", kw_only=True):
    function: str
    name: str
    version: str
    """`$LATEST` or a number."""
    description: str = ""
    weights: dict[str, float] = {}
    """What share of the invocations goes to another version."""
    revision: str = ""

    def shown(self, call: Call) -> dict[str, Any]:
        routing = {"RoutingConfig": {"AdditionalVersionWeights": self.weights}} if self.weights else {}
        return {
            "AliasArn": self.arn(call),
            "Name": self.name,
            "FunctionVersion": self.version,
            "Description": self.description,
            "RevisionId": self.revision,
            **routing,
        }


def shown(call: Call, version: Version, arn: str = "") -> dict[str, Any]:
    """The FunctionConfiguration."""
    settings = version.settings
    pending = version.state == "Pending"
    busy = version.update == "InProgress"
    answer = {
        "FunctionName": version.function,
        "FunctionArn": arn or version.arn(call),
        "Version": version.label,
        "CodeSize": version.code.size,
        "CodeSha256": version.code.shown,
        "LastModified": stamp(version.modified),
        "RevisionId": version.revision,
        "State": version.state,
        "StateReason": "The function is being created." if pending else None,
        "StateReasonCode": "Creating" if pending else None,
        "LastUpdateStatus": "InProgress" if busy else "Successful",
        "LastUpdateStatusReason": "The function is being updated." if busy else None,
        "LastUpdateStatusReasonCode": "Updating" if busy else None,
        "ConfigSha256": config_digest(version),
        **settings,
    }
    answer["Layers"] = [{"Arn": layer["Arn"], "CodeSize": layer["CodeSize"]} for layer in settings["Layers"]] or None
    if "Environment" in settings:
        answer["Environment"] = sealing.shown(call, version.function, settings)
    if image := answer.pop("ImageConfig", None):
        answer["ImageConfigResponse"] = {"ImageConfig": image}
    if snap := settings.get("SnapStart"):
        optimised = version.number and snap["ApplyOn"] == "PublishedVersions"
        answer["SnapStart"] = {**snap, "OptimizationStatus": "On" if optimised else "Off"}
    if vpc := settings.get("VpcConfig"):
        answer["VpcConfig"] = {"Ipv6AllowedForDualStack": False, **vpc}
    if settings["PackageType"] == "Zip":
        answer["RuntimeVersionConfig"] = {"RuntimeVersionArn": runtime_arn(call, settings["Runtime"])}
    return {name: value for name, value in answer.items() if value is not None}


def stamp(instant: float) -> str:
    """A time as Lambda writes it: 2024-05-06T07:08:09.123+0000."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(instant, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def runtime_arn(call: Call, runtime: str) -> str:
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return f"arn:{call.partition}:lambda:{call.region}::runtime:{digest}"


def config_digest(version: Version) -> str:
    return hashlib.sha256(msgspec.json.encode(version.settings, order="deterministic")).hexdigest()
