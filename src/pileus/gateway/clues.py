"""What a request's signature and host say about the service that it is meant for, before its path or body is looked at.

The scope of a signature is read here only to find the way; `signing` judges it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus

from .directory import Services, by_host_word, by_signing_name, speaking
from .hosts import Host, parse_host
from .message import Request


class Clues(NamedTuple):
    """The services that a request may be meant for, the likeliest first; none if nothing points to any."""

    services: Services
    rest: Services
    """Those of the services that are named by method and path."""
    query: Services
    """Those of the services that are named by `Action`."""
    signed_for: str
    """The signing name of the credential scope, or an empty text."""
    region: str | None
    host: Host
    favoured: str
    """The mark of operations that win on equal terms: `s3express` for directory buckets."""


@lru_cache(maxsize=2048)
def clues(scope: str, host: str, domain: str) -> Clues:
    """What a scope (from `signing_scope`) and a Host header point to. The signature counts more than the host."""
    region, _, signed_for = scope.rpartition("/")
    there = parse_host(host, domain)
    hinted = by_host_word().get(there.service or "", ())
    services = by_signing_name().get(signed_for, () if signed_for and not hinted else hinted)
    services = tuple(sorted(services, key=lambda name: name not in hinted))
    express = signed_for == "s3express" or (there.service or "").startswith("s3express")
    return Clues(
        services,
        speaking(services, "rest-json", "rest-xml"),
        speaking(services, "query", "ec2"),
        signed_for,
        region or there.region,
        there,
        "s3express" if express else "",
    )


def signing_scope(request: Request) -> str:
    """Region and signing name (`us-east-1/sqs`) of a request signed by SigV4 or SigV4A; otherwise an empty text."""
    headers = request.headers.first
    authorization = headers.get("authorization", "")
    if authorization.startswith("AWS4-"):
        return _scope(authorization, headers.get("x-amz-region-set", ""))
    return form_scope(request.query.encode()) if request.query else ""


def form_scope(form: bytes) -> str:
    """The same for a request that is signed by parameters, in its query or in its form."""
    if b"X-Amz-Credential=" not in form:
        return ""
    return _scope(parameter(form, b"X-Amz-Credential="), parameter(form, b"X-Amz-Region-Set="))


def parameter(form: bytes, name: bytes) -> str:
    """The value of a form's parameter, or an empty text; `name` ends with the equals sign."""
    if form.startswith(name):
        start = len(name)
    else:
        at = form.find(b"&" + name)
        if at < 0:
            return ""
        start = at + 1 + len(name)
    end = form.find(b"&", start)
    value = (form[start:] if end < 0 else form[start:end]).decode("latin-1")
    return unquote_plus(value) if "%" in value or "+" in value else value


def _scope(text: str, region_set: str) -> str:
    """Behind the key's slash come the date, the Region (which SigV4A has not), the service, and `aws4_request`."""
    date = text.find("/") + 1
    start = text.find("/", date) + 1
    end = text.find("/aws4_request", start - 1)
    if not 0 < date < start <= end:
        return ""
    scope = text[start:end]
    if "/" in scope:
        return scope
    regions = (region.strip() for region in region_set.split(","))
    return f"{next((region for region in regions if '*' not in region), '')}/{scope}"
