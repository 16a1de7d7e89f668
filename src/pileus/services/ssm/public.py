"""Public parameters: what AWS publishes under `/aws/service`, such as the ids of the latest machine images.

Ids are made of Region and name, so they are the same in every cloud and at every start. Left out: most of what AWS
publishes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

from pileus import models
from pileus.kernel import Call, regions

PREFIX = "/aws/service/"

LINUX = (
    "al2023-ami-kernel-default-arm64",
    "al2023-ami-kernel-default-x86_64",
    "al2023-ami-kernel-6.1-arm64",
    "al2023-ami-kernel-6.1-x86_64",
    "al2023-ami-minimal-kernel-default-arm64",
    "al2023-ami-minimal-kernel-default-x86_64",
    "al2023-ami-minimal-kernel-6.1-arm64",
    "al2023-ami-minimal-kernel-6.1-x86_64",
    "amzn2-ami-hvm-arm64-gp2",
    "amzn2-ami-hvm-x86_64-ebs",
    "amzn2-ami-hvm-x86_64-gp2",
    "amzn2-ami-kernel-5.10-hvm-arm64-gp2",
    "amzn2-ami-kernel-5.10-hvm-x86_64-ebs",
    "amzn2-ami-kernel-5.10-hvm-x86_64-gp2",
    "amzn2-ami-minimal-hvm-arm64-ebs",
    "amzn2-ami-minimal-hvm-x86_64-ebs",
)
IMAGES = (
    *(f"ami-amazon-linux-latest/{name}" for name in LINUX),
    *(
        f"ami-windows-latest/Windows_Server-{year}-English-{kind}-Base"
        for year in (2016, 2019, 2022, 2025)
        for kind in ("Core", "Full")
    ),
    *(
        f"eks/optimized-ami/{version}/amazon-linux-2023/{machine}/standard/recommended/image_id"
        for version in ("1.31", "1.32", "1.33", "1.34")
        for machine in ("arm64", "x86_64")
    ),
    *(
        f"bottlerocket/{kind}/{machine}/latest/image_id"
        for kind in ("aws-ecs-2", "aws-k8s-1.31", "aws-k8s-1.32", "aws-k8s-1.33", "aws-k8s-1.34")
        for machine in ("arm64", "x86_64")
    ),
    *(
        f"canonical/ubuntu/server/{release}/stable/current/{machine}/hvm/{disk}/ami-id"
        for release, disk in (("20.04", "ebs-gp2"), ("22.04", "ebs-gp2"), ("24.04", "ebs-gp3"))
        for machine in ("amd64", "arm64")
    ),
    *(f"debian/release/{release}/latest/{machine}" for release in (11, 12) for machine in ("amd64", "arm64")),
    "ecs/optimized-ami/amazon-linux-2/recommended/image_id",
    "ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
)


class PublicParameter:
    """A parameter of AWS's own."""

    def __init__(self, name: str, value: str, data_type: str) -> None:
        self.name = name
        self.value = value
        self.data_type = data_type

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:ssm:{call.region}::parameter{self.name}"


def image_id(region: str, name: str) -> str:
    """The id of the image that a public parameter names in a Region."""
    return f"ami-0{hashlib.sha256(f'{region}{PREFIX}{name}'.encode()).hexdigest()[:16]}"


@lru_cache(maxsize=64)
def published(region: str) -> dict[str, PublicParameter]:
    """All public parameters of a Region by their names, in order."""
    return {one.name: one for one in sorted(_published(region), key=lambda one: one.name)}


def _published(region: str) -> Iterator[PublicParameter]:
    for name in IMAGES:
        yield PublicParameter(PREFIX + name, image_id(region, name), "aws:ec2:image")
    for known in regions.regions(regions.partition_of(region)):
        place = f"{PREFIX}global-infrastructure/regions/{known}"
        yield PublicParameter(place, known, "text")
        yield PublicParameter(f"{place}/longName", regions.partition(known).regions[known], "text")
        yield PublicParameter(f"{place}/partition", regions.partition_of(known), "text")
    for service in models.index():
        yield PublicParameter(f"{PREFIX}global-infrastructure/services/{service}", service, "text")


def find(region: str, name: str) -> PublicParameter | None:
    return published(region).get(name) if name.startswith(PREFIX) else None
