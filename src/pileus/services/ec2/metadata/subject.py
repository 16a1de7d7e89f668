"""Of whom the metadata service tells something, with everything that it may tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from pileus.services.ec2.describing import Members

OPTIONS = {
    "HttpTokens": "optional",
    "HttpEndpoint": "enabled",
    "HttpPutResponseHopLimit": 1,
    "HttpProtocolIpv6": "disabled",
    "InstanceMetadataTags": "disabled",
}
"""How the service may be asked, where an instance does not say."""


class Subnet(Struct):
    """The prefixes of a subnet, or of a VPC."""

    v4: list[str] = []
    v6: list[str] = []


class Subject(Struct):
    instance: Members
    """As DescribeInstances shows it."""
    account: str
    region: str
    partition: str = "aws"
    reservation_id: str = ""
    user_data: bytes = b""
    public_key: str = ""
    """Of the key pair, as authorized_keys(5) has it."""
    subnets: dict[str, Subnet] = {}
    vpcs: dict[str, Subnet] = {}
    zone_id: str = ""
    role: str = ""
    """The name of the role in its instance profile."""
    credentials: Callable[[], Members] = dict
    """The role's, as the service shows them."""
    pushed_keys: dict[str, list[str]] = {}
    """Keys that let in for now, by user."""
    interruption: Members = {}
    """What is going to become of a spot instance: `action` and `time`."""
    rebalance: str = ""
    """When it was recommended to replace a spot instance."""
    lifecycle_state: str = ""
    """What an Auto Scaling group wants of it."""
    scheduled: list[Members] = []
    """Events of maintenance, those to come and those that were."""

    @property
    def id(self) -> str:
        return str(self.instance["InstanceId"])

    @property
    def options(self) -> dict[str, Any]:
        return {**OPTIONS, **self.instance.get("MetadataOptions", {})}

    @property
    def tags(self) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.instance.get("Tags", [])}
