"""SendSSHPublicKey."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access.target import Target
from pileus.services.ec2.instances.instances import ENDED, RUNNING, Instance
from pileus.services.ec2.metadata import pushed_keys

from . import ec2_instance_connect

KINDS = ("ssh-rsa", "ssh-ed25519")


@ec2_instance_connect.targets
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """The instance, if it is there; policies may ask which user is to be let in."""
    one = Instance.get(call, request.get("InstanceId", ""))
    if one is None:
        return None
    keys = {"ec2:osuser": (request["InstanceOSUser"],)} if "InstanceOSUser" in request else {}
    return [Target(one.arn(call.at(service="ec2")), call.account, tags=one.tags, keys=keys)]


@ec2_instance_connect.operation
def send_ssh_public_key(
    call: Call, instance_id: str, instance_os_user: str, ssh_public_key: str, availability_zone: str = ""
) -> dict[str, Any]:
    """Let the owner of a key in, as that user, for sixty seconds."""
    one = Instance.get(call, instance_id)
    if one is None or one.state in ENDED:
        raise Fault("EC2InstanceNotFoundException", "Instance not found")
    if availability_zone and availability_zone != one.availability_zone:
        raise Fault("EC2InstanceNotFoundException", "Instance not found")
    if one.state != RUNNING:
        text = "Instance is not running. It must be in the running state to connect."
        raise Fault("EC2InstanceStateInvalidException", text)
    check(ssh_public_key)
    pushed_keys.push(call, instance_id, instance_os_user, ssh_public_key)
    return {"RequestId": call.request_id, "Success": True}


def check(text: str) -> None:
    """Raise the error for what is no key that SSH knows: RSA or ED25519."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        text = ""
    if not text.startswith(KINDS):
        raise Fault("InvalidArgsException", "The SSH public key is not valid.")
