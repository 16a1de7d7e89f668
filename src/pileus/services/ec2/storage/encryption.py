"""Encryption of volumes and snapshots: whether, and under which key.

A volume's bytes are encrypted under a data key of KMS, which snapshots of it, and volumes made of those, share (EBS
User Guide, "How EBS encryption works"). It is asked for on behalf of whoever makes the volume, and opened on behalf of
whoever attaches it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.faults import invalid

MANAGED = "alias/aws/ebs"
KEY_BYTES = 64
"""AES-256 in XTS mode takes two keys."""


class Sealed(msgspec.Struct, frozen=True, omit_defaults=True):
    """How something is encrypted; the default is: not at all."""

    key: str = ""
    """The ARN of the KMS key."""
    data_key: bytes = b""
    """Encrypted under it."""
    about: str = ""
    """The id that the data key was made for."""
    more: tuple[Sealed, ...] = ()
    """The same data key encrypted under further keys, by which it can be opened too."""


PLAIN = Sealed()


class Settings(Record, key=("name",)):
    """What an account has decided for a Region."""

    encrypted: bool = False
    key: str = ""
    name: str = "ebs"


def settings(call: Call) -> Settings:
    return Settings.get(call, "ebs") or Settings()


def sealed(call: Call, about: str, key: str = "") -> Sealed:
    """A new data key for what has this id, under a KMS key: by default the account's own choice."""
    arn = key_arn(call, key or settings(call).key or MANAGED)
    made = _kms(call, "generate_data_key_without_plaintext")(
        key_id=arn, number_of_bytes=KEY_BYTES, encryption_context={"aws:ebs:id": about}
    )
    return Sealed(arn, made["CiphertextBlob"], about)


def key_arn(call: Call, key: str) -> str:
    """The ARN of a KMS key; raises what EC2 says of one that cannot be used."""
    found: dict[str, Any] = _kms(call, "describe_key")(key_id=key)["KeyMetadata"]
    if not found["Enabled"]:
        raise Fault("InvalidKmsKey.InvalidState", f"The KMS key {found['Arn']} is not enabled.", status=400)
    if found.get("KeySpec") != "SYMMETRIC_DEFAULT":
        raise invalid(f"The KMS key {found['Arn']} is not symmetric. Amazon EBS does not support asymmetric KMS keys.")
    return str(found["Arn"])


def opened(call: Call, seal: Sealed) -> bytes:
    """The data key itself; empty for what is not encrypted."""
    if not seal.key:
        return b""
    refused: Fault | None = None
    for one in (seal, *seal.more):
        try:
            told = _kms(call, "decrypt")(
                ciphertext_blob=one.data_key, encryption_context={"aws:ebs:id": one.about}, key_id=one.key
            )
        except Fault as fault:
            refused = refused or fault
        else:
            return bytes(told["Plaintext"])
    assert refused
    raise refused


def also_under(call: Call, seal: Sealed, key: str) -> Sealed:
    """The same, which one more key opens too."""
    arn, context = key_arn(call, key), {"aws:ebs:id": seal.about}
    made = _kms(call, "re_encrypt")(
        ciphertext_blob=seal.data_key,
        source_key_id=seal.key,
        source_encryption_context=context,
        destination_key_id=arn,
        destination_encryption_context=context,
    )
    others = tuple(one for one in seal.more if one.key != arn)
    return Sealed(seal.key, seal.data_key, seal.about, (*others, Sealed(arn, made["CiphertextBlob"], seal.about)))


def _kms(call: Call, operation: str) -> Any:
    """An operation of KMS on behalf of the caller; what it refuses is told as EC2 tells it."""
    ask = getattr(call.at(service="ec2").aws("kms"), operation)

    def asked(**members: Any) -> Any:
        try:
            return ask(**members)
        except Fault as fault:
            if fault.code == "NotFoundException":
                raise Fault("InvalidKmsKey.NotFound", fault.message, status=400) from None
            if fault.code in ("DisabledException", "KMSInvalidStateException"):
                raise Fault("InvalidKmsKey.InvalidState", fault.message, status=400) from None
            raise

    return asked


def wanted(call: Call, encrypted: bool | None, kms_key_id: str, source: Sealed = PLAIN) -> bool:
    """Whether something new is to be encrypted, that is perhaps made of something."""
    if kms_key_id and encrypted is None and not source.key and not settings(call).encrypted:
        text = "The parameter [KmsKeyId] requires the parameter Encrypted to be set."
        raise Fault("InvalidParameterDependency", text)
    if kms_key_id and encrypted is False:
        text = "The parameter KmsKeyId cannot be used with the parameter Encrypted set to false."
        raise Fault("InvalidParameterCombination", text)
    return bool(encrypted or source.key or settings(call).encrypted)


@ec2.operation
def enable_ebs_encryption_by_default(call: Call) -> dict[str, Any]:
    """Encrypt every new volume and copy of a snapshot from now on."""
    return _turned(call, True)


@ec2.operation
def disable_ebs_encryption_by_default(call: Call) -> dict[str, Any]:
    return _turned(call, False)


def _turned(call: Call, encrypted: bool) -> dict[str, Any]:
    chosen = settings(call)
    chosen.encrypted = encrypted
    chosen.put(call)
    return {"EbsEncryptionByDefault": encrypted}


@ec2.operation
def get_ebs_encryption_by_default(call: Call) -> dict[str, Any]:
    chosen = settings(call)
    return {"EbsEncryptionByDefault": chosen.encrypted, "SseType": "sse-kms" if chosen.encrypted else "none"}


@ec2.operation
def get_ebs_default_kms_key_id(call: Call) -> dict[str, Any]:
    return {"KmsKeyId": settings(call).key or MANAGED}


@ec2.operation
def modify_ebs_default_kms_key_id(call: Call, kms_key_id: str) -> dict[str, Any]:
    chosen = settings(call)
    chosen.key = key_arn(call, kms_key_id)
    chosen.put(call)
    return {"KmsKeyId": chosen.key}


@ec2.operation
def reset_ebs_default_kms_key_id(call: Call) -> dict[str, Any]:
    """Back to the AWS managed key."""
    chosen = settings(call)
    chosen.key = ""
    chosen.put(call)
    return {"KmsKeyId": MANAGED}
