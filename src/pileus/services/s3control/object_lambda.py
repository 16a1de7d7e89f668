"""Object Lambda access points: what is set about them. How they are read by is S3's (`transforming`)."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, names
from pileus.services.s3 import public
from pileus.services.s3.buckets import BLOCKS
from pileus.services.s3.faults import fault, invalid_request
from pileus.services.s3.points import AccessPoint, Alias, LambdaPoint

from . import mine, s3control
from .blocks import shown
from .points import LONGEST, MOST_LISTED, existing

ACTIONS = {"GetObject", "HeadObject", "ListObjects", "ListObjectsV2"}


def lambda_point(call: Call, account_id: str, name: str) -> LambdaPoint:
    found = LambdaPoint.get(call.at(account=mine(call, account_id)), name.rpartition("/")[2])
    if found is None:
        words = "The specified accesspoint does not exist"
        raise fault("NoSuchAccessPoint", words, 404, AccessPointName=name)
    return found


@s3control.operation(on=mine)
def create_access_point_for_object_lambda(
    call: Call, account: str, name: str, configuration: dict[str, Any]
) -> dict[str, Any]:
    """Set up an access point whose objects a function transforms."""
    check(call, configuration)
    if LambdaPoint.get(call, name) is not None:
        words = "Your previous request to create the named accesspoint succeeded and you already own it."
        raise fault("AccessPointAlreadyOwnedByYou", words, 409)
    alias = f"{name[:20].rstrip('-')}-{names.token(34)}--ol-s3".lower()
    made = LambdaPoint(
        name=name,
        alias=alias,
        created=call.now,
        configuration=configuration,
        address=call.arn(f"accesspoint/{name}", "s3-object-lambda"),
    ).put(call)
    Alias(alias=alias, account=account, region=call.region, name=name, kind="lambda").put(call)
    return {"ObjectLambdaAccessPointArn": made.address, "Alias": {"Value": alias, "Status": "READY"}}


def check(call: Call, configuration: dict[str, Any]) -> None:
    """A configuration builds on an access point of the same account and Region."""
    base = configuration["SupportingAccessPoint"]
    if AccessPoint.get(call, base.rpartition("/")[2]) is None or not base.startswith(call.arn("", "s3")):
        raise invalid_request("The supporting access point does not exist")
    given = configuration["TransformationConfigurations"]
    if not given:
        raise invalid_request("At least one transformation configuration is needed")
    actions = [action for each in given for action in each["Actions"]]
    if not actions or not ACTIONS.issuperset(actions) or len(actions) != len(set(actions)):
        raise invalid_request("Each action can be in one transformation configuration")
    for each in given:
        if "FunctionArn" not in each["ContentTransformation"].get("AwsLambda", {}):
            raise invalid_request("A content transformation names a function")


@s3control.operation(on=lambda_point)
def get_access_point_for_object_lambda(call: Call, found: LambdaPoint) -> dict[str, Any]:
    """What there is to know beside the configuration."""
    return {
        "Name": found.name,
        "PublicAccessBlockConfiguration": shown(BLOCKS),
        "CreationDate": found.created,
        "Alias": {"Value": found.alias, "Status": "READY"},
    }


@s3control.operation(on=mine)
def list_access_points_for_object_lambda(
    call: Call, account: str, next_token: str = "", max_results: int = MOST_LISTED
) -> dict[str, Any]:
    """Those of the account in this Region."""
    wrong = invalid_request("The continuation token provided is incorrect")
    limit = max(1, min(max_results, MOST_LISTED))
    page = LambdaPoint.page(call, limit=limit, token=next_token, invalid=wrong)
    rows = [
        {
            "Name": each.name,
            "ObjectLambdaAccessPointArn": each.address,
            "Alias": {"Value": each.alias, "Status": "READY"},
        }
        for each in page.items
    ]
    return {"ObjectLambdaAccessPointList": rows, "NextToken": page.token}


@s3control.operation(on=lambda_point)
def delete_access_point_for_object_lambda(call: Call, found: LambdaPoint) -> None:
    """Remove it; the access point below stays."""
    if alias := Alias.get(call, found.alias):
        alias.delete(call)
    found.delete(call)


@s3control.operation(on=lambda_point)
def get_access_point_configuration_for_object_lambda(call: Call, found: LambdaPoint) -> dict[str, Any]:
    """Which function transforms what."""
    return {"Configuration": found.configuration}


@s3control.operation(on=lambda_point)
def put_access_point_configuration_for_object_lambda(
    call: Call, found: LambdaPoint, configuration: dict[str, Any]
) -> None:
    """Say which function transforms what."""
    check(call, configuration)
    found.configuration = configuration
    found.put(call)


@s3control.operation(on=lambda_point)
def put_access_point_policy_for_object_lambda(call: Call, found: LambdaPoint, policy: str) -> None:
    """Replace the policy."""
    public.checked(call, found, policy, LONGEST)
    found.policy = policy
    found.put(call)


@s3control.operation(on=lambda_point)
def get_access_point_policy_for_object_lambda(call: Call, found: LambdaPoint) -> dict[str, Any]:
    """The policy as it was put."""
    return {"Policy": existing(found.policy)}


@s3control.operation(on=lambda_point)
def delete_access_point_policy_for_object_lambda(call: Call, found: LambdaPoint) -> None:
    """Remove the policy."""
    found.policy = ""
    found.put(call)


@s3control.operation(on=lambda_point)
def get_access_point_policy_status_for_object_lambda(call: Call, found: LambdaPoint) -> dict[str, Any]:
    """Whether the policy lets in anybody at all."""
    return {"PolicyStatus": {"IsPublic": public.is_public(json.loads(existing(found.policy)))}}
