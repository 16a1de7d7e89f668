"""Rotation: a key gets new material every year, or as often as asked, or at once; the old goes on decrypting."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import faults, kms, specs
from .keys import DISABLED, ENABLED, EXTERNAL, PENDING_DELETION, PENDING_REPLICAS, REPLICA, Key, named
from .listing import part
from .material import Material, generated, material

DAY = 86400.0
YEAR = 365
MOST_ON_DEMAND = 25


@kms.operation(on=named)
def enable_key_rotation(call: Call, key: Key, rotation_period_in_days: int = 0) -> None:
    """Rotate a key by itself, every 90 to 2,560 days; every year where nothing is said."""
    check(call, key)
    check_generated(call, key)
    begin(call, key, rotation_period_in_days or YEAR)


@kms.operation(on=named)
def disable_key_rotation(call: Call, key: Key) -> None:
    """Rotate a key no more by itself."""
    check(call, key)
    check_generated(call, key)
    key.rotation_period, key.next_rotation = 0, 0.0
    key.put(call)


@kms.operation(on=named)
def get_key_rotation_status(call: Call, key: Key) -> dict[str, Any]:
    """Whether a key rotates by itself, how often, and when next. One that cannot does not."""
    told: dict[str, Any] = {"KeyId": key.arn(call), "KeyRotationEnabled": False}
    lead = primary(call, key)
    if lead.rotation_period and key.state not in (PENDING_DELETION, PENDING_REPLICAS):
        told["KeyRotationEnabled"] = True
        told["RotationPeriodInDays"] = lead.rotation_period
        told["NextRotationDate"] = lead.next_rotation
    return told


@kms.operation(on=named)
def rotate_key_on_demand(call: Call, key: Key) -> dict[str, Any]:
    """Rotate a key at once; an imported one to material that waits for it. At most 25 times."""
    check(call, key)
    if key.rotated_on_demand >= MOST_ON_DEMAND:
        raise Fault("LimitExceededException", f"{key.arn(call)} has been rotated on demand {MOST_ON_DEMAND} times.")
    if key.origin == EXTERNAL:
        rotate_imported(call, key)
    else:
        rotate_everywhere(call, key, "ON_DEMAND")
    key.rotated_on_demand += 1
    key.put(call)
    return {"KeyId": key.arn(call)}


@kms.operation(on=named)
def list_key_rotations(
    call: Call, key: Key, include_key_material: str = "ROTATIONS_ONLY", limit: int = 100, marker: str = ""
) -> dict[str, Any]:
    """The rotations of a key; with ALL_KEY_MATERIAL its first material too, and what waits for a rotation."""
    if not key.symmetric:
        raise faults.unsupported()
    everything = include_key_material == "ALL_KEY_MATERIAL"
    rows = [shown(call, key, one) for one in Material.of(call, key.id) if everything or one.rotation]
    items, more = part(call, rows, limit, marker)
    return {"Rotations": items, **more}


def shown(call: Call, key: Key, one: Material) -> dict[str, Any]:
    state = one.state if one.state != "CURRENT" or one.id == key.material_id else "NON_CURRENT"
    told: dict[str, Any] = {"KeyId": key.arn(call), "KeyMaterialId": one.id, "KeyMaterialState": state}
    if one.rotation:
        told |= {"RotationDate": one.rotated, "RotationType": one.rotation}
    if key.origin == EXTERNAL:
        told["ImportState"] = "IMPORTED" if one.sealed else "PENDING_IMPORT"
        if one.sealed:
            expires = "KEY_MATERIAL_EXPIRES" if one.expires else "KEY_MATERIAL_DOES_NOT_EXPIRE"
            told["ExpirationModel"] = expires
        if one.expires:
            told["ValidTo"] = one.expires
        if one.description:
            told["KeyMaterialDescription"] = one.description
    return told


def check(call: Call, key: Key) -> None:
    """Refuse keys that do not rotate, and replicas, which follow their primary."""
    key.check_customers(call)
    if not key.symmetric or key.multi_region == REPLICA or key.store:
        raise faults.unsupported()
    if key.state != ENABLED:
        key.check_state(call, ENABLED)


def check_generated(call: Call, key: Key) -> None:
    if key.origin == EXTERNAL:
        raise faults.unsupported(key.arn(call))


def primary(call: Call, key: Key) -> Key:
    """The key whose rotation a replica shares."""
    if key.multi_region != REPLICA:
        return key
    return Key.get(call.at(region=key.regions[0]), key.id) or key


# Doing it


def begin(call: Call, key: Key, days: int) -> None:
    """Rotate every so many days from now on."""
    key.rotation_period = days
    await_rotation(call, key)


def await_rotation(call: Call, key: Key) -> None:
    key.next_rotation = call.now + key.rotation_period * DAY
    key.put(call)
    rotate.later(call, due=key.next_rotation, key_id=key.id)


@kms.task
def rotate(call: Call, key_id: str) -> None:
    """The time has come, unless rotation was turned off or put off since; a disabled key makes up for it later."""
    key = Key.get(call, key_id)
    if key and key.state != DISABLED:
        catch_up(call, key)


def catch_up(call: Call, key: Key) -> None:
    if not key.rotation_period or key.next_rotation > call.now or key.state != ENABLED:
        return
    rotate_everywhere(call, key, "AUTOMATIC")
    await_rotation(call, key)


def rotate_everywhere(call: Call, key: Key, kind: str) -> None:
    """New material for a key, and the same for its replicas."""
    secret = generated(specs.SYMMETRIC)
    for region in key.regions or [call.region]:
        there = call.at(region=region)
        one = key if region == call.region else Key.get(there, key.id)
        if one is None:
            continue
        last = next(Material.of(there, key.id, reverse=True), None)
        number = last.number + 1 if last else 0
        fresh = material(there, key.id, number, secret, rotation=kind, rotated=call.now).put(there)
        one.material_id = fresh.id
        one.put(there)


def rotate_imported(call: Call, key: Key) -> None:
    """Go on with the imported material that waits for it, which every replica must have too."""
    waiting = next((one for one in Material.of(call, key.id) if one.state == "PENDING_ROTATION"), None)
    if waiting is None or not waiting.sealed:
        raise Fault("KMSInvalidStateException", f"{key.arn(call)} has no key material that is pending rotation.")
    regions = key.regions or [call.region]
    places = [call.at(region=region) for region in regions]
    pending = [Material.get(there, key.id, waiting.id) for there in places]
    if not all(one and one.sealed for one in pending):
        raise Fault(
            "KMSInvalidStateException", f"{key.arn(call)} is pending import of key material in a replica Region."
        )
    for there, one in zip(places, pending, strict=True):
        assert one
        one.state, one.rotation, one.rotated = "CURRENT", "ON_DEMAND", call.now
        one.put(there)
        other = key if there.region == call.region else Key.get(there, key.id)
        if other:
            other.material_id = one.id
            other.put(there)
