"""Buckets: create, find, list, delete. Their names are unique in a partition."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Self

from pileus.kernel import Call, Fault, Record, names, paging, regions, tags
from pileus.kernel.identity import ANONYMOUS

from . import acls, documents, faults, naming, s3
from .naming import canonical_id

ENFORCED = "BucketOwnerEnforced"
MOST_LISTED = 10_000
BY_POINT = ("HeadBucket", "GetBucketAcl", "GetBucketCors", "GetBucketNotificationConfiguration", "GetBucketPolicy")
"""Operations on a bucket itself that an access point takes ("Access point compatibility", S3 User Guide)."""
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")

# Hosts that stand for all Regions and not for one of them.
_GLOBAL_HOST = re.compile(r"(//|\.)s3\.(localhost|amazonaws)")


class Bucket(
    Record,
    scope="cloud",
    key=("partition", "name"),
    indexes={"owner": ("partition", "owner")},
    arn="arn:{partition}:s3:::{name}",
    cfn="AWS::S3::Bucket",
    kw_only=True,
    omit_defaults=True,
):
    """A bucket, with those of its settings that most calls want to know; the others are `Document`s."""

    partition: str
    name: str
    owner: str
    """The account."""
    region: str
    room: str
    """What everything in the bucket has for the first element of its key."""
    created: float
    versioning: str = ""
    """`Enabled`, `Suspended`, or nothing if it never was."""
    lock: bool = False
    """Whether objects may be locked."""
    retention: dict[str, Any] = {}
    """The lock that new objects get: Mode, and Days or Years."""
    encryption: dict[str, Any] = {}
    """The rule of the default encryption; none means SSE-S3."""
    ownership: str = ENFORCED
    """Empty without ownership controls, which means ObjectWriter."""
    blocks: tuple[str, ...] = BLOCKS
    """Which settings of the public access block are on."""
    has_block: bool = True
    has_policy: bool = False
    has_cors: bool = False
    has_lifecycle: bool = False
    """Whether a lifecycle rule is enabled."""
    replicates: bool = False
    """Whether what is put into it is to be copied elsewhere."""
    tiers: bool = False
    """Whether Intelligent-Tiering has been given archive tiers."""
    mfa: str = ""
    """`Enabled` or `Disabled`, if MFA delete was ever set."""
    abac: bool = False
    """Whether its tags count in policies."""
    notifies: bool = False
    """Whether somebody wants to hear of what happens in it."""
    journals: bool = False
    """Whether metadata tables tell of what happens in it."""
    payer: str = "BucketOwner"
    acl: list[dict[str, Any]] = []
    """Grants, as the model has them; none means that all is the owner's."""
    tags: dict[str, str] = {}
    zone: str = ""
    """The id of the Availability Zone of a directory bucket."""
    table: str = ""
    """The ARN of the table whose files it holds."""
    european: bool = False
    """Whether its Region was called `EU` when it was created, as it was of old; it is told so ever after."""
    shelf: str = ""
    """The storage class of all objects in it, if the table has another than the usual one."""
    through: str = ""
    """The ARN of the access point by which a call came to it; never stored."""

    @classmethod
    def new(cls, call: Call, name: str, region: str = "") -> Self:
        """An empty bucket of the call's account, which is not stored yet."""
        return cls(
            partition=call.partition,
            name=name,
            owner=call.account,
            region=region or call.region,
            room=names.token(8),
            created=call.now,
        )

    def arn(self, call: Call) -> str:
        if self.zone:
            return f"arn:{self.partition}:s3express:{self.region}:{self.owner}:bucket/{self.name}"
        if self.table:
            return self.table
        return f"arn:{self.partition}:s3:::{self.name}"

    def resource_policy(self, call: Call) -> str | None:
        """The policy, for principals of the owner's own account and for services; `access` decides about all others."""
        if call.principal.type == "AWSService":
            return acls.with_log_delivery(documents.load(call, self.room, "policy") or "", self)
        if call.account != self.owner:
            return None
        return documents.load(call, self.room, "policy") if self.has_policy else ""

    def condition_tags(self, call: Call) -> Mapping[str, str]:
        return self.tags if self.abac else {}

    def condition_keys(self, call: Call, request: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        from . import abac

        return abac.Keys(call, self, request)

    @property
    def settled(self) -> bool:
        """Whether all policies were asked before: those of directory buckets, access points and tables are."""
        return bool(self.through or self.zone or self.table)

    @property
    def versioned(self) -> bool:
        """Whether there may be versions: it is on, or once was."""
        return self.versioning != ""

    @classmethod
    def named(cls, call: Call, name: str) -> Bucket:
        """The bucket of that name, if the call came to its Region."""
        bucket = cls.get(call, call.partition, name)
        if bucket is None:
            from .points import reach

            if (reached := reach(call, name)) is None:
                raise absent(name)
            return reached
        if bucket.region != call.region and call.principal is not ANONYMOUS and call.principal.type != "AWSService":
            raise elsewhere(call, bucket)
        if "s3-accelerate." in call.endpoint:
            check_accelerated(call, bucket)
        if bucket.zone:
            from .directories import check

            check(call, bucket)
        elif bucket.table:
            from . import tables

            tables.check(call, bucket)
        return bucket


def still(call: Call, bucket: Bucket) -> Bucket:
    """The bucket as it is now, after something took its time; NoSuchBucket if it is gone."""
    found = Bucket.get(call, bucket.partition, bucket.name)
    if found is None or found.room != bucket.room:
        raise faults.no_bucket(bucket.name)
    return found


def check_accelerated(call: Call, bucket: Bucket) -> None:
    """Refuse a request to the accelerated host of a bucket that has none; what follows from one may be elsewhere."""
    if f"//{bucket.name}." not in call.endpoint:
        return
    if (documents.load(call, bucket.room, "accelerateconfiguration") or {}).get("Status") != "Enabled":
        raise faults.invalid_request("S3 Transfer Acceleration is not configured on this bucket")


def absent(name: str) -> Exception:
    if not naming.is_bucket_name(name.removesuffix("--table-s3")):
        return faults.fault("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)
    return faults.no_bucket(name)


def elsewhere(call: Call, bucket: Bucket) -> Exception:
    """The bucket is in another Region: its endpoint is named or, at the one for all Regions, the right signature."""
    if _GLOBAL_HOST.search(call.endpoint):
        words = (
            f"The authorization header is malformed; the region '{call.region}' is wrong; expecting '{bucket.region}'"
        )
        fault = faults.fault("AuthorizationHeaderMalformed", words, Region=bucket.region)
    else:
        words = (
            "The bucket you are attempting to access must be addressed using the specified endpoint. "
            "Please send all future requests to this endpoint."
        )
        endpoint = f"{bucket.name}.s3.{bucket.region}.{call.endpoint.partition('://')[2]}"
        fault = faults.fault("PermanentRedirect", words, 301, Endpoint=endpoint, Bucket=bucket.name)
    fault.headers.append(("x-amz-bucket-region", bucket.region))
    return fault


def by_name(call: Call, bucket: str, expected_bucket_owner: str = "") -> Bucket:
    """The bucket that a call of a bucket's operation means, if the caller may make it."""
    from . import access

    found = Bucket.named(call, bucket)
    access.check_owner(found, expected_bucket_owner)
    if found.through and call.operation not in BY_POINT:
        raise faults.not_allowed(call.operation[:3].upper(), "ACCESSPOINT")
    access.check_bucket(call, found)
    return found


@s3.operation
def create_bucket(
    call: Call,
    bucket: str,
    acl: str = "",
    bucket_namespace: str = "",
    create_bucket_configuration: dict[str, Any] = {},
    grant_full_control: str = "",
    grant_read: str = "",
    grant_read_acp: str = "",
    grant_write: str = "",
    grant_write_acp: str = "",
    object_lock_enabled_for_bucket: bool = False,
    object_ownership: str = ENFORCED,
) -> dict[str, Any]:
    """Create a bucket. In us-east-1 an owner may create it again; its ACL is then the one of the last time."""
    from . import observing

    check_caller(call)
    if bucket.endswith("--x-s3"):
        from .directories import create

        return create(call, bucket, create_bucket_configuration)
    naming.check_bucket(bucket)
    region = place(call, create_bucket_configuration)
    naming.check_namespace(bucket, bucket_namespace, call.account, region)
    given = acls.from_headers(
        call.account,
        acl,
        acls.Headers(grant_full_control, grant_read, grant_read_acp, grant_write, grant_write_acp),
        call.account,
    )
    check_acl(call, given, object_ownership)
    tagged = tags_of(create_bucket_configuration.get("Tags", []))
    if (old := Bucket.get(call, call.partition, bucket)) is None:
        old = Bucket.new(call, bucket, region)
        old.lock, old.versioning = object_lock_enabled_for_bucket, "Enabled" if object_lock_enabled_for_bucket else ""
        old.ownership, old.tags = object_ownership, tagged
        old.european = create_bucket_configuration.get("LocationConstraint") == "EU"
        observing.begin(call, old)
    else:
        check_recreated(call, old, region)
    old.acl = given
    old.put(call)
    here = region == "us-east-1" or bucket_namespace == "account-regional"
    return {"Location": f"/{bucket}" if here else f"http://{bucket}.s3.amazonaws.com/", "BucketArn": old.arn(call)}


def check_acl(call: Call, given: list[dict[str, Any]], ownership: str) -> None:
    """New buckets have the public access block, against which no ACL can make them public."""
    if given and ownership == ENFORCED:
        words = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise faults.fault("InvalidBucketAclWithObjectOwnership", words)
    if acls.is_public(given):
        words = "Bucket cannot have public ACLs set with BlockPublicAccess enabled"
        raise faults.fault("InvalidBucketAclWithBlockPublicAccessError", words)


def check_caller(call: Call) -> None:
    if call.principal is ANONYMOUS:
        raise faults.denied()


def place(call: Call, configuration: dict[str, Any]) -> str:
    """The Region of a new bucket. The endpoint of us-east-1 creates them anywhere, the others only at home."""
    if configuration.keys() & {"Location", "Bucket"}:
        raise faults.fault("InvalidBucketName", "The specified bucket is not valid.")
    asked = configuration.get("LocationConstraint", "")
    region = "eu-west-1" if asked == "EU" else asked
    if region and regions.partition_of(region) != call.partition:
        words = "The specified location-constraint is not valid"
        raise faults.fault("InvalidLocationConstraint", words, LocationConstraint=asked)
    if call.region != "us-east-1" and region != call.region:
        raise faults.fault(
            "IllegalLocationConstraintException",
            f"The {asked or 'unspecified'} location constraint is incompatible for the region specific endpoint this "
            "request was sent to.",
        )
    return region or call.region


def check_recreated(call: Call, old: Bucket, region: str) -> None:
    if old.owner != call.account:
        raise faults.fault(
            "BucketAlreadyExists",
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
            "Please select a different name and try again.",
            409,
            BucketName=old.name,
        )
    if old.zone or not old.region == region == call.region == "us-east-1":
        raise faults.fault(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
            409,
            BucketName=old.name,
        )


def tags_of(given: list[dict[str, str]]) -> dict[str, str]:
    found = tags.as_map(given, "Key", "Value")
    if len(found) != len(given):
        raise faults.fault("InvalidTag", "Cannot provide multiple Tags with the same key")
    if len(found) > tags.MOST:
        raise faults.fault("BadRequest", "Bucket tag count cannot be greater than 50")
    naming.check_tags(found)
    return found


def by_name_told(call: Call, bucket: str, expected_bucket_owner: str = "") -> Bucket:
    """The same as `by_name`. Who may not look at the bucket is told its Region all the same: SDKs find it so."""
    try:
        return by_name(call, bucket, expected_bucket_owner)
    except Fault as fault:
        found = Bucket.get(call, call.partition, bucket)
        if fault.status == 403 and found is not None:
            fault.headers.append(("x-amz-bucket-region", found.region))
        raise


@s3.operation(on=by_name_told, action="s3:ListBucket")
def head_bucket(call: Call, bucket: Bucket) -> dict[str, Any]:
    """Whether the bucket is there, and where."""
    told: dict[str, Any] = {"BucketRegion": bucket.region, "BucketArn": bucket.arn(call)}
    told["AccessPointAlias"] = str(call.members.get("Bucket", "")).endswith("-s3alias")
    if bucket.zone:
        told |= {"BucketLocationType": "AvailabilityZone", "BucketLocationName": bucket.zone}
    return told


@s3.operation
def get_bucket_location(call: Call, bucket: str, expected_bucket_owner: str = "") -> dict[str, Any]:
    """The bucket's Region, asked from any; us-east-1 is told by an empty text."""
    from . import access

    found = Bucket.get(call, call.partition, bucket)
    if found is None:
        raise absent(bucket)
    access.check_owner(found, expected_bucket_owner)
    access.check_bucket(call, found)
    if found.region == "us-east-1":
        return {}
    return {"LocationConstraint": "EU" if found.european else found.region}


@s3.operation(action="s3:ListAllMyBuckets")
def list_buckets(
    call: Call, max_buckets: int | None = None, continuation_token: str = "", prefix: str = "", bucket_region: str = ""
) -> dict[str, Any]:
    """The caller's buckets in the order of their names, of all Regions unless one is asked for."""
    check_caller(call)
    if max_buckets is not None and not 1 <= max_buckets <= MOST_LISTED:
        words = f"Argument max-buckets must be an integer between 1 and {MOST_LISTED}"
        raise faults.invalid_argument(words, "max-buckets", max_buckets)
    if bucket_region and not regions.is_region(bucket_region):
        words = f"Argument value {bucket_region} is not a valid AWS Region"
        raise faults.invalid_argument(words, "bucket-region", bucket_region)
    token = faults.invalid_argument("The continuation token provided is incorrect", "continuation-token")
    start = max(prefix, str(paging.opened(call, continuation_token, token)) if continuation_token else "")
    found: list[Bucket] = []
    last = None
    for bucket in Bucket.scan(
        call, call.partition, call.account, call.partition, index="owner", since=(start,) if start else None
    ):
        if not bucket.name.startswith(prefix) and bucket.name > prefix:
            break
        if bucket.zone or bucket.table or (bucket_region and bucket.region != bucket_region):
            continue
        if len(found) == (max_buckets or MOST_LISTED):
            last = paging.sealed(call, bucket.name)
            break
        found.append(bucket)
    paged = max_buckets is not None or continuation_token or prefix or bucket_region
    answer: dict[str, Any] = {
        "Buckets": [listed(call, bucket, with_region=bool(paged)) for bucket in found],
        "Owner": {"ID": canonical_id(call.account)},
    }
    return answer | ({"Prefix": prefix} if prefix else {}) | ({"ContinuationToken": last} if last else {})


def listed(call: Call, bucket: Bucket, *, with_region: bool) -> dict[str, Any]:
    told = {"Name": bucket.name, "CreationDate": math.floor(bucket.created), "BucketArn": bucket.arn(call)}
    return told | ({"BucketRegion": bucket.region} if with_region else {})


@s3.operation(on=by_name)
def delete_bucket(call: Call, bucket: Bucket) -> None:
    """Delete an empty bucket. Uploads that were begun in it are aborted; in a directory bucket they are in the way."""
    from . import forgetting, points
    from .objects import Object
    from .uploads import Upload, abort_all
    from .versions import Version

    under_way = bucket.zone and Upload.first(call, bucket.room)
    if under_way or Object.first(call, bucket.room) or Version.first(call, bucket.room):
        words = "The bucket you tried to delete is not empty"
        if bucket.versioned:
            words += ". You must delete all versions in the bucket."
        raise faults.fault("BucketNotEmpty", words, 409, BucketName=bucket.name)
    if points.is_reached(call, bucket):
        words = (
            "The bucket you tried to delete has access points attached. Delete your access points before deleting "
            "your bucket."
        )
        raise faults.fault("BucketHasAccessPointsAttached", words, BucketName=bucket.name)
    abort_all(call, bucket)
    forgetting.remove(call, bucket)
