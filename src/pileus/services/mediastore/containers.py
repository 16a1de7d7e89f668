"""Containers: create, describe, list, delete, tag, and whether their accesses are logged.

AWS answers a creation without the endpoint; it is there once the container is active (API reference, CreateContainer).
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.resource import Resource, Row, now, unique

from . import mediastore

MOST = 100
"""Containers of an account in a Region (MediaStore User Guide, Quotas)."""


class Container(Resource, service=mediastore, cfn="AWS::MediaStore::Container"):
    """A namespace that holds folders and objects."""

    key = ("Name", "ContainerName")
    arn = ("ARN", "container/{Name}")
    create, read, list, delete = "CreateContainer", "DescribeContainer", "ListContainers", "DeleteContainer"
    exists = ("ContainerInUseException", "A container with the name {} already exists.")
    missing = ("ContainerNotFoundException", "The specified container {} does not exist.")
    tags = "Tags"
    states = "CREATING -> ACTIVE after 2s; DELETING -> gone after 2s"
    fields = {"CreationTime": now, "AccessLoggingEnabled": False, "Endpoint": None, "Host": unique(length=14)}

    @staticmethod
    def before_create(call: Call, container: Row) -> None:
        if len(list(type(container).scan(call, limit=MOST))) == MOST:
            raise Fault("LimitExceededException", f"You have reached the limit of {MOST} containers.")

    @staticmethod
    def before_delete(call: Call, container: Row) -> None:
        settled(container)

    @staticmethod
    def shown(call: Call, container: Row) -> dict[str, Any]:
        if container["Status"] == "CREATING":
            return {}
        return {"Endpoint": call.url(f"mediastore/{container['Host']}")}


def settled(container: Row) -> Row:
    """The container, if it is neither coming nor going; all that changes one needs that."""
    if container["Status"] != "ACTIVE":
        raise Fault("ContainerInUseException", f"The container {container['Name']} is {container['Status'].lower()}.")
    return container


def active(call: Call, container_name: str) -> Row:
    return settled(Container.named(call, container_name))


@mediastore.operation(on=active)
def start_access_logging(call: Call, container: Row) -> dict[str, Any]:
    container["AccessLoggingEnabled"] = True
    container.put(call)
    return {}


@mediastore.operation(on=active)
def stop_access_logging(call: Call, container: Row) -> dict[str, Any]:
    container["AccessLoggingEnabled"] = False
    container.put(call)
    return {}
