"""Destinations: streams of one account to which others subscribe their log groups."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Record
from pileus.kernel.access import grammar

from . import faults, logs
from .groups import check_tags

Members = dict[str, Any]


class Destination(Record, arn="destination:{name}", cfn="AWS::Logs::Destination", kw_only=True):
    """A Kinesis stream or Firehose under a name that a policy opens to others."""

    name: str
    target: str
    role: str
    policy: str = ""
    created: float
    tags: dict[str, str] = {}

    @classmethod
    def named(cls, call: Call, destination_name: str) -> Self:
        if found := cls.get(call, destination_name):
            return found
        raise faults.missing("The specified destination does not exist.")


@logs.operation
def put_destination(
    call: Call, destination_name: str, target_arn: str, role_arn: str, tags: dict[str, str] = {}
) -> Members:
    """Create a destination, or change where one leads."""
    if target_arn.split(":")[2:3] not in (["kinesis"], ["firehose"]):
        raise faults.invalid(f"The target {target_arn} is neither a Kinesis stream nor a Firehose.")
    if role_arn.split(":")[2:3] != ["iam"]:
        raise faults.invalid("The role ARN is not valid.")
    check_tags(tags)
    old = Destination.get(call, destination_name)
    found = Destination(
        name=destination_name,
        target=target_arn,
        role=role_arn,
        policy=old.policy if old else "",
        created=old.created if old else call.now,
        tags=old.tags if old else tags,
    ).put(call)
    return {"destination": described(call, found)}


@logs.operation(on=Destination.named, honours=["forceUpdate"])
def put_destination_policy(call: Call, destination: Destination, access_policy: str) -> None:
    """Say who may subscribe to it."""
    check_policy(access_policy)
    destination.policy = access_policy
    destination.put(call)


@logs.operation(on=Destination.named)
def delete_destination(call: Call, destination: Destination) -> None:
    destination.delete(call)


@logs.operation
def describe_destinations(
    call: Call, destination_name_prefix: str = "", next_token: str = "", limit: int = 50
) -> Members:
    page = Destination.page(
        call,
        limit=limit,
        token=next_token,
        since=(destination_name_prefix,),
        before=(destination_name_prefix + "\U0010ffff",),
    )
    return {"destinations": [described(call, one) for one in page.items], "nextToken": page.token}


def described(call: Call, one: Destination) -> Members:
    return {
        "destinationName": one.name,
        "targetArn": one.target,
        "roleArn": one.role,
        "accessPolicy": one.policy or None,
        "arn": one.arn(call),
        "creationTime": int(one.created * 1000),
    }


def check_policy(document: str) -> None:
    """Refuse what is no policy of a resource."""
    try:
        grammar.check(document, "resource")
    except grammar.Malformed as error:
        raise faults.invalid(f"Invalid policy document: {error}") from None
