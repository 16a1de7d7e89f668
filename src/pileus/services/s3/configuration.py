"""Documents of a bucket of which there is one of a kind, and those of which there are several with ids.

    document("Cors", "CORSConfiguration", missing=("NoSuchCORSConfiguration", "…"), flat=True, check=check)

declares GetBucketCors, PutBucketCors and DeleteBucketCors.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pileus.kernel import Call

from . import access, documents, faults, s3
from .buckets import Bucket, by_name
from .documents import Document

MOST_NUMBERED = 1000
PAGE = 100
IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,64}")

Members = dict[str, Any]
Check = Callable[[Call, Bucket, Members], Members | None]
"""Refuses a document that will not do; may give back another in its place."""
Changed = Callable[[Bucket, Members | None], None]
"""Tells the bucket of its new document, or of none."""


def by_payer(call: Call, bucket: str, expected_bucket_owner: str = "", request_payer: str = "") -> Bucket:
    """The bucket of a call that its caller may have to pay for."""
    found = by_name(call, bucket, expected_bucket_owner)
    if call.account != found.owner:
        access.check_payer(call, found, request_payer)
    return found


def accept(call: Call, bucket: Bucket, content: Members) -> None:
    return None


def document(
    noun: str,
    member: str,
    *,
    missing: tuple[str, str] | None = None,
    flat: bool = False,
    check: Check = accept,
    changed: Changed | None = None,
    deletes: str = "",
    get: str = "",
    put: str = "",
) -> None:
    """Declare the operations on a kind of document. `flat`: the answer has its members and not the document as one.

    Whoever may put it may delete it, unless `deletes` names an action of its own.
    """
    get, put = get or f"GetBucket{noun}", put or f"PutBucket{noun}"
    kind = noun.lower()
    paid = "RequestPayer" in s3.model.operation(get).input.members  # type: ignore[union-attr]

    def reading(call: Call, bucket: Bucket) -> Members:
        found = documents.load(call, bucket.room, kind)
        if found is None:
            if missing is None:
                return charged(call, bucket)
            raise faults.fault(missing[0], missing[1], 404, BucketName=bucket.name)
        return (dict(found) if flat else {member: found}) | charged(call, bucket)

    def charged(call: Call, bucket: Bucket) -> Members:
        return access.charged(call, bucket) if paid else {}

    def putting(call: Call, bucket: Bucket, request: Members) -> Members:
        content = request.get(member, {})
        content = check(call, bucket, content) or content
        documents.save(call, bucket.room, kind, content)
        note(call, bucket, content)
        return {}

    def deleting(call: Call, bucket: Bucket) -> None:
        documents.drop(call, bucket.room, kind)
        note(call, bucket, None)

    def note(call: Call, bucket: Bucket, content: Members | None) -> None:
        if changed is not None:
            changed(bucket, content)
            bucket.put(call)

    reading.__doc__ = f"The bucket's {member}."
    putting.__doc__ = f"Replace the bucket's {member}."
    deleting.__doc__ = f"Remove the bucket's {member}."
    names = s3.model.operation_names
    s3.operation(name=get, on=by_payer if paid else by_name, action=f"s3:Get{action(noun)}")(reading)
    honours = [name for name in ("ContentMD5", "ChecksumAlgorithm") if name in s3.model.operation(put).input.members]  # type: ignore[union-attr]
    s3.operation(name=put, on=by_name, honours=(member, *honours), action=f"s3:Put{action(noun)}")(putting)
    if f"DeleteBucket{noun}" in names:
        may = deletes or f"s3:Put{action(noun)}"
        s3.operation(name=f"DeleteBucket{noun}", on=by_name, action=may)(deleting)


# Actions that are not named as the operations are ("Actions defined by Amazon S3", Service Authorization Reference).
_ACTIONS = {
    "Cors": "BucketCORS",
    "Encryption": "EncryptionConfiguration",
    "LifecycleConfiguration": "LifecycleConfiguration",
    "Replication": "ReplicationConfiguration",
    "AccelerateConfiguration": "AccelerateConfiguration",
    "AnalyticsConfiguration": "AnalyticsConfiguration",
    "InventoryConfiguration": "InventoryConfiguration",
    "MetricsConfiguration": "MetricsConfiguration",
    "IntelligentTieringConfiguration": "IntelligentTieringConfiguration",
}


def action(noun: str) -> str:
    return _ACTIONS.get(noun, f"Bucket{noun}")


def numbered(noun: str, check: Check = accept) -> None:
    """Declare the operations on a kind of document of which a bucket may have many: put, get, list, delete."""
    member, kind = noun, noun.lower()

    def reading(call: Call, bucket: Bucket, id: str) -> Members:  # noqa: A002
        found = documents.load(call, bucket.room, kind, id)
        if found is None:
            raise absent()
        return {member: found}

    def putting(call: Call, bucket: Bucket, id: str, request: Members) -> None:  # noqa: A002
        content = request[member]
        if content.get("Id") != id:
            words = "Document ID does not match the specified configuration ID."
            raise faults.fault("IdMismatch", words)
        if not IDENTIFIER.fullmatch(id):
            raise faults.fault("InvalidConfigurationId", "The specified configuration id is invalid.")
        if len(content.get("Filter", {})) > 1:
            raise faults.malformed()
        check(call, bucket, content)
        if Document.get(call, bucket.room, kind, id) is None:
            most = sum(1 for _ in Document.scan(call, bucket.room, kind))
            if most >= MOST_NUMBERED:
                words = (
                    "You are attempting to create a new configuration but have already reached the "
                    "1,000-configuration limit."
                )
                raise faults.fault("TooManyConfigurations", words)
        documents.save(call, bucket.room, kind, content, id)

    def deleting(call: Call, bucket: Bucket, id: str) -> None:  # noqa: A002
        if not documents.drop(call, bucket.room, kind, id):
            raise absent()

    def listing(call: Call, bucket: Bucket, continuation_token: str = "") -> Members:
        wrong = faults.invalid_argument("The continuation token provided is incorrect", "continuation-token")
        page = Document.page(call, bucket.room, kind, limit=PAGE, token=continuation_token, invalid=wrong)
        answer: Members = {
            f"{member}List": [each.content for each in page.items],
            "IsTruncated": page.token is not None,
        }
        answer |= {"ContinuationToken": continuation_token} if continuation_token else {}
        return answer | ({"NextContinuationToken": page.token} if page.token else {})

    reading.__doc__ = f"One {member} of the bucket."
    putting.__doc__ = f"Add or replace a {member} of the bucket."
    deleting.__doc__ = f"Remove a {member} of the bucket."
    listing.__doc__ = f"A page of the bucket's {member}s, by their ids."
    may = f"s3:Get{action(noun)}", f"s3:Put{action(noun)}"
    s3.operation(name=f"GetBucket{noun}", on=by_name, action=may[0])(reading)
    s3.operation(name=f"PutBucket{noun}", on=by_name, action=may[1], honours=(member,))(putting)
    s3.operation(name=f"DeleteBucket{noun}", on=by_name, action=may[1])(deleting)
    s3.operation(name=f"ListBucket{noun}s", on=by_name, action=may[0])(listing)


def absent() -> Exception:
    return faults.fault("NoSuchConfiguration", "The specified configuration does not exist.", 404)
