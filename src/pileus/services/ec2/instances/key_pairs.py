"""Key pairs: made here, and then kept only as public keys; or imported.

Fingerprints are AWS's own: of an RSA key that EC2 made, the SHA-1 of the private key in DER (PKCS #8); of an imported
one, the MD5 of the public key in DER; of ED25519 keys the SHA-256 that OpenSSH shows (EC2 User Guide, "Verify the
fingerprint of your key pair").
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_ssh_public_key,
)

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import all_named, kind, new_id
from pileus.services.ec2.tags import shown_tags, specified

from .ppk import ppk

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ed25519.Ed25519PublicKey

BITS = (1024, 2048, 4096)
"""Lengths of RSA keys that can be imported."""


@kind(
    "key-pair",
    "key",
    missing=("InvalidKeyPair.NotFound", "The key pair ID '{}' does not exist"),
    malformed="InvalidKeyPair.Malformed",
)
class KeyPair(Record, arn="key-pair/{key_name}", cfn="AWS::EC2::KeyPair", indexes={"by_name": ("key_name",)}):
    """A public key under a name; the private one is its owner's alone."""

    key_pair_id: str
    key_name: str
    key_type: str
    fingerprint: str
    public_key: str
    """As OpenSSH writes it, without a comment."""
    created: float
    tags: dict[str, str] = {}


FILTERS = Filters({"key-pair-id": "key_pair_id", "fingerprint": "fingerprint", "key-name": "key_name"})


def by_name(call: Call, name: str) -> KeyPair | None:
    return KeyPair.first(call, name, index="by_name")


def key_pair(call: Call, name: str) -> KeyPair:
    """The key pair of that name; raises what EC2 says of one that is not there."""
    if found := by_name(call, name):
        return found
    raise Fault("InvalidKeyPair.NotFound", f"The key pair '{name}' does not exist")


@ec2.operation
def create_key_pair(
    call: Call,
    key_name: str,
    key_type: str = "rsa",
    key_format: str = "pem",
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Make a key pair: this answer is the only place where its private key is seen."""
    tags = specified(tag_specifications, "key-pair")
    _free(call, key_name)
    private: PrivateKey
    if key_type == "ed25519":
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = rsa.generate_private_key(65537, 2048)
    pair = _keep(call, key_name, private.public_key(), _made_fingerprint(private), tags)
    material = ppk(private, key_name) if key_format == "ppk" else _pem(private)
    return _answer(pair) | {"KeyMaterial": material}


@ec2.operation
def import_key_pair(
    call: Call, key_name: str, public_key_material: bytes, tag_specifications: list[dict[str, Any]] = []
) -> Members:
    """Keep somebody's own public key: in OpenSSH's, SSH2's (RFC 4716) or DER form in base 64."""
    tags = specified(tag_specifications, "key-pair")
    _free(call, key_name)
    public = _read(public_key_material)
    return _answer(_keep(call, key_name, public, _imported_fingerprint(public), tags))


@ec2.operation
def describe_key_pairs(
    call: Call,
    key_names: list[str] = [],
    key_pair_ids: list[str] = [],
    include_public_key: bool = False,
    filters: list[dict[str, Any]] = [],
) -> Members:
    """Key pairs, all or those of these names or ids."""
    test = FILTERS.test(filters)
    if key_names or key_pair_ids:
        found = [key_pair(call, name) for name in dict.fromkeys(key_names)]
        found += all_named(call, KeyPair, key_pair_ids)
    else:
        found = [*KeyPair.scan(call, index="by_name")]
    return {"KeyPairs": [_shown(pair, include_public_key) for pair in found if test(pair)]}


@ec2.operation
def delete_key_pair(call: Call, key_name: str = "", key_pair_id: str = "") -> Members:
    """Forget a key pair, if it is there; instances keep their public keys."""
    if not key_name and not key_pair_id:
        raise Fault("MissingParameter", "The request must contain the parameter KeyName or KeyPairId")
    found = KeyPair.get(call, key_pair_id) if key_pair_id else by_name(call, key_name)
    if found:
        found.delete(call)
        return {"Return": True, "KeyPairId": found.key_pair_id}
    return {"Return": True}


def _free(call: Call, name: str) -> None:
    if len(name) > 255 or not name.isascii() or not name.strip():
        raise Fault("InvalidParameterValue", f"Value ({name}) for parameter KeyName is invalid.")
    if by_name(call, name):
        raise Fault("InvalidKeyPair.Duplicate", f"The keypair already exists: {name}")


def _keep(call: Call, name: str, public: PublicKey, fingerprint: str, tags: dict[str, str]) -> KeyPair:
    key_type = "rsa" if isinstance(public, rsa.RSAPublicKey) else "ed25519"
    text = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return KeyPair(new_id(KeyPair), name, key_type, fingerprint, text, call.now, tags).put(call)


def _answer(pair: KeyPair) -> Members:
    return {
        "KeyPairId": pair.key_pair_id,
        "KeyName": pair.key_name,
        "KeyFingerprint": pair.fingerprint,
        "Tags": shown_tags(pair.tags),
    }


def _shown(pair: KeyPair, with_public_key: bool) -> Members:
    shown = _answer(pair) | {"KeyType": pair.key_type, "CreateTime": pair.created}
    if with_public_key:
        shown["PublicKey"] = f"{pair.public_key} {pair.key_name}\n"
    return shown


# Forms and fingerprints


def _pem(private: PrivateKey) -> str:
    form = PrivateFormat.TraditionalOpenSSL if isinstance(private, rsa.RSAPrivateKey) else PrivateFormat.OpenSSH
    return private.private_bytes(Encoding.PEM, form, NoEncryption()).decode().rstrip("\n")


def _read(material: bytes) -> PublicKey:
    text = material.decode("ascii", "replace").strip()
    try:
        public = _parsed(text)
    except (ValueError, UnsupportedAlgorithm):
        raise Fault("InvalidKey.Format", "Key is not in valid OpenSSH public key format") from None
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size not in BITS:
            raise Fault("InvalidKey.Format", f"Invalid key size: {public.key_size}. Lengths are 1024, 2048, and 4096.")
        return public
    if isinstance(public, ed25519.Ed25519PublicKey):
        return public
    raise Fault("InvalidKey.Format", "Key is not in valid OpenSSH public key format")


def _parsed(text: str) -> Any:
    if text.startswith(("ssh-", "ecdsa-")):
        return load_ssh_public_key(text.encode())
    if text.startswith("---- BEGIN SSH2"):
        lines = [line for line in text.splitlines()[1:-1] if ":" not in line]
        blob = base64.b64decode("".join(lines))
        name = blob[4 : 4 + int.from_bytes(blob[:4], "big")]
        return load_ssh_public_key(name + b" " + base64.b64encode(blob))
    body = re.sub(r"-----[A-Z ]+-----|\s", "", text)
    return load_der_public_key(base64.b64decode(body, validate=True))


def _made_fingerprint(private: PrivateKey) -> str:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return _sha256(private.public_key())
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return _colons(hashlib.sha1(der, usedforsecurity=False).hexdigest())


def _imported_fingerprint(public: PublicKey) -> str:
    if isinstance(public, ed25519.Ed25519PublicKey):
        return _sha256(public)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _colons(hashlib.md5(der, usedforsecurity=False).hexdigest())


def _sha256(public: PublicKey) -> str:
    blob = base64.b64decode(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
    return base64.b64encode(hashlib.sha256(blob).digest()).decode()


def _colons(digits: str) -> str:
    return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))
