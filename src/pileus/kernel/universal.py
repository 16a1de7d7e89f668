"""Any operation of any service, named as the SDKs name it: `aws-sdk:sqs:sendMessage`, with its request as JSON.

Scheduler User Guide, "Using universal targets"; Step Functions calls operations in the same way.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable
from functools import cache
from typing import Any

from pileus import models

from .call import Call
from .identity import Principal

READING = ("get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "batchget")
"""What an operation's name begins with that only reads: schedules do not call those."""


@cache
def services() -> dict[str, str]:
    """Services by the names that the SDKs have for them: the service id in lower case, without spaces."""
    found = {name.replace("-", ""): name for name in models.index()}
    for name, metadata in models.index().items():
        found["".join(sign for sign in metadata["serviceId"].lower() if sign.isalnum())] = name
    return found


def operation_of(service: str, action: str) -> models.Operation:
    """The operation of an SDK's names; LookupError where there is none."""
    name = services().get(service.lower())
    if name is None:
        raise LookupError(f"there is no service {service}")
    model = models.load(name)
    wanted = action.lower()
    found = next((one for one in model.operation_names if one.lower() == wanted), None)
    if found is None:
        raise LookupError(f"{service} has no operation {action}")
    return model.operation(found)


async def perform(call: Call, service: str, action: str, text: str, principal: Principal) -> Any:
    """Call the operation with a request in JSON, whose members may be written in any case."""
    operation = operation_of(service, action)
    given = json.loads(text) if text else {}
    request = fitted(operation.input, given) if operation.input else {}
    inner = call.at(service=operation.model.name, operation=operation.name, principal=principal, id="")
    result = inner.cloud.perform(inner, operation.name, request)
    return await result if isinstance(result, Awaitable) else result


def fitted(shape: models.Shape, value: Any) -> Any:
    """A value with the members' own names, and with bytes where the model has them."""
    if shape.type == "structure" and isinstance(value, dict):
        known = {name.lower(): name for name in shape.members}
        return {
            known[name.lower()]: fitted(shape.members[known[name.lower()]], inner)
            for name, inner in value.items()
            if name.lower() in known and inner is not None
        }
    if shape.type == "list" and isinstance(value, list):
        return [fitted(shape.member, inner) for inner in value]
    if shape.type == "map" and isinstance(value, dict):
        return {name: fitted(shape.value, inner) for name, inner in value.items()}
    if shape.type == "blob":
        return octets(value)
    return value


def octets(value: Any) -> bytes:
    """JSON has no bytes: what is no base 64 is a text, or JSON itself."""
    if not isinstance(value, str):
        return json.dumps(value).encode()
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return value.encode()


def only_reads(action: str) -> bool:
    return action.lower().startswith(READING)
