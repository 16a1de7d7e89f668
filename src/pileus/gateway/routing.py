"""Which service, protocol and operation a request names.

All of AWS answers behind one port, so the service is read from what every client sends: X-Amz-Target or a Smithy RPC
path, the credential scope, the host, `Action` and `Version`, and at last method and path. Whoever gives no clue at all
means S3, as a browser does that opens an object's address; whoever posts a form to a queue's own address means SQS.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from pileus.kernel.errors import Fault, Unfinished
from pileus.models import Model, Operation, index, load, query_form

from . import directory, hosts
from .clues import Clues, clues, form_scope, parameter, signing_scope
from .directory import Services
from .hosts import Host
from .message import Request
from .paths import Match, paths


class Route(msgspec.Struct):
    """Where a request goes. Do not write into `labels`: a route may be shared by all requests that look alike.

    `operation` is None while `Action` is still to come with the body (`finish` finds it then), and for what S3 answers
    beside its model (an OPTIONS request (CORS), a browser's form upload (POST Object), and the pages of websites), or
    another service at a path that no model has.
    """

    model: Model
    protocol: str
    """`json`, `query`, `ec2`, `rest-json`, `rest-xml`, `smithy-rpc-v2-cbor` or `json-cbor`."""
    operation: Operation | None
    labels: dict[str, str]
    """Members that stand in the path or the host, as they were written. For a query sent to a queue's own address
    `QueueUrl` is here, in case that the form leaves it out."""
    region: str | None
    """As the signature or else the host says."""
    whole: bool = False
    """Whether the body is wanted whole, though no operation says so."""

    @property
    def beside(self) -> bool:
        """Whether the service answers this beside its model."""
        return self.operation is None and self.protocol not in ("query", "ec2")


class Unroutable(Exception):
    """No such operation. The route tells model and protocol to render the fault with."""

    def __init__(self, fault: Fault, route: Route) -> None:
        super().__init__(fault)
        self.fault = fault
        self.route = route


CBOR = "smithy-rpc-v2-cbor"
FORM = "application/x-www-form-urlencoded"

_RPC_PATH = re.compile(r"/service/([^/]+)/operation/([^/]+)$")
_QUEUE_PATH = re.compile(r"(?:/queue/([a-z0-9-]+))?/\d{12}/[A-Za-z0-9_-]{1,80}(?:\.fifo)?/?", re.ASCII)

_AT_HOSTS = {"lambda-url": "lambda"}
"""Services that answer everything at hosts of their own, and have no operations there."""

_AT_PATHS = {("POST", "/putMedia"): "kinesisvideo"}
"""What a service does at a path of its own that no model has, because SDKs had to write it by hand."""

_BELOW_PATHS = {"s3tables": "/iceberg/"}
"""What a service answers below a path of its own that no model has: another protocol, which it speaks too."""

_PLAIN_PATHS = {
    ("POST", "/ingest/bulk"): "logs",
    ("POST", "/ingest/json"): "logs",
    ("POST", "/services/collector/event"): "logs",
    ("POST", "/v1/logs"): "logs",
}
"""What a service that has no paths takes from plain HTTP clients, by a signature or a bearer's token."""

# What S3 has at an account's or a route's host, not a bucket's: S3 Control, and Object Lambda's answer.
_BUCKETLESS = ("/v20180820/", "/WriteGetObjectResponse")


def route(request: Request, domain: str = "localhost") -> Route:
    """The route of a request whose headers are there. `domain` is a host suffix to know besides the usual ones.

    Raises Unroutable if there is no such service or operation.
    """
    headers = request.headers.first
    scope = signing_scope(request)
    known = clues(scope, request.host, domain)
    there = known.host
    if service := _AT_HOSTS.get(there.kind):
        return Route(load(service), "rest-json", None, {"Host": there.label}, there.region, whole=True)
    if target := headers.get("x-amz-target"):
        found = _by_target(target, scope, request.host, domain)
        binary = headers.get("content-type", "").startswith("application/x-amz-cbor")
        return replace(found, protocol="json-cbor") if binary else found
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return _by_rpc_path(request.path, scope, request.host, domain)
    if found_plain := _plain(request, known):
        return found_plain
    if not known.services:
        return _without_clue(request, known, domain)
    if known.query and (known.query == known.services or _looks_like_query(request)):
        return _by_action(request, _pending(known.query[0], known.region), domain)
    if known.rest:
        return _by_path(request, known)
    raise _no_operation(load(known.services[0]), directory.protocols(known.services[0])[0], known.region)


def finish(begun: Route, request: Request, domain: str = "localhost") -> Route:
    """The route with its operation, once the body is there that names it; any other route comes back as it is."""
    if begun.operation is not None or begun.protocol not in ("query", "ec2"):
        return begun
    form = request.query.encode() if _has_action(request) else request.body
    scope = signing_scope(request) or form_scope(form)
    is_queue = _QUEUE_PATH.fullmatch(request.path) is not None
    action = parameter(form, b"Action=")
    if not action:
        return _without_action(request, begun, clues(scope, request.host, domain))
    found = _by_name(action, parameter(form, b"Version="), scope, request.host, domain, is_queue)
    return _with_queue(found, request) if found.model.name == "sqs" and len(request.path) > 1 else found


# --- named in a header ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=2048)
def _by_target(target: str, scope: str, host: str, domain: str) -> Route:
    """AWS JSON: `X-Amz-Target: Prefix.Operation`."""
    prefix, _, name = target.rpartition(".")
    return _procedure("json", directory.by_target().get(prefix, ()), name, clues(scope, host, domain))


@lru_cache(maxsize=2048)
def _by_rpc_path(path: str, scope: str, host: str, domain: str) -> Route:
    """Smithy RPC v2 CBOR: the path ends with `/service/Name/operation/Operation`, whatever stands before it."""
    match = _RPC_PATH.search(path)
    services = directory.by_target().get(match[1], ()) if match else ()
    return _procedure(CBOR, services, match[2] if match else "", clues(scope, host, domain))


def _procedure(protocol: str, services: Services, name: str, known: Clues) -> Route:
    speakers = directory.speaking(services, protocol)
    for service in sorted(speakers, key=lambda each: each not in known.services[:1]):
        if operation := _operation(load(service), name):
            return Route(operation.model, protocol, operation, {}, known.region)
    likeliest = (*speakers, *known.services)
    model = load(likeliest[0]) if likeliest else _stranger(known.signed_for)
    raise _no_operation(model, protocol, known.region)


# --- named by Action ------------------------------------------------------------------------------------------------


def _looks_like_query(request: Request) -> bool:
    """Whether a request that may be meant otherwise is one of the query protocol: these go to `/` or to a queue."""
    if not (_has_action(request) or _is_form(request)):
        return False
    return request.path in ("", "/") or _QUEUE_PATH.fullmatch(request.path) is not None


def _has_action(request: Request) -> bool:
    query = request.query
    return "Action=" in query and (query.startswith("Action=") or "&Action=" in query)


def _is_form(request: Request) -> bool:
    return request.method == "POST" and request.headers.get("content-type").startswith(FORM)


@lru_cache(maxsize=1024)
def _pending(service: str, region: str | None) -> Route:
    model = query_form(service)
    return Route(model, _dialect(model), None, {}, region)


def _dialect(model: Model) -> str:
    return "ec2" if model.metadata["protocol"] == "ec2" else "query"


def _by_action(request: Request, pending: Route, domain: str) -> Route:
    """The finished route if the request's head or body names the operation; otherwise the one to be finished later."""
    return finish(pending, request, domain) if request.body or _has_action(request) else pending


@lru_cache(maxsize=2048)
def _by_name(action: str, version: str, scope: str, host: str, domain: str, is_queue: bool) -> Route:
    """The operation of that name, in the service that the clues or, if they leave it open, the version point to."""
    known = clues(scope, host, domain)
    versioned = directory.by_version().get(version, ())
    services = known.query or (("sqs",) if is_queue else versioned or ("sts",))
    for service in sorted(services, key=lambda each: each not in versioned):
        if operation := _operation(query_form(service), action):
            return Route(operation.model, _dialect(operation.model), operation, {}, known.region)
    model = query_form(services[0])
    words = _INVALID_ACTION.get(model.name, "Could not find operation {action} for version {version}")
    fault = Fault("InvalidAction", words.format(action=action, version=version or "NO_VERSION_SPECIFIED"))
    raise Unroutable(fault, Route(model, _dialect(model), None, {}, known.region))


# Services that word it in their own way.
_INVALID_ACTION = {
    "ec2": "The action {action} is not valid for this web service.",
    "sqs": "The action {action} is not valid for this endpoint.",
}


def _without_action(request: Request, begun: Route, known: Clues) -> Route:
    """A form that names no operation is an error, unless it was only taken for a call by its look."""
    if known.services or request.path in ("", "/"):
        raise Unroutable(Fault("MissingAction", "The request must contain the parameter Action."), begun)
    return _by_path(request, known._replace(rest=("s3",)))


def _with_queue(found: Route, request: Request) -> Route:
    """A queue's own address says which queue is meant ("Making Query API requests", Amazon SQS Developer Guide)."""
    shape = found.operation.input if found.operation else None
    if shape is None or "QueueUrl" not in shape.members:
        return found
    match = _QUEUE_PATH.fullmatch(request.path)
    address = f"{request.scheme}://{request.host}{request.path}"
    return replace(found, labels={"QueueUrl": address}, region=found.region or (match[1] if match else None))


# --- named by method and path ---------------------------------------------------------------------------------------


def _by_path(request: Request, known: Clues) -> Route:
    if known.host.kind == "website" and known.host.label:
        return _website(request, known)
    path = _path_in_service(request.path or "/", known)
    match = paths(known.rest, known.favoured).match(request.method, path, request.query, request.headers)
    if match is not None:
        return _matched(match, known)
    if (service := _AT_PATHS.get((request.method, path))) in known.rest:
        return Route(load(service), "rest-json", None, {}, known.region)
    if path.startswith(_BELOW_PATHS.get(known.rest[0], "\0")):
        return Route(load(known.rest[0]), "rest-json", None, {}, known.region, whole=True)
    if known.rest[0] in ("s3", "s3control"):
        return _beside_the_model(request, path, known)
    raise _no_operation(load(known.rest[0]), index()[known.rest[0]]["protocol"], known.region)


def _plain(request: Request, known: Clues) -> Route | None:
    service = _PLAIN_PATHS.get((request.method, request.path))
    if service is None or not (service in known.services or _by_bearer(request, known)):
        return None
    return Route(load(service), "rest-json", None, {}, known.region, whole=True)


def _by_bearer(request: Request, known: Clues) -> bool:
    return not known.services and request.headers.get("authorization").startswith("Bearer ")


def _matched(match: Match, known: Clues) -> Route:
    model = load(match.service)
    if match.host_label and known.host.label:
        match.labels[match.host_label] = known.host.label
    return Route(model, model.metadata["protocol"], model.operation(match.operation), match.labels, known.region)


def _path_in_service(path: str, known: Clues) -> str:
    """The path as the model has it: with the bucket that the host names, without the stage before `@connections`."""
    if "s3" in known.rest:
        bucket = _bucket_of(known.host, path)
        return f"/{bucket}{path}" if bucket else path
    if "apigatewaymanagementapi" in known.rest and "/@connections/" in path:
        return path[path.index("/@connections/") :]
    return path


def _bucket_of(host: Host, path: str) -> str:
    if host.kind in ("bucket", "accesspoint", "website"):
        return hosts.bucket(host)
    if not host.front:
        return ""
    named = directory.by_host_word().get(host.service or "", ())
    if "s3" in named or "s3control" in named or path.startswith(_BUCKETLESS):
        return ""
    return host.front


def _website(request: Request, known: Clues) -> Route:
    """A page of a bucket's website, whatever operation it looks like."""
    labels = {"Bucket": hosts.bucket(known.host), "Key": request.path.removeprefix("/"), "Website": known.host.label}
    return Route(load("s3"), "rest-xml", None, labels, known.host.region)


def _beside_the_model(request: Request, path: str, known: Clues) -> Route:
    """What S3 answers though its model has no operation for it; everything else is no method of S3."""
    upload = request.method == "POST" and request.headers.get("content-type").startswith("multipart/form-data")
    match = paths(("s3",)).match("GET", path, "", request.headers)
    found = Route(load(known.rest[0]), "rest-xml", None, match.labels if match else {}, known.region)
    if request.method == "OPTIONS" or upload:
        return found
    kind = "OBJECT" if "Key" in found.labels else "BUCKET" if "Bucket" in found.labels else "SERVICE"
    raise Unroutable(_not_in_s3(request, path, kind), found)


def _not_in_s3(request: Request, path: str, kind: str) -> Fault:
    """What S3 says of a method that is none of the resource's; a POST to a bucket is taken for a browser's form."""
    if request.method == "POST" and kind == "BUCKET" and not request.query:
        words = "At least one of the pre-conditions you specified did not hold"
        condition = "Bucket POST must be of the enclosure-type multipart/form-data"
        return Fault("PreconditionFailed", words, status=412, Condition=condition)
    words = "The specified method is not allowed against this resource."
    fault = Fault("MethodNotAllowed", words, status=405, Method=request.method, ResourceType=kind)
    tree = paths(("s3",))
    others = [
        each
        for each in ("HEAD", "DELETE", "GET", "PUT", "POST")
        if each != request.method and tree.match(each, path, request.query, request.headers)
    ]
    fault.headers.append(("Allow", ", ".join(others)))
    return fault


# --- named by nothing -----------------------------------------------------------------------------------------------


def _without_clue(request: Request, known: Clues, domain: str) -> Route:
    """A bearer's or nobody's request: to a sign-in, a query without signature, or else to S3."""
    if name := known.signed_for or known.host.service:
        raise _unknown_service(name, known.region)
    if match := _unsigned_path(request, known.host):
        return _matched(match, known)
    if _looks_like_query(request):
        return _by_action(request, _pending("sts", known.region), domain)
    return _by_path(request, known._replace(rest=("s3",)))


def _unsigned_path(request: Request, host: Host) -> Match | None:
    """An operation at a path of its own that takes a bearer token, or that nobody signs."""
    if host.kind != "plain":
        return None
    if request.headers.get("authorization").startswith("Bearer "):
        return paths(directory.bearers()).match(request.method, request.path, request.query, request.headers)
    if request.headers.get("content-type").startswith("multipart/form-data"):
        return None  # a browser's upload to a bucket of that name
    tree = paths(directory.unsigned(), only="unsigned")
    return tree.match(request.method, request.path, request.query, request.headers, complete=True)


# --- named in vain --------------------------------------------------------------------------------------------------


def _operation(model: Model, name: str) -> Operation | None:
    try:
        return model.operation(name)
    except KeyError:
        return None


def _no_operation(model: Model, protocol: str, region: str | None) -> Unroutable:
    """Services behind a path answer 404 where the others answer 400."""
    status = 404 if protocol.startswith("rest-") else 400
    return Unroutable(Fault("UnknownOperationException", status=status), Route(model, protocol, None, {}, region))


def _unknown_service(name: str, region: str | None) -> Unroutable:
    fault = Unfinished(f"No AWS service that this cloud knows has the signing name or host {name}.")
    return Unroutable(fault, Route(_stranger(name), "rest-json", None, {}, region))


def _stranger(name: str) -> Model:
    """A model to render errors with for a service that is none."""
    return Model(name, {"serviceId": name, "endpointPrefix": name, "protocol": "rest-json"}, {}, {})


NOWHERE = Route(_stranger(""), "rest-json", None, {}, None)
"""Where a request goes before that is known."""
