"""Processors that read a text: each makes a document of it, or says that it cannot."""

from __future__ import annotations

import csv
import json
import re
from typing import Any
from urllib.parse import unquote

from . import grok

Document = dict[str, Any]
Members = dict[str, Any]


class Unread(Exception):
    """A text that is not as the processor wants it."""


VPC = [
    "version",
    "accountId",
    "interfaceId",
    "srcAddr",
    "dstAddr",
    "srcPort",
    "dstPort",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "logStatus",
]
VPC_NUMBERS = {"version", "srcPort", "dstPort", "protocol", "packets", "bytes", "start", "end"}
ROUTE53 = [
    "version",
    "queryTimestamp",
    "hostZoneId",
    "queryName",
    "queryType",
    "responseCode",
    "protocol",
    "edgeLocation",
    "resolverIp",
    "ednsClientSubnet",
]
CLOUDFRONT = [
    "date",
    "time",
    "x-edge-location",
    "sc-bytes",
    "c-ip",
    "cs-method",
    "cs(Host)",
    "cs-uri-stem",
    "sc-status",
    "cs(Referer)",
    "cs(User-Agent)",
    "cs-uri-query",
    "cs(Cookie)",
    "x-edge-result-type",
    "x-edge-request-id",
    "x-host-header",
    "cs-protocol",
    "cs-bytes",
    "time-taken",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-response-result-type",
    "cs-protocol-version",
    "fle-status",
    "fle-encrypted-fields",
    "c-port",
    "time-to-first-byte",
    "x-edge-detailed-result-type",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
]
CLOUDFRONT_NUMBERS = {
    "sc-bytes",
    "sc-status",
    "cs-bytes",
    "time-taken",
    "c-port",
    "time-to-first-byte",
    "sc-content-len",
}
POSTGRES = re.compile(
    r"(?P<logTime>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+):(?P<srcIp>[^(:]*)(?:\(\d+\))?:"
    r"(?P<userName>[^@]*)@(?P<dbName>[^:]*):\[(?P<processId>\d+)\]:(?P<logLevel>\w+):"
)


def parse_json(text: str, given: Members) -> Document:
    try:
        found = json.loads(text)
    except ValueError:
        raise Unread("no JSON") from None
    if not isinstance(found, dict):
        raise Unread("no JSON object")
    return found


def parse_grok(text: str, given: Members) -> Document:
    found = grok.compiled(given["match"]).match(text)
    if found is None:
        raise Unread("does not match")
    return dict(found)


def parse_csv(text: str, given: Members) -> Document:
    delimiter = given.get("delimiter", ",").replace("\\t", "\t")
    quote = given.get("quoteCharacter", '"')
    values = next(csv.reader([text], delimiter=delimiter[:1], quotechar=quote, skipinitialspace=True), [])
    columns = given.get("columns", [])
    names = [columns[at] if at < len(columns) else f"column_{at + 1}" for at in range(len(values))]
    return dict(zip(names, values, strict=True))


def parse_key_value(text: str, given: Members) -> Document:
    between, within = given.get("fieldDelimiter", "&"), given.get("keyValueDelimiter", "=")
    prefix, without = given.get("keyPrefix", ""), given.get("nonMatchValue")
    found: Document = {}
    for pair in text.split(between):
        name, split, value = pair.partition(within)
        if not name:
            continue
        if split:
            found[prefix + name] = value
        elif without is not None:
            found[prefix + name] = without
    return found


def parse_vpc(text: str, given: Members) -> Document:
    return columns(text.split(" "), VPC, VPC_NUMBERS)


def parse_route53(text: str, given: Members) -> Document:
    return columns(text.split(" "), ROUTE53, set())


def parse_cloudfront(text: str, given: Members) -> Document:
    found = columns(text.split("\t"), CLOUDFRONT, CLOUDFRONT_NUMBERS)
    return {name: unquote(value) if isinstance(value, str) else value for name, value in found.items()}


def parse_postgres(text: str, given: Members) -> Document:
    found = POSTGRES.match(text)
    if found is None:
        raise Unread("no line of PostgreSQL's log")
    return found.groupdict()


def parse_waf(text: str, given: Members) -> Document:
    """The log of a web ACL, its headers and labels as documents."""
    found = parse_json(text, given)
    request = found.get("httpRequest")
    if isinstance(request, dict) and isinstance(request.get("headers"), list):
        request["headers"] = {each["name"]: each["value"] for each in request["headers"] if "name" in each}
    if isinstance(found.get("labels"), list):
        labels: Document = {}
        for label in found["labels"]:
            at, *rest = str(label.get("name", "")).rsplit(":", 1)[::-1]
            labels.setdefault(":".join(rest), []).append(at)
        found["labels"] = labels
    return found


def columns(values: list[str], names: list[str], numbers: set[str]) -> Document:
    if len(values) < min(len(names), 10):
        raise Unread("too few columns")
    return {
        name: number(value) if name in numbers else value
        for name, value in zip(names, values, strict=False)
        if value != "-"
    }


def number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


PARSERS = {
    "parseJSON": parse_json,
    "grok": parse_grok,
    "csv": parse_csv,
    "parseKeyValue": parse_key_value,
    "parseVPC": parse_vpc,
    "parseRoute53": parse_route53,
    "parseCloudfront": parse_cloudfront,
    "parsePostgres": parse_postgres,
    "parseWAF": parse_waf,
}
VENDED = {"parseVPC", "parseRoute53", "parseCloudfront", "parsePostgres", "parseWAF"}
"""Those that can only be the first."""
