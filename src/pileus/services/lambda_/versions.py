"""Versions: publish `$LATEST` as it is, and list what was published."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import faults, lambda_
from .creating import published, refuse_busy
from .functions import LATEST, Version, shown
from .qualifiers import Meant, whole


@lambda_.operation(on=whole)
def publish_version(
    call: Call, meant: Meant, code_sha256: str = "", description: str = "", revision_id: str = ""
) -> dict[str, Any]:
    """Publish `$LATEST` under the next number, unless nothing has changed since the last time."""
    latest = meant.version
    refuse_busy(call, latest)
    faults.check_revision(revision_id, latest.revision)
    if code_sha256 and code_sha256 != latest.code.sha256:
        raise faults.invalid(
            f"CodeSHA256 ({code_sha256}) is different from current CodeSHA256 in $LATEST ({latest.code.sha256}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    return shown(call, published(call, meant.function, latest, description))


@lambda_.operation(on=whole)
def list_versions_by_function(call: Call, meant: Meant, marker: str = "", max_items: int = 50) -> dict[str, Any]:
    """`$LATEST`, and the published versions in their order."""
    found = Version.page(call, meant.name, limit=min(max_items, 50), token=marker)
    versions = [
        shown(call, version, "" if version.number else f"{version.arn(call)}:{LATEST}") for version in found.items
    ]
    return {"Versions": versions, "NextMarker": found.token}
