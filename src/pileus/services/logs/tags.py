"""The tags of groups and of what else has an ARN, through both APIs."""

from __future__ import annotations

from typing import Any, Protocol

from pileus.kernel import Call, Fault, tags

from . import faults, logs
from .deliveries import Delivery, DeliveryDestination, DeliverySource
from .destinations import Destination
from .detectors import Detector
from .groups import Group, check_tags, name_in
from .lookup_tables import LookupTable
from .scheduled_queries import ScheduledQuery


class Tagged(Protocol):
    tags: dict[str, str]

    def put(self, call: Call) -> Any: ...


def by_arn(call: Call, resource_arn: str) -> Tagged:
    """What an ARN means that can have tags."""
    kind, _, rest = resource_arn.split(":", 5)[-1].partition(":")
    if kind == "log-group" and (group := Group.get(call, name_in(resource_arn))):
        return group
    if kind == "scheduled-query" and (query := ScheduledQuery.first(call, rest, index="id")):
        return query
    others: dict[str, Any] = {
        "destination": Destination,
        "anomaly-detector": Detector,
        "delivery-source": DeliverySource,
        "delivery-destination": DeliveryDestination,
        "delivery": Delivery,
        "lookup-table": LookupTable,
    }
    if kind in others and (found := others[kind].get(call, rest)):
        tagged: Tagged = found
        return tagged
    raise faults.missing("The specified resource does not exist.")


@logs.operation(on=by_arn)
def tag_resource(call: Call, resource: Tagged, tags: dict[str, str]) -> None:
    add(call, resource, tags)


@logs.operation(on=by_arn)
def untag_resource(call: Call, resource: Tagged, tag_keys: list[str]) -> None:
    remove(call, resource, tag_keys)


@logs.operation(on=by_arn)
def list_tags_for_resource(call: Call, resource: Tagged) -> dict[str, Any]:
    return {"tags": resource.tags}


@logs.operation(on=Group.named)
def tag_log_group(call: Call, group: Group, tags: dict[str, str]) -> None:
    add(call, group, tags)


@logs.operation(on=Group.named)
def untag_log_group(call: Call, group: Group, tags: list[str]) -> None:
    remove(call, group, tags)


@logs.operation(on=Group.named)
def list_tags_log_group(call: Call, group: Group) -> dict[str, Any]:
    return {"tags": group.tags}


def add(call: Call, resource: Tagged, given: dict[str, str]) -> None:
    held = resource.tags | given
    if len(held) > tags.MOST:
        raise Fault("TooManyTagsException", f"The number of tags exceeds the limit of {tags.MOST}.", status=400)
    check_tags(held)
    resource.tags = held
    resource.put(call)


def remove(call: Call, resource: Tagged, keys: list[str]) -> None:
    resource.tags = {name: value for name, value in resource.tags.items() if name not in keys}
    resource.put(call)
