"""Imported key material: made by the customer, brought here wrapped, and gone again when it expires.

Developer Guide, "Importing key material". An import token carries its wrapping key itself, sealed under the master key.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from pileus.kernel import Call, Fault

from . import faults, kms, specs
from .keys import DISABLED, ENABLED, EXTERNAL, PENDING_DELETION, PENDING_IMPORT, REPLICA, Key, named
from .material import Material, fits, generated, material, private_key, public_der

VALID = 24 * 3600.0
LONGEST = 365 * 86400.0
TOKEN = b"kms:import"


class ImportToken(msgspec.Struct, array_like=True):
    """What GetParametersForImport hands out, before it is sealed."""

    key_arn: str
    algorithm: str
    expires: float
    wrapping_key: bytes


@kms.operation(on=named)
async def get_parameters_for_import(
    call: Call, key: Key, wrapping_algorithm: str, wrapping_key_spec: str
) -> dict[str, Any]:
    """A public key to wrap material under, and a token to bring it back with, both good for a day."""
    check_external(call, key)
    if wrapping_algorithm in ("RSAES_PKCS1_V1_5", "SM2PKE") or wrapping_key_spec == "SM2":
        raise Fault("UnsupportedOperationException", f"{wrapping_algorithm} is not supported with {wrapping_key_spec}.")
    private_keys = specs.SPECS[key.spec].kind in ("rsa", "ml_dsa")
    if private_keys and not wrapping_algorithm.startswith("RSA_AES_KEY_WRAP"):
        raise faults.validation(f"{wrapping_algorithm} cannot wrap key material of the spec {key.spec}.")
    wrapping = await asyncio.to_thread(generated, wrapping_key_spec)
    token = ImportToken(key.arn(call), wrapping_algorithm, call.now + VALID, wrapping)
    return {
        "KeyId": key.arn(call),
        "ImportToken": call.cloud.master_key.seal(msgspec.msgpack.encode(token), TOKEN),
        "PublicKey": public_der(private_key(wrapping)),
        "ParametersValidTo": token.expires,
    }


@kms.operation(on=named)
def import_key_material(
    call: Call,
    key: Key,
    import_token: bytes,
    encrypted_key_material: bytes,
    valid_to: float | None = None,
    expiration_model: str = "KEY_MATERIAL_EXPIRES",
    import_type: str = "",
    key_material_description: str | None = None,
    key_material_id: str = "",
) -> dict[str, Any]:
    """Give a key its material: for the first time, again after it expired, or new material for the next rotation."""
    check_external(call, key)
    expires = expiry(call, expiration_model, valid_to)
    token = opened_token(call, key, import_token)
    secret = unwrapped(token, encrypted_key_material)
    if not fits(key.spec, secret):
        raise Fault("IncorrectKeyMaterialException", f"The key material does not fit the key spec {key.spec}.")
    others = [import_type, key_material_description, key_material_id]
    if any(other not in ("", None) for other in others) and not key.symmetric:
        raise faults.unsupported()
    if import_type == "NEW_KEY_MATERIAL" and key_material_id:
        raise faults.validation("You cannot specify KeyMaterialId with the import type NEW_KEY_MATERIAL.")
    found = placed(call, key, secret, import_type, key_material_id)
    found.sealed = material(call, key.id, found.number, secret).sealed
    found.expires = expires
    if key_material_description is not None:
        found.description = key_material_description
    found.put(call)
    if found.state == "CURRENT":
        key.material_id = key.material_id or found.id
    if key.state == PENDING_IMPORT and whole(call, key):
        key.state = ENABLED
    key.put(call)
    if expires:
        expire.later(call, due=expires, key_id=key.id, material_id=found.id)
    return {"KeyId": key.arn(call)} | ({"KeyMaterialId": found.id} if key.symmetric else {})


def placed(call: Call, key: Key, secret: bytes, import_type: str, material_id: str) -> Material:
    """Where imported bytes belong: the material that they were before, or a new one at the end."""
    candidate = material(call, key.id, 0, secret)
    known = list(Material.of(call, key.id))
    existing = next((one for one in known if one.id == candidate.id), None)
    if material_id and (existing is None or existing.id != material_id):
        raise wrong_material()
    if existing is not None:
        return existing
    if key.multi_region == REPLICA:
        return follow_primary(call, key, candidate, len(known))
    if not known:
        return candidate
    if import_type != "NEW_KEY_MATERIAL":
        raise wrong_material()
    if any(one.state == "PENDING_ROTATION" for one in known):
        raise Fault("KMSInvalidStateException", f"{key.arn(call)} already has key material that is pending rotation.")
    candidate.number = known[-1].number + 1
    candidate.state = "PENDING_ROTATION"
    return candidate


def follow_primary(call: Call, key: Key, candidate: Material, number: int) -> Material:
    """Material for a replica, which the primary must have already."""
    lead = Material.get(call.at(region=key.regions[0]), key.id, candidate.id)
    if lead is None:
        raise wrong_material()
    candidate.number = lead.number
    candidate.state = lead.state
    return candidate


def wrong_material() -> Fault:
    return Fault(
        "IncorrectKeyMaterialException",
        "The key material in the request is not the same key material that was previously imported into this KMS key.",
    )


def whole(call: Call, key: Key) -> bool:
    """Whether all material in use is there: a key that lacks some of its older is not usable either."""
    return all(one.sealed for one in Material.of(call, key.id) if one.state == "CURRENT")


def expiry(call: Call, model: str, valid_to: float | None) -> float | None:
    if model == "KEY_MATERIAL_DOES_NOT_EXPIRE":
        if valid_to is not None:
            raise faults.validation("ValidTo is not valid when ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE.")
        return None
    if valid_to is None:
        raise faults.validation("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
    if not call.now < valid_to <= call.now + LONGEST:
        raise faults.validation("ValidTo must be in the future, and at most 365 days from now.")
    return valid_to


def opened_token(call: Call, key: Key, blob: bytes) -> ImportToken:
    try:
        token = msgspec.msgpack.decode(call.cloud.master_key.open(blob, TOKEN), type=ImportToken)
    except ValueError:
        raise Fault("InvalidImportTokenException", "The import token is not valid.") from None
    if token.key_arn != key.arn(call):
        raise Fault("InvalidImportTokenException", "The import token is of another KMS key.")
    if token.expires <= call.now:
        raise Fault("ExpiredImportTokenException", "The import token has expired.")
    return token


def unwrapped(token: ImportToken, wrapped: bytes) -> bytes:
    """The material; RSA_AES_KEY_WRAP puts an AES key before it, which wraps it by RFC 5649."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

    digest = hashes.SHA1() if token.algorithm.endswith("SHA_1") else hashes.SHA256()
    wrapping = private_key(token.wrapping_key)
    size = wrapping.key_size // 8
    hybrid = token.algorithm.startswith("RSA_AES_KEY_WRAP")
    try:
        secret: bytes = wrapping.decrypt(wrapped[:size] if hybrid else wrapped, OAEP(MGF1(digest), digest, None))
        return aes_key_unwrap_with_padding(secret, wrapped[size:]) if hybrid else secret
    except (ValueError, InvalidUnwrap):
        raise faults.invalid_ciphertext() from None


# Losing it


@kms.operation(on=named)
def delete_imported_key_material(call: Call, key: Key, key_material_id: str = "") -> dict[str, Any]:
    """Take material away; the key cannot be used until the same is imported again."""
    if key.origin != EXTERNAL:
        raise faults.unsupported()
    found = Material.get(call, key.id, key_material_id or key.material_id)
    if found is None:
        if key_material_id:
            raise wrong_material_id(key_material_id)
        return {"KeyId": key.arn(call)}
    lose(call, key, found)
    return {"KeyId": key.arn(call), "KeyMaterialId": found.id if key.symmetric else ""}


def wrong_material_id(material_id: str) -> Fault:
    return Fault("NotFoundException", f"Key material {material_id} does not exist")


@kms.task
def expire(call: Call, key_id: str, material_id: str) -> None:
    """Imported material has had its time, unless it was imported again with more."""
    key, found = Key.get(call, key_id), Material.get(call, key_id, material_id)
    if key and found and found.sealed and found.expires and found.expires <= call.now:
        lose(call, key, found)


def lose(call: Call, key: Key, found: Material) -> None:
    if found.state == "PENDING_ROTATION":
        for region in key.regions or [call.region]:
            there = call.at(region=region)
            if one := Material.get(there, key.id, found.id):
                one.delete(there)
        return
    found.sealed, found.expires = b"", None
    found.put(call)
    if key.state in (ENABLED, DISABLED):
        key.state = PENDING_IMPORT
        key.put(call)


def check_external(call: Call, key: Key) -> None:
    if key.origin != EXTERNAL:
        message = f"{key.arn(call)} origin is {key.origin} which is not valid for this operation."
        raise Fault("UnsupportedOperationException", message)
    if key.state == PENDING_DELETION:
        raise faults.invalid_state(key.arn(call), key.state)
