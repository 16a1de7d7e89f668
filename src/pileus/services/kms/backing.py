"""Keys whose material is in a CloudHSM cluster: made there, used there, destroyed there.

KMS works in the cluster as its crypto user `kmsuser`, by PKCS #11.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pileus.kernel import Call, Fault, Unfinished

from . import faults, kms, specs
from .cluster_stores import check_configuration, cluster_of
from .key_stores import CLOUDHSM_STORE, CONNECTED, KeyStore, named
from .keys import Key

TOKEN = "kmsuser"

WRONG_DATA = {"EncryptedDataInvalid", "EncryptedDataLenRange", "FunctionFailed", "GeneralError"}
"""What modules say of a ciphertext whose tag is wrong."""


def ask(call: Call, store: KeyStore, what: str, **members: Any) -> Any:
    """What the cluster behind a store answers; `engines.hsm.Refused` where it says no."""
    from pileus.engines.hsm import Absent, Hsms

    try:
        hsms = call.cloud.engine(Hsms)
        return hsms.ask(store.cluster, what, token=TOKEN, pin=store.pin(call), **members)
    except Absent as absent:
        raise Unfinished(str(absent)) from None


def failed(store: KeyStore, refused: Exception) -> Fault:
    return Fault("KMSInternalException", f"The cluster {store.cluster} does not carry this out: {refused}")


class Cipher:
    """AES-GCM in the module: what `AESGCM` of the cryptography library is outside."""

    def __init__(self, call: Call, key: Key, material_id: str) -> None:
        store = KeyStore.get(call, key.store)
        if store is None or store.state != CONNECTED:
            raise faults.invalid_state(key.arn(call), "Unavailable")
        if material_id != key.material_id:
            raise faults.invalid_ciphertext()
        self._call = call
        self._store = store
        self._label = key.id

    def encrypt(self, nonce: bytes, data: bytes, about: bytes) -> bytes:
        return self._done("encrypt", nonce, data, about)

    def decrypt(self, nonce: bytes, data: bytes, about: bytes) -> bytes:
        return self._done("decrypt", nonce, data, about)

    def _done(self, what: str, nonce: bytes, data: bytes, about: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        from pileus.engines.hsm import Refused

        try:
            found: bytes = ask(self._call, self._store, what, label=self._label, nonce=nonce, data=data, aad=about)
        except Refused as refused:
            if what == "decrypt" and refused.kind in WRONG_DATA:
                raise InvalidTag from None
            raise failed(self._store, refused) from refused
        return found


def store_for(call: Call, key_store: str, spec: str, usage: str, multi_region: bool) -> KeyStore:
    """The store for a new key, if it can take one like this."""
    if spec != specs.SYMMETRIC or usage not in ("", specs.ENCRYPT) or multi_region:
        raise faults.validation("Only symmetric encryption keys of one Region can be created in a custom key store.")
    store = named(call, key_store)
    if store.type != CLOUDHSM_STORE:
        raise faults.validation(f"The custom key store {key_store} is not in a CloudHSM cluster.")
    store.check_state(CONNECTED)
    check_configuration(cluster_of(call, store.cluster), 2)
    return store


def made_in(call: Call, store: KeyStore, key: Key) -> None:
    """Make a key's material in its cluster."""
    from pileus.engines.hsm import Refused

    try:
        ask(call, store, "generate", label=key.id)
    except Refused as refused:
        raise failed(store, refused) from refused
    key.material_id = hashlib.sha256(f"{store.cluster}/{key.id}".encode()).hexdigest()


def random(call: Call, key_store: str, size: int) -> bytes:
    """Random bytes of the cluster."""
    from pileus.engines.hsm import Refused

    store = named(call, key_store)
    if store.type != CLOUDHSM_STORE:
        raise faults.unsupported()
    store.check_state(CONNECTED)
    try:
        found: bytes = ask(call, store, "random", size=size)
    except Refused as refused:
        raise failed(store, refused) from refused
    return found


@kms.task
def destroy(call: Call, key_store: str, label: str) -> None:
    """Destroy the material of a deleted key, if its cluster can be reached: a best effort, as on AWS."""
    from pileus.engines.hsm import Refused

    store = KeyStore.get(call, key_store)
    if store is None or store.state != CONNECTED:
        return
    try:
        ask(call, store, "destroy", label=label)
    except Refused as refused:
        if refused.kind != "NoSuchKey":
            raise
