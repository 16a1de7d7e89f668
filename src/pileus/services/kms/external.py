"""External keys: keys whose material is KMS's own, and above it a key that somebody else's key manager has.

Everything is encrypted twice, first by KMS and then by the manager, whom a proxy stands before ("Double encryption").
KMS waits for the proxy inside its operations, as it does for a CloudHSM cluster: so a proxy must not be behind this
same cloud. A proxy on this machine may listen at any port: `https://port-9443.localhost` is port 9443.
"""

from __future__ import annotations

import struct
from typing import Any

from pileus.kernel import Call, Fault, Record

from . import faults, proxies, specs
from .key_stores import CONNECTED, EXTERNAL_STORE, KeyStore, named
from .keys import Key
from .proxies import Failed, Sealed

SIZES = struct.Struct(">BB")
"""Of a nonce and of the proxy's metadata; they stand before what the proxy has encrypted."""
TAG = 16

WORDS = {
    proxies.UNREACHABLE: "KMS cannot communicate with the external key store proxy. This might be a transient network "
    "issue. If you see this error repeatedly, verify that your external key store proxy is active and can be reached.",
    proxies.LATE: "The request was rejected because the external key store proxy did not respond in time. Retry the "
    "request. If you see this error repeatedly, report it to your external key store proxy administrator.",
    proxies.UNTRUSTED: "KMS cannot connect to the external key store proxy because its TLS configuration is invalid.",
    proxies.GARBLED: "KMS cannot interpret the response from the external key store proxy. If you see this error "
    "repeatedly, report it to your external key store proxy administrator.",
    "AuthenticationFailedException": "The external key store proxy rejected the request because it could not "
    "authenticate KMS. Verify and update your credentials for the external key store proxy.",
    "AccessDeniedException": "The external key store proxy denied access to the operation. Verify that the user and "
    "the external key are both authorized for this operation, and try the request again.",
    "KeyNotFoundException": "The external key store proxy rejected the request because it cannot find the external "
    "key. Retry the request. If the problem persists, report it to your external key store proxy administrator.",
    "InvalidStateException": "The external key store proxy rejected the request because the external key is not "
    "enabled in the external key store.",
    "InvalidKeyUsageException": "The external key store proxy rejected the request because the external key cannot "
    "be used for the requested operation.",
    "InvalidUriPathException": "The external key store proxy rejected the request because the URI path is not valid.",
    "ThrottlingException": "The external key store proxy rejected the request due to a very high request rate. "
    "Reduce the frequency of your calls using KMS keys in this external key store.",
    "DependencyTimeoutException": "The external key store proxy did not get a response from the external key manager "
    "in time.",
    "UnsupportedOperationException": "The external key store proxy does not support the requested operation.",
    "ValidationException": "The external key store proxy rejected the request because a request parameter is invalid.",
}


class External(Record, key=("store", "external_id")):
    """Which key uses a key of the manager's: no other of the store may."""

    store: str
    external_id: str
    key_id: str


def refused(error: Failed) -> Fault:
    """What a caller is told of a proxy that fails ("Troubleshooting external key stores")."""
    internal = "The external key store proxy rejected the request because it encountered an internal error."
    return Fault("KMSInvalidStateException", WORDS.get(error.kind, internal))


class Cipher:
    """AES-GCM with the key's own material, and around it the proxy's."""

    def __init__(self, call: Call, key: Key, inner: Any) -> None:
        self._call = call
        self._store = connected(call, key)
        self._key = key
        self._inner = inner

    def encrypt(self, nonce: bytes, data: bytes, about: bytes) -> bytes:
        call, store = self._call, self._store
        data = self._inner.encrypt(nonce, data, about)
        try:
            sealed = proxies.encrypt(
                call, store.proxied, store.secret(call), self._key.external, asking(call, self._key), data, about
            )
        except Failed as error:
            raise refused(error) from None
        sizes = SIZES.pack(len(sealed.nonce), len(sealed.metadata))
        return sizes + sealed.nonce + sealed.metadata + sealed.tag + sealed.ciphertext

    def decrypt(self, nonce: bytes, data: bytes, about: bytes) -> bytes:
        call, store = self._call, self._store
        try:
            sealed = taken_apart(data)
            data = proxies.decrypt(
                call, store.proxied, store.secret(call), self._key.external, asking(call, self._key), sealed, about
            )
        except Failed as error:
            if error.kind == "InvalidCiphertextException":
                raise faults.invalid_ciphertext() from None
            raise refused(error) from None
        plaintext: bytes = self._inner.decrypt(nonce, data, about)
        return plaintext


def taken_apart(data: bytes) -> Sealed:
    nonce, metadata = SIZES.unpack_from(data)
    parts = []
    rest = data[SIZES.size :]
    for size in (nonce, metadata, TAG):
        parts.append(rest[:size])
        rest = rest[size:]
    if not rest:
        raise faults.invalid_ciphertext()
    return Sealed(parts[0], parts[2], rest, parts[1])


def connected(call: Call, key: Key) -> KeyStore:
    store = KeyStore.get(call, key.store)
    if store is None or store.state != CONNECTED:
        raise faults.invalid_state(key.arn(call), "Unavailable")
    return store


def asking(call: Call, key: Key | None = None) -> dict[str, str]:
    """requestMetadata: for whom and for what a proxy is asked, so that it may decide for itself."""
    told = {
        "awsPrincipalArn": call.principal.arn,
        "kmsOperation": call.operation,
        "kmsRequestId": call.request_id,
    }
    if key is not None:
        told["kmsKeyArn"] = key.arn(call)
    if call.called_via:
        service = call.called_via[-1].removesuffix(".amazonaws.com")
        told["kmsViaService"] = f"{service}.{call.region}.amazonaws.com"
    if call.passage is not None:
        told |= {"awsSourceVpc": call.passage.network, "awsSourceVpce": call.passage.endpoint}
    return told


def store_for(call: Call, key_store: str, external: str, spec: str, usage: str, multi_region: bool) -> KeyStore:
    """The store for a new key, if it can take one like this."""
    if spec != specs.SYMMETRIC or usage not in ("", specs.ENCRYPT) or multi_region:
        raise faults.validation("Only symmetric encryption keys of one Region can be created in a custom key store.")
    store = named(call, key_store)
    if store.type != EXTERNAL_STORE:
        raise faults.validation(f"The custom key store {key_store} is not an external key store.")
    store.check_state(CONNECTED)
    check_free(call, store, external)
    return store


def check_free(call: Call, store: KeyStore, external: str) -> None:
    if External.get(call, store.id, external):
        message = f"The external key {external} is already associated with a KMS key in this external key store."
        raise Fault("XksKeyAlreadyInUseException", message)


def check_key(call: Call, store: KeyStore, external: str) -> None:
    """Refuse a key that the proxy does not know, or that is not an enabled one of AES-256 for both directions."""
    try:
        told = proxies.key_metadata(call, store.proxied, store.secret(call), external, asking(call))
    except Failed as error:
        if error.kind == "KeyNotFoundException":
            raise Fault("XksKeyNotFoundException", WORDS[error.kind]) from None
        if error.kind == "InvalidKeyUsageException":
            raise Fault("XksKeyInvalidConfigurationException", WORDS[error.kind]) from None
        raise refused(error) from None
    wrong = (
        told.get("keySpec") != "AES_256"
        or told.get("keyStatus") != "ENABLED"
        or not {"ENCRYPT", "DECRYPT"} <= {*(told.get("keyUsage") or ())}
    )
    if wrong:
        message = "The external key must be an AES-256 symmetric key that is enabled and performs encryption and "
        raise Fault("XksKeyInvalidConfigurationException", f"{message}decryption.")


def take(call: Call, store: KeyStore, key: Key) -> None:
    """Note that a key uses its external key, unless another has come first."""
    check_free(call, store, key.external)
    External(store.id, key.external, key.id).put(call)


def let_go(call: Call, key: Key) -> None:
    """The key is deleted; the external one stays what it is, and is free for another."""
    if found := External.get(call, key.store, key.external):
        found.delete(call)
