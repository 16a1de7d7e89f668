"""Locations of Access Grants: what of S3 may be granted, and the roles by which those come in to whom it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pileus.kernel import Call, Fault, Record, names
from pileus.services.s3.access_grants import ID, Instance, address
from pileus.services.s3.buckets import Bucket
from pileus.services.s3.faults import denied, fault, invalid_request, no_bucket

from . import s3control
from .grants_instances import ITSELF, MOST_LISTED, bucket_of, instance, itself, limit, wrong_token
from .tagging import tagged

EVERYTHING = "s3://"
"""The default location: all that the account has in the Region."""


class Location(Record, indexes={"by_scope": ("scope",)}, kw_only=True, omit_defaults=True):
    """A location that is registered."""

    id: str
    scope: str
    role: str
    created: float
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return address(call, f"/location/{self.id}")

    def condition_keys(self, call: Call, request: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        return {"s3:accessgrantslocationscope": (self.scope,)}

    @property
    def stem(self) -> str:
        """What everything in it begins with."""
        stem = self.scope.removesuffix("*")
        return (
            stem if self.scope.endswith("*") or "/" in stem.removeprefix("s3://") or stem == EVERYTHING else f"{stem}/"
        )


def location(call: Call, account_id: str, access_grants_location_id: str) -> Location:
    """The location that a request names."""
    instance(call, account_id)
    found = Location.get(call.at(account=account_id), access_grants_location_id)
    if found is None:
        raise fault("NoSuchAccessGrantsLocationError", "The specified access grants location does not exist", 404)
    return found


@s3control.operation(on=instance)
def create_access_grants_location(
    call: Call,
    found: Instance,
    location_scope: str,
    iam_role_arn: str,
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """Register a bucket, a part of one, or all that the account has in this Region."""
    if location_scope != EVERYTHING:
        name = bucket_of(location_scope)
        bucket = Bucket.get(call, call.partition, name)
        if bucket is None:
            raise no_bucket(name)
        if (bucket.owner, bucket.region) != (call.account, call.region):
            raise invalid_request("The bucket must be in the account and the Region of the access grants instance")
    check_role(call, iam_role_arn)
    if Location.first(call, location_scope, index="by_scope") is not None:
        words = "The specified access grants location already exists"
        raise fault("AccessGrantsLocationAlreadyExistsError", words, 409)
    made = Location(
        id=ID if location_scope == EVERYTHING else names.uuid4(),
        scope=location_scope,
        role=iam_role_arn,
        created=call.now,
        tags=tagged(tags),
    )
    return shown(call, made.put(call))


def check_role(call: Call, role: str) -> None:
    """Refuse a role that the caller may not pass, or that does not trust Access Grants."""
    from pileus.kernel.access.attached import Grants
    from pileus.kernel.access.enforcement import authorize
    from pileus.kernel.access.target import Target

    parts = role.split(":", 5)
    if parts[4] != call.account:
        raise fault("InvalidIAMRole", "The IAM role must be in the account of the access grants instance")
    authorize(call, "iam:PassRole", Target(role, call.account, keys={"iam:passedtoservice": (ITSELF,)}))
    grants = Grants.by_arn(call, role)
    if grants is None and not call.cloud.strict:
        return
    try:
        if grants is None:
            raise denied()
        trusted = Target(role, call.account, grants.trust, explicit=True, trust=True, tags=grants.tags)
        authorize(call.at(principal=itself(call)), "sts:AssumeRole", trusted)
    except Fault:
        words = f"The specified IAM role does not exist or does not trust {ITSELF}"
        raise fault("InvalidIAMRole", words) from None


def shown(call: Call, found: Location) -> dict[str, Any]:
    return {
        "CreatedAt": found.created,
        "AccessGrantsLocationId": found.id,
        "AccessGrantsLocationArn": found.arn(call),
        "LocationScope": found.scope,
        "IAMRoleArn": found.role,
    }


@s3control.operation(on=location)
def get_access_grants_location(call: Call, found: Location) -> dict[str, Any]:
    """What there is to know of it."""
    return shown(call, found)


@s3control.operation(on=instance)
def list_access_grants_locations(
    call: Call, found: Instance, location_scope: str = "", next_token: str = "", max_results: int = MOST_LISTED
) -> dict[str, Any]:
    """The locations of the instance, or the one of a scope."""
    scope: dict[str, Any] = {"index": "by_scope"} if location_scope else {}
    where = (location_scope,) if location_scope else ()
    page = Location.page(call, *where, limit=limit(max_results), token=next_token, invalid=wrong_token(), **scope)
    return {"AccessGrantsLocationsList": [shown(call, each) for each in page.items], "NextToken": page.token}


@s3control.operation(on=location)
def update_access_grants_location(call: Call, found: Location, iam_role_arn: str) -> dict[str, Any]:
    """Have those who come in do so by another role."""
    check_role(call, iam_role_arn)
    found.role = iam_role_arn
    return shown(call, found.put(call))


@s3control.operation(on=location)
def delete_access_grants_location(call: Call, found: Location) -> None:
    """Remove a location of which nothing is granted any more."""
    from .grants import Grant

    if Grant.first(call, found.id, index="by_location") is not None:
        words = "Please clean up access grants before deleting access grants location"
        raise fault("AccessGrantsLocationNotEmptyError", words)
    found.delete(call)
