"""A noted call as CloudTrail's record (CloudTrail User Guide, "CloudTrail record contents")."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pileus.kernel import Call, Unfinished
from pileus.kernel.trail import Event, Kind, named

from .identities import user_identity
from .wording import iso, s3_request, spelt

VERSION = "1.11"
RENAMED = {"AccessDeniedException": "AccessDenied"}


def kind_of(call: Call, event: Event) -> Kind:
    """What is known of the events of an operation."""
    return call.cloud.trail.kind_of(call.cloud.service(event.service).bound(event.operation))


def known(call: Call, event: Event) -> bool:
    """Whether the operation is still there: a later version may have dropped it."""
    try:
        kind_of(call, event)
    except Unfinished:
        return False
    return True


def record(call: Call, event: Event, account: str) -> dict[str, Any]:
    """The event as the account sees it that has it."""
    kind = kind_of(call, event)
    host = urlsplit(event.endpoint).netloc
    service = event.who.arn if event.who.type == "AWSService" else event.via
    told: dict[str, Any] = {
        "eventVersion": VERSION,
        "userIdentity": user_identity(event, account),
        "eventTime": iso(event.at),
        "eventSource": kind.source,
        "eventName": event.operation,
        "awsRegion": event.region,
        "sourceIPAddress": service or event.source_ip,
        "userAgent": service or event.user_agent,
    }
    if event.error:
        told["errorCode"] = RENAMED.get(event.error, event.error)
        told["errorMessage"] = event.message or None
    told |= {
        "requestParameters": request_parameters(event, kind, host),
        "responseElements": response_elements(event, kind),
        "requestID": event.request_id,
        "eventID": event.id,
        "readOnly": kind.read_only,
        "resources": resources(call, event, kind, account) or None,
        "eventType": "AwsApiCall",
        "managementEvent": not kind.data,
        "recipientAccountId": account,
        "sharedEventID": f"{event.request_id[:-12]}{event.request_id[:-13:-1]}" if event.other else None,
        "eventCategory": "Data" if kind.data else "Management",
        "tlsDetails": None if service else tls(event, host),
    }
    always = ("requestParameters", "responseElements")
    return {name: value for name, value in told.items() if value is not None or name in always}


def tls(event: Event, host: str) -> dict[str, str] | None:
    """How the call came in; nothing where it was not encrypted."""
    if not event.secure:
        return None
    return {
        "tlsVersion": "TLSv1.3",
        "cipherSuite": "TLS_AES_128_GCM_SHA256",
        "clientProvidedHostHeader": host,
    }


def request_parameters(event: Event, kind: Kind, host: str) -> Any:
    if event.service == "s3":
        return s3_request(kind.operation, event.request or {}, host)
    if event.request is None or event.request.get("omitted") is True:
        return event.request
    return spelt(kind.operation.input, event.request)


def response_elements(event: Event, kind: Kind) -> Any:
    if event.response is None or event.response.get("omitted") is True:
        return event.response
    return spelt(kind.operation.output, event.response)


def resources(call: Call, event: Event, kind: Kind, account: str) -> list[dict[str, str]]:
    """The resources of a data event, and those that a management event names by ARN."""
    owner = event.other if event.other and event.who.account == account else account
    request = event.request or {}
    if event.service == "s3" and kind.data:
        arn = f"arn:{call.partition}:s3:::{request.get('Bucket', '')}"
        bucket = {"accountId": owner, "type": "AWS::S3::Bucket", "ARN": arn}
        thing = f"{arn}/{request['Key']}" if "Key" in request else ""
        if thing:
            return [{"type": kind.data, "ARN": thing}, bucket]
        return [bucket, {"type": kind.data, "ARNPrefix": f"{arn}/{request.get('Prefix', '')}"}]
    return [
        {"accountId": owner, "type": resource_type, "ARN": arn}
        for resource_type, name in named(kind.places, request)
        if (arn := arn_of(call, event, resource_type, name, owner))
    ]


def arn_of(call: Call, event: Event, resource_type: str, name: str, owner: str) -> str:
    """The ARN of what a request names by it, by a URL, or, for data events, by its name."""
    if name.startswith("arn:"):
        return name
    prefix, where = {
        "AWS::SQS::Queue": ("sqs", ""),
        "AWS::DynamoDB::Table": ("dynamodb", "table/"),
        "AWS::Lambda::Function": ("lambda", "function:"),
        "AWS::Kinesis::Stream": ("kinesis", "stream/"),
    }.get(resource_type, ("", ""))
    if not prefix:
        return ""
    return f"arn:{call.partition}:{prefix}:{event.region}:{owner}:{where}{name.rpartition('/')[2]}"
