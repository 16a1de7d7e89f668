"""Layers: packages that functions share, in immutable versions."""

from __future__ import annotations

import json
import re
from typing import Any, Self

from pileus.kernel import Call, Record

from . import faults, lambda_
from .archives import Code, Upload, fetched, release
from .downloads import location
from .functions import stamp

ARN = re.compile(
    r"arn:(?P<partition>[\w-]+):lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:(?P<name>[a-zA-Z0-9-_]+)(?::(?P<number>\d+))?"
)


class Layer(Record, arn="layer:{name}", cfn="", kw_only=True):
    """A name under which versions are published: numbers are never given twice."""

    name: str
    last_version: int = 0


class LayerVersion(
    Record, key=("layer", "number"), arn="layer:{layer}:{number}", cfn="AWS::Lambda::LayerVersion", kw_only=True
):
    layer: str
    number: int
    code: Code
    created: float
    description: str = ""
    licence: str = ""
    runtimes: list[str] = []
    architectures: list[str] = []
    statements: list[dict[str, Any]] = []
    revision: str = ""

    def resource_policy(self, call: Call) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": self.statements}) if self.statements else ""

    @classmethod
    def by_number(cls, call: Call, layer_name: str, version_number: int) -> Self:
        name = layer_name_of(layer_name)
        found = cls.get(call, name, version_number)
        if found is None:
            raise faults.none_such("The resource you requested does not exist.")
        return found

    @classmethod
    def by_arn(cls, call: Call, arn: str) -> Self:
        """The version of an ARN, for a function that wants it."""
        found = ARN.fullmatch(arn)
        if found is None or not found["number"]:
            raise faults.invalid(f"Layer version {arn} does not exist.")
        if found["region"] != call.region:
            raise faults.invalid(f"Layer version {arn} is in another Region than the function.")
        there = call.at(account=found["account"])
        layer = cls.get(there, found["name"], int(found["number"]))
        if layer is None:
            raise faults.invalid(f"Layer version {arn} does not exist.")
        return layer

    @classmethod
    def by_arn_alone(cls, call: Call, arn: str) -> Self:
        found = ARN.fullmatch(arn)
        if found is None or not found["number"]:
            raise faults.invalid(f"Invalid layer version ARN: {arn}")
        return cls.by_number(call, found["name"], int(found["number"]))

    def shown(self, call: Call) -> dict[str, Any]:
        return {
            "LayerVersionArn": self.arn(call),
            "Version": self.number,
            "Description": self.description,
            "CreatedDate": stamp(self.created),
            "CompatibleRuntimes": self.runtimes or None,
            "CompatibleArchitectures": self.architectures or None,
            "LicenseInfo": self.licence or None,
        }


def layer_name_of(text: str) -> str:
    """A layer's name, of it or of its ARN."""
    found = ARN.fullmatch(text)
    return found["name"] if found else text


def whole(call: Call, layer: LayerVersion) -> dict[str, Any]:
    """A version with its content, as reading and publishing answer."""
    content = {
        "Location": location(call, layer.code),
        "CodeSha256": layer.code.sha256,
        "CodeSize": layer.code.size,
    }
    return layer.shown(call) | {"LayerArn": call.arn(f"layer:{layer.layer}"), "Content": content}


@lambda_.operation
async def publish_layer_version(
    call: Call,
    layer_name: str,
    content: dict[str, Any],
    description: str = "",
    compatible_runtimes: list[str] = [],
    compatible_architectures: list[str] = [],
    license_info: str = "",
) -> dict[str, Any]:
    """Publish the next version of a layer."""
    name = layer_name_of(layer_name)
    async with Upload(call, await fetched(call, content)) as upload:
        with call.transaction():
            layer = Layer.get(call, name) or Layer(name=name)
            layer.last_version += 1
            layer.put(call)
            version = LayerVersion(
                layer=name,
                number=layer.last_version,
                code=upload.take(),
                created=call.now,
                description=description,
                licence=license_info,
                runtimes=compatible_runtimes,
                architectures=compatible_architectures,
            ).put(call)
            return whole(call, version)


@lambda_.operation(on=LayerVersion.by_number)
def get_layer_version(call: Call, layer: LayerVersion) -> dict[str, Any]:
    return whole(call, layer)


@lambda_.operation(on=LayerVersion.by_arn_alone)
def get_layer_version_by_arn(call: Call, layer: LayerVersion) -> dict[str, Any]:
    return whole(call, layer)


@lambda_.operation
def list_layer_versions(
    call: Call,
    layer_name: str,
    compatible_runtime: str = "",
    compatible_architecture: str = "",
    marker: str = "",
    max_items: int = 50,
) -> dict[str, Any]:
    """A layer's versions, the newest first."""
    found = LayerVersion.page(
        call,
        layer_name_of(layer_name),
        limit=max_items,
        token=marker,
        reverse=True,
        where=lambda layer: fits(layer, compatible_runtime, compatible_architecture),
    )
    return {"LayerVersions": [layer.shown(call) for layer in found.items], "NextMarker": found.token}


def fits(layer: LayerVersion, runtime: str, architecture: str) -> bool:
    return (not runtime or runtime in layer.runtimes) and (not architecture or architecture in layer.architectures)


@lambda_.operation
def list_layers(
    call: Call, compatible_runtime: str = "", compatible_architecture: str = "", marker: str = "", max_items: int = 50
) -> dict[str, Any]:
    """The account's layers, each with its latest version that fits."""

    def latest(layer: Layer) -> LayerVersion | None:
        versions = LayerVersion.scan(call, layer.name, reverse=True)
        return next((each for each in versions if fits(each, compatible_runtime, compatible_architecture)), None)

    found = Layer.page(call, limit=max_items, token=marker, where=lambda layer: latest(layer) is not None)
    layers = [
        {"LayerName": layer.name, "LayerArn": layer.arn(call), "LatestMatchingVersion": version.shown(call)}
        for layer in found.items
        if (version := latest(layer))
    ]
    return {"Layers": layers, "NextMarker": found.token}


@lambda_.operation
def delete_layer_version(call: Call, layer_name: str, version_number: int) -> None:
    """Delete a version. Functions that have it keep it; no other can take it."""
    if layer := LayerVersion.get(call, layer_name_of(layer_name), version_number):
        layer.delete(call)
        release(call, layer.code)
