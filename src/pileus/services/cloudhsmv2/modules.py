"""HSMs of clusters: each in one Availability Zone. They all have the same tokens."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import cloudhsmv2, faults
from .backups import await_backup, back_up
from .claiming import watch
from .clusters import (
    ACTIVE,
    CREATING,
    DELETING,
    INITIALIZED,
    SOON,
    UNINITIALIZED,
    Cluster,
    named,
    new_id,
)

Members = dict[str, Any]

MOST = 28
"""HSMs of a cluster ("Quotas"); an account has six, unless a customer asks for more."""
READY = (UNINITIALIZED, INITIALIZED, ACTIVE)


@cloudhsmv2.operation(on=named)
def create_hsm(call: Call, cluster: Cluster, availability_zone: str, ip_address: str = "") -> Members:
    """Add an HSM to a cluster."""
    if cluster.state not in READY:
        raise faults.invalid(f"Cluster {cluster.id} is in the state {cluster.state}.")
    if availability_zone not in cluster.subnets:
        raise faults.invalid(f"Cluster {cluster.id} has no subnet in {availability_zone}.")
    if cluster.state == UNINITIALIZED and cluster.hsms:
        raise faults.invalid("An uninitialized cluster can have one HSM only.")
    if len(cluster.hsms) == MOST:
        raise faults.invalid(f"The limit of {MOST} HSMs is reached.")
    if any(ip_address and hsm.get("EniIp") == ip_address for hsm in cluster.hsms):
        raise faults.invalid(f"The IP address {ip_address} is in use.")
    hsm = {
        "AvailabilityZone": availability_zone,
        "ClusterId": cluster.id,
        "SubnetId": cluster.subnets[availability_zone],
        "HsmId": new_id("hsm"),
        "HsmType": cluster.hsm_type,
        "State": CREATING,
    } | ({"EniIp": ip_address} if ip_address else {})
    cluster.hsms = [*cluster.hsms, hsm]
    cluster.put(call)
    start.later(call, delay=SOON, cluster=cluster.id, hsm=hsm["HsmId"])
    return {"Hsm": hsm}


@cloudhsmv2.task
def start(call: Call, cluster: str, hsm: str) -> None:
    """An HSM is there. The first shows the certificate request, or what was in the backup."""
    found = Cluster.get(call, cluster)
    if found is None:
        return
    found.hsms = [one | {"State": ACTIVE} if one["HsmId"] == hsm else one for one in found.hsms]
    if found.state == UNINITIALIZED:
        if found.source:
            found.state = INITIALIZED
            watch.later(call, cluster=cluster, since=call.now)
        else:
            found.csr = found.csr or request_of(cluster)
    found.put(call)
    if found.state in (INITIALIZED, ACTIVE):
        await_backup(call, found)


def request_of(cluster: str) -> str:
    """The request for the cluster's certificate, by a key that is its identity."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    from pileus.engines.x509 import keys

    names = ((x509.NameOID.COUNTRY_NAME, "US"), (x509.NameOID.COMMON_NAME, f"PILEUS:{cluster}"))
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in names])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(keys.generated("RSA_2048"), SHA256()).public_bytes(Encoding.PEM).decode()


@cloudhsmv2.operation(on=named)
def delete_hsm(call: Call, cluster: Cluster, hsm_id: str = "", eni_id: str = "", eni_ip: str = "") -> Members:
    """Take an HSM out of a cluster, which is backed up before."""
    given = [(member, value) for member, value in (("HsmId", hsm_id), ("EniId", eni_id), ("EniIp", eni_ip)) if value]
    if len(given) != 1:
        raise faults.invalid("Exactly one of HsmId, EniId and EniIp must be specified.")
    ((member, value),) = given
    found = next((hsm for hsm in cluster.hsms if hsm.get(member) == value), None)
    if found is None:
        raise faults.missing(value)
    cluster.hsms = [hsm | {"State": DELETING} if hsm is found else hsm for hsm in cluster.hsms]
    cluster.put(call)
    stop.later(call, delay=SOON, cluster=cluster.id, hsm=found["HsmId"])
    return {"HsmId": found["HsmId"]}


@cloudhsmv2.task
def stop(call: Call, cluster: str, hsm: str) -> None:
    found = Cluster.get(call, cluster)
    if found is None:
        return
    if found.state in (INITIALIZED, ACTIVE):
        back_up(call, found)
    found.hsms = [one for one in found.hsms if one["HsmId"] != hsm]
    found.put(call)
