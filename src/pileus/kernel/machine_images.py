"""Public machine images: what AWS and others offer everybody, and the parameters that name the latest of each.

Ids are made of Region and name, so they are the same in every cloud and at every start. Left out: all but the latest of
each series, and most series.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

PREFIX = "/aws/service/"
"""What the names of public parameters begin with."""

AMAZON, WINDOWS, CANONICAL, DEBIAN = "137112412989", "801119661308", "099720109477", "136693071363"
ECS, EKS, BOTTLEROCKET = "591542846629", "602401143452", "092701018921"
AMAZONS = {AMAZON, WINDOWS, CANONICAL, ECS, EKS, BOTTLEROCKET}
"""Publishers whose images are said to be Amazon's."""

CREATED = "2025-11-12T18:05:31.000Z"
MADE = 1762970731.0
RELEASE = "20251112"


class PublicImage(NamedTuple):
    """One of the images that are there in every Region."""

    parameter: str
    """The public parameter that names it, without what all begin with."""
    name: str
    description: str
    owner: str
    architecture: str
    size: int
    """Of its root volume, in GiB."""
    volume_type: str = "gp3"
    root_device: str = "/dev/xvda"
    windows: bool = False
    imds: bool = False
    """Whether its instances have only the second version of the metadata service."""

    def id(self, region: str) -> str:
        return f"ami-0{self._digest(region, '')}"

    def snapshot(self, region: str) -> str:
        """The snapshot of its root."""
        return f"snap-0{self._digest(region, 'snapshot')}"

    def _digest(self, region: str, part: str) -> str:
        return hashlib.sha256(f"{region}{PREFIX}{self.parameter}{part}".encode()).hexdigest()[:16]

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameters that name it."""
        latest = self.parameter.replace("kernel-6.1", "kernel-default")
        return tuple(dict.fromkeys((PREFIX + self.parameter, PREFIX + latest)))


@cache
def images() -> tuple[PublicImage, ...]:
    """All of them."""
    return tuple(image for series in (amazon_linux, windows, kubernetes, containers, others) for image in series())


@lru_cache(maxsize=64)
def by_id(region: str) -> dict[str, PublicImage]:
    """The images of a Region by their ids."""
    return {image.id(region): image for image in images()}


def amazon_linux() -> Iterator[PublicImage]:
    for machine in ("arm64", "x86_64"):
        for kind, size in (("", 8), ("minimal-", 2)):
            yield PublicImage(
                f"ami-amazon-linux-latest/al2023-ami-{kind}kernel-6.1-{machine}",
                f"al2023-ami-{kind}2023.9.{RELEASE}.0-kernel-6.1-{machine}",
                f"Amazon Linux 2023 AMI 2023.9.{RELEASE}.0 {machine} {'Minimal ' if kind else ''}HVM kernel-6.1",
                AMAZON,
                machine,
                size,
                imds=True,
            )
        for kernel in ("", "kernel-5.10-"):
            for disk in ("gp2", "ebs")[: 1 if machine == "arm64" else 2]:
                yield amazon_linux_2(f"amzn2-ami-{kernel}hvm-{machine}-{disk}", machine, 8, disk, kernel)
        yield amazon_linux_2(f"amzn2-ami-minimal-hvm-{machine}-ebs", machine, 2, "ebs", "")


def amazon_linux_2(series: str, machine: str, size: int, disk: str, kernel: str) -> PublicImage:
    """`amzn2-ami-hvm-x86_64-gp2`, whose release stands before the machine."""
    described = f"Amazon Linux 2 {'Kernel 5.10 ' if kernel else ''}AMI 2.0.{RELEASE}.0 {machine} HVM {disk}"
    name = series.replace(f"hvm-{machine}", f"hvm-2.0.{RELEASE}.0-{machine}")
    volume_type = "gp2" if disk == "gp2" else "standard"
    return PublicImage(f"ami-amazon-linux-latest/{series}", name, described, AMAZON, machine, size, volume_type)


def windows() -> Iterator[PublicImage]:
    for year in (2016, 2019, 2022, 2025):
        for kind in ("Core", "Full"):
            series = f"Windows_Server-{year}-English-{kind}-Base"
            yield PublicImage(
                f"ami-windows-latest/{series}",
                f"{series}-2025.11.12",
                f"Microsoft Windows Server {year} {'Core ' if kind == 'Core' else ''}English AMI provided by Amazon",
                WINDOWS,
                "x86_64",
                30,
                "gp2",
                "/dev/sda1",
                windows=True,
            )


def kubernetes() -> Iterator[PublicImage]:
    for version in ("1.31", "1.32", "1.33", "1.34"):
        for machine in ("arm64", "x86_64"):
            yield PublicImage(
                f"eks/optimized-ami/{version}/amazon-linux-2023/{machine}/standard/recommended/image_id",
                f"amazon-eks-node-al2023-{machine}-standard-{version}-v{RELEASE}",
                f"EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: {version})",
                EKS,
                machine,
                20,
            )


def containers() -> Iterator[PublicImage]:
    for kind in ("aws-ecs-2", "aws-k8s-1.31", "aws-k8s-1.32", "aws-k8s-1.33", "aws-k8s-1.34"):
        for machine in ("arm64", "x86_64"):
            name = f"bottlerocket-{kind}-{machine}-v1.50.0-6a9e0fbd"
            place = f"bottlerocket/{kind}/{machine}/latest/image_id"
            yield PublicImage(place, name, name, BOTTLEROCKET, machine, 2, imds=True)
    for place, name in (
        ("amazon-linux-2", f"amzn2-ami-ecs-hvm-2.0.{RELEASE}-x86_64-ebs"),
        ("amazon-linux-2023", f"al2023-ami-ecs-hvm-2023.0.{RELEASE}-kernel-6.1-x86_64"),
    ):
        described = f"Amazon Linux AMI 2.0.{RELEASE} x86_64 ECS HVM GP2"
        yield PublicImage(f"ecs/optimized-ami/{place}/recommended/image_id", name, described, ECS, "x86_64", 30)


def others() -> Iterator[PublicImage]:
    ubuntu = (("20.04", "focal", "ebs-gp2"), ("22.04", "jammy", "ebs-gp2"), ("24.04", "noble", "ebs-gp3"))
    for machine, architecture in (("amd64", "x86_64"), ("arm64", "arm64")):
        for release, nick, disk in ubuntu:
            yield PublicImage(
                f"canonical/ubuntu/server/{release}/stable/current/{machine}/hvm/{disk}/ami-id",
                f"ubuntu/images/hvm-ssd{'-gp3' if disk == 'ebs-gp3' else ''}"
                f"/ubuntu-{nick}-{release}-{machine}-server-{RELEASE}",
                f"Canonical, Ubuntu, {release} LTS, {machine} {nick} image build on 2025-11-12",
                CANONICAL,
                architecture,
                8,
                disk.removeprefix("ebs-"),
                "/dev/sda1",
            )
        for number, nick in ((11, "bullseye"), (12, "bookworm")):
            yield PublicImage(
                f"debian/release/{number}/latest/{machine}",
                f"debian-{number}-{machine}-{RELEASE}-2294",
                f"Debian {number} ({RELEASE}-2294) {nick}",
                DEBIAN,
                architecture,
                8,
            )
