"""Custom key stores: CloudHSM clusters, and key managers elsewhere, in which keys are kept; connected and disconnected.

"Custom key stores", Developer Guide.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished

from . import faults, kms
from .listing import marked
from .proxies import Proxy

Members = dict[str, Any]

CONNECTED = "CONNECTED"
CONNECTING = "CONNECTING"
DISCONNECTED = "DISCONNECTED"
FAILED = "FAILED"

CLOUDHSM_STORE = "AWS_CLOUDHSM"
EXTERNAL_STORE = "EXTERNAL_KEY_STORE"

MOST = 10
"""Custom key stores of an account in a Region ("Quotas")."""


class KeyStore(Record, indexes={"by_name": ("name",), "by_cluster": ("cluster",)}, kw_only=True):
    """A custom key store."""

    id: str
    name: str
    created: float
    cluster: str = ""
    password: bytes = b""
    """Of kmsuser, sealed."""
    anchor: str = ""
    proxy: Proxy | None = None
    """What stands before the key manager of an external key store."""
    state: str = DISCONNECTED
    error: str = ""
    attempt: float = 0.0
    """When the connecting that is under way began."""

    @property
    def type(self) -> str:
        return EXTERNAL_STORE if self.proxy else CLOUDHSM_STORE

    @property
    def proxied(self) -> Proxy:
        assert self.proxy
        return self.proxy

    def pin(self, call: Call) -> str:
        return call.cloud.master_key.open(self.password, about(self.id)).decode()

    def secret(self, call: Call) -> str:
        """With which requests to the proxy are signed."""
        return call.cloud.master_key.open(self.proxied.secret, about(self.id)).decode()

    def check_state(self, *fine: str) -> None:
        if self.state not in fine:
            message = f"The custom key store {self.id} is in the connection state {self.state}."
            raise Fault("CustomKeyStoreInvalidStateException", message)

    def shown(self) -> Members:
        from . import external_stores

        told: Members = {
            "CustomKeyStoreId": self.id,
            "CustomKeyStoreName": self.name,
            "ConnectionState": self.state,
            "CreationDate": self.created,
            "CustomKeyStoreType": self.type,
        }
        if self.proxy:
            told["XksProxyConfiguration"] = external_stores.shown(self.proxy)
        else:
            told |= {"CloudHsmClusterId": self.cluster, "TrustAnchorCertificate": self.anchor}
        return told | ({"ConnectionErrorCode": self.error} if self.error else {})


def about(key_store: str) -> bytes:
    return f"kms:store:{key_store}".encode()


def named(call: Call, custom_key_store_id: str) -> KeyStore:
    found = KeyStore.get(call, custom_key_store_id)
    if found is None:
        raise Fault("CustomKeyStoreNotFoundException", f"Custom key store {custom_key_store_id} does not exist.")
    return found


@kms.operation
async def create_custom_key_store(
    call: Call,
    custom_key_store_name: str,
    cloud_hsm_cluster_id: str = "",
    trust_anchor_certificate: str = "",
    key_store_password: str = "",
    custom_key_store_type: str = CLOUDHSM_STORE,
    xks_proxy_uri_endpoint: str = "",
    xks_proxy_uri_path: str = "",
    xks_proxy_vpc_endpoint_service_name: str = "",
    xks_proxy_vpc_endpoint_service_owner: str = "",
    xks_proxy_authentication_credential: dict[str, str] = {},
    xks_proxy_connectivity: str = "",
) -> Members:
    """A key store in a cluster; or one of a key manager elsewhere, whose proxy must answer unless it is in a VPC."""
    from . import cluster_stores, external_stores

    store = KeyStore(id=f"cks-{os.urandom(9).hex()[:17]}", name=custom_key_store_name, created=call.now)
    theirs = (cloud_hsm_cluster_id, trust_anchor_certificate, key_store_password)
    proxy = (
        xks_proxy_uri_endpoint,
        xks_proxy_uri_path,
        xks_proxy_authentication_credential,
        xks_proxy_connectivity,
        xks_proxy_vpc_endpoint_service_name,
        xks_proxy_vpc_endpoint_service_owner,
    )
    check_members(theirs if custom_key_store_type == EXTERNAL_STORE else proxy, custom_key_store_type)
    with call.transaction():
        check_new(call, store)
        if custom_key_store_type == CLOUDHSM_STORE:
            cluster_stores.equip(call, store, *theirs)
            return {"CustomKeyStoreId": store.put(call).id}
        store.proxy = external_stores.made(call, store.id, *proxy)
        external_stores.check(call, store.id, store.proxy)
    await check_reachable(call, store)
    with call.transaction():
        check_new(call, store)
        external_stores.check(call, store.id, store.proxy)
        return {"CustomKeyStoreId": store.put(call).id}


def check_members(others: tuple[Any, ...], kind: str) -> None:
    if any(others):
        raise faults.validation(f"A member of the request is not valid for a custom key store of type {kind}.")


def check_new(call: Call, store: KeyStore) -> None:
    check_name(call, store.name)
    if len(list(KeyStore.scan(call, limit=MOST))) == MOST:
        raise Fault("LimitExceededException", f"You have reached the limit of {MOST} custom key stores.")


async def check_reachable(call: Call, store: KeyStore) -> None:
    """Refuse a public endpoint that does not answer. One in a VPC is first asked when the store is connected."""
    from . import external_stores

    if store.proxied.connectivity == external_stores.PUBLIC:
        await asyncio.to_thread(external_stores.check_health, call, store.proxied, store.secret(call))


def check_name(call: Call, name: str) -> None:
    if KeyStore.first(call, name, index="by_name"):
        raise Fault("CustomKeyStoreNameInUseException", f"A custom key store named {name} exists already.")


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
async def update_custom_key_store(
    call: Call,
    store: KeyStore,
    new_custom_key_store_name: str = "",
    key_store_password: str = "",
    cloud_hsm_cluster_id: str = "",
    xks_proxy_uri_endpoint: str = "",
    xks_proxy_uri_path: str = "",
    xks_proxy_vpc_endpoint_service_name: str = "",
    xks_proxy_vpc_endpoint_service_owner: str = "",
    xks_proxy_authentication_credential: dict[str, str] = {},
    xks_proxy_connectivity: str = "",
) -> None:
    """Rename a key store; or tell of another password, cluster or proxy, of which most want it disconnected."""
    from . import cluster_stores, external_stores

    theirs = (key_store_password, cloud_hsm_cluster_id)
    proxy = (
        xks_proxy_uri_endpoint,
        xks_proxy_uri_path,
        xks_proxy_authentication_credential,
        xks_proxy_connectivity,
        xks_proxy_vpc_endpoint_service_name,
        xks_proxy_vpc_endpoint_service_owner,
    )
    check_members(theirs if store.proxy else proxy, store.type)
    with call.transaction():
        store = named(call, store.id)
        if store.proxy is None:
            cluster_stores.change(call, store, *theirs)
            rename(call, store, new_custom_key_store_name)
            return
        changed = external_stores.changed(call, store, *proxy)
        if changed is None:
            rename(call, store, new_custom_key_store_name)
            return
        external_stores.check(call, store.id, changed)
    before, store.proxy = store.proxy, changed
    await check_reachable(call, store)
    with call.transaction():
        store = named(call, store.id)
        if store.proxy != before:
            raise Fault("KMSInternalException", "The custom key store was updated at the same time.")
        external_stores.check(call, store.id, changed)
        store.proxy = changed
        rename(call, store, new_custom_key_store_name)


def rename(call: Call, store: KeyStore, name: str) -> None:
    if name and name != store.name:
        check_name(call, name)
        store.name = name
    store.put(call)


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
    """Begin to log in to the cluster, or to see whether the proxy answers."""
    from . import cluster_stores, external_stores

    store.check_state(DISCONNECTED)
    if store.proxy is None:
        cluster_stores.check_configuration(cluster_stores.cluster_of(call, store.cluster), 1)
    elif store.proxy.connectivity == external_stores.VPC:
        raise Unfinished("Pileus has no way to an external key store proxy in a VPC yet.")
    store.state, store.error, store.attempt = CONNECTING, "", call.now
    store.put(call)
    connect.later(call, key_store=store.id, attempt=call.now)


@kms.task
async def connect(call: Call, key_store: str, attempt: float) -> None:
    """Log in as kmsuser; ask the proxy how it is."""
    from . import cluster_stores, external_stores

    store = KeyStore.get(call, key_store)
    if store is None or (store.state, store.attempt) != (CONNECTING, attempt):
        return
    if store.proxy:
        error = await asyncio.to_thread(external_stores.refusal, call, store.proxy, store.secret(call))
    else:
        error = await asyncio.to_thread(cluster_stores.refusal, call, store)
    with call.transaction():
        store = KeyStore.get(call, key_store)
        if store is None or (store.state, store.attempt) != (CONNECTING, attempt):
            return
        store.state, store.error = (FAILED, error) if error else (CONNECTED, "")
        store.put(call)
        if not error:
            turn(call, store, available=True)


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
