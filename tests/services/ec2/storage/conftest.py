"""What the tests of volumes, snapshots and images share."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def volume(ec2, clock):
    """Make a volume, and let it become available."""

    def make(**members):
        made = ec2.create_volume(**{"AvailabilityZone": "us-east-1a", "Size": 8} | members)["VolumeId"]
        clock.advance(5)
        return made

    return make
