"""Checksums of S3 ("Checking object integrity for data uploads", S3 User Guide), computed as the bytes pass.

`awscrt` is imported when the first is needed that neither zlib nor hashlib has.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64decode, b64encode
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol

from . import faults

DEFAULT = "CRC64NVME"
"""What S3 computes of objects whose sender gives no checksum."""
FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"


class Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Crc:
    """A running CRC."""

    def __init__(self, compute: Callable[[bytes, int], int], size: int) -> None:
        self._compute = compute
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._compute(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


@cache
def _crt(name: str) -> Any:
    from awscrt import checksums

    return getattr(checksums, name)


class Xxhash:
    """One of the hashes of the xxHash family."""

    def __init__(self, name: str) -> None:
        self._hash = getattr(_crt("XXHash"), name)()

    def update(self, data: bytes, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        digest: bytes = self._hash.finalize()
        return digest


class Algorithm(NamedTuple):
    """One way to sum up bytes."""

    start: Callable[[], Hash]
    size: int
    at_once: Callable[[bytes], bytes] | None = None
    """The sum of bytes that are all there, for those where that is quicker."""
    join: str = ""
    """The function that tells the sum of two ranges from theirs, which only linear ones have."""


def _crc(size: int, compute: Callable[[], Callable[..., int]], join: str) -> Algorithm:
    return Algorithm(lambda: Crc(compute(), size), size, lambda data: compute()(data).to_bytes(size, "big"), join)


ALGORITHMS: dict[str, Algorithm] = {
    "CRC32": _crc(4, lambda: zlib.crc32, "combine_crc32"),
    "CRC32C": _crc(4, lambda: _crt("crc32c"), "combine_crc32c"),
    "CRC64NVME": _crc(8, lambda: _crt("crc64nvme"), "combine_crc64nvme"),
    "SHA1": Algorithm(lambda: hashlib.sha1(usedforsecurity=False), 20),
    "SHA256": Algorithm(hashlib.sha256, 32),
    "SHA512": Algorithm(hashlib.sha512, 64),
    "MD5": Algorithm(lambda: hashlib.md5(usedforsecurity=False), 16),
    "XXHASH64": Algorithm(lambda: Xxhash("new_xxhash64"), 8),
    "XXHASH3": Algorithm(lambda: Xxhash("new_xxhash3_64"), 8),
    "XXHASH128": Algorithm(lambda: Xxhash("new_xxhash3_128"), 16),
}
MEMBERS = {f"Checksum{name}": name for name in ALGORITHMS}
SAID = frozenset((*MEMBERS, "ChecksumAlgorithm"))
"""What a request may say of the checksum."""
FIELDS = {f"x-amz-checksum-{name.lower()}": name for name in ALGORITHMS}


class Wanted(NamedTuple):
    """The checksum that a sender gives, or announces for the end of the body."""

    algorithm: str
    value: str = ""
    """In base 64; empty for one that comes in a trailer, or that nobody gives."""
    trailing: bool = False


def wanted(request: Mapping[str, Any], body: Any = None) -> Wanted | None:
    """What a request says of the checksum of its body; None if it says nothing."""
    announced = getattr(body, "announced", ())
    if not announced and SAID.isdisjoint(request):
        return None
    given = list(MEMBERS.keys() & request.keys())
    announced = [FIELDS[name] for name in announced if name in FIELDS]
    if len(given) + len(announced) > 1:
        words = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        raise faults.invalid_request(words)
    if given:
        algorithm = MEMBERS[given[0]]
        return Wanted(algorithm, checked(algorithm, request[given[0]]))
    if announced:
        return Wanted(announced[0], trailing=True)
    if "ChecksumAlgorithm" in request:
        raise faults.invalid_request(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
            "headers were found."
        )
    return None


def checked(algorithm: str, value: str) -> str:
    """A checksum in base 64 as it stands in a header, if it can be one."""
    try:
        size = len(b64decode(value, validate=True))
    except ValueError:
        size = -1
    if size != ALGORITHMS[algorithm].size:
        raise faults.invalid_request(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")
    return value


class Digests:
    """MD5 for the ETag, and one checksum."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._checksum = ALGORITHMS[algorithm].start()
        self._summed = ""

    def update(self, data: bytes) -> None:
        self._md5.update(data)
        self._checksum.update(data)

    @property
    def md5(self) -> bytes:
        return self._md5.digest()

    @property
    def checksum(self) -> str:
        """In base 64. It is computed once, for not every hash can be asked twice."""
        if not self._summed:
            self._summed = _base64(self._checksum.digest())
        return self._summed


class Sums:
    """The same of bytes that are all there."""

    __slots__ = ("algorithm", "checksum", "md5")

    def __init__(self, algorithm: str, data: bytes) -> None:
        self.algorithm = algorithm
        self.md5 = hashlib.md5(data, usedforsecurity=False).digest()
        self.checksum = _base64(of(algorithm, data))


def _base64(digest: bytes) -> str:
    return b2a_base64(digest, newline=False).decode()


def compare(found: Digests | Sums, want: Wanted | None, body: Any, content_md5: str) -> None:
    """Refuse a body that is not what its sender says of it."""
    if content_md5:
        check_md5(content_md5, found.md5)
    if want is None:
        return
    value = want.value
    if want.trailing:
        value = checked(want.algorithm, body.trailers.get(f"x-amz-checksum-{want.algorithm.lower()}"))
    if value != found.checksum:
        raise faults.fault("BadDigest", f"The {want.algorithm} you specified did not match the calculated checksum.")


def check_md5(content_md5: str, found: bytes) -> None:
    """Refuse a body whose MD5 is another than its sender says."""
    expected = decoded_md5(content_md5)
    if expected != found:
        raise faults.fault(
            "BadDigest",
            "The Content-MD5 you specified did not match what we received.",
            ExpectedDigest=expected.hex(),
            CalculatedDigest=_base64(found),
        )


def decoded_md5(text: str) -> bytes:
    try:
        digest = b64decode(text, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != 16:
        raise faults.fault("InvalidDigest", "The Content-MD5 you specified was invalid.")
    return digest


def of(algorithm: str, data: bytes) -> bytes:
    known = ALGORITHMS[algorithm]
    if known.at_once is not None:
        return known.at_once(data)
    running = known.start()
    running.update(data)
    return running.digest()


def composite(algorithm: str, checksums: Iterable[str]) -> str:
    """The checksum of the checksums of the parts, and how many they are."""
    raw = [b64decode(value) for value in checksums]
    return f"{_base64(of(algorithm, b''.join(raw)))}-{len(raw)}"


def joined(algorithm: str, parts: Iterable[tuple[str, int]]) -> str:
    """The checksum of the whole from the checksums and lengths of its parts."""
    join = _crt(ALGORITHMS[algorithm].join)
    value = 0
    for checksum, length in parts:
        value = join(value, int.from_bytes(b64decode(checksum), "big"), length)
    return b64encode(value.to_bytes(ALGORITHMS[algorithm].size, "big")).decode()
