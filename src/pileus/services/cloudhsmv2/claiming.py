"""Claiming a cluster: its owner signs its certificate request, gives it its first user, and so makes it theirs.

"Initialize the cluster" and "Activate the cluster", User Guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus.engines.hsm import Refused
from pileus.engines.x509 import chains
from pileus.kernel import Call

from . import cloudhsmv2, faults
from .backups import await_backup, back_up
from .clusters import (
    ACTIVE,
    INITIALIZED,
    INITIALIZING,
    PRECO_PASSWORD,
    SOON,
    UNINITIALIZED,
    Cluster,
    engine,
    named,
)

if TYPE_CHECKING:
    from cryptography import x509

Members = dict[str, Any]

FIRST = "hsm1"
"""The label of the first token."""
SOONEST, LATEST = 2.0, 60.0


@cloudhsmv2.operation(on=named)
def initialize_cluster(call: Call, cluster: Cluster, signed_cert: str, trust_anchor: str) -> Members:
    """Take the certificate that the owner's authority has made of the cluster's request."""
    if cluster.state != UNINITIALIZED or not cluster.csr:
        raise faults.invalid(f"Cluster {cluster.id} is in the state {cluster.state}, or has no HSM yet.")
    certificate, anchor = only(signed_cert, "SignedCert"), only(trust_anchor, "TrustAnchor")
    check(cluster, certificate, anchor)
    cluster.certificate, cluster.anchor = signed_cert, trust_anchor
    cluster.state = INITIALIZING
    cluster.put(call)
    initialise.later(call, delay=SOON, cluster=cluster.id)
    return {"State": cluster.state}


def only(pem: str, member: str) -> x509.Certificate:
    try:
        found = chains.read(pem.encode())
    except ValueError:
        found = []
    if len(found) != 1:
        raise faults.invalid(f"{member} must be one certificate in PEM format.")
    return found[0]


def check(cluster: Cluster, certificate: x509.Certificate, anchor: x509.Certificate) -> None:
    from cryptography import x509

    request = x509.load_pem_x509_csr(cluster.csr.encode())
    if certificate.public_key() != request.public_key():
        raise faults.invalid("The signed certificate is not of the cluster's certificate signing request.")
    if not chains.issued_by(anchor, anchor):
        raise faults.invalid("The trust anchor must be a self-signed certificate.")
    if not chains.issued_by(certificate, anchor):
        raise faults.invalid("The signed certificate was not issued by the trust anchor.")


@cloudhsmv2.task
def initialise(call: Call, cluster: str) -> None:
    """Make the first token, whose officer is the PRECO user; then wait for its user."""
    found = Cluster.get(call, cluster)
    if found is None or found.state != INITIALIZING:
        return
    hsms = engine(call)
    if not hsms.ask(cluster, "tokens"):
        hsms.ask(cluster, "initialise", label=FIRST, so_pin=PRECO_PASSWORD)
    found.state = INITIALIZED
    found.put(call)
    watch.later(call, cluster=cluster, since=call.now)
    await_backup(call, found)


@cloudhsmv2.task
def watch(call: Call, cluster: str, since: float) -> None:
    """A cluster is active once one of its tokens has a user."""
    found = Cluster.get(call, cluster)
    if found is None or found.state != INITIALIZED:
        return
    try:
        owned = any(token["owned"] for token in engine(call).ask(cluster, "tokens"))
    except Refused:
        owned = False
    if not owned:
        delay = min(max((call.now - since) / 10, SOONEST), LATEST)
        watch.later(call, delay=delay, cluster=cluster, since=since)
        return
    found.state = ACTIVE
    found.put(call)
    back_up(call, found)
