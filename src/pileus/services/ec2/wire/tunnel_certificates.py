"""Certificates of tunnels, brought from ACM to where tunnels end."""

from __future__ import annotations

from typing import Any

from pileus.engines.tunnels import Certificate
from pileus.engines.x509 import chains, keys
from pileus.kernel import Call, Fault, names
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity.customer_gateways import CustomerGateway
from pileus.services.ec2.connectivity.vpn_certificates import CLOUD
from pileus.services.ec2.connectivity.vpn_record import VpnConnection
from pileus.services.ec2.network.changes import changed

SOON = 1.0
PENDING = "RequestInProgressException"


def brought(call: Call, one: VpnConnection) -> dict[str, Certificate] | None:
    """The certificates of a connection's tunnels; None if they have not been issued, or cannot be had any more."""
    customer = CustomerGateway.get(call, one.customer_gateway_id)
    if customer is None:
        return None
    with call.transaction():
        acm = call.aws("acm", principal=CLOUD)
        try:
            theirs = acm.get_certificate(certificate_arn=customer.certificate_arn)
            return {outside: certificate(acm, arn, theirs) for outside, arn in one.certificates.items()}
        except Fault as fault:
            if fault.code == PENDING:
                look_again.later(call, vpn_connection_id=one.vpn_connection_id, delay=SOON)
            return None


def certificate(acm: Any, arn: str, theirs: dict[str, str]) -> Certificate:
    """The certificate of one end, with its key; and whose the other end's has to be."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    phrase = names.token(32, names.ALPHANUMERIC).encode()
    found = acm.export_certificate(certificate_arn=arn, passphrase=phrase)
    key = load_pem_private_key(found["PrivateKey"].encode(), phrase)
    [other, *_] = chains.read(theirs["Certificate"].encode())
    authorities = chains.read(theirs.get("CertificateChain", "").encode())
    return Certificate(
        own=found["Certificate"],
        key=keys.pem(key),
        authorities=tuple(map(chains.pem, authorities)),
        subject=other.subject.public_bytes().hex(),
    )


@ec2.task
def look_again(call: Call, vpn_connection_id: str) -> None:
    """The certificates of a connection may have been issued meanwhile."""
    if VpnConnection.get(call, vpn_connection_id):
        changed(call, vpn_connection_id)
