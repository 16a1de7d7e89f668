"""Results of queries in S3: gzipped CSV, and a file that proves it is unchanged ("Validate saved query results")."""

from __future__ import annotations

import asyncio
import base64
import csv
import datetime
import gzip
import hashlib
import io
import json
from typing import Any

from pileus.kernel import Call, Fault, identity, paging
from pileus.kernel.sealed import Sealed

from . import signatures
from .lookups import PRINCIPAL
from .statements import Answer
from .wording import iso

AT_ONCE = 100_000
"""Rows of one file."""


def check(call: Call, uri: str) -> None:
    """Refuse a bucket that is not there."""
    bucket = parts(uri)[0]
    try:
        call.aws("s3", principal=identity.service("s3.amazonaws.com")).get_bucket_location(bucket=bucket)
    except Fault as fault:
        if fault.code != "NoSuchBucket":
            raise
        raise Fault("S3BucketDoesNotExistException", f"S3 bucket {bucket} does not exist!") from None


def parts(uri: str) -> tuple[str, str]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""


async def deliver(call: Call, query: str, uri: str, answer: Answer) -> str:
    """Write the files; the delivery status."""
    bucket, prefix = parts(uri)
    day = datetime.datetime.fromtimestamp(call.now, datetime.UTC)
    folder = f"{prefix}AWSLogs/{call.account}/CloudTrail-Lake/Query/{day:%Y/%m/%d}/{query}"
    files = []
    try:
        for number, start in enumerate(range(0, max(len(answer.rows), 1), AT_ONCE), 1):
            rows = answer.rows[start : start + AT_ONCE]
            body = await asyncio.to_thread(packed, answer.columns, rows)
            name = f"result_{number}.csv.gz"
            await put(call, bucket, f"{folder}/{name}", body)
            files.append({"fileHashValue": hashlib.sha256(body).hexdigest(), "fileName": name})
        await put(call, bucket, f"{folder}/result_sign.json", await signed(call, bucket, folder, files))
    except Fault as fault:
        return {"NoSuchBucket": "RESOURCE_NOT_FOUND", "AccessDenied": "ACCESS_DENIED"}.get(fault.code, "FAILED")
    return "SUCCESS"


async def put(call: Call, bucket: str, key: str, body: bytes) -> None:
    ours = identity.service(PRINCIPAL, call.arn("eventdatastore/*", "cloudtrail"), call.account)
    await call.aws("s3", principal=ours).put_object(bucket=bucket, key=key, body=body, acl="bucket-owner-full-control")


def packed(columns: list[str], rows: list[list[str | None]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return gzip.compress(text.getvalue().encode(), 6, mtime=0)


async def signed(call: Call, bucket: str, folder: str, files: list[dict[str, str]]) -> bytes:
    """The sign file: the hashes of the others, and a signature of them."""
    key = await signatures.signer(call)
    private = base64.b64decode(Sealed.open(call, key.private) or "")
    hashes = " ".join(file["fileHashValue"] for file in files)
    signature = await asyncio.to_thread(signatures.sign, private, hashes.encode())
    told: dict[str, Any] = {
        "version": "1.0",
        "region": call.region,
        "files": files,
        "hashAlgorithm": "SHA-256",
        "signatureAlgorithm": signatures.ALGORITHM,
        "queryCompleteTime": iso(call.now),
        "hashSignature": signature,
        "publicKeyFingerprint": key.fingerprint,
    }
    return json.dumps(told).encode()


def token(call: Call, place: int) -> str:
    return paging.sealed(call, place)


def place(call: Call, given: str, invalid: Fault) -> int:
    return int(paging.opened(call, given, invalid)) if given else 0
