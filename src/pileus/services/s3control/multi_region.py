"""Multi-Region access points. What changes one is asked for and answered with a token, and done by a task; all of it in
us-west-2, whichever Region a call is signed for ("Using Multi-Region Access Point request operations", User Guide).
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record, names
from pileus.services.s3 import public
from pileus.services.s3.buckets import BLOCKS, Bucket
from pileus.services.s3.faults import denied, fault, invalid_request, no_bucket
from pileus.services.s3.points import Alias, MultiRegionPoint

from . import mine, s3control
from .blocks import chosen, shown

HOME = "us-west-2"
TAKES = 2.0
"""Seconds of cloud time until a request is done. On AWS it may be hours."""
MOST_REGIONS = 20
MOST_LISTED = 1000


class Asked(Record, scope="account"):
    """A request, and what became of it."""

    token: str
    """The ARN."""
    client_token: str
    operation: str
    details: dict[str, Any]
    created: float
    status: str = "INPROGRESS"


class ClientToken(Record, scope="account"):
    client_token: str
    token: str


def ask(call: Call, operation: str, client_token: str, details: dict[str, Any]) -> dict[str, str]:
    """Note a request, and have it done; the same token of a client's is the same request."""
    if before := ClientToken.get(call, client_token):
        known = Asked.get(call, before.token)
        if known is None or known.details != details or known.operation != operation:
            raise fault("IdempotencyException", "The client token was used before with other parameters.", 409)
        return {"RequestTokenARN": known.token}
    kind = {"CreateM": "create", "DeleteM": "delete", "PutMult": "put-policy"}[operation[:7]]
    token = f"arn:{call.partition}:s3:{HOME}:{call.account}:async-request/mrap/{kind}/{names.token(43)}"
    Asked(token=token, client_token=client_token, operation=operation, details=details, created=call.now).put(call)
    ClientToken(client_token=client_token, token=token).put(call)
    fulfil.later(call, token=token, delay=TAKES)
    return {"RequestTokenARN": token}


@s3control.task
def fulfil(call: Call, token: str) -> None:
    """Do what was asked."""
    asked = Asked.get(call, token)
    found = MultiRegionPoint.get(call, asked.details["Name"]) if asked else None
    if asked is None:
        return
    if found is not None:
        if asked.operation == "DeleteMultiRegionAccessPoint":
            if alias := Alias.get(call, found.alias):
                alias.delete(call)
            found.delete(call)
        else:
            found.status = "READY"
            found.policy = found.proposed or found.policy
            found.put(call)
    asked.status = "SUCCEEDED"
    asked.put(call)


@s3control.operation(on=mine)
def create_multi_region_access_point(
    call: Call, account: str, client_token: str, details: dict[str, Any]
) -> dict[str, str]:
    """Give one name to buckets in several Regions."""
    name = details["Name"]
    if ClientToken.get(call, client_token) is None:
        if MultiRegionPoint.get(call, name) is not None:
            raise fault("MultiRegionAccessPointAlreadyOwnedByYou", "You already have a point of that name.", 409)
        alias = f"m{names.token(13)}".lower() + ".mrap"
        MultiRegionPoint(
            name=name,
            alias=alias,
            account=account,
            partition=call.partition,
            created=call.now,
            blocks=chosen(details["PublicAccessBlock"]) if "PublicAccessBlock" in details else BLOCKS,
            regions=placed(call, account, details["Regions"]),
        ).put(call)
        Alias(alias=alias, account=account, region=call.region, name=name, kind="multi").put(call)
    return ask(call, "CreateMultiRegionAccessPoint", client_token, details)


def placed(call: Call, account: str, given: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The buckets, one in each Region."""
    if not 1 <= len(given) <= MOST_REGIONS:
        raise invalid_request(f"A Multi-Region Access Point has between 1 and {MOST_REGIONS} Regions.")
    rows: list[dict[str, Any]] = []
    for each in given:
        bucket = Bucket.get(call, call.partition, each["Bucket"])
        if bucket is None or bucket.table:
            raise no_bucket(each["Bucket"])
        if bucket.owner != each.get("BucketAccountId", account):
            raise denied()
        if any(row["Region"] == bucket.region for row in rows):
            raise invalid_request("A Multi-Region Access Point can have only one bucket in each Region.")
        rows.append({"Bucket": bucket.name, "Region": bucket.region, "BucketAccountId": bucket.owner, "dial": 100})
    return rows


def named(call: Call, account_id: str, name: str) -> MultiRegionPoint:
    """The point of that name or alias, or of an ARN that ends with the alias."""
    call = call.at(account=mine(call, account_id))
    text = name.rpartition("/")[2]
    alias = Alias.get(call, text) if text.endswith(".mrap") else None
    found = MultiRegionPoint.get(call, alias.name if alias and alias.account == account_id else text)
    if found is None:
        words = "The specified Multi-Region Access Point does not exist"
        raise fault("NoSuchMultiRegionAccessPoint", words, 404)
    return found


def routed(call: Call, account_id: str, mrap: str) -> MultiRegionPoint:
    return named(call, account_id, mrap)


@s3control.operation(on=mine)
def delete_multi_region_access_point(
    call: Call, account: str, client_token: str, details: dict[str, Any]
) -> dict[str, str]:
    """Remove the name; the buckets stay as they are."""
    if ClientToken.get(call, client_token) is None:
        found = named(call, account, details["Name"])
        found.status = "DELETING"
        found.put(call)
    return ask(call, "DeleteMultiRegionAccessPoint", client_token, details)


@s3control.operation(on=mine)
def put_multi_region_access_point_policy(
    call: Call, account: str, client_token: str, details: dict[str, Any]
) -> dict[str, str]:
    """Propose another policy, which is established once all Regions have it."""
    if ClientToken.get(call, client_token) is None:
        found = named(call, account, details["Name"])
        document = public.checked(call, found, details["Policy"], 20 * 1024)
        if "BlockPublicPolicy" in found.blocks and public.is_public(document):
            raise denied()
        found.proposed = details["Policy"]
        found.put(call)
    return ask(call, "PutMultiRegionAccessPointPolicy", client_token, details)


@s3control.operation(on=mine)
def describe_multi_region_access_point_operation(call: Call, account: str, request_token_arn: str) -> dict[str, Any]:
    """What became of a request."""
    asked = Asked.get(call, request_token_arn)
    if asked is None:
        raise fault("NoSuchAsyncRequest", "The specified async request does not exist", 404)
    found = MultiRegionPoint.get(call, asked.details["Name"])
    regions = [{"Name": row["Region"], "RequestStatus": asked.status} for row in (found.regions if found else [])]
    return {
        "AsyncOperation": {
            "CreationTime": asked.created,
            "Operation": asked.operation,
            "RequestTokenARN": asked.token,
            "RequestParameters": {f"{asked.operation}Request": asked.details},
            "RequestStatus": asked.status,
            "ResponseDetails": {"MultiRegionAccessPointDetails": {"Regions": regions}},
        }
    }


@s3control.operation(on=named)
def get_multi_region_access_point(call: Call, found: MultiRegionPoint) -> dict[str, Any]:
    """All that is set about one."""
    return {"AccessPoint": report(found)}


def report(found: MultiRegionPoint) -> dict[str, Any]:
    return {
        "Name": found.name,
        "Alias": found.alias,
        "CreatedAt": found.created,
        "PublicAccessBlock": shown(found.blocks),
        "Status": found.status,
        "Regions": [{name: value for name, value in row.items() if name != "dial"} for row in found.regions],
    }


@s3control.operation(on=mine)
def list_multi_region_access_points(
    call: Call, account: str, next_token: str = "", max_results: int = MOST_LISTED
) -> dict[str, Any]:
    """Those of the account."""
    wrong = invalid_request("The continuation token provided is incorrect")
    limit = max(1, min(max_results, MOST_LISTED))
    page = MultiRegionPoint.page(call, limit=limit, token=next_token, invalid=wrong)
    return {"AccessPoints": [report(each) for each in page.items], "NextToken": page.token}


@s3control.operation(on=named)
def get_multi_region_access_point_policy(call: Call, found: MultiRegionPoint) -> dict[str, Any]:
    """The policy that holds, and the one that was proposed last."""
    told = {}
    if found.policy:
        told["Established"] = {"Policy": found.policy}
    if found.proposed:
        told["Proposed"] = {"Policy": found.proposed}
    return {"Policy": told}


@s3control.operation(on=named)
def get_multi_region_access_point_policy_status(call: Call, found: MultiRegionPoint) -> dict[str, Any]:
    """Whether the policy that holds lets in anybody at all."""
    import json

    return {"Established": {"IsPublic": bool(found.policy) and public.is_public(json.loads(found.policy))}}


@s3control.operation(on=routed)
def get_multi_region_access_point_routes(call: Call, found: MultiRegionPoint) -> dict[str, Any]:
    """Which Regions are active."""
    rows = [
        {"Bucket": row["Bucket"], "Region": row["Region"], "TrafficDialPercentage": row["dial"]}
        for row in found.regions
    ]
    return {"Mrap": found.arn(call), "Routes": rows}


@s3control.operation(on=routed)
def submit_multi_region_access_point_routes(
    call: Call, found: MultiRegionPoint, route_updates: list[dict[str, Any]]
) -> None:
    """Make Regions active or passive; one of them is to stay active."""
    for update in route_updates:
        place = update.get("Region") or update.get("Bucket")
        rows = [row for row in found.regions if place in (row["Region"], row["Bucket"])]
        if not rows or update["TrafficDialPercentage"] not in (0, 100):
            raise invalid_request("A route names a Region or bucket of the access point, and a dial of 0 or 100.")
        rows[0]["dial"] = update["TrafficDialPercentage"]
    if not any(row["dial"] for row in found.regions):
        raise invalid_request("At least one Region of a Multi-Region Access Point must be active.")
    found.put(call)
