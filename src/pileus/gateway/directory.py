"""Which services answer to a name on the wire: a signing name, an X-Amz-Target prefix, a host's word, an API version.

Everything here is read from the index of the models; no model is loaded. Where several services share a name they stand
in the order in which they are to be tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from pileus.models import index

Services = tuple[str, ...]
Directory = dict[str, Services]

# Where only the host could tell two services apart and the host says nothing, these leave it to the other one: their
# successor, or the one that more people use.
YIELDING = frozenset(
    {
        "chime",
        "chime-sdk-identity",
        "chime-sdk-media-pipelines",
        "greengrass",
        "lex-models",
        "sms-voice",
        "timestream-query",
        "wisdom",
    }
)

# Words in host names that no model has: SQS's older host, DynamoDB's account endpoints, and the names under which S3's
# endpoint rules reach buckets.
ALIASES = {
    "queue": ("sqs",),
    "ddb": ("dynamodb",),
    "s3-accelerate": ("s3",),
    "s3-accesspoint": ("s3",),
    "s3-external-1": ("s3",),
    "s3-object-lambda": ("s3",),
    "s3-outposts": ("s3", "s3control"),
    "s3-website": ("s3",),
    "s3express": ("s3",),
    "s3express-control": ("s3",),
    "accesspoint.s3-global": ("s3",),
}


@cache
def protocols(service: str) -> tuple[str, ...]:
    """The protocols that a service speaks, `query` too where the model says that it did (`awsQueryCompatible`)."""
    metadata = index()[service]
    spoken = tuple(metadata.get("protocols") or [metadata["protocol"]])
    return (*spoken, "query") if "awsQueryCompatible" in metadata and "query" not in spoken else spoken


@cache
def speaking(services: Services, *wanted: str) -> Services:
    """Those of the services that speak one of the protocols."""
    return tuple(name for name in services if not set(wanted).isdisjoint(protocols(name)))


@cache
def by_signing_name() -> Directory:
    """Services by the names that requests to them are signed for."""
    return _directory(
        (word, name)
        for name, metadata in index().items()
        for word in (_signing_name(name), *metadata.get("signingNames", ()))
    )


@cache
def by_target() -> Directory:
    """Services by the part of X-Amz-Target before the operation.

    A few prefixes begin with a Java package, which newer SDKs leave out (Smithy names the service's shape alone).
    """
    named = [(prefix, name) for name, metadata in index().items() if (prefix := metadata.get("targetPrefix"))]
    short = [(prefix.rpartition(".")[2], name) for prefix, name in named if "." in prefix]
    return _directory([*named, *short])


@cache
def by_version() -> Directory:
    """The services of the query protocol by their API versions."""
    return _directory((index()[name]["apiVersion"], name) for name in speaking(tuple(index()), "query", "ec2"))


@cache
def by_host_word() -> Directory:
    """Services by what stands for them in a host name: an endpoint prefix, else botocore's or the signing name."""
    words = _directory((_signing_name(name), name) for name in index())
    words |= {name: (name,) for name in index()}
    words |= _directory((metadata["endpointPrefix"], name) for name, metadata in index().items())
    return words | {word: (*services, *words.get(word, ())) for word, services in ALIASES.items()}


@cache
def bearers() -> Services:
    """REST services that take a bearer token instead of a signature."""
    return tuple(
        name
        for name, metadata in index().items()
        if metadata.get("signatureVersion") == "bearer" or "smithy.api#httpBearerAuth" in metadata.get("auth", ())
    )


@cache
def unsigned() -> Services:
    """REST services with operations that nobody signs, such as those that begin a sign-in."""
    return tuple(name for name, metadata in index().items() if metadata.get("unsigned"))


def _signing_name(service: str) -> str:
    metadata = index()[service]
    name: str = metadata.get("signingName") or metadata["endpointPrefix"]
    return name


def _directory(pairs: Iterable[tuple[str, str]]) -> Directory:
    found: dict[str, list[str]] = {}
    for word, service in pairs:
        found.setdefault(word, []).append(service)
    return {
        word: tuple(sorted(services, key=lambda name: (name in YIELDING, name != word, name)))
        for word, services in found.items()
    }
