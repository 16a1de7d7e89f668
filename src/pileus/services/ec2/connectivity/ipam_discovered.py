"""What discoveries of IPAM find: accounts, the blocks of VPCs and subnets, public addresses; and who may see it all."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged, selected
from pileus.services.ec2.kinds import named
from pileus.services.ec2.network.addresses import Address
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.tags import shown_tags

from . import ipam_resources
from .ipam_discoveries import Discovery

PRINCIPAL = "ipam.amazonaws.com"


ACCOUNT_FILTERS = Filters({"account-id": "AccountId", "discovery-region": "DiscoveryRegion"}, tags=None)


@ec2.operation
def get_ipam_discovered_accounts(
    call: Call,
    ipam_resource_discovery_id: str,
    discovery_region: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The accounts in which a discovery looks: the one that it belongs to."""
    one = named(call, Discovery, ipam_resource_discovery_id)
    looked = {"LastAttemptedDiscoveryTime": call.now, "LastSuccessfulDiscoveryTime": call.now}
    there = discovery_region in one.regions
    found = [{"AccountId": call.account, "DiscoveryRegion": discovery_region} | looked] if there else []
    member = "IpamDiscoveredAccounts"
    return selected(call, member, ACCOUNT_FILTERS, found, filters, max_results, next_token)


DISCOVERED = Filters(
    {
        "resource-id": "ResourceId",
        "resource-owner-id": "ResourceOwnerId",
        "resource-type": "ResourceType",
        "resource-cidr": "ResourceCidr",
        "vpc-id": "VpcId",
    },
    tags=None,
)


@ec2.operation
def get_ipam_discovered_resource_cidrs(
    call: Call,
    ipam_resource_discovery_id: str,
    resource_region: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The VPCs and subnets that a discovery finds in a Region, with how full they are."""
    one = named(call, Discovery, ipam_resource_discovery_id)
    found = [
        {
            "IpamResourceDiscoveryId": ipam_resource_discovery_id,
            "ResourceRegion": resource_region,
            "ResourceId": resource.id,
            "ResourceOwnerId": call.account,
            "ResourceCidr": resource.cidr,
            "ResourceType": resource.type,
            "ResourceTags": shown_tags(resource.tags),
            "IpUsage": resource.usage,
            "VpcId": resource.vpc_id,
            "SampleTime": call.now,
        }
        for resource in (
            ipam_resources.found(call.at(region=resource_region)) if resource_region in one.regions else ()
        )
    ]
    chosen = DISCOVERED.select(found, filters)
    return paged(call, "IpamDiscoveredResourceCidrs", chosen, max_results, next_token)


PUBLIC = Filters(
    {
        "address": "Address",
        "address-allocation-id": "AddressAllocationId",
        "address-owner-id": "AddressOwnerId",
        "association-status": "AssociationStatus",
        "network-interface-id": "NetworkInterfaceId",
        "subnet-id": "SubnetId",
        "vpc-id": "VpcId",
    },
    tags=None,
)


@ec2.operation
def get_ipam_discovered_public_addresses(
    call: Call,
    ipam_resource_discovery_id: str,
    address_region: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The Elastic IP addresses that a discovery finds in a Region."""
    one = named(call, Discovery, ipam_resource_discovery_id)
    there = call.at(region=address_region)
    addresses = Address.scan(there) if address_region in one.regions else ()
    found = [{"IpamResourceDiscoveryId": ipam_resource_discovery_id} | _public(there, each) for each in addresses]
    page = selected(call, "IpamDiscoveredPublicAddresses", PUBLIC, found, filters, max_results, next_token)
    return page | {"OldestSampleTime": call.now}


def _public(call: Call, one: Address) -> Members:
    interface = NetworkInterface.get(call, one.network_interface_id) if one.network_interface_id else None
    return {
        "AddressRegion": call.region,
        "Address": one.public_ip,
        "AddressOwnerId": call.account,
        "AddressAllocationId": one.allocation_id,
        "AssociationStatus": "associated" if one.association_id else "disassociated",
        "AddressType": "amazon-owned-eip",
        "VpcId": interface.vpc_id if interface else None,
        "SubnetId": interface.subnet_id if interface else None,
        "NetworkInterfaceId": one.network_interface_id or None,
        "NetworkInterfaceDescription": interface.description if interface else None,
        "InstanceId": (interface.instance_id or None) if interface else None,
        "Tags": {"EipTags": shown_tags(one.tags)},
        "NetworkBorderGroup": one.network_border_group,
        "SampleTime": call.now,
    }


@ec2.operation
def enable_ipam_organization_admin_account(call: Call, delegated_admin_account_id: str) -> Members:
    """Let an account of the organization manage all its addresses; IPAM is trusted with that from then on."""
    organizations = call.aws("organizations")
    organizations.enable_aws_service_access(service_principal=PRINCIPAL)
    organizations.register_delegated_administrator(account_id=delegated_admin_account_id, service_principal=PRINCIPAL)
    return {"Success": True}


@ec2.operation
def disable_ipam_organization_admin_account(call: Call, delegated_admin_account_id: str) -> Members:
    """Let it no longer."""
    call.aws("organizations").deregister_delegated_administrator(
        account_id=delegated_admin_account_id, service_principal=PRINCIPAL
    )
    return {"Success": True}
