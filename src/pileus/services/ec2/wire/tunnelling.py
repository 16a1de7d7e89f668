"""The tunnels of VPN connections, ended by an engine in the hosts of a connection's network; and what they tell.

Left out: IPv6 in tunnels, groups 35 to 37 (ML-KEM), which strongSwan 5 does not know.
"""

from __future__ import annotations

from ipaddress import ip_interface, ip_network
from typing import Any

from pileus.engines.network import Networks
from pileus.engines.network.spaces import FOLDER
from pileus.engines.tunnels import Bgp, Certificate, End, Negotiated, State, Suite, Tunnel, Tunnels
from pileus.kernel import Call
from pileus.kernel.cables import leading_to
from pileus.services.ec2.connectivity import transit_routes, vpn_tunnels
from pileus.services.ec2.connectivity.customer_gateways import CustomerGateway
from pileus.services.ec2.connectivity.transit_attachments import Attachment
from pileus.services.ec2.connectivity.vpn_ends import amazon_asn, blocks
from pileus.services.ec2.connectivity.vpn_gateways import VpnGateway
from pileus.services.ec2.connectivity.vpn_record import Seen, VpnConnection
from pileus.services.ec2.connectivity.vpn_routes import tunnel_changed
from pileus.services.ec2.network.vpcs import Vpc

from . import tunnel_certificates, tunnel_logs, tunnel_metrics, vpns

ENCRYPTION = {
    "AES128": "aes128",
    "AES256": "aes256",
    "AES128-GCM-16": "aes128gcm16",
    "AES256-GCM-16": "aes256gcm16",
}
INTEGRITY = {"SHA1": "sha1", "SHA2-256": "sha256", "SHA2-384": "sha384", "SHA2-512": "sha512"}
GROUPS = {
    2: "modp1024",
    5: "modp1536",
    14: "modp2048",
    15: "modp3072",
    16: "modp4096",
    17: "modp6144",
    18: "modp8192",
    19: "ecp256",
    20: "ecp384",
    21: "ecp521",
    22: "modp1024s160",
    23: "modp2048s224",
    24: "modp2048s256",
}
"""AWS's names, and strongSwan's."""
MOST = {"vgw": 100, "tgw": 1000}
"""Routes that a customer gateway may tell ("Site-to-Site VPN quotas")."""


async def serve(call: Call, vpn_connection_id: str) -> None:
    """Let a connection, whose network is there, have its tunnels."""
    one = vpns.connection(call, vpn_connection_id)
    engine = call.cloud.engine(Tunnels)
    if one is None:
        await engine.leave(vpn_connection_id)
        return
    certificates = tunnel_certificates.brought(call, one) if one.certificates else {}
    if certificates is None:
        await engine.leave(vpn_connection_id)
        return
    names = await call.cloud.engine(Networks).names()
    options = {tunnel["OutsideIpAddress"]: tunnel for tunnel in one.tunnels}
    wanted = {
        place.outside: End(
            FOLDER / names[place.host],
            tunnel(call, one, place, options[place.outside], certificates.get(place.outside)),
        )
        for place in vpns.tunnels(one)
        if place.host in names
    }
    account, region, cloud = call.account, call.region, call.cloud

    def hear(outside: str, state: State) -> None:
        now = cloud.call("ec2", account=account, region=region)
        with now.transaction():
            tunnel_changed(now, vpn_connection_id, outside, seen(now, vpn_connection_id, state))
            tunnel_metrics.changed(now, vpn_connection_id)

    listen = tunnel_logs.listener(call, engine, vpn_connection_id)
    await engine.keep(vpn_connection_id, wanted, hear, listen)
    with call.transaction():
        tunnel_metrics.meter_tunnels.begin(call, vpn_connection_id=vpn_connection_id)
    for outside in one.up:
        if not (engine.state(vpn_connection_id, outside) or State()).up:  # which it was before
            hear(outside, State())


async def leave(call: Call, vpn_connection_id: str) -> None:
    """A connection goes."""
    await call.cloud.engine(Tunnels).leave(vpn_connection_id)


# From records to what the engine is asked for


def tunnel(
    call: Call, one: VpnConnection, place: vpns.Tunnel, options: dict[str, Any], certificate: Certificate | None
) -> Tunnel:
    everything = vpn_tunnels.DEFAULTS | options
    inside = ip_network(options["TunnelInsideCidr"])
    versions = tuple(sorted(int(value["Value"][-1]) for value in options.get("IKEVersions") or [])) or (1, 2)
    action = options.get("DPDTimeoutAction", "clear")
    return Tunnel(
        address=place.address,
        identity=place.outside,
        peer=vpns.customer(call, one),
        secret=options.get("PreSharedKey", ""),
        inside=str(ip_interface(f"{inside[1]}/{inside.prefixlen}")),
        other=str(inside[2]),
        ike=suite(everything, 1),
        esp=suite(everything, 2),
        versions=versions,
        margin=everything["RekeyMarginTimeSeconds"],
        fuzz=everything["RekeyFuzzPercentage"],
        window=everything["ReplayWindowSize"],
        patience=0 if action == "none" else everything["DPDTimeoutSeconds"],
        then="restart" if action == "restart" else "clear",
        starts=options.get("StartupAction") == "start",
        ours=one.options.get("RemoteIpv4NetworkCidr", vpns.EVERYTHING),
        theirs=one.options.get("LocalIpv4NetworkCidr", vpns.EVERYTHING),
        bgp=None if one.static_only else bgp(call, one),
        certificate=certificate,
        logged=tunnel_logs.wanted(options),
        edition=one.replaced.get(place.outside, 0.0),
    )


def suite(options: dict[str, Any], phase: int) -> Suite:
    """What may be negotiated: what was asked for, or everything that AWS offers."""

    def of(what: str, known: dict[Any, str]) -> tuple[str, ...]:
        given = [value["Value"] for value in options.get(f"Phase{phase}{what}") or []]
        allowed = given or vpn_tunnels.LISTS[f"Phase{phase}{what}"]
        return tuple(known[value] for value in allowed if value in known)

    encryption, integrity = of("EncryptionAlgorithms", ENCRYPTION), of("IntegrityAlgorithms", INTEGRITY)
    return Suite(encryption, integrity, of("DHGroupNumbers", GROUPS), options[f"Phase{phase}LifetimeSeconds"])


def bgp(call: Call, one: VpnConnection) -> Bgp | None:
    """What is told by BGP: what is behind the gateway, seen from the connection."""
    found = CustomerGateway.get(call, one.customer_gateway_id)
    if found is None or not (one.vpn_gateway_id or one.transit_gateway_id):
        return None
    most = MOST["vgw" if one.vpn_gateway_id else "tgw"]
    return Bgp(amazon_asn(call, one), found.bgp_asn, tuple(sorted({*announced(call, one)})), most)


def announced(call: Call, one: VpnConnection) -> list[str]:
    if one.transit_gateway_id:
        attachment = Attachment.get(call, one.attachment)
        if attachment is None or not attachment.table:
            return []
        own = one.attachment
        routes = transit_routes.effective(call.at(attachment.gateway_owner), attachment.table)
        ways = [(route, [way.transit_gateway_attachment_id for way in route.attachments]) for route in routes]
        return [route.destination for route, there in ways if there and there != [own] and "." in route.destination]
    gateway = VpnGateway.get(call, one.vpn_gateway_id)
    vpc = Vpc.get(call, gateway.vpc_id) if gateway and gateway.vpc_id else None
    others = [other for other in vpns.of_hub(call, one.vpn_gateway_id) if other != one]
    behind = [block for other in others for block in blocks(call, other)]
    behind += [block for cable in leading_to(call, one.vpn_gateway_id) for block in cable.told]
    return [block for block in (*(vpc.ranges() if vpc else ()), *behind) if "." in block]


# From what the engine tells to records


def seen(call: Call, vpn_connection_id: str, state: State) -> Seen:
    """How a tunnel is, in AWS's words."""
    one = VpnConnection.get(call, vpn_connection_id)
    agreed = {**shown(state.ike, 1), **shown(state.esp, 2), "IkeVersion": f"ikev{state.version}"} if state.up else {}
    if one is None or not state.up:
        return Seen()
    if one.static_only:
        return Seen(True, message="", agreed=agreed)
    if not state.session:
        return Seen(False, message="IPSEC IS UP", agreed=agreed)
    return Seen(True, message=f"{len(state.told)} BGP ROUTES", told=state.told, agreed=agreed)


def shown(agreed: Negotiated, phase: int) -> dict[str, Any]:
    """What has been negotiated in a phase, as AWS calls it."""
    cipher = f"aes{agreed.bits}" + ("gcm16" if "GCM" in agreed.encryption else "")
    digest = agreed.integrity.replace("PRF_", "").removeprefix("HMAC_").replace("SHA2_", "sha").lower().split("_")[0]
    words = agreed.group.lower().split("_")
    group = "".join(words[:2]) + "".join(f"s{size}" for size in words[2:])
    return {
        f"Phase{phase}EncryptionAlgorithm": _named(ENCRYPTION, cipher),
        f"Phase{phase}IntegrityAlgorithm": _named(INTEGRITY, digest),
        f"Phase{phase}DHGroup": _named(GROUPS, group),
    }


def _named(names: dict[Any, str], word: str) -> Any:
    return next((name for name, known in names.items() if known == word), None)
