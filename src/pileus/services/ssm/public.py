"""Public parameters: what AWS publishes under `/aws/service`, such as the ids of the latest machine images.

Left out: most of what AWS publishes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pileus import models
from pileus.kernel import Call, machine_images, regions
from pileus.kernel.machine_images import PREFIX


class PublicParameter:
    """A parameter of AWS's own."""

    def __init__(self, name: str, value: str, data_type: str) -> None:
        self.name = name
        self.value = value
        self.data_type = data_type

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:ssm:{call.region}::parameter{self.name}"


@lru_cache(maxsize=64)
def published(region: str) -> dict[str, PublicParameter]:
    """All public parameters of a Region by their names, in order."""
    return {one.name: one for one in sorted(_published(region), key=lambda one: one.name)}


def _published(region: str) -> Iterator[PublicParameter]:
    for image in machine_images.images():
        for name in image.parameters:
            yield PublicParameter(name, image.id(region), "aws:ec2:image")
    for known in regions.regions(regions.partition_of(region)):
        place = f"{PREFIX}global-infrastructure/regions/{known}"
        yield PublicParameter(place, known, "text")
        yield PublicParameter(f"{place}/longName", regions.partition(known).regions[known], "text")
        yield PublicParameter(f"{place}/partition", regions.partition_of(known), "text")
    for service in models.index():
        yield PublicParameter(f"{PREFIX}global-infrastructure/services/{service}", service, "text")


def find(region: str, name: str) -> PublicParameter | None:
    return published(region).get(name) if name.startswith(PREFIX) else None
