"""Static websites: a bucket's objects as pages, at `bucket.s3-website-REGION.amazonaws.com` and the like.

"Hosting a static website using Amazon S3", S3 User Guide. Pages are for everybody: signatures do not count here, and
what nobody in particular may read is refused. Whatever goes wrong is a page too, or leads elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

from pileus.kernel import Call, Fault, names
from pileus.kernel.edge import Answer, Fields
from pileus.kernel.identity import ANONYMOUS

from . import documents, faults, s3
from .buckets import Bucket, absent

if TYPE_CHECKING:
    from pileus.gateway.message import Request

LABEL = "Website"
"""What the gateway adds to the labels of requests that come to a website's host."""
KIND = "website"
CONDITIONAL = {
    "if-match": "IfMatch",
    "if-none-match": "IfNoneMatch",
    "if-modified-since": "IfModifiedSince",
    "if-unmodified-since": "IfUnmodifiedSince",
    "range": "Range",
}
_REGION = re.compile(r"\.s3-website[.-]([a-z]+(?:-[a-z]+)+-\d)\.")
HIDDEN = ("AcceptRanges", "WebsiteRedirectLocation", "StorageClass", "TagCount")

Members = dict[str, Any]


class Visit(NamedTuple):
    """A request for a page."""

    call: Call
    request: Request
    bucket: Bucket
    site: Members
    key: str
    """The path without its first slash."""

    @property
    def page(self) -> str:
        """The object that is meant: in a folder its index."""
        suffix = self.site.get("IndexDocument", {}).get("Suffix", "")
        return f"{self.key}{suffix}" if not self.key or self.key.endswith("/") else self.key


def serve(call: Call, request: Request, labels: dict[str, str]) -> Answer:
    """The page of a path, or the page that says why there is none."""
    call = call.at(account=ANONYMOUS.account, principal=ANONYMOUS)
    name = unquote(labels["Bucket"])
    try:
        bucket = Bucket.get(call, call.partition, name)
        if bucket is None:
            raise absent(name)
        check_place(request.host, bucket)
        site = documents.load(call, bucket.room, KIND)
        if site is None:
            words = "The specified bucket does not have a website configuration"
            raise faults.fault("NoSuchWebsiteConfiguration", words, 404, BucketName=name)
        visit = Visit(call.at(region=bucket.region), request, bucket, site, unquote(labels.get("Key", "")))
        return visited(visit)
    except Fault as fault:
        return error_page(call, fault)


def check_place(host: str, bucket: Bucket) -> None:
    """A site has its address in its bucket's Region alone; hosts below localhost need not name one."""
    named = _REGION.search(host)
    if named and named[1] != bucket.region:
        words = "The specified bucket exists in another region. Please direct requests to the specified endpoint."
        raise faults.fault("IncorrectEndpoint", words, 400, Endpoint=host.replace(named[1], bucket.region))


def visited(visit: Visit) -> Answer:
    site, request = visit.site, visit.request
    if everywhere := site.get("RedirectAllRequestsTo"):
        query = f"?{request.query}" if request.query else ""
        where = f"{everywhere.get('Protocol', request.scheme)}://{everywhere['HostName']}"
        return elsewhere(visit.call, 301, f"{where}/{quote(visit.key)}{query}")
    if request.method not in ("GET", "HEAD"):
        return error_page(visit.call, faults.not_allowed(request.method, "OBJECT"))
    if rule := ruling(visit, ""):
        return redirected(visit, rule)
    try:
        return shown(visit)
    except Fault as fault:
        return failed(visit, fault)


def shown(visit: Visit) -> Answer:
    """The object as a page, or the place to which it sends its visitors."""
    given = {
        member: parsed(member, visit.request.headers.get(name))
        for name, member in CONDITIONAL.items()
        if name in visit.request.headers
    }
    try:
        found = read(visit, visit.page, given)
    except Fault as fault:
        if fault.status == 304:
            return Answer(304, [*((name.lower(), value) for name, value in fault.headers), *own_fields(visit.call)])
        raise
    if to := found.get("WebsiteRedirectLocation"):
        return elsewhere(visit.call, 301, to)
    return Answer(getattr(found, "status", 200), fields(visit.call, found), found.get("Body", b""))


def parsed(member: str, value: str) -> Any:
    from email.utils import parsedate_to_datetime

    if not member.endswith("Since"):
        return value
    try:
        return parsedate_to_datetime(value).timestamp()
    except ValueError:
        return None


def read(visit: Visit, key: str, given: Members) -> Members:
    """An object with or without its bytes, as nobody in particular gets it."""
    operation = "HeadObject" if visit.request.method == "HEAD" else "GetObject"
    members = {name: value for name, value in given.items() if value is not None}
    request = {"Bucket": visit.bucket.name, "Key": key, **members}
    call = visit.call.at(operation=operation)
    found: Members = call.cloud.perform(call, operation, request)
    return found


def failed(visit: Visit, fault: Fault) -> Answer:
    """What a visitor sees instead of a page: the folder of that name, another place, the site's own words, or ours."""
    status = fault.status or 500
    if status in (403, 404) and visit.key and not visit.key.endswith("/") and is_folder(visit):
        return elsewhere(visit.call, 302, f"/{quote(visit.key)}/")
    if rule := ruling(visit, str(status)):
        return redirected(visit, rule)
    if (document := visit.site.get("ErrorDocument", {}).get("Key")) and status in (403, 404):
        try:
            found = read(visit, document, {})
        except Fault as again:
            return error_page(visit.call, fault, again, document)
        body: bytes | AsyncIterator[bytes] = found.get("Body", b"")
        return Answer(status, [*fields(visit.call, found), *error_fields(fault)], body)
    return error_page(visit.call, fault)


def is_folder(visit: Visit) -> bool:
    """Whether there is an index under the key as a folder."""
    folder = visit._replace(key=f"{visit.key}/")
    try:
        call = visit.call.at(operation="HeadObject")
        call.cloud.perform(call, "HeadObject", {"Bucket": visit.bucket.name, "Key": folder.page})
    except Fault:
        return False
    return True


# Routing rules


def ruling(visit: Visit, status: str) -> Members | None:
    """The first rule for a key; before anything has gone wrong those that want no error, afterwards those that do."""
    for rule in visit.site.get("RoutingRules", []):
        condition = rule.get("Condition", {})
        if condition.get("HttpErrorCodeReturnedEquals", "") != status:
            continue
        if visit.key.startswith(condition.get("KeyPrefixEquals", "")):
            return dict(rule)
    return None


def redirected(visit: Visit, rule: Members) -> Answer:
    to = rule["Redirect"]
    key = visit.key
    if "ReplaceKeyWith" in to:
        key = to["ReplaceKeyWith"]
    elif "ReplaceKeyPrefixWith" in to:
        key = to["ReplaceKeyPrefixWith"] + key[len(rule.get("Condition", {}).get("KeyPrefixEquals", "")) :]
    host, scheme = to.get("HostName", visit.request.host), to.get("Protocol", visit.request.scheme)
    return elsewhere(visit.call, int(to.get("HttpRedirectCode", 301)), f"{scheme}://{host}/{quote(key)}")


def elsewhere(call: Call, status: int, location: str) -> Answer:
    return Answer(status, [("location", in_a_field(location)), *own_fields(call)])


# Fields and pages


def own_fields(call: Call) -> Fields:
    return [
        ("x-amz-request-id", call.request_id),
        ("x-amz-id-2", names.host_id(call.request_id)),
        ("server", "AmazonS3"),
    ]


def fields(call: Call, found: Members) -> Fields:
    """What GetObject tells in header fields, as the model has them."""
    output = s3.model.operation("GetObject").output
    assert output is not None
    told = own_fields(call)
    for name, value in found.items():
        shape = output.members.get(name)
        where = shape.traits.get("location") if shape is not None else None
        if shape is None or name in HIDDEN or value is None:
            continue
        if where == "headers":
            told += [(f"{shape.traits['locationName']}{key}", text) for key, text in value.items()]
        elif where == "header":
            told.append((shape.traits["locationName"].lower(), written(shape.type, value)))
    return told


def written(kind: str, value: Any) -> str:
    if kind == "timestamp":
        return formatdate(value, usegmt=True)
    return str(value).lower() if isinstance(value, bool) else str(value)


def error_fields(fault: Fault) -> Fields:
    told = [("x-amz-error-code", fault.code), ("x-amz-error-message", in_a_field(fault.message))]
    return told + [(f"x-amz-error-detail-{name}", quote(str(value))) for name, value in details(fault)]


def in_a_field(text: str) -> str:
    """A text without what may not stand in a header field."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def details(fault: Fault) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in fault.members.items() if value is not None]


def error_page(call: Call, fault: Fault, again: Fault | None = None, document: str = "") -> Answer:
    """S3's own words for what went wrong; `again` is what went wrong with the site's own."""
    from http import HTTPStatus

    status = fault.status or 500
    title = f"{status} {HTTPStatus(status).phrase}"
    items = [("Code", fault.code), ("Message", fault.message), *details(fault)]
    page = [f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>"]
    page.append(listed([*items, ("RequestId", call.request_id), ("HostId", names.host_id(call.request_id))]))
    if again is not None:
        page.append("<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>")
        page.append(listed([("Code", again.code), ("Message", again.message), ("Key", document)]))
    page.append("<hr/>\n</body>\n</html>\n")
    head = [("content-type", "text/html; charset=utf-8"), *own_fields(call), *error_fields(fault)]
    return Answer(status, head, "\n".join(page).encode())


def listed(items: list[tuple[str, Any]]) -> str:
    from html import escape

    lines = "\n".join(f"<li>{escape(name)}: {escape(str(value))}</li>" for name, value in items)
    return f"<ul>\n{lines}\n</ul>"
