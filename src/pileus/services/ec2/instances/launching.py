"""How instances come to be: from what a launch asks for to records that are pending.

Everything of a launch is one transaction. Of several instances as many are made as there is room for, if that are at
least as many as are wanted at least.
"""

from __future__ import annotations

from typing import NamedTuple

from pileus.kernel import Call, Fault
from pileus.kernel.names import hex_id
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, combination, invalid
from pileus.services.ec2.kinds import new_id
from pileus.services.ec2.storage.images import Image, launchable

from . import cpu_credits, disks, key_pairs, metadata_options, networking, placement, profiles, states
from .describing_types import enclaves, hibernates, valid_cores
from .instances import Instance
from .networking import Network
from .specification import DEFAULT_TYPE, counts, flag, tags_for
from .types import InstanceType, instance_type

SHORT_OF_ROOM = {
    "InsufficientInstanceCapacity",
    "InsufficientFreeAddressesInSubnet",
    "InsufficientCapacityOnHost",
    "ReservationCapacityExceeded",
}
"""Errors after which those instances stay that could be made."""


class Plan(NamedTuple):
    """What all instances of a launch have in common."""

    wanted: Members
    image: Image
    kind: InstanceType
    network: Network
    devices: dict[str, Members]
    profile: Members
    metadata: Members
    public_key: str
    credits: str
    cpu: Members


class Market(NamedTuple):
    """How the instances of a launch are paid for, and who asked for them."""

    lifecycle: str = ""
    spot_request_id: str = ""
    fleet_id: str = ""
    requester_id: str = ""


def launch(call: Call, wanted: Members, least: int, most: int, market: Market | None = None) -> list[Instance]:
    """Launch between `least` and `most` instances."""
    counts(least, most, wanted)
    plan = planned(call, wanted)
    reservation_id = hex_id("r")
    launched: list[Instance] = []
    for index in range(most):
        try:
            with call.store.attempt():
                launched.append(_made(call, plan, reservation_id, index, market or Market()))
        except Fault as fault:
            if fault.code not in SHORT_OF_ROOM or len(launched) < least:
                raise
            break
    return launched


def planned(call: Call, wanted: Members) -> Plan:
    """Look up everything that a launch names; raises what EC2 says of what is not there or does not fit."""
    image = launchable(call, wanted["ImageId"])
    network = networking.planned(call, wanted)
    kind = instance_type(call, wanted.get("InstanceType", DEFAULT_TYPE), network.subnet.availability_zone)
    _check_architecture(kind, image)
    _check_features(kind, wanted)
    networking.check_type(kind, network)
    key = wanted.get("KeyName", "")
    given = wanted.get("IamInstanceProfile")
    return Plan(
        wanted,
        image,
        kind,
        network,
        disks.mappings(call, image, wanted.get("BlockDeviceMappings", [])),
        profiles.profile(call, given) if given else {},
        metadata_options.options_at_launch(call, wanted.get("MetadataOptions", {}), image.imds_support),
        key_pairs.key_pair(call, key).public_key if key else "",
        cpu_credits.credits_at_launch(call, kind, wanted.get("CreditSpecification", {})),
        cpu_options(kind, wanted.get("CpuOptions", {})),
    )


def _check_architecture(kind: InstanceType, image: Image) -> None:
    if image.architecture not in kind.architectures:
        text = (
            f"The architecture '{','.join(kind.architectures)}' of the specified instance type does not match the"
            f" architecture '{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have"
            " matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to"
            " discover the architecture of the instance type or AMI."
        )
        raise invalid(text)
    if image.platform:
        raise Fault("UnsupportedOperation", f"The image '{image.image_id}' of Windows can be looked up, not started.")


def _check_features(kind: InstanceType, wanted: Members) -> None:
    if flag(wanted, "HibernationOptions", "Configured") and not hibernates(kind):
        text = f"Hibernation is not supported for the instance type '{kind.name}'."
        raise Fault("UnsupportedHibernationConfiguration", text)
    if flag(wanted, "EnclaveOptions", "Enabled"):
        if not enclaves(kind):
            raise combination(f"The instance type '{kind.name}' does not support AWS Nitro Enclaves.")
        if flag(wanted, "HibernationOptions", "Configured"):
            raise combination("You can't enable AWS Nitro Enclaves and hibernation on the same instance.")
    behaviour = wanted.get("InstanceInitiatedShutdownBehavior", "stop")
    if behaviour not in ("stop", "terminate"):
        raise bad_value("instanceInitiatedShutdownBehavior", behaviour)


def cpu_options(kind: InstanceType, given: Members) -> Members:
    """Cores and threads: the type's own, or fewer of them, as the type lets."""
    cores = max(1, kind.vcpus // kind.threads)
    options = {"CoreCount": cores, "ThreadsPerCore": kind.threads} | given
    count, threads = options["CoreCount"], options["ThreadsPerCore"]
    if not 1 <= threads <= kind.threads:
        raise bad_value("ThreadsPerCore", threads, f"The instance type {kind.name} does not support it.")
    if count != cores and count not in valid_cores(kind):
        raise bad_value("CoreCount", count, f"The instance type {kind.name} does not support it.")
    return options


def _made(call: Call, plan: Plan, reservation_id: str, index: int, market: Market) -> Instance:
    wanted, image = plan.wanted, plan.image
    subnet = plan.network.subnet
    one = Instance(
        instance_id=new_id(Instance),
        reservation_id=reservation_id,
        image_id=image.image_id,
        instance_type=plan.kind.name,
        availability_zone=subnet.availability_zone,
        launched=call.now,
        created=call.now,
        since=call.now,
        subnet_id=subnet.subnet_id,
        vpc_id=subnet.vpc_id,
        launch_index=index,
        key_name=wanted.get("KeyName", ""),
        public_key=plan.public_key,
        user_data=wanted.get("UserData", ""),
        architecture=image.architecture,
        root_device_name=image.root_device_name,
        image=_of_image(image),
        monitoring=flag(wanted, "Monitoring", "Enabled"),
        metadata=plan.metadata,
        credits=plan.credits,
        cpu=plan.cpu,
        maintenance={"AutoRecovery": "default", "RebootMigration": "default"} | wanted.get("MaintenanceOptions", {}),
        dns=plan.network.names | wanted.get("PrivateDnsNameOptions", {}),
        network_performance=wanted.get("NetworkPerformanceOptions", {}).get("BandwidthWeighting", "default"),
        enclaves=flag(wanted, "EnclaveOptions", "Enabled"),
        hibernates=flag(wanted, "HibernationOptions", "Configured"),
        ebs_optimized=bool(wanted.get("EbsOptimized")),
        ena=image.ena_support,
        sriov=image.sriov_net_support if not plan.kind.nitro else "",
        termination_protected=bool(wanted.get("DisableApiTermination")),
        stop_protected=bool(wanted.get("DisableApiStop")),
        at_shutdown=wanted.get("InstanceInitiatedShutdownBehavior", "stop"),
        market=market.lifecycle,
        spot_request_id=market.spot_request_id,
        fleet_id=market.fleet_id,
        requester_id=market.requester_id,
        capacity=wanted.get("CapacityReservationSpecification", {"CapacityReservationPreference": "open"}),
        licenses=[one["LicenseConfigurationArn"] for one in wanted.get("LicenseSpecifications", ())],
        client_token=wanted.get("ClientToken", ""),
        template=wanted.get("Template", {}),
        tags=_tags(call, plan),
    )
    if one.metadata["InstanceMetadataTags"] == "enabled":
        metadata_options.check_tags(one.tags)
    placement.placed(call, one, plan.kind, wanted.get("Placement", {}), plan.network.tenancy)
    disks.made(call, one, plan.devices, plan.kind, tags_for(wanted, "volume"))
    networking.made(call, one, plan.network, tags_for(wanted, "network-interface"))
    states.launched(call, one)
    if plan.profile:
        profiles.associated(call, one, plan.profile)
    return one


def _tags(call: Call, plan: Plan) -> dict[str, str]:
    """Those that are asked for; those of a template are told by two more of AWS's own."""
    tags = tags_for(plan.wanted, "instance")
    if template := plan.wanted.get("Template"):
        tags |= {"aws:ec2launchtemplate:id": template["id"], "aws:ec2launchtemplate:version": str(template["version"])}
    return tags


def _of_image(image: Image) -> Members:
    told = {
        "VirtualizationType": image.virtualization_type,
        "PlatformDetails": "Windows" if image.platform else "Linux/UNIX",
        "UsageOperation": "RunInstances:0002" if image.platform else "RunInstances",
        "Platform": image.platform,
        "BootMode": image.boot_mode,
        "TpmSupport": image.tpm_support,
    }
    return {name: value for name, value in told.items() if value}
