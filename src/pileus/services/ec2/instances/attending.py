"""What goes on as long as an instance runs: its machine is booted again after a restart of the cloud, or when it fails,
and what the machine itself asks for is done."""

from __future__ import annotations

import asyncio
from typing import Any

from pileus.engines.machine import Machine
from pileus.kernel import Call
from pileus.services.ec2 import ec2

from . import machines, states
from .instances import PENDING, Instance


@ec2.watch
async def attend(call: Call, instance_id: str) -> None:
    """See to it that an instance's machine runs."""
    one = Instance.get(call, instance_id)
    if one is None or (one.state != PENDING and not machines.due(one)):
        with call.transaction():
            attend.end(call, instance_id=instance_id)
        return
    machine = await machines.running(call, one)
    wanted = await asking(machine)
    if wanted == "reboot":
        await machine.stop()
    elif wanted == "off":
        await begun(call, instance_id)
        with call.transaction():
            if one := Instance.get(call, instance_id):
                states.halted(call, one)
        await machine.ended


async def begun(call: Call, instance_id: str) -> None:
    """A system may shut down before its instance is said to run."""
    while (one := Instance.get(call, instance_id)) and one.state == PENDING:
        await asyncio.sleep(0.02)


@attend.forgotten
async def left(call: Call, instance_id: str) -> None:
    """The instance was forgotten: so is its machine."""
    await machines.removed(call, instance_id)


async def asking(machine: Machine) -> str:
    """Wait until a machine wants something, or has ended, and then it wants nothing."""
    waiting: list[asyncio.Future[Any]] = [machine.power, machine.ended]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    return machine.power.result() if machine.power.done() else ""
