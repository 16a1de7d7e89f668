"""Which tags of instances their scheduled events tell."""

from __future__ import annotations

from pileus.kernel import Call, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination

from .instances import Instance


class EventTags(Record):
    """What an account has registered in a Region."""

    name: str
    keys: list[str] = []
    all: bool = False


def registered(call: Call) -> EventTags:
    return EventTags.get(call, "tags") or EventTags("tags")


def told(call: Call, one: Instance) -> dict[str, str]:
    """The tags of an instance that its events tell."""
    wanted = registered(call)
    return {key: value for key, value in one.tags.items() if wanted.all or key in wanted.keys}


@ec2.operation
def register_instance_event_notification_attributes(call: Call, instance_tag_attribute: Members) -> Members:
    """Let events tell more tags, or all."""
    wanted = registered(call)
    everything, keys = _asked(instance_tag_attribute)
    wanted.all = wanted.all or everything
    wanted.keys = [*dict.fromkeys([*wanted.keys, *keys])]
    return _shown(wanted.put(call))


@ec2.operation
def deregister_instance_event_notification_attributes(call: Call, instance_tag_attribute: Members) -> Members:
    """Let events tell fewer tags."""
    wanted = registered(call)
    everything, keys = _asked(instance_tag_attribute)
    wanted.all = wanted.all and not everything
    wanted.keys = [key for key in wanted.keys if key not in keys]
    return _shown(wanted.put(call))


@ec2.operation
def describe_instance_event_notification_attributes(call: Call) -> Members:
    return _shown(registered(call))


def _asked(attribute: Members) -> tuple[bool, list[str]]:
    everything, keys = attribute.get("IncludeAllTagsOfInstance", False), attribute.get("InstanceTagKeys", [])
    if everything and keys:
        raise combination("IncludeAllTagsOfInstance and InstanceTagKeys cannot be specified together.")
    return everything, keys


def _shown(wanted: EventTags) -> Members:
    return {"InstanceTagAttribute": {"InstanceTagKeys": wanted.keys, "IncludeAllTagsOfInstance": wanted.all}}
