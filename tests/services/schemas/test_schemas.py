"""Registries, schemas and their versions, and what discoverers find on a bus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.testing.local import CloudClock


@pytest.fixture
def schemas(client: Any, clock: CloudClock) -> Any:
    return client("schemas")


def content(*members: str) -> str:
    inner = {"Order": {"type": "object", "properties": {name: {"type": "string"} for name in members}}}
    about = {"openapi": "3.0.0", "info": {"version": "1", "title": "Order"}, "paths": {}}
    return json.dumps(about | {"components": {"schemas": inner}})


def test_a_schema_has_versions(schemas: Any, refused: Any) -> None:
    arn = schemas.create_registry(RegistryName="shop", Tags={"a": "b"})["RegistryArn"]
    named = {"RegistryName": "shop", "SchemaName": "Order"}
    first = schemas.create_schema(**named, Type="OpenApi3", Content=content("id"))
    assert (first["SchemaVersion"], first["Type"]) == ("1", "OpenApi3")
    assert schemas.update_schema(**named, Content=content("id"))["SchemaVersion"] == "1"
    assert schemas.update_schema(**named, Content=content("id", "total"))["SchemaVersion"] == "2"
    assert schemas.describe_schema(**named, SchemaVersion="1")["Content"] == content("id")
    assert [one["SchemaVersion"] for one in schemas.list_schema_versions(**named)["SchemaVersions"]] == ["1", "2"]
    found = schemas.search_schemas(RegistryName="shop", Keywords="total")["Schemas"]
    assert [one["SchemaName"] for one in found] == ["Order"]
    assert schemas.search_schemas(RegistryName="shop", Keywords="nothing")["Schemas"] == []
    exported = json.loads(schemas.export_schema(**named, Type="JSONSchemaDraft4")["Content"])
    assert exported["properties"].keys() == {"id", "total"}
    schemas.delete_schema_version(**named, SchemaVersion="2")
    assert schemas.describe_schema(**named)["SchemaVersion"] == "1"
    assert schemas.update_schema(**named, Content=content("n"))["SchemaVersion"] == "3"
    with refused("BadRequestException", "is not empty"):
        schemas.delete_registry(RegistryName="shop")
    schemas.delete_schema(**named)
    assert schemas.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"a": "b"}
    schemas.delete_registry(RegistryName="shop")
    with refused("NotFoundException", "Registry with name shop does not exist."):
        schemas.describe_registry(RegistryName="shop")


def test_what_is_no_schema_is_refused(schemas: Any, refused: Any) -> None:
    schemas.create_registry(RegistryName="shop")
    for text in ("{", "[]", '{"swagger": "2.0"}'):
        with refused("BadRequestException"):
            schemas.create_schema(RegistryName="shop", SchemaName="Order", Type="OpenApi3", Content=text)
    with refused("ConflictException", "Registry with name shop already exists."):
        schemas.create_registry(RegistryName="shop")


def test_a_schema_is_found_out_from_events(schemas: Any) -> None:
    events = [json.dumps({"id": 1, "at": "2027-01-01T00:00:00Z", "tags": ["a"]}), json.dumps({"id": 2, "more": True})]
    found = json.loads(schemas.get_discovered_schema(Events=events, Type="JSONSchemaDraft4")["Content"])
    assert found["required"] == ["id"]
    assert found["properties"] == {
        "id": {"type": "number"},
        "at": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "more": {"type": "boolean"},
    }


def test_a_discoverer_keeps_what_the_events_of_a_bus_look_like(
    schemas: Any, events: Any, put: Any, clock: CloudClock, refused: Any
) -> None:
    bus = events.create_event_bus(Name="shop")["EventBusArn"]
    discoverer = schemas.create_discoverer(SourceArn=bus)["DiscovererId"]
    for detail in ({"id": "1"}, {"id": "2"}, {"id": "3", "total": 5}):
        put(detail, EventBusName="shop", kind="Order Placed")
    clock.advance(1)
    named = {"RegistryName": "discovered-schemas", "SchemaName": "shop@OrderPlaced"}
    found = schemas.describe_schema(**named)
    assert found["SchemaVersion"] == "2"
    detail = json.loads(found["Content"])["components"]["schemas"]["OrderPlaced"]
    assert detail["properties"] == {"id": {"type": "string"}, "total": {"type": "number"}}
    with refused("ManagedRuleException"):
        events.delete_rule(Name=events.list_rules(EventBusName="shop")["Rules"][0]["Name"], EventBusName="shop")
    assert schemas.stop_discoverer(DiscovererId=discoverer)["State"] == "STOPPED"
    put({"other": 1}, EventBusName="shop", kind="Order Placed")
    clock.advance(1)
    assert schemas.describe_schema(**named)["SchemaVersion"] == "2"
    schemas.delete_discoverer(DiscovererId=discoverer)
    assert schemas.list_discoverers()["Discoverers"] == []
