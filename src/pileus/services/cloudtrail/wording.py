"""Members and values as CloudTrail spells them: the first letter small, instants as text."""

from __future__ import annotations

import datetime
from typing import Any

from pileus.models import Operation, Shape


def lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def spelt(shape: Shape | None, value: Any) -> Any:
    """A value of a shape. Keys of maps are data, and stay as they are."""
    if shape is None or value is None:
        return value
    if shape.type == "structure" and isinstance(value, dict):
        members = shape.members
        return {lower(name): spelt(members.get(name), inner) for name, inner in value.items() if inner is not None}
    if shape.type == "list" and isinstance(value, list):
        return [spelt(shape.member, inner) for inner in value]
    if shape.type == "map" and isinstance(value, dict):
        return {name: spelt(shape.value, inner) for name, inner in value.items()}
    return instant(value) if shape.type == "timestamp" else value


def instant(value: Any) -> Any:
    """`Nov 27, 2026, 8:25:02 PM`"""
    if isinstance(value, int | float):
        value = datetime.datetime.fromtimestamp(value, datetime.UTC)
    if not isinstance(value, datetime.datetime):
        return value
    return f"{value:%b} {value.day}, {value:%Y}, {value.hour % 12 or 12}:{value:%M:%S %p}"


def s3_request(operation: Operation, request: dict[str, Any], host: str) -> dict[str, Any]:
    """S3 tells a request in its own way: as header fields and query parameters are named."""
    shape = operation.input
    told: dict[str, Any] = {"bucketName": request["Bucket"]} if "Bucket" in request else {}
    told["Host"] = host
    for name, value in request.items():
        member = shape.members.get(name) if shape else None
        if name == "Bucket" or member is None or member.type == "blob":
            continue
        known = name != "Key" and member.traits.get("location") in ("header", "querystring")
        told[member.traits["locationName"] if known else lower(name)] = spelt(member, value)
    _, _, query = operation.uri.partition("?")
    told |= {part.partition("=")[0]: part.partition("=")[2] for part in query.split("&") if part}
    return told


def moment(at: float) -> str:
    """`2026-11-27 20:25:02`, as SQL has it."""
    return f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d %H:%M:%S}"


def iso(at: float) -> str:
    return f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
