"""Custom key stores: CloudHSM clusters in which keys are kept, connected and disconnected.

"Create a CloudHSM key store" and "Troubleshooting", Developer Guide. External key stores, whose keys somebody else's
proxy has, are not built.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from pileus.engines.x509 import chains
from pileus.kernel import Call, Fault, Record, Unfinished

from . import faults, kms
from .listing import marked

Members = dict[str, Any]

CONNECTED = "CONNECTED"
CONNECTING = "CONNECTING"
DISCONNECTED = "DISCONNECTED"
FAILED = "FAILED"

MOST = 10
"""Custom key stores of an account in a Region ("Quotas")."""

ERRORS = {
    "NoSuchToken": "USER_NOT_FOUND",
    "UserPinNotInitialized": "USER_NOT_FOUND",
    "PinIncorrect": "INVALID_CREDENTIALS",
    "PinLenRange": "INVALID_CREDENTIALS",
    "PinLocked": "USER_LOCKED_OUT",
    "TokenNotPresent": "CLUSTER_NOT_FOUND",
}
"""ConnectionErrorCode, by what the module says."""


class KeyStore(Record, indexes={"by_name": ("name",), "by_cluster": ("cluster",)}, kw_only=True):
    """A custom key store."""

    id: str
    name: str
    cluster: str
    password: bytes
    """Of kmsuser, sealed."""
    anchor: str
    created: float
    state: str = DISCONNECTED
    error: str = ""
    attempt: float = 0.0
    """When the connecting that is under way began."""

    def pin(self, call: Call) -> str:
        return call.cloud.master_key.open(self.password, about(self.id)).decode()

    def check_state(self, *fine: str) -> None:
        if self.state not in fine:
            message = f"The custom key store {self.id} is in the connection state {self.state}."
            raise Fault("CustomKeyStoreInvalidStateException", message)

    def shown(self) -> Members:
        told: Members = {
            "CustomKeyStoreId": self.id,
            "CustomKeyStoreName": self.name,
            "CloudHsmClusterId": self.cluster,
            "TrustAnchorCertificate": self.anchor,
            "ConnectionState": self.state,
            "CreationDate": self.created,
            "CustomKeyStoreType": "AWS_CLOUDHSM",
        }
        return told | ({"ConnectionErrorCode": self.error} if self.error else {})


def about(key_store: str) -> bytes:
    return f"kms:store:{key_store}".encode()


def named(call: Call, custom_key_store_id: str) -> KeyStore:
    found = KeyStore.get(call, custom_key_store_id)
    if found is None:
        raise Fault("CustomKeyStoreNotFoundException", f"Custom key store {custom_key_store_id} does not exist.")
    return found


@kms.operation
def create_custom_key_store(
    call: Call,
    custom_key_store_name: str,
    cloud_hsm_cluster_id: str = "",
    trust_anchor_certificate: str = "",
    key_store_password: str = "",
    custom_key_store_type: str = "AWS_CLOUDHSM",
) -> Members:
    """A key store in an active cluster that has no other, and at least two HSMs."""
    if custom_key_store_type != "AWS_CLOUDHSM":
        raise Unfinished("Pileus has no external key stores yet.")
    if not (cloud_hsm_cluster_id and trust_anchor_certificate and key_store_password):
        raise faults.validation("CloudHsmClusterId, TrustAnchorCertificate and KeyStorePassword are required.")
    check_name(call, custom_key_store_name)
    if KeyStore.first(call, cloud_hsm_cluster_id, index="by_cluster"):
        message = f"Cluster {cloud_hsm_cluster_id} is already associated with a custom key store."
        raise Fault("CloudHsmClusterInUseException", message)
    cluster = cluster_of(call, cloud_hsm_cluster_id)
    check_configuration(cluster, 2)
    check_anchor(cluster, trust_anchor_certificate)
    if len(list(KeyStore.scan(call, limit=MOST))) == MOST:
        raise Fault("LimitExceededException", f"You have reached the limit of {MOST} custom key stores.")
    identifier = f"cks-{os.urandom(9).hex()[:17]}"
    store = KeyStore(
        id=identifier,
        name=custom_key_store_name,
        cluster=cloud_hsm_cluster_id,
        password=call.cloud.master_key.seal(key_store_password.encode(), about(identifier)),
        anchor=trust_anchor_certificate,
        created=call.now,
    ).put(call)
    return {"CustomKeyStoreId": store.id}


def check_name(call: Call, name: str) -> None:
    if KeyStore.first(call, name, index="by_name"):
        raise Fault("CustomKeyStoreNameInUseException", f"A custom key store named {name} exists already.")


def cluster_of(call: Call, cluster: str) -> Members:
    """The cluster, as CloudHSM describes it."""
    found = call.aws("cloudhsmv2").describe_clusters(filters={"clusterIds": [cluster]})["Clusters"]
    if not found:
        raise Fault("CloudHsmClusterNotFoundException", f"Cluster {cluster} does not exist.")
    if found[0]["State"] != "ACTIVE":
        raise Fault("CloudHsmClusterNotActiveException", f"Cluster {cluster} is in the state {found[0]['State']}.")
    described: Members = found[0]
    return described


def check_configuration(cluster: Members, least: int) -> None:
    """Refuse a cluster without enough active HSMs, in as many Availability Zones."""
    zones = {hsm["AvailabilityZone"] for hsm in cluster["Hsms"] if hsm["State"] == "ACTIVE"}
    if len(zones) < least:
        message = f"Cluster {cluster['ClusterId']} needs {least} active HSMs in different Availability Zones."
        raise Fault("CloudHsmClusterInvalidConfigurationException", message)


def check_anchor(cluster: Members, anchor: str) -> None:
    """Refuse a certificate that has not signed the cluster's."""
    try:
        (issuer,) = chains.read(anchor.encode())
        (certificate,) = chains.read(cluster["Certificates"]["ClusterCertificate"].encode())
    except (ValueError, KeyError):
        fits = False
    else:
        fits = chains.issued_by(certificate, issuer)
    if not fits:
        message = f"The trust anchor certificate is not that of the cluster {cluster['ClusterId']}."
        raise Fault("IncorrectTrustAnchorException", message)


@kms.operation
def describe_custom_key_stores(
    call: Call, custom_key_store_id: str = "", custom_key_store_name: str = "", limit: int = 100, marker: str = ""
) -> Members:
    """All key stores, or the one of an id or a name."""
    if custom_key_store_id and custom_key_store_name:
        raise faults.validation("Specify either a CustomKeyStoreId or a CustomKeyStoreName.")
    if custom_key_store_id:
        return {"CustomKeyStores": [named(call, custom_key_store_id).shown()], "Truncated": False}
    if custom_key_store_name:
        found = KeyStore.first(call, custom_key_store_name, index="by_name")
        if found is None:
            message = f"Custom key store {custom_key_store_name} does not exist."
            raise Fault("CustomKeyStoreNotFoundException", message)
        return {"CustomKeyStores": [found.shown()], "Truncated": False}
    page = KeyStore.page(call, limit=limit, token=marker, invalid=faults.invalid_marker())
    return {"CustomKeyStores": [store.shown() for store in page.items], **marked(page.token)}


@kms.operation(on=named)
def update_custom_key_store(
    call: Call,
    store: KeyStore,
    new_custom_key_store_name: str = "",
    key_store_password: str = "",
    cloud_hsm_cluster_id: str = "",
) -> None:
    """Rename a key store; or, while it is disconnected, tell of a new password, or of a cluster of the same origin."""
    if key_store_password or cloud_hsm_cluster_id:
        store.check_state(DISCONNECTED)
    if new_custom_key_store_name and new_custom_key_store_name != store.name:
        check_name(call, new_custom_key_store_name)
        store.name = new_custom_key_store_name
    if key_store_password:
        store.password = call.cloud.master_key.seal(key_store_password.encode(), about(store.id))
    if cloud_hsm_cluster_id and cloud_hsm_cluster_id != store.cluster:
        move(call, store, cloud_hsm_cluster_id)
    store.put(call)


def move(call: Call, store: KeyStore, cluster: str) -> None:
    """Go over to a cluster made of a backup of the old one, which has its certificate and its keys."""
    from .keys import Key

    described = cluster_of(call, cluster)
    check_configuration(described, 1)
    try:
        check_anchor(described, store.anchor)
    except Fault:
        message = f"Cluster {cluster} does not share a backup history with {store.cluster}."
        raise Fault("CloudHsmClusterNotRelatedException", message) from None
    store.cluster = cluster
    for key in list(Key.scan(call, store.id, index="by_store")):
        key.cluster = cluster
        key.put(call)


@kms.operation(on=named)
def delete_custom_key_store(call: Call, store: KeyStore) -> None:
    """Delete a key store without keys. The cluster stays as it is."""
    from .keys import Key

    if Key.first(call, store.id, index="by_store"):
        raise Fault("CustomKeyStoreHasCMKsException", f"The custom key store {store.id} contains KMS keys.")
    store.check_state(DISCONNECTED, FAILED)
    store.delete(call)


# Connections


@kms.operation(on=named)
def connect_custom_key_store(call: Call, store: KeyStore) -> None:
    """Begin to log in to the cluster."""
    store.check_state(DISCONNECTED)
    check_configuration(cluster_of(call, store.cluster), 1)
    store.state, store.error, store.attempt = CONNECTING, "", call.now
    store.put(call)
    connect.later(call, key_store=store.id, attempt=call.now)


@kms.task
async def connect(call: Call, key_store: str, attempt: float) -> None:
    """Log in as kmsuser."""
    from .backing import ask

    store = KeyStore.get(call, key_store)
    if store is None or (store.state, store.attempt) != (CONNECTING, attempt):
        return
    error = await asyncio.to_thread(refusal, lambda: ask(call, store, "enter"))
    with call.transaction():
        store = KeyStore.get(call, key_store)
        if store is None or (store.state, store.attempt) != (CONNECTING, attempt):
            return
        store.state, store.error = (FAILED, error) if error else (CONNECTED, "")
        store.put(call)
        if not error:
            turn(call, store, available=True)


def refusal(enter: Any) -> str:
    """The ConnectionErrorCode of an attempt to log in; an empty text where it went well."""
    from pileus.engines.hsm import Refused

    try:
        enter()
    except Refused as refused:
        return ERRORS.get(refused.kind, "INTERNAL_ERROR")
    return ""


@kms.operation(on=named)
def disconnect_custom_key_store(call: Call, store: KeyStore) -> None:
    """Log out; the keys in the store cannot be used until it is connected again."""
    store.check_state(CONNECTED, CONNECTING, FAILED)
    store.state, store.error = DISCONNECTED, ""
    store.put(call)
    turn(call, store, available=False)


def turn(call: Call, store: KeyStore, *, available: bool) -> None:
    """Make the keys of a store what they were before, or Unavailable."""
    from .keys import DISABLED, ENABLED, UNAVAILABLE, Key

    for key in list(Key.scan(call, store.id, index="by_store")):
        if available and key.state == UNAVAILABLE:
            key.state, key.held = key.held, ""
        elif not available and key.state in (ENABLED, DISABLED):
            key.state, key.held = UNAVAILABLE, key.state
        else:
            continue
        key.put(call)
