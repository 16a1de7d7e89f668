"""What is below an instance's system: the variables of its UEFI, the endorsement key of its trusted platform module.

The variables are those that its image was registered with: nothing here boots by UEFI, so that nobody changes them. The
key is the instance's own for life, but there is no module in the machine that has its private half.
"""

from __future__ import annotations

import base64
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import unsupported
from pileus.services.ec2.storage.images import image

from . import states
from .instances import TERMINATED, Instance, alive

RSA = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
ECC = bytes.fromhex("b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12")
"""The policies of endorsement keys ("TCG EK Credential Profile", templates L-1 and H-3)."""


class Endorsement(Record, key=("instance_id", "key_type")):
    """The public half of an instance's endorsement key, in DER."""

    instance_id: str
    key_type: str
    public: bytes


def _uefi(one: Instance) -> bool:
    return str(one.image.get("BootMode", "")).startswith("uefi")


@ec2.operation
def get_instance_uefi_data(call: Call, instance_id: str) -> Members:
    """The store of variables, in the form in which RegisterImage takes it."""
    one = alive(call, instance_id)
    if not _uefi(one):
        raise unsupported(f"The instance '{instance_id}' does not boot by UEFI.")
    try:
        data = image(call, one.image_id).uefi_data
    except Fault:  # it is no more
        data = ""
    return {"InstanceId": instance_id, "UefiData": data or None}


@ec2.operation
def get_instance_tpm_ek_pub(call: Call, instance_id: str, key_type: str, key_format: str) -> Members:
    """The public endorsement key of an instance whose image supports NitroTPM."""
    one = alive(call, instance_id)
    if one.image.get("TpmSupport") != "v2.0":
        raise unsupported(f"The instance '{instance_id}' does not support NitroTPM.")
    found = Endorsement.get(call, instance_id, key_type)
    if found is None:
        found = Endorsement(instance_id, key_type, _made(key_type)).put(call)
    value = found.public if key_format == "der" else tpmt(found.public)
    told = {"InstanceId": instance_id, "KeyType": key_type, "KeyFormat": key_format}
    return told | {"KeyValue": base64.b64encode(value).decode()}


def _made(key_type: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    curve = ec.SECP384R1()
    key: Any = rsa.generate_private_key(65537, 2048) if key_type == "rsa-2048" else ec.generate_private_key(curve)
    public: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return public


def tpmt(public: bytes) -> bytes:
    """A public key as a TPMT_PUBLIC ("TPM 2.0 Library", part 2), with the attributes of an endorsement key."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key = load_der_public_key(public)
    numbers: Any = key.public_numbers()  # type: ignore[union-attr]
    if isinstance(key, rsa.RSAPublicKey):
        head = _words(0x0001, 0x000B) + bytes.fromhex("000300b2") + _sized(RSA)
        rest = _words(0x0006, 128, 0x0043, 0x0010, 2048) + bytes(4)
        return head + rest + _sized(numbers.n.to_bytes(256, "big"))
    head = _words(0x0023, 0x000C) + bytes.fromhex("000300f2") + _sized(ECC)
    rest = _words(0x0006, 256, 0x0043, 0x0010, 0x0004, 0x0010)
    return head + rest + _sized(numbers.x.to_bytes(48, "big")) + _sized(numbers.y.to_bytes(48, "big"))


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


@states.follows
def after(call: Call, one: Instance, state: str) -> None:
    """An ended instance has no key."""
    if state == TERMINATED:
        for found in [*Endorsement.scan(call, one.instance_id)]:
            found.delete(call)
