"""Access points: other names of a bucket, each with a policy of its own ("Managing access to shared datasets", S3 User
Guide). S3 Control makes them (`services/s3control`), S3 reads them here.

A request by an access point is allowed only where its policy and the bucket's let it; what the caller's own policies
allow must be allowed on both. So `targets` gives both to the access decision. A point that is for a VPC only answers
what comes through one of that VPC's endpoints.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from pileus.kernel import Call, Record, Unfinished
from pileus.kernel.access.target import Target
from pileus.kernel.identity import ANONYMOUS

from . import documents, faults, public, s3, scopes
from .buckets import Bucket


class AccountBlock(Record, scope="account"):
    """The public access block of an account, which holds for all its buckets."""

    account: str
    blocks: tuple[str, ...]


class AccessPoint(
    Record, indexes={"by_bucket": ("bucket",)}, arn="accesspoint/{name}", kw_only=True, omit_defaults=True
):
    """An access point of an account in a Region."""

    name: str
    bucket: str
    bucket_owner: str
    created: float
    alias: str
    vpc: str = ""
    blocks: tuple[str, ...] = ()
    policy: str = ""
    tags: dict[str, str] = {}
    address: str = ""
    """The ARN."""
    scope: dict[str, list[str]] = {}
    """Of one for a directory bucket: Prefixes and Permissions."""

    def arn(self, call: Call) -> str:
        return self.address

    @property
    def origin(self) -> str:
        """Where requests may come from."""
        return "VPC" if self.vpc else "Internet"

    def check_network(self, call: Call) -> None:
        """Refuse what does not come out of the VPC that it is for."""
        if self.vpc and (call.passage is None or call.passage.network != self.vpc):
            raise faults.denied()


class MultiRegionPoint(Record, scope="account", kw_only=True, omit_defaults=True):
    """A Multi-Region access point: one name for buckets in several Regions."""

    name: str
    alias: str
    """With `.mrap` at its end."""
    account: str
    partition: str
    created: float
    status: str = "CREATING"
    blocks: tuple[str, ...] = ()
    policy: str = ""
    proposed: str = ""
    regions: list[dict[str, Any]] = []
    """Bucket, Region, BucketAccountId, and the dial: 100 for active, 0 for passive."""

    def arn(self, call: Call) -> str:
        return f"arn:{self.partition}:s3::{self.account}:accesspoint/{self.alias}"


class LambdaPoint(Record, kw_only=True, omit_defaults=True):
    """An Object Lambda access point: what it gives is what a function makes of an object."""

    name: str
    alias: str
    created: float
    configuration: dict[str, Any]
    policy: str = ""
    address: str = ""
    """The ARN."""

    def arn(self, call: Call) -> str:
        return self.address

    def transforms(self, operation: str) -> dict[str, Any] | None:
        """The function that transforms what an operation answers, and what it is told each time."""
        for each in self.configuration["TransformationConfigurations"]:
            if operation in each["Actions"]:
                function: dict[str, Any] = each["ContentTransformation"]["AwsLambda"]
                return function
        return None


class Alias(Record, scope="cloud"):
    """A name that can be used as a bucket's, and whose it is."""

    alias: str
    account: str
    region: str
    name: str
    kind: str
    """`point`, `multi` or `lambda`."""


Point = AccessPoint | MultiRegionPoint | LambdaPoint
DIRECTORY = "--xa-s3"
"""How the names of access points for directory buckets end, which are their aliases too."""
TABLE = "--table-s3"
"""And those of the buckets that tables of S3 Tables lie in."""
_ARN = re.compile(
    r"arn:([^:]+):(s3|s3express|s3-object-lambda|s3-outposts):([^:]*):([^:]*):(accesspoint|outpost)[/:](.+)"
)
ALIASES = ("-s3alias", "--ol-s3", ".mrap", DIRECTORY)
_HOSTED = re.compile(r"(.{3,50})-(\d{12})")


@lru_cache(maxsize=4096)
def is_ordinary(bucket: str) -> bool:
    """Whether that can be nothing but a general purpose bucket, wherever a call came to."""
    return ":" not in bucket and not bucket[-12:].isdigit() and not bucket.endswith(("--x-s3", *ALIASES))


def is_named(call: Call, bucket: str) -> bool:
    """Whether that is no bucket, or need be none, but something by which one is reached."""
    if bucket[-12:].isdigit():
        return f"//{bucket}." in call.endpoint
    return ":" in bucket or bucket.endswith(ALIASES)


def find(call: Call, name: str) -> Point | None:
    """The access point of an ARN, an alias, or a label of a host; None for what is the name of none."""
    if match := _ARN.fullmatch(name):
        return by_arn(call, *match.groups())
    if name.endswith(ALIASES):
        alias = Alias.get(call, name)
        if alias is None:
            raise missing() if name.endswith(".mrap") else faults.no_bucket(name)
        return by_alias(call, alias)
    if match := _HOSTED.fullmatch(name):  # NAME-ACCOUNT, as SDKs write it before a host of the user's own
        at = call.at(account=match[2])
        return AccessPoint.get(at, match[1]) or LambdaPoint.get(at, match[1])
    return None


def by_arn(call: Call, partition: str, service: str, region: str, account: str, kind: str, name: str) -> Point:
    if service == "s3-outposts" or kind == "outpost":
        raise Unfinished("Pileus has no S3 on Outposts.")
    if name.endswith(".mrap"):
        alias = Alias.get(call, name)
        if alias is None or (account and alias.account != account):
            raise missing()
        return by_alias(call, alias)
    if region != call.region and call.principal is not ANONYMOUS:
        words = f"The authorization header is malformed; the region '{call.region}' is wrong; expecting '{region}'"
        raise faults.fault("AuthorizationHeaderMalformed", words, Region=region)
    at = call.at(account=account, region=region)
    found = LambdaPoint.get(at, name) if service == "s3-object-lambda" else AccessPoint.get(at, name)
    if found is None:
        raise missing()
    return found


def by_alias(call: Call, alias: Alias) -> Point:
    at = call.at(account=alias.account, region=alias.region)
    kinds: dict[str, type[Point]] = {"point": AccessPoint, "multi": MultiRegionPoint, "lambda": LambdaPoint}
    found = kinds[alias.kind].get(at, alias.name)
    if found is None:  # it went with its account
        raise missing()
    if isinstance(found, MultiRegionPoint) and found.status == "CREATING":
        raise missing()
    return found


def missing() -> Exception:
    return faults.fault("NoSuchAccessPoint", "The specified accesspoint does not exist", 404)


def home(call: Call, point: Point) -> Bucket:
    """The bucket behind an access point; of several the nearest one that is active."""
    if isinstance(point, LambdaPoint):
        name = supporting(call, point).bucket
    elif isinstance(point, AccessPoint):
        name = point.bucket
    else:
        active = [each for each in point.regions if each["dial"]] or point.regions
        here = [each for each in active if each["Region"] == call.region]
        name = (here or active)[0]["Bucket"]
    found = Bucket.get(call, call.partition, name)
    if found is None:
        raise faults.no_bucket(name)
    found.through = point.arn(call)
    return found


def supporting(call: Call, point: LambdaPoint) -> AccessPoint:
    """The access point below one of Object Lambda."""
    found = by_arn(call, *_ARN.fullmatch(point.configuration["SupportingAccessPoint"]).groups())  # type: ignore[union-attr]
    assert isinstance(found, AccessPoint)
    return found


def reach(call: Call, name: str) -> Bucket | None:
    """The bucket that a call reaches by an access point, if the name is one's."""
    if not is_named(call, name) or (point := find(call, name)) is None:
        return None
    found = home(call, point)
    if found.zone:
        from . import directories

        assert isinstance(point, AccessPoint)
        directories.check(call, found)
        if call.members.get("Bucket") == name:
            scopes.check_request(call, point.scope)
        return found
    if call.principal is ANONYMOUS and not all(one.policy for one in limits(call, point, found, "")):
        raise faults.denied()
    return found


def is_reached(call: Call, bucket: Bucket) -> bool:
    """Whether there are access points to a bucket in its own account, with which it cannot be deleted."""
    at = call.at(account=bucket.owner, region=bucket.region)
    return AccessPoint.first(at, bucket.name, index="by_bucket") is not None


# Who may come in


def blocks(call: Call, bucket: Bucket) -> set[str]:
    """The settings of the public access block that are on for a bucket: its own, and its account's."""
    account = AccountBlock.get(call.at(account=bucket.owner), bucket.owner)
    return {*bucket.blocks, *(account.blocks if account else ())}


def limits(call: Call, point: Point, bucket: Bucket, key: str) -> list[Target]:
    """What must allow a request: the access point, and the bucket by way of it."""
    if isinstance(point, AccessPoint):
        point.check_network(call)
    if isinstance(point, LambdaPoint):
        action = f"s3-object-lambda:{call.operation}"
        own = Target(point.address, point.address.split(":")[4], point.policy, action=action)
        return [own, *limits(call, supporting(call, point), bucket, key)]
    arn = point.arn(call)
    account = arn.split(":")[4]
    keys: dict[str, Any] = {
        "s3:dataaccesspointarn": (arn,),
        "s3:dataaccesspointaccount": (account,),
        "s3:accesspointnetworkorigin": (point.origin if isinstance(point, AccessPoint) else "Internet",),
    }
    policy = documents.load(call, bucket.room, "policy") if bucket.has_policy else ""
    return [
        Target(
            f"{arn}/object/{key}" if key else arn,
            account,
            guarded(call, point.policy, set(point.blocks), account),
            keys=keys,
        ),
        Target(
            f"{bucket.arn(call)}/{key}" if key else bucket.arn(call),
            bucket.owner,
            guarded(call, policy, blocks(call, bucket), bucket.owner),
            keys=keys,
        ),
    ]


def guarded(call: Call, policy: str, blocked: set[str], owner: str) -> str:
    """The policy, unless it is a public one that is to let in nobody from elsewhere."""
    if not policy or call.principal.account == owner or "RestrictPublicBuckets" not in blocked:
        return policy
    return "" if public.is_public(json.loads(policy)) else policy


@s3.targets
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """What a request by an access point is about; None for one that names its bucket."""
    name = request.get("Bucket", "")
    ordinary = is_ordinary(name)
    if not ordinary and name.endswith(("--x-s3", DIRECTORY)):
        from . import directories

        return directories.targets(call, request)
    if "express" in call.principal.session:
        raise faults.denied()
    if name.endswith(TABLE):
        from . import tables

        return tables.targets(call, request)
    if call.operation == "CreateBucket":
        return [to_be(call, name, request)]
    if call.operation == "DeleteObjects" and is_own(call, name):
        return []  # each of which is asked about by itself
    if ordinary or not is_named(call, name) or Bucket.get(call, call.partition, name) is not None:
        return None
    if (point := find(call, name)) is None:
        return None
    if call.operation == "DeleteObjects":
        return []  # each of which is asked about by itself
    return limits(call, point, home(call, point), request.get("Key", ""))


def is_own(call: Call, name: str) -> bool:
    """Whether somebody other than the root names a bucket that is not another account's."""
    if call.principal.type == "Root":
        return False
    bucket = Bucket.get(call, call.partition, name)
    return bucket is None or bucket.owner == call.account


def to_be(call: Call, name: str, request: dict[str, Any]) -> Target:
    """A bucket that is to be created, with what policies may want to know of it."""
    place = request.get("CreateBucketConfiguration", {}).get("LocationConstraint")
    keys = {"s3:locationconstraint": (place,)} if place else {}
    return Target(f"arn:{call.partition}:s3:::{name}", call.account, keys=keys)


def check(call: Call, bucket: Bucket, key: str) -> None:
    """Refuse a call about one of the objects that a request by an access point lists."""
    from pileus.kernel.access.enforcement import check as decided
    from pileus.kernel.access.standing import standing

    from .access import actions

    point = find(call, bucket.through)
    assert point is not None
    if bucket.zone:
        assert isinstance(point, AccessPoint)
        scopes.check_listed(call, point.scope, key)
        return
    for action in actions(call):
        for target in limits(call, point, bucket, key):
            decided(call, standing(call), None, action, target, dict(call.members))
