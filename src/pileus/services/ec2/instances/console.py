"""What instances say at their serial consoles."""

from __future__ import annotations

import base64

from pileus.kernel import Call
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members

from . import machines
from .instances import instance


@ec2.operation
def get_console_output(call: Call, instance_id: str, latest: bool = False) -> Members:
    """The last 64 KB, as they are by now, of every type of instance."""
    one = instance(call, instance_id)
    engine = machines.machines(call)
    console = engine.console(instance_id) if engine else None
    told: Members = {"InstanceId": instance_id, "Timestamp": one.since}
    if console and (said := console.read()):
        told |= {"Output": base64.b64encode(said).decode(), "Timestamp": console.written()}
    return told
