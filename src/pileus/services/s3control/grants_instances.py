"""Access Grants instances: one in a Region of an account, with what it grants and who else may ask it.

"Managing access with S3 Access Grants", S3 User Guide. An instance may name an IAM Identity Center, of which it keeps
the ARN alone: no application is made there, and no session brings a directory's user, so that grants to directories are
kept and listed, and let in nobody.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, identity
from pileus.kernel.identity import Principal
from pileus.services.s3.access_grants import ID, SHARED, Instance, address
from pileus.services.s3.buckets import Bucket
from pileus.services.s3.faults import fault, invalid_request

from . import mine, s3control
from .tagging import tagged

ITSELF = "access-grants.s3.amazonaws.com"
MOST_LISTED = 1000
LONGEST = 350 * 1024


def itself(call: Call) -> Principal:
    """S3 Access Grants, acting for the instance that the call looks at."""
    return identity.service(ITSELF, address(call), call.account)


def instance(call: Call, account_id: str) -> Instance:
    """The instance of the account that a request names."""
    found = Instance.get(call.at(account=account_id), ID)
    if found is None:
        raise fault("AccessGrantsInstanceNotExistsError", "Access Grants Instance does not exist", 404)
    return found


def limit(asked: int) -> int:
    return max(1, min(asked, MOST_LISTED))


def wrong_token() -> Fault:
    return invalid_request("The continuation token provided is incorrect")


@s3control.operation(on=mine)
def create_access_grants_instance(
    call: Call, account: str, identity_center_arn: str = "", tags: list[dict[str, str]] = []
) -> dict[str, Any]:
    """Make the account's instance in this Region."""
    if Instance.get(call, ID) is not None:
        raise fault("AccessGrantsInstanceAlreadyExists", "Access Grants Instance already exists", 409)
    return shown(call, Instance(created=call.now, center=identity_center_arn, tags=tagged(tags)).put(call))


def shown(call: Call, found: Instance) -> dict[str, Any]:
    center = {"IdentityCenterArn": found.center, "IdentityCenterInstanceArn": found.center} if found.center else {}
    return {
        "CreatedAt": found.created,
        "AccessGrantsInstanceId": found.id,
        "AccessGrantsInstanceArn": found.arn(call),
        **center,
    }


@s3control.operation(on=instance)
def get_access_grants_instance(call: Call, found: Instance) -> dict[str, Any]:
    """What there is to know of it."""
    return shown(call, found)


@s3control.operation(on=mine)
def list_access_grants_instances(
    call: Call, account: str, next_token: str = "", max_results: int = MOST_LISTED
) -> dict[str, Any]:
    """The account's instances in this Region, of which there is at most one."""
    page = Instance.page(call, limit=limit(max_results), token=next_token, invalid=wrong_token())
    return {"AccessGrantsInstancesList": [shown(call, each) for each in page.items], "NextToken": page.token}


@s3control.operation(on=instance)
def delete_access_grants_instance(call: Call, found: Instance) -> None:
    """Remove an instance that has no locations any more, and no Identity Center."""
    from .grants_locations import Location

    if Location.first(call) is not None:
        words = "Please clean up locations before deleting the access grants instance"
        raise fault("AccessGrantsInstanceNotEmptyError", words)
    if found.center:
        raise invalid_request("Please dissociate the Identity Center before deleting the access grants instance")
    found.delete(call)


@s3control.operation
def get_access_grants_instance_for_prefix(call: Call, account_id: str, s3_prefix: str) -> dict[str, Any]:
    """The instance of whoever owns the bucket of a prefix, if that one lets the caller know."""
    from pileus.kernel.access.enforcement import authorize
    from pileus.kernel.access.target import Target

    bucket = Bucket.get(call, call.partition, bucket_of(s3_prefix))
    owner = call.at(account=bucket.owner if bucket else mine(call, account_id))
    found = instance(owner, owner.account)
    authorize(owner, "s3:GetAccessGrantsInstanceForPrefix", Target(found.arn(owner), owner.account, found.policy))
    return {"AccessGrantsInstanceArn": found.arn(owner), "AccessGrantsInstanceId": found.id}


def bucket_of(path: str) -> str:
    """The bucket of `s3://bucket/…`."""
    if not path.startswith("s3://"):
        raise invalid_request("The S3 prefix must start with s3://")
    return path.removeprefix("s3://").partition("/")[0].removesuffix("*")


# Who else may ask


@s3control.operation(on=instance)
def put_access_grants_instance_resource_policy(
    call: Call, found: Instance, policy: str, organization: str = ""
) -> dict[str, Any]:
    """Say what other accounts may ask of the instance."""
    from pileus.services.s3 import public

    public.checked(call, found, policy, LONGEST)
    found.policy, found.policy_created, found.organization = policy, call.now, organization
    found.put(call)
    return policy_shown(found)


def policy_shown(found: Instance) -> dict[str, Any]:
    return {
        "Policy": found.policy,
        "CreatedAt": found.policy_created,
        **({"Organization": found.organization} if found.organization else {}),
    }


@s3control.operation(on=instance)
def get_access_grants_instance_resource_policy(call: Call, found: Instance) -> dict[str, Any]:
    """The policy as it was put."""
    if not found.policy:
        words = "The specified access grants instance resource policy does not exist"
        raise fault("AccessGrantsInstanceResourcePolicyNotExists", words, 404)
    return policy_shown(found)


@s3control.operation(on=instance)
def delete_access_grants_instance_resource_policy(call: Call, found: Instance) -> None:
    """Leave the instance to its own account."""
    found.policy = found.organization = ""
    found.put(call)


def reachable(call: Call, scope: str) -> list[Call]:
    """The call, looking at the instance it names; with ALL also at those that are shared with the caller's account."""
    if scope != "ALL":
        return [call]
    caller = call.at(account=call.principal.account)
    shared = caller.aws("ram").list_resources(resource_owner="OTHER-ACCOUNTS", resource_type=SHARED)["resources"]
    owners = [each["arn"].split(":")[4] for each in shared if each["arn"].split(":")[3] == call.region]
    return [call, *(call.at(account=owner) for owner in owners if owner != call.account)]


# Identity Center


@s3control.operation(on=instance)
def associate_access_grants_identity_center(call: Call, found: Instance, identity_center_arn: str) -> None:
    """Name the Identity Center whose users and groups may be given grants."""
    if found.center and found.center != identity_center_arn:
        raise invalid_request("The access grants instance is associated with another Identity Center instance")
    found.center = identity_center_arn
    found.put(call)


@s3control.operation(on=instance)
def dissociate_access_grants_identity_center(call: Call, found: Instance) -> None:
    """Name none any more, once nothing is granted to its users."""
    from .grants import Grant

    for kind in ("DIRECTORY_GROUP", "DIRECTORY_USER"):
        if Grant.first(call, kind, index="by_grantee") is not None:
            raise invalid_request("Please clean up the grants to directory identities before dissociating")
    found.center = ""
    found.put(call)
