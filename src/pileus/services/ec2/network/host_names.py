"""The names by which AWS's name servers know private and public addresses."""

from __future__ import annotations

from pileus.kernel import regions

HOME = "us-east-1"
"""The one Region whose names are shorter."""


def internal_domain(region: str) -> str:
    return "ec2.internal" if region == HOME else f"{region}.compute.internal"


def private_name(region: str, address: str) -> str:
    """`ip-10-0-0-5.ec2.internal`."""
    return f"ip-{address.replace('.', '-')}.{internal_domain(region)}"


def resource_name(region: str, instance_id: str) -> str:
    """`i-0123456789abcdef0.ec2.internal`."""
    return f"{instance_id}.{internal_domain(region)}"


def public_name(region: str, address: str) -> str:
    """`ec2-198-18-3-4.compute-1.amazonaws.com`."""
    domain = "compute-1" if region == HOME else f"{region}.compute"
    return f"ec2-{address.replace('.', '-')}.{domain}.{regions.dns_suffix(region)}"
