"""CORS configurations, and which rule of one fits a request ("Using cross-origin resource sharing", S3 User Guide)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pileus.kernel import Call

from . import documents, faults
from .buckets import Bucket
from .configuration import document

MOST_RULES = 100
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

Rule = dict[str, Any]


def check(call: Call, bucket: Bucket, content: dict[str, Any]) -> None:
    rules = content.get("CORSRules", [])
    if not rules or len(rules) > MOST_RULES:
        raise faults.malformed()
    for rule in rules:
        if not rule.get("AllowedOrigins") or not rule.get("AllowedMethods"):
            raise faults.malformed()
        for method in rule["AllowedMethods"]:
            if method not in METHODS:
                words = f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
                raise faults.invalid_request(words)
        for name, what in (("AllowedOrigins", "AllowedOrigin"), ("AllowedHeaders", "AllowedHeader")):
            for value in rule.get(name, []):
                if value.count("*") > 1:
                    raise faults.invalid_request(f'{what} "{value}" can not have more than one wildcard.')
        for header in rule.get("ExposeHeaders", []):
            if "*" in header:
                words = (
                    f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
                )
                raise faults.invalid_request(words)


def changed(bucket: Bucket, content: dict[str, Any] | None) -> None:
    bucket.has_cors = content is not None


document(
    "Cors",
    "CORSConfiguration",
    missing=("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    flat=True,
    check=check,
    changed=changed,
)


def rules(call: Call, bucket: Bucket) -> list[Rule]:
    if not bucket.has_cors:
        return []
    found: list[Rule] = documents.load(call, bucket.room, "cors")["CORSRules"]
    return found


def matching(found: Iterable[Rule], origin: str, method: str, headers: Iterable[str] = ()) -> Rule | None:
    """The first rule that lets the origin use the method and the headers."""
    for rule in found:
        if method not in rule["AllowedMethods"]:
            continue
        if not any(fits(origin, allowed) for allowed in rule["AllowedOrigins"]):
            continue
        allowed_headers = [allowed.lower() for allowed in rule.get("AllowedHeaders", [])]
        if all(any(fits(header.lower(), allowed) for allowed in allowed_headers) for header in headers):
            return rule
    return None


def fits(text: str, pattern: str) -> bool:
    """One star stands for anything."""
    start, star, end = pattern.partition("*")
    if not star:
        return text == pattern
    return len(text) >= len(start) + len(end) and text.startswith(start) and text.endswith(end)


def response_fields(rule: Rule, origin: str) -> list[tuple[str, str]]:
    """What a browser wants to hear."""
    anybody = "*" in rule["AllowedOrigins"]
    fields = [
        ("access-control-allow-origin", "*" if anybody else origin),
        ("access-control-allow-methods", ", ".join(rule["AllowedMethods"])),
    ]
    if rule.get("ExposeHeaders"):
        fields.append(("access-control-expose-headers", ", ".join(rule["ExposeHeaders"])))
    if not anybody:
        fields.append(("access-control-allow-credentials", "true"))
    return [*fields, ("vary", VARY)]
