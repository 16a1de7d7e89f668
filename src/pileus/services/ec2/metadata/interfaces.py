"""What the metadata service tells of an instance's interfaces: network/interfaces/macs/."""

from __future__ import annotations

from collections.abc import Iterable

from pileus.services.ec2.describing import Members

from .subject import Subject, Subnet

Texts = dict[str, "str | Texts | None"]


def lines(texts: Iterable[str]) -> str | None:
    """One a line; None where there are none, for then there is no such category."""
    return "\n".join(texts) or None


def all_of(subject: Subject) -> Texts:
    return {one["MacAddress"]: interface(subject, one) for one in subject.instance.get("NetworkInterfaces", [])}


def interface(subject: Subject, one: Members) -> Texts:
    private = one.get("PrivateIpAddresses", [])
    public = [each["Association"] for each in private if each.get("Association")]
    subnet = subject.subnets.get(one["SubnetId"], Subnet())
    vpc = subject.vpcs.get(one["VpcId"], Subnet())
    attachment = one.get("Attachment", {})
    groups = one.get("Groups", [])
    return {
        "device-number": str(attachment.get("DeviceIndex", 0)),
        "interface-id": one["NetworkInterfaceId"],
        "ipv4-associations": {
            each["Association"]["PublicIp"]: each["PrivateIpAddress"] for each in private if each.get("Association")
        }
        or None,
        "ipv4-prefix": lines(each["Ipv4Prefix"] for each in one.get("Ipv4Prefixes", [])),
        "ipv6-prefix": lines(each["Ipv6Prefix"] for each in one.get("Ipv6Prefixes", [])),
        "ipv6s": lines(each["Ipv6Address"] for each in one.get("Ipv6Addresses", [])),
        "local-hostname": one.get("PrivateDnsName") or None,
        "local-ipv4s": lines(each["PrivateIpAddress"] for each in private),
        "mac": one["MacAddress"],
        "network-card": str(attachment.get("NetworkCardIndex", 0)),
        "owner-id": one.get("OwnerId", subject.account),
        "public-hostname": next((each["PublicDnsName"] for each in public if each.get("PublicDnsName")), None),
        "public-ipv4s": lines(each["PublicIp"] for each in public),
        "security-group-ids": lines(each["GroupId"] for each in groups),
        "security-groups": lines(each["GroupName"] for each in groups),
        "subnet-id": one["SubnetId"],
        "subnet-ipv4-cidr-block": lines(subnet.v4),
        "subnet-ipv6-cidr-blocks": lines(subnet.v6),
        "vpc-id": one["VpcId"],
        "vpc-ipv4-cidr-block": vpc.v4[0] if vpc.v4 else None,
        "vpc-ipv4-cidr-blocks": lines(vpc.v4),
        "vpc-ipv6-cidr-blocks": lines(vpc.v6),
    }
