"""Connections: how EventBridge proves itself to an HTTP endpoint: name and password, an API key, or OAuth.

What is secret lies in Secrets Manager, in a secret of EventBridge's own, as on AWS.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Self
from urllib.parse import urlencode

from pileus.kernel import Call, Fault, Record, Unfinished, arn, identity, names, web
from pileus.kernel.resource_type import resource_type

from . import events, faults

PER_PAGE = 100
EARLY = 60.0
"""A token is not used in its last seconds."""
SECONDS = 5.0
ITSELF = identity.service("pileus.amazonaws.com")

Members = dict[str, Any]


@resource_type(
    events,
    "Name",
    create="CreateConnection",
    read="DescribeConnection",
    update="UpdateConnection",
    list="ListConnections",
    delete="DeleteConnection",
    missing="ResourceNotFoundException",
)
class Connection(Record, arn="connection/{name}/{id}", cfn="AWS::Events::Connection", kw_only=True):
    name: str
    id: str
    type: str
    shown: Members
    """The parameters without what is secret."""
    secret_arn: str
    state: str
    reason: str = ""
    description: str = ""
    key: str = ""
    created: float
    modified: float
    authorized: float | None = None

    @classmethod
    def by_name(cls, call: Call, name: str) -> Self:
        found = cls.get(call, name)
        if found is None:
            raise faults.missing("Connection", name)
        return found

    @classmethod
    def by_arn(cls, call: Call, connection_arn: str) -> Self:
        try:
            parts = arn.parse(connection_arn).resource.split("/")
        except ValueError:
            parts = []
        if len(parts) != 3 or parts[0] != "connection":
            raise faults.parameter("ConnectionArn", "Provided Arn is not in correct format.")
        return cls.by_name(call, parts[1])

    def secrets(self, call: Call) -> Members:
        manager = call.aws("secretsmanager", principal=ITSELF)
        held: Members = json.loads(manager.get_secret_value(secret_id=self.secret_arn)["SecretString"])
        return held

    def answer(self, call: Call) -> Members:
        return {
            "ConnectionArn": self.arn(call),
            "ConnectionState": self.state,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "LastAuthorizedTime": self.authorized,
        }


KINDS = {
    "BASIC": "BasicAuthParameters",
    "API_KEY": "ApiKeyAuthParameters",
    "OAUTH_CLIENT_CREDENTIALS": "OAuthParameters",
}
SECRET = {"Password", "ApiKeyValue", "ClientSecret"}
PARAMETERS = ("HeaderParameters", "QueryStringParameters", "BodyParameters")


def checked(kind: str, parameters: Members) -> Members:
    """Parameters that go with the type, and with no other."""
    wanted = KINDS[kind]
    if wanted not in parameters:
        raise faults.validation(f"Authorization parameters for {kind} must be specified: {wanted} is missing.")
    if any(other in parameters for other in KINDS.values() if other != wanted):
        raise faults.validation(f"Authorization parameters don't match the authorization type {kind}.")
    if "ConnectivityParameters" in parameters:
        raise Unfinished("Pileus does not implement private connections yet.")
    return parameters


def check_public(connectivity: Members) -> None:
    """Raise for a connection to a private API, which leads through a resource configuration of VPC Lattice."""
    if connectivity:
        raise Unfinished("Pileus does not implement private connections yet.")


def public(value: Any) -> Any:
    """The parameters as DescribeConnection shows them."""
    if isinstance(value, list):
        return [public(one) for one in value]
    if not isinstance(value, dict):
        return value
    hidden = SECRET | ({"Value"} if value.get("IsValueSecret") else set())
    return {name: public(one) for name, one in value.items() if name not in hidden}


def unsealed(fault: Fault) -> Fault:
    """The refusal to keep parameters under a key that cannot be used."""
    return faults.parameter("KmsKeyIdentifier", fault.message) if fault.code == "EncryptionFailure" else fault


@events.operation
def create_connection(
    call: Call,
    name: str,
    authorization_type: str,
    auth_parameters: Members,
    description: str = "",
    kms_key_identifier: str = "",
    invocation_connectivity_parameters: Members = {},
) -> Members:
    check_public(invocation_connectivity_parameters)
    if Connection.get(call, name):
        raise faults.exists("Connection", name)
    checked(authorization_type, auth_parameters)
    identity = names.uuid4()
    manager = call.aws("secretsmanager", principal=ITSELF)
    try:
        secret = manager.create_secret(
            name=f"events!connection/{name}/{identity}",
            secret_string=json.dumps(auth_parameters),
            kms_key_id=kms_key_identifier or None,
            description=f"Secret of the EventBridge connection {name}",
        )
    except Fault as fault:
        raise unsealed(fault) from None
    connection = Connection(
        name=name,
        id=identity,
        type=authorization_type,
        shown=public(auth_parameters),
        secret_arn=secret["ARN"],
        state="AUTHORIZED",
        description=description,
        key=kms_key_identifier,
        created=call.now,
        modified=call.now,
        authorized=call.now,
    )
    begin(call, connection)
    answer = connection.answer(call)
    del answer["LastAuthorizedTime"]
    return answer


def begin(call: Call, connection: Connection) -> None:
    """Whoever uses OAuth has to ask for a token first."""
    if connection.type == "OAUTH_CLIENT_CREDENTIALS":
        connection.state, connection.authorized = "AUTHORIZING", None
        authorize.later(call, name=connection.name)
    connection.put(call)


@events.operation(on=Connection.by_name)
def describe_connection(call: Call, connection: Connection) -> Members:
    return connection.answer(call) | {
        "Name": connection.name,
        "Description": connection.description or None,
        "StateReason": connection.reason or None,
        "AuthorizationType": connection.type,
        "SecretArn": connection.secret_arn,
        "KmsKeyIdentifier": connection.key or None,
        "AuthParameters": connection.shown,
    }


@events.operation(on=Connection.by_name)
def update_connection(
    call: Call,
    connection: Connection,
    authorization_type: str = "",
    auth_parameters: Members | None = None,
    description: str | None = None,
    kms_key_identifier: str | None = None,
    invocation_connectivity_parameters: Members = {},
) -> Members:
    """Change a connection; secrets that are left out stay."""
    check_public(invocation_connectivity_parameters)
    if description is not None:
        connection.description = description
    if kms_key_identifier is not None:
        try:
            call.aws("secretsmanager", principal=ITSELF).update_secret(
                secret_id=connection.secret_arn, kms_key_id=kms_key_identifier or "alias/aws/secretsmanager"
            )
        except Fault as fault:
            raise unsealed(fault) from None
        connection.key = kms_key_identifier
    kind = authorization_type or connection.type
    if auth_parameters is not None or kind != connection.type:
        held = connection.secrets(call) if kind == connection.type else {}
        merged = laid_over(held, auth_parameters or {})
        checked(kind, merged)
        manager = call.aws("secretsmanager", principal=ITSELF)
        manager.put_secret_value(secret_id=connection.secret_arn, secret_string=json.dumps(merged))
        connection.type, connection.shown = kind, public(merged)
        connection.state, connection.reason, connection.authorized = "AUTHORIZED", "", call.now
        begin(call, connection)
    connection.modified = call.now
    connection.put(call)
    return connection.answer(call)


def laid_over(held: Any, given: Any) -> Any:
    if not isinstance(held, dict) or not isinstance(given, dict):
        return given
    return held | {name: laid_over(held.get(name), value) for name, value in given.items()}


@events.operation
def list_connections(
    call: Call, name_prefix: str = "", connection_state: str = "", next_token: str = "", limit: int = PER_PAGE
) -> Members:
    page = Connection.page(
        call,
        limit=limit,
        token=next_token,
        since=(name_prefix,),
        before=(name_prefix + "\U0010ffff",),
        where=lambda one: connection_state in ("", one.state),
    )
    found = [
        one.answer(call) | {"Name": one.name, "StateReason": one.reason or None, "AuthorizationType": one.type}
        for one in page.items
    ]
    return {"Connections": found, "NextToken": page.token}


@events.operation(on=Connection.by_name)
def deauthorize_connection(call: Call, connection: Connection) -> Members:
    """Forget what proves EventBridge; the destinations that use it are not called any more."""
    manager = call.aws("secretsmanager", principal=ITSELF)
    manager.put_secret_value(secret_id=connection.secret_arn, secret_string="{}")
    connection.state, connection.modified = "DEAUTHORIZED", call.now
    connection.put(call)
    return connection.answer(call)


@events.operation(on=Connection.by_name)
def delete_connection(call: Call, connection: Connection) -> Members:
    """Delete a connection with its secret."""
    manager = call.aws("secretsmanager", principal=ITSELF)
    try:
        manager.delete_secret(secret_id=connection.secret_arn, force_delete_without_recovery=True)
    except Fault as fault:
        if fault.code != "ResourceNotFoundException":
            raise
    connection.delete(call)
    connection.state = "DELETING"
    return connection.answer(call)


# OAuth


class Token(Record):
    """The token of a connection, sealed."""

    connection: str
    sealed: bytes
    expires: float


@events.task
async def authorize(call: Call, name: str) -> None:
    """Fetch the first token of a connection, and say whether that worked."""
    connection = Connection.get(call, name)
    if connection is None or connection.state != "AUTHORIZING":
        return
    try:
        await fetch(call, connection)
        state, reason = "AUTHORIZED", ""
    except web.Unreachable as error:
        state, reason = "DEAUTHORIZED", str(error)[:512]
    with call.transaction():
        if connection := Connection.get(call, name):
            connection.state, connection.reason = state, reason
            connection.authorized = call.now if state == "AUTHORIZED" else None
            connection.put(call)


async def token_of(call: Call, connection: Connection, *, fresh: bool = False) -> str:
    held = Token.get(call, connection.id)
    if held and not fresh and held.expires - EARLY > call.now:
        return call.cloud.master_key.open(held.sealed, connection.id.encode()).decode()
    return await fetch(call, connection)


async def fetch(call: Call, connection: Connection) -> str:
    """Ask the authorization endpoint for a token (RFC 6749, client credentials)."""
    with call.transaction():
        given = connection.secrets(call)["OAuthParameters"]
    client, more = given["ClientParameters"], given.get("OAuthHttpParameters", {})
    pair = base64.b64encode(f"{client['ClientID']}:{client['ClientSecret']}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/x-www-form-urlencoded"} | pairs(
        more, "HeaderParameters"
    )
    form = {"grant_type": "client_credentials"} | pairs(more, "BodyParameters")
    url = with_query(given["AuthorizationEndpoint"], pairs(more, "QueryStringParameters"))
    method, body = given["HttpMethod"], urlencode(form).encode()
    if method == "GET":
        url, body = with_query(url, form), b""
    answer = await web.request(method, url, headers=headers, body=body, seconds=SECONDS)
    try:
        told = json.loads(answer.body)
        token = str(told["access_token"])
    except (ValueError, KeyError, TypeError):
        raise web.Unreachable(f"The authorization endpoint answered {answer.status} without a token.") from None
    with call.transaction():
        sealed = call.cloud.master_key.seal(token.encode(), connection.id.encode())
        Token(connection.id, sealed, call.now + float(told.get("expires_in") or 3600)).put(call)
    return token


def pairs(parameters: Members, kind: str) -> dict[str, str]:
    return {one["Key"]: one.get("Value", "") for one in parameters.get(kind, ()) if "Key" in one}


def with_query(url: str, query: dict[str, str]) -> str:
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
