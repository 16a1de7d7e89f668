"""The two tunnels of a VPN connection: addresses, keys, and what may be negotiated.

Left out: rounds of additional key exchanges, and the groups 35 to 37 (ML-KEM), which are offered with others only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from pileus.kernel import Fault, Unfinished, names
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value

LINK_LOCAL, UNIQUE_LOCAL = IPv4Network("169.254.0.0/16"), IPv6Network("fd00::/8")
RESERVED = {*(f"169.254.{third}.0/30" for third in range(6)), "169.254.169.252/30"}

KEY = re.compile(r"[1-9a-zA-Z._][0-9a-zA-Z._]{7,63}")

ENCRYPTION = ("AES128", "AES256", "AES128-GCM-16", "AES256-GCM-16")
INTEGRITY = ("SHA1", "SHA2-256", "SHA2-384", "SHA2-512")
GROUPS = (2, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 35)

LISTS: dict[str, tuple[Any, ...]] = {
    "Phase1EncryptionAlgorithms": ENCRYPTION,
    "Phase2EncryptionAlgorithms": ENCRYPTION,
    "Phase1IntegrityAlgorithms": INTEGRITY,
    "Phase2IntegrityAlgorithms": INTEGRITY,
    "Phase1DHGroupNumbers": GROUPS,
    "Phase2DHGroupNumbers": (*GROUPS, 5, 36, 37),
    "IKEVersions": ("ikev1", "ikev2"),
}
"""What each list may have."""

UNKNOWN = {35, 36, 37}
"""Groups that nobody here can negotiate."""

RANGES = {
    "Phase1LifetimeSeconds": (900, 28800),
    "Phase2LifetimeSeconds": (900, 3600),
    "RekeyMarginTimeSeconds": (60, 1800),
    "RekeyFuzzPercentage": (0, 100),
    "ReplayWindowSize": (64, 2048),
    "DPDTimeoutSeconds": (30, 1 << 31),
}
WORDS = {"DPDTimeoutAction": ("clear", "none", "restart"), "StartupAction": ("add", "start")}

SHOWN_AS = {
    "DPDTimeoutSeconds": "DpdTimeoutSeconds",
    "DPDTimeoutAction": "DpdTimeoutAction",
    "IKEVersions": "IkeVersions",
}
"""What answers call otherwise than requests."""

DEFAULTS = {
    "Phase1LifetimeSeconds": 28800,
    "Phase2LifetimeSeconds": 3600,
    "RekeyMarginTimeSeconds": 270,
    "RekeyFuzzPercentage": 100,
    "ReplayWindowSize": 1024,
    "DPDTimeoutSeconds": 30,
}


def made(given: Members, outside: str, used: Iterable[str], six: bool) -> Members:
    """A tunnel as it is kept: what was asked for, and what was chosen for it."""
    check(given)
    tunnel = dict(given)
    tunnel["OutsideIpAddress"] = outside
    tunnel.setdefault("PreSharedKey", names.token(32, names.ALPHANUMERIC + "._").replace("0", "o"))
    if six:
        tunnel.setdefault("TunnelInsideIpv6Cidr", _free_six(used))
    else:
        tunnel.setdefault("TunnelInsideCidr", _free(used))
    inside = tunnel.get("TunnelInsideIpv6Cidr" if six else "TunnelInsideCidr")
    if inside in given.values() and inside in {*used}:
        raise bad_value("tunnelInsideCidr", inside, "The range is used by another tunnel.")
    return tunnel


def check(given: Members) -> None:
    """Raise for options that a tunnel cannot have."""
    for name, allowed in LISTS.items():
        for value in given.get(name, []):
            if value.get("Value") not in allowed:
                raise bad_value(name, value.get("Value"))
    for phase in (1, 2):
        rounds = given.get(f"Phase{phase}AdditionalKeyExchanges") or []
        if any(one.get("Requirement", "required") == "required" for one in rounds):
            raise Unfinished("Pileus negotiates no additional key exchanges yet.")
        groups = {value.get("Value") for value in given.get(f"Phase{phase}DHGroupNumbers") or []}
        if groups and groups <= UNKNOWN:
            raise Unfinished("Pileus negotiates no ML-KEM yet.")
    for name, (least, most) in RANGES.items():
        if name in given and not least <= given[name] <= most:
            raise bad_value(name, given[name], f"The value must be between {least} and {most}.")
    for name, words in WORDS.items():
        if name in given and given[name] not in words:
            raise bad_value(name, given[name])
    merged = DEFAULTS | given
    if merged["Phase2LifetimeSeconds"] >= merged["Phase1LifetimeSeconds"]:
        raise Fault("InvalidParameterValue", "Phase2LifetimeSeconds must be less than Phase1LifetimeSeconds.")
    if merged["RekeyMarginTimeSeconds"] > merged["Phase2LifetimeSeconds"] // 2:
        raise Fault("InvalidParameterValue", "RekeyMarginTimeSeconds must be at most half of Phase2LifetimeSeconds.")
    if "PreSharedKey" in given and not KEY.fullmatch(given["PreSharedKey"]):
        raise bad_value("PreSharedKey", given["PreSharedKey"])
    _check_inside(given.get("TunnelInsideCidr"), LINK_LOCAL, 30)
    _check_inside(given.get("TunnelInsideIpv6Cidr"), UNIQUE_LOCAL, 126)


def _check_inside(block: str | None, within: Any, length: int) -> None:
    if block is None:
        return
    try:
        network: Any = ip_network(block)
    except ValueError:
        raise bad_value("TunnelInsideCidr", block, "This is not a valid CIDR block.") from None
    fits = network.version == within.version and network.subnet_of(within)
    if not fits or network.prefixlen != length or block in RESERVED:
        raise bad_value("TunnelInsideCidr", block, f"The block must be a /{length} of {within}.")


def _free(used: Iterable[str]) -> str:
    """A /30 of 169.254.0.0/16 that no other tunnel of the gateway has."""
    taken = RESERVED | {*used}
    while True:
        number = int(names.token(4, names.HEX), 16) & ~3
        block = f"169.254.{number >> 8}.{number & 255}/30"
        if block not in taken:
            return block


def _free_six(used: Iterable[str]) -> str:
    taken = {*used}
    while True:
        digits = names.token(20, names.HEX)
        block = str(IPv6Network((int(f"fd{digits}", 16) << 40, 126)))
        if block not in taken:
            return block


def shown(tunnel: Members) -> Members:
    """A tunnel as answers show it."""
    return {SHOWN_AS.get(name, name): value for name, value in tunnel.items()}
