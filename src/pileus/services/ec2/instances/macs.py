"""Macs: their dedicated hosts, and tasks that change what protects their systems.

A task is kept and ends well after some minutes; there is no macOS behind an instance whose settings it would change.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, iso
from pileus.services.ec2.faults import missing, unsupported
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from .hosts import Host
from .instances import RUNNING, Instance, alive, wrong_state
from .types import instance_type

PROTECTION, OWNERSHIP = "sip-modification", "volume-ownership-delegation"
TAKES = {PROTECTION: 90 * 60.0, OWNERSHIP: 90 * 60.0}
"""Seconds of a task ("between 60 and 90 minutes")."""
BEGINS = 60.0
SETTINGS = (
    "AppleInternal", "BaseSystem", "DebuggingRestrictions", "DTraceRestrictions", "FilesystemProtections",
    "KextSigning", "NvramProtections",
)  # fmt: skip
VERSIONS = {
    "mac1": ["26.0", "15.7", "14.8"],
    "mac2": ["26.0", "15.7", "14.8"],
}
"""The latest versions of macOS that Mac hosts support, of Intel's and of Apple's processors."""


@kind(
    "mac-modification-task",
    "macmodification",
    missing=("InvalidMacModificationTaskId.NotFound", "The Mac modification task '{}' does not exist."),
)
class MacTask(Record, arn="mac-modification-task/{mac_modification_task_id}"):
    """A change of a Mac."""

    mac_modification_task_id: str
    instance_id: str
    what: str
    started: float
    settings: dict[str, str] = {}
    tags: dict[str, str] = {}

    def state(self, now: float) -> str:
        if now < self.started + BEGINS:
            return "pending"
        return "in-progress" if now < self.started + TAKES[self.what] else "successful"


TASKS = Filters(
    {
        "instance-id": "InstanceId",
        "task-state": "TaskState",
        "mac-system-integrity-protection-configuration.sip-status": "MacSystemIntegrityProtectionConfig.Status",
        "start-time": lambda shown: iso(shown["StartTime"]),
        "task-type": "TaskType",
    },
    tags=lambda shown: {tag["Key"]: tag["Value"] for tag in shown["Tags"]},
)
HOSTS = Filters({"availability-zone": "availability_zone", "instance-type": "only_type"}, tags=None)


@ec2.operation
def describe_mac_hosts(
    call: Call,
    host_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's hosts that are Macs, and the systems that they support."""
    macs = [{"Name": "instance-type", "Values": ["mac*"]}, *filters]
    return described(call, Host, HOSTS, "MacHosts", _host, host_ids, macs, max_results, next_token)


def _host(call: Call, host: Host) -> Members:
    found = VERSIONS["mac1" if host.family == "mac1" else "mac2"]
    return {"HostId": host.host_id, "MacOSLatestSupportedVersions": found}


@ec2.operation
def create_mac_system_integrity_protection_modification_task(
    call: Call,
    instance_id: str,
    mac_system_integrity_protection_status: str,
    mac_system_integrity_protection_configuration: dict[str, str] = {},
    mac_credentials: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Turn system integrity protection on or off, whole or in parts."""
    status = mac_system_integrity_protection_status
    settings = dict.fromkeys(SETTINGS, status) | mac_system_integrity_protection_configuration | {"Status": status}
    apple = _mac(call, instance_id) != "mac1"
    if apple and not mac_credentials:
        raise missing("MacCredentials")
    return _begun(call, instance_id, PROTECTION, settings, tag_specifications, client_token)


@ec2.operation
def create_delegate_mac_volume_ownership_task(
    call: Call,
    instance_id: str,
    mac_credentials: str,
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Let the administrator of an Apple silicon Mac own its root volume."""
    if _mac(call, instance_id) == "mac1":
        raise unsupported("Volume ownership delegation is supported for Apple silicon Mac instances only.")
    return _begun(call, instance_id, OWNERSHIP, {}, tag_specifications, client_token)


def _mac(call: Call, instance_id: str) -> str:
    """The family of a Mac that runs."""
    one: Instance = alive(call, instance_id)
    family = instance_type(call, one.instance_type).family
    if not family.startswith("mac"):
        raise unsupported(f"The instance '{instance_id}' is not an Amazon EC2 Mac instance.")
    if one.state != RUNNING:
        raise wrong_state(f"The instance '{instance_id}' is not in the 'running' state.")
    return family


def _begun(
    call: Call, instance_id: str, what: str, settings: dict[str, str], specifications: list[Members], token: str
) -> Members:
    if before := made_before(call, token):
        task = named(call, MacTask, before)
    else:
        tags = specified(specifications, "mac-modification-task")
        task = MacTask(new_id(MacTask), instance_id, what, call.now, settings, tags).put(call)
        remember(call, token, task.mac_modification_task_id)
    return {"MacModificationTask": shown(call, task)}


@ec2.operation
def describe_mac_modification_tasks(
    call: Call,
    mac_modification_task_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    ids = mac_modification_task_ids
    views = "MacModificationTasks", shown
    return described(call, MacTask, TASKS, *views, ids, filters, max_results, next_token, by_shown=True)


def shown(call: Call, task: MacTask) -> Members:
    return {
        "InstanceId": task.instance_id,
        "MacModificationTaskId": task.mac_modification_task_id,
        "MacSystemIntegrityProtectionConfig": task.settings or None,
        "StartTime": task.started,
        "Tags": shown_tags(task.tags),
        "TaskState": task.state(call.now),
        "TaskType": task.what,
    }
