"""Schemas and their versions, each of which stays as it was."""

from __future__ import annotations

import re
from typing import Any, Self

from pileus.kernel import Call, Record
from pileus.kernel import tags as tagging
from pileus.kernel.resource_type import resource_type

from . import discovery, schemas
from .registries import Registry, bad, missing, parsed

NAME = re.compile(r"[A-Za-z0-9.\-_@]{1,385}")
PER_PAGE = 100
OPEN_API, JSON_SCHEMA = "OpenApi3", "JSONSchemaDraft4"
Members = dict[str, Any]


@resource_type(
    schemas,
    "RegistryName",
    "SchemaName",
    create="CreateSchema",
    read="DescribeSchema",
    update="UpdateSchema",
    list="ListSchemas",
    delete="DeleteSchema",
    missing="NotFoundException",
)
class Schema(
    Record, key=("registry", "name"), arn="schema/{registry}/{name}", cfn="AWS::EventSchemas::Schema", kw_only=True
):
    registry: str
    name: str
    description: str = ""
    last: int = 0
    """The number of the last version that was made."""
    versions: int = 0
    modified: float = 0.0
    tags: dict[str, str] = {}

    @classmethod
    def named(cls, call: Call, registry_name: str, schema_name: str) -> Self:
        Registry.named(call, registry_name)
        found = cls.get(call, registry_name, schema_name)
        if found is None:
            raise missing("Schema", schema_name)
        return found


class Version(Record, key=("registry", "name", "number"), kw_only=True):
    registry: str
    name: str
    number: int
    type: str
    content: str
    created: float


def version_of(call: Call, schema: Schema, number: str = "") -> Version:
    """The version of a number; without one, the latest that is there."""
    if number:
        found = Version.get(call, schema.registry, schema.name, int(number)) if number.isdecimal() else None
    else:
        found = Version.first(call, schema.registry, schema.name, reverse=True)
    if found is None:
        raise missing("Schema version", number)
    return found


def described(call: Call, schema: Schema, version: Version) -> Members:
    return {
        "SchemaArn": schema.arn(call),
        "SchemaName": schema.name,
        "SchemaVersion": str(version.number),
        "Description": schema.description or None,
        "LastModified": schema.modified,
        "VersionCreatedDate": version.created,
        "Type": version.type,
        "Tags": schema.tags,
    }


def add_version(call: Call, schema: Schema, type_: str, content: str) -> Version:
    schema.last += 1
    schema.versions += 1
    schema.modified = call.now
    schema.put(call)
    return Version(
        registry=schema.registry,
        name=schema.name,
        number=schema.last,
        type=type_,
        content=content,
        created=call.now,
    ).put(call)


def check(kind: str, content: str) -> None:
    document = parsed(content)
    if not isinstance(document, dict) or (kind == OPEN_API and "openapi" not in document):
        raise bad(f"The content is not a valid {kind} schema.")


@schemas.operation(name="CreateSchema", honours=["Type"])
def create_schema(
    call: Call,
    registry_name: str,
    schema_name: str,
    content: str,
    request: Members,
    description: str = "",
    tags: dict[str, str] = {},
) -> Members:
    registry = Registry.named(call, registry_name)
    if not NAME.fullmatch(schema_name):
        raise bad(f"Schema name {schema_name} is not valid.")
    if Schema.get(call, registry_name, schema_name):
        raise bad(f"Schema with name {schema_name} already exists.")
    check(request["Type"], content)
    tagging.check(tags, code="BadRequestException")
    registry.put(call)
    schema = Schema(registry=registry_name, name=schema_name, description=description, tags=tags)
    return described(call, schema, add_version(call, schema, request["Type"], content))


@schemas.operation(on=Schema.named, honours=["Type"])
def update_schema(
    call: Call,
    schema: Schema,
    request: Members,
    content: str = "",
    description: str | None = None,
    client_token_id: str = "",
) -> Members:
    """Add a version, unless the latest one says the same."""
    present = version_of(call, schema)
    if description is not None:
        schema.description = description
        schema.put(call)
    kind = request.get("Type") or present.type
    if content and (content, kind) != (present.content, present.type):
        check(kind, content)
        present = add_version(call, schema, kind, content)
    return described(call, schema, present)


@schemas.operation(on=Schema.named)
def describe_schema(call: Call, schema: Schema, schema_version: str = "") -> Members:
    version = version_of(call, schema, schema_version)
    return described(call, schema, version) | {"Content": version.content}


@schemas.operation(on=Schema.named, honours=["Type"])
def export_schema(call: Call, schema: Schema, request: Members, schema_version: str = "") -> Members:
    """The schema in another language: JSON Schema from OpenAPI."""
    if request["Type"] != JSON_SCHEMA:
        raise bad(f"Schemas can be exported as {JSON_SCHEMA} only.")
    version = version_of(call, schema, schema_version)
    content = version.content if version.type == JSON_SCHEMA else discovery.as_json_schema(parsed(version.content))
    return {
        "Content": content,
        "SchemaArn": schema.arn(call),
        "SchemaName": schema.name,
        "SchemaVersion": str(version.number),
        "Type": JSON_SCHEMA,
    }


@schemas.operation(on=Registry.named)
def list_schemas(
    call: Call, registry: Registry, limit: int = PER_PAGE, next_token: str = "", schema_name_prefix: str = ""
) -> Members:
    bounds: Members = {"since": (schema_name_prefix,), "before": (schema_name_prefix + "\U0010ffff",)}
    page = Schema.page(call, registry.name, limit=limit, token=next_token, **bounds)
    found = [
        {
            "SchemaArn": one.arn(call),
            "SchemaName": one.name,
            "LastModified": one.modified,
            "VersionCount": one.versions,
            "Tags": one.tags,
        }
        for one in page.items
    ]
    return {"Schemas": found, "NextToken": page.token}


@schemas.operation(on=Schema.named)
def list_schema_versions(call: Call, schema: Schema, limit: int = PER_PAGE, next_token: str = "") -> Members:
    page = Version.page(call, schema.registry, schema.name, limit=limit, token=next_token, reverse=False)
    found = [
        {
            "SchemaArn": schema.arn(call),
            "SchemaName": schema.name,
            "SchemaVersion": str(one.number),
            "Type": one.type,
        }
        for one in page.items
    ]
    return {"SchemaVersions": found, "NextToken": page.token}


@schemas.operation(on=Registry.named)
def search_schemas(
    call: Call, registry: Registry, keywords: str, limit: int = PER_PAGE, next_token: str = ""
) -> Members:
    """Schemas in whose names or latest contents all the words stand."""
    words = keywords.lower().split()

    def fits(one: Schema) -> bool:
        text = f"{one.name} {version_of(call, one).content}".lower()
        return all(word in text for word in words)

    page = Schema.page(call, registry.name, limit=limit, token=next_token, where=fits)
    found = []
    for one in page.items:
        versions = [
            {"CreatedDate": version.created, "SchemaVersion": str(version.number), "Type": version.type}
            for version in Version.scan(call, one.registry, one.name)
        ]
        named = {"RegistryName": one.registry, "SchemaArn": one.arn(call), "SchemaName": one.name}
        found.append(named | {"SchemaVersions": versions})
    return {"Schemas": found, "NextToken": page.token}


@schemas.operation(on=Schema.named)
def delete_schema(call: Call, schema: Schema) -> None:
    from .bindings import CodeBinding

    schema.delete(call)
    Version.delete_all(call, schema.registry, schema.name)
    CodeBinding.delete_all(call, schema.registry, schema.name)


@schemas.operation(on=Schema.named)
def delete_schema_version(call: Call, schema: Schema, schema_version: str) -> None:
    """Delete one version; a schema is never without any."""
    version = version_of(call, schema, schema_version)
    if schema.versions == 1:
        raise bad("The only version of a schema cannot be deleted: delete the schema.")
    from .bindings import CodeBinding

    version.delete(call)
    CodeBinding.delete_all(call, schema.registry, schema.name, version.number)
    schema.versions -= 1
    schema.put(call)
