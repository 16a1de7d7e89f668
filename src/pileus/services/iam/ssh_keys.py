"""SSH public keys, with which users reach Git repositories."""

from __future__ import annotations

import hashlib
from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.record import Record

from . import iam
from .faults import missing
from .lists import MOST, records
from .quotas import SSH_KEYS, exceeded
from .users import User, user_meant, user_named


class SshKey(Record, scope="account", key=("owner", "id")):
    owner: str
    """The user's unique id."""
    id: str
    body: str
    """In OpenSSH's form, without its comment."""
    pem: str
    uploaded: float
    status: str = "Active"

    @property
    def fingerprint(self) -> str:
        """MD5 of the key, as `ssh-keygen -E md5` tells it (RFC 4716, section 4)."""
        import base64

        digest = hashlib.md5(base64.b64decode(self.body.split()[1]), usedforsecurity=False).hexdigest()
        return ":".join(digest[place : place + 2] for place in range(0, 32, 2))


@iam.operation(on=user_named, name="UploadSSHPublicKey")
def upload_ssh_public_key(call: Call, user: User, ssh_public_key_body: str) -> dict[str, Any]:
    """Take a public key, in OpenSSH's form or PEM."""
    body, pem = both_forms(ssh_public_key_body)
    held = list(SshKey.scan(call, user.id))
    if any(key.body == body for key in held):
        raise Fault("DuplicateSSHPublicKeyException", "The SSH public key is already associated with this user.")
    if len(held) >= SSH_KEYS:
        raise exceeded("SSHPublicKeysPerUser", SSH_KEYS)
    key = SshKey(user.id, names.unique_id("APKA"), body, pem, call.now).put(call)
    return {"SSHPublicKey": shown(user, key) | whole(key, "SSH")}


@iam.operation(on=user_named, name="GetSSHPublicKey")
def get_ssh_public_key(call: Call, user: User, ssh_public_key_id: str, encoding: str) -> dict[str, Any]:
    key = key_of(call, user, ssh_public_key_id)
    return {"SSHPublicKey": shown(user, key) | whole(key, encoding)}


@iam.operation(on=user_meant, name="ListSSHPublicKeys")
def list_ssh_public_keys(call: Call, user: User, marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """The keys of a user, without their bodies."""
    return records(
        call,
        "SSHPublicKeys",
        SshKey,
        user.id,
        show=lambda key: shown(user, key),
        marker=marker,
        max_items=max_items,
    )


@iam.operation(on=user_named, name="UpdateSSHPublicKey")
def update_ssh_public_key(call: Call, user: User, ssh_public_key_id: str, status: str) -> None:
    """Take a key out of use, or into use again."""
    key = key_of(call, user, ssh_public_key_id)
    key.status = status
    key.put(call)


@iam.operation(on=user_named, name="DeleteSSHPublicKey")
def delete_ssh_public_key(call: Call, user: User, ssh_public_key_id: str) -> None:
    key_of(call, user, ssh_public_key_id).delete(call)


def key_of(call: Call, user: User, key_id: str) -> SshKey:
    if key := SshKey.get(call, user.id, key_id):
        return key
    raise missing(f"The Public Key with id {key_id} cannot be found.")


def both_forms(text: str) -> tuple[str, str]:
    """A public key in OpenSSH's form and in PEM; of RSA keys of 2048 bits and more, or on elliptic curves."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    data = text.strip().encode()
    try:
        key: Any = (
            serialization.load_pem_public_key(data)
            if data.startswith(b"-----")
            else serialization.load_ssh_public_key(data)
        )
        openssh = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    except (ValueError, UnsupportedAlgorithm):
        raise Fault("InvalidPublicKeyException", "Unable to parse the SSH public key.") from None
    if isinstance(key, RSAPublicKey) and key.key_size < 2048:
        raise Fault("InvalidPublicKeyException", "The RSA key must have 2048 bits at least.")
    return openssh, pem


def shown(user: User, key: SshKey) -> dict[str, Any]:
    return {"UserName": user.name, "SSHPublicKeyId": key.id, "Status": key.status, "UploadDate": key.uploaded}


def whole(key: SshKey, encoding: str) -> dict[str, Any]:
    return {"SSHPublicKeyBody": key.body if encoding == "SSH" else key.pem, "Fingerprint": key.fingerprint}
