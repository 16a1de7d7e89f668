"""What clients of a Client VPN endpoint need to connect, and which of their certificates are revoked.

The configuration names the endpoint's server by its address: the name that AWS would have there is known inside VPCs
only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import named

from .client_vpn import ClientVpnEndpoint, certificate, dns_name
from .lives import save

if TYPE_CHECKING:
    from cryptography import x509


@ec2.operation
def export_client_vpn_client_configuration(call: Call, client_vpn_endpoint_id: str) -> Members:
    """What a client needs: a configuration for OpenVPN."""
    one = named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    found = certificate(call, one.server_certificate_arn)
    lines = [
        "client",
        "dev tun",
        f"proto {one.transport}",
        f"# {dns_name(call, one).removeprefix('*.')}",
        f"remote {one.public_ip} {one.port}",
        "resolv-retry infinite",
        "nobind",
        "remote-cert-tls server",
        "cipher AES-256-GCM",
        "verb 3",
        "<ca>",
        (found.get("CertificateChain") or found.get("Certificate") or "").strip(),
        "</ca>",
    ]
    if any(method["Type"] == "directory-service-authentication" for method in one.authentication):
        lines.append("auth-user-pass")
    if any(method["Type"] == "federated-authentication" for method in one.authentication):
        lines += ["auth-federate", "auth-retry interact"]
    if name := common_name(found.get("Certificate", "")):
        lines.append(f'verify-x509-name "{name}" name')
    return {"ClientConfiguration": "\n".join([*lines, "reneg-sec 0", ""])}


def common_name(pem: str) -> str:
    """Whose certificate it is; empty if it does not say."""
    from cryptography import x509  # takes a while to import, and is seldom wanted here

    if not pem:
        return ""
    subject = x509.load_pem_x509_certificate(pem.encode()).subject
    names = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


# Revocations


@ec2.operation
def import_client_vpn_client_certificate_revocation_list(
    call: Call, client_vpn_endpoint_id: str, certificate_revocation_list: str
) -> Members:
    """Say which clients' certificates are revoked. Who is connected stays so."""
    one = named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    try:
        revocations(certificate_revocation_list)
    except ValueError:
        raise Fault("InvalidParameterValue", "The certificate revocation list is not valid.") from None
    one.revoked = certificate_revocation_list
    save(call, one)
    return {"Return": True}


def revocations(text: str) -> x509.CertificateRevocationList:
    from cryptography import x509

    return x509.load_pem_x509_crl(text.encode())


@ec2.operation
def export_client_vpn_client_certificate_revocation_list(call: Call, client_vpn_endpoint_id: str) -> Members:
    """Which clients' certificates are revoked."""
    one = named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    status = {"Code": "active" if one.revoked else "pending"}
    return {"CertificateRevocationList": one.revoked or None, "Status": status}
