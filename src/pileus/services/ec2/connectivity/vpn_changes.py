"""VPN connections are changed, and their tunnels; and configurations are written for customers' devices."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import missing
from pileus.services.ec2.kinds import named

from . import vpn_certificates, vpn_configuration, vpn_secrets, vpn_tunnels
from .customer_gateways import CustomerGateway
from .lives import enter
from .vpn_connections import check_gateway, configuration, gateway_of, present, shown, tunnel_of, used_ranges
from .vpn_ends import Gateway, bind, unbind
from .vpn_status import replaced


@ec2.operation
def modify_vpn_connection(
    call: Call,
    vpn_connection_id: str,
    transit_gateway_id: str = "",
    customer_gateway_id: str = "",
    vpn_gateway_id: str = "",
) -> Members:
    """Lead a connection to another gateway, or from another customer gateway."""
    one = present(call, vpn_connection_id)
    to = Gateway(vpn_gateway_id, transit_gateway_id)
    check_gateway(to)
    if not (transit_gateway_id or vpn_gateway_id or customer_gateway_id):
        raise missing("CustomerGatewayId", "VpnGatewayId", "TransitGatewayId")
    if customer_gateway_id:
        one.customer_gateway_id = named(call, CustomerGateway, customer_gateway_id).customer_gateway_id
    if transit_gateway_id or vpn_gateway_id:
        unbind(call, one)
        bind(call, one, to)
    enter(call, one, "modifying")
    return {"VpnConnection": shown(call, one)}


@ec2.operation
def modify_vpn_connection_options(
    call: Call,
    vpn_connection_id: str,
    local_ipv4_network_cidr: str = "",
    remote_ipv4_network_cidr: str = "",
    local_ipv6_network_cidr: str = "",
    remote_ipv6_network_cidr: str = "",
    tunnel_bandwidth: str = "",
) -> Members:
    """Change which addresses may speak over a connection."""
    one = present(call, vpn_connection_id)
    given = {
        "LocalIpv4NetworkCidr": local_ipv4_network_cidr,
        "RemoteIpv4NetworkCidr": remote_ipv4_network_cidr,
        "LocalIpv6NetworkCidr": local_ipv6_network_cidr,
        "RemoteIpv6NetworkCidr": remote_ipv6_network_cidr,
        "TunnelBandwidth": tunnel_bandwidth,
    }
    one.options |= {name: value for name, value in given.items() if value}
    enter(call, one, "modifying")
    return {"VpnConnection": shown(call, one)}


@ec2.operation
def modify_vpn_tunnel_options(
    call: Call,
    vpn_connection_id: str,
    vpn_tunnel_outside_ip_address: str,
    tunnel_options: Members,
    skip_tunnel_replacement: bool = False,
    pre_shared_key_storage: str = "",
) -> Members:
    """Change one tunnel's options; what is not given stays. The tunnel begins anew if it is another one then.

    To let its owner say when its end is replaced, or no longer, replaces it as well, unless that is skipped.
    """
    one = present(call, vpn_connection_id)
    tunnel = tunnel_of(one, vpn_tunnel_outside_ip_address)
    vpn_tunnels.check({name: value for name, value in tunnel.items() if name != "OutsideIpAddress"} | tunnel_options)
    inside = tunnel_options.get("TunnelInsideCidr")
    used = used_ranges(call, gateway_of(one))
    if inside and inside != tunnel.get("TunnelInsideCidr") and inside in used:
        raise Fault("InvalidParameterValue", f"The range {inside} is used by another tunnel.")
    control = "EnableTunnelLifecycleControl"
    if tunnel_options.get(control, tunnel.get(control)) != tunnel.get(control) and not skip_tunnel_replacement:
        replaced(call, one, tunnel["OutsideIpAddress"])
    tunnel |= tunnel_options
    vpn_secrets.check(pre_shared_key_storage)
    vpn_secrets.keep(call, one, pre_shared_key_storage)
    enter(call, one, "modifying")
    return {"VpnConnection": shown(call, one)}


@ec2.operation
def modify_vpn_tunnel_certificate(call: Call, vpn_connection_id: str, vpn_tunnel_outside_ip_address: str) -> Members:
    """Give the end of a tunnel another certificate."""
    one = present(call, vpn_connection_id)
    outside = tunnel_of(one, vpn_tunnel_outside_ip_address)["OutsideIpAddress"]
    customer = CustomerGateway.get(call, one.customer_gateway_id)
    if customer is None or outside not in one.certificates:
        raise Fault("OperationNotPermitted", f"{vpn_connection_id} does not use certificates.")
    places = [tunnel["OutsideIpAddress"] for tunnel in one.tunnels]
    one.certificates = one.certificates | {outside: vpn_certificates.issued(call, one, customer, places.index(outside))}
    replaced(call, one, outside)
    enter(call, one, "modifying")
    return {"VpnConnection": shown(call, one)}


# Configurations for devices

DEVICES = {
    "9005b6c1": ("Generic", "Generic", "Vendor Agnostic", vpn_configuration.generic),
    "7125681a": ("Strongswan", "Ubuntu 16.04", "Strongswan 5.5.1+", vpn_configuration.for_strongswan),
}


@ec2.operation
def get_vpn_connection_device_types(call: Call, max_results: int = 0, next_token: str = "") -> Members:
    """The devices for which configurations are written."""
    found = [
        {"VpnConnectionDeviceTypeId": what, "Vendor": vendor, "Platform": platform, "Software": software}
        for what, (vendor, platform, software, _) in DEVICES.items()
    ]
    return paged(call, "VpnConnectionDeviceTypes", found, max_results, next_token)


@ec2.operation
def get_vpn_connection_device_sample_configuration(
    call: Call,
    vpn_connection_id: str,
    vpn_connection_device_type_id: str,
    internet_key_exchange_version: str = "ikev1",
    sample_type: str = "compatibility",
) -> Members:
    """How to configure a device for a connection: so that it works with most, or as AWS recommends, without IKEv1."""
    one = present(call, vpn_connection_id)
    if vpn_connection_device_type_id not in DEVICES:
        text = f"The vpnConnectionDeviceType ID '{vpn_connection_device_type_id}' does not exist"
        raise Fault("InvalidVpnConnectionDeviceTypeID.NotFound", text)
    if internet_key_exchange_version not in ("ikev1", "ikev2"):
        raise Fault("InvalidParameterValue", f"Invalid IKE version: {internet_key_exchange_version}")
    if sample_type not in ("compatibility", "recommended"):
        raise Fault("InvalidParameterValue", f"Invalid sample type: {sample_type}")
    if sample_type == "recommended" and internet_key_exchange_version == "ikev1":
        raise Fault("UnsupportedOperation", "IKEv1 is not supported by recommended sample configurations.")
    write = DEVICES[vpn_connection_device_type_id][3]
    text = write(configuration(call, one), internet_key_exchange_version)
    return {"VpnConnectionDeviceSampleConfiguration": text}
