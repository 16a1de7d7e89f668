"""Changes of `$LATEST`: its code, its configuration."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from pileus.kernel import Call

from . import archives, configuration, faults, lambda_, signing
from .archives import Upload, release
from .creating import SETTINGS, layer_codes, published, refuse_busy, share_layers
from .functions import Version, shown
from .qualifiers import Meant, whole
from .states import settle

SOURCE = {"ZipFile", "S3Bucket", "S3Key", "S3ObjectVersion"}
CONFIGURATION = SETTINGS - {"PackageType", "Architectures", "TenancyConfig"}


def changed(call: Call, version: Version) -> Version:
    """Keep a change, which takes effect at once and is told a moment later."""
    version.update = "InProgress"
    version.touch(call)
    settle(call, version)
    return version.put(call)


@lambda_.operation(
    on=whole, honours=[*SOURCE, "Publish", "DryRun", "RevisionId", "Architectures", "FunctionName", "ImageUri"]
)
async def update_function_code(call: Call, meant: Meant, request: dict[str, Any]) -> dict[str, Any]:
    """Replace the code of `$LATEST`."""
    if ("ImageUri" in request) != (meant.version.settings["PackageType"] == "Image"):
        given, kind = ("ImageUri", "Zip") if "ImageUri" in request else ("ZipFile", "Image")
        raise faults.invalid(f"Please don't provide {given} when updating a function with packageType {kind}.")
    data, uri = await archives.fetched(call, request), request.get("ImageUri", "")
    async with Upload(call, data, archives.mounted(call, request), uri) as upload:
        with call.transaction():
            latest = whole(call, request["FunctionName"]).version
            refuse_busy(call, latest)
            faults.check_revision(request.get("RevisionId", ""), latest.revision)
            if request.get("DryRun"):
                return shown(call, latest) | {"CodeSize": len(data), "CodeSha256": digest(data)}
            signing.verify(call, meant.function.code_signing)
            before, latest.code = latest.code, upload.take()
            release(call, before)
            if "Architectures" in request:
                latest.settings["Architectures"] = request["Architectures"]
            changed(call, latest)
            if request.get("Publish"):
                return shown(call, published(call, meant.function, latest))
            return shown(call, latest)


def digest(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@lambda_.operation(on=whole, honours=[*CONFIGURATION, "RevisionId", "FunctionName"])
def update_function_configuration(call: Call, meant: Meant, request: dict[str, Any]) -> dict[str, Any]:
    """Change how `$LATEST` is configured."""
    latest = meant.version
    refuse_busy(call, latest)
    faults.check_revision(request.get("RevisionId", ""), latest.revision)
    given = {member: request[member] for member in CONFIGURATION & request.keys()}
    if "DurableConfig" in given and "DurableConfig" not in latest.settings:
        raise faults.invalid("You cannot enable durable execution on an existing function.")
    before = layer_codes(latest.settings)
    latest.settings = configuration.settings(call, meant.name, given, latest.settings)
    if "Layers" in given:
        share_layers(call, latest.settings)
        for code in before:
            release(call, code)
    return shown(call, changed(call, latest))
