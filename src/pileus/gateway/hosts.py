"""What a host name says: the service, the Region, and what stands before them, such as a bucket or an API's id.

AWS's own host names are known (AWS General Reference, "AWS service endpoints"; S3 User Guide, "Virtual hosting of
general purpose buckets") and the same names under `localhost`, `localhost.localstack.cloud` and a domain of the user's
own. Any other host says nothing. Names for AWS's web consoles and for Cognito's sign-in pages are left out.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Literal, NamedTuple
from urllib.parse import quote

from pileus.kernel import regions

from .directory import by_host_word

Kind = Literal[
    "plain",
    "subdomain",
    "service",
    "bucket",
    "accesspoint",
    "website",
    "execute-api",
    "lambda-url",
    "cloudfront",
    "registry",
    "load-balancer",
    "graphql",
    "search",
]

ADDRESSES: frozenset[Kind] = frozenset(
    {"website", "execute-api", "lambda-url", "cloudfront", "registry", "load-balancer", "graphql", "search"}
)
"""Kinds of host under which a customer's own thing answers and not an API of AWS. One exception: paths with
`/@connections/` below an `execute-api` host are API Gateway's."""

LOCAL = ("localhost.localstack.cloud", "localhost")

# What the words before a host's suffix make of what stands in front of them.
_KINDS: dict[str, Kind] = {
    "s3": "bucket",
    "s3-accelerate": "bucket",
    "s3-external-1": "bucket",
    "s3express": "bucket",
    "s3-accesspoint": "accesspoint",
    "s3-object-lambda": "accesspoint",
    "s3-outposts": "accesspoint",
    "accesspoint.s3-global": "accesspoint",
    "s3-website": "website",
    "execute-api": "execute-api",
    "lambda-url": "lambda-url",
    "cloudfront": "cloudfront",
    "dkr.ecr": "registry",
    "dkr-ecr": "registry",
    "elb": "load-balancer",
    "appsync-api": "graphql",
    "appsync-realtime-api": "graphql",
    "es": "search",
    "opensearch": "search",
}


class Host(NamedTuple):
    """`service` is the host's word for the service (`streams.dynamodb`, an endpoint prefix), not always its name.

    A `plain` host gives no hint. A `subdomain` is a name under a local suffix that no service has: a bucket, or a host
    prefix such as an account. `front` is all that stands before a local suffix, and may be a bucket's name even if it
    looks like a service's.
    """

    kind: Kind
    service: str | None = None
    region: str | None = None
    label: str = ""
    front: str = ""


PLAIN = Host("plain")


@lru_cache(maxsize=2048)
def parse_host(host: str, domain: str = "localhost") -> Host:
    """What a Host header says. `domain` is a suffix to know besides those of AWS, `localhost` and LocalStack."""
    name = _without_port(host)
    if name in (domain, *LOCAL):
        return PLAIN
    for suffix in (domain, *LOCAL):
        if name.endswith(f".{suffix}"):
            return _local(name[: -len(suffix) - 1])
    for suffix, words in _aws_suffixes():
        if name.endswith(f".{suffix}"):
            return _named((name[: -len(suffix) - 1] + words).split(".")) or PLAIN
    return PLAIN


def _without_port(host: str) -> str:
    name = host.lower()
    before, colon, port = name.rpartition(":")
    return (before if colon and port.isdigit() else name).rstrip(".")


@cache
def _aws_suffixes() -> list[tuple[str, str]]:
    """Suffixes of AWS's host names, longer ones first, and the words that they stand for themselves."""
    known = regions.partitions().values()
    suffixes = {suffix: "" for home in known for suffix in (home.dns_suffix, home.dual_stack_dns_suffix)}
    suffixes |= {"on.aws": "", "cloudfront.net": ".cloudfront"}
    suffixes |= {f"vpce.{home.dns_suffix}": "" for home in known}
    return sorted(suffixes.items(), key=lambda item: -len(item[0]))


def _local(front: str) -> Host:
    found = _named(front.split("."))
    if found is None:
        return Host("subdomain", label=front, front=front)
    return found._replace(front=front)


def _named(parts: list[str]) -> Host | None:
    """Read `label.word.region`, where label and region may be missing and words have variants."""
    region = None
    if len(parts) > 1 and regions.is_region(parts[-1]):
        region = parts[-1]
        parts = parts[:-1]
    if len(parts) > 1 and parts[-1] == "dualstack":
        parts = parts[:-1]
    for at in range(len(parts)):
        word, place = _word(".".join(parts[at:]))
        if word:
            return _at_word(parts[:at], word, region or place)
    return None


def _at_word(before: list[str], word: str, region: str | None) -> Host:
    if before and region is None and not word.startswith("s3") and regions.is_region(before[-1]):
        region = before.pop()  # as in us-west-2.queue.amazonaws.com and name.us-west-2.elb.amazonaws.com
    if before and before[-1].startswith("vpce-"):
        before.pop()  # a VPC endpoint; for buckets it says "bucket" or "accesspoint" before that
        if before and before[-1] in ("bucket", "accesspoint", "control"):
            before.pop()
    kind = _KINDS.get(word, "service") if before or word == "s3-website" else "service"
    return Host(kind, word, region, ".".join(before))


def _word(text: str) -> tuple[str, str | None]:
    """The word that a service is known by, and the Region if the word has it in itself; an empty word for none."""
    text = text.replace("-fips", "").removeprefix("fips-")
    if text in by_host_word() or text in _KINDS:
        return text, None
    if text.startswith("s3express-"):
        return "s3express", None
    for word in ("s3-website", "s3"):  # the dashes of S3's first Regions: s3-us-west-2
        region = text.removeprefix(f"{word}-")
        if region != text and regions.is_region(region):
            return word, region
    return "", None


def bucket(host: Host) -> str:
    """The bucket that an S3 host stands for, or the access point's ARN in its place, as a segment of a path."""
    if host.kind != "accesspoint":
        return host.label
    name, _, outpost = host.label.partition(".")
    name, _, account = name.rpartition("-")
    region = host.region or ""
    resource = f"accesspoint/{name}"
    service = "s3"
    if host.service == "accesspoint.s3-global":
        account, resource = "", f"accesspoint/{host.label}"
    elif host.service == "s3-object-lambda":
        service = "s3-object-lambda"
    elif host.service == "s3-outposts":
        service, resource = "s3-outposts", f"outpost/{outpost}/{resource}"
    return quote(f"arn:{regions.partition_of(region)}:{service}:{region}:{account}:{resource}", safe="")
