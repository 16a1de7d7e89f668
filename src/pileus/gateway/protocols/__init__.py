"""AWS's wire protocols. Each is a module of three plain functions: `decode`, `encode` and `encode_error`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from pileus.gateway.message import Request, Response
from pileus.kernel.errors import Fault
from pileus.models import Model, Operation

MODULES = {
    "json": "json",
    "query": "query",
    "ec2": "ec2",
    "rest-json": "rest_json",
    "rest-xml": "rest_xml",
    "smithy-rpc-v2-cbor": "cbor",
    "json-cbor": "amz_cbor",
}


class Codec(Protocol):
    """What each module of `MODULES` is."""

    def decode(self, operation: Operation, request: Request, labels: dict[str, str]) -> dict[str, Any]:
        """The members of a request; `labels` are the labels of its path, still percent-encoded. Raises only `Fault`."""

    def encode(self, operation: Operation, result: dict[str, Any], request_id: str) -> Response:
        """The response to a call that succeeded. A key that the output does not have is a KeyError: our own bug."""

    def encode_error(self, model: Model, operation: Operation | None, fault: Fault, request_id: str) -> Response:
        """The response to a call that failed, or that named no operation. A LookupError is our own bug."""


@cache
def named(protocol: str) -> Codec:
    """The codec of a protocol by the name the models give it, imported when first asked for; KeyError when unknown."""
    return cast(Codec, import_module(f".{MODULES[protocol]}", __name__))
