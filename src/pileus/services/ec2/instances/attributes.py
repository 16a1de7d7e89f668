"""Attributes of instances, one at a time: described, modified, reset; and options that have operations of their own.

What a machine is booted with (its type, user data, bandwidth) can be changed of stopped instances only.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, combination, invalid, missing, unsupported
from pileus.services.ec2.network import changes, interface_making, interfaces
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.storage import attachments, volumes

from . import cpu_credits, disks, networking
from .describing_types import enclaves
from .instances import Instance, alive, instance, stopped
from .launch_templates import MOST_USER_DATA
from .launching import cpu_options
from .types import instance_type as type_named

VALUES: dict[str, tuple[str, Callable[[Instance], Any]]] = {
    "instanceType": ("InstanceType", lambda one: one.instance_type),
    "userData": ("UserData", lambda one: one.user_data or None),
    "disableApiTermination": ("DisableApiTermination", lambda one: one.termination_protected),
    "disableApiStop": ("DisableApiStop", lambda one: one.stop_protected),
    "instanceInitiatedShutdownBehavior": ("InstanceInitiatedShutdownBehavior", lambda one: one.at_shutdown),
    "rootDeviceName": ("RootDeviceName", lambda one: one.root_device_name),
    "ebsOptimized": ("EbsOptimized", lambda one: one.ebs_optimized),
    "enaSupport": ("EnaSupport", lambda one: one.ena),
    "sriovNetSupport": ("SriovNetSupport", lambda one: one.sriov or None),
    "kernel": ("KernelId", lambda one: None),
    "ramdisk": ("RamdiskId", lambda one: None),
}
"""Attributes with a single value: the member that shows it, and what it is."""


@ec2.operation
def describe_instance_attribute(call: Call, instance_id: str, attribute: str) -> Members:
    """One attribute."""
    one = instance(call, instance_id)
    shown: Members = {"InstanceId": instance_id}
    if attribute in VALUES:
        member, read = VALUES[attribute]
        value = read(one)
        shown[member] = {} if value is None else {"Value": value}
    elif attribute == "blockDeviceMapping":
        shown["BlockDeviceMappings"] = disks.shown(call, one)
    elif attribute == "groupSet":
        first = networking.first(call, one)
        shown["Groups"] = interface_making.shown_groups(call, first) if first else []
    elif attribute == "sourceDestCheck":
        shown["SourceDestCheck"] = {"Value": _only_interface(call, one).source_dest_check}
    elif attribute == "productCodes":
        shown["ProductCodes"] = one.product_codes
    elif attribute == "enclaveOptions":
        shown["EnclaveOptions"] = {"Enabled": one.enclaves}
    else:
        raise bad_value("attribute", attribute)
    return shown


@ec2.operation
def modify_instance_attribute(
    call: Call,
    instance_id: str,
    attribute: str = "",
    value: str = "",
    source_dest_check: Members = {},
    disable_api_stop: Members = {},
    disable_api_termination: Members = {},
    instance_type: Members = {},
    user_data: Members = {},
    instance_initiated_shutdown_behavior: Members = {},
    groups: list[str] = [],
    ebs_optimized: Members = {},
    sriov_net_support: Members = {},
    ena_support: Members = {},
    block_device_mappings: list[Members] = [],
    kernel: Members = {},
    ramdisk: Members = {},
    enclave_options: Members = {},
) -> None:
    """Change one attribute."""
    one = alive(call, instance_id)
    given: dict[str, Any] = {
        "sourceDestCheck": source_dest_check,
        "disableApiStop": disable_api_stop,
        "disableApiTermination": disable_api_termination,
        "instanceType": instance_type,
        "userData": user_data,
        "instanceInitiatedShutdownBehavior": instance_initiated_shutdown_behavior,
        "groupSet": {"Value": groups} if groups else {},
        "ebsOptimized": ebs_optimized,
        "sriovNetSupport": sriov_net_support,
        "enaSupport": ena_support,
        "blockDeviceMapping": {"Value": block_device_mappings} if block_device_mappings else {},
        "kernel": kernel,
        "ramdisk": ramdisk,
        "enclaveOptions": {"Value": enclave_options["Enabled"]} if "Enabled" in enclave_options else {},
        attribute or "-": {"Value": value} if attribute else {},
    }
    asked = {name: structure["Value"] for name, structure in given.items() if "Value" in structure}
    if not asked:
        raise missing("Attribute")
    if len(asked) > 1:
        raise combination(f"Fields for multiple attribute types specified: {', '.join(sorted(asked))}")
    [(name, wanted)] = asked.items()
    if name not in CHANGES:
        raise unsupported(f"The attribute '{name}' cannot be modified.")
    CHANGES[name](call, one, wanted)
    one.put(call)


def _flag(field: str, needs_stop: bool = False) -> Callable[[Call, Instance, Any], None]:
    def change(call: Call, one: Instance, wanted: Any) -> None:
        if needs_stop:
            stopped(one, "")
        setattr(one, field, wanted if isinstance(wanted, bool) else str(wanted).lower() == "true")

    return change


def _termination(call: Call, one: Instance, wanted: Any) -> None:
    if one.market == "spot" and str(wanted).lower() == "true":
        raise unsupported("You cannot enable termination protection for Spot Instances.")
    _flag("termination_protected")(call, one, wanted)


def _type(call: Call, one: Instance, wanted: str) -> None:
    stopped(one, "")
    kind = type_named(call, wanted, one.availability_zone)
    if one.architecture not in kind.architectures:
        text = f"The architecture '{one.architecture}' of the instance does not match the instance type '{wanted}'."
        raise invalid(text)
    if one.placement.get("HostId"):
        raise combination("The type of an instance that is bound to a Dedicated Host cannot be changed.")
    one.instance_type = kind.name
    one.cpu = cpu_options(kind, {})
    one.credits = cpu_credits.credits_at_launch(call, kind, {}) if kind.burstable else ""


def _enclaves(call: Call, one: Instance, wanted: Any) -> None:
    stopped(one, "")
    kind = type_named(call, one.instance_type)
    enabled = wanted if isinstance(wanted, bool) else str(wanted).lower() == "true"
    if enabled and not enclaves(kind):
        raise combination(f"The instance type '{kind.name}' does not support AWS Nitro Enclaves.")
    if enabled and one.hibernates:
        raise combination("You can't enable AWS Nitro Enclaves and hibernation on the same instance.")
    one.enclaves = enabled


def _user_data(call: Call, one: Instance, wanted: Any) -> None:
    stopped(one, "")
    data = wanted if isinstance(wanted, bytes) else base64.b64decode(wanted)
    if len(data) > MOST_USER_DATA:
        raise invalid("User data is limited to 16384 bytes")
    one.user_data = base64.b64encode(data).decode()


def _shutdown(call: Call, one: Instance, wanted: str) -> None:
    if wanted not in ("stop", "terminate"):
        raise bad_value("instanceInitiatedShutdownBehavior", wanted)
    one.at_shutdown = wanted


def _groups(call: Call, one: Instance, wanted: Any) -> None:
    interface = _only_interface(call, one)
    interfaces.join(call, interface, wanted if isinstance(wanted, list) else [wanted])
    interface.put(call)
    changes.changed(call, interface.vpc_id)


def _source_dest_check(call: Call, one: Instance, wanted: Any) -> None:
    interface = _only_interface(call, one)
    interface.source_dest_check = wanted if isinstance(wanted, bool) else str(wanted).lower() == "true"
    interface.put(call)
    changes.changed(call, interface.vpc_id)


def _only_interface(call: Call, one: Instance) -> NetworkInterface:
    """The instance's interface; what concerns one of several is an attribute of that one."""
    found = [*interfaces.of_instance(call, one.instance_id)]
    if len(found) > 1:
        text = f"There are multiple interfaces attached to instance '{one.instance_id}'. Please specify an interface ID"
        raise Fault("InvalidInstanceID", f"{text} for the operation instead.")
    if not found:
        raise Fault("IncorrectInstanceState", f"The instance '{one.instance_id}' has no network interface.")
    return found[0]


def _sriov(call: Call, one: Instance, wanted: str) -> None:
    stopped(one, "")
    if wanted != "simple":
        raise bad_value("sriovNetSupport", wanted)
    one.sriov = wanted


def _devices(call: Call, one: Instance, wanted: list[Members]) -> None:
    """Change which volumes end with the instance."""
    there = {attachment.device: volume for volume, attachment in _attached(call, one)}
    for mapping in wanted:
        name, ebs = mapping.get("DeviceName", ""), mapping.get("Ebs", {})
        volume = there.get(name)
        if volume is None:
            raise Fault("InvalidInstanceAttributeValue", f"No device is currently mapped at {name}")
        attachment = volume.attached_to(one.instance_id)
        if attachment and "DeleteOnTermination" in ebs:
            attachment.delete_on_termination = ebs["DeleteOnTermination"]
            volume.put(call)


def _attached(call: Call, one: Instance) -> list[tuple[volumes.Volume, volumes.Attachment]]:
    found = attachments.of_instance(call, one.instance_id)
    return [(volume, there) for volume in found if (there := volume.attached_to(one.instance_id))]


CHANGES: dict[str, Callable[[Call, Instance, Any], None]] = {
    "sourceDestCheck": _source_dest_check,
    "disableApiStop": _flag("stop_protected"),
    "disableApiTermination": _termination,
    "instanceType": _type,
    "userData": _user_data,
    "instanceInitiatedShutdownBehavior": _shutdown,
    "groupSet": _groups,
    "ebsOptimized": _flag("ebs_optimized", needs_stop=True),
    "enaSupport": _flag("ena", needs_stop=True),
    "sriovNetSupport": _sriov,
    "enclaveOptions": _enclaves,
    "blockDeviceMapping": _devices,
}


@ec2.operation
def reset_instance_attribute(call: Call, instance_id: str, attribute: str) -> None:
    """Set an attribute to what it is by default."""
    one = alive(call, instance_id)
    if attribute == "sourceDestCheck":
        _source_dest_check(call, one, True)
    elif attribute in ("kernel", "ramdisk"):
        stopped(one, "")
    else:
        raise bad_value("attribute", attribute)


# Options that have operations of their own


@ec2.operation
def modify_instance_maintenance_options(
    call: Call, instance_id: str, auto_recovery: str = "", reboot_migration: str = ""
) -> Members:
    """Say whether an instance is moved by itself when its hardware fails."""
    one = alive(call, instance_id)
    given = {"AutoRecovery": auto_recovery, "RebootMigration": reboot_migration}
    for name, wanted in given.items():
        if wanted not in ("", "default", "disabled"):
            raise bad_value(name, wanted)
    one.maintenance = one.maintenance | {name: wanted for name, wanted in given.items() if wanted}
    one.put(call)
    return {"InstanceId": instance_id} | one.maintenance


@ec2.operation
def modify_instance_cpu_options(
    call: Call, instance_id: str, core_count: int = 0, threads_per_core: int = 0
) -> Members:
    """Change how many cores and threads a stopped instance has."""
    one = alive(call, instance_id)
    stopped(one, "")
    given = {"CoreCount": core_count, "ThreadsPerCore": threads_per_core}
    one.cpu = cpu_options(type_named(call, one.instance_type), {name: value for name, value in given.items() if value})
    one.put(call)
    return {"InstanceId": instance_id} | one.cpu


@ec2.operation
def modify_instance_network_performance_options(call: Call, instance_id: str, bandwidth_weighting: str) -> Members:
    """Give the network or the disks of a stopped instance more of its bandwidth."""
    one = alive(call, instance_id)
    stopped(one, "")
    if bandwidth_weighting not in ("default", "vpc-1", "ebs-1"):
        raise bad_value("BandwidthWeighting", bandwidth_weighting)
    kind = type_named(call, one.instance_type)
    if bandwidth_weighting != "default" and kind.generation < 8:
        raise unsupported(f"The instance type '{kind.name}' does not support bandwidth weightings.")
    one.network_performance = bandwidth_weighting
    one.put(call)
    return {"InstanceId": instance_id, "BandwidthWeighting": bandwidth_weighting}


@ec2.operation
def modify_private_dns_name_options(
    call: Call,
    instance_id: str,
    private_dns_hostname_type: str = "",
    enable_resource_name_dns_a_record: bool | None = None,
    enable_resource_name_dns_aaaa_record: bool | None = None,
) -> Members:
    """Change how an instance is named; its host name only while it is stopped."""
    one = alive(call, instance_id)
    if private_dns_hostname_type and private_dns_hostname_type != one.dns.get("HostnameType"):
        stopped(one, "")
    given = {
        "HostnameType": private_dns_hostname_type or None,
        "EnableResourceNameDnsARecord": enable_resource_name_dns_a_record,
        "EnableResourceNameDnsAAAARecord": enable_resource_name_dns_aaaa_record,
    }
    one.dns = one.dns | {name: wanted for name, wanted in given.items() if wanted is not None}
    one.put(call)
    changes.changed(call, one.vpc_id)
    return {"Return": True}
