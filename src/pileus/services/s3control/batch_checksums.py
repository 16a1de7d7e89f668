"""S3ComputeObjectChecksum: a job reads every object and reports its checksum ("Compute checksums", S3 User Guide)."""

from __future__ import annotations

import base64
import json
from typing import Any

from pileus.services.s3 import digests
from pileus.services.s3.data import pieces
from pileus.services.s3.digests import COMPOSITE, DEFAULT, FULL, Digests
from pileus.services.s3.faults import invalid_request

IN_PARTS = ("CRC32", "CRC32C", "SHA1", "SHA256")
"""Algorithms of which there are checksums of checksums."""

Members = dict[str, Any]


async def computed(s3: Any, named: Members, given: Members) -> str:
    """The checksum of an object, as a report tells it."""
    algorithm, kind = given.get("ChecksumAlgorithm", DEFAULT), given.get("ChecksumType", FULL)
    if kind == COMPOSITE:
        checksum, etag = await of_parts(s3, named, algorithm)
    else:
        told = s3.get_object(**named)
        checksum, etag = await of_body(told["Body"], algorithm), told["ETag"]
    raw = base64.b64decode(checksum.partition("-")[0])
    report = {
        "checksum_base64": checksum,
        "etag": etag.strip('"'),
        "checksumAlgorithm": algorithm,
        "checksumType": kind,
        "checksum_hex": raw.hex().upper(),
    }
    return json.dumps(report, separators=(",", ":"))


async def of_body(body: Any, algorithm: str) -> str:
    running = Digests(algorithm)
    async for piece in pieces(body):
        running.update(piece)
    return running.checksum


async def of_parts(s3: Any, named: Members, algorithm: str) -> tuple[str, str]:
    """The checksum of the checksums of the parts, and the ETag."""
    first = s3.head_object(**named, part_number=1)
    if "PartsCount" not in first:
        raise invalid_request("A composite checksum is that of an object which was uploaded in parts.")
    checksums = [
        await of_body(s3.get_object(**named, part_number=number)["Body"], algorithm)
        for number in range(1, first["PartsCount"] + 1)
    ]
    return digests.composite(algorithm, checksums), first["ETag"]
