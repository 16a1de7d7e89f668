"""A service's API as botocore's model describes it: operations and shapes, decoded only as they are asked for.

The vocabulary is botocore's own (`service-2.json`): a `Shape` is a shape with the traits of the reference that led to
it laid over its own, so `shape.traits.get("locationName")` is what a codec wants to know.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec

DATA = Path(__file__).parent / "data"

Traits = dict[str, Any]


class Shape:
    """One shape as seen from one reference to it.

    `type` is botocore's: structure, list, map, string, character, integer, long, float, double, boolean, blob, or
    timestamp.
    """

    __slots__ = ("__dict__", "model", "name", "traits", "type")

    def __init__(self, model: Model, name: str, traits: Traits) -> None:
        self.model = model
        self.name = name
        self.traits = traits
        self.type: str = traits["type"]

    def __repr__(self) -> str:
        return f"<Shape {self.name}: {self.type}>"

    @cached_property
    def members(self) -> dict[str, Shape]:
        """A structure's members by name, in the model's order."""
        return {name: self.model.refer(reference) for name, reference in self.traits.get("members", {}).items()}

    @cached_property
    def required(self) -> tuple[str, ...]:
        return tuple(self.traits.get("required", ()))

    @cached_property
    def member(self) -> Shape:
        """A list's element."""
        return self.model.refer(self.traits["member"])

    @cached_property
    def key(self) -> Shape:
        return self.model.refer(self.traits["key"])

    @cached_property
    def value(self) -> Shape:
        return self.model.refer(self.traits["value"])

    @cached_property
    def error_code(self) -> str:
        """The code of an exception shape on the wire."""
        code: str = self.traits.get("error", {}).get("code", self.name)
        return code

    @cached_property
    def status(self) -> int:
        """The HTTP status of an exception shape."""
        default = 500 if self.traits.get("fault") else 400
        status: int = self.traits.get("error", {}).get("httpStatusCode", default)
        return status


class Operation:
    """One operation of a service."""

    def __init__(self, model: Model, name: str, traits: Traits) -> None:
        self.model = model
        self.name = name
        self.traits = traits
        self.method: str = traits.get("http", {}).get("method", "POST")
        self.uri: str = traits.get("http", {}).get("requestUri", "/")
        self.authtype: str | None = traits.get("authtype")

    def __repr__(self) -> str:
        return f"<Operation {self.model.name}.{self.name}>"

    @cached_property
    def status(self) -> int:
        status: int = self.traits.get("http", {}).get("responseCode", 200)
        return status

    @cached_property
    def input(self) -> Shape | None:
        return self.model.refer(self.traits["input"]) if "input" in self.traits else None

    @cached_property
    def output(self) -> Shape | None:
        return self.model.refer(self.traits["output"]) if "output" in self.traits else None

    @cached_property
    def errors(self) -> dict[str, Shape]:
        """The exceptions that the model lists for this operation, by shape name."""
        return {reference["shape"]: self.model.refer(reference) for reference in self.traits.get("errors", ())}

    @cached_property
    def streaming_input(self) -> Shape | None:
        """The blob member that is the request's body, passed on as it comes."""
        payload = self.input and self.input.traits.get("payload")
        member = self.input.members[payload] if self.input and payload else None
        return member if member and member.type == "blob" and member.traits.get("streaming") else None


class Model:
    """A service's operations and shapes.

    `operations` and `shapes` map names to botocore's descriptions, either plain dicts or undecoded JSON.
    """

    def __init__(
        self,
        name: str,
        metadata: Traits,
        operations: Mapping[str, Any],
        shapes: Mapping[str, Any],
        pagination: Traits | None = None,
    ) -> None:
        self.name = name
        self.metadata = metadata
        self.pagination = pagination or {}
        self.service_id: str = metadata.get("serviceId", name)
        self.protocols: tuple[str, ...] = tuple(metadata.get("protocols") or [metadata["protocol"]])
        self._operations = operations
        self._shapes = shapes
        self._traits: dict[str, Traits] = {}
        self._cache: dict[str, Operation] = {}
        self._plain: dict[str, Shape] = {}

    def __repr__(self) -> str:
        return f"<Model {self.name}>"

    @property
    def operation_names(self) -> list[str]:
        return list(self._operations)

    def operation(self, name: str) -> Operation:
        """The operation of that name; KeyError when there is none."""
        if name not in self._cache:
            self._cache[name] = Operation(self, name, decoded(self._operations[name]))
        return self._cache[name]

    def shape(self, name: str) -> Shape:
        return self.refer({"shape": name})

    def refer(self, reference: Traits) -> Shape:
        """The shape a reference names, with the reference's own traits laid over the shape's."""
        name = reference["shape"]
        if len(reference) == 1:
            if name not in self._plain:
                self._plain[name] = Shape(self, name, self._described(name))
            return self._plain[name]
        return Shape(self, name, self._described(name) | reference)

    def _described(self, name: str) -> Traits:
        if name not in self._traits:
            self._traits[name] = decoded(self._shapes[name])
        return self._traits[name]

    def exception(self, name: str) -> Shape | None:
        """The service's exception shape of that name, if it has one."""
        if name not in self._shapes:
            return None
        shape = self.shape(name)
        return shape if shape.traits.get("exception") else None

    def knows_error(self, name: str) -> bool:
        """Whether the service may answer with that error. EC2's model lists none: its guide alone does."""
        return self.protocols[0] == "ec2" or self.exception(name) is not None

    @cached_property
    def snake_names(self) -> dict[str, str]:
        """Operation names by the name of the function that implements them."""
        return {snake_case(name): name for name in self._operations}


def decoded(description: Traits | msgspec.Raw) -> Traits:
    return msgspec.json.decode(description, type=Traits) if isinstance(description, msgspec.Raw) else description


class _File(msgspec.Struct):
    metadata: dict[str, Any]
    operations: dict[str, msgspec.Raw]
    shapes: dict[str, msgspec.Raw]
    pagination: dict[str, Any] = {}


@cache
def load(service: str) -> Model:
    """The model of a service by its botocore name; KeyError for a name that botocore does not know.

    `load("sqs.query")` is SQS in the wire form of its older query protocol.
    """
    try:
        packed = (DATA / f"{service}.z").read_bytes()
    except FileNotFoundError:
        raise KeyError(service) from None
    file = msgspec.json.decode(zlib.decompress(packed), type=_File)
    return Model(service.split(".")[0], file.metadata, file.operations, file.shapes, file.pagination)


@cache
def index() -> dict[str, Traits]:
    """The metadata of every service that botocore knows, by its botocore name."""
    return msgspec.json.decode((DATA / "index.json").read_bytes(), type=dict[str, Traits])


@cache
def query_form(service: str) -> Model:
    """The model to speak the query protocol with: the service's own unless its query names are kept apart."""
    return load(f"{service}.query" if (DATA / f"{service}.query.z").exists() else service)


# botocore's own rule and its exceptions (botocore.xform_name), by which SDK users know the names.
_SPECIAL = re.compile(r"[A-Z]{2,}s$")
_FIRST_CAP = re.compile(r"(.)([A-Z][a-z]+)")
_END_CAP = re.compile(r"([a-z0-9])([A-Z])")


@cache
def snake_case(name: str) -> str:
    """A wire name as Python writes it: `QueueUrl` is `queue_url`, `MD5OfBody` is `md5_of_body`."""
    if "_" in name:
        return name
    if exception := _snake_exceptions().get(name):
        return exception
    if special := _SPECIAL.search(name):
        matched = special.group()
        name = f"{name[: -len(matched)]}_{matched.lower()}"
    name = _FIRST_CAP.sub(r"\1_\2", name)
    return _END_CAP.sub(r"\1_\2", name).lower()


@cache
def _snake_exceptions() -> dict[str, str]:
    return msgspec.json.decode((DATA / "snake.json").read_bytes(), type=dict[str, str])
