"""A key's life: created, described, enabled and disabled, deleted after a while of waiting."""

from __future__ import annotations

import asyncio
from typing import Any

from pileus.kernel import Call

from . import external, faults, grants, kms, policies, rotation, specs
from .backing import destroy, made_in, store_for
from .keys import (
    CLOUDHSM,
    DISABLED,
    ELSEWHERE,
    ENABLED,
    EXTERNAL,
    PENDING_DELETION,
    PENDING_IMPORT,
    PENDING_REPLICAS,
    PRIMARY,
    REPLICA,
    Alias,
    Key,
    equip,
    meant,
    named,
    new_id,
    tags_of,
)
from .last_use import LastUse
from .listing import marked
from .material import Material, generated, slow

DAY = 86400.0
SHORTEST, LONGEST = 7, 30


@kms.operation
async def create_key(
    call: Call,
    policy: str = "",
    description: str = "",
    key_usage: str = "",
    customer_master_key_spec: str = "",
    key_spec: str = "",
    origin: str = "AWS_KMS",
    bypass_policy_lockout_safety_check: bool = False,
    tags: list[dict[str, str]] = [],
    multi_region: bool = False,
    custom_key_store_id: str = "",
    xks_key_id: str = "",
) -> dict[str, Any]:
    """A new key of the caller's. Making a large RSA key takes a second or two."""
    if key_spec and customer_master_key_spec and key_spec != customer_master_key_spec:
        raise faults.validation("You cannot specify KeySpec and CustomerMasterKeySpec in the same request.")
    spec = key_spec or customer_master_key_spec or specs.SYMMETRIC
    check_origin(origin, custom_key_store_id, xks_key_id)
    place = None
    if origin == CLOUDHSM:
        place = store_for(call, custom_key_store_id, spec, key_usage, multi_region)
    elif origin == ELSEWHERE:
        place = external.store_for(call, custom_key_store_id, xks_key_id, spec, key_usage, multi_region)
    key = Key(
        id=new_id(multi_region),
        spec=spec,
        usage=specs.usage(spec, key_usage),
        created=call.now,
        policy="",
        description=description,
        origin=origin,
        tags=tags_of(tags),
        multi_region=PRIMARY if multi_region else "",
        regions=[call.region] if multi_region else [],
        store=custom_key_store_id,
        cluster=place.cluster if place else "",
        external=xks_key_id,
    )
    key.policy = policies.checked(
        call, key, policy or policies.default(call), bypass=bypass_policy_lockout_safety_check or not policy
    )
    secret = b""
    if place is not None and origin == CLOUDHSM:
        await asyncio.to_thread(made_in, call, place, key)
    elif origin != EXTERNAL:
        secret = await asyncio.to_thread(generated, spec) if slow(spec) else generated(spec)
    if place is not None and origin == ELSEWHERE:
        await asyncio.to_thread(external.check_key, call, place, xks_key_id)
    with call.transaction():
        if origin == EXTERNAL:
            key.state = PENDING_IMPORT
            key.put(call)
        elif origin == CLOUDHSM:
            key.put(call)
        else:
            if place is not None:
                external.take(call, place, key)
            equip(call, key, secret)
        return {"KeyMetadata": key.metadata(call)}


def check_origin(origin: str, key_store: str, external_id: str) -> None:
    """Refuse stores and external keys that do not go with where the material is from."""
    if (origin in (CLOUDHSM, ELSEWHERE)) != bool(key_store):
        message = "CustomKeyStoreId goes with the origins AWS_CLOUDHSM and EXTERNAL_KEY_STORE, and with no others."
        raise faults.validation(message)
    if (origin == ELSEWHERE) != bool(external_id):
        raise faults.validation("XksKeyId goes with the origin EXTERNAL_KEY_STORE, and with no other.")


@kms.operation(on=meant, honours=("GrantTokens",))
def describe_key(call: Call, key: Key) -> dict[str, Any]:
    """What there is to know of a key. Naming an AWS managed key by its alias brings it into being."""
    return {"KeyMetadata": key.metadata(call)}


@kms.operation
def list_keys(call: Call, limit: int = 100, marker: str = "", resource_owners: list[str] = ["SELF"]) -> dict[str, Any]:
    """Ids and ARNs of the account's keys in this Region; nobody shares keys by RAM here."""
    if "SELF" not in resource_owners:
        return {"Keys": [], "Truncated": False}
    found = Key.page(call, limit=limit, token=marker, invalid=faults.invalid_marker())
    return {"Keys": [{"KeyId": key.id, "KeyArn": key.arn(call)} for key in found.items], **marked(found.token)}


@kms.operation(on=named)
def update_key_description(call: Call, key: Key, description: str) -> None:
    """Describe a key otherwise."""
    key.check_customers(call)
    key.check_living(call)
    key.description = description
    key.put(call)


# States


@kms.operation(on=named)
def enable_key(call: Call, key: Key) -> None:
    """Let a disabled key be used again. A rotation that it missed is made up for."""
    key.check_customers(call)
    key.check_living(call)
    key.check_state(call, ENABLED, DISABLED)
    key.state = ENABLED
    key.put(call)
    rotation.catch_up(call, key)


@kms.operation(on=named)
def disable_key(call: Call, key: Key) -> None:
    """Let nobody use a key until it is enabled."""
    key.check_customers(call)
    key.check_state(call, ENABLED, DISABLED)
    key.state = DISABLED
    key.put(call)


@kms.operation(on=named)
def schedule_key_deletion(call: Call, key: Key, pending_window_in_days: int = LONGEST) -> dict[str, Any]:
    """Delete a key after 7 to 30 days; a multi-Region primary only once its last replica is gone."""
    if not SHORTEST <= pending_window_in_days <= LONGEST:
        raise faults.validation(f"PendingWindowInDays must be between {SHORTEST} and {LONGEST} inclusive")
    key.check_customers(call)
    key.check_living(call)
    key.window = pending_window_in_days
    if key.multi_region == PRIMARY and len(key.regions) > 1:
        key.state = PENDING_REPLICAS
        key.put(call)
    else:
        await_deletion(call, key)
    told = {"KeyId": key.arn(call), "KeyState": key.state, "PendingWindowInDays": key.window}
    return told | ({"DeletionDate": key.deleted} if key.deleted else {})


def await_deletion(call: Call, key: Key) -> None:
    key.state = PENDING_DELETION
    key.deleted = call.now + key.window * DAY
    key.put(call)
    remove.later(call, due=key.deleted, key_id=key.id)


@kms.operation(on=named)
def cancel_key_deletion(call: Call, key: Key) -> dict[str, Any]:
    """Keep a key after all; it is disabled then, or still waits for its imported material."""
    if key.state not in (PENDING_DELETION, PENDING_REPLICAS):
        raise faults.invalid_state(key.arn(call), ENABLED)
    imported = Material.get(call, key.id, key.material_id) if key.material_id else None
    key.state = DISABLED if key.store or (imported and imported.sealed) else PENDING_IMPORT
    key.deleted = None
    key.put(call)
    return {"KeyId": key.arn(call)}


@kms.task
def remove(call: Call, key_id: str) -> None:
    """The waiting is over: delete the key with its material, aliases and grants, unless somebody has thought again."""
    key = Key.get(call, key_id)
    if key is None or key.state != PENDING_DELETION or key.deleted is None or key.deleted > call.now:
        return
    for material in list(Material.of(call, key_id)):
        material.delete(call)
    for alias in list(Alias.scan(call, key_id, index="by_key")):
        alias.delete(call)
    grants.remove_all(call, key_id)
    LastUse.forget(call, key_id)
    key.delete(call)
    if key.external:
        external.let_go(call, key)
    if key.cluster:
        destroy.later(call, key_store=key.store, label=key.id)
    if key.multi_region == REPLICA:
        forget_replica(call, key)


def forget_replica(call: Call, gone: Key) -> None:
    """Tell the rest of a multi-Region key that one replica is gone; the last one lets the primary go."""
    rest = [region for region in gone.regions if region != call.region]
    for region in rest:
        there = call.at(region=region)
        if key := Key.get(there, gone.id):
            key.regions = rest
            key.put(there)
            if key.state == PENDING_REPLICAS and len(rest) == 1:
                await_deletion(there, key)
