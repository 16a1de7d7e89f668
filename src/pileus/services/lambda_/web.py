"""What comes in at function URLs: an HTTP request becomes an event, and what the function answers a response.

Developer Guide, "Invoking Lambda function URLs" (payload format 2.0) and "Control access to Lambda function URLs".
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from pileus.kernel import Call, Fault
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.kernel.edge import Answer, Fields

from . import lambda_, traces
from .fleet import Fleet
from .invocation import Invocation, Outcome
from .invoking import MOST_PAYLOAD
from .qualifiers import Meant
from .streaming import Stream, started
from .throttling import admit
from .urls import Place, Url
from .waiting import active

if TYPE_CHECKING:
    from pileus.gateway.message import Request
    from pileus.models import Operation

Document = dict[str, Any]

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
INTEGRATION = "application/vnd.awslambda.http-integration-response"
PRELUDE_END = b"\0" * 8
PORTS = {"http": "80", "https": "443"}
TEXTS = ("text/", "application/json", "application/javascript", "application/xml")


class Web:
    """What Lambda sees of HTTP."""

    decides = False

    def admit(self, operation: Operation, request: Request) -> None:
        """Operations come as those of other services do."""

    def beside(self, call: Call, request: Request, labels: dict[str, str]) -> Answer | Coroutine[Any, Any, Answer]:
        """Whatever is sent to a function's address."""
        place = Place.get(call, labels["Host"])
        if place is None:
            return said(404, "Not Found")
        there = call.at(account=place.account, region=place.region)
        url = Url.get(there, place.function, place.qualifier)
        if url is None:
            return said(404, "Not Found")
        if request.method == "OPTIONS" and url.cors and "origin" in request.headers:
            return Answer(200, cors_fields(url, request, preflight=True))
        return answered(there, url, request)

    def dress(self, call: Call, request: Request, labels: dict[str, str], fields: Fields) -> None:
        """Functions' answers have what they need already."""


def said(status: int, message: str) -> Answer:
    return Answer(status, [("content-type", "application/json")], json.dumps({"Message": message}).encode())


async def answered(call: Call, url: Url, request: Request) -> Answer:
    """Invoke the function, if the caller may, and turn its answer into a response."""
    meant = Meant.of(call, url.function, url.qualifier)
    try:
        check(call, url, meant)
    except Fault:
        return said(403, FORBIDDEN)
    payload = json.dumps(event(call, url, request)).encode()
    if len(payload) > MOST_PAYLOAD:
        return said(413, "Request Too Long")
    cors = cors_fields(url, request) if url.cors and "origin" in request.headers else []
    try:
        if url.mode == "RESPONSE_STREAM":
            return await streamed(started(call, meant, payload), cors)
        admit(call, meant.name)
        version = await active(call, meant.chosen(call))
        trace = traces.continued(call, meant.function, version, call.trace)
        invocation = Invocation(payload, meant.arn(call), trace=trace, request_id=call.request_id)
        outcome = await call.cloud.engine(Fleet).invoke(call, version, invocation)
    except Fault as fault:
        status = 429 if fault.code == "TooManyRequestsException" else 502
        return said(status, fault.message if status == 429 else "Internal Server Error")
    return response(call, outcome, cors)


def check(call: Call, url: Url, meant: Meant) -> None:
    """Refuse whom neither the function's policy nor his own lets in."""
    keys = {"lambda:functionurlauthtype": (url.auth,)}
    target = Target(meant.arn(call), call.account, meant.resource_policy(call), explicit=url.auth == "NONE", keys=keys)
    authorize(call.at(operation="InvokeFunctionUrl"), "lambda:InvokeFunctionUrl", target)


# The event


def event(call: Call, url: Url, request: Request) -> Document:
    """A request in payload format 2.0."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        if name != "cookie":
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    host, _, port = request.host.partition(":")
    scheme = "https" if call.secure else "http"
    headers["x-amzn-trace-id"] = call.trace or f"Root={traces.fresh(call)}"
    headers["x-forwarded-for"] = ", ".join(filter(None, (headers.get("x-forwarded-for"), request.client)))
    headers["x-forwarded-port"] = port or PORTS[scheme]
    headers["x-forwarded-proto"] = scheme
    moment = datetime.fromtimestamp(call.now, UTC)
    path = unquote(request.path)
    context: Document = {
        "accountId": "anonymous" if url.auth == "NONE" else call.principal.account,
        "apiId": url.id,
        "domainName": host,
        "domainPrefix": url.id,
        "http": {
            "method": request.method,
            "path": path,
            "protocol": f"HTTP/{request.http_version}",
            "sourceIp": request.client,
            "userAgent": request.headers.get("user-agent"),
        },
        "requestId": call.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(call.now * 1000),
    }
    if url.auth == "AWS_IAM":
        context["authorizer"] = {"iam": caller(call)}
    told: Document = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if cookies := [part.strip() for value in request.headers.all("cookie") for part in value.split(";")]:
        told["cookies"] = cookies
    if parameters := query(request.query):
        told["queryStringParameters"] = parameters
    if request.body:
        kind = request.headers.get("content-type")
        told["body"], told["isBase64Encoded"] = text(request.body, kind)
    return told


def query(raw: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def text(body: bytes, kind: str) -> tuple[str, bool]:
    """A body as it stands in an event, and whether in base 64."""
    if not kind or kind.startswith(TEXTS):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def caller(call: Call) -> Document:
    principal = call.principal
    return {
        "accessKey": principal.access_key_id,
        "accountId": principal.account,
        "callerId": principal.user_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": principal.arn,
        "userId": principal.user_id,
    }


# The response


def response(call: Call, outcome: Outcome, cors: Fields) -> Answer:
    """What a function answered, as HTTP; anything that is no response is the body of one."""
    fields: Fields = [("x-amzn-requestid", call.request_id)]
    if outcome.error:
        return Answer(502, [*fields, *cors, ("content-type", "text/plain")], b"Internal Server Error")
    try:
        told = json.loads(outcome.payload or b"null")
    except ValueError:
        return Answer(200, [*fields, *cors, ("content-type", "application/octet-stream")], outcome.payload)
    if not isinstance(told, dict) or "statusCode" not in told:
        body = told.encode() if isinstance(told, str) else outcome.payload
        return Answer(200, [*fields, *cors, ("content-type", "application/json")], body)
    own = head_fields(told)
    if not any(name == "content-type" for name, _ in own):
        own.append(("content-type", "application/json"))
    body_text = told.get("body") or ""
    if not isinstance(body_text, str):
        body_text = json.dumps(body_text)
    body = base64.b64decode(body_text) if told.get("isBase64Encoded") else body_text.encode()
    return Answer(int(told["statusCode"]), [*fields, *covered(own, cors), *cors], body)


def head_fields(told: Document) -> Fields:
    fields = [(str(name).lower(), str(value)) for name, value in (told.get("headers") or {}).items()]
    return fields + [("set-cookie", str(cookie)) for cookie in told.get("cookies") or ()]


def covered(own: Fields, cors: Fields) -> Fields:
    """The function's fields, without those that its URL's CORS settings say."""
    said = {name for name, _ in cors}
    return [(name, value) for name, value in own if name not in said]


async def streamed(stream: Stream, cors: Fields) -> Answer:
    """A response whose body comes as the function writes it; a prelude may say its status and its header fields."""
    headers = await stream.head()
    pieces = stream.pieces()
    kind = headers.get("content-type", "application/octet-stream")
    if kind != INTEGRATION:
        return Answer(200, [*cors, ("content-type", kind)], pieces)
    data = b""
    async for piece in pieces:
        data += piece
        if PRELUDE_END in data:
            break
    prelude, _, rest = data.partition(PRELUDE_END)
    told = json.loads(prelude or b"{}")
    fields = covered(head_fields(told), cors)
    return Answer(int(told.get("statusCode", 200)), [*fields, *cors], after(rest, pieces))


async def after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in pieces:
        yield piece


# CORS


def cors_fields(url: Url, request: Request, preflight: bool = False) -> Fields:
    """What a page of another origin may do, as the URL is configured."""
    cors = url.cors
    origin = request.headers.get("origin")
    origins = cors.get("AllowOrigins", [])
    if "*" not in origins and origin not in origins:
        return []
    credentials = bool(cors.get("AllowCredentials"))
    fields = [("access-control-allow-origin", origin if credentials or "*" not in origins else "*")]
    if credentials:
        fields.append(("access-control-allow-credentials", "true"))
    if exposed := cors.get("ExposeHeaders"):
        fields.append(("access-control-expose-headers", ",".join(exposed)))
    if "*" not in origins:
        fields.append(("vary", "Origin"))
    if preflight:
        for name, member in (("methods", "AllowMethods"), ("headers", "AllowHeaders")):
            if values := cors.get(member):
                fields.append((f"access-control-allow-{name}", ",".join(values)))
        if "MaxAge" in cors:
            fields.append(("access-control-max-age", str(cors["MaxAge"])))
    return fields


lambda_.edge = Web()
