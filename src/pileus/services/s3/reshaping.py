"""HeadObject and lists as a function answers them, by an Object Lambda access point ("Writing Lambda functions for S3
Object Lambda Access Points", S3 User Guide).

Such a function returns its answer: the headers, or a list, as members or as the XML that S3 itself would send.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from pileus.kernel import Call, Fault
from pileus.kernel.edge import Result
from pileus.models import Shape

from . import faults, s3
from .points import LambdaPoint
from .transforming import alias, invoked, lent, presigned, told_of

CONTEXTS = {
    "HeadObject": "headObjectContext",
    "ListObjects": "listObjectsContext",
    "ListObjectsV2": "listObjectsV2Context",
}
META = "x-amz-meta-"

Members = dict[str, Any]


async def reshaped(call: Call, point: LambdaPoint, function: Members, request: Members) -> Members:
    """What the function makes of the request."""
    with call.transaction():
        key = lent(call)
    asked = query(call.operation, request)
    path = request.get("Key", "")
    place = f"/{alias(call, point)}" + (f"/{path}" if path else "")
    method = "HEAD" if call.operation == "HeadObject" else "GET"
    context = {"inputS3Url": presigned(call, place, key, method, asked)}
    wished = quote(path) + (f"?{urlencode(asked)}" if asked else "")
    event = {CONTEXTS[call.operation]: context, **told_of(call, point, function, wished, request)}
    answer = await invoked(call, function["FunctionArn"], event)
    if not isinstance(answer, dict):
        raise faults.fault("LambdaInvalidResponse", "The Lambda function returned no response.")
    status = int(answer.get("statusCode", 200))
    if answer.get("errorCode") or status >= 400:
        raise Fault(answer.get("errorCode") or "LambdaError", answer.get("errorMessage", ""), status=status)
    return Result(members_of(call.operation, answer), status)


def query(operation: str, request: Members) -> dict[str, str]:
    """The parameters of the request's query."""
    shape = s3.model.operation(operation).input
    assert shape is not None
    asked = {"list-type": "2"} if operation == "ListObjectsV2" else {}
    for name, value in request.items():
        traits = shape.members[name].traits
        if traits.get("location") == "querystring":
            asked[traits["locationName"]] = str(value).lower() if isinstance(value, bool) else str(value)
    return asked


def members_of(operation: str, answer: Members) -> Members:
    """What a function has returned, as the operation's own members."""
    shape = s3.model.operation(operation).output
    assert shape is not None
    if operation == "HeadObject":
        return of_headers(shape, answer.get("headers", {}))
    if xml := answer.get("listResultXml"):
        return of_xml(shape, xml)
    if "listBucketResult" in answer:
        return dict(of_json(shape, answer["listBucketResult"]))
    raise faults.fault("LambdaInvalidResponse", "The Lambda function returned no list.")


def of_headers(shape: Shape, headers: dict[str, Any]) -> Members:
    names = {
        member.traits["locationName"].lower(): name
        for name, member in shape.members.items()
        if member.traits.get("location") == "header"
    }
    told: Members = {}
    for field, value in headers.items():
        if field.lower().startswith(META):
            told.setdefault("Metadata", {})[field.lower().removeprefix(META)] = str(value)
        elif name := names.get(field.lower()):
            told[name] = scalar(shape.members[name], str(value))
    return told


def of_json(shape: Shape, value: Any) -> Any:
    """Members as JSON has them, of which only times look otherwise."""
    if shape.type == "structure":
        return {name: of_json(shape.members[name], each) for name, each in value.items() if name in shape.members}
    if shape.type == "list":
        return [of_json(shape.member, each) for each in value]
    return scalar(shape, value) if isinstance(value, str) else value


def of_xml(shape: Shape, text: str) -> Members:
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        words = "The Lambda function returned a list that is no XML."
        raise faults.fault("LambdaInvalidResponse", words) from None
    return structure(shape, root)


def structure(shape: Shape, element: Any) -> Members:
    """A structure of S3's XML, whose lists are flattened."""
    told: Members = {}
    for name, member in shape.members.items():
        tag = member.traits.get("locationName", name)
        found = [child for child in element if child.tag.rpartition("}")[2] == tag]
        if member.type == "list":
            told |= {name: [inner(member.member, child) for child in found]} if found else {}
        elif found:
            told[name] = inner(member, found[0])
    return told


def inner(shape: Shape, element: Any) -> Any:
    return structure(shape, element) if shape.type == "structure" else scalar(shape, element.text or "")


def time(text: str) -> float:
    """A time as JSON and XML have it, or as headers do."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except ValueError:
        return parsedate_to_datetime(text).timestamp()


SCALARS: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "long": int,
    "boolean": lambda text: text.lower() == "true",
    "timestamp": time,
}


def scalar(shape: Shape, text: str) -> Any:
    try:
        return SCALARS.get(shape.type, str)(text)
    except ValueError:
        words = f"The Lambda function returned a value of the wrong type: {text}"
        raise faults.fault("LambdaInvalidResponse", words) from None
