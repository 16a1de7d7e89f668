"""Which instance types have what is required of them (EC2 API reference, InstanceRequirements).

Left out: the comparison of processors' performance with that of a reference family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pileus.kernel import Call
from pileus.kernel.filters import matcher, wildcard
from pileus.services.ec2.faults import combination, missing

from .types import GPUS, InstanceType, there

MAKERS = {"intel": "Intel", "amd": "AMD", "amazon-web-services": "AWS", "apple": "Apple"}


def fitting(call: Call, wanted: Mapping[str, Any], architectures: Sequence[str] = ()) -> list[InstanceType]:
    """The types of the Region that have all of it, the cheapest first."""
    for member in ("VCpuCount", "MemoryMiB"):
        if "Min" not in wanted.get(member, {}):
            raise missing(f"InstanceRequirements.{member}.Min")
    if "AllowedInstanceTypes" in wanted and "ExcludedInstanceTypes" in wanted:
        raise combination("You can't specify both AllowedInstanceTypes and ExcludedInstanceTypes.")
    found = [one for one in there(call) if fits(one, wanted, architectures)]
    return sorted(found, key=lambda one: (one.price or 1e9, one.name))


def fits(one: InstanceType, wanted: Mapping[str, Any], architectures: Sequence[str] = ()) -> bool:
    if architectures and not {*architectures} & {*one.architectures}:
        return False
    return all(test(one, wanted) for test in (_named, _figures, _kind, _accelerated))


def _between(value: float, bounds: Mapping[str, Any] | None) -> bool:
    return bounds is None or bounds.get("Min", value) <= value <= bounds.get("Max", value)


def _named(one: InstanceType, wanted: Mapping[str, Any]) -> bool:
    if allowed := wanted.get("AllowedInstanceTypes"):
        return matcher(allowed, wildcard)(one.name)
    return not matcher(wanted.get("ExcludedInstanceTypes", ()), wildcard)(one.name)


def _figures(one: InstanceType, wanted: Mapping[str, Any]) -> bool:
    count, size, _ = one.storage
    speed = one.network.removeprefix("Up to ").removesuffix(" Gigabit")
    ebs = float(one.ebs.lstrip("<") or 0)
    return (
        _between(one.vcpus, wanted.get("VCpuCount"))
        and _between(one.mib, wanted.get("MemoryMiB"))
        and _between(one.mib / 1024 / one.vcpus, wanted.get("MemoryGiBPerVCpu"))
        and _between(one.interfaces[0], wanted.get("NetworkInterfaceCount"))
        and _between(count * size, wanted.get("TotalLocalStorageGB"))
        and _between(ebs, wanted.get("BaselineEbsBandwidthMbps"))
        and _between(float(speed) if speed.replace(".", "").isdigit() else 0, wanted.get("NetworkBandwidthGbps"))
    )


def _kind(one: InstanceType, wanted: Mapping[str, Any]) -> bool:
    makers = wanted.get("CpuManufacturers")
    generations = wanted.get("InstanceGenerations")
    disks = wanted.get("LocalStorageTypes")
    return (
        _wish(wanted.get("BareMetal", "excluded"), one.metal)
        and _wish(wanted.get("BurstablePerformance", "excluded"), one.burstable)
        and _wish(wanted.get("LocalStorage", "included"), bool(one.disks))
        and (not makers or one.manufacturer in [MAKERS[maker] for maker in makers])
        and (not generations or ("current" if one.current else "previous") in generations)
        and (not disks or not one.disks or ("hdd" if one.storage[2] == "hdd" else "ssd") in disks)
        and (not wanted.get("RequireEncryptionInTransit") or one.encrypts_traffic)
    )


def _wish(wish: str, has: bool) -> bool:
    return wish == "included" or has is (wish == "required")


def _accelerated(one: InstanceType, wanted: Mapping[str, Any]) -> bool:
    if wanted.get("AcceleratorTypes") and not ("gpu" in wanted["AcceleratorTypes"] and one.gpus):
        return False
    name, maker = GPUS.get(one.family, ("", ""))
    names = wanted.get("AcceleratorNames")
    makers = wanted.get("AcceleratorManufacturers")
    return (
        _between(one.gpus, wanted.get("AcceleratorCount"))
        and _between(one.gpu_mib, wanted.get("AcceleratorTotalMemoryMiB"))
        and (not names or (one.gpus > 0 and name.lower().replace(" ", "-") in names))
        and (not makers or (one.gpus > 0 and maker.lower() in makers))
    )
