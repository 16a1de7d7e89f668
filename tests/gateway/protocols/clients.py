"""botocore as the other end of the wire: its serializers make requests, its parsers read responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from botocore.awsrequest import HeadersDict, prepare_request_dict
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from pileus.gateway.message import Headers, Request, Response


def service(description: dict[str, Any]) -> ServiceModel:
    return ServiceModel(description, "vectors")


def parsed(protocol: str, response: Response, shape: Any) -> dict[str, Any]:
    """What botocore reads from a response, without what it adds of its own, moments as epoch seconds."""
    assert isinstance(response.body, bytes)
    headers = HeadersDict(response.headers)
    told = {"status_code": response.status, "headers": headers, "body": response.body, "context": {}}
    result: dict[str, Any] = create_parser(protocol).parse(told, shape)
    return plain(result)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.timestamp() if isinstance(value, datetime) else value


def request(protocol: str, operation: OperationModel, params: dict[str, Any]) -> Request:
    """The request that botocore makes of parameters."""
    made = create_serializer(protocol, include_validation=False).serialize_to_request(params, operation)
    if isinstance(made["body"], dict):
        made["body"] = urlencode(made["body"]).encode()
    made.setdefault("query_string", {})
    prepare_request_dict(made, "http://localhost:4566")
    url = urlsplit(made["url"])
    target = f"{url.path}?{url.query}" if url.query else url.path
    headers = Headers((name.lower(), str(value)) for name, value in made["headers"].items())
    body = made["body"]
    return Request(made["method"], target, headers, body.encode() if isinstance(body, str) else body)
