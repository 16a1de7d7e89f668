"""Multicast domains of transit gateways: which subnets take part, and which interfaces send and receive.

A domain that is shared lets in the subnets of other accounts when its owner accepts them. Left out: groups that hosts
join by IGMP.
"""

from __future__ import annotations

from ipaddress import ip_address

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.resource import Resource, Row, hex_id, now, owner
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged, selected
from pileus.services.ec2.kinds import kind, named
from pileus.services.ec2.network.interfaces import NetworkInterface

from . import homes
from .transit_attachments import VPC, Attachment, of_kind
from .transit_attachments import parts as attachment_parts
from .transit_gateways import available, shared

MISSING = (
    "InvalidTransitGatewayMulticastDomainId.NotFound",
    "Transit Gateway Multicast Domain {} was deleted or does not exist.",
)
SHARED = "ec2:TransitGatewayMulticastDomain"
PENDING, ASSOCIATED = "pendingAcceptance", "associated"
DEFAULTS = {"Igmpv2Support": "disable", "StaticSourcesSupport": "disable", "AutoAcceptSharedAssociations": "disable"}


class SubnetInDomain(
    Record,
    key=("domain", "attachment", "subnet"),
    table="ec2.MulticastAssociation",
    indexes={"by_attachment": ("attachment",)},
):
    """A subnet that takes part."""

    domain: str
    attachment: str
    subnet: str
    state: str = ASSOCIATED


class InGroup(Record, key=("domain", "group", "interface", "source"), table="ec2.MulticastGroup"):
    """An interface that receives what is sent to a group, or sends to it."""

    domain: str
    group: str
    interface: str
    source: bool
    subnet: str
    attachment: str


@attachment_parts.ends_with
def attachment_gone(call: Call, attachment: Attachment) -> None:
    """The subnets of an attachment take part no longer when it goes."""
    what = attachment.transit_gateway_attachment_id
    for one in [*SubnetInDomain.scan(call, what, index="by_attachment")]:
        one.delete(call)
        for member in [member for member in InGroup.scan(call, one.domain) if member.attachment == what]:
            member.delete(call)


@kind("transit-gateway-multicast-domain", "tgw-mcast-domain", missing=MISSING)
class MulticastDomain(Resource, service=ec2, cfn="AWS::EC2::TransitGatewayMulticastDomain"):
    """A multicast domain."""

    key = "TransitGatewayMulticastDomainId"
    arn = ("TransitGatewayMulticastDomainArn", "transit-gateway-multicast-domain/{TransitGatewayMulticastDomainId}")
    create, list = "CreateTransitGatewayMulticastDomain", "DescribeTransitGatewayMulticastDomains"
    delete = "DeleteTransitGatewayMulticastDomain"
    missing = MISSING
    tags = "TagSpecifications"
    states = "State: pending -> available after 1s; deleting -> deleted after 1s; deleted -> gone after 1h"
    fields = {"TransitGatewayMulticastDomainId": hex_id("tgw-mcast-domain"), "OwnerId": owner, "CreationTime": now}
    filters = {
        "state": "State",
        "transit-gateway-id": "TransitGatewayId",
        "transit-gateway-multicast-domain-id": "TransitGatewayMulticastDomainId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        gateway = available(call, row["TransitGatewayId"])
        if gateway.options["MulticastSupport"] != "enable":
            raise Fault("InvalidTransitGatewayId", f"{row['TransitGatewayId']} does not support multicast.")
        row["Options"] = DEFAULTS | row.members.get("Options", {})

    @staticmethod
    def after_create(call: Call, row: Row) -> None:
        homes.settle(call, row["TransitGatewayMulticastDomainId"])

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        if SubnetInDomain.first(call, row["TransitGatewayMulticastDomainId"]):
            text = f"{row['TransitGatewayMulticastDomainId']} has non-deleted associations."
            raise Fault("IncorrectState", text)

    @staticmethod
    def after_delete(call: Call, row: Row) -> None:
        homes.leave(call, row["TransitGatewayMulticastDomainId"])


@ec2.shareable(SHARED)
def shareable(call: Call, arn: str) -> bool:
    """Whether an ARN is that of a domain of the account."""
    kind_name, _, what = arn.rpartition(":")[2].partition("/")
    return kind_name == "transit-gateway-multicast-domain" and MulticastDomain.find(call, what) is not None


def seen(call: Call, domain_id: str) -> tuple[Call, Row]:
    """A domain of the account, or one that is shared with it; and a call that looks at its owner."""
    there = homes.of(call, domain_id) or call
    found = MulticastDomain.find(there, domain_id)
    if found is None or (there.account != call.account and not shared(call, found[MulticastDomain.family.arn])):
        return call, MulticastDomain.named(call, domain_id)
    return there, found


@ec2.operation
def associate_transit_gateway_multicast_domain(
    call: Call, transit_gateway_multicast_domain_id: str, transit_gateway_attachment_id: str, subnet_ids: list[str]
) -> Members:
    """Let subnets of an attached VPC take part; those of other accounts ask for it."""
    what = transit_gateway_multicast_domain_id
    there, domain = seen(call, what)
    attachment = of_kind(call, transit_gateway_attachment_id, (VPC,), ("available",))
    asks = there.account != call.account and domain["Options"]["AutoAcceptSharedAssociations"] != "enable"
    state = PENDING if asks else ASSOCIATED
    if attachment.transit_gateway_id != domain["TransitGatewayId"]:
        text = f"{transit_gateway_attachment_id} is not attached to {domain['TransitGatewayId']}."
        raise Fault("InvalidParameterValue", text)
    for subnet in subnet_ids:
        if subnet not in attachment.subnet_ids:
            raise Fault("InvalidParameterValue", f"{subnet} is not a subnet of {transit_gateway_attachment_id}.")
        SubnetInDomain(what, transit_gateway_attachment_id, subnet, state).put(there)
    return {"Associations": _associations(what, attachment, subnet_ids, PENDING if asks else "associating")}


@ec2.operation
def accept_transit_gateway_multicast_domain_associations(
    call: Call,
    transit_gateway_multicast_domain_id: str = "",
    transit_gateway_attachment_id: str = "",
    subnet_ids: list[str] = [],
) -> Members:
    """Let subnets of another account take part in a domain of the account's."""
    what, attachment_id = transit_gateway_multicast_domain_id, transit_gateway_attachment_id
    for one in _asking(call, what, attachment_id, subnet_ids):
        one.state = ASSOCIATED
        one.put(call)
    return {"Associations": _associations(what, named(call, Attachment, attachment_id), subnet_ids, "associating")}


@ec2.operation
def reject_transit_gateway_multicast_domain_associations(
    call: Call,
    transit_gateway_multicast_domain_id: str = "",
    transit_gateway_attachment_id: str = "",
    subnet_ids: list[str] = [],
) -> Members:
    """Keep subnets of another account out."""
    what, attachment_id = transit_gateway_multicast_domain_id, transit_gateway_attachment_id
    for one in _asking(call, what, attachment_id, subnet_ids):
        one.delete(call)
    return {"Associations": _associations(what, named(call, Attachment, attachment_id), subnet_ids, "rejected")}


def _asking(call: Call, domain: str, attachment: str, subnets: list[str]) -> list[SubnetInDomain]:
    """The subnets that ask to take part."""
    MulticastDomain.named(call, domain)
    of_kind(call, attachment, (VPC,))
    found = [(what, SubnetInDomain.get(call, domain, attachment, what)) for what in subnets]
    for what, one in found:
        if one is None or one.state != PENDING:
            raise Fault("InvalidParameterValue", f"{what} has no pending association with {domain}.")
    return [one for _, one in found if one]


@ec2.operation
def disassociate_transit_gateway_multicast_domain(
    call: Call, transit_gateway_multicast_domain_id: str, transit_gateway_attachment_id: str, subnet_ids: list[str]
) -> Members:
    """Let subnets take part no longer; their interfaces leave their groups."""
    what = transit_gateway_multicast_domain_id
    there, _ = seen(call, what)
    attachment = of_kind(call, transit_gateway_attachment_id, (VPC,))
    for subnet in subnet_ids:
        found = SubnetInDomain.get(there, what, transit_gateway_attachment_id, subnet)
        if found is None:
            raise Fault("InvalidParameterValue", f"{subnet} is not associated with {what}.")
        found.delete(there)
        for one in [one for one in InGroup.scan(there, what) if one.subnet == subnet]:
            one.delete(there)
    return {"Associations": _associations(what, attachment, subnet_ids, "disassociating")}


def _associations(domain: str, attachment: Attachment, subnets: list[str], state: str) -> Members:
    return {
        "TransitGatewayMulticastDomainId": domain,
        "TransitGatewayAttachmentId": attachment.transit_gateway_attachment_id,
        "ResourceId": attachment.resource_id,
        "ResourceType": attachment.resource_type,
        "ResourceOwnerId": attachment.resource_owner,
        "Subnets": [{"SubnetId": subnet, "State": state} for subnet in subnets],
    }


ASSOCIATION_FILTERS = Filters(
    {
        "resource-id": "ResourceId",
        "resource-type": "ResourceType",
        "state": "Subnet.State",
        "subnet-id": "Subnet.SubnetId",
        "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
    },
    tags=None,
)


@ec2.operation
def get_transit_gateway_multicast_domain_associations(
    call: Call,
    transit_gateway_multicast_domain_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The subnets that take part, and those that ask for it."""
    there, _ = seen(call, transit_gateway_multicast_domain_id)
    found = []
    for one in SubnetInDomain.scan(there, transit_gateway_multicast_domain_id):
        attachment = named(there, Attachment, one.attachment)
        shown = _associations(one.domain, attachment, [one.subnet], one.state)
        found.append(shown | {"Subnet": shown["Subnets"][0]})
    chosen = ASSOCIATION_FILTERS.select(found, filters)
    kept = ("TransitGatewayAttachmentId", "ResourceId", "ResourceType", "ResourceOwnerId", "Subnet")
    items = [{name: one[name] for name in kept} for one in chosen]
    return paged(call, "MulticastDomainAssociations", items, max_results, next_token)


# Groups


@ec2.operation
def register_transit_gateway_multicast_group_members(
    call: Call,
    transit_gateway_multicast_domain_id: str,
    network_interface_ids: list[str],
    group_ip_address: str = "",
) -> Members:
    """Let interfaces receive what is sent to a group."""
    _register(call, transit_gateway_multicast_domain_id, group_ip_address, network_interface_ids, source=False)
    shown = _group(transit_gateway_multicast_domain_id, group_ip_address)
    return {"RegisteredMulticastGroupMembers": shown | {"RegisteredNetworkInterfaceIds": network_interface_ids}}


@ec2.operation
def register_transit_gateway_multicast_group_sources(
    call: Call,
    transit_gateway_multicast_domain_id: str,
    network_interface_ids: list[str],
    group_ip_address: str = "",
) -> Members:
    """Let interfaces send to a group."""
    _, domain = seen(call, transit_gateway_multicast_domain_id)
    if domain["Options"]["StaticSourcesSupport"] != "enable":
        text = f"{transit_gateway_multicast_domain_id} does not support static sources."
        raise Fault("InvalidParameterValue", text)
    _register(call, transit_gateway_multicast_domain_id, group_ip_address, network_interface_ids, source=True)
    shown = _group(transit_gateway_multicast_domain_id, group_ip_address)
    return {"RegisteredMulticastGroupSources": shown | {"RegisteredNetworkInterfaceIds": network_interface_ids}}


@ec2.operation
def deregister_transit_gateway_multicast_group_members(
    call: Call,
    transit_gateway_multicast_domain_id: str = "",
    group_ip_address: str = "",
    network_interface_ids: list[str] = [],
) -> Members:
    """Let interfaces receive no longer what is sent to a group."""
    gone = _deregister(call, transit_gateway_multicast_domain_id, group_ip_address, network_interface_ids, source=False)
    shown = _group(transit_gateway_multicast_domain_id, group_ip_address)
    return {"DeregisteredMulticastGroupMembers": shown | {"DeregisteredNetworkInterfaceIds": gone}}


@ec2.operation
def deregister_transit_gateway_multicast_group_sources(
    call: Call,
    transit_gateway_multicast_domain_id: str = "",
    group_ip_address: str = "",
    network_interface_ids: list[str] = [],
) -> Members:
    """Let interfaces send to a group no longer."""
    gone = _deregister(call, transit_gateway_multicast_domain_id, group_ip_address, network_interface_ids, source=True)
    shown = _group(transit_gateway_multicast_domain_id, group_ip_address)
    return {"DeregisteredMulticastGroupSources": shown | {"DeregisteredNetworkInterfaceIds": gone}}


def _group(domain: str, group: str) -> Members:
    return {"TransitGatewayMulticastDomainId": domain, "GroupIpAddress": group}


def _register(call: Call, domain: str, group: str, interfaces: list[str], *, source: bool) -> None:
    there, _ = seen(call, domain)
    if not group or not ip_address(group).is_multicast:
        raise Fault("InvalidParameterValue", f"Value ({group}) for parameter groupIpAddress is invalid.")
    subnets = {one.subnet: one.attachment for one in SubnetInDomain.scan(there, domain) if one.state == ASSOCIATED}
    for what in interfaces:
        interface = named(call, NetworkInterface, what)
        if interface.subnet_id not in subnets:
            raise Fault("InvalidParameterValue", f"The subnet of {what} is not associated with {domain}.")
        InGroup(domain, group, what, source, interface.subnet_id, subnets[interface.subnet_id]).put(there)


def _deregister(call: Call, domain: str, group: str, interfaces: list[str], *, source: bool) -> list[str]:
    there, _ = seen(call, domain)
    gone = []
    for what in interfaces:
        found = InGroup.get(there, domain, group, what, source)
        if found is None:
            raise Fault("InvalidParameterValue", f"{what} is not registered with {group}.")
        found.delete(there)
        gone.append(what)
    return gone


GROUP_FILTERS = Filters(
    {
        "group-ip-address": "GroupIpAddress",
        "is-group-member": "GroupMember",
        "is-group-source": "GroupSource",
        "member-type": "MemberType",
        "resource-id": "ResourceId",
        "resource-type": "ResourceType",
        "source-type": "SourceType",
        "subnet-id": "SubnetId",
        "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
    },
    tags=None,
)


@ec2.operation
def search_transit_gateway_multicast_groups(
    call: Call,
    transit_gateway_multicast_domain_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The interfaces of groups."""
    there, _ = seen(call, transit_gateway_multicast_domain_id)
    found = []
    for one in InGroup.scan(there, transit_gateway_multicast_domain_id):
        attachment = named(there, Attachment, one.attachment)
        found.append(
            {
                "GroupIpAddress": one.group,
                "TransitGatewayAttachmentId": one.attachment,
                "SubnetId": one.subnet,
                "ResourceId": attachment.resource_id,
                "ResourceType": attachment.resource_type,
                "ResourceOwnerId": attachment.resource_owner,
                "NetworkInterfaceId": one.interface,
                "GroupMember": not one.source,
                "GroupSource": one.source,
                "SourceType" if one.source else "MemberType": "static",
            }
        )
    return selected(call, "MulticastGroups", GROUP_FILTERS, found, filters, max_results, next_token)
