"""Partitions, Regions, the homes of global services, and Availability Zones."""

from __future__ import annotations

import pytest

from pileus.kernel import regions


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("eu-central-2", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
        ("aws-cn-global", "aws-cn", "amazonaws.com.cn"),
        ("us-future-7", "aws", "amazonaws.com"),
        ("us-gov-future-7", "aws-us-gov", "amazonaws.com"),
        ("nowhere", "aws", "amazonaws.com"),
    ],
)
def test_the_partition_of_a_region(region: str, partition: str, suffix: str) -> None:
    assert regions.partition_of(region) == partition
    assert regions.dns_suffix(region) == suffix


def test_a_region_is_known_or_fits_a_pattern() -> None:
    for name in ("us-east-1", "mx-central-1", "ap-anywhere-3", "cn-south-9"):
        assert regions.is_region(name)
    for name in ("", "aws-global", "aws-cn-global", "us-east", "us-east-1a", "US-EAST-1", "moon-1", "us-east-1\n", "*"):
        assert not regions.is_region(name)


def test_the_regions_of_a_partition() -> None:
    assert regions.regions("aws-cn") == ["cn-north-1", "cn-northwest-1"]
    assert regions.DEFAULT_REGION in regions.regions()
    assert "aws-global" not in regions.regions()
    with pytest.raises(KeyError):
        regions.regions("aws-moon")


@pytest.mark.parametrize(
    ("service", "region", "home"),
    [
        ("iam", "eu-west-1", "us-east-1"),
        ("sts", "eu-west-1", "us-east-1"),
        ("route53", "ap-south-1", "us-east-1"),
        ("cloudfront", "us-west-2", "us-east-1"),
        ("organizations", "us-west-2", "us-east-1"),
        ("networkmanager", "eu-west-1", "us-west-2"),
        ("iam", "cn-northwest-1", "cn-north-1"),
        ("route53", "cn-north-1", "cn-northwest-1"),
        ("iam", "us-gov-east-1", "us-gov-west-1"),
        ("iam", "eusc-de-east-1", "eusc-de-east-1"),
        ("sqs", "eu-west-1", "eu-west-1"),
        ("s3", "eu-west-1", "eu-west-1"),
        ("sqs", "aws-global", "us-east-1"),
    ],
)
def test_global_services_live_in_one_region_of_their_partition(service: str, region: str, home: str) -> None:
    assert regions.home_region(service, region) == home


def test_which_services_are_global() -> None:
    assert all(regions.is_global(name) for name in ("iam", "sts", "route53", "cloudfront", "organizations"))
    assert not any(regions.is_global(name) for name in ("s3", "sqs", "lambda", "ec2"))


@pytest.mark.parametrize(
    ("region", "names", "first"),
    [
        ("us-east-1", "abcdef", "use1-az1"),
        ("us-west-2", "abcd", "usw2-az1"),
        ("eu-central-1", "abc", "euc1-az1"),
        ("ap-northeast-1", "acd", "apne1-az1"),
        ("ap-southeast-2", "abc", "apse2-az1"),
        ("ca-central-1", "abd", "cac1-az1"),
        ("sa-east-1", "abc", "sae1-az1"),
        ("us-gov-west-1", "abc", "usgw1-az1"),
        ("cn-northwest-1", "abc", "cnnw1-az1"),
    ],
)
def test_availability_zones(region: str, names: str, first: str) -> None:
    zones = regions.zones(region)
    assert [zone.name for zone in zones] == [region + letter for letter in names]
    assert zones[0].id == first
    assert len({zone.id for zone in zones}) == len(zones)


def test_zone_ids_are_unique_across_regions() -> None:
    everywhere = [
        zone.id for known in regions.partitions() for region in regions.regions(known) for zone in regions.zones(region)
    ]
    assert len(set(everywhere)) == len(everywhere)
