"""Field indexes: which fields a group's events are to be found by. Queries are answered without them as well."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Record, paging

from . import faults, logs
from .account_policies import AccountPolicy
from .groups import Group, name_in, standard
from .parts import Stream

MOST = 20
SYSTEM = (
    "@logStream",
    "@aws.region",
    "@aws.account",
    "@source.log",
    "@data_source_name",
    "@data_source_type",
    "@data_format",
    "traceId",
    "severityText",
    "attributes.session.id",
)
"""What every group of the standard class is indexed by (API reference, PutAccountPolicy)."""
PAGE = 50

Members = dict[str, Any]


class IndexPolicy(Record, kw_only=True):
    """The index policy of a group."""

    group: str
    document: str
    updated: int


def fields_of(document: str) -> list[str]:
    try:
        found = json.loads(document)
        fields = [*found.get("Fields", []), *found.get("FieldsV2", {})]
    except (ValueError, TypeError, AttributeError):
        fields = []
    if not fields or not all(isinstance(one, str) for one in fields):
        raise faults.invalid("An index policy is a JSON object with a list of Fields.")
    if len(fields) > MOST:
        raise faults.limit(f"An index policy can have up to {MOST} fields.")
    return fields


@logs.operation(on=Group.identified)
def put_index_policy(call: Call, group: Group, policy_document: str) -> Members:
    """Replace the group's index policy."""
    standard(group)
    fields_of(policy_document)
    found = IndexPolicy(group=group.id, document=policy_document, updated=int(call.now * 1000)).put(call)
    return {"indexPolicy": described(call, group, found)}


@logs.operation(on=Group.identified)
def delete_index_policy(call: Call, group: Group) -> None:
    if (found := IndexPolicy.get(call, group.id)) is None:
        raise faults.missing("The specified index policy does not exist.")
    found.delete(call)


@logs.operation
def describe_index_policies(call: Call, log_group_identifiers: list[str], next_token: str = "") -> Members:
    """The policies that a group has, its own or the account's."""
    found = []
    for group in named(call, log_group_identifiers):
        if own := IndexPolicy.get(call, group.id):
            found.append(described(call, group, own))
            continue
        for policy in shared_policies(call, group):
            shared = IndexPolicy(group=group.id, document=policy.document, updated=policy.updated)
            found.append(described(call, group, shared) | {"policyName": policy.name, "source": "ACCOUNT"})
    return paged(call, "indexPolicies", found, next_token)


@logs.operation
def describe_field_indexes(
    call: Call, log_group_identifiers: list[str], index_categories: list[str] = [], next_token: str = ""
) -> Members:
    """The fields of the groups' policies and those that all have, with the times of the events that they cover."""
    wanted = index_categories or ["DEFAULT", "CUSTOM", "INACTIVE"]
    found: list[Members] = []
    for group in named(call, log_group_identifiers):
        policy = IndexPolicy.get(call, group.id) or next(iter(shared_policies(call, group)), None)
        if policy and "CUSTOM" in wanted:
            covered = cover(call, group, policy.updated) | {"indexCategory": "CUSTOM"}
            found += [covered | {"fieldIndexName": field} for field in fields_of(policy.document)]
        if group.kind == "STANDARD" and "DEFAULT" in wanted:
            covered = cover(call, group, 0) | {"indexCategory": "DEFAULT"}
            found += [covered | {"fieldIndexName": field} for field in SYSTEM]
    return paged(call, "fieldIndexes", found, next_token)


def cover(call: Call, group: Group, since: int) -> Members:
    streams = [stream for stream in Stream.scan(call, group.id) if stream.ingested]
    return {
        "logGroupIdentifier": group.arn(call),
        "lastScanTime": int(call.now * 1000),
        "firstEventTime": max(since, min((one.earliest for one in streams), default=0)),
        "lastEventTime": max((one.latest for one in streams), default=0) or None,
        "type": "FIELD_INDEX",
    }


def paged(call: Call, name: str, found: list[Members], token: str) -> Members:
    start = paging.opened(call, token, faults.invalid("The specified nextToken is invalid.")) if token else 0
    stop = start + PAGE
    return {name: found[start:stop], "nextToken": paging.sealed(call, stop) if stop < len(found) else None}


def shared_policies(call: Call, group: Group) -> list[AccountPolicy]:
    """Those of the account that are about a group by its name."""
    return [one for one in AccountPolicy.scan(call, "FIELD_INDEX_POLICY") if one.selects(group.name)]


def of_group(call: Call, group: Group) -> set[str]:
    """The fields that a group is indexed by: its own policy's and the account's."""
    own = IndexPolicy.get(call, group.id)
    documents = [own.document] if own else [one.document for one in shared_policies(call, group)]
    return {field for document in documents for field in fields_of(document)} | set(SYSTEM)


def named(call: Call, identifiers: list[str]) -> list[Group]:
    return [Group.named(call, name_in(one)) for one in identifiers]


def described(call: Call, group: Group, policy: IndexPolicy) -> Members:
    return {
        "logGroupIdentifier": group.arn(call),
        "lastUpdateTime": policy.updated,
        "policyDocument": policy.document,
        "source": "LOG_GROUP",
    }
