"""What can be shared: the types of resources that services declare as shareable, and AWS's permissions for them."""

from __future__ import annotations

from typing import NamedTuple

from pileus.kernel import Call, Fault, arn
from pileus.kernel.cloud import services

from .faults import invalid, malformed, unknown


class Managed(NamedTuple):
    """One of AWS's permissions."""

    name: str
    actions: tuple[str, ...]


TYPES = {
    "acm-pca:CertificateAuthority": (
        Managed(
            "AWSRAMDefaultPermissionCertificateAuthority",
            (
                "acm-pca:DescribeCertificateAuthority",
                "acm-pca:GetCertificate",
                "acm-pca:GetCertificateAuthorityCertificate",
                "acm-pca:IssueCertificate",
                "acm-pca:ListPermissions",
                "acm-pca:ListTags",
            ),
        ),
        Managed("AWSRAMRevokeCertificateCertificateAuthority", ("acm-pca:RevokeCertificate",)),
    ),
    "ec2:CapacityReservation": (
        Managed(
            "AWSRAMDefaultPermissionCapacityReservation",
            (
                "ec2:DescribeCapacityReservations",
                "ec2:ModifyInstanceCapacityReservationAttributes",
                "ec2:RunInstances",
                "ec2:StartInstances",
            ),
        ),
    ),
    "ec2:DedicatedHost": (
        Managed(
            "AWSRAMDefaultPermissionDedicatedHost",
            ("ec2:DescribeHosts", "ec2:ModifyInstancePlacement", "ec2:RunInstances", "ec2:StartInstances"),
        ),
    ),
    "ec2:IpamPool": (
        Managed(
            "AWSRAMDefaultPermissionsIpamPool",
            (
                "ec2:AllocateIpamPoolCidr",
                "ec2:DescribeIpamPools",
                "ec2:GetIpamPoolAllocations",
                "ec2:GetIpamPoolCidrs",
                "ec2:ReleaseIpamPoolAllocation",
            ),
        ),
    ),
    "ec2:PrefixList": (
        Managed(
            "AWSRAMDefaultPermissionPrefixList",
            (
                "ec2:DescribeManagedPrefixLists",
                "ec2:GetManagedPrefixListAssociations",
                "ec2:GetManagedPrefixListEntries",
            ),
        ),
    ),
    "ec2:Subnet": (
        Managed(
            "AWSRAMDefaultPermissionSubnet",
            (
                "ec2:CreateNetworkInterface",
                "ec2:CreateSecurityGroup",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
                "ec2:RunInstances",
            ),
        ),
    ),
    "ec2:TransitGateway": (
        Managed(
            "AWSRAMDefaultPermissionTransitGateway",
            (
                "ec2:CreateTransitGatewayVpcAttachment",
                "ec2:DeleteTransitGatewayVpcAttachment",
                "ec2:DescribeTransitGatewayVpcAttachments",
                "ec2:DescribeTransitGateways",
                "ec2:ModifyTransitGatewayVpcAttachment",
            ),
        ),
    ),
    "ec2:TransitGatewayMulticastDomain": (
        Managed(
            "AWSRAMDefaultPermissionTransitGatewayMulticastDomain",
            (
                "ec2:AssociateTransitGatewayMulticastDomain",
                "ec2:DeregisterTransitGatewayMulticastGroupMembers",
                "ec2:DeregisterTransitGatewayMulticastGroupSources",
                "ec2:DescribeTransitGatewayMulticastDomains",
                "ec2:DisassociateTransitGatewayMulticastDomain",
                "ec2:GetTransitGatewayMulticastDomainAssociations",
                "ec2:RegisterTransitGatewayMulticastGroupMembers",
                "ec2:RegisterTransitGatewayMulticastGroupSources",
                "ec2:SearchTransitGatewayMulticastGroups",
            ),
        ),
    ),
    "s3:AccessGrants": (
        Managed(
            "AWSRAMPermissionAccessGrantsData",
            (
                "s3:GetAccessGrantsInstanceForPrefix",
                "s3:GetDataAccess",
                "s3:ListAccessGrants",
                "s3:ListAccessGrantsLocations",
                "s3:ListCallerAccessGrants",
            ),
        ),
    ),
    "ssm:Parameter": (
        Managed(
            "AWSRAMDefaultPermissionSSMParameterReadOnly",
            ("ssm:DescribeParameters", "ssm:GetParameter", "ssm:GetParameters"),
        ),
        Managed(
            "AWSRAMPermissionSSMParameterReadOnlyWithHistory",
            ("ssm:DescribeParameters", "ssm:GetParameter", "ssm:GetParameterHistory", "ssm:GetParameters"),
        ),
    ),
}
"""AWS's permissions by type of resource; the first one is the type's default (RAM console, "Managed permissions").

A type takes effect as soon as its service declares it (`@service.shareable`).
"""


def types(call: Call) -> list[str]:
    """The types of resources that services of this cloud share."""
    return [kind for kind in TYPES if kind in shares(call, kind)]


def shares(call: Call, kind: str) -> set[str]:
    """The shareable types of the service that a type belongs to."""
    service = kind.partition(":")[0]
    return set(call.cloud.service(service).shares) if service in services() else set()


def check_type(call: Call, kind: str) -> str:
    """A type of resources, as it is written; any case will do."""
    found = next((known for known in TYPES if known.lower() == kind.lower()), "")
    if not found or found not in shares(call, found):
        raise invalid(f"The resource type {kind} is not supported.")
    return found


def type_of(call: Call, resource: str) -> str:
    """The type of a resource of the calling account, which is there and may be shared."""
    try:
        parsed = arn.parse(resource)
    except ValueError:
        raise malformed(resource) from None
    if parsed.account != call.account:
        raise invalid(f"You cannot share {resource}: your account does not own it.")
    for kind in TYPES:
        if kind.partition(":")[0] == parsed.service and kind in shares(call, kind):
            try:
                if call.cloud.service(parsed.service).shares[kind](call, resource):
                    return kind
            except Fault as fault:
                raise invalid(fault.message) from None
    raise unknown(f"Resource {resource}")
