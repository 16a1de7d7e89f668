"""Key stores in CloudHSM clusters: which clusters can be one, and why they do not connect.

"Create a CloudHSM key store" and "Troubleshooting", Developer Guide.
"""

from __future__ import annotations

from typing import Any

from pileus.engines.x509 import chains
from pileus.kernel import Call, Fault

from . import faults
from .key_stores import DISCONNECTED, KeyStore, about

Members = dict[str, Any]

ERRORS = {
    "NoSuchToken": "USER_NOT_FOUND",
    "UserPinNotInitialized": "USER_NOT_FOUND",
    "PinIncorrect": "INVALID_CREDENTIALS",
    "PinLenRange": "INVALID_CREDENTIALS",
    "PinLocked": "USER_LOCKED_OUT",
    "TokenNotPresent": "CLUSTER_NOT_FOUND",
}
"""ConnectionErrorCode, by what the module says."""


def equip(call: Call, store: KeyStore, cluster: str, anchor: str, password: str) -> None:
    """Give a new store its cluster: an active one that has no other store, and at least two HSMs."""
    if not (cluster and anchor and password):
        raise faults.validation("CloudHsmClusterId, TrustAnchorCertificate and KeyStorePassword are required.")
    if KeyStore.first(call, cluster, index="by_cluster"):
        message = f"Cluster {cluster} is already associated with a custom key store."
        raise Fault("CloudHsmClusterInUseException", message)
    described = cluster_of(call, cluster)
    check_configuration(described, 2)
    check_anchor(described, anchor)
    store.cluster, store.anchor = cluster, anchor
    store.password = call.cloud.master_key.seal(password.encode(), about(store.id))


def change(call: Call, store: KeyStore, password: str, cluster: str) -> None:
    """While it is disconnected, tell of a new password, or of a cluster of the same origin."""
    if password or cluster:
        store.check_state(DISCONNECTED)
    if password:
        store.password = call.cloud.master_key.seal(password.encode(), about(store.id))
    if cluster and cluster != store.cluster:
        move(call, store, cluster)


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


def refusal(call: Call, store: KeyStore) -> str:
    """The ConnectionErrorCode of an attempt to log in; an empty text where it went well."""
    from pileus.engines.hsm import Refused

    from .backing import ask

    try:
        ask(call, store, "enter")
    except Refused as refused:
        return ERRORS.get(refused.kind, "INTERNAL_ERROR")
    return ""
