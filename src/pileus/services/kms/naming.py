"""Aliases, tags and policies: what is written on a key."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, tags

from . import faults, kms, policies
from .keys import Alias, Key, aliasable, check_tags, named, tags_of
from .listing import marked, part

ALIAS = re.compile(r"alias/[a-zA-Z0-9/_-]+")


@kms.operation
def create_alias(call: Call, alias_name: str, target_key_id: str) -> None:
    """Give a key of this account and Region another name."""
    check_name(alias_name)
    key = target(call, target_key_id)
    if Alias.get(call, alias_name):
        raise Fault("AlreadyExistsException", f"An alias with the name {call.arn(alias_name)} already exists")
    Alias(alias_name, key.id, call.now, call.now).put(call)


@kms.operation
def update_alias(call: Call, alias_name: str, target_key_id: str) -> None:
    """Let an alias name another key of the same kind and use."""
    check_name(alias_name)
    alias = existing(call, alias_name)
    key, before = target(call, target_key_id), Key.get(call, alias.key_id)
    if before and (before.usage != key.usage or before.symmetric != key.symmetric):
        raise faults.validation("The current and new KMS key must be the same type and have the same key usage.")
    alias.key_id = key.id
    alias.updated = call.now
    alias.put(call)


@kms.operation
def delete_alias(call: Call, alias_name: str) -> None:
    """Take an alias away; its key is left as it is."""
    check_name(alias_name)
    existing(call, alias_name).delete(call)


@kms.operation
def list_aliases(call: Call, key_id: str = "", limit: int = 50, marker: str = "") -> dict[str, Any]:
    """The aliases of the account in this Region, or those of one key."""
    invalid = faults.invalid_marker()
    if key_id:
        key = named(call, key_id)
        found = Alias.page(call, key.id, index="by_key", limit=limit, token=marker, invalid=invalid)
    else:
        found = Alias.page(call, limit=limit, token=marker, invalid=invalid)
    shown = [
        {
            "AliasName": alias.name,
            "AliasArn": alias.arn(call),
            "TargetKeyId": alias.key_id,
            "CreationDate": alias.created,
            "LastUpdatedDate": alias.updated,
        }
        for alias in found.items
    ]
    return {"Aliases": shown, **marked(found.token)}


def check_name(name: str) -> None:
    if name.startswith("alias/aws/"):
        raise Fault("NotAuthorizedException", "", status=400)
    if not name.startswith("alias/"):
        raise faults.validation("Invalid identifier")
    if not ALIAS.fullmatch(name):
        raise Fault("InvalidAliasNameException", f"{name} contains invalid characters for an alias")


def existing(call: Call, name: str) -> Alias:
    found = Alias.get(call, name)
    if found is None:
        raise faults.no_alias(call.arn(name))
    return found


def target(call: Call, key_id: str) -> Key:
    """The key that an alias is to name: not an AWS managed one, nor one that will be deleted."""
    key = aliasable(call, key_id)
    key.check_customers(call)
    key.check_living(call)
    return key


# Tags


@kms.operation(on=named)
def tag_resource(call: Call, key: Key, tags: list[dict[str, str]]) -> None:
    """Add tags to a key, or give those that it has other values."""
    key.check_customers(call)
    key.check_living(call)
    held = key.tags | tags_of(tags)
    check_tags(held)
    key.tags = held
    key.put(call)


@kms.operation(on=named)
def untag_resource(call: Call, key: Key, tag_keys: list[str]) -> None:
    """Take tags from a key; those that it does not have are no error."""
    key.check_customers(call)
    key.check_living(call)
    key.tags = {name: value for name, value in key.tags.items() if name not in tag_keys}
    key.put(call)


@kms.operation(on=named)
def list_resource_tags(call: Call, key: Key, limit: int = 50, marker: str = "") -> dict[str, Any]:
    """The tags of a key."""
    shown, more = part(call, tags.as_list(key.tags, "TagKey", "TagValue"), limit, marker)
    return {"Tags": shown, **more}


# Policies


@kms.operation(on=named)
def put_key_policy(
    call: Call,
    key: Key,
    policy: str,
    policy_name: str = policies.NAME,
    bypass_policy_lockout_safety_check: bool = False,
) -> None:
    """Put another policy on a key."""
    key.check_customers(call)
    check_policy_name(policy_name)
    key.policy = policies.checked(call, key, policy, bypass=bypass_policy_lockout_safety_check)
    key.put(call)


@kms.operation(on=named)
def get_key_policy(call: Call, key: Key, policy_name: str = policies.NAME) -> dict[str, Any]:
    """The policy of a key, as it was written."""
    check_policy_name(policy_name)
    return {"Policy": key.policy, "PolicyName": policies.NAME}


@kms.operation(on=named)
def list_key_policies(call: Call, key: Key, limit: int = 100, marker: str = "") -> dict[str, Any]:
    """The names of a key's policies: there is one, `default`."""
    shown, more = part(call, [policies.NAME], limit, marker)
    return {"PolicyNames": shown, **more}


def check_policy_name(name: str) -> None:
    if name != policies.NAME:
        raise Fault("NotFoundException", f"No such policy exists: {name}")
