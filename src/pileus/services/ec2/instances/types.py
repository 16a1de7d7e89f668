"""Instance types: what is known of them, from a table that is read when somebody first asks.

The table (`types.tsv`) is made by `pileus/models/compile_instance_types.py`, which says of what. What a type's name
says is read off it: the processor's maker, local disks, bare metal; how many interfaces and addresses it may have
follows from its size, as in "IP addresses per network interface" of the EC2 User Guide. Figures that the table lacks
are left out of what is shown.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from pileus.kernel import Call, Fault
from pileus.kernel.regions import zones

PREVIOUS = frozenset(
    [
        "a1",
        "c1",
        "c3",
        "c4",
        "cr1",
        "cc2",
        "d2",
        "f1",
        "g2",
        "g3",
        "g3s",
        "h1",
        "hs1",
        "i2",
        "i3p",
        "m1",
        "m2",
        "m3",
        "m4",
        "p2",
        "r3",
        "r4",
        "t1",
        "x1",
        "x1e",
    ]
)
"""Families that AWS calls those of a previous generation, and those that run on Xen like them."""
XEN = PREVIOUS - {"a1"} | {"t2", "i3", "p3"}
"""Families whose hypervisor is Xen, but for their bare metal sizes."""
SMALL = ("nano", "micro", "small", "medium", "large", "xlarge")

INTERFACES = {"nano": (2, 2), "micro": (2, 2), "small": (2, 4), "medium": (2, 4), "large": (3, 10), "xlarge": (4, 15)}
"""Interfaces, and addresses on each, by size."""
BURSTABLE = {"small": (3, 4), "medium": (3, 6), "large": (3, 12), "xlarge": (4, 15), "2xlarge": (4, 15)}

GPUS = {
    "p2": ("K80", "NVIDIA"),
    "p3": ("V100", "NVIDIA"),
    "p3dn": ("V100", "NVIDIA"),
    "p4d": ("A100", "NVIDIA"),
    "p4de": ("A100", "NVIDIA"),
    "p5": ("H100", "NVIDIA"),
    "p5e": ("H200", "NVIDIA"),
    "p5en": ("H200", "NVIDIA"),
    "p6-b200": ("B200", "NVIDIA"),
    "p6-b300": ("B300", "NVIDIA"),
    "g2": ("K520", "NVIDIA"),
    "g3": ("M60", "NVIDIA"),
    "g3s": ("M60", "NVIDIA"),
    "g4dn": ("T4", "NVIDIA"),
    "g4ad": ("Radeon Pro V520", "AMD"),
    "g5": ("A10G", "NVIDIA"),
    "g5g": ("T4g", "NVIDIA"),
    "g6": ("L4", "NVIDIA"),
    "gr6": ("L4", "NVIDIA"),
    "g6e": ("L40S", "NVIDIA"),
}


class InstanceType(NamedTuple):
    """One row of the table."""

    name: str
    vcpus: int
    mib: int
    disks: str
    """`2x1900nvme`: how many, how many GB each, of what kind."""
    processor: str
    ghz: str
    network: str
    ebs: str
    """Megabits a second to EBS; `<10000` where that much is reached in bursts only."""
    gpus: int
    gpu_mib: int
    price: float
    """Dollars an hour, of Linux on demand in us-east-1; 0 where nobody states it."""
    regions: int

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]

    @property
    def size(self) -> str:
        return self.name.partition(".")[2]

    @property
    def letters(self) -> str:
        """What follows the generation in the family's name: `gd` of `m6gd`."""
        found = re.match(r"[a-z]+\d+([a-z]*)", self.family)
        return found[1] if found else ""

    @property
    def generation(self) -> int:
        found = re.match(r"[a-z]+(\d)", self.family)
        return int(found[1]) if found else 0

    @property
    def metal(self) -> bool:
        return self.size.startswith("metal") or self.family.startswith("mac")

    @property
    def arm(self) -> bool:
        return self.family == "a1" or "g" in self.letters or self.family == "p6e-gb200"

    @property
    def architectures(self) -> list[str]:
        if self.family.startswith("mac"):
            return ["x86_64_mac" if self.family == "mac1" else "arm64_mac"]
        if self.arm:
            return ["arm64"]
        return ["i386", "x86_64"] if self.family in ("t1", "t2", "m1", "c1", "m3", "c3") else ["x86_64"]

    @property
    def manufacturer(self) -> str:
        if self.arm:
            return "AWS"
        if self.family.startswith("mac"):
            return "Intel" if self.family == "mac1" else "Apple"
        amd = self.processor.startswith("AMD") or "a" in self.letters.removesuffix("dz")
        return "AMD" if amd else "Intel"

    @property
    def current(self) -> bool:
        return self.family not in PREVIOUS

    @property
    def nitro(self) -> bool:
        return self.family not in XEN or self.metal

    @property
    def burstable(self) -> bool:
        return self.family[0] == "t" and self.family[1:2].isdigit() and self.family != "t1"

    @property
    def threads(self) -> int:
        """Virtual processors on each core: one where there is no hyperthreading."""
        single = (
            self.arm or self.vcpus == 1 or self.family in ("hpc6a", "hpc7a", "hpc8a", "hpc6id", "t1", "m1", "c1", "m2")
        )
        no_smt = self.manufacturer == "AMD" and self.generation >= 7
        return 1 if single or no_smt or self.family == "t2" else 2

    @property
    def storage(self) -> tuple[int, int, str]:
        """Disks of its own: how many, how large in GB, of what kind (`nvme`, `ssd`, `hdd`)."""
        found = re.fullmatch(r"(\d+)x(\d+)(\w+)", self.disks)
        return (int(found[1]), int(found[2]), found[3]) if found else (0, 0, "")

    @property
    def interfaces(self) -> tuple[int, int]:
        """Network interfaces that it can have, and IPv4 addresses that each of them can."""
        if self.burstable and self.size in BURSTABLE:
            most, addresses = BURSTABLE[self.size]
            return (3, 15) if self.family == "t2" and "xlarge" in self.size else (most, addresses)
        if self.size in INTERFACES:
            return INTERFACES[self.size]
        if self.vcpus <= 8:
            return 4, 15
        if self.vcpus <= (48 if self.nitro else 40):
            return 8, 30
        return (15, 50) if self.nitro else (8, 30)

    @property
    def encrypts_traffic(self) -> bool:
        return self.nitro and (self.generation >= 6 or "n" in self.letters) and not self.burstable

    def offered(self, call: Call) -> bool:
        """Whether the Region has it. In Regions that the table does not know are the types that nearly all have."""
        known = table().regions
        if call.region in known:
            return bool(self.regions >> known.index(call.region) & 1)
        return self.regions.bit_count() >= len(known) - 3

    @property
    def zones_missing(self) -> int:
        """How many zones of a Region lack it: older and special ones are not in the last zone."""
        return 0 if self.regions.bit_count() >= len(table().regions) - 3 and self.current else 1


class Table:
    """All types; a row is only read when it is asked for."""

    def __init__(self) -> None:
        text = Path(__file__).with_name("types.tsv").read_text()
        regions, _, *rows = text.splitlines()
        self.regions = regions.split("\t")
        self._rows = {row.partition("\t")[0]: row for row in rows}

    @cached_property
    def all(self) -> list[InstanceType]:
        return [parsed(row) for row in self._rows.values()]

    def get(self, name: str) -> InstanceType | None:
        row = self._rows.get(name)
        return parsed(row) if row else None


@lru_cache(maxsize=1)
def table() -> Table:
    return Table()


@lru_cache(maxsize=2048)
def parsed(row: str) -> InstanceType:
    name, vcpus, mib, disks, processor, ghz, network, ebs, gpus, gpu_mib, price, regions = row.split("\t")
    return InstanceType(
        name,
        int(vcpus),
        int(mib),
        disks,
        processor,
        ghz,
        network,
        ebs,
        int(gpus or 0),
        int(gpu_mib or 0),
        float(price or 0),
        int(regions, 16),
    )


def there(call: Call) -> list[InstanceType]:
    """The types of the call's Region."""
    return [one for one in table().all if one.offered(call)]


def instance_type(call: Call, name: str, zone: str = "") -> InstanceType:
    """The type of that name; raises what EC2 says of one that the Region, or the zone, has not."""
    one = table().get(name)
    if one is None:
        raise Fault("InvalidParameterValue", f"Invalid value '{name}' for InstanceType.")
    if not one.offered(call) or (zone and zone not in zones_of(call, one)):
        where = f"Availability Zone ({zone})" if zone and one.offered(call) else f"Region ({call.region})"
        reason = f"Your requested instance type ({name}) is not supported in your requested {where}."
        if zone and one.offered(call):
            others = ", ".join(zones_of(call, one))
            reason += f" Please retry your request by not specifying an Availability Zone or choosing {others}."
        raise Fault("Unsupported", reason)
    return one


def zones_of(call: Call, one: InstanceType) -> list[str]:
    """The zones of the Region that have a type."""
    names = [zone.name for zone in zones(call.region)]
    return names[: len(names) - one.zones_missing] if len(names) > 2 else names
