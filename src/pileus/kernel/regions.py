"""Partitions, Regions and Availability Zones, from the partitions that botocore ships.

A Region that botocore does not list yet is accepted if its partition's pattern fits, as the SDKs do. Local Zones and
Wavelength Zones are left out.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

import msgspec

from pileus.models.model import DATA

DEFAULT_REGION = "us-east-1"
DEFAULT_PARTITION = "aws"


class Partition(msgspec.Struct, frozen=True):
    """A set of Regions with one set of accounts and one DNS suffix."""

    id: str
    dns_suffix: str
    dual_stack_dns_suffix: str
    global_region: str
    """Where the services live that have no Regions."""
    pattern: re.Pattern[str]
    regions: dict[str, str]
    """The known Regions' descriptions by their names."""
    homes: dict[str, str]
    """The Region, by service, of those that the partition runs only once."""


class Zone(NamedTuple):
    name: str
    """`us-east-1a`: every account has its own order of the letters on AWS; here all accounts share one."""
    id: str
    """`use1-az1`: the same place for all accounts."""


# The zones that a new account is offered, where they are not a, b and c (AWS Global Infrastructure, "Regions and
# Availability Zones"; the EC2 User Guide on which of them are constrained).
_LETTERS = {
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
    "ca-central-1": "abd",
    "us-east-1": "abcdef",
    "us-west-1": "ac",
    "us-west-2": "abcd",
}

_DIRECTIONS = re.compile(r"north|south|east|west|central")


class _Outputs(msgspec.Struct, rename="camel"):
    dns_suffix: str
    dual_stack_dns_suffix: str
    implicit_global_region: str


class _Row(msgspec.Struct, rename="camel"):
    id: str
    outputs: _Outputs
    region_regex: str
    regions: dict[str, dict[str, str]]
    homes: dict[str, str]


class _File(msgspec.Struct):
    partitions: list[_Row]


@cache
def partitions() -> dict[str, Partition]:
    """All partitions by their ids; `aws` is the first."""
    file = msgspec.json.decode((DATA / "partitions.json").read_bytes(), type=_File)
    return {row.id: _partition(row) for row in file.partitions}


def _partition(row: _Row) -> Partition:
    return Partition(
        id=row.id,
        dns_suffix=row.outputs.dns_suffix,
        dual_stack_dns_suffix=row.outputs.dual_stack_dns_suffix,
        global_region=row.outputs.implicit_global_region,
        pattern=re.compile(row.region_regex, re.ASCII),
        regions={name: region["description"] for name, region in row.regions.items() if not _is_pseudo(name)},
        homes=row.homes,
    )


def _is_pseudo(region: str) -> bool:
    """`aws-global` and its like, which name a whole partition."""
    return region.endswith("-global")


@lru_cache(maxsize=1024)
def _home_of(region: str) -> Partition | None:
    for partition in partitions().values():
        if region in partition.regions or region == f"{partition.id}-global":
            return partition
    for partition in partitions().values():
        if partition.pattern.fullmatch(region):
            return partition
    return None


def partition(region: str) -> Partition:
    """The partition of a Region; that of AWS's commercial Regions for a name that fits none."""
    return _home_of(region) or partitions()[DEFAULT_PARTITION]


@lru_cache(maxsize=1024)
def partition_of(region: str) -> str:
    """The id of a Region's partition, as it stands in an ARN."""
    return partition(region).id


@lru_cache(maxsize=1024)
def is_region(name: str) -> bool:
    """Whether a partition lists that Region or would by its pattern; `aws-global` is none."""
    return not _is_pseudo(name) and _home_of(name) is not None


def regions(partition_id: str = DEFAULT_PARTITION) -> list[str]:
    """The known Regions of a partition in the order of their names; KeyError for an unknown partition."""
    return sorted(partitions()[partition_id].regions)


def dns_suffix(region: str) -> str:
    """What the host names of a Region's services end with: `amazonaws.com`."""
    return partition(region).dns_suffix


def is_global(service: str) -> bool:
    """Whether a partition runs that service (by its botocore name) only once, as it does IAM and Route 53."""
    return any(service in known.homes for known in partitions().values())


def home_region(service: str, region: str) -> str:
    """The Region that a service's resources live in when it is called in `region`.

    That is another one for services that a partition runs only once (`iam`, `route53`, `organizations`), and for the
    pseudo-Regions such as `aws-global`, which only name a partition.
    """
    home = partition(region)
    if service in home.homes:
        return home.homes[service]
    return home.global_region if _is_pseudo(region) or is_global(service) else region


@cache
def zones(region: str) -> tuple[Zone, ...]:
    """The Availability Zones of a Region."""
    prefix = _zone_prefix(region)
    letters = _LETTERS.get(region, "abc")
    return tuple(Zone(f"{region}{letter}", f"{prefix}-az{ord(letter) - ord('a') + 1}") for letter in letters)


def _zone_prefix(region: str) -> str:
    """`use1` for us-east-1, `apne2` for ap-northeast-2: directions by their initials ("Availability Zone IDs")."""
    *area, number = region.split("-")
    initials = [_DIRECTIONS.sub(lambda match: match[0][0], part) for part in area]
    return "".join(initials).replace("gov", "g") + number
