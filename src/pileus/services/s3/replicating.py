"""Replication carried out: what is put into a bucket is copied to others, by tasks that act as the rules' role.

"Replicating objects within and across Regions", S3 User Guide. A replica has the version id, the time, the metadata and
the tags of what it is a replica of. Versions of one key arrive in the order in which they were made.
Left out: annotations.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import msgspec

from pileus.kernel import Call, Fault, identity

from . import data, documents, events, journals, notifications, planning, roles, s3, seals, versions
from .buckets import Bucket, still
from .data import Carried, Intake
from .digests import DEFAULT, Digests
from .events import Subject
from .objects import ARCHIVED, Manifest, Object, Part
from .rules import Filter
from .versions import Version

KIND = "replication"
PENDING, COMPLETED, FAILED = "PENDING", "COMPLETED", "FAILED"
PATIENCE = 5.0
"""Real seconds to wait for an older version of the key, before the task tries again later."""
THRESHOLD = 15 * 60.0
PUT, MARK, CHANGE = "OBJECT_PUT_REPLICATION", "OBJECT_DELETE_MARKER_REPLICATION", "OBJECT_METADATA_REPLICATION"

Rule = dict[str, Any]


class Refused(Exception):
    """A replication that fails for good, and AWS's word for why."""


# What is to be replicated


def fitting(call: Call, bucket: Bucket, name: str, tags: dict[str, str]) -> list[tuple[Rule, str]]:
    """The rules for an object, with the role: for each destination the one of the highest priority."""
    document = documents.load(call, bucket.room, KIND) or {"Rules": [], "Role": ""}
    best: dict[str, Rule] = {}
    for rule in document["Rules"]:
        wanted = Filter.of(rule)
        if rule["Status"] != "Enabled" or not name.startswith(wanted.prefix):
            continue
        if any(tags.get(key) != value for key, value in wanted.tags):
            continue
        to = rule["Destination"]["Bucket"]
        if to not in best or rule.get("Priority", 0) > best[to].get("Priority", 0):
            best[to] = rule
    return [(rule, document["Role"]) for rule in best.values()]


def selected(rule: Rule, found: Object) -> bool:
    """Whether a rule takes an object that is a replica, or encrypted under a key of KMS."""
    criteria = rule.get("SourceSelectionCriteria", {})
    if found.seal.algorithm in seals.KMS:
        return bool(criteria.get("SseKmsEncryptedObjects", {}).get("Status") == "Enabled")
    return found.storage_class not in ARCHIVED


def created(call: Call, bucket: Bucket, new: Object) -> None:
    """Have a new object copied to where it belongs."""
    if new.replica or bucket.versioning != "Enabled":
        return
    for rule, role in fitting(call, bucket, new.name, new.tags):
        if selected(rule, new):
            new.replicas[rule["Destination"]["Bucket"]] = PENDING
            enqueue(call, bucket, new.name, new.version, rule, role, PUT)
    if new.replicas:
        new.put(call)


def changed(call: Call, bucket: Bucket, found: Object) -> None:
    """Have what is said about an object said about its replicas too."""
    for rule, role in fitting(call, bucket, found.name, found.tags):
        to = rule["Destination"]["Bucket"]
        modifications = rule.get("SourceSelectionCriteria", {}).get("ReplicaModifications", {})
        if to in found.replicas or (found.replica and modifications.get("Status") == "Enabled"):
            enqueue(call, bucket, found.name, found.version, rule, role, CHANGE)


def marked(call: Call, bucket: Bucket, marker: Version) -> None:
    """Have a delete marker put elsewhere: rules of the first version do that, those of the second if they say so."""
    for rule, role in fitting(call, bucket, marker.name, {}):
        if "Filter" not in rule or rule.get("DeleteMarkerReplication", {}).get("Status") == "Enabled":
            enqueue(call, bucket, marker.name, marker.version, rule, role, MARK)


def enqueue(call: Call, bucket: Bucket, key: str, version: str, rule: Rule, role: str, kind: str) -> None:
    who = identity.service(events.S3_ITSELF)
    at = call.at(account=bucket.owner, region=bucket.region, principal=who, source_ip="", members={})
    job = {"bucket": bucket.name, "room": bucket.room, "key": key, "version": version, "rule": rule}
    replicate.later(at, **job, role=role, kind=kind, requested=call.now)
    timed = rule["Destination"].get("ReplicationTime", {}).get("Status") == "Enabled"
    if kind == PUT and timed:
        threshold.later(at, **job, requested=call.now, delay=THRESHOLD)


# The task


class Job(NamedTuple):
    """One object on its way to one destination."""

    call: Call
    """As the role."""
    source: Bucket
    target: Bucket
    rule: Rule
    key: str
    version: str

    @property
    def there(self) -> Call:
        """The call at the destination."""
        return self.call.at(region=self.target.region)

    def may(self, *actions: str, at: Bucket, reason: str) -> None:
        """Refuse for that reason what the role may not do."""
        for action in actions:
            try:
                roles.check(self.call, f"s3:{action}", at, self.key)
            except Fault:
                raise Refused(reason) from None


@s3.task(retries=8)
async def replicate(
    call: Call, bucket: str, room: str, key: str, version: str, rule: Rule, role: str, kind: str, requested: float
) -> None:
    """Bring a version, a delete marker or a change of metadata to a destination, and note how it went."""
    source = Bucket.get(call, call.partition, bucket)
    if source is None or source.room != room:
        return
    try:
        await in_turn(call, source, key, version, rule, kind)
        found = versions.lookup(call, source, key, version)
        if found is None:
            return
        job = begun(call, source, rule, role, key, version)
        if kind == MARK:
            mark(job, found)
        elif kind == CHANGE:
            change(job, found)
        elif isinstance(held := found.held if isinstance(found, Version) else found, Object):
            await copy(job, held)
    except Refused as refused:
        note(call, source, key, version, rule, FAILED)
        failed(call, source, key, version, rule, kind, requested, str(refused))
    else:
        note(call, source, key, version, rule, COMPLETED)
        late(call, source, key, version, rule, requested)


async def in_turn(call: Call, source: Bucket, key: str, version: str, rule: Rule, kind: str) -> None:
    """Wait until what must come before has arrived, or has failed."""
    while pending_before(call, source, key, version, rule["Destination"]["Bucket"], kind):
        if not await call.wait(("s3 replication", source.room, key), seconds=PATIENCE):
            raise TimeoutError("what comes before under this key is still on its way")


def pending_before(call: Call, source: Bucket, key: str, version: str, to: str, kind: str) -> bool:
    """Whether the next older version of the key is still to come; before a change of metadata the version itself."""
    found = versions.lookup(call, source, key, version)
    if found is None:
        return False
    held = found.held if isinstance(found, Version) else found
    if kind == CHANGE:
        return held is not None and held.replicas.get(to) == PENDING
    order = found.order if isinstance(found, Version) else -found.serial
    below = Version.first(call, source.room, key, above=(order,))
    return below is not None and below.held is not None and below.held.replicas.get(to) == PENDING


def begun(call: Call, source: Bucket, rule: Rule, role: str, key: str, version: str) -> Job:
    """The job, if there are a role to do it and a bucket to do it in."""
    try:
        who = roles.taken_on(call, role)
    except Fault:
        raise Refused("AssumeRoleNotPermitted") from None
    target = Bucket.get(call, call.partition, rule["Destination"]["Bucket"].rpartition(":")[2])
    if target is None:
        raise Refused("DstBucketNotFound")
    if target.versioning != "Enabled":
        raise Refused("DstBucketUnversioned")
    return Job(call.at(principal=who, account=who.account), source, target, rule, key, version)


# An object


async def copy(job: Job, found: Object) -> None:
    source, target = job.source, job.target
    if (found.lock_mode or found.hold) and not target.lock:
        raise Refused("DstBucketObjectLockConfigMissing")
    job.may("GetObjectVersionForReplication", at=source, reason="SrcGetObjectNotPermitted")
    job.may("ReplicateObject", at=target, reason="DstPutObjectNotPermitted")
    if found.tags:
        job.may("GetObjectVersionTagging", at=source, reason="SrcGetTaggingNotPermitted")
        job.may("ReplicateTags", at=target, reason="DstPutTaggingNotPermitted")
    if overridden(job):
        job.may("ObjectOwnerOverrideToBucketOwner", at=target, reason="DstPutAclNotPermitted")
    new = replica(job, found)
    async with AsyncExitStack() as stack:
        arrived = [(part.number, await brought(job, found, part, new, stack)) for part in found.pieces(job.call)]
        with job.call.transaction():
            settle(job, new, [intake.adopt(job.call, number) for number, intake in arrived])


def replica(job: Job, found: Object) -> Object:
    """What the replica will be, but for its bytes."""
    to = job.rule["Destination"]
    enforced = job.target.ownership == "BucketOwnerEnforced" or overridden(job)
    return msgspec.structs.replace(
        found,
        room=job.target.room,
        part=None,
        manifest="",
        owner=job.target.owner if enforced else found.owner,
        acl=[] if enforced else found.acl,
        storage_class=to.get("StorageClass", found.storage_class),
        seal=resealed(job, found),
        restore=None,
        replica=True,
        annotations=0,
        replicas={},
    )


def overridden(job: Job) -> bool:
    return bool(job.rule["Destination"].get("AccessControlTranslation", {}).get("Owner") == "Destination")


def resealed(job: Job, found: Object) -> seals.Seal:
    """How a replica is encrypted: under the key that the rule names, or as its bucket has it by default."""
    if found.seal.algorithm == seals.CUSTOMER:
        return found.seal
    try:
        if found.seal.algorithm in seals.KMS:
            key = job.rule["Destination"].get("EncryptionConfiguration", {}).get("ReplicaKmsKeyID", "")
            given = {"ServerSideEncryption": found.seal.algorithm, "SSEKMSKeyId": key}
            return seals.asked(job.there, job.target, given, None)
        return seals.asked(job.there, job.target, {}, None)
    except Fault:
        raise Refused("DstKmsKeyNotFound") from None


async def brought(job: Job, found: Object, part: Part, new: Object, stack: AsyncExitStack) -> Intake | Carried:
    """One part of the object, read at the source and sealed anew; as it is, if only the customer can open it."""
    if found.seal.algorithm == seals.CUSTOMER:
        return await stack.enter_async_context(Carried(job.call, part))
    opener = found.opener(job.call, job.source)
    try:
        body = data.read(job.call, opener, [part], 0, part.size)
    except Fault:
        raise Refused("SrcKmsKeyNotFound") from None
    running = Digests(found.algorithm or DEFAULT)
    try:
        intake = Intake(job.there, new.opener(job.call, job.target), running)
    except Fault:
        raise Refused("DstKmsKeyNotFound") from None
    await stack.enter_async_context(intake)
    await intake.take(body)
    return intake


def settle(job: Job, new: Object, parts: list[Part]) -> None:
    """Make the replica the current version at its destination, unless it is there from an earlier try."""
    call = job.call
    target = still(call, job.target)
    if versions.lookup(call, target, new.name, new.version) is not None:
        for part in parts:
            data.discard(call, part)
        return
    if new.parts:
        new.manifest = versions.new_id(0)
        Manifest(id=new.manifest, parts=parts).put(call)
    else:
        new.part = parts[0] if parts else None
    versions.place_replica(call, target, new)
    planning.soon(call, target)
    told = Subject(new.name, new.size, new.etag, new.version)
    notifications.announce(call, target, "ObjectCreated:Put", told)
    if target.journals:
        journals.note(call, target, new, journals.CREATE)


# Delete markers and metadata


def mark(job: Job, found: Object | Version) -> None:
    job.may("ReplicateDelete", at=job.target, reason="DstDelObjNotPermitted")
    call = job.call
    with call.transaction():
        target = still(call, job.target)
        if versions.lookup(call, target, job.key, job.version) is None:
            marker = versions.mark_replica(call, target, job.key, job.version, found.modified)
            told = Subject(job.key, version=marker.version)
            notifications.announce(call, target, "ObjectRemoved:DeleteMarkerCreated", told)
            if target.journals:
                journals.note(call, target, marker, journals.DELETE)


def change(job: Job, found: Object | Version) -> None:
    """Give the replica the tags, the grants and the lock of what it is a replica of."""
    held = found.held if isinstance(found, Version) else found
    assert held is not None
    job.may("ReplicateTags", at=job.target, reason="DstPutTaggingNotPermitted")
    call = job.call
    with call.transaction():
        there = versions.lookup(call, job.target, job.key, job.version)
        other = there.held if isinstance(there, Version) else there
        if other is None:
            raise Refused("DstVersionNotFound")
        other.tags = held.tags
        if job.target.ownership != "BucketOwnerEnforced" and not overridden(job):
            other.acl = held.acl
        if job.target.lock:
            other.lock_mode, other.lock_until, other.hold = held.lock_mode, held.lock_until, held.hold
            other.event_hold, other.event_mode = held.event_hold, held.event_mode
            other.event_days, other.event_years = held.event_days, held.event_years
        versions.save(call, other)
        planning.soon(call, job.target)
        if job.target.journals:
            journals.note(call, job.target, other, journals.UPDATE)


# How it went


def note(call: Call, source: Bucket, key: str, version: str, rule: Rule, status: str) -> None:
    with call.transaction():
        found = versions.lookup(call, source, key, version)
        held = found.held if isinstance(found, Version) else found
        to = rule["Destination"]["Bucket"]
        if held is not None and to in held.replicas:
            held.replicas[to] = status
            versions.save(call, held)
        call.wake(("s3 replication", source.room, key))


def told(call: Call, source: Bucket, key: str, version: str) -> Subject:
    found = versions.lookup(call, source, key, version)
    held = found.held if isinstance(found, Version) else found
    return Subject(key, version=version) if held is None else Subject(key, held.size, held.etag, version)


def event_data(rule: Rule, kind: str, requested: float, **more: str) -> dict[str, Any]:
    data = {
        "replicationRuleId": rule["ID"],
        "destinationBucket": rule["Destination"]["Bucket"],
        "s3Operation": kind,
        "requestTime": events.iso(requested),
    }
    return {"replicationEventData": data | more}


def failed(
    call: Call, source: Bucket, key: str, version: str, rule: Rule, kind: str, requested: float, reason: str
) -> None:
    with call.transaction():
        more = event_data(rule, kind, requested, failureReason=reason)
        name = "Replication:OperationFailedReplication"
        notifications.announce(call, source, name, told(call, source, key, version), more)


def late(call: Call, source: Bucket, key: str, version: str, rule: Rule, requested: float) -> None:
    """With replication time control it is told that what had taken too long is there."""
    timed = rule["Destination"].get("ReplicationTime", {}).get("Status") == "Enabled"
    if timed and call.now > requested + THRESHOLD:
        with call.transaction():
            more = event_data(rule, PUT, requested, threshold=str(int(THRESHOLD)))
            name = "Replication:OperationReplicatedAfterThreshold"
            notifications.announce(call, source, name, told(call, source, key, version), more)


@s3.task
def threshold(call: Call, bucket: str, room: str, key: str, version: str, rule: Rule, requested: float) -> None:
    """Tell of what is still on its way after the 15 minutes that replication time control promises."""
    source = Bucket.get(call, call.partition, bucket)
    if source is None or source.room != room:
        return
    found = versions.lookup(call, source, key, version)
    held = found.held if isinstance(found, Version) else found
    if held is not None and held.replicas.get(rule["Destination"]["Bucket"]) == PENDING:
        more = event_data(rule, PUT, requested, threshold=str(int(THRESHOLD)))
        name = "Replication:OperationMissedThreshold"
        notifications.announce(call, source, name, told(call, source, key, version), more)
