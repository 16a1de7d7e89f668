"""The life of an instance: its states, what leads from one to the next, and what that does.

    pending -> running -> stopping -> stopped -> pending …        any -> shutting-down -> terminated -> gone in an hour

Every change goes through `enter`. A state that leads on by itself has a task, `proceed`, which asks `machines` to do
what has to be done, and then enters the next state, unless something has come between.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from pileus.kernel import Call
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.storage import attachments

from . import machines, networking, placement, profiles
from .announcing import STATE_CHANGE, tell
from .instances import PENDING, RUNNING, SHUTTING_DOWN, STOPPED, STOPPING, TERMINATED, Instance

NEXT = {PENDING: (RUNNING, 0.2), STOPPING: (STOPPED, 1.0), SHUTTING_DOWN: (TERMINATED, 1.0)}
"""What follows a state, and how many seconds it lasts at least."""
VISIBLE = 3600.0
"""So long a terminated instance is still described."""

USER = "Client.UserInitiatedShutdown", "User initiated shutdown"
USER_HIBERNATE = "Client.UserInitiatedHibernate", "User initiated hibernate"
ITSELF = "Client.InstanceInitiatedShutdown", "Instance initiated shutdown"
SPOT_STOP = "Server.SpotInstanceShutdown", "Spot instance shutdown"
SPOT_END = "Server.SpotInstanceTermination", "Spot instance termination"
RETIRED = "Server.ScheduledStop", "Stopped due to scheduled retirement"
BROKEN = "Server.InternalError", "Internal error on launch"

Reason = tuple[str, str]
Step = Callable[[Call, Instance, str], None]

FOLLOWERS: list[Step] = []


def follows(step: Step) -> Step:
    """Declare what else happens when an instance has entered a state."""
    FOLLOWERS.append(step)
    return step


def launched(call: Call, one: Instance) -> None:
    """A new instance is pending."""
    enter(call, one, PENDING)


def start(call: Call, one: Instance) -> None:
    """Start an instance that is stopped."""
    one.launched = call.now
    placement.returns(call, one)
    networking.returns(call, one)
    enter(call, one, PENDING)


def stop(
    call: Call,
    one: Instance,
    reason: Reason = USER,
    *,
    force: bool = False,
    hibernate: bool = False,
    abrupt: bool = False,
) -> None:
    """Stop an instance that is pending or running; abruptly, if its system shall not shut down."""
    _explain(call, one, USER_HIBERNATE if hibernate and reason is USER else reason)
    enter(call, one, STOPPING, hibernate=hibernate, force=force, abrupt=abrupt)


def terminate(call: Call, one: Instance, reason: Reason = USER, *, abrupt: bool = False) -> None:
    """End an instance for good, whatever state it is in."""
    if one.ended:
        return
    _explain(call, one, reason)
    enter(call, one, SHUTTING_DOWN, abrupt=abrupt)


def halted(call: Call, one: Instance) -> None:
    """The system of an instance has shut down by itself, perhaps before anybody has seen that it runs."""
    if one.state in (PENDING, RUNNING):
        if one.at_shutdown == "terminate":
            terminate(call, one, ITSELF)
        else:
            stop(call, one, ITSELF)


def reboot(call: Call, one: Instance) -> None:
    """Boot a running instance anew; its state does not change."""
    reboot_machine.later(call, instance_id=one.instance_id, turn=one.turn)


def enter(
    call: Call, one: Instance, state: str, *, hibernate: bool = False, force: bool = False, abrupt: bool = False
) -> None:
    """Put an instance into a state. The one way to change it."""
    one.state, one.since, one.turn = state, call.now, one.turn + 1
    if state == PENDING:
        one.transition, one.reason = "", {"Code": "pending", "Message": "pending"}
    if state == RUNNING:
        one.booted, one.reason = True, {}
    if state == STOPPED:
        placement.rests(call, one)
        networking.rests(call, one)
    if state == TERMINATED:
        placement.leaves(call, one)
        networking.leaves(call, one)
        attachments.terminated(call, one.instance_id)
        profiles.terminated(call, one)
        forget_instance.later(call, instance_id=one.instance_id, delay=VISIBLE)
    one.put(call)
    for step in FOLLOWERS:
        step(call, one, state)
    detail = {"instance-id": one.instance_id, "state": state}
    tell(call, STATE_CHANGE, [one.arn(call)], detail)
    if state in NEXT:
        delay = 0.0 if force else NEXT[state][1]
        how = {"hibernate": hibernate, "abrupt": abrupt}
        proceed.later(call, instance_id=one.instance_id, turn=one.turn, **how, delay=delay)


def _explain(call: Call, one: Instance, reason: Reason) -> None:
    code, text = reason
    when = datetime.fromtimestamp(call.now, UTC).strftime("%Y-%m-%d %H:%M:%S GMT")
    told = {USER: f"User initiated ({when})", USER_HIBERNATE: f"User initiated ({when})"}
    one.transition = told.get(reason, f"{code}: {text} ({when})" if code.startswith("Server") else "")
    one.reason = {"Code": code, "Message": f"{code}: {text}"}


@ec2.task(retries=2)
async def proceed(call: Call, instance_id: str, turn: int, hibernate: bool = False, abrupt: bool = False) -> None:
    """Do what an instance's state asks for, and enter the next one."""
    one = Instance.get(call, instance_id)
    if one is None or one.turn != turn or one.state not in NEXT:
        return
    failure = ""
    if one.state == PENDING:
        failure = await _boot(call, one)
    elif one.state == STOPPING:
        await machines.halt(call, one, hibernate=hibernate, abrupt=abrupt)
    else:
        await machines.end(call, one, abrupt=abrupt)
    with call.transaction():
        one = Instance.get(call, instance_id)
        if one is None or one.turn != turn:
            return
        if failure:
            _explain(call, one, BROKEN)
            enter(call, one, SHUTTING_DOWN)
        else:
            enter(call, one, NEXT[one.state][0])


async def _boot(call: Call, one: Instance) -> str:
    """Boot a machine; why it does not boot."""
    try:
        await machines.boot(call, one)
    except OSError as error:
        return str(error) or type(error).__name__
    return ""


@ec2.task
async def reboot_machine(call: Call, instance_id: str, turn: int) -> None:
    one = Instance.get(call, instance_id)
    if one and one.turn == turn and one.state == RUNNING:
        await machines.reboot(call, one)


@ec2.task
def forget_instance(call: Call, instance_id: str) -> None:
    """A terminated instance is described no more."""
    if one := Instance.get(call, instance_id):
        one.delete(call)


def view(one: Instance) -> Members:
    return {"StateTransitionReason": one.transition} | ({"StateReason": one.reason} if one.reason else {})
