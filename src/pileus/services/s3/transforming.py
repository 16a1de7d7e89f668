"""Object Lambda access points: an object as a function makes it of another ("Transforming objects", S3 User Guide).

The function is run as its caller may run it, gets an address of the original, and hands back what the caller is to see
by WriteGetObjectResponse, before it ends. Of what can be transformed this is GetObject; the others answer 501 where a
configuration wants them transformed, and else see the objects as they are.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from pileus.kernel import Call, Fault, Record, Unfinished, names
from pileus.kernel.edge import Result
from pileus.kernel.identity import Credential, new_access_key_id

from . import data, digests, faults, s3
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


def configured(point: LambdaPoint, operation: str) -> Members | None:
    """The transformation of an operation, if there is one."""
    for each in point.configuration["TransformationConfigurations"]:
        if operation in each["Actions"]:
            function: Members = each["ContentTransformation"]["AwsLambda"]
            if operation != "GetObject":
                raise Unfinished(f"Pileus does not transform {operation} by functions yet.")
            return function
    return None


async def transformed(call: Call, point: LambdaPoint, function: Members, request: Members) -> Members:
    """GetObject as the function answers it."""
    base = point.configuration["SupportingAccessPoint"]
    supporting = AccessPoint.get(call.at(account=base.split(":")[4]), base.rpartition("/")[2])
    if supporting is None:
        raise faults.fault("NoSuchAccessPoint", "The specified accesspoint does not exist", 404)
    asked = Transformation(token=names.token(120), route=f"io-cell1-{names.token(32).lower()}")
    key = Credential(
        access_key_id=new_access_key_id("ASIA", call.principal.account or call.account),
        secret=names.token(40),
        principal=call.principal,
        expires=call.now + LASTS,
    )
    with call.transaction():
        asked.put(call)
        key.put(call)
        forget.later(call, token=asked.token, access_key=key.access_key_id, delay=KEPT)
    event = {
        "xAmzRequestId": call.request_id,
        "getObjectContext": {
            "inputS3Url": presigned(call, f"/{supporting.alias}/{request['Key']}", key),
            "outputRoute": asked.route,
            "outputToken": asked.token,
        },
        "configuration": {
            "accessPointArn": point.address,
            "supportingAccessPointArn": base,
            "payload": function.get("FunctionPayload", ""),
        },
        "userRequest": {"url": call.url(quote(request["Key"])), "headers": sent(call, request)},
        "userIdentity": who(call),
        "protocolVersion": "1.00",
    }
    await invoked(call, function["FunctionArn"], event)
    answer = Transformation.get(call, asked.token)
    if answer is None or not answer.answered:
        words = "The Lambda function exited without successfully calling WriteGetObjectResponse."
        raise faults.fault("LambdaResponseNotReceived", words)
    if answer.code or answer.status >= 400:
        raise Fault(answer.code or "LambdaError", answer.message, status=answer.status)
    return Result(answer.members | {"Body": outgoing(call, answer)}, answer.status)


async def invoked(call: Call, function: str, event: Members) -> None:
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


def presigned(call: Call, path: str, key: Credential) -> str:
    """An address of the cloud, signed by Signature Version 4 in its query, with a client's stamp: real time."""
    host = call.cloud.endpoint.partition("://")[2]
    stamp = datetime.fromtimestamp(time.time(), UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{call.region}/s3/aws4_request"
    query = urlencode(
        {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{key.access_key_id}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(LASTS),
            "X-Amz-SignedHeaders": "host",
        },
        quote_via=quote,
        safe="",
    )
    place = quote(path, safe="/~")
    canonical = f"GET\n{place}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = f"AWS4{key.secret}".encode()
    for word in scope.split("/"):
        secret = hmac.digest(secret, word.encode(), "sha256")
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    return f"{call.cloud.endpoint}{place}?{query}&X-Amz-Signature={signature}"
