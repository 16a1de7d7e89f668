"""What is asked of instances: to start, stop, hibernate, reboot, end, and to be watched more closely."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import unsupported

from . import spot, states
from .instances import PENDING, RUNNING, STOPPED, STOPPING, Instance, changed, instances, wrong_state
from .metric_categories import MetricCategory

SECONDS = 1.0
"""From pending to enabled, of detailed monitoring."""


@ec2.operation
def start_instances(call: Call, instance_ids: list[str]) -> Members:
    """Start instances that are stopped; those that run go on."""
    answers = []
    for one in instances(call, instance_ids):
        before = one.state
        if before not in (PENDING, RUNNING):
            if before != STOPPED:
                text = f"The instance '{one.instance_id}' is not in a state from which it can be started."
                raise wrong_state(text)
            states.start(call, one)
        answers.append(changed(before, one))
    return {"StartingInstances": answers}


@ec2.operation
def stop_instances(
    call: Call,
    instance_ids: list[str],
    hibernate: bool = False,
    force: bool = False,
    skip_os_shutdown: bool = False,
) -> Members:
    """Stop instances, or let them hibernate; those that are stopped stay so."""
    answers = []
    for one in instances(call, instance_ids):
        before = one.state
        if before not in (STOPPING, STOPPED):
            _check_stop(call, one, hibernate)
            states.stop(call, one, force=force, hibernate=hibernate, abrupt=skip_os_shutdown)
        answers.append(changed(before, one))
    return {"StoppingInstances": answers}


def _check_stop(call: Call, one: Instance, hibernate: bool) -> None:
    if one.state != RUNNING:
        raise wrong_state(f"This instance '{one.instance_id}' is not in a state from which it can be stopped.")
    if one.stop_protected:
        text = f"The instance '{one.instance_id}' may not be stopped. Modify its 'disableApiStop' instance attribute"
        raise Fault("OperationNotPermitted", f"{text} and try again.")
    if one.root_device_type != "ebs":
        text = f"The instance '{one.instance_id}' does not have an 'ebs' root device type and cannot be stopped"
        raise unsupported(text)
    if hibernate and not one.hibernates:
        text = f"{one.instance_id} cannot be hibernated. To hibernate, an instance must be enabled for hibernation."
        raise Fault("UnsupportedHibernationConfiguration", text)
    spot.check_stop(call, one)


@ec2.operation
def reboot_instances(call: Call, instance_ids: list[str]) -> None:
    """Boot running instances anew."""
    for one in instances(call, instance_ids):
        if one.state != RUNNING:
            raise wrong_state(f"The instance '{one.instance_id}' is not in the 'running' state.")
        states.reboot(call, one)


@ec2.operation
def terminate_instances(
    call: Call, instance_ids: list[str], force: bool = False, skip_os_shutdown: bool = False
) -> Members:
    """End instances for good. If one of them is protected, none is ended."""
    found = instances(call, instance_ids)
    for one in found:
        if one.termination_protected and not one.ended:
            text = f"The instance '{one.instance_id}' may not be terminated. Modify its 'disableApiTermination'"
            raise Fault("OperationNotPermitted", f"{text} instance attribute and try again.")
    answers = []
    for one in found:
        before = one.state
        states.terminate(call, one, abrupt=skip_os_shutdown)
        answers.append(changed(before, one))
    return {"TerminatingInstances": answers}


@ec2.operation
def monitor_instances(call: Call, instance_ids: list[str], metric_category_ids: list[str] = []) -> Members:
    """Let instances be watched every minute, perhaps with further metrics."""
    for what in metric_category_ids:
        MetricCategory.named(call, what)
    return _monitored(call, instance_ids, True, metric_category_ids)


@ec2.operation
def unmonitor_instances(call: Call, instance_ids: list[str], metric_category_ids: list[str] = []) -> Members:
    """Let instances be watched every five minutes; or, if some are named, without those further metrics."""
    return _monitored(call, instance_ids, bool(metric_category_ids), [], metric_category_ids)


def _monitored(
    call: Call, instance_ids: list[str], wanted: bool, more: list[str] = [], without: list[str] = []
) -> Members:
    answers = []
    for one in instances(call, instance_ids):
        if one.ended:
            raise wrong_state(f"The instance '{one.instance_id}' is not in a valid state for this operation.")
        if one.monitoring != wanted:
            one.monitoring, one.monitored_since = wanted, call.now
        kept = [what for what in dict.fromkeys([*one.metric_categories, *more]) if what not in without]
        one.metric_categories = kept if wanted else []
        one.put(call)
        answers.append({"InstanceId": one.instance_id, "Monitoring": monitoring_of(call, one)})
    return {"InstanceMonitorings": answers}


def monitoring_of(call: Call, one: Instance) -> Members:
    categories = {"MetricCategoryIds": one.metric_categories} if one.metric_categories else {}
    return {"State": monitoring(call, one)} | categories


def monitoring(call: Call, one: Instance) -> str:
    settled = call.now >= one.monitored_since + SECONDS or one.turn == 0
    if one.monitoring:
        return "enabled" if settled else "pending"
    return "disabled" if settled else "disabling"
