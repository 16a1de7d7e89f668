"""API destinations: HTTP endpoints outside, called through a connection, so many times in a second."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote

from pileus.kernel import Call, Record, names, web
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.kernel.resource_type import resource_type
from pileus.kernel.targets import Failed, Sending

from . import events, faults
from .connections import Connection, pairs, token_of, with_query

PER_PAGE = 100
RATE = 300
SECONDS = 5.0
AGENT = "Amazon/EventBridge/ApiDestinations"
RETRIED = {401, 407, 409, 429}
"""Client errors that may pass ("API destinations as targets")."""

Members = dict[str, Any]


@resource_type(
    events,
    "Name",
    create="CreateApiDestination",
    read="DescribeApiDestination",
    update="UpdateApiDestination",
    list="ListApiDestinations",
    delete="DeleteApiDestination",
    missing="ResourceNotFoundException",
)
class Destination(Record, arn="api-destination/{name}/{id}", cfn="AWS::Events::ApiDestination", kw_only=True):
    name: str
    id: str
    connection_arn: str
    endpoint: str
    method: str
    rate: int
    description: str = ""
    created: float
    modified: float

    @classmethod
    def by_name(cls, call: Call, name: str) -> Self:
        found = cls.get(call, name)
        if found is None:
            raise faults.missing("ApiDestination", name)
        return found

    def answer(self, call: Call) -> Members:
        return {
            "ApiDestinationArn": self.arn(call),
            "ApiDestinationState": self.state(call),
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }

    def state(self, call: Call) -> str:
        """Inactive is one whose connection does not let it in."""
        connection = Connection.get(call, self.connection_arn.split("/")[1])
        return "ACTIVE" if connection and connection.state in ("AUTHORIZED", "AUTHORIZING") else "INACTIVE"


class Turn(Record):
    """When a destination may be called next, if it is called as often as it may."""

    destination: str
    next: float


def check_endpoint(endpoint: str) -> None:
    if not re.match(r"https?://[^/\s]+", endpoint):
        raise faults.parameter("InvocationEndpoint", "InvocationEndpoint is not a valid HTTP endpoint.")


@events.operation
def create_api_destination(
    call: Call,
    name: str,
    connection_arn: str,
    invocation_endpoint: str,
    http_method: str,
    description: str = "",
    invocation_rate_limit_per_second: int = RATE,
) -> Members:
    if Destination.get(call, name):
        raise faults.exists("ApiDestination", name)
    Connection.by_arn(call, connection_arn)
    check_endpoint(invocation_endpoint)
    destination = Destination(
        name=name,
        id=names.uuid4(),
        connection_arn=connection_arn,
        endpoint=invocation_endpoint,
        method=http_method,
        rate=invocation_rate_limit_per_second,
        description=description,
        created=call.now,
        modified=call.now,
    ).put(call)
    return destination.answer(call)


@events.operation(on=Destination.by_name)
def update_api_destination(
    call: Call,
    destination: Destination,
    description: str | None = None,
    connection_arn: str = "",
    invocation_endpoint: str = "",
    http_method: str = "",
    invocation_rate_limit_per_second: int = 0,
) -> Members:
    if connection_arn:
        Connection.by_arn(call, connection_arn)
        destination.connection_arn = connection_arn
    if invocation_endpoint:
        check_endpoint(invocation_endpoint)
        destination.endpoint = invocation_endpoint
    if description is not None:
        destination.description = description
    destination.method = http_method or destination.method
    destination.rate = invocation_rate_limit_per_second or destination.rate
    destination.modified = call.now
    destination.put(call)
    return destination.answer(call)


def described(call: Call, destination: Destination) -> Members:
    return destination.answer(call) | {
        "Name": destination.name,
        "ConnectionArn": destination.connection_arn,
        "InvocationEndpoint": destination.endpoint,
        "HttpMethod": destination.method,
        "InvocationRateLimitPerSecond": destination.rate,
    }


@events.operation(on=Destination.by_name)
def describe_api_destination(call: Call, destination: Destination) -> Members:
    return described(call, destination) | {"Description": destination.description or None}


@events.operation
def list_api_destinations(
    call: Call, name_prefix: str = "", connection_arn: str = "", next_token: str = "", limit: int = PER_PAGE
) -> Members:
    page = Destination.page(
        call,
        limit=limit,
        token=next_token,
        since=(name_prefix,),
        before=(name_prefix + "\U0010ffff",),
        where=lambda one: connection_arn in ("", one.connection_arn),
    )
    return {"ApiDestinations": [described(call, one) for one in page.items], "NextToken": page.token}


@events.operation(on=Destination.by_name)
def delete_api_destination(call: Call, destination: Destination) -> Members:
    destination.delete(call)
    return {}


# Calling


class Later(Failed):
    """A destination may not be called before so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__("THROTTLING", f"The destination may be called in {seconds:g} seconds.", final=False)
        self.seconds = seconds


@events.way("api-destination")
async def request(sending: Sending) -> bytes:
    """Call a destination with an input, as somebody who may; what it answers."""
    call, to = sending.call, sending.to
    here = call.at(account=to.account, region=to.region)
    if sending.principal.type != "AWSService":
        authorize(call.at(principal=sending.principal), "events:InvokeApiDestination", Target(str(to), to.account))
    destination = Destination.get(here, to.resource.split("/")[1])
    connection = Connection.get(here, destination.connection_arn.split("/")[1]) if destination else None
    if destination is None or connection is None:
        raise Failed("NO_RESOURCE", f"{to} does not exist", final=True)
    if connection.state != "AUTHORIZED":
        raise Failed("CONNECTION_FAILURE", f"The connection is {connection.state}", final=False)
    with here.transaction():
        wait_turn(here, destination)
    try:
        method, url, headers, body = await composed(here, destination, connection, sending.parameters, sending.text)
        answer = await web.request(method, url, headers=headers, body=body, seconds=SECONDS)
        if answer.status == 401 and connection.type == "OAUTH_CLIENT_CREDENTIALS":
            await token_of(here, connection, fresh=True)
    except web.Unreachable as error:
        raise Failed("CONNECTION_FAILURE", str(error), final=False) from error
    if not 200 <= answer.status < 300:
        final = 300 <= answer.status < 500 and answer.status not in RETRIED
        raise Failed("SDK_CLIENT_ERROR" if final else "ENDPOINT_ERROR", f"status {answer.status}", final=final)
    return answer.body


def wait_turn(call: Call, destination: Destination) -> None:
    """Keep to the rate: whoever comes too early is told to come again."""
    turn = Turn.get(call, destination.id) or Turn(destination.id, 0.0)
    if turn.next > call.now + 1e-6:
        raise Later(turn.next - call.now)
    turn.next = max(turn.next, call.now - 1.0) + 1.0 / destination.rate
    turn.put(call)


async def composed(
    call: Call, destination: Destination, connection: Connection, target: Mapping[str, Any], text: str
) -> tuple[str, str, dict[str, str], bytes]:
    """The request: what the target says, and over it what the connection says."""
    given = target.get("HttpParameters", {})
    with call.transaction():
        secret = connection.secrets(call)
    more = secret.get("InvocationHttpParameters", {})
    values = iter(given.get("PathParameterValues", ()))
    url = re.sub(r"\*", lambda star: quote(next(values, star[0]), safe=""), destination.endpoint)
    url = with_query(url, given.get("QueryStringParameters", {}) | pairs(more, "QueryStringParameters"))
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": AGENT,
        "Range": "bytes=0-1048575",
        **given.get("HeaderParameters", {}),
        **pairs(more, "HeaderParameters"),
        **await proof(call, connection, secret),
    }
    return destination.method, url, headers, body_of(text, pairs(more, "BodyParameters"))


async def proof(call: Call, connection: Connection, secret: Members) -> dict[str, str]:
    """The header that proves who calls."""
    if basic := secret.get("BasicAuthParameters"):
        pair = base64.b64encode(f"{basic['Username']}:{basic['Password']}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    if key := secret.get("ApiKeyAuthParameters"):
        return {key["ApiKeyName"]: key["ApiKeyValue"]}
    return {"Authorization": f"Bearer {await token_of(call, connection)}"}


def body_of(text: str, more: dict[str, str]) -> bytes:
    """The input, with the connection's own parameters in it where it is a JSON object."""
    if more:
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict):
            text = json.dumps(found | more)
    return text.encode()
