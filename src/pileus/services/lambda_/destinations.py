"""Where events go when they have been handled, or cannot be: destinations and dead-letter queues.

Developer Guide, "Capturing records of Lambda asynchronous invocations". The records are sent as the function's role.
"""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, names

from . import faults, lambda_
from .fleet import Fleet
from .functions import Version

TARGETS = ("sqs", "sns", "lambda", "events", "s3")
LONGEST_MESSAGE = 1024


def check(given: dict[str, dict[str, str]], function_arn: str = "") -> dict[str, dict[str, str]]:
    """Destinations as they may be: S3 takes failures only, and no function its own events."""
    found = {}
    for on, target in given.items():
        arn = target.get("Destination")
        if not arn:
            continue
        parts = arn.split(":")
        service = parts[2] if len(parts) > 5 else ""
        if service not in TARGETS or (service == "s3" and on == "OnSuccess"):
            raise faults.invalid(f"The provided destination config DestinationConfig({on}) is invalid: {arn}")
        if function_arn and (arn == function_arn or arn.startswith(f"{function_arn}:")):
            raise faults.invalid("You can't specify the function as a destination for itself.")
        found[on] = {"Destination": arn}
    return found


def result(
    function_arn: str,
    event: str,
    payload: Any,
    condition: str,
    tries: int,
    now: float,
    response: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """An invocation record."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": stamp(now),
        "requestContext": {
            "requestId": event,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": tries,
        },
        "requestPayload": payload,
    }
    return record | (response or {})


def stamp(instant: float) -> str:
    moment = datetime.fromtimestamp(instant, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def send(call: Call, version: Version, target: str, record: dict[str, Any], success: bool) -> None:
    """Send an invocation record to a destination, soon."""
    deliver.later(
        call,
        function=version.function,
        number=version.number,
        target=target,
        body=json.dumps(record, separators=(",", ":")),
        success=success,
        arn=record["requestContext"]["functionArn"],
    )


def bury(call: Call, version: Version, payload: bytes, event: str, error: str) -> None:
    """Send an event to the function's dead-letter queue, if it has one."""
    if target := version.settings.get("DeadLetterConfig", {}).get("TargetArn"):
        attributes = {
            "RequestID": {"DataType": "String", "StringValue": event},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": {"DataType": "String", "StringValue": error[:LONGEST_MESSAGE] or "-"},
        }
        deliver.later(
            call,
            function=version.function,
            number=version.number,
            target=target,
            body=payload.decode(),
            attributes=attributes,
        )


@lambda_.task(retries=5)
async def deliver(
    call: Call,
    function: str,
    number: int,
    target: str,
    body: str,
    success: bool = False,
    arn: str = "",
    attributes: dict[str, Any] = {},
) -> None:
    """Send something to one of the services that may be a destination."""
    version = Version.get(call, function, number)
    if version is None:
        return
    principal = call.cloud.engine(Fleet).session(call, version).principal
    _, _, service, region, account, resource = target.split(":", 5)
    there = call.at(account=account or None, region=region or None, principal=principal, service="lambda")
    client = there.aws(service, principal=principal)
    match service:
        case "sqs":
            url = there.url(f"{account}/{resource}")
            sent = client.send_message(queue_url=url, message_body=body, message_attributes=attributes or None)
        case "sns":
            sent = client.publish(topic_arn=target, message=body, message_attributes=attributes or None)
        case "lambda":
            sent = client.invoke(function_name=target, invocation_type="Event", payload=body.encode())
        case "events":
            entry = {
                "Source": "lambda",
                "DetailType": f"Lambda Function Invocation Result - {'Success' if success else 'Failure'}",
                "Resources": [target, arn],
                "Detail": body,
                "EventBusName": target,
            }
            sent = client.put_events(entries=[entry])
        case "s3":
            moment = datetime.fromtimestamp(call.now, UTC)
            key = f"aws/lambda/async/{function}/{moment:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{names.uuid4()}"
            sent = client.put_object(bucket=resource, key=key, body=body.encode())
        case _:
            raise Fault("InvalidParameterValueException", f"{target} is no destination.")
    if inspect.isawaitable(sent):
        await sent
