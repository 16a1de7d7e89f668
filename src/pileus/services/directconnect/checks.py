"""What is given for the ends of a virtual interface: addresses, blocks, and keys of BGP."""

from __future__ import annotations

import re
from ipaddress import ip_interface, ip_network
from typing import Any

from pileus.kernel.names import HEX, token

from . import refused

Members = dict[str, Any]

AUTH_KEY = re.compile(r"[!#-~]{6,80}")


def checked_address(text: str, family: str) -> str:
    """An address of one end, with the length of the line's range."""
    try:
        version = ip_interface(text).version
    except ValueError:
        raise refused(f"Address {text} is invalid") from None
    if family != f"ipv{version}":
        raise refused(f"Address {text} is not of the family {family}")
    return text


def checked_key(key: str) -> str:
    """A key of BGP, or a new one."""
    if key and not AUTH_KEY.fullmatch(key):
        raise refused("The BGP authentication key must have 6 to 80 characters, without spaces or quotation marks")
    return key or token(20, HEX)


def checked_blocks(given: list[Members]) -> list[str]:
    try:
        return [str(ip_network(one.get("cidr", ""))) for one in given]
    except ValueError as error:
        raise refused(f"Invalid prefix: {error}") from None
