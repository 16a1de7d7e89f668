"""Certificates of VPN tunnels, where the customer gateway has one: the same authority issues those of our ends."""

from __future__ import annotations

from pileus.kernel import Call, Fault, identity

from .customer_gateways import CustomerGateway
from .vpn_record import VpnConnection

CLOUD = identity.service("pileus.amazonaws.com")
"""As the service-linked role of Site-to-Site VPN lets it."""


def issue(call: Call, one: VpnConnection, customer: CustomerGateway) -> None:
    """Have certificates issued for both tunnels of a new connection, which needs no shared keys then."""
    for number, tunnel in enumerate(one.tunnels):
        tunnel.pop("PreSharedKey", None)
        one.certificates[tunnel["OutsideIpAddress"]] = issued(call, one, customer, number)


def issued(call: Call, one: VpnConnection, customer: CustomerGateway, number: int) -> str:
    """The ARN of a new certificate for one of our ends."""
    acm = call.aws("acm", principal=CLOUD)
    found = acm.describe_certificate(certificate_arn=customer.certificate_arn)["Certificate"]
    authority = found.get("CertificateAuthorityArn")
    if not authority:
        text = f"The certificate {customer.certificate_arn} is not a private certificate."
        raise Fault("InvalidParameterValue", text)
    name = f"{one.vpn_connection_id}.endpoint-{number}"
    arn: str = acm.request_certificate(domain_name=name, certificate_authority_arn=authority)["CertificateArn"]
    return arn
