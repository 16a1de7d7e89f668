"""Digest files: every hour, the hashes of the log files delivered in it, signed, and each chained to the one before.

User Guide, "CloudTrail digest file structure". `aws cloudtrail validate-logs` follows the chain.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import gzip
import hashlib
import json
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record
from pileus.kernel.sealed import Sealed

from . import cloudtrail, signatures
from .trails import Trail
from .wording import iso

EVERY = 3600.0

Members = dict[str, Any]


class LogFile(msgspec.Struct, array_like=True):
    """A log file that was delivered."""

    key: str
    hash: str
    oldest: str
    newest: str


class Chain(Record, scope="account", key=("home", "name", "owner", "region"), kw_only=True):
    """The digests of one account and Region in a trail: the last one, and what the next one is to tell."""

    home: str
    name: str
    owner: str
    region: str
    files: list[LogFile] = []
    since: float
    bucket: str = ""
    key: str = ""
    hash: str = ""
    signature: str = ""


def logged(call: Call, trail: Trail, owner: str, region: str, file: LogFile) -> None:
    """Remember a log file for the next digest."""
    if not trail.validation:
        return
    with call.transaction():
        chain = chain_of(call, trail, owner, region)
        chain.files = [*chain.files, file]
        chain.put(call)


def chain_of(call: Call, trail: Trail, owner: str, region: str) -> Chain:
    found = Chain.get(call, trail.home, trail.name, owner, region)
    return found or Chain(home=trail.home, name=trail.name, owner=owner, region=region, since=trail.started or call.now)


@cloudtrail.task
async def digest(call: Call, home: str, name: str, run: int) -> None:
    """Deliver a digest for each chain, and come back in an hour."""
    trail = Trail.get(call, home, name)
    if trail is None or trail.run != run or not trail.logging:
        return
    now = call.now
    status: Members = {}
    if trail.validation:
        own = chain_of(call, trail, call.account, home)
        chains = {(chain.owner, chain.region): chain for chain in [own, *Chain.scan(call, home, name)]}
        for chain in chains.values():
            status = await write(call.at(region=home), trail, chain, now)
    with call.transaction():
        if trail := Trail.get(call, home, name):
            trail.status = trail.status | status
            trail.put(call)
            digest.later(call, home=home, name=name, run=run, due=now + EVERY)


async def write(call: Call, trail: Trail, chain: Chain, now: float) -> Members:
    """Deliver one digest file; what the trail's status says of it."""
    from .delivery import put

    signer = await signatures.signer(call)
    key = digest_name(trail, chain, now)
    content = document(trail, chain, key, signer.fingerprint, now)
    body = json.dumps(content, separators=(",", ":")).encode()
    digested = hashlib.sha256(body).hexdigest()
    text = f"{iso(now)}\n{trail.bucket}/{key}\n{digested}\n{chain.signature or 'null'}"
    private = base64.b64decode(Sealed.open(call, signer.private) or "")
    signature = await asyncio.to_thread(signatures.sign, private, text.encode())
    try:
        metadata = {"signature": signature, "signature-algorithm": signatures.ALGORITHM}
        await put(call, trail, key, gzip.compress(body, 6, mtime=0), metadata=metadata)
    except Fault as fault:
        return {"LatestDigestDeliveryError": fault.code}
    with call.transaction():
        held = chain_of(call, trail, chain.owner, chain.region)
        held.files = held.files[len(chain.files) :]
        held.since, held.bucket, held.key, held.hash, held.signature = now, trail.bucket, key, digested, signature
        held.put(call)
    return {"LatestDigestDeliveryTime": now}


def document(trail: Trail, chain: Chain, key: str, fingerprint: str, now: float) -> Members:
    return {
        "awsAccountId": chain.owner,
        "digestStartTime": iso(chain.since),
        "digestEndTime": iso(now),
        "digestS3Bucket": trail.bucket,
        "digestS3Object": key,
        "digestPublicKeyFingerprint": fingerprint,
        "digestSignatureAlgorithm": signatures.ALGORITHM,
        "newestEventTime": max((file.newest for file in chain.files), default=None),
        "oldestEventTime": min((file.oldest for file in chain.files), default=None),
        "previousDigestS3Bucket": chain.bucket or None,
        "previousDigestS3Object": chain.key or None,
        "previousDigestHashValue": chain.hash or None,
        "previousDigestHashAlgorithm": "SHA-256" if chain.hash else None,
        "previousDigestSignature": chain.signature or None,
        "logFiles": [
            {
                "s3Bucket": trail.bucket,
                "s3Object": file.key,
                "hashValue": file.hash,
                "hashAlgorithm": "SHA-256",
                "newestEventTime": file.newest,
                "oldestEventTime": file.oldest,
            }
            for file in chain.files
        ],
    }


def digest_name(trail: Trail, chain: Chain, now: float) -> str:
    at = datetime.datetime.fromtimestamp(now, datetime.UTC)
    owner = f"{trail.organization}/{chain.owner}" if trail.organization else chain.owner
    return (
        f"{trail.folders}/{owner}/CloudTrail-Digest/{chain.region}/{at:%Y/%m/%d}/"
        f"{chain.owner}_CloudTrail-Digest_{chain.region}_{trail.name}_{trail.home}_{at:%Y%m%dT%H%M%SZ}.json.gz"
    )


@cloudtrail.operation(honours=("NextToken",))  # which is reserved for future use
def list_public_keys(call: Call, start_time: float | None = None, end_time: float | None = None) -> Members:
    """The keys with which digests of that time were signed; without a time, those of today."""
    start = call.now if start_time is None else float(start_time)
    end = call.now if end_time is None else float(end_time)
    if start > end:
        raise Fault("InvalidTimeRangeException", "Start time must be before end time.")
    return {
        "PublicKeyList": [
            {
                "Value": base64.b64decode(key.public),
                "ValidityStartTime": key.since,
                "ValidityEndTime": key.until,
                "Fingerprint": key.fingerprint,
            }
            for key in signatures.SigningKey.scan(call)
            if key.since <= end and start <= key.until
        ]
    }
