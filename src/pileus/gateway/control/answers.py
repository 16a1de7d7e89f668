"""How the cloud's own API answers: JSON, and errors that say what is wrong."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec

from pileus.gateway.message import Request, Response

JSON = [("content-type", "application/json")]


class Refused(Exception):
    """The request cannot be answered, for a reason that the caller is told."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def shown(result: Any) -> Response:
    """A handler's result as a response."""
    return result if isinstance(result, Response) else Response(200, list(JSON), msgspec.json.encode(result) + b"\n")


def error(status: int, reason: str) -> Response:
    return Response(status, list(JSON), msgspec.json.encode({"error": reason}) + b"\n")


def body(request: Request) -> dict[str, Any]:
    """The JSON object in a request; an empty one where there is no body."""
    try:
        content = msgspec.json.decode(request.body or b"{}")
    except msgspec.DecodeError as problem:
        raise Refused(400, f"The body is no JSON: {problem}.") from None
    if not isinstance(content, dict):
        raise Refused(400, "The body must be a JSON object.")
    return content


def parameter(request: Request, name: str) -> str:
    """A parameter of the query, or an empty text."""
    return parse_qs(request.query).get(name, [""])[0]
