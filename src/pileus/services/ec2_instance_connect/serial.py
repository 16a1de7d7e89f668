"""SendSerialConsoleSSHPublicKey, and the port where consoles are: `--listen ec2-instance-connect=2222`.

    ssh -p 2222 i-0123456789abcdef0.port0@localhost

A key lets in for a minute, to the console of one instance; who came in stays. A login waits there, for a user with a
password, as on AWS. An instance has one session at a time.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished
from pileus.kernel.cloud import Cloud
from pileus.services.ec2.instances.console_access import allowed
from pileus.services.ec2.instances.instances import ENDED, RUNNING, Instance
from pileus.services.ec2.instances.types import table

from . import ec2_instance_connect
from .keys import check

SECONDS = 60.0


class SerialKey(Record, scope="cloud", key=("instance_id", "public_key")):
    """A key that lets in to an instance's console."""

    instance_id: str
    public_key: str
    expires: float
    account: str


class HostKey(Record, scope="cloud"):
    """The key by which clients know the port, sealed."""

    name: str
    sealed: bytes


@ec2_instance_connect.operation(name="SendSerialConsoleSSHPublicKey")
def send_serial_console_ssh_public_key(
    call: Call, instance_id: str, ssh_public_key: str, serial_port: int = 0
) -> dict[str, Any]:
    """Let the owner of a key in at an instance's console, for sixty seconds."""
    there = call.at(service="ec2")
    if not allowed(there):
        text = "Your account is not authorized to use the EC2 Serial Console."
        raise Fault("SerialConsoleAccessDisabledException", text)
    one = Instance.get(call, instance_id)
    if one is None or one.state in ENDED:
        raise Fault("EC2InstanceNotFoundException", "Instance not found")
    if one.state != RUNNING:
        text = "Instance is not running. It must be in the running state to connect."
        raise Fault("EC2InstanceStateInvalidException", text)
    kind = table().get(one.instance_type)
    if kind and not kind.nitro:
        raise Fault("EC2InstanceTypeInvalidException", "The instance type is not supported by the EC2 Serial Console.")
    if serial_port:
        raise Fault("InvalidArgsException", "Only serial port 0 is supported.")
    check(ssh_public_key)
    for old in [*SerialKey.scan(call, instance_id)]:
        if old.expires <= call.now:
            old.delete(call)
    SerialKey(instance_id, ssh_public_key.strip(), call.now + SECONDS, call.account).put(call)
    return {"RequestId": call.request_id, "Success": True}


@ec2_instance_connect.forget
def forget(call: Call) -> None:
    for key in [key for key in SerialKey.scan(call) if key.account == call.account]:
        key.delete(call)


@ec2_instance_connect.listener
async def listen(cloud: Cloud, host: str, port: int) -> Any:
    """Open the port of serial consoles."""
    from pileus.engines.machine import Machine, Machines
    from pileus.engines.machine.serial import SerialConsoles, lacking

    if Machines.of(cloud) is None or lacking():
        raise Unfinished(f"There are no serial consoles over SSH here: {lacking() or 'there are no machines'}.")

    def keys() -> dict[str, list[str]]:
        call = cloud.call("ec2-instance-connect", "SendSerialConsoleSSHPublicKey")
        found: dict[str, list[str]] = {}
        for key in SerialKey.scan(call):
            if key.expires > call.now:
                found.setdefault(f"{key.instance_id}.port0", []).append(key.public_key)
        return found

    def find(user: str) -> Machine | None:
        machines = Machines.of(cloud)
        return machines.running.get(user.removesuffix(".port0")) if machines else None

    with cloud.store.attempt():
        key = host_key(cloud.call("ec2-instance-connect", "SendSerialConsoleSSHPublicKey"))
    return await SerialConsoles.start(host, port, key, keys, find)


def host_key(call: Call) -> bytes:
    """The key of the port, made when it is first opened."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    if found := HostKey.get(call, "serial"):
        return call.cloud.master_key.open(found.sealed, b"serial console")
    made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    HostKey("serial", call.cloud.master_key.seal(made, b"serial console")).put(call)
    return made
