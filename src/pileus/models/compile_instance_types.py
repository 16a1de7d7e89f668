"""Gather the figures of EC2's instance types into the table that the service ships (`instances/types.tsv`).

Run by hand when AWS has new types, on what `pip download --no-deps toil apache-libcloud` gives, unpacked:

    python compile_instance_types.py TOIL LIBCLOUD src/pileus/services/ec2/instances/types.tsv

Toil (Apache-2.0) keeps the list of all types, their processors, memory and disks, and the Regions that have them;
Apache Libcloud (Apache-2.0) has processors' names and clocks, network and EBS bandwidth, GPUs and prices, of fewer
types. A bare metal size has the figures of the virtual one that fills the same machine; what nobody states is left
empty, except prices: those of a family that has none are its predecessor's.
"""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections import namedtuple
from pathlib import Path
from statistics import median_low
from typing import Any

FURTHER = """\
m1.small	1	1740	1x160hdd	Intel Xeon Family		Low				0.044	1d931
mac1.metal	12	32768		Intel Core i7-8700B	3.2	10 Gigabit	8000			1.083	133bb
mac2.metal	8	16384		Apple M1	3.2	10 Gigabit	8000			0.65	133bb
mac2-m1ultra.metal	20	131072		Apple M1 Ultra	3.2	10 Gigabit	8000			5	13000
mac2-m2.metal	8	24576		Apple M2	3.5	10 Gigabit	8000			0.878	131b1
mac2-m2pro.metal	12	32768		Apple M2 Pro	3.5	10 Gigabit	8000			1.56	131b1
mac-m4.metal	10	24576		Apple M4	4.4	10 Gigabit	8000			1.23	13000
mac-m4pro.metal	14	49152		Apple M4 Pro	4.5	10 Gigabit	8000			1.97	13000
"""
"""What neither package knows, as the EC2 User Guide has it: what is launched where no type is named, and Macs."""

COLUMNS = ("type", "vcpus", "mib", "disks", "processor", "ghz", "network", "ebs", "gpus", "gpu_mib", "price", "regions")


def gather(toil: Path, libcloud: Path, target: Path) -> None:
    """Write the table: the Regions of its last column first, then one line for each type."""
    space: dict[str, Any] = {
        "InstanceType": namedtuple("InstanceType", "name cores memory disks disk_capacity architecture")
    }
    source = (toil / "toil/lib/generatedEC2Lists.py").read_text()
    exec(re.sub(r"from toil.* import .*", "", source), space)
    known = runpy.run_path(str(libcloud / "libcloud/compute/constants/ec2_instance_types.py"))["INSTANCE_TYPES"]
    prices = json.loads((libcloud / "libcloud/data/pricing.json").read_text())["compute"]["ec2_linux"]
    costs = {name: cheapest(by_region) for name, by_region in prices.items() if any(by_region.values())}
    regions = sorted(space["regionDict"])
    offered = {region: set(space["regionDict"][region]) for region in regions}
    lines = ["\t".join(regions), "\t".join(COLUMNS)]
    for name, one in sorted(space["E2Instances"].items(), key=lambda item: order(item[0])):
        more = known.get(name) or known.get(virtual(name, space["E2Instances"]), {})
        where = sum(1 << place for place, region in enumerate(regions) if name in offered[region])
        figures = row(one, more.get("extra", {}))
        figures[6] = EBS.get(name, figures[6])
        price = cost(name, one.cores, costs, gpus=bool(figures[7]))
        lines.append("\t".join([name, *figures, price, f"{where:x}"]))
    target.write_text("\n".join([*lines, *FURTHER.splitlines()]) + "\n")


def order(name: str) -> tuple[str, float]:
    """By family, and by size within it."""
    family, size = name.split(".")
    small = ("nano", "micro", "small", "medium", "large", "xlarge")
    if size in small:
        return family, small.index(size) / 10
    return family, float((re.search(r"\d+", size) or ["999"])[0]) + ("metal" in size) / 2


def virtual(name: str, all_types: dict[str, Any]) -> str:
    """The virtual size that has as many processors as a bare metal one."""
    family, _, size = name.partition(".")
    if not size.startswith("metal"):
        return ""
    cores = all_types[name].cores
    return next((one for one in all_types if one.startswith(f"{family}.") and one != name and
                 all_types[one].cores == cores), "")  # fmt: skip


def row(one: Any, extra: dict[str, Any]) -> list[str]:
    disks = f"{int(one.disks)}x{int(one.disk_capacity)}{kind_of_disk(extra.get('storage', ''))}" if one.disks else ""
    clock = re.search(r"[\d.]+", extra.get("clockSpeed") or "")
    memory = re.match(r"(\d+)", extra.get("gpuMemory") or "")
    return [
        str(one.cores),
        str(round(one.memory * 1024)),
        disks,
        extra.get("physicalProcessor", ""),
        clock[0] if clock else "",
        network(extra.get("networkPerformance", "")),
        megabits(extra.get("dedicatedEbsThroughput", "")),
        extra.get("gpu", ""),
        str(int(memory[1]) * 1024) if memory and extra.get("gpu") else "",
    ]


def kind_of_disk(storage: str) -> str:
    return "hdd" if "HDD" in storage else "nvme" if "NVMe" in storage else "ssd" if "SSD" in storage else "nvme"


def network(text: str) -> str:
    """As DescribeInstanceTypes words it: `Up to 12.5 Gigabit`."""
    found = re.fullmatch(r"(Up to )?([\d.]+) (Gig|Meg)abit", text)
    if not found:
        return text
    speed = float(found[2]) / (1000 if found[3] == "Meg" else 1)
    return f"{found[1] or ''}{speed:g} Gigabit"


def megabits(text: str) -> str:
    """`<10000` for what is reached in bursts only, `10000` for what is always there."""
    found = re.fullmatch(r"(Up to )?([\d.]+) (Mbps|Gbps)", text)
    if not found:
        return ""
    return f"{'<' if found[1] else ''}{float(found[2]) * (1000 if found[3] == 'Gbps' else 1):g}"


def cheapest(by_region: dict[str, float]) -> float:
    """Dollars an hour of Linux on demand in us-east-1, or where it costs least."""
    return by_region.get("us-east-1") or min(price for price in by_region.values() if price)


def weight(name: str, cores: int) -> float:
    """How large a size is, in AWS's normalisation factors; a metal one's by its processors."""
    size = name.partition(".")[2]
    small = {"nano": 0.25, "micro": 0.5, "small": 1, "medium": 2, "large": 4, "xlarge": 8}
    if size in small:
        return small[size]
    found = re.fullmatch(r"(\d+)xlarge", size)
    return 8.0 * int(found[1]) if found else 2.0 * cores


def cost(name: str, cores: int, costs: dict[str, float], gpus: bool) -> str:
    """The price of a type: that of its family for its size, for single ones may be of other tenancies."""
    if gpus and name in costs:
        return f"{costs[name]:g}"
    family = name.partition(".")[0]
    while family:
        rates = [price / weight(other, 0) for other, price in costs.items()
                 if other.startswith(f"{family}.") and "metal" not in other]  # fmt: skip
        if rates:
            return f"{median_low(rates) * weight(name, cores):.5g}"
        family = predecessor(family)
    return f"{costs[name]:g}" if name in costs else ""


def predecessor(family: str) -> str:
    found = re.fullmatch(r"([a-z]+)(\d)([a-z]*)", family)
    if not found or found[2] == "1":
        return ""
    if found[2] < "5" or len(found[3]) > 1:  # the letters that all generations know
        return f"{found[1]}{found[2]}{found[3][:1]}" if len(found[3]) > 1 else ""
    return f"{found[1]}{int(found[2]) - 1}{found[3]}"


def _ebs() -> dict[str, str]:
    """The EBS bandwidth of the fifth generation as it is since 2019; the data has what it was before."""
    sizes = {"large": "<4750", "xlarge": "<4750", "2xlarge": "<4750", "4xlarge": "4750", "8xlarge": "6800"}
    sizes |= {"12xlarge": "9500", "16xlarge": "13600", "24xlarge": "19000", "metal": "19000"}
    known = {f"{family}.{size}": ebs for family in ("m5", "m5d", "r5", "r5d") for size, ebs in sizes.items()}
    sizes |= {"9xlarge": "9500", "18xlarge": "19000"}
    return known | {f"{family}.{size}": ebs for family in ("c5", "c5d") for size, ebs in sizes.items()}


EBS = _ebs()


if __name__ == "__main__":
    gather(*map(Path, sys.argv[1:4]))
