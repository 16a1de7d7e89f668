"""What events look like, found out from events: for a few that are given, or by a discoverer for those of a bus.

A discoverer is a rule on its bus, as on AWS, whose target is the discoverer: EventBridge then brings the events here as
it would to any target.
"""

from __future__ import annotations

import json
import re
from typing import Any, Self

from pileus.kernel import Call, Record, identity
from pileus.kernel import tags as tagging
from pileus.kernel.resource_type import resource_type

from . import schemas
from .registries import bad, missing, parsed

PER_PAGE = 100
STARTED, STOPPED = "STARTED", "STOPPED"
ITSELF = identity.service("schemas.amazonaws.com")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
Members = dict[str, Any]


@resource_type(
    schemas,
    "DiscovererId",
    create="CreateDiscoverer",
    read="DescribeDiscoverer",
    update="UpdateDiscoverer",
    list="ListDiscoverers",
    delete="DeleteDiscoverer",
    missing="NotFoundException",
)
class Discoverer(Record, arn="discoverer/{id}", cfn="AWS::EventSchemas::Discoverer", kw_only=True):
    id: str
    source: str
    description: str = ""
    state: str = STARTED
    across: bool = True
    """Whether events of other accounts count too."""
    tags: dict[str, str] = {}

    @classmethod
    def by_id(cls, call: Call, discoverer_id: str) -> Self:
        found = cls.get(call, discoverer_id)
        if found is None:
            raise missing("Discoverer", discoverer_id)
        return found

    @property
    def bus(self) -> str:
        return self.source.rpartition("event-bus/")[2]

    @property
    def rule(self) -> str:
        return f"Schemas-{self.id}"[:64]

    def described(self, call: Call) -> Members:
        return {
            "DiscovererArn": self.arn(call),
            "DiscovererId": self.id,
            "SourceArn": self.source,
            "Description": self.description or None,
            "State": self.state,
            "CrossAccount": self.across,
            "Tags": self.tags,
        }


@schemas.operation
def create_discoverer(
    call: Call, source_arn: str, description: str = "", cross_account: bool = True, tags: dict[str, str] = {}
) -> Members:
    if ":event-bus/" not in source_arn:
        raise bad("SourceArn must be the ARN of an event bus.")
    tagging.check(tags, code="BadRequestException")
    bus = source_arn.rpartition("event-bus/")[2]
    identity = f"events-event-bus-{bus}"
    if Discoverer.get(call, identity):
        raise bad(f"A discoverer for {source_arn} already exists.")
    discoverer = Discoverer(id=identity, source=source_arn, description=description, across=cross_account, tags=tags)
    watch(call, discoverer)
    return discoverer.put(call).described(call)


def watch(call: Call, discoverer: Discoverer) -> None:
    """Have EventBridge bring the events of the bus."""
    events = call.aws("events", principal=ITSELF)
    pattern: Members = {"replay-name": [{"exists": False}]}
    if not discoverer.across:
        pattern["account"] = [call.account]
    events.put_rule(name=discoverer.rule, event_bus_name=discoverer.bus, event_pattern=json.dumps(pattern))
    target = {"Id": discoverer.id[:64], "Arn": discoverer.arn(call)}
    events.put_targets(rule=discoverer.rule, event_bus_name=discoverer.bus, targets=[target])


def unwatch(call: Call, discoverer: Discoverer) -> None:
    events = call.aws("events", principal=ITSELF)
    events.remove_targets(rule=discoverer.rule, event_bus_name=discoverer.bus, ids=[discoverer.id[:64]])
    events.delete_rule(name=discoverer.rule, event_bus_name=discoverer.bus)


@schemas.operation(on=Discoverer.by_id)
def describe_discoverer(call: Call, discoverer: Discoverer) -> Members:
    return discoverer.described(call)


@schemas.operation(on=Discoverer.by_id)
def update_discoverer(
    call: Call, discoverer: Discoverer, description: str | None = None, cross_account: bool | None = None
) -> Members:
    if description is not None:
        discoverer.description = description
    if cross_account is not None:
        discoverer.across = cross_account
    if discoverer.state == STARTED:
        watch(call, discoverer)
    return discoverer.put(call).described(call)


@schemas.operation
def list_discoverers(
    call: Call,
    discoverer_id_prefix: str = "",
    limit: int = PER_PAGE,
    next_token: str = "",
    source_arn_prefix: str = "",
) -> Members:
    page = Discoverer.page(
        call,
        limit=limit,
        token=next_token,
        where=lambda one: one.id.startswith(discoverer_id_prefix) and one.source.startswith(source_arn_prefix),
    )
    found = [
        {name: value for name, value in one.described(call).items() if name != "Description"} for one in page.items
    ]
    return {"Discoverers": found, "NextToken": page.token}


@schemas.operation(on=Discoverer.by_id)
def start_discoverer(call: Call, discoverer: Discoverer) -> Members:
    watch(call, discoverer)
    discoverer.state = STARTED
    discoverer.put(call)
    return {"DiscovererId": discoverer.id, "State": STARTED}


@schemas.operation(on=Discoverer.by_id)
def stop_discoverer(call: Call, discoverer: Discoverer) -> Members:
    if discoverer.state == STARTED:
        unwatch(call, discoverer)
    discoverer.state = STOPPED
    discoverer.put(call)
    return {"DiscovererId": discoverer.id, "State": STOPPED}


@schemas.operation(on=Discoverer.by_id)
def delete_discoverer(call: Call, discoverer: Discoverer) -> None:
    if discoverer.state == STARTED:
        unwatch(call, discoverer)
    discoverer.delete(call)


# What events look like


@schemas.operation(honours=["Type"])
def get_discovered_schema(call: Call, events: list[str], request: Members) -> Members:
    """One schema that all the events fit."""
    shape: Members = {}
    documents = [parsed(event) for event in events]
    for document in documents:
        shape = merged(shape, shape_of(document))
    if request["Type"] == "JSONSchemaDraft4":
        return {"Content": json.dumps({"$schema": "http://json-schema.org/draft-04/schema#"} | shape)}
    return {"Content": json.dumps(open_api(documents[0], shape))}


def shape_of(value: Any) -> Members:
    """The schema of one value."""
    if isinstance(value, dict):
        inner = {name: shape_of(one) for name, one in value.items()}
        return {"type": "object", "required": sorted(inner), "properties": inner}
    if isinstance(value, list):
        items: Members = {}
        for one in value:
            items = merged(items, shape_of(one))
        return {"type": "array", "items": items or {"type": "object"}}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "number"}
    if isinstance(value, str):
        return {"type": "string", "format": "date-time"} if TIME.fullmatch(value) else {"type": "string"}
    return {"type": "object", "nullable": True}


def merged(one: Members, other: Members) -> Members:
    """What both fit: what is not in both is not required."""
    if not one or not other:
        return one or other
    if one.get("type") != other.get("type"):
        return {}
    if one["type"] == "object" and "properties" in one and "properties" in other:
        names_of = {**one["properties"], **other["properties"]}
        inner = {name: merged(one["properties"].get(name, {}), other["properties"].get(name, {})) for name in names_of}
        required = sorted({*one.get("required", ())} & {*other.get("required", ())})
        return {"type": "object", "required": required, "properties": inner}
    if one["type"] == "array":
        return {"type": "array", "items": merged(one["items"], other["items"])}
    return one if one == other else {"type": one["type"]}


def open_api(event: Any, shape: Members) -> Members:
    """The schema as an OpenAPI document, in the form that EventBridge gives those of events."""
    title = re.sub(r"\W", "", str(event.get("detail-type", "Event"))) if isinstance(event, dict) else "Event"
    components: Members = {"AWSEvent": shape}
    if isinstance(event, dict) and "detail" in shape.get("properties", {}):
        detail = shape["properties"]["detail"]
        inner = shape["properties"] | {"detail": {"$ref": f"#/components/schemas/{title}"}}
        about = {"x-amazon-events-detail-type": event.get("detail-type"), "x-amazon-events-source": event.get("source")}
        components = {"AWSEvent": shape | {"properties": inner} | about, title: detail}
    return {
        "openapi": "3.0.0",
        "info": {"version": "1.0.0", "title": title},
        "paths": {},
        "components": {"schemas": components},
    }


def as_json_schema(document: Any) -> str:
    """An OpenAPI document's schemas as one JSON Schema."""
    found = document.get("components", {}).get("schemas", {})
    first: Members = found.get("AWSEvent") or next(iter(found.values()), {})
    text = json.dumps({"$schema": "http://json-schema.org/draft-04/schema#"} | first | {"definitions": found})
    return text.replace("#/components/schemas/", "#/definitions/")
