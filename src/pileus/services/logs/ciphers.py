"""Encryption of stored events under the KMS key of their group.

Each key of a group has a data key that KMS has made for it, which is kept as KMS has wrapped it; parts are sealed under
it (AES-GCM) before they are stored, and opened as they are read. A data key stays in memory for five minutes, so that
much longer events can be read after their KMS key has been disabled ("Encrypt log data using AWS KMS", User Guide).
What was stored before a group had a key stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pileus.kernel import Call, Fault, Record, identity

from .groups import Group
from .parts import Chunk

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

T = TypeVar("T")

KEPT = 300.0
NONCE = 12
NUMBER = 4
BINARY = (0xC4, 0xC5, 0xC6)
"""How octets begin in MessagePack: a part that is not sealed is an array."""

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(bytes).decode


class DataKey(Record, key=("group", "number"), table="logs.DataKey", kw_only=True):
    """A data key of a group, wrapped."""

    group: str
    number: int
    key: str
    """The ARN of the KMS key that has wrapped it."""
    wrapped: bytes
    context: dict[str, str]


class DataKeys:
    """An engine of the cloud: data keys that were unwrapped of late."""

    def __init__(self, cloud: Cloud) -> None:
        self._held: dict[tuple[str, int], tuple[AESGCM, float]] = {}

    def of(self, call: Call, data_key: DataKey) -> AESGCM:
        name = (data_key.group, data_key.number)
        held = self._held.get(name)
        if held is None or held[1] < call.now:
            plain = kms(call, data_key.key).decrypt(
                ciphertext_blob=data_key.wrapped, encryption_context=data_key.context, key_id=data_key.key
            )["Plaintext"]
            held = self._held[name] = (AESGCM(plain), call.now + KEPT)
        return held[0]

    async def close(self) -> None:
        self._held.clear()


def kms(call: Call, key: str) -> Any:
    """KMS in the key's Region, as CloudWatch Logs in this one."""
    ours = identity.service(f"logs.{call.region}.amazonaws.com", source_account=call.account)
    return call.at(region=key.split(":")[3]).aws("kms", principal=ours)


def prepared(call: Call, group: Group) -> DataKey:
    """The group's data key under its present KMS key."""
    latest = next(DataKey.scan(call, group.id, reverse=True, limit=1), None)
    if latest and latest.key == group.key:
        return latest
    context = {"aws:logs:arn": group.arn(call)}
    made = kms(call, group.key).generate_data_key(key_id=group.key, key_spec="AES_256", encryption_context=context)
    number = latest.number + 1 if latest else 1
    wrapped = bytes(made["CiphertextBlob"])
    return DataKey(group=group.id, number=number, key=group.key, wrapped=wrapped, context=context).put(call)


def seal(call: Call, group: Group) -> Callable[[bytes], bytes] | None:
    """What a part of a group has to go through before it is stored; None if nothing."""
    if not group.key:
        return None
    data_key = usable(lambda: prepared(call, group))
    cipher = usable(lambda: call.cloud.engine(DataKeys).of(call, data_key))
    number = data_key.number.to_bytes(NUMBER, "big")

    def sealed(part: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return encode(number + nonce + cipher.encrypt(nonce, part, group.id.encode()))

    return sealed


def opened(call: Call, chunk: Chunk) -> Chunk:
    """A record with its parts as they were before they were sealed."""
    if any(memoryview(part)[0] in BINARY for part in chunk.parts):
        chunk.parts = [msgspec.Raw(unsealed(call, chunk.group, part)) for part in chunk.parts]
    return chunk


def unsealed(call: Call, group: str, part: msgspec.Raw) -> bytes:
    if memoryview(part)[0] not in BINARY:
        return bytes(part)
    octets = decode(part)
    data_key = DataKey.get(call, group, int.from_bytes(octets[:NUMBER], "big"))
    assert data_key is not None
    cipher = usable(lambda: call.cloud.engine(DataKeys).of(call, data_key))
    return cipher.decrypt(octets[NUMBER : NUMBER + NONCE], octets[NUMBER + NONCE :], group.encode())


def usable(what: Callable[[], T]) -> T:
    """What KMS gives; its refusal in the words of CloudWatch Logs."""
    try:
        return what()
    except Fault as fault:
        if fault.code == "NotImplemented":
            raise
        raise Fault(
            "AccessDeniedException",
            f"The KMS key of the log group cannot be used: {fault.code}: {fault.message}",
            status=400,
        ) from None
