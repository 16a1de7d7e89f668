"""What EC2 knows of an account: which VPC is its default one, and how long its ids are.

Ids are long ones of every kind, for all accounts and for good, as on AWS since 2018: they can no longer be changed.
"""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value

from . import limits
from .vpcs import default_vpc

LONG_IDS = (
    "bundle", "conversion-task", "customer-gateway", "dhcp-options", "elastic-ip-allocation", "elastic-ip-association",
    "export-task", "flow-log", "image", "import-task", "instance", "internet-gateway", "network-acl",
    "network-acl-association", "network-interface", "network-interface-attachment", "prefix-list", "reservation",
    "route-table", "route-table-association", "security-group", "snapshot", "subnet", "subnet-cidr-block-association",
    "volume", "vpc", "vpc-cidr-block-association", "vpc-endpoint", "vpc-peering-connection", "vpn-connection",
    "vpn-gateway",
)  # fmt: skip
"""The kinds of resources whose ids once were short."""


@ec2.operation
def describe_account_attributes(call: Call, attribute_names: list[str] = []) -> Members:
    """The account's platform, its default VPC, and how much it may have."""
    vpc = default_vpc(call)
    attributes = {
        "supported-platforms": "VPC",
        "default-vpc": vpc.vpc_id if vpc else "none",
        "max-instances": "20",
        "vpc-max-security-groups-per-interface": str(limits.GROUPS_OF_INTERFACE),
        "max-elastic-ips": str(limits.ADDRESSES),
        "vpc-max-elastic-ips": str(limits.ADDRESSES),
    }
    if unknown := [name for name in attribute_names if name not in attributes]:
        raise bad_value("attributeName", ", ".join(unknown))
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": value}]}
            for name, value in attributes.items()
            if not attribute_names or name in attribute_names
        ]
    }


def statuses(resource: str = "") -> list[Members]:
    if resource and resource not in LONG_IDS:
        raise bad_value("resource", resource)
    return [{"Resource": one, "UseLongIds": True} for one in LONG_IDS if resource in ("", one)]


@ec2.operation
def describe_id_format(call: Call, resource: str = "") -> Members:
    """How long the ids are of what the caller makes."""
    return {"Statuses": statuses(resource)}


@ec2.operation
def describe_identity_id_format(call: Call, principal_arn: str, resource: str = "") -> Members:
    """How long the ids are of what a principal of the account makes."""
    check_principal(call, principal_arn)
    return {"Statuses": statuses(resource)}


@ec2.operation
def describe_principal_id_format(
    call: Call, resources: list[str] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The root user alone: nobody else can have chosen otherwise, since there is nothing to choose any more."""
    found = [one for resource in resources or [""] for one in statuses(resource)]
    return {"Principals": [{"Arn": f"arn:{call.partition}:iam::{call.account}:root", "Statuses": found}]}


@ec2.operation
def describe_aggregate_id_format(call: Call) -> Members:
    """Whether all ids are long."""
    return {"UseLongIdsAggregated": True, "Statuses": statuses()}


@ec2.operation
def modify_id_format(call: Call, resource: str, use_long_ids: bool) -> None:
    """Ask for long ids, which there are anyway; there are no short ones any more."""
    check_long(resource, use_long_ids)


@ec2.operation
def modify_identity_id_format(call: Call, resource: str, use_long_ids: bool, principal_arn: str) -> None:
    """Ask for long ids, which there are anyway; there are no short ones any more."""
    if principal_arn != "all":
        check_principal(call, principal_arn)
    if resource != "all-current":
        check_long(resource, use_long_ids)


def check_long(resource: str, use_long_ids: bool) -> None:
    statuses(resource)
    if not use_long_ids:
        raise Fault("OperationNotPermitted", f"The ID format of {resource} can no longer be modified.")


def check_principal(call: Call, principal_arn: str) -> None:
    if not principal_arn.startswith(f"arn:{call.partition}:iam::{call.account}:"):
        raise bad_value("principalArn", principal_arn)
