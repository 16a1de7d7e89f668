"""What an account may have at most (Amazon VPC User Guide, "Amazon VPC quotas").

Where a new account has five of something and AWS grants more to whoever asks, here are as many as it usually grants:
there is nobody to ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from pileus.services.ec2.faults import limit

VPCS = 100
"""VPCs in a Region; internet gateways and egress-only gateways follow it."""
SUBNETS = 200
"""Subnets of a VPC; as many route tables and access lists."""
IPV4_CIDRS = 5
IPV6_CIDRS = 5
ADDRESSES = 100
"""Elastic IP addresses in a Region."""
GROUPS = 2500
"""Security groups in a Region."""
RULES = 60
"""Rules of a security group, in and out each, and for IPv4 and IPv6 each."""
GROUPS_OF_INTERFACE = 5
ROUTES = 500
"""Routes of a table that somebody made, for IPv4 and IPv6 each."""
PROPAGATED_ROUTES = 100
ACL_ENTRIES = 20
"""Entries of an access list, in and out each."""
NAT_GATEWAYS = 100
"""NAT gateways in an Availability Zone."""


def check(code: str, what: str, there: Iterable[Any], most: int) -> None:
    """Raise `codeExceeded` if there already are as many as there may be."""
    if len([*islice(there, most)]) >= most:
        raise limit(code, f"The maximum number of {what} has been reached.")
