"""AWS's own managed policies, as the package ships them (see `pileus.models.compile_managed`)."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import msgspec

from pileus.kernel.access.attached import aws_managed
from pileus.models.model import DATA


class Known(NamedTuple):
    """What is known of one of them beside its text."""

    name: str
    path: str
    version: str
    created: float
    updated: float

    @property
    def id(self) -> str:
        """A unique id that is the same in every cloud."""
        digest = hashlib.sha256(f"{self.path}{self.name}".encode()).digest()
        return "ANPA" + base64.b32encode(digest).decode()[:17]

    @property
    def document(self) -> str:
        return aws_managed()[f"{self.path}{self.name}".removeprefix("/")]


@cache
def known() -> Mapping[str, Known]:
    """All that there are, by path and name as `aws_managed` has them."""
    path = DATA / "managed_policies_index.z"
    if not path.exists():
        return {}
    rows = msgspec.json.decode(zlib.decompress(path.read_bytes()), type=dict[str, tuple[str, float, float]])
    return {
        whole: Known(whole.rpartition("/")[2], f"/{whole}".removesuffix(whole.rpartition("/")[2]), *row)
        for whole, row in rows.items()
    }
