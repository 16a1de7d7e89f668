"""Object Lambda access points: an object as a function makes it of another ("Transforming objects", S3 User Guide).

The function is run as its caller may run it, gets an address of the original, and hands back what the caller is to see
by WriteGetObjectResponse, before it ends. What it makes of HeadObject and of lists it returns (`reshaping`).
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from pileus.kernel import Call, Fault, Record, Unfinished, names
from pileus.kernel.edge import Result
from pileus.kernel.identity import Credential, new_access_key_id

from . import data, digests, faults, points, s3
from .buckets import Bucket
from .data import Intake
from .digests import Digests
from .objects import Part
from .points import AccessPoint, LambdaPoint
from .seals import PLAIN, Opener

LASTS = 61
"""Seconds that the function has to get the original."""
KEPT = 300.0
LEFT = ("RequestRoute", "RequestToken", "Body", "StatusCode", "ErrorCode", "ErrorMessage")

Members = dict[str, Any]


class Transformation(Record, scope="cloud"):
    """A request that a function is to answer, and its answer once it is there."""

    token: str
    route: str
    answered: bool = False
    status: int = 200
    code: str = ""
    message: str = ""
    members: Members = {}
    part: Part | None = None


def wanted(call: Call, bucket: Bucket) -> tuple[LambdaPoint, Members] | None:
    """The access point by which a request comes and the function that is to answer it, if one is."""
    point = points.find(call, bucket.through) if bucket.through else None
    function = point.transforms(call.operation) if isinstance(point, LambdaPoint) else None
    return (point, function) if isinstance(point, LambdaPoint) and function else None


async def transformed(call: Call, point: LambdaPoint, function: Members, request: Members) -> Members:
    """GetObject as the function answers it."""
    asked = Transformation(token=names.token(120), route=f"io-cell1-{names.token(32).lower()}")
    with call.transaction():
        asked.put(call)
        key = lent(call, asked.token)
    context = {
        "inputS3Url": presigned(call, f"/{alias(call, point)}/{request['Key']}", key),
        "outputRoute": asked.route,
        "outputToken": asked.token,
    }
    event = {"getObjectContext": context, **told_of(call, point, function, quote(request["Key"]), request)}
    await invoked(call, function["FunctionArn"], event)
    answer = Transformation.get(call, asked.token)
    if answer is None or not answer.answered:
        words = "The Lambda function exited without successfully calling WriteGetObjectResponse."
        raise faults.fault("LambdaResponseNotReceived", words)
    if answer.code or answer.status >= 400:
        raise Fault(answer.code or "LambdaError", answer.message, status=answer.status)
    return Result(answer.members | {"Body": outgoing(call, answer)}, answer.status)


def alias(call: Call, point: LambdaPoint) -> str:
    """The name by which the original is reached."""
    base = point.configuration["SupportingAccessPoint"]
    supporting = AccessPoint.get(call.at(account=base.split(":")[4]), base.rpartition("/")[2])
    if supporting is None:
        raise faults.fault("NoSuchAccessPoint", "The specified accesspoint does not exist", 404)
    return supporting.alias


def lent(call: Call, token: str = "") -> Credential:
    """A key with which the function may ask for the original as its caller would."""
    key = Credential(
        access_key_id=new_access_key_id("ASIA", call.principal.account or call.account),
        secret=names.token(40),
        principal=call.principal,
        expires=call.now + LASTS,
    ).put(call)
    forget.later(call, token=token, access_key=key.access_key_id, delay=KEPT)
    return key


def told_of(call: Call, point: LambdaPoint, function: Members, path: str, request: Members) -> Members:
    """What every event says of the request, whatever is asked."""
    return {
        "xAmzRequestId": call.request_id,
        "configuration": {
            "accessPointArn": point.address,
            "supportingAccessPointArn": point.configuration["SupportingAccessPoint"],
            "payload": function.get("FunctionPayload", ""),
        },
        "userRequest": {"url": call.url(path), "headers": sent(call, request)},
        "userIdentity": who(call),
        "protocolVersion": "1.00",
    }


async def invoked(call: Call, function: str, event: Members) -> Any:
    """What the function returns."""
    try:
        told = call.aws("lambda").invoke(function_name=function, payload=json.dumps(event).encode())
        answer = await told if inspect.isawaitable(told) else told
    except Unfinished:
        raise
    except Fault as fault:
        if fault.code.startswith("AccessDenied"):
            raise faults.fault("LambdaPermissionError", fault.message, 403) from None
        raise faults.fault("LambdaInvocationError", fault.message) from None
    if answer.get("FunctionError"):
        raise faults.fault("LambdaRuntimeError", "The Lambda function failed during its execution.")
    returned = b"".join([piece async for piece in data.pieces(answer["Payload"])])
    return json.loads(returned or b"null")


def sent(call: Call, request: Members) -> dict[str, str]:
    told = {"Host": call.endpoint.partition("://")[2], "User-Agent": call.user_agent}
    return told | ({"Range": request["Range"]} if "Range" in request else {})


def who(call: Call) -> dict[str, str]:
    caller = call.principal
    told = {"type": caller.type, "principalId": caller.user_id, "arn": caller.arn, "accountId": caller.account}
    return told | {"accessKeyId": caller.access_key_id}


async def outgoing(call: Call, answer: Transformation) -> AsyncIterator[bytes]:
    """The bytes of an answer, which are gone when they have been read."""
    try:
        if answer.part is not None:
            content = data.read(call, opener(answer.token), [answer.part], 0, answer.part.size)
            async for piece in data.pieces(content):
                yield piece
    finally:
        with call.transaction():
            drop(call, answer.token)


def opener(token: str) -> Opener:
    return Opener(PLAIN, token)


def drop(call: Call, token: str) -> None:
    if (found := Transformation.get(call, token)) is not None:
        if found.part is not None:
            data.discard(call, found.part)
        found.delete(call)


@s3.task
def forget(call: Call, token: str, access_key: str) -> None:
    """Nobody waits for the answer any more."""
    drop(call, token)
    if (key := Credential.get(call, access_key)) is not None:
        key.active = False
        key.put(call)


ANSWER = tuple(
    name
    for name in s3.model.operation("WriteGetObjectResponse").input.members  # type: ignore[union-attr]
    if name not in LEFT
)


@s3.operation(action="s3-object-lambda:WriteGetObjectResponse", honours=ANSWER)
async def write_get_object_response(
    call: Call,
    request_route: str,
    request_token: str,
    body: Any = None,
    status_code: int = 200,
    error_code: str = "",
    error_message: str = "",
    *,
    request: Members,
) -> None:
    """What the caller of GetObject is to see."""
    found = Transformation.get(call, request_token)
    if found is None or found.route != request_route or found.answered:
        raise faults.invalid_request("The request token is not one that waits for an answer.")
    async with Intake(call, opener(request_token), Digests(digests.DEFAULT)) as intake:
        await intake.take(body)
        with call.transaction():
            found = Transformation.get(call, request_token) or found
            found.answered, found.status, found.code, found.message = True, status_code, error_code, error_message
            found.members = {name: request[name] for name in ANSWER if name in request}
            if intake.size:
                found.part = intake.adopt(call)
            found.members["ContentLength"] = intake.size
            found.put(call)


def presigned(call: Call, path: str, key: Credential, method: str = "GET", asked: Mapping[str, str] = {}) -> str:
    """An address of the cloud, signed by Signature Version 4 in its query, with a client's stamp: real time."""
    host = call.cloud.endpoint.partition("://")[2]
    stamp = datetime.fromtimestamp(time.time(), UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{call.region}/s3/aws4_request"
    query = urlencode(
        sorted(
            {
                **asked,
                "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                "X-Amz-Credential": f"{key.access_key_id}/{scope}",
                "X-Amz-Date": stamp,
                "X-Amz-Expires": str(LASTS),
                "X-Amz-SignedHeaders": "host",
            }.items()
        ),
        quote_via=quote,
        safe="",
    )
    place = quote(path, safe="/~")
    canonical = f"{method}\n{place}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = f"AWS4{key.secret}".encode()
    for word in scope.split("/"):
        secret = hmac.digest(secret, word.encode(), "sha256")
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    return f"{call.cloud.endpoint}{place}?{query}&X-Amz-Signature={signature}"
