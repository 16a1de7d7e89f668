"""What a schema describes, as types with members: read from OpenAPI 3 or JSON Schema, for code to be made of.

An object within an object is a type of its own, named after both. What may be several things (`oneOf`, `anyOf`) may be
anything here; `allOf` is all of it together.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]

TEXT, INTEGER, NUMBER, TRUTH, INSTANT, ANY = "text", "integer", "number", "truth", "instant", "any"
PLAIN = {"string": TEXT, "integer": INTEGER, "number": NUMBER, "boolean": TRUTH}


@dataclass(frozen=True)
class Kind:
    """What a member is: something plain, another type, or many of a kind, in a list or under names."""

    plain: str = ""
    type: str = ""
    each: Kind | None = None
    named: bool = False


@dataclass(frozen=True)
class Member:
    wire: str
    """Its name in events."""
    kind: Kind
    required: bool

    @property
    def words(self) -> list[str]:
        return words_of(self.wire)


@dataclass
class Type:
    name: str
    members: list[Member] = field(default_factory=list)


def words_of(name: str) -> list[str]:
    """`detail-type`, `detailType` and `DetailType` are the same words."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", name)
    return [part.lower() for part in parts] or ["value"]


def pascal(name: str) -> str:
    """A name as types have it; what begins with a capital keeps its own ones."""
    pieces = [piece for piece in re.split(r"[^A-Za-z0-9]+", name) if piece]
    joined = "".join(piece[0].upper() + piece[1:] for piece in pieces) or "Value"
    return joined if joined[0].isalpha() else f"T{joined}"


def camel(words: list[str]) -> str:
    joined = words[0] + "".join(word.capitalize() for word in words[1:])
    return joined if joined[0].isalpha() else f"v{joined}"


def package(registry_schema: str) -> list[str]:
    """The folders of a schema's code: `aws.ec2@StateChange` lies in schema/aws/ec2/statechange."""
    return ["schema", *[re.sub(r"[^a-z0-9]", "", part) or "x" for part in re.split(r"[.@]", registry_schema.lower())]]


def read(content: str, title: str) -> list[Type]:
    """The types of a schema, in the order in which it names them."""
    document = json.loads(content)
    reader = Reader()
    if "openapi" in document:
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            reader.take(name, schema)
    else:
        reader.take(document.get("title") or re.split(r"[.@]", title)[-1], document)
        for part in ("definitions", "$defs"):
            for name, schema in document.get(part, {}).items():
                reader.take(name, schema)
    return list(reader.types.values())


class Reader:
    def __init__(self) -> None:
        self.types: dict[str, Type] = {}

    def take(self, name: str, schema: Schema) -> str:
        """Read an object as a type; its name."""
        whole = merged(schema)
        made = self.types[pascal(name)] = Type(pascal(name))
        required = whole.get("required", [])
        for wire, inner in whole.get("properties", {}).items():
            made.members.append(Member(wire, self.kind(inner, f"{made.name} {wire}"), wire in required))
        return made.name

    def kind(self, schema: Schema, name: str) -> Kind:
        if "$ref" in schema:
            return Kind(type=pascal(schema["$ref"].rpartition("/")[2]))
        if "allOf" in schema or schema.get("properties"):
            return Kind(type=self.take(name, schema))
        kind = schema.get("type")
        if isinstance(kind, list):  # JSON Schema: several, of which one may be null
            kind = next((one for one in kind if one != "null"), None)
        if kind == "array":
            return Kind(each=self.kind(schema.get("items", {}), f"{name} item"))
        if kind == "object":
            values = schema.get("additionalProperties")
            inner = self.kind(values, f"{name} value") if isinstance(values, dict) else Kind(plain=ANY)
            return Kind(each=inner, named=True)
        if kind == "string" and schema.get("format") == "date-time":
            return Kind(plain=INSTANT)
        return Kind(plain=PLAIN.get(str(kind), ANY))


def merged(schema: Schema) -> Schema:
    """An object with all that `allOf` says of it, as far as it says so itself."""
    whole: Schema = {"properties": dict(schema.get("properties", {})), "required": list(schema.get("required", []))}
    for part in schema.get("allOf", ()):
        inner = merged(part)
        whole["properties"] |= inner["properties"]
        whole["required"] += inner["required"]
    return whole
