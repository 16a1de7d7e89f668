"""Data keys and key pairs: made here, used elsewhere. With them goes their ciphertext, which only KMS opens.

The envelope encryption of the Developer Guide.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from pileus.kernel import Call

from . import faults, kms, recipients, specs
from .encryption import Context, encrypted
from .keys import Key, meant
from .material import generated, private_key, public_der, slow

SIZES = {"AES_128": 16, "AES_256": 32}


@kms.operation(on=meant, honours=("GrantTokens",))
def generate_data_key(
    call: Call,
    key: Key,
    encryption_context: Context = {},
    number_of_bytes: int | None = None,
    key_spec: str = "",
    dry_run: bool = False,
    recipient: dict[str, Any] = {},
) -> dict[str, Any]:
    """A new data key, plain and encrypted under the key."""
    told, plaintext = data_key(call, key, encryption_context, number_of_bytes, key_spec, dry_run)
    return told | recipients.told(call, recipient, "Plaintext", plaintext)


@kms.operation(on=meant, honours=("GrantTokens",))
def generate_data_key_without_plaintext(
    call: Call,
    key: Key,
    encryption_context: Context = {},
    key_spec: str = "",
    number_of_bytes: int | None = None,
    dry_run: bool = False,
) -> dict[str, Any]:
    """A new data key for later, encrypted only."""
    return data_key(call, key, encryption_context, number_of_bytes, key_spec, dry_run)[0]


def data_key(
    call: Call, key: Key, context: Context, number: int | None, spec: str, dry_run: bool
) -> tuple[dict[str, Any], bytes]:
    if bool(number) == bool(spec):
        raise faults.validation("Please specify either number of bytes or key spec.")
    check_symmetric(call, key)
    plaintext = os.urandom(number or SIZES[spec])
    blob = encrypted(call, key, specs.SYMMETRIC, plaintext, context)
    if dry_run:
        raise faults.dry_run()
    return {"CiphertextBlob": blob, "KeyId": key.arn(call), "KeyMaterialId": key.material_id}, plaintext


@kms.operation(on=meant, honours=("GrantTokens",))
async def generate_data_key_pair(
    call: Call,
    key: Key,
    key_pair_spec: str,
    encryption_context: Context = {},
    dry_run: bool = False,
    recipient: dict[str, Any] = {},
) -> dict[str, Any]:
    """A new key pair; its private key plain (PKCS #8) and encrypted under the key."""
    told, plaintext = await pair(call, key, key_pair_spec, encryption_context, dry_run)
    return told | recipients.told(call, recipient, "PrivateKeyPlaintext", plaintext)


@kms.operation(on=meant, honours=("GrantTokens",))
async def generate_data_key_pair_without_plaintext(
    call: Call, key: Key, key_pair_spec: str, encryption_context: Context = {}, dry_run: bool = False
) -> dict[str, Any]:
    """A new key pair, its private key encrypted only."""
    return (await pair(call, key, key_pair_spec, encryption_context, dry_run))[0]


async def pair(call: Call, key: Key, spec: str, context: Context, dry_run: bool) -> tuple[dict[str, Any], bytes]:
    check_symmetric(call, key)
    specs.spec(spec)
    with call.transaction():
        key.check_usable(call, specs.ENCRYPT)
        if dry_run:
            raise faults.dry_run()
    plaintext = await asyncio.to_thread(generated, spec) if slow(spec) else generated(spec)
    told = {
        "PrivateKeyCiphertextBlob": encrypted(call, key, specs.SYMMETRIC, plaintext, context),
        "PublicKey": public_der(private_key(plaintext)),
        "KeyId": key.arn(call),
        "KeyPairSpec": spec,
        "KeyMaterialId": key.material_id,
    }
    return told, plaintext


def check_symmetric(call: Call, key: Key) -> None:
    if not key.symmetric:
        raise faults.usage(key.arn(call), key.usage, call.operation)


@kms.operation
def generate_random(
    call: Call, number_of_bytes: int = 0, custom_key_store_id: str = "", recipient: dict[str, Any] = {}
) -> dict[str, Any]:
    """Up to 1,024 random bytes, perhaps of the cluster behind a custom key store."""
    if not number_of_bytes:
        raise faults.validation("NumberOfBytes is required.")
    if custom_key_store_id:
        from .backing import random

        return recipients.told(call, recipient, "Plaintext", random(call, custom_key_store_id, number_of_bytes))
    return recipients.told(call, recipient, "Plaintext", os.urandom(number_of_bytes))
