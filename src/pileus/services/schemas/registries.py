"""Schema registries, their policies, and the tags of everything in this service."""

from __future__ import annotations

import json
import re
from typing import Any, Self

from pileus.kernel import Call, Fault, Record, arn, names
from pileus.kernel import tags as tagging
from pileus.kernel.access import grammar
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tagging import declare

from . import schemas

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
PER_PAGE = 100
DISCOVERED = "discovered-schemas"
"""The registry into which discoverers put what they find."""
Members = dict[str, Any]


def missing(kind: str, name: str) -> Fault:
    return Fault("NotFoundException", f"{kind} with name {name} does not exist.", Code="NotFoundException")


def bad(message: str) -> Fault:
    return Fault("BadRequestException", message, Code="BadRequestException")


@resource_type(
    schemas,
    "RegistryName",
    create="CreateRegistry",
    read="DescribeRegistry",
    update="UpdateRegistry",
    list="ListRegistries",
    delete="DeleteRegistry",
    missing="NotFoundException",
)
class Registry(Record, arn="registry/{name}", cfn="AWS::EventSchemas::Registry"):
    name: str
    description: str = ""
    tags: dict[str, str] = {}
    policy: str = ""
    revision: str = ""

    @classmethod
    def named(cls, call: Call, registry_name: str) -> Self:
        """The registry of a name; the one of discoveries is there when it is first needed."""
        found = cls.get(call, registry_name)
        if found is None and registry_name == DISCOVERED:
            found = cls(DISCOVERED, "What discoverers have found")
        if found is None:
            raise missing("Registry", registry_name)
        return found

    def described(self, call: Call) -> Members:
        return {
            "RegistryArn": self.arn(call),
            "RegistryName": self.name,
            "Description": self.description or None,
            "Tags": self.tags,
        }


def check_name(name: str) -> None:
    if not NAME.fullmatch(name) or name.lower().startswith("aws."):
        raise bad(f"Registry name {name} is not valid.")


@schemas.operation
def create_registry(call: Call, registry_name: str, description: str = "", tags: dict[str, str] = {}) -> Members:
    check_name(registry_name)
    if Registry.get(call, registry_name):
        words = f"Registry with name {registry_name} already exists."
        raise Fault("ConflictException", words, Code="ConflictException")
    tagging.check(tags, code="BadRequestException")
    return Registry(registry_name, description, tags).put(call).described(call)


@schemas.operation(on=Registry.named)
def describe_registry(call: Call, registry: Registry) -> Members:
    return registry.described(call)


@schemas.operation(on=Registry.named)
def update_registry(call: Call, registry: Registry, description: str | None = None) -> Members:
    if description is not None:
        registry.description = description
    return registry.put(call).described(call)


@schemas.operation
def list_registries(
    call: Call, limit: int = PER_PAGE, next_token: str = "", registry_name_prefix: str = "", scope: str = "LOCAL"
) -> Members:
    if scope not in ("LOCAL", "AWS"):
        raise bad("Scope must be LOCAL or AWS.")
    bounds: Members = {"since": (registry_name_prefix,), "before": (registry_name_prefix + "\U0010ffff",)}
    page = Registry.page(call, limit=limit, token=next_token, where=lambda one: scope == "LOCAL", **bounds)
    found = [
        {name: value for name, value in one.described(call).items() if name != "Description"} for one in page.items
    ]
    return {"Registries": found, "NextToken": page.token}


@schemas.operation(on=Registry.named)
def delete_registry(call: Call, registry: Registry) -> None:
    """Delete a registry that is empty."""
    from .documents import Schema

    if Schema.first(call, registry.name):
        raise bad(f"Registry {registry.name} is not empty: delete its schemas first.")
    registry.delete(call)


# Policies


@schemas.operation(on=lambda call, registry_name="": Registry.named(call, registry_name))
def put_resource_policy(call: Call, registry: Registry, policy: str, revision_id: str = "") -> Members:
    if revision_id and revision_id != registry.revision:
        words = "The revision ID does not match the current revision of the policy."
        raise Fault("PreconditionFailedException", words, Code="PreconditionFailedException")
    try:
        grammar.check(policy, "resource")
    except grammar.Malformed as error:
        raise bad(f"The policy is not valid: {error.reason}") from None
    registry.policy, registry.revision = policy, names.uuid4()
    registry.put(call)
    return {"Policy": policy, "RevisionId": registry.revision}


@schemas.operation(on=lambda call, registry_name="": Registry.named(call, registry_name))
def get_resource_policy(call: Call, registry: Registry) -> Members:
    if not registry.policy:
        raise missing("Policy of the registry", registry.name)
    return {"Policy": registry.policy, "RevisionId": registry.revision}


@schemas.operation(on=lambda call, registry_name="": Registry.named(call, registry_name))
def delete_resource_policy(call: Call, registry: Registry) -> None:
    registry.policy = registry.revision = ""
    registry.put(call)


# Tags


def of(call: Call, resource_arn: str) -> Any:
    """The registry, schema or discoverer of an ARN."""
    from .discovery import Discoverer
    from .documents import Schema

    try:
        kind, _, rest = arn.parse(resource_arn).resource.partition("/")
    except ValueError:
        raise bad(f"{resource_arn} is not a valid ARN.") from None
    if kind == "registry":
        return Registry.named(call, rest)
    if kind == "discoverer":
        return Discoverer.by_id(call, rest)
    registry, _, name = rest.partition("/")
    return Schema.named(call, registry, name)


declare(schemas, of, code="BadRequestException")


def parsed(content: str) -> Any:
    """The JSON of a schema."""
    try:
        return json.loads(content)
    except ValueError:
        raise bad("The schema content is not valid JSON.") from None
