"""Key pairs: made here, and then kept only as public keys; or imported.

Fingerprints are AWS's own: of an RSA key that EC2 made, the SHA-1 of the private key in DER (PKCS #8); of an imported
one, the MD5 of the public key in DER; of ED25519 keys the SHA-256 that OpenSSH shows (EC2 User Guide, "Verify the
fingerprint of your key pair").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import all_named, kind, new_id
from pileus.services.ec2.tags import shown_tags, specified

if TYPE_CHECKING:
    from pileus.engines.ssh_keys import PublicKey

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
    from pileus.engines import ssh_keys  # it takes as long to import as the rest, and few calls are about keys

    private = ssh_keys.made(key_type)
    pair = _keep(call, key_name, private.public_key(), ssh_keys.private_fingerprint(private), tags)
    material = ssh_keys.ppk(private, key_name) if key_format == "ppk" else ssh_keys.pem(private)
    return _answer(pair) | {"KeyMaterial": material}


@ec2.operation
def import_key_pair(
    call: Call, key_name: str, public_key_material: bytes, tag_specifications: list[dict[str, Any]] = []
) -> Members:
    """Keep somebody's own public key: in OpenSSH's, SSH2's (RFC 4716) or DER form in base 64."""
    tags = specified(tag_specifications, "key-pair")
    _free(call, key_name)
    from pileus.engines import ssh_keys

    public = _read(public_key_material)
    return _answer(_keep(call, key_name, public, ssh_keys.public_fingerprint(public), tags))


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
    from pileus.engines import ssh_keys

    key_type, text = "rsa" if ssh_keys.bits(public) else "ed25519", ssh_keys.openssh(public)
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


def _read(material: bytes) -> PublicKey:
    from pileus.engines import ssh_keys

    try:
        public = ssh_keys.read(material.decode("ascii", "replace").strip())
    except ValueError:
        raise Fault("InvalidKey.Format", "Key is not in valid OpenSSH public key format") from None
    size = ssh_keys.bits(public)
    if size and size not in BITS:
        raise Fault("InvalidKey.Format", f"Invalid key size: {size}. Lengths are 1024, 2048, and 4096.")
    return public
