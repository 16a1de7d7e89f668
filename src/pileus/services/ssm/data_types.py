"""Data types of parameters: what a value must look like."""

from __future__ import annotations

import ipaddress
import json
import re
from base64 import b64decode
from collections.abc import Callable
from urllib.parse import urlsplit

from pileus.kernel import Fault, Unfinished, regions


def _holds(check: Callable[[str], object]) -> Callable[[str], bool]:
    """Whether a function takes a text without a ValueError."""

    def holds(value: str) -> bool:
        try:
            check(value)
        except ValueError:
            return False
        return True

    return holds


def _fits(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _is_url(value: str) -> bool:
    parts = urlsplit(value)
    return bool(parts.scheme and parts.netloc)


TYPES: dict[str, Callable[[str], bool]] = {
    "text": lambda value: True,
    "aws:ec2:image": _fits(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})"),
    "aws:region": regions.is_region,
    "aws:account:id": _fits(r"\d{12}"),
    "boolean": _fits(r"true|false"),
    "integer": _fits(r"[+-]?\d+"),
    "float": _fits(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"),
    "binary": _holds(lambda value: b64decode(value, validate=True)),
    "hostname": _fits(r"(?=.{1,253}$)(?!-)[A-Za-z0-9-]{1,63}(?:\.(?!-)[A-Za-z0-9-]{1,63})*"),
    "email": _fits(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "ipv4-address": _holds(ipaddress.IPv4Address),
    "ipv6-address": _holds(ipaddress.IPv6Address),
    "url": _is_url,
    "json": _holds(json.loads),
}


def check(data_type: str, value: str) -> None:
    """Refuse a value that is not of its type."""
    if data_type in ("aws:ssm:integration", "jsonc"):
        raise Unfinished(f"Pileus does not check parameters of the data type {data_type} yet.")
    fits = TYPES.get(data_type)
    if fits is None:
        raise Fault(
            "ValidationException",
            f"The following data type is not supported: {data_type} (Data type names are all lowercase.)",
        )
    if not fits(value):
        raise Fault("ValidationException", f"The parameter value does not match the data type {data_type}.")
