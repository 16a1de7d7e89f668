"""Instances: the records of what runs, or ran until an hour ago.

What an instance has of the network and of disks is kept there: interfaces and volumes know to which one they belong.
"""

from __future__ import annotations

from collections.abc import Iterable

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import all_named, kind, named

PENDING, RUNNING, STOPPING, STOPPED = "pending", "running", "stopping", "stopped"
SHUTTING_DOWN, TERMINATED = "shutting-down", "terminated"

CODES = {PENDING: 0, RUNNING: 16, SHUTTING_DOWN: 32, TERMINATED: 48, STOPPING: 64, STOPPED: 80}
ENDED = (SHUTTING_DOWN, TERMINATED)


@kind("instance", "i", missing=("InvalidInstanceID.NotFound", "The instance ID '{}' does not exist"), digits=True)
class Instance(
    Record,
    arn="instance/{instance_id}",
    cfn="AWS::EC2::Instance",
    indexes={"by_reservation": ("reservation_id",), "by_subnet": ("subnet_id",), "by_key": ("key_name",)},
):
    """An instance."""

    instance_id: str
    reservation_id: str
    image_id: str
    instance_type: str
    availability_zone: str
    launched: float
    """When it was last started."""
    created: float
    """When it was launched at first."""
    since: float
    """Since when it is in its state."""
    state: str = PENDING
    turn: int = 0
    """How often its state has changed; by it a task knows that nothing has come between."""
    public: bool = False
    """Whether it has a public address of Amazon's while it runs."""
    booted: bool = False
    """Whether it was ever running: user data runs at the first boot only."""
    subnet_id: str = ""
    vpc_id: str = ""
    launch_index: int = 0
    key_name: str = ""
    public_key: str = ""
    """The key pair's, which the instance keeps when that is deleted."""
    user_data: str = ""
    """In base 64, as it was given."""
    architecture: str = "x86_64"
    root_device_name: str = ""
    root_device_type: str = "ebs"
    image: Members = {}
    """Of the image, what stays with the instance when the image is gone: PlatformDetails, BootMode and the like."""
    profile: Members = {}
    """The instance profile: `Arn`, `Id`, and the association's id and time."""
    placement: Members = {}
    """Tenancy, GroupId, GroupName, PartitionNumber, HostId, Affinity."""
    monitoring: bool = False
    monitored_since: float = 0.0
    metric_categories: list[str] = []
    """Sets of further metrics that it has."""
    metadata: Members = {}
    """Options of the metadata service."""
    credits: str = ""
    """`standard` or `unlimited`, of burstable types."""
    cpu: Members = {}
    maintenance: Members = {}
    dns: Members = {}
    """Options of its names."""
    network_performance: str = ""
    enclaves: bool = False
    hibernates: bool = False
    ebs_optimized: bool = False
    ena: bool = True
    sriov: str = ""
    termination_protected: bool = False
    stop_protected: bool = False
    at_shutdown: str = "stop"
    """What becomes of it when its own system shuts down: `stop` or `terminate`."""
    transition: str = ""
    """The reason of the last transition, as StateTransitionReason."""
    reason: Members = {}
    """The same, as StateReason."""
    market: str = ""
    """`spot`, or empty for one on demand."""
    spot_request_id: str = ""
    fleet_id: str = ""
    interruption: Members = {}
    """Of a spot instance that is going to be interrupted: `action`, `time` and `why`."""
    capacity: Members = {}
    """What it wants of capacity reservations."""
    capacity_reservation_id: str = ""
    licenses: list[str] = []
    client_token: str = ""
    requester_id: str = ""
    template: Members = {}
    """The launch template and version that it was launched with."""
    product_codes: list[Members] = []
    tags: dict[str, str] = {}

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def burstable(self) -> bool:
        return bool(self.credits)


def instance(call: Call, instance_id: str) -> Instance:
    """The instance of an id; raises what EC2 says of one that is not there."""
    return named(call, Instance, instance_id)


def instances(call: Call, instance_ids: Iterable[str]) -> list[Instance]:
    """Those of these ids, each once."""
    return all_named(call, Instance, instance_ids)


def alive(call: Call, instance_id: str) -> Instance:
    """The instance of an id, which is not terminated."""
    one = instance(call, instance_id)
    if one.ended:
        raise wrong_state(f"The instance '{instance_id}' is not in a valid state for this operation.")
    return one


def wrong_state(text: str) -> Fault:
    return Fault("IncorrectInstanceState", text)


def state_of(one: Instance) -> Members:
    return {"Code": CODES[one.state], "Name": one.state}


def stopped(one: Instance, what: str) -> None:
    """Raise what EC2 says where something can be changed of stopped instances only."""
    if one.state != STOPPED:
        text = f"The instance '{one.instance_id}' is not in the 'stopped' state."
        raise Fault("IncorrectInstanceState", text if not what else f"{text} Stop it to change {what}.")


def changed(before: str, one: Instance) -> Members:
    """An InstanceStateChange."""
    return {
        "InstanceId": one.instance_id,
        "PreviousState": {"Code": CODES[before], "Name": before},
        "CurrentState": state_of(one),
    }
