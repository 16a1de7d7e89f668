"""Events from plain HTTP clients, by a signature or by an API key that they bear ("HTTP endpoints", User Guide).

    POST /ingest/bulk                 a JSON document in each line
    POST /ingest/json                 a JSON object, or a list of them
    POST /services/collector/event    the format of HTTP event collectors
    POST /v1/logs                     OpenTelemetry's, as JSON

Group and stream are named in the query (`?logGroup=…&logStream=…`) or by header fields (`x-aws-log-group`,
`x-aws-log-stream`). An API key is a credential of IAM's for logs.amazonaws.com, and the group must take such. Left out:
OpenTelemetry's protocol buffers.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from pileus.kernel import Call, Fault
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.kernel.edge import Answer, Fields
from pileus.kernel.identity import ANONYMOUS, ApiKey

from . import faults, logs
from .groups import Group, name_in
from .parts import DAY
from .putting import put_log_events

if TYPE_CHECKING:
    from pileus.gateway.message import Request
    from pileus.models import Operation

BEARER = "Bearer "
PRINCIPAL = "logs.amazonaws.com"
MOST_UNPACKED = 20 * 1024 * 1024

DECODER = json.JSONDecoder()

Members = dict[str, Any]
Event = tuple[int | None, str]
"""The time in milliseconds, if it is told, and the message."""


class Web:
    """What CloudWatch Logs sees of HTTP."""

    decides = False

    def admit(self, operation: Operation, request: Request) -> None:
        """Operations come as those of other services do."""

    def beside(self, call: Call, request: Request, labels: dict[str, str]) -> Answer:
        """Take events."""
        read, answer = FORMATS[request.path]
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        group_name = query.get("logGroup") or request.headers.get("x-aws-log-group")
        stream = query.get("logStream") or request.headers.get("x-aws-log-stream")
        if not group_name or not stream:
            raise faults.invalid("A log group and a log stream must be specified.")
        call, group = admitted(call, request, name_in(group_name), stream)
        left_out = put(call, group, stream, read(octets(request)))
        return Answer(200, [("content-type", "application/json")], msgspec.json.encode(answer(left_out)))

    def dress(self, call: Call, request: Request, labels: dict[str, str], fields: Fields) -> None:
        """Pages of other origins are told nothing."""


logs.edge = Web()


def admitted(call: Call, request: Request, group_name: str, stream: str) -> tuple[Call, Group]:
    """The call as whoever makes it, and the group, if that may be written to."""
    token = request.headers.get("authorization")
    bears = token.startswith(BEARER)
    principal = ApiKey.bearer(call, token.removeprefix(BEARER), PRINCIPAL) if bears else call.principal
    if principal is None or principal is ANONYMOUS:
        raise Fault("UnrecognizedClientException", "The security token included in the request is invalid.", status=403)
    there = call.at(account=principal.account, principal=principal, operation="PutLogEvents")
    group = Group.named(there, group_name)
    if bears:
        if not group.bearers:
            raise denied(f"Bearer token authentication is not enabled for the log group {group_name}.")
        allow(there, "logs:CallWithBearerToken", group.arn(there))
    allow(there, "logs:PutLogEvents", f"{group.arn(there)}:log-stream:{stream}")
    return there, group


def allow(call: Call, action: str, arn: str) -> None:
    try:
        authorize(call, action, Target(arn, call.account))
    except Fault as fault:
        raise denied(fault.message) from None


def denied(message: str) -> Fault:
    return Fault("AccessDeniedException", message, status=403)


def put(call: Call, group: Group, stream: str, events: list[Event]) -> int:
    """Store events in batches of a day; how many were too old or too new."""
    now, left_out = int(call.now * 1000), 0
    days: dict[int, list[Event]] = {}
    for at, message in sorted(events, key=lambda event: event[0] or now):
        days.setdefault((at or now) // DAY, []).append((at or now, message))
    with call.transaction():
        for batch in days.values():
            told = put_log_events(call, group, stream, [{"timestamp": at, "message": text} for at, text in batch])
            rejected = told["rejectedLogEventsInfo"] or {}
            old = max(rejected.get("tooOldLogEventEndIndex", 0), rejected.get("expiredLogEventEndIndex", 0))
            left_out += old + len(batch) - rejected.get("tooNewLogEventStartIndex", len(batch))
    return left_out


def octets(request: Request) -> bytes:
    if request.headers.get("content-encoding") != "gzip":
        return bytes(request.body)
    try:
        unpacked = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(request.body, MOST_UNPACKED)
    except zlib.error:
        raise faults.invalid("The body is not packed as its Content-Encoding says.") from None
    return unpacked


def documents(body: bytes) -> list[Any]:
    """JSON documents: one, a list of them, or several after each other."""
    found: list[Any] = []
    try:
        text = body.decode().strip()
        while text:
            document, end = DECODER.raw_decode(text)
            found += document if isinstance(document, list) else [document]
            text = text[end:].lstrip()
    except ValueError as error:
        raise faults.invalid(f"The body is not valid JSON: {error}") from None
    if not found:
        raise faults.invalid("The body has no events.")
    return found


def plain(body: bytes) -> list[Event]:
    return [(own_time(one), said(one)) for one in documents(body)]


def own_time(document: Any) -> int | None:
    at = document.get("timestamp") if isinstance(document, dict) else None
    return at if isinstance(at, int) and at > 10**11 else None


def said(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def collected(body: bytes) -> list[Event]:
    """`{"event": …, "time": SECONDS}`; what else is told of an event goes with it."""
    found: list[Event] = []
    for one in documents(body):
        if not isinstance(one, dict) or one.get("event") in (None, ""):
            raise faults.invalid("Each event must have the field event.")
        try:
            at = int(float(one["time"]) * 1000) if "time" in one else None
        except (TypeError, ValueError):
            raise faults.invalid("The field time is a number of seconds.") from None
        about = {name: value for name, value in one.items() if name not in ("event", "time")}
        found.append((at, said({"event": one["event"], **about} if about else one["event"])))
    return found


def telemetry(body: bytes) -> list[Event]:
    """The records of an ExportLogsServiceRequest, each with its resource and scope."""
    try:
        request = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        raise Fault("InvalidParameterException", "Only OpenTelemetry's JSON is understood.", status=415) from None
    found: list[Event] = []
    for resource in request.get("resourceLogs", []):
        for scope in resource.get("scopeLogs", []):
            around = {"resource": opened(resource.get("resource", {})), "scope": opened(scope.get("scope", {}))}
            for record in scope.get("logRecords", []):
                at = int(record.get("timeUnixNano") or record.get("observedTimeUnixNano") or 0) // 1_000_000
                found.append((at or None, said({**around, **opened(record)})))
    return found


def opened(members: Members) -> Members:
    """Members with their attributes and body as plain JSON."""
    found = dict(members)
    if "attributes" in found:
        found["attributes"] = {one["key"]: value_of(one.get("value", {})) for one in found["attributes"]}
    if "body" in found:
        found["body"] = value_of(found["body"])
    return found


def value_of(value: Members) -> Any:
    """An AnyValue."""
    if "arrayValue" in value:
        return [value_of(one) for one in value["arrayValue"].get("values", [])]
    if "kvlistValue" in value:
        return {one["key"]: value_of(one.get("value", {})) for one in value["kvlistValue"].get("values", [])}
    if "intValue" in value:
        return int(value["intValue"])
    return next(iter(value.values()), None)


def nothing_told(left_out: int) -> Members:
    return {}


def success(left_out: int) -> Members:
    return {"text": "Success", "code": 0}


def partial(left_out: int) -> Members:
    told = {"rejectedLogRecords": left_out, "errorMessage": "Records are too old or too new."} if left_out else {}
    return {"partialSuccess": told}


Reading = Callable[[bytes], list[Event]]
FORMATS: dict[str, tuple[Reading, Callable[[int], Members]]] = {
    "/ingest/bulk": (plain, nothing_told),
    "/ingest/json": (plain, nothing_told),
    "/services/collector/event": (collected, success),
    "/v1/logs": (telemetry, partial),
}
