"""HTTP endpoints: records in Firehose's own request, answered as it asks ("HTTP endpoint delivery request and response
specifications", Developer Guide)."""

from __future__ import annotations

import base64
import gzip
import json

from pileus.kernel import Call, Fault, roles, web

from .processing import Failed, Item
from .streams import Stream

SECONDS = 180.0


class Refused(Exception):
    """The endpoint did not take the records."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


async def secret(call: Call, stream: Stream, name: str, given: str) -> str:
    """What proves to a destination who sends: as it was given, or as a secret has it by a name."""
    settings = stream.destination.settings
    told = settings.get("SecretsManagerConfiguration", {})
    if not told.get("Enabled"):
        return given
    with call.transaction():
        role = roles.taken_on(call, told.get("RoleARN") or settings["RoleARN"], stream.name, stream.itself(call))
        secrets = call.aws("secretsmanager", principal=role)
        try:
            return str(json.loads(secrets.get_secret_value(secret_id=told["SecretARN"])["SecretString"])[name])
        except (Fault, ValueError, KeyError, TypeError) as problem:
            raise Refused("SecretsManager.InvalidSecret", f"The secret does not give {name}: {problem}") from None


async def send(call: Call, stream: Stream, request_id: str, items: list[Item], at: float) -> list[Failed]:
    """Send records as one request; it has the same id whenever it is tried again."""
    settings = stream.destination.settings
    endpoint, configuration = settings["EndpointConfiguration"], settings["RequestConfiguration"]
    records = [{"data": base64.b64encode(item.data).decode()} for item in items]
    body = json.dumps({"requestId": request_id, "timestamp": int(at * 1000), "records": records}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Amz-Firehose-Protocol-Version": "1.0",
        "X-Amz-Firehose-Request-Id": request_id,
        "X-Amz-Firehose-Source-Arn": stream.arn(call),
    }
    if key := await secret(call, stream, "api_key", endpoint.get("AccessKey", "")):
        headers["X-Amz-Firehose-Access-Key"] = key
    if attributes := configuration.get("CommonAttributes"):
        common = {one["AttributeName"]: one["AttributeValue"] for one in attributes}
        headers["X-Amz-Firehose-Common-Attributes"] = json.dumps({"commonAttributes": common})
    if configuration.get("ContentEncoding") == "GZIP":
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, mtime=0)
    try:
        answer = await web.request("POST", endpoint["Url"], headers=headers, body=body, seconds=SECONDS)
    except web.Unreachable as error:
        raise Refused("HttpEndpoint.DestinationException", str(error)) from None
    if answer.status != 200:
        raise Refused("HttpEndpoint.ResponseFromDestinationFailed", f"the endpoint answered {answer.status}")
    try:
        taken = json.loads(answer.body).get("requestId") == request_id
    except (ValueError, AttributeError):
        taken = False
    if not taken:
        raise Refused("HttpEndpoint.InvalidResponseFromDestination", "the endpoint's answer does not name the request")
    return []
