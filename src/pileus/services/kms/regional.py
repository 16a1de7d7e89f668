"""Multi-Region keys: the same key, under the same id and with the same material, in several Regions.

A replica can be used at once; the `Creating` with which ReplicateKey answers is over when the answer arrives.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, regions, tags

from . import faults, kms, policies, rotation
from .keys import (
    EXTERNAL,
    PENDING_DELETION,
    PENDING_IMPORT,
    PENDING_REPLICAS,
    PRIMARY,
    REPLICA,
    Key,
    named,
    tags_of,
)
from .material import Material, material

Tags = list[dict[str, str]]


@kms.operation(on=named)
def replicate_key(
    call: Call,
    key: Key,
    replica_region: str,
    policy: str = "",
    bypass_policy_lockout_safety_check: bool = False,
    description: str = "",
    tags: Tags = [],
) -> dict[str, Any]:
    """A replica of a primary key in another Region, with a policy, description and tags of its own."""
    check_primary(call, key)
    key.check_state(call, "Enabled")
    there = region_for(call, replica_region)
    if Key.get(there, key.id):
        raise Fault("AlreadyExistsException", f"{key.arn(there)} already exists.")
    replica = Key(
        id=key.id,
        spec=key.spec,
        usage=key.usage,
        created=call.now,
        policy="",
        description=description,
        origin=key.origin,
        tags=tags_of(tags),
        multi_region=REPLICA,
    )
    replica.policy = policies.checked(
        there, replica, policy or policies.default(there), bypass=bypass_policy_lockout_safety_check or not policy
    )
    if key.origin == EXTERNAL:
        replica.state = PENDING_IMPORT
        replica.put(there)
    else:
        copy_material(call, there, key, replica)
    settle(call, key.id, [*key.regions, replica_region])
    made = Key.get(there, key.id)
    assert made
    return {
        "ReplicaKeyMetadata": made.metadata(there) | {"KeyState": "Creating", "Enabled": False},
        "ReplicaPolicy": made.policy,
        "ReplicaTags": shown_tags(made),
    }


def copy_material(call: Call, there: Call, key: Key, replica: Key) -> None:
    """All generations, so that old ciphertexts decrypt there too."""
    for one in Material.of(call, key.id):
        again = material(there, key.id, one.number, one.opened(call))
        again.created, again.state, again.rotation, again.rotated = one.created, one.state, one.rotation, one.rotated
        again.put(there)
    replica.material_id = key.material_id
    replica.put(there)


@kms.operation(on=named)
def update_primary_region(call: Call, key: Key, primary_region: str) -> None:
    """Make a replica the primary, and the primary a replica. Rotation goes with it."""
    check_primary(call, key)
    key.check_state(call, "Enabled")
    if primary_region not in key.regions:
        raise faults.no_key(key.arn(call.at(region=primary_region)))
    if primary_region == call.region:
        raise faults.validation(f"{key.arn(call)} is already the primary key.")
    there = call.at(region=primary_region)
    heir = named(there, key.id)
    heir.check_state(there, "Enabled")
    period, due = key.rotation_period, key.next_rotation
    key.rotation_period, key.next_rotation, key.multi_region = 0, 0.0, REPLICA
    heir.multi_region, heir.rotated_on_demand = PRIMARY, key.rotated_on_demand
    key.put(call)
    if period:
        heir.rotation_period, heir.next_rotation = period, due
        rotation.rotate.later(there, due=due, key_id=key.id)
    heir.put(there)
    settle(call, key.id, [primary_region, *(region for region in key.regions if region != primary_region)])


def settle(call: Call, key_id: str, where: list[str]) -> None:
    """Tell the primary and all replicas where they are."""
    for region in where:
        there = call.at(region=region)
        if key := Key.get(there, key_id):
            key.regions = where
            key.put(there)


def check_primary(call: Call, key: Key) -> None:
    if key.multi_region != PRIMARY:
        message = f"{key.arn(call)} is not a multi-Region primary key."
        raise Fault("UnsupportedOperationException", message)
    if key.state in (PENDING_DELETION, PENDING_REPLICAS):
        raise faults.invalid_state(key.arn(call), key.state)


def region_for(call: Call, region: str) -> Call:
    if not regions.is_region(region) or regions.partition_of(region) != call.partition:
        raise faults.validation(f"Region {region} is not valid.")
    return call.at(region=region)


def shown_tags(key: Key) -> Tags:
    return tags.as_list(key.tags, "TagKey", "TagValue")
