"""Instance types as the API shows them: all their figures, where they are offered, which of them fit requirements."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import no_such_types

from .requirements import fitting
from .types import GPUS, InstanceType, table, there, zones_of

EBS_BASELINE = {
    "2085": {"nano": (43, 250), "micro": (87, 500), "small": (174, 1000), "medium": (347, 2000)},
    "2780": dict.fromkeys(("large", "xlarge", "2xlarge"), (695, 4000)),
    "4750": {"large": (650, 3600), "xlarge": (1150, 6000), "2xlarge": (2300, 12000)},
    "10000": {
        "medium": (315, 2500),
        "large": (650, 3600),
        "xlarge": (1250, 6000),
        "2xlarge": (2500, 12000),
        "4xlarge": (5000, 20000),
    },
}
"""What burstable EBS bandwidth falls back to, by its maximum and the size ("Amazon EBS-optimized instance types")."""
EBS_IOPS = {2085: 11800, 2780: 15700, 4750: 18750, 6800: 30000, 9500: 40000, 13600: 60000, 19000: 80000}
"""I/O operations a second by bandwidth, where they are not four for each megabit."""

HIBERNATING = re.compile(
    r"(c3|c4|c5d?|c6[aigd]+|c7[ai]|i3|i3en|m3|m4|m5a?d?|m6[aigd]+|m7[ai]|r3|r4|r5a?d?|r6i|t2|t3a?)$"
)
"""Families that can hibernate, up to 150 GiB of memory ("Prerequisites for EC2 instance hibernation")."""
FREE_TIER = {"t2.micro", "t3.micro"}

FILTERS = Filters(
    {
        "auto-recovery-supported": "AutoRecoverySupported",
        "bare-metal": "BareMetal",
        "burstable-performance-supported": "BurstablePerformanceSupported",
        "current-generation": "CurrentGeneration",
        "dedicated-hosts-supported": "DedicatedHostsSupported",
        "ebs-info.attachment-limit-type": "EbsInfo.AttachmentLimitType",
        "ebs-info.maximum-ebs-attachments": "EbsInfo.MaximumEbsAttachments",
        "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps": "EbsInfo.EbsOptimizedInfo.BaselineBandwidthInMbps",
        "ebs-info.ebs-optimized-info.baseline-iops": "EbsInfo.EbsOptimizedInfo.BaselineIops",
        "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps": "EbsInfo.EbsOptimizedInfo.BaselineThroughputInMBps",
        "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps": "EbsInfo.EbsOptimizedInfo.MaximumBandwidthInMbps",
        "ebs-info.ebs-optimized-info.maximum-iops": "EbsInfo.EbsOptimizedInfo.MaximumIops",
        "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps": "EbsInfo.EbsOptimizedInfo.MaximumThroughputInMBps",
        "ebs-info.ebs-optimized-support": "EbsInfo.EbsOptimizedSupport",
        "ebs-info.encryption-support": "EbsInfo.EncryptionSupport",
        "ebs-info.nvme-support": "EbsInfo.NvmeSupport",
        "free-tier-eligible": "FreeTierEligible",
        "hibernation-supported": "HibernationSupported",
        "hypervisor": "Hypervisor",
        "instance-storage-info.disk.count": "InstanceStorageInfo.Disks.Count",
        "instance-storage-info.disk.size-in-gb": "InstanceStorageInfo.Disks.SizeInGB",
        "instance-storage-info.disk.type": "InstanceStorageInfo.Disks.Type",
        "instance-storage-info.encryption-support": "InstanceStorageInfo.EncryptionSupport",
        "instance-storage-info.nvme-support": "InstanceStorageInfo.NvmeSupport",
        "instance-storage-info.total-size-in-gb": "InstanceStorageInfo.TotalSizeInGB",
        "instance-storage-supported": "InstanceStorageSupported",
        "instance-type": "InstanceType",
        "memory-info.size-in-mib": "MemoryInfo.SizeInMiB",
        "network-info.bandwidth-weightings": "NetworkInfo.BandwidthWeightings",
        "network-info.efa-info.maximum-efa-interfaces": "NetworkInfo.EfaInfo.MaximumEfaInterfaces",
        "network-info.efa-supported": "NetworkInfo.EfaSupported",
        "network-info.ena-support": "NetworkInfo.EnaSupport",
        "network-info.flexible-ena-queues-support": "NetworkInfo.FlexibleEnaQueuesSupport",
        "network-info.encryption-in-transit-supported": "NetworkInfo.EncryptionInTransitSupported",
        "network-info.ipv4-addresses-per-interface": "NetworkInfo.Ipv4AddressesPerInterface",
        "network-info.ipv6-addresses-per-interface": "NetworkInfo.Ipv6AddressesPerInterface",
        "network-info.ipv6-supported": "NetworkInfo.Ipv6Supported",
        "network-info.maximum-network-cards": "NetworkInfo.MaximumNetworkCards",
        "network-info.maximum-network-interfaces": "NetworkInfo.MaximumNetworkInterfaces",
        "network-info.network-performance": "NetworkInfo.NetworkPerformance",
        "nitro-enclaves-support": "NitroEnclavesSupport",
        "nitro-tpm-support": "NitroTpmSupport",
        "nitro-tpm-info.supported-versions": "NitroTpmInfo.SupportedVersions",
        "processor-info.supported-architecture": "ProcessorInfo.SupportedArchitectures",
        "processor-info.sustained-clock-speed-in-ghz": "ProcessorInfo.SustainedClockSpeedInGhz",
        "processor-info.supported-features": "ProcessorInfo.SupportedFeatures",
        "reboot-migration-support": "RebootMigrationSupport",
        "supported-boot-mode": "SupportedBootModes",
        "supported-root-device-type": "SupportedRootDeviceTypes",
        "supported-usage-class": "SupportedUsageClasses",
        "supported-virtualization-type": "SupportedVirtualizationTypes",
        "vcpu-info.default-cores": "VCpuInfo.DefaultCores",
        "vcpu-info.default-threads-per-core": "VCpuInfo.DefaultThreadsPerCore",
        "vcpu-info.default-vcpus": "VCpuInfo.DefaultVCpus",
        "vcpu-info.valid-cores": "VCpuInfo.ValidCores",
        "vcpu-info.valid-threads-per-core": "VCpuInfo.ValidThreadsPerCore",
    },
    tags=None,
)

OFFERING_FILTERS = Filters({"instance-type": "InstanceType", "location": "Location"}, tags=None)


@ec2.operation
def describe_instance_types(
    call: Call,
    instance_types: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
    include_unsupported_in_region: bool = False,
) -> Members:
    """The types of the Region, or these, with all that is known of them."""
    test = FILTERS.test(filters)
    if instance_types:
        named = {name: table().get(name) for name in instance_types}
        chosen = [one for one in named.values() if one and (include_unsupported_in_region or one.offered(call))]
        if len(chosen) < len(named):
            raise no_such_types(named.keys() - {one.name for one in chosen})
    else:
        chosen = table().all if include_unsupported_in_region else there(call)
    if filters:
        return paged(call, "InstanceTypes", filter(test, map(info, chosen)), max_results or 100, next_token)
    page = paged(call, "InstanceTypes", chosen, max_results or 100, next_token)
    return page | {"InstanceTypes": [*map(info, page["InstanceTypes"])]}


@ec2.operation
def describe_instance_type_offerings(
    call: Call,
    location_type: str = "region",
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Which types a Region, or each of its zones, offers."""
    test = OFFERING_FILTERS.test(filters)
    offers = (
        {"InstanceType": one.name, "LocationType": location_type, "Location": place}
        for one in there(call)
        for place in _places(call, one, location_type)
    )
    return paged(call, "InstanceTypeOfferings", filter(test, offers), max_results, next_token)


def _places(call: Call, one: InstanceType, location_type: str) -> list[str]:
    if location_type == "region":
        return [call.region]
    if location_type == "outpost":
        return []
    names = zones_of(call, one)
    ids = {zone.name: zone.id for zone in zones(call.region)}
    return names if location_type == "availability-zone" else [ids[name] for name in names]


@ec2.operation
def get_instance_types_from_instance_requirements(
    call: Call,
    architecture_types: list[str],
    virtualization_types: list[str],
    instance_requirements: dict[str, Any],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The types that have what is required, as fleets would choose among."""
    if "hvm" not in virtualization_types:
        return {"InstanceTypes": []}
    found = fitting(call, instance_requirements, architecture_types)
    return paged(call, "InstanceTypes", ({"InstanceType": one.name} for one in found), max_results, next_token)


# How a type is shown


def info(one: InstanceType) -> Members:
    boot = ["uefi"] if one.arm else ["legacy-bios", "uefi"] if one.nitro else ["legacy-bios"]
    shown: Members = {
        "InstanceType": one.name,
        "CurrentGeneration": one.current,
        "FreeTierEligible": one.name in FREE_TIER,
        "SupportedUsageClasses": ["on-demand"] if one.family.startswith(("mac", "u-", "u7")) else ["on-demand", "spot"],
        "SupportedRootDeviceTypes": ["ebs"] if one.nitro or not one.disks else ["ebs", "instance-store"],
        "SupportedVirtualizationTypes": ["hvm", "paravirtual"] if one.family in PARAVIRTUAL else ["hvm"],
        "BareMetal": one.metal,
        "ProcessorInfo": _processor(one),
        "VCpuInfo": _processors(one),
        "MemoryInfo": {"SizeInMiB": one.mib},
        "InstanceStorageSupported": bool(one.disks),
        "EbsInfo": _ebs(one),
        "NetworkInfo": _network(one),
        "PlacementGroupInfo": {"SupportedStrategies": _strategies(one)},
        "HibernationSupported": hibernates(one),
        "BurstablePerformanceSupported": one.burstable,
        "DedicatedHostsSupported": not one.burstable or one.family in ("t2", "t3"),
        "AutoRecoverySupported": recovers(one),
        "SupportedBootModes": boot,
        "NitroEnclavesSupport": "supported" if enclaves(one) else "unsupported",
        "NitroTpmSupport": "supported" if one.nitro and not one.metal else "unsupported",
        "PhcSupport": "unsupported",
        "RebootMigrationSupport": "supported" if one.nitro and not one.metal else "unsupported",
    }
    if not one.metal:
        shown["Hypervisor"] = "nitro" if one.nitro else "xen"
    if one.nitro and not one.metal:
        shown["NitroTpmInfo"] = {"SupportedVersions": ["2.0"]}
    if one.disks:
        shown["InstanceStorageInfo"] = _storage(one)
    if one.gpus and one.family in GPUS:
        shown["GpuInfo"] = _gpus(one)
    return shown


PARAVIRTUAL = {"t1", "m1", "c1", "m2", "m3", "c3", "hs1"}


def recovers(one: InstanceType) -> bool:
    """Whether its instances are moved by themselves from hardware that failed: those without disks of their own."""
    return not one.disks and not one.metal


def hibernates(one: InstanceType) -> bool:
    return bool(HIBERNATING.match(one.family)) and not one.metal and one.mib < 150 * 1024


def enclaves(one: InstanceType) -> bool:
    return one.nitro and not one.metal and not one.burstable and one.vcpus >= (2 if one.arm else 4)


def _strategies(one: InstanceType) -> list[str]:
    return (
        ["partition", "spread"] if one.burstable or one.family.startswith("mac") else ["cluster", "partition", "spread"]
    )


def _processor(one: InstanceType) -> Members:
    shown: Members = {"SupportedArchitectures": one.architectures, "Manufacturer": one.manufacturer}
    if one.ghz:
        shown["SustainedClockSpeedInGhz"] = float(one.ghz)
    if one.family in ("m6a", "c6a", "r6a") and one.vcpus <= 96 and not one.metal:
        shown["SupportedFeatures"] = ["amd-sev-snp"]
    return shown


def _processors(one: InstanceType) -> Members:
    cores = max(1, one.vcpus // one.threads)
    shown: Members = {"DefaultVCpus": one.vcpus, "DefaultCores": cores, "DefaultThreadsPerCore": one.threads}
    if not one.metal and one.family not in XEN_WITHOUT_OPTIONS:
        shown["ValidCores"] = valid_cores(one)
        shown["ValidThreadsPerCore"] = [*range(1, one.threads + 1)]
    return shown


XEN_WITHOUT_OPTIONS = PARAVIRTUAL | {"t2", "cr1", "cc2", "g2", "i2", "r3", "d2", "h1"}


def valid_cores(one: InstanceType) -> list[int]:
    cores = max(1, one.vcpus // one.threads)
    if one.burstable or cores == 1:
        return [cores]
    if one.threads == 1:
        return [*range(1, cores + 1)]
    return [*range(2 if cores > 2 else 1, cores + 1, 2 if cores > 2 else 1)]


def _storage(one: InstanceType) -> Members:
    count, size, kind = one.storage
    nvme = one.nitro or kind == "nvme"
    return {
        "TotalSizeInGB": count * size,
        "Disks": [{"SizeInGB": size, "Count": count, "Type": "hdd" if kind == "hdd" else "ssd"}],
        "NvmeSupport": "required" if nvme else "unsupported",
        "EncryptionSupport": "required" if nvme else "unsupported",
    }


def _ebs(one: InstanceType) -> Members:
    shown: Members = {
        "EbsOptimizedSupport": "default" if one.nitro else "supported" if one.ebs else "unsupported",
        "EncryptionSupport": "supported",
        "NvmeSupport": "required" if one.nitro else "unsupported",
        "AttachmentLimitType": "dedicated" if one.generation >= 7 and one.nitro else "shared",
        "MaximumEbsAttachments": attachments(one),
    }
    if one.ebs:
        most = int(float(one.ebs.lstrip("<")))
        iops = EBS_IOPS.get(most, most * 4)
        base, base_iops = most, iops
        if one.ebs[0] == "<":
            base, base_iops = EBS_BASELINE.get(str(most), {}).get(one.size, (0, 0))
        info: Members = {"MaximumBandwidthInMbps": most, "MaximumThroughputInMBps": most / 8, "MaximumIops": iops}
        if base:
            info |= {"BaselineBandwidthInMbps": base, "BaselineThroughputInMBps": base / 8, "BaselineIops": base_iops}
        shown["EbsOptimizedInfo"] = info
    return shown


def attachments(one: InstanceType) -> int:
    """How many volumes can be attached: 27 or 28 places shared with interfaces and disks, or more of its own."""
    if not one.nitro:
        return 39
    if one.generation < 7:
        return 31 if one.metal else 27
    return 32 if one.vcpus <= 32 else 48 if one.vcpus <= 48 else 64 if one.vcpus <= 96 else 128


def _network(one: InstanceType) -> Members:
    most, addresses = one.interfaces
    performance = {"NetworkPerformance": one.network} if one.network else {}
    shown: Members = {
        **performance,
        "MaximumNetworkInterfaces": most,
        "MaximumNetworkCards": 1,
        "DefaultNetworkCardIndex": 0,
        "NetworkCards": [{"NetworkCardIndex": 0, **performance, "MaximumNetworkInterfaces": most}],
        "Ipv4AddressesPerInterface": addresses,
        "Ipv6AddressesPerInterface": addresses if one.family not in PARAVIRTUAL else 0,
        "Ipv6Supported": one.family not in PARAVIRTUAL,
        "EnaSupport": "required"
        if one.nitro
        else "supported"
        if one.family in ("i3", "r4", "x1", "p2")
        else "unsupported",
        "EfaSupported": efa(one),
        "EncryptionInTransitSupported": one.encrypts_traffic,
        "EnaSrdSupported": one.generation >= 6 and one.vcpus >= 64,
        "BandwidthWeightings": ["default", "vpc-1", "ebs-1"] if one.generation >= 8 and not one.metal else ["default"],
    }
    if efa(one):
        shown["EfaInfo"] = {"MaximumEfaInterfaces": 1}
    return shown


def efa(one: InstanceType) -> bool:
    """Whether it has the adapter for supercomputing: the largest sizes of newer families."""
    if one.family.startswith("hpc"):
        return True
    whole = one.vcpus >= (64 if one.generation < 6 or one.arm else 128)
    newer = one.generation >= 6 or "n" in one.letters or one.family in ("p4d", "p4de", "p5", "p5e", "trn1", "trn2")
    return one.nitro and whole and newer and not one.burstable


def _gpus(one: InstanceType) -> Members:
    name, maker = GPUS[one.family]
    each = one.gpu_mib // one.gpus if one.gpu_mib >= one.gpus * 8192 else one.gpu_mib
    device = {"Name": name, "Manufacturer": maker, "Count": one.gpus, "MemoryInfo": {"SizeInMiB": each}}
    return {"Gpus": [device], "TotalGpuMemoryInMiB": each * one.gpus}
