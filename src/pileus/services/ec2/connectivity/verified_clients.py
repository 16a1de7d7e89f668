"""What clients of Verified Access need to know: of an instance, whom it trusts; of an endpoint, what is behind it.

Left out: tunnels to endpoints of networks; so there are no configurations of OpenVPN.
"""

from __future__ import annotations

from ipaddress import ip_network

from pileus.kernel import Call, Fault
from pileus.kernel.resource import Row
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.network import cidrs, subnets
from pileus.services.ec2.network.interfaces import of_vpc

from .verified_access import VerifiedAccessEndpoint, VerifiedAccessInstance, VerifiedAccessTrustProvider

VERSION = "1.0"
SHOWN = (
    "Issuer",
    "AuthorizationEndpoint",
    "PublicSigningKeyEndpoint",
    "TokenEndpoint",
    "UserInfoEndpoint",
    "ClientId",
    "ClientSecret",
)


@ec2.operation(on=VerifiedAccessInstance.of("ExportVerifiedAccessInstanceClientConfiguration"))
def export_verified_access_instance_client_configuration(call: Call, row: Row) -> Members:
    """Whom an instance trusts, as its clients have to know it."""
    providers = [VerifiedAccessTrustProvider.named(call, what) for what in row["Providers"]]
    users = [one for one in providers if one["TrustProviderType"] == "user"]
    return {
        "Version": VERSION,
        "VerifiedAccessInstanceId": row["VerifiedAccessInstanceId"],
        "Region": call.region,
        "DeviceTrustProviders": [
            one["DeviceTrustProviderType"] for one in providers if one["TrustProviderType"] == "device"
        ],
        "UserTrustProvider": _user(users[0]) if users else None,
    }


def _user(provider: Row) -> Members:
    options = provider.members.get("NativeApplicationOidcOptions") or provider.members.get("OidcOptions") or {}
    told = {name: options[name] for name in SHOWN if name in options}
    native = "NativeApplicationOidcOptions" in provider
    return told | {
        "Type": provider["UserTrustProviderType"],
        "Scopes": options.get("Scope"),
        "PkceEnabled": native and "ClientSecret" not in options,
    }


@ec2.operation(on=VerifiedAccessEndpoint.of("GetVerifiedAccessEndpointTargets"))
def get_verified_access_endpoint_targets(call: Call, row: Row, max_results: int = 0, next_token: str = "") -> Members:
    """The interfaces in the block of an endpoint for a network, each with its name behind the endpoint."""
    if row["EndpointType"] != "cidr":
        text = f"The verified access endpoint {row['VerifiedAccessEndpointId']} is not for a network CIDR."
        raise Fault("InvalidParameterValue", text)
    options = row["CidrOptions"]
    vpcs = {subnets.seen(call, what).vpc_id for what in options.get("SubnetIds", [])}
    addresses = [
        private.private_ip_address
        for vpc_id in sorted(vpcs)
        for interface in of_vpc(call, vpc_id)
        for private in interface.private_ip_addresses
        if cidrs.within(ip_network(private.private_ip_address), [options["Cidr"]])
    ]
    found = [
        {
            "VerifiedAccessEndpointId": row["VerifiedAccessEndpointId"],
            "VerifiedAccessEndpointTargetIpAddress": address,
            "VerifiedAccessEndpointTargetDns": f"ip-{address.replace('.', '-')}.{row['EndpointDomain']}",
        }
        for address in addresses
    ]
    return paged(call, "VerifiedAccessEndpointTargets", found, max_results, next_token)
