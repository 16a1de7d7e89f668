"""What the owner of a customer gateway needs to configure it: AWS's XML, and texts made of it for some devices."""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from ipaddress import ip_network
from typing import Any, NamedTuple

from . import vpn_tunnels

Members = dict[str, Any]

OVERHEAD = ("ipsec_overhead", 1379)
"""What is left of an Ethernet frame for TCP ("Site-to-Site VPN User Guide", example configurations)."""


class Ends(NamedTuple):
    """Who is at the two ends of a connection."""

    customer_gateway_id: str
    vpn_gateway_id: str
    """A virtual private gateway or a transit gateway."""
    address: str
    customer_asn: int
    amazon_asn: int
    static: bool


def written(vpn_connection_id: str, ends: Ends, tunnels: list[Members]) -> str:
    """The CustomerGatewayConfiguration of a connection."""
    root = Xml.Element("vpn_connection", id=vpn_connection_id)
    _add(root, "customer_gateway_id", ends.customer_gateway_id)
    _add(root, "vpn_gateway_id", ends.vpn_gateway_id)
    _add(root, "vpn_connection_type", "ipsec.1")
    _add(root, "vpn_connection_attributes", "NoBGPVPNConnection" if ends.static else None)
    for tunnel in tunnels:
        _tunnel(root, ends, tunnel)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _tunnel(root: Xml.Element, ends: Ends, tunnel: Members) -> None:
    inside = ip_network(tunnel.get("TunnelInsideIpv6Cidr") or tunnel["TunnelInsideCidr"])
    amazon, customer = str(inside[1]), str(inside[2])
    there = Xml.SubElement(root, "ipsec_tunnel")
    for name, outside, address, asn in (
        ("customer_gateway", ends.address, customer, ends.customer_asn),
        ("vpn_gateway", tunnel["OutsideIpAddress"], amazon, ends.amazon_asn),
    ):
        end = Xml.SubElement(there, name)
        _add(Xml.SubElement(end, "tunnel_outside_address"), "ip_address", outside)
        within = Xml.SubElement(end, "tunnel_inside_address")
        _add(within, "ip_address", address)
        _add(within, "network_mask", str(inside.netmask))
        _add(within, "network_cidr", str(inside.prefixlen))
        if not ends.static:
            bgp = Xml.SubElement(end, "bgp")
            _add(bgp, "asn", str(asn))
            _add(bgp, "hold_time", "30")
    _ike(there, tunnel)
    _ipsec(there, tunnel)


def _ike(there: Xml.Element, tunnel: Members) -> None:
    ike = Xml.SubElement(there, "ike")
    _add(ike, "authentication_protocol", _integrity(tunnel, 1))
    _add(ike, "encryption_protocol", _encryption(tunnel, 1))
    _add(ike, "lifetime", str(_option(tunnel, "Phase1LifetimeSeconds")))
    _add(ike, "perfect_forward_secrecy", f"group{_first(tunnel, 'Phase1DHGroupNumbers', 2)}")
    _add(ike, "mode", "main")
    _add(ike, "pre_shared_key", tunnel.get("PreSharedKey") or None)


def _ipsec(there: Xml.Element, tunnel: Members) -> None:
    ipsec = Xml.SubElement(there, "ipsec")
    _add(ipsec, "protocol", "esp")
    _add(ipsec, "authentication_protocol", f"hmac-{_integrity(tunnel, 2)}-96")
    _add(ipsec, "encryption_protocol", _encryption(tunnel, 2))
    _add(ipsec, "lifetime", str(_option(tunnel, "Phase2LifetimeSeconds")))
    _add(ipsec, "perfect_forward_secrecy", f"group{_first(tunnel, 'Phase2DHGroupNumbers', 2)}")
    _add(ipsec, "mode", "tunnel")
    _add(ipsec, "clear_df_bit", "true")
    _add(ipsec, "fragmentation_before_encryption", "true")
    _add(ipsec, "tcp_mss_adjustment", str(OVERHEAD[1]))
    detection = Xml.SubElement(ipsec, "dead_peer_detection")
    _add(detection, "interval", "10")
    _add(detection, "retries", "3")


def _option(tunnel: Members, name: str) -> Any:
    return tunnel.get(name, vpn_tunnels.DEFAULTS[name])


def _first(tunnel: Members, name: str, default: Any) -> Any:
    return tunnel[name][0]["Value"] if tunnel.get(name) else default


def _encryption(tunnel: Members, phase: int) -> str:
    name: str = _first(tunnel, f"Phase{phase}EncryptionAlgorithms", "AES128")
    return {"AES128": "aes-128-cbc", "AES256": "aes-256-cbc"}.get(name, str(name).lower())


def _integrity(tunnel: Members, phase: int) -> str:
    return str(_first(tunnel, f"Phase{phase}IntegrityAlgorithms", "SHA1")).lower()


def _add(parent: Xml.Element, name: str, text: str | None) -> None:
    if text is not None:
        Xml.SubElement(parent, name).text = text


# For devices


def for_strongswan(configuration: str, version: str) -> str:
    """The two tunnels as strongSwan's ipsec.conf and ipsec.secrets, which Linux gateways read."""
    parts: list[str] = ["# /etc/ipsec.conf", "conn %default", "  authby=psk", "  type=tunnel", "  auto=start", ""]
    secrets: list[str] = ["# /etc/ipsec.secrets"]
    for number, tunnel in enumerate(Xml.fromstring(configuration).iter("ipsec_tunnel"), 1):
        left, right = (
            _text(tunnel, f"{end}/tunnel_outside_address/ip_address") for end in ("customer_gateway", "vpn_gateway")
        )
        parts += [
            f"conn Tunnel{number}",
            f"  keyexchange={version}",
            "  left=%defaultroute",
            f"  leftid={left}",
            f"  right={right}",
            f"  ikelifetime={_text(tunnel, 'ike/lifetime')}s",
            f"  lifetime={_text(tunnel, 'ipsec/lifetime')}s",
            "  leftsubnet=0.0.0.0/0",
            "  rightsubnet=0.0.0.0/0",
            "  dpddelay=10s",
            "  dpdtimeout=30s",
            "  dpdaction=restart",
            f"  mark={number}00",
            f"  # tunnel interface: {_text(tunnel, 'customer_gateway/tunnel_inside_address/ip_address')} to "
            f"{_text(tunnel, 'vpn_gateway/tunnel_inside_address/ip_address')}",
            "",
        ]
        if key := _text(tunnel, "ike/pre_shared_key"):
            secrets.append(f'{left} {right} : PSK "{key}"')
        else:
            parts[-1:] = ["  authby=pubkey", "  leftcert=device.pem", ""]
    return "\n".join([*parts, *secrets, ""])


def generic(configuration: str, version: str) -> str:
    """The two tunnels in words, for any device."""
    lines = [f"Internet Key Exchange: {version}", ""]
    for number, tunnel in enumerate(Xml.fromstring(configuration).iter("ipsec_tunnel"), 1):
        lines.append(f"IPSec Tunnel #{number}")
        lines += [
            f"  {element.tag.replace('_', ' ')}: {element.text}"
            for element in tunnel.iter()
            if (element.text or "").strip()
        ]
        lines.append("")
    return "\n".join(lines)


def _text(tunnel: Xml.Element, path: str) -> str:
    return tunnel.findtext(path) or ""
