"""Every request of botocore's vectors is read back into the parameters that it was made of."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from pileus.gateway.message import Headers, Request
from pileus.gateway.protocols import named
from pileus.models import Shape

from .vectors import Case, cases, labels, same, value_of


@pytest.mark.parametrize("case", cases("input"))
def test_request(case: Case) -> None:
    wire = case.case["serialized"]
    body = wire.get("body") or ""
    content = b64decode(body) if "cbor" in case.protocol else body.encode()
    headers = Headers((name.lower(), value) for name, value in (wire.get("headers") or {}).items())
    request = Request(wire["method"], wire["uri"], headers, content)
    operation = case.operation
    found = labels(operation.uri, request.path) if case.protocol.startswith("rest") else {}
    decoded = named(case.protocol).decode(operation, request, found)
    expected = carried(operation.input, value_of(operation.input, case.case["params"]), decoded)
    assert same(decoded, expected), (decoded, expected)


def carried(shape: Shape | None, params: dict[str, Any], decoded: dict[str, Any]) -> dict[str, Any]:
    """The parameters that a server can know of.

    Most protocols cannot tell an empty list or map from none, nor JSON an empty payload. And a map of query parameters
    has those that no other member has: what a client put into both is read once.
    """
    expected = {name: value for name, value in params.items() if value not in ([], {}) or name in decoded}
    payload = shape.traits.get("payload", "") if shape else ""
    if decoded.get(payload) == {}:
        expected.setdefault(payload, {})
    parameters = {
        member.traits.get("locationName", name): member
        for name, member in (shape.members.items() if shape else ())
        if member.traits.get("location") == "querystring"
    }
    for name in [name for name, member in parameters.items() if member.type == "map"]:
        own = next(key for key, member in shape.members.items() if member is parameters[name])  # type: ignore[union-attr]
        rest = {key: value for key, value in expected.pop(own, {}).items() if key not in parameters}
        expected |= {own: rest} if rest else {}
    return expected
