"""Permissions that an interface's owner grants to another account or a service: kept and shown.

Left out: an account that attaches an interface of another one by such a permission.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import combination, missing
from pileus.services.ec2.kinds import kind, named, new_id

from .interfaces import NetworkInterface, life


@kind(
    "network-interface-permission",
    "eni-perm",
    missing=(
        "InvalidNetworkInterfacePermissionID.NotFound",
        "The network interface permission ID '{}' does not exist",
    ),
)
class InterfacePermission(
    Record, cfn="AWS::EC2::NetworkInterfacePermission", indexes={"of_interface": ("network_interface_id",)}
):
    network_interface_permission_id: str
    network_interface_id: str
    permission: str
    aws_account_id: str = ""
    aws_service: str = ""


FILTERS = Filters(
    {f"network-interface-permission.{name.replace('_', '-')}": name for name in InterfacePermission.__struct_fields__},
    tags=None,
)


@ec2.operation
def create_network_interface_permission(
    call: Call, network_interface_id: str, permission: str, aws_account_id: str = "", aws_service: str = ""
) -> Members:
    """Let an account attach an interface, or give it an Elastic IP address."""
    named(call, NetworkInterface, network_interface_id)
    if not aws_account_id and not aws_service:
        raise missing("awsAccountId", "awsService")
    if aws_account_id and aws_service:
        raise combination("Only one of awsAccountId and awsService may be specified.")
    if InterfacePermission.first(call, network_interface_id, index="of_interface"):
        text = f"The network interface {network_interface_id} already has a permission."
        raise Fault("NetworkInterfacePermissionLimitExceeded", text)
    made = InterfacePermission(
        new_id(InterfacePermission), network_interface_id, permission, aws_account_id, aws_service
    ).put(call)
    return {"InterfacePermission": shown(call, made)}


@ec2.operation
def describe_network_interface_permissions(
    call: Call,
    network_interface_permission_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The permissions that an account has granted."""
    return described(
        call,
        InterfacePermission,
        FILTERS,
        "NetworkInterfacePermissions",
        shown,
        network_interface_permission_ids,
        filters,
        max_results,
        next_token,
    )


def shown(call: Call, one: InterfacePermission) -> Members:
    return {
        "NetworkInterfacePermissionId": one.network_interface_permission_id,
        "NetworkInterfaceId": one.network_interface_id,
        "AwsAccountId": one.aws_account_id or None,
        "AwsService": one.aws_service or None,
        "Permission": one.permission,
        "PermissionState": {"State": "granted"},
    }


@ec2.operation
def delete_network_interface_permission(
    call: Call, network_interface_permission_id: str, force: bool = False
) -> Members:
    """Take a permission back; with `force` even of an interface that somebody has attached."""
    one = named(call, InterfacePermission, network_interface_permission_id)
    interface = named(call, NetworkInterface, one.network_interface_id)
    if interface.attachment and not force:
        text = f"The network interface {one.network_interface_id} is attached to an instance."
        raise Fault("OperationNotPermitted", text)
    one.delete(call)
    return {"Return": True}


@life.ends_with
def leave(call: Call, interface: NetworkInterface) -> None:
    for one in [*InterfacePermission.scan(call, interface.network_interface_id, index="of_interface")]:
        one.delete(call)
