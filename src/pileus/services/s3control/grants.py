"""Access grants: who may read or write which part of a location."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pileus.kernel import Call, Record, names, paging
from pileus.services.s3.access_grants import Instance, address
from pileus.services.s3.faults import fault, invalid_request

from . import s3control
from .grants_instances import MOST_LISTED, instance, limit, reachable, wrong_token
from .grants_locations import EVERYTHING, Location, location
from .tagging import tagged

IAM = "IAM"
ANY_APPLICATION = "ALL"
_IDENTITY = re.compile(r"arn:[^:]+:iam::\d{12}:(user|role)/.+")
_UUID = re.compile(r"([0-9a-f]{10}-)?[A-Fa-f0-9]{8}(-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}")


class Grant(
    Record,
    indexes={"by_grantee": ("kind", "grantee", "stem"), "by_location": ("location",)},
    kw_only=True,
    omit_defaults=True,
):
    """One grant."""

    id: str
    location: str
    kind: str
    """IAM, DIRECTORY_USER or DIRECTORY_GROUP."""
    grantee: str
    stem: str
    """What is granted: all that begins with it, or the one object."""
    permission: str
    created: float
    one: bool = False
    """Whether it is for one object."""
    prefix: str = ""
    """What was added to the location's scope."""
    application: str = ""
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return address(call, f"/grant/{self.id}")

    def condition_keys(self, call: Call, request: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        return {"s3:accessgrantscope": (self.scope,)}

    @property
    def scope(self) -> str:
        return self.stem if self.one else f"{self.stem}*"


def grant(call: Call, account_id: str, access_grant_id: str) -> Grant:
    """The grant that a request names."""
    instance(call, account_id)
    found = Grant.get(call.at(account=account_id), access_grant_id)
    if found is None:
        raise fault("NoSuchAccessGrantError", "The specified access grant does not exist", 404)
    return found


@s3control.operation(on=location)
def create_access_grant(
    call: Call,
    found: Location,
    grantee: dict[str, str],
    permission: str,
    access_grants_location_configuration: dict[str, str] = {},
    application_arn: str = "",
    s3_prefix_type: str = "",
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """Grant somebody a location, or a part of it."""
    check_grantee(call, grantee)
    prefix = access_grants_location_configuration.get("S3SubPrefix", "")
    stem, one = extent(found, prefix, s3_prefix_type)
    who = (grantee["GranteeType"], grantee["GranteeIdentifier"])
    for other in Grant.scan(call, *who, stem, index="by_grantee"):
        if (other.one, other.permission, other.application) == (one, permission, application_arn):
            raise fault("AccessGrantAlreadyExists", "The specified access grant already exists", 409)
    made = Grant(
        id=names.uuid4(),
        location=found.id,
        kind=who[0],
        grantee=who[1],
        stem=stem,
        permission=permission,
        created=call.now,
        one=one,
        prefix=prefix,
        application=application_arn,
        tags=tagged(tags),
    )
    return shown(call, made.put(call))


def check_grantee(call: Call, grantee: dict[str, str]) -> None:
    """Refuse who can be no grantee: a user or role of IAM can, and with an Identity Center the ids in a directory."""
    kind, who = grantee.get("GranteeType", ""), grantee.get("GranteeIdentifier", "")
    if kind == IAM:
        if not _IDENTITY.fullmatch(who):
            raise invalid_request("The grantee identifier must be the ARN of an IAM user or role")
    elif not kind or not _UUID.fullmatch(who):
        raise invalid_request("The grantee identifier must be the id of a directory user or group")
    elif not instance(call, call.account).center:
        raise invalid_request("The access grants instance is not associated with an Identity Center instance")


def extent(found: Location, prefix: str, kind: str) -> tuple[str, bool]:
    """What a grant of a location means: the beginning of all of it, or its one object."""
    if found.scope == EVERYTHING and "/" not in prefix:
        raise invalid_request("A grant of the default location must be narrowed to a bucket or a prefix in one")
    whole = found.stem + prefix
    if kind == "Object":
        if whole.endswith(("*", "/")) or not prefix:
            raise invalid_request("The scope of a grant of an object must be the path of an object")
        return whole, True
    return whole.removesuffix("*"), False


def shown(call: Call, found: Grant) -> dict[str, Any]:
    return {
        "CreatedAt": found.created,
        "AccessGrantId": found.id,
        "AccessGrantArn": found.arn(call),
        "Grantee": {"GranteeType": found.kind, "GranteeIdentifier": found.grantee},
        "Permission": found.permission,
        "AccessGrantsLocationId": found.location,
        "AccessGrantsLocationConfiguration": {"S3SubPrefix": found.prefix} if found.prefix else None,
        "GrantScope": found.scope,
        "ApplicationArn": found.application or None,
    }


@s3control.operation(on=grant)
def get_access_grant(call: Call, found: Grant) -> dict[str, Any]:
    """What there is to know of it."""
    return shown(call, found)


@s3control.operation(on=grant)
def delete_access_grant(call: Call, found: Grant) -> None:
    """Take it back. Credentials that were given for it stay good until they expire."""
    found.delete(call)


@s3control.operation(on=instance)
def list_access_grants(
    call: Call,
    found: Instance,
    grantee_type: str = "",
    grantee_identifier: str = "",
    permission: str = "",
    grant_scope: str = "",
    application_arn: str = "",
    next_token: str = "",
    max_results: int = MOST_LISTED,
) -> dict[str, Any]:
    """The grants of the instance, or some of them."""
    asked = {
        "kind": grantee_type,
        "grantee": grantee_identifier,
        "permission": permission,
        "scope": grant_scope,
        "application": application_arn,
    }
    wanted = matching({name: value for name, value in asked.items() if value})
    scope: dict[str, Any] = {"index": "by_grantee"} if grantee_type else {}
    where = (grantee_type, grantee_identifier) if grantee_identifier else (grantee_type,)
    page = Grant.page(
        call,
        *(where if grantee_type else ()),
        limit=limit(max_results),
        token=next_token,
        invalid=wrong_token(),
        where=wanted,
        **scope,
    )
    return {"AccessGrantsList": [shown(call, each) for each in page.items], "NextToken": page.token}


def matching(asked: dict[str, str]) -> Callable[[Grant], bool]:
    return lambda found: all(getattr(found, name) == value for name, value in asked.items())


# The caller's


def caller(call: Call) -> str:
    """Who calls, as a grant names him: the ARN of a user, or of the role of a session."""
    principal = call.principal
    return str(principal.session["issuer"]) if principal.type == "AssumedRole" else principal.arn


@s3control.operation(on=instance)
def list_caller_access_grants(
    call: Call,
    found: Instance,
    grant_scope: str = "",
    next_token: str = "",
    max_results: int = MOST_LISTED,
    allowed_by_application: bool = False,
    instance_scope: str = "SELF",
) -> dict[str, Any]:
    """What the caller has been granted, of this instance or of all that are shared with its account."""
    if grant_scope and not grant_scope.startswith("s3://"):
        raise invalid_request("The grant scope must start with s3://")
    after = tuple(paging.opened(call, next_token, wrong_token())) if next_token else ()
    rows = []
    for there in sorted(reachable(call, instance_scope), key=lambda there: there.account):
        for each in granted(there, caller(call), grant_scope):
            place = (there.account, each.stem, each.id)
            if place > after and (not allowed_by_application or each.application == ANY_APPLICATION):
                rows.append((place, brief(there, each)))
    most = limit(max_results)
    last = paging.sealed(call, rows[most - 1][0]) if len(rows) > most else None
    return {"CallerAccessGrantsList": [row for _, row in rows[:most]], "NextToken": last}


def granted(call: Call, who: str, scope: str = "") -> list[Grant]:
    """What a user or role has been granted, as far as it begins like that."""
    beginning = scope.removesuffix("*")
    found = Grant.scan(call, IAM, who, index="by_grantee", since=(beginning,) if beginning else None)
    return [each for each in found if each.stem.startswith(beginning)]


def brief(call: Call, found: Grant) -> dict[str, Any]:
    return {
        "Permission": found.permission,
        "GrantScope": found.scope,
        "ApplicationArn": found.application or None,
        "AccessGrantsInstanceArn": address(call),
    }
