"""What may be a name ("General purpose bucket naming rules" and "Naming Amazon S3 objects", S3 User Guide)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache

from . import faults

LONGEST_KEY = 1024

_TAG = re.compile(r"[\w\s+\-=.:/@]*")
_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_REGIONAL = re.compile(r".+-\d{12}-[a-z]{2}[a-z0-9-]*-\d-an")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--table-s3")


@lru_cache(maxsize=4096)
def is_bucket_name(name: str) -> bool:
    if not _BUCKET.fullmatch(name) or _ADDRESS.fullmatch(name):
        return False
    return not name.startswith(_PREFIXES) and not name.endswith(_SUFFIXES)


def check_bucket(name: str) -> None:
    if not is_bucket_name(name):
        raise faults.fault("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)


def check_namespace(name: str, wanted: str, account: str, region: str) -> None:
    """Names that end with `-an` are an account's own in a Region ("Namespaces for general purpose buckets")."""
    if not wanted and not _REGIONAL.fullmatch(name):
        return
    own = name.endswith(f"-{account}-{region}-an")
    if own != (wanted == "account-regional"):
        words = "The specified bucket name does not follow the naming convention of the requested bucket namespace."
        raise faults.fault("InvalidBucketName", words, BucketName=name)


def check_key(name: str) -> None:
    """A key has at most 1,024 bytes in UTF-8."""
    size = len(name) if name.isascii() else len(name.encode())
    if size > LONGEST_KEY:
        raise faults.fault("KeyTooLongError", "Your key is too long", Size=size, MaxSizeAllowed=LONGEST_KEY)


def check_tags(found: Mapping[str, str]) -> None:
    """Refuse what can be no tag of a bucket or an object."""
    for key, value in found.items():
        if not 1 <= len(key) <= 128 or not _TAG.fullmatch(key):
            raise faults.fault("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > 256 or not _TAG.fullmatch(value):
            raise faults.fault("InvalidTag", "The TagValue you have provided is invalid", TagKey=key, TagValue=value)
        if key.startswith("aws:"):
            raise faults.fault("InvalidTag", "System tags cannot be added/updated by requester", TagKey=key)


@lru_cache(maxsize=4096)
def canonical_id(account: str) -> str:
    """The canonical user id of an account, by which ACLs name it."""
    return hashlib.sha256(f"canonical user {account}".encode()).hexdigest()
