"""Objects: what is known of the current version under a key, and where its bytes are."""

from __future__ import annotations

from typing import Any

import msgspec

from pileus.kernel import Call, Record

from .buckets import Bucket
from .seals import KMS, PLAIN, Opener, Seal

STANDARD = "STANDARD"
CLASSES = (
    STANDARD,
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
)
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
NULL = "null"


class Part(msgspec.Struct, array_like=True):
    """Bytes of an object that were sent together. An empty one has no place."""

    number: int
    size: int
    md5: str
    checksum: str
    place: str
    """The name of a parcel or of a blob."""
    packed: bool
    """Whether it is a parcel."""
    key: bytes
    """The data key, wrapped."""


class Restore(msgspec.Struct, array_like=True, frozen=True):
    """A copy of an archived object for a while."""

    ready: float
    expires: float
    tier: str = "Standard"
    told: bool = False
    """Whether it is known that the copy is there."""


class Object(Record, scope="cloud", key=("room", "name"), kw_only=True, omit_defaults=True):
    """The current version under a key, unless that is a delete marker."""

    room: str
    name: str
    version: str = NULL
    serial: int = 0
    """Counts the versions under the key."""
    etag: str
    """Without its quotes."""
    size: int
    modified: float
    owner: str
    part: Part | None = None
    """The bytes, if they were sent in one piece."""
    manifest: str = ""
    """The id of the `Manifest`, and of the upload, of an object that was sent in parts."""
    parts: int = 0
    """How many it was sent in; 0 for one that was put."""
    seal: Seal = PLAIN
    algorithm: str = ""
    checksum: str = ""
    composite: bool = False
    storage_class: str = STANDARD
    headers: dict[str, str] = {}
    """System metadata by the model's members, such as ContentType."""
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    acl: list[dict[str, Any]] = []
    lock_mode: str = ""
    lock_until: float = 0.0
    hold: bool | None = None
    """Whether there is a legal hold; None where nobody ever said so."""
    event_hold: bool = False
    """Whether it is held until an event, after which its retention begins."""
    event_mode: str = ""
    event_days: int = 0
    event_years: int = 0
    """What that retention will be."""
    restore: Restore | None = None
    replica: bool = False
    """Whether it is one."""
    replicas: dict[str, str] = {}
    """How far its own replication has come, by the ARNs of the destinations."""
    annotations: int = 0
    """How many annotations it has."""
    accessed: float = 0.0
    """The last day on which it was read, where Intelligent-Tiering wants to know."""
    tier: str = ""
    """The archive tier of Intelligent-Tiering that it is in."""
    redirect: str = ""
    """x-amz-website-redirect-location."""

    def opener(self, call: Call, bucket: Bucket, customer: Any = None) -> Opener:
        if self.seal.algorithm not in KMS:
            return Opener(self.seal, "", customer)
        resource = bucket.arn(call) if bucket.zone else f"{bucket.arn(call)}/{self.name}"
        return Opener(self.seal, resource, customer)

    @property
    def archived(self) -> str:
        """The archive it is in: a storage class, or a tier of Intelligent-Tiering; empty for what can be read."""
        return self.tier or (self.storage_class if self.storage_class in ARCHIVED else "")

    @property
    def replication(self) -> str:
        """x-amz-replication-status."""
        if self.replica:
            return "REPLICA"
        found = set(self.replicas.values())
        return next((status for status in ("FAILED", "PENDING", "COMPLETED") if status in found), "")

    def pieces(self, call: Call) -> list[Part]:
        """All its parts, in their order."""
        if self.manifest:
            found = Manifest.get(call, self.manifest)
            assert found is not None, f"an object refers to a manifest that is not there: {self.manifest}"
            return found.parts
        return [self.part] if self.part else []


class Manifest(Record, scope="cloud"):
    """The parts of an object that was sent in several."""

    id: str
    parts: list[Part]
