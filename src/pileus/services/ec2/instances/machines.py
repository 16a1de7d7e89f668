"""Where the machines of instances are booted, stopped and ended. Every function may be called again for the same thing.

Without machines (on a system that cannot run any) there is nothing to do here, and instances are records alone.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from pileus.engines.machine import File, Machine, MachineFailed, Machines, Plan
from pileus.engines.network import Networks
from pileus.kernel import Call
from pileus.services.ec2.network import host_names, interfaces
from pileus.services.ec2.storage import attachments, devices, roots
from pileus.services.ec2.storage.volumes import Volume

from . import launch_templates
from .instances import RUNNING, Instance
from .types import table

log = logging.getLogger("pileus.ec2")

MIB = 1 << 20
TRIES = 50
LEAST_MEMORY = 64 * MIB
USER = "ec2-user"
VENDOR = "Amazon EC2"
NAME_SERVER = "169.254.169.253"
TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
CONNECT = "/opt/aws/bin/eic_run_authorized_keys"
"""Asks the metadata service for keys that EC2 Instance Connect has pushed."""
PROGRAM = Path(__file__).with_name("instance_connect.sh")


def machines(call: Call) -> Machines | None:
    """The engine; None where there can be no machines."""
    return roots.engine(call)


def networks(call: Call) -> Networks | None:
    """The engine; None where there can be no networks. Hosts belong to machines, if there are machines."""
    if Networks.available():
        return None
    engine = call.cloud.engine(Networks)
    if engine.provide is None and (owner := machines(call)):
        loop = asyncio.get_running_loop()
        engine.provide = lambda path: asyncio.run_coroutine_threadsafe(owner.network(path), loop).result()
    return engine


async def boot(call: Call, one: Instance) -> None:
    """Boot the machine of an instance that is pending. Returning says that it runs.

    `one.booted` is false at the first boot, which is the one that runs user data. A failure to boot raises.
    """
    from .attending import attend  # which needs states, which needs this

    if machines(call) is None:
        return
    await running(call, one)
    with call.transaction():
        attend.begin(call, instance_id=one.instance_id)


async def running(call: Call, one: Instance) -> Machine:
    """The machine of an instance, which is started if it does not run."""
    engine = call.cloud.engine(Machines)
    async with engine.turn(one.instance_id):
        found = engine.running.get(one.instance_id)
        if found is None:
            try:
                await asyncio.gather(connected(call, one), engine.prepare())
                found = await engine.start(await plan(call, one))
            except MachineFailed as failed:
                raise OSError(str(failed)) from failed
        elif found.frozen:
            await connected(call, one)
            found.thaw()
        return found


async def connected(call: Call, one: Instance) -> None:
    """Wait until the interfaces of an instance are on the wire: what it runs first may want the network."""
    from pileus.services.ec2.wire.keeping import wired  # which asks for the states of instances

    for vpc_id in {interface.vpc_id for interface in interfaces.of_instance(call, one.instance_id)}:
        await wired(call, vpc_id)


async def halt(call: Call, one: Instance, *, hibernate: bool = False, abrupt: bool = False) -> None:
    """Stop the machine of an instance that is stopping; its disks stay.

    One that hibernates is frozen, with its memory, for as long as the cloud runs: after that it boots afresh.
    """
    from .attending import attend

    engine = machines(call)
    if engine is None:
        return
    with call.transaction():
        attend.end(call, instance_id=one.instance_id)
    async with engine.turn(one.instance_id):
        if found := engine.running.get(one.instance_id):
            if hibernate and found.freeze():
                return
            if abrupt:
                found.kill()
                await found.ended
            else:
                await found.stop()
        for volume in attachments.of_instance(call, one.instance_id):
            await devices.released(call, volume, one.instance_id)
    if wires := networks(call):
        await wires.release(one.instance_id)


async def reboot(call: Call, one: Instance) -> None:
    """Boot the machine anew, as it is."""
    engine = machines(call)
    if engine and (found := engine.running.get(one.instance_id)):
        await found.stop()
        await running(call, one)


async def end(call: Call, one: Instance, *, abrupt: bool = False) -> None:
    """Remove the machine of an instance that is shutting down, and everything that was only its own."""
    if engine := machines(call):
        await halt(call, one, abrupt=abrupt)
        await asyncio.to_thread(engine.forget, one.instance_id)


async def removed(call: Call, instance_id: str) -> None:
    """Remove the machine of an instance that there is no record of any more."""
    engine = machines(call)
    if engine is None or Instance.get(call, instance_id):
        return
    async with engine.turn(instance_id):
        if found := engine.running.get(instance_id):
            found.kill()
            await found.ended
    await asyncio.to_thread(engine.forget, instance_id)
    if wires := networks(call):
        for _ in range(TRIES):  # until its ports are gone, which go with the network of its VPC
            await wires.release(instance_id)
            if instance_id not in await wires.names():
                return
            await asyncio.sleep(0.1)


# What a machine is


async def plan(call: Call, one: Instance) -> Plan:
    kind = table().get(one.instance_type)
    wires = networks(call)
    network = str(await wires.host(one.instance_id)) if wires else ""
    volumes = attachments.of_instance(call, one.instance_id)
    return Plan(
        name=one.instance_id,
        image=roots.image_of(call, volumes, one),
        host_name=host_name(call, one),
        network=network,
        name_servers=[NAME_SERVER] if network else [],
        search=host_names.internal_domain(call.region),
        memory_bytes=max(LEAST_MEMORY, kind.mib * MIB if kind else 0),
        cpus=float(kind.vcpus if kind else 1),
        identity=identity(one),
        instance=one.instance_id,
        user=USER,
        keys=[f"{one.public_key} {one.key_name}"] if one.public_key else [],
        key_command=CONNECT,
        files=[File(CONNECT, PROGRAM.read_text(), 0o755)],
        environment=environment(call),
        authorities=[call.cloud.authority()] if call.cloud.authority else [],
        user_data=launch_templates.decoded_user_data(one.user_data) if one.user_data else b"",
        disk=await roots.disk_of(call, volumes, one),
        devices=await disks(call, volumes, one),
    )


def host_name(call: Call, one: Instance) -> str:
    if one.dns.get("HostnameType") == "resource-name":
        return host_names.resource_name(call.region, one.instance_id)
    first = next(iter(interfaces.of_instance(call, one.instance_id)), None)
    address = first.private_ip_address if first else ""
    return host_names.private_name(call.region, address) if address else one.instance_id


def identity(one: Instance) -> dict[str, str]:
    """What programs tell by that they run on EC2 (User Guide, "Detect whether a host is an EC2 instance")."""
    return {
        "bios_vendor": VENDOR,
        "board_asset_tag": one.instance_id,
        "board_vendor": VENDOR,
        "chassis_vendor": VENDOR,
        "product_name": one.instance_type,
        "product_uuid": f"ec2{one.instance_id[2:7]}-{one.instance_id[7:11]}-4000-8000-{one.instance_id[7:19]:0>12}",
        "sys_vendor": VENDOR,
    }


def environment(call: Call) -> dict[str, str]:
    """AWS's names lead to the cloud, by its name servers; programs with lists of their own must trust it too."""
    return {
        "AWS_DEFAULT_REGION": call.region,
        "AWS_REGION": call.region,
        "AWS_CA_BUNDLE": TRUSTED,
        "NODE_EXTRA_CA_CERTS": TRUSTED,
    }


async def disks(call: Call, volumes: list[Volume], one: Instance) -> dict[str, str]:
    """The volumes beside that of the root."""
    found = {}
    for volume in volumes:
        attachment = volume.attached_to(one.instance_id)
        if attachment and attachment.device != one.root_device_name:
            found[devices.name_of(attachment.device)] = await devices.device(call, volume, one.instance_id)
    return found


def due(one: Instance | None) -> bool:
    """Whether an instance's machine should run."""
    return one is not None and one.state == RUNNING
