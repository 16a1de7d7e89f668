"""The Iceberg REST endpoint: what PyIceberg, Spark, Trino and DuckDB speak, below `/iceberg`.

"Accessing tables using the Amazon S3 Tables Iceberg REST endpoint", S3 User Guide; the paths and bodies are those of
Iceberg's REST catalog specification. Each request is one or several operations of S3 Tables, made as its sender, so
that permissions and CloudTrail know it by those. As on AWS tables are not staged, only dropped for good, and namespaces
have no properties. What AWS need not say, the answer to `config` does: at which endpoint of S3 the files are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote

from pileus.engines.iceberg import updates
from pileus.engines.iceberg.metadata import Refused
from pileus.kernel import Call, Fault
from pileus.kernel.edge import Answer, Fields
from pileus.kernel.errors import COMMON
from pileus.kernel.identity import ANONYMOUS

from . import commits, faults, s3tables

if TYPE_CHECKING:
    from pileus.gateway.message import Request
    from pileus.models import Operation

ROOT = "/iceberg/v1/"
KINDS = {
    400: "BadRequestException",
    403: "ForbiddenException",
    404: "NotFoundException",
    405: "UnsupportedOperationException",
    409: "AlreadyExistsException",
    429: "SlowDownException",
}
_STATUS = {
    "BadRequestException": 400,
    "ForbiddenException": 403,
    "AccessDeniedException": 403,
    "NotFoundException": 404,
    "ConflictException": 409,
    "TooManyRequestsException": 429,
    "CommitFailedException": 409,
    "NoSuchTableException": 404,
    "NoSuchNamespaceException": 404,
}

Members = dict[str, Any]


class Asked(NamedTuple):
    """One request: who asks, about which table bucket, and with what."""

    call: Call
    bucket: str
    """Its ARN."""
    names: tuple[str, ...]
    query: Mapping[str, str]
    body: Members

    async def does(self, operation: str, **members: Any) -> Any:
        """Run an operation of S3 Tables as the sender."""
        request = {"tableBucketARN": self.bucket, **members} if self.bucket else members
        call = self.call.at(operation=operation)
        result = call.cloud.perform(call, operation, {k: v for k, v in request.items() if v is not None})
        return await result if isinstance(result, Awaitable) else result


class Rest:
    """What S3 Tables sees of HTTP."""

    decides = False

    def admit(self, operation: Operation, request: Request) -> None:
        """Nothing here depends on octets alone."""

    async def beside(self, call: Call, request: Request, labels: dict[str, str]) -> Answer:
        try:
            status, told = await answered(call, request)
        except updates.Outdated as outdated:
            return failed(409, "CommitFailedException", str(outdated))
        except Refused as refused:
            return failed(400, "BadRequestException", str(refused))
        except Fault as fault:
            status = fault.status or _STATUS.get(fault.code) or COMMON.get(fault.code, 500)
            return failed(status, named(fault, status), fault.message)
        return Answer(status, JSON, b"" if told is None else json.dumps(told).encode())

    def dress(self, call: Call, request: Request, labels: dict[str, str], fields: Fields) -> None:
        """Pages of other origins are told nothing."""


s3tables.edge = Rest()

JSON = [("content-type", "application/json")]


def named(fault: Fault, status: int) -> str:
    """The kind of an error as clients of catalogs know it."""
    if fault.code == "NotFoundException":
        return "NoSuchTableException" if "table does" in fault.message else "NoSuchNamespaceException"
    if fault.code == "ConflictException" and "not empty" in fault.message:
        return "NamespaceNotEmptyException"
    if fault.code == "ConflictException" and fault.message == faults.OUTDATED:
        return "CommitFailedException"
    return fault.code if fault.code.endswith("CommitFailedException") else KINDS.get(status, fault.code)


def failed(status: int, kind: str, words: str) -> Answer:
    told = {"error": {"message": words, "type": kind, "code": status}}
    return Answer(status, JSON, json.dumps(told).encode())


async def answered(call: Call, request: Request) -> tuple[int, Members | None]:
    """Find out what a request asks for, and do it."""
    if call.principal is ANONYMOUS:
        raise Fault("MissingAuthenticationToken", "Missing Authentication Token", status=403)
    if not request.path.startswith(ROOT):
        raise faults.missing("path")
    path = request.path.removeprefix(ROOT)
    query = {name: values[0] for name, values in parse_qs(request.query, keep_blank_values=True).items()}
    try:
        body = json.loads(request.body) if request.body else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise faults.bad("The request body is not a JSON object.")
    if path == "config":
        return 200, await config(Asked(call, query.get("warehouse", ""), (), query, body))
    for (method, pattern), does in PATHS.items():
        if method == request.method and (match := pattern.fullmatch(path)):
            bucket, *names = (unquote(part) for part in match.groups())
            return await does(Asked(call, bucket, tuple(names), query, body))
    raise Fault("UnsupportedOperationException", f"{request.method} {request.path} is not supported.", status=405)


async def config(asked: Asked) -> Members:
    """What a client is to do with a warehouse, which is a table bucket."""
    if not asked.bucket:
        raise faults.bad("The warehouse parameter must be the ARN of a table bucket.")
    checked(asked.bucket)
    await asked.does("GetTableBucket")
    defaults = {
        "s3.endpoint": asked.call.endpoint,
        "s3.path-style-access": "true",
        "s3.delete-enabled": "false",
        "client.region": asked.call.region,
        "s3.region": asked.call.region,
        "rest-metrics-reporting-enabled": "false",
    }
    methods = [f"{method} /v1/{text}" for method, text in SPELT]
    return {"defaults": defaults, "overrides": {"prefix": quote(asked.bucket, safe="")}, "endpoints": methods}


def checked(address: str) -> None:
    if not re.fullmatch(r"arn:[^:]+:s3tables:[^:]*:\d{12}:bucket/[a-z0-9-]{3,63}", address):
        raise faults.bad("The warehouse is not the ARN of a table bucket.")


# Namespaces


async def list_namespaces(asked: Asked) -> tuple[int, Members]:
    if asked.query.get("parent"):
        return 200, {"namespaces": []}  # they have one level
    page = await asked.does("ListNamespaces", **paged(asked, "maxNamespaces"))
    told = {"namespaces": [each["namespace"] for each in page["namespaces"]]}
    return 200, following(told, page)


def paged(asked: Asked, limit: str) -> Members:
    """How a page is asked for."""
    size = asked.query.get("pageSize")
    if size is not None and not size.isdigit():
        raise faults.bad("pageSize is not a number.")
    return {"continuationToken": asked.query.get("pageToken") or None, limit: int(size) if size else None}


def following(told: Members, page: Members) -> Members:
    return told | {"next-page-token": page.get("continuationToken")}


async def create_namespace(asked: Asked) -> tuple[int, Members]:
    if asked.body.get("properties"):
        raise faults.bad("Namespaces have no properties.")
    names = asked.body.get("namespace")
    if not isinstance(names, list) or len(names) != 1:
        raise faults.bad("A namespace has one level.")
    await asked.does("CreateNamespace", namespace=names)
    return 200, {"namespace": names, "properties": {}}


async def load_namespace(asked: Asked) -> tuple[int, Members]:
    found = await asked.does("GetNamespace", namespace=asked.names[0])
    return 200, {"namespace": found["namespace"], "properties": {}}


async def namespace_exists(asked: Asked) -> tuple[int, None]:
    await asked.does("GetNamespace", namespace=asked.names[0])
    return 204, None


async def drop_namespace(asked: Asked) -> tuple[int, None]:
    await asked.does("DeleteNamespace", namespace=asked.names[0])
    return 204, None


# Tables


async def list_tables(asked: Asked) -> tuple[int, Members]:
    await asked.does("GetNamespace", namespace=asked.names[0])
    page = await asked.does("ListTables", namespace=asked.names[0], **paged(asked, "maxTables"))
    told = {"identifiers": [{"namespace": each["namespace"], "name": each["name"]} for each in page["tables"]]}
    return 200, following(told, page)


async def create_table(asked: Asked) -> tuple[int, Members]:
    if asked.body.get("stage-create"):
        raise faults.bad("Tables cannot be staged.")
    if asked.body.get("location"):
        raise faults.bad("The location of a table cannot be chosen.")
    await commits.create(asked, asked.names[0], asked.body)
    return await load_table(asked._replace(names=(asked.names[0], asked.body["name"])))


async def load_table(asked: Asked) -> tuple[int, Members]:
    space, name = asked.names
    return 200, await commits.load(asked, space, name)


async def update_table(asked: Asked) -> tuple[int, Members]:
    space, name = asked.names
    return 200, await commits.commit(asked, space, name, asked.body)


async def table_exists(asked: Asked) -> tuple[int, None]:
    space, name = asked.names
    await asked.does("GetTable", namespace=space, name=name)
    return 204, None


async def drop_table(asked: Asked) -> tuple[int, None]:
    if asked.query.get("purgeRequested", "").lower() != "true":
        raise faults.bad("A table can only be dropped together with its data: purge must be requested.")
    space, name = asked.names
    await asked.does("DeleteTable", namespace=space, name=name)
    return 204, None


async def rename_table(asked: Asked) -> tuple[int, None]:
    (space, name), (new_space, new_name) = (identifier(asked.body.get(end)) for end in ("source", "destination"))
    changed = {"newNamespaceName": new_space if new_space != space else None, "newName": new_name}
    await asked.does("RenameTable", namespace=space, name=name, **changed)
    return 204, None


def identifier(given: Any) -> tuple[str, str]:
    """The namespace and the name of a table, as a body has them."""
    space = given.get("namespace") if isinstance(given, dict) else None
    if not isinstance(space, list) or len(space) != 1 or not isinstance(given.get("name"), str):
        raise faults.bad("A table is named by a namespace of one level and a name.")
    return str(space[0]), given["name"]


Doing = Callable[[Asked], Awaitable[tuple[int, Members | None]]]
SPELT: dict[tuple[str, str], Doing] = {
    ("GET", "{prefix}/namespaces"): list_namespaces,
    ("POST", "{prefix}/namespaces"): create_namespace,
    ("GET", "{prefix}/namespaces/{namespace}"): load_namespace,
    ("HEAD", "{prefix}/namespaces/{namespace}"): namespace_exists,
    ("DELETE", "{prefix}/namespaces/{namespace}"): drop_namespace,
    ("GET", "{prefix}/namespaces/{namespace}/tables"): list_tables,
    ("POST", "{prefix}/namespaces/{namespace}/tables"): create_table,
    ("GET", "{prefix}/namespaces/{namespace}/tables/{table}"): load_table,
    ("POST", "{prefix}/namespaces/{namespace}/tables/{table}"): update_table,
    ("HEAD", "{prefix}/namespaces/{namespace}/tables/{table}"): table_exists,
    ("DELETE", "{prefix}/namespaces/{namespace}/tables/{table}"): drop_table,
    ("POST", "{prefix}/tables/rename"): rename_table,
}
"""What the endpoint does, by method and path as the specification writes them."""
PATHS = {
    (method, re.compile(re.sub(r"\{\w+\}", "([^/]+)", path))): function for (method, path), function in SPELT.items()
}
