"""Attaching network interfaces to instances, and their attributes.

ENA Express and queues are settings alone. Left out: attaching to another account's instance.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination, invalid, missing
from pileus.services.ec2.kinds import kind_of, named

from . import addresses, associations, changes, interface_addresses
from .interface_making import shown_attachment, shown_groups
from .interfaces import (
    ATTACHMENT,
    Attachment,
    NetworkInterface,
    attach,
    check_addresses,
    check_interfaces,
    detach,
    join,
    of_instance,
)


@ec2.operation
def attach_network_interface(
    call: Call,
    network_interface_id: str,
    instance_id: str,
    device_index: int,
    network_card_index: int = 0,
    ena_srd_specification: dict[str, Any] = {},
    ena_queue_count: int | None = None,
) -> Members:
    """Attach an interface to an instance in its zone."""
    interface = named(call, NetworkInterface, network_interface_id)
    check_instance(call, instance_id)
    for other in of_instance(call, instance_id):
        if other.device_index == device_index:
            text = f"Instance '{instance_id}' already has an interface attached at device index '{device_index}'."
            raise invalid(text)
        if other.availability_zone != interface.availability_zone:
            text = "You may not attach a network interface to an instance if they are not in the same availability zone"
            raise combination(text)
    if interface.attachment is None:
        check_interfaces(call, instance_id)
        check_addresses(call, instance_id, interface)
    made = attach(call, interface, instance_id, device_index, network_card_index=network_card_index)
    made.ena_srd, made.ena_queues = express(ena_srd_specification), ena_queue_count
    interface.put(call)
    return {"AttachmentId": made.attachment_id, "NetworkCardIndex": network_card_index}


def express(asked: dict[str, Any]) -> dict[str, Any]:
    """Settings of ENA Express, if UDP is not to have what the rest has not."""
    if asked.get("EnaSrdUdpSpecification", {}).get("EnaSrdUdpEnabled") and not asked.get("EnaSrdEnabled"):
        raise combination("ENA Express has to be enabled for UDP to use it.")
    return asked


def check_instance(call: Call, instance_id: str) -> None:
    """Raise where there is no such instance, or one that is on its way."""
    kind = kind_of(instance_id)
    instance: Any = kind.record.get(call, instance_id) if kind and kind.name == "instance" else None
    if instance is None:
        raise Fault("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
    if instance.state not in ("running", "stopped"):
        raise Fault("IncorrectState", f"Instance '{instance_id}' is not 'running' or 'stopped'.")


@ec2.operation(honours=["Force"])
def detach_network_interface(call: Call, attachment_id: str) -> None:
    """Detach an interface, at once and so as if by force; an instance's primary one stays."""
    found = associations.Association.get(call, attachment_id)
    if found is None or not attachment_id.startswith(f"{ATTACHMENT}-"):
        text = f"The attachment ID '{attachment_id}' does not exist"
        raise Fault("InvalidAttachmentID.NotFound", text)
    interface = named(call, NetworkInterface, found.holder)
    if interface.requester_id:
        raise Fault("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")
    if interface.device_index == 0:
        raise Fault("OperationNotPermitted", "The network interface at device index 0 cannot be detached.")
    detach(call, interface)


@ec2.operation
def modify_network_interface_attribute(
    call: Call,
    network_interface_id: str,
    description: dict[str, str] = {},
    source_dest_check: dict[str, bool] = {},
    groups: list[str] = [],
    attachment: dict[str, Any] = {},
    enable_primary_ipv6: bool | None = None,
    connection_tracking_specification: dict[str, int] = {},
    associate_public_ip_address: bool | None = None,
    ena_srd_specification: dict[str, Any] = {},
) -> None:
    """Change one attribute of an interface."""
    interface = named(call, NetworkInterface, network_interface_id)
    tracking, srd = connection_tracking_specification, ena_srd_specification
    settings = (description, source_dest_check, groups, attachment, tracking, srd)
    switches = (enable_primary_ipv6, associate_public_ip_address)
    asked = sum(map(bool, settings)) + sum(one is not None for one in switches)
    if asked != 1:
        text = "Multiple attributes cannot be modified" if asked else "No attributes specified."
        raise combination(text)
    if groups:
        join(call, interface, groups)
    elif description:
        interface.description = description.get("Value", "")
    elif source_dest_check:
        interface.source_dest_check = source_dest_check["Value"]
    elif attachment:
        modify_attachment(interface, attachment)
    elif tracking:
        interface.connection_tracking = tracking
    elif srd:
        if interface.attachment is None:
            raise invalid(f"The network interface {network_interface_id} is not attached.")
        interface.attachment.ena_srd = interface.attachment.ena_srd | express(srd)
    elif enable_primary_ipv6 is not None:
        set_primary_ipv6(interface, enable_primary_ipv6)
    elif associate_public_ip_address:
        addresses.auto_assign(call, interface)
    else:
        addresses.auto_release(call, interface)
    interface.put(call)
    changes.changed(call, interface.vpc_id)


def modify_attachment(interface: NetworkInterface, asked: dict[str, Any]) -> None:
    one = attached(interface, asked.get("AttachmentId", ""))
    one.delete_on_termination = asked.get("DeleteOnTermination", one.delete_on_termination)
    if asked.get("DefaultEnaQueueCount"):
        one.ena_queues = None
    elif "EnaQueueCount" in asked:
        one.ena_queues = asked["EnaQueueCount"]


def attached(interface: NetworkInterface, attachment_id: str) -> Attachment:
    found = interface.attachment
    if found is None or found.attachment_id != attachment_id:
        text = f"The attachment ID '{attachment_id}' does not exist"
        raise Fault("InvalidAttachmentID.NotFound", text)
    return found


def set_primary_ipv6(interface: NetworkInterface, enable: bool) -> None:
    if not enable and any(one.primary for one in interface.ipv6_addresses):
        raise invalid("The primary IPv6 address of an interface cannot be disabled once it is enabled.")
    if enable:
        interface_addresses.make_primary_ipv6(interface)


@ec2.operation
def describe_network_interface_attribute(call: Call, network_interface_id: str, attribute: str = "") -> Members:
    """One attribute of an interface."""
    interface = named(call, NetworkInterface, network_interface_id)
    told: Members = {"NetworkInterfaceId": network_interface_id}
    match attribute:
        case "description":
            told["Description"] = {"Value": interface.description}
        case "groupSet":
            told["Groups"] = shown_groups(call, interface)
        case "sourceDestCheck":
            told["SourceDestCheck"] = {"Value": interface.source_dest_check}
        case "attachment":
            told["Attachment"] = shown_attachment(interface.attachment)
        case "associatePublicIpAddress":
            public = interface.association
            told["AssociatePublicIpAddress"] = public is not None and not public.allocation_id
        case _:
            raise missing("attribute")
    return told


@ec2.operation(honours=["SourceDestCheck"])
def reset_network_interface_attribute(call: Call, network_interface_id: str) -> None:
    """Check again whether an interface's packets are its own: the only attribute that can be reset."""
    interface = named(call, NetworkInterface, network_interface_id)
    interface.source_dest_check = True
    interface.put(call)
    changes.changed(call, interface.vpc_id)
