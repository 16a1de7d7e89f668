"""What the metadata service tells of an instance: a tree, in which what is None is not there.

User Guide, "Access instance metadata for an EC2 instance", instance metadata categories.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pileus.services.ec2.describing import Members

from . import interfaces
from .interfaces import lines
from .subject import Subject

Node = Any
"""A text, a folder of further nodes by name, a function that makes one of these, or None for nothing."""

IDENTITY_ROLE = "identity-credentials/ec2"
BY_DOMAIN = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown(members: Members) -> str:
    """JSON as the service writes it."""
    return json.dumps(members, indent=2, separators=(",", " : "))


def meta_data(subject: Subject) -> dict[str, Node]:
    one = subject.instance
    private, public = one.get("PrivateDnsName") or None, one.get("PublicDnsName") or None
    spot = one.get("InstanceLifecycle") == "spot"
    return {
        "ami-id": one["ImageId"],
        "ami-launch-index": str(one.get("AmiLaunchIndex", 0)),
        "ami-manifest-path": "(unknown)",
        "autoscaling": {"target-lifecycle-state": subject.lifecycle_state} if subject.lifecycle_state else None,
        "block-device-mapping": devices(one),
        "events": events(subject),
        "hostname": private,
        "iam": iam(subject),
        "instance-action": "none",
        "instance-id": subject.id,
        "instance-life-cycle": one.get("InstanceLifecycle", "on-demand"),
        "instance-type": one["InstanceType"],
        "ipv6": one.get("Ipv6Address") or None,
        "kernel-id": one.get("KernelId") or None,
        "local-hostname": private,
        "local-ipv4": one.get("PrivateIpAddress") or None,
        "mac": next((each["MacAddress"] for each in one.get("NetworkInterfaces", [])), None),
        "managed-ssh-keys": managed_keys(subject),
        "network": {"interfaces": {"macs": interfaces.all_of(subject) or None}},
        "placement": placement(subject),
        "product-codes": lines(code["ProductCodeId"] for code in one.get("ProductCodes", [])),
        "profile": "default-hvm",
        "public-hostname": public,
        "public-ipv4": one.get("PublicIpAddress") or None,
        "public-keys": public_keys(subject),
        "ramdisk-id": one.get("RamdiskId") or None,
        "reservation-id": subject.reservation_id or None,
        "security-groups": lines(group["GroupName"] for group in one.get("SecurityGroups", [])),
        "services": {"domain": BY_DOMAIN.get(subject.partition, "amazonaws.com"), "partition": subject.partition},
        "spot": interruption(subject) if spot else None,
        "system": "nitro",
        "tags": tags(subject),
    }


def devices(one: Members) -> dict[str, Node]:
    """Disks by what they are called there: names without /dev."""
    root = one.get("RootDeviceName", "")
    names = [mapping["DeviceName"] for mapping in one.get("BlockDeviceMappings", [])]
    others = [name for name in names if name != root]
    numbered = {f"ebs{number}": short(name) for number, name in enumerate(others, 1)}
    return {"ami": short(root) or None, **numbered, "root": root or None}


def short(device: str) -> str:
    return device.removeprefix("/dev/")


def events(subject: Subject) -> dict[str, Node]:
    recommended = {"rebalance": shown({"noticeTime": subject.rebalance})} if subject.rebalance else None
    return {
        "maintenance": {
            "history": listed([event for event in subject.scheduled if event["State"] != "active"]),
            "scheduled": listed([event for event in subject.scheduled if event["State"] == "active"]),
        },
        "recommendations": recommended,
    }


def listed(events: list[Members]) -> str:
    return json.dumps(events, indent=2, separators=(",", " : "))


def iam(subject: Subject) -> dict[str, Node] | None:
    profile = subject.instance.get("IamInstanceProfile")
    if not profile:
        return None

    def info() -> str:
        updated = subject.credentials().get("LastUpdated", "") if subject.role else ""
        told = {"InstanceProfileArn": profile["Arn"], "InstanceProfileId": profile["Id"]}
        return shown({"Code": "Success", "LastUpdated": updated} | told)

    given: Callable[[], str] = lambda: shown(subject.credentials())  # noqa: E731
    return {"info": info, "security-credentials": {subject.role: given} if subject.role else {}}


def placement(subject: Subject) -> dict[str, Node]:
    where = subject.instance.get("Placement", {})
    partition = where.get("PartitionNumber")
    return {
        "availability-zone": where.get("AvailabilityZone"),
        "availability-zone-id": subject.zone_id or None,
        "group-name": where.get("GroupName") or None,
        "host-id": where.get("HostId") or None,
        "partition-number": str(partition) if partition else None,
        "region": subject.region,
    }


def public_keys(subject: Subject) -> dict[str, Node] | None:
    """Listed with the name of the pair, and found by the number."""
    if not subject.public_key:
        return None
    return {"0": {"openssh-key": subject.public_key.rstrip("\n")}}


def managed_keys(subject: Subject) -> dict[str, Node] | None:
    if not subject.pushed_keys:
        return None
    return {"active-keys": {user: "\n".join(keys) for user, keys in subject.pushed_keys.items()}}


def interruption(subject: Subject) -> dict[str, Node] | None:
    """Two minutes' notice; `termination-time` is the older way to give it."""
    if not subject.interruption:
        return None
    action, when = subject.interruption["action"], subject.interruption["time"]
    return {
        "instance-action": json.dumps({"action": action, "time": when}),
        "termination-time": when if action == "terminate" else None,
    }


def tags(subject: Subject) -> dict[str, Node] | None:
    if subject.options["InstanceMetadataTags"] != "enabled" or not subject.tags:
        return None
    return {"instance": {key: value for key, value in sorted(subject.tags.items()) if not key.startswith("aws:")}}
