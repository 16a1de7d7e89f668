"""Instance types have AWS's own figures."""

from __future__ import annotations


def described(ec2, *names):
    return ec2.describe_instance_types(InstanceTypes=[*names])["InstanceTypes"]


def test_the_figures_of_well_known_types_are_aws_own(ec2):
    micro, large, graviton = described(ec2, "t3.micro", "m5.large", "m6gd.xlarge")
    assert micro["VCpuInfo"]["DefaultVCpus"] == 2 and micro["MemoryInfo"]["SizeInMiB"] == 1024
    assert micro["BurstablePerformanceSupported"] and micro["FreeTierEligible"]
    assert micro["NetworkInfo"]["MaximumNetworkInterfaces"] == 2
    assert micro["NetworkInfo"]["Ipv4AddressesPerInterface"] == 2
    assert micro["EbsInfo"]["EbsOptimizedInfo"]["BaselineBandwidthInMbps"] == 87
    assert micro["EbsInfo"]["EbsOptimizedInfo"]["MaximumBandwidthInMbps"] == 2085
    assert (large["VCpuInfo"]["DefaultVCpus"], large["VCpuInfo"]["DefaultCores"]) == (2, 1)
    assert large["NetworkInfo"]["MaximumNetworkInterfaces"] == 3
    assert large["NetworkInfo"]["Ipv4AddressesPerInterface"] == 10
    assert large["NetworkInfo"]["NetworkPerformance"] == "Up to 10 Gigabit"
    assert large["EbsInfo"]["EbsOptimizedInfo"]["MaximumIops"] == 18750
    assert large["Hypervisor"] == "nitro" and large["ProcessorInfo"]["Manufacturer"] == "Intel"
    assert graviton["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]
    assert graviton["InstanceStorageInfo"]["TotalSizeInGB"] == 237
    assert graviton["VCpuInfo"]["DefaultThreadsPerCore"] == 1


def test_types_are_found_by_filters_and_pages(ec2):
    filters = [
        {"Name": "vcpu-info.default-vcpus", "Values": ["96"]},
        {"Name": "bare-metal", "Values": ["true"]},
        {"Name": "instance-type", "Values": ["m5*"]},
    ]
    pages = ec2.get_paginator("describe_instance_types").paginate(Filters=filters, PaginationConfig={"PageSize": 5})
    names = [one["InstanceType"] for page in pages for one in page["InstanceTypes"]]
    assert {"m5.metal", "m5d.metal"} <= {*names}
    everything = ec2.get_paginator("describe_instance_types").paginate()
    assert sum(len(page["InstanceTypes"]) for page in everything) > 800


def test_types_that_there_are_not_are_refused(ec2, refused):
    with refused("InvalidInstanceType", "The following supplied instance types do not exist: [t3.huge]"):
        described(ec2, "t3.micro", "t3.huge")


def test_offerings_are_by_region_and_by_zone(ec2):
    filters = [{"Name": "instance-type", "Values": ["t3.micro"]}]
    offered = ec2.describe_instance_type_offerings(Filters=filters)["InstanceTypeOfferings"]
    assert [(one["InstanceType"], one["Location"]) for one in offered] == [("t3.micro", "us-east-1")]
    zones = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=filters)
    assert len(zones["InstanceTypeOfferings"]) >= 3


def test_types_are_chosen_by_requirements(ec2):
    wanted = {"VCpuCount": {"Min": 2, "Max": 4}, "MemoryMiB": {"Min": 8192, "Max": 16384}}
    asked = {"ArchitectureTypes": ["x86_64"], "VirtualizationTypes": ["hvm"]}
    found = ec2.get_instance_types_from_instance_requirements(**asked, InstanceRequirements=wanted)["InstanceTypes"]
    names = {one["InstanceType"] for one in found}
    assert "m5.large" in names and "t3.large" not in names and "m6g.large" not in names
    wanted |= {"BurstablePerformance": "required", "CpuManufacturers": ["amd"]}
    found = ec2.get_instance_types_from_instance_requirements(**asked, InstanceRequirements=wanted)["InstanceTypes"]
    assert {one["InstanceType"].split(".")[0] for one in found} == {"t3a"}
