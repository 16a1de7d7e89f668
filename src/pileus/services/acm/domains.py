"""Domain names: how each is to be proven, and whether it is.

The record that proves a name is always the same for an account and a name, as on AWS; a wildcard shares that of the
name below which it stands.
"""

from __future__ import annotations

import hashlib
import inspect
from typing import Any

from pileus.kernel import Call, Fault, Unfinished, identity

from . import faults

Members = dict[str, Any]

DNS = "DNS"
EMAIL = "EMAIL"
MAILBOXES = ("administrator", "hostmaster", "postmaster", "webmaster", "admin")
"""Whom ACM writes to at a domain ("AWS Certificate Manager email validation")."""

WAITING = "PENDING_VALIDATION"
PROVEN = "SUCCESS"


def options(call: Call, names: list[str], method: str, given: list[Members]) -> list[Members]:
    """DomainValidationOptions for the names of a certificate."""
    chosen = {one["DomainName"].lower(): one["ValidationDomain"].lower() for one in given}
    if unknown := chosen.keys() - {*names}:
        raise invalid(f"The domain {min(unknown)} is not in the certificate request.")
    found = []
    for name in names:
        base = name.removeprefix("*.")
        domain = chosen.get(name, base)
        if base != domain and not base.endswith(f".{domain}"):
            raise invalid(f"The validation domain {domain} must be {base} or a superdomain of it.")
        one = {"DomainName": name, "ValidationStatus": WAITING, "ValidationMethod": method, "ValidationDomain": domain}
        if method == DNS:
            one |= {"ValidationDomain": name, "ResourceRecord": record(call, base)}
        else:
            one["ValidationEmails"] = [f"{mailbox}@{domain}" for mailbox in MAILBOXES]
        found.append(one)
    return found


def invalid(message: str) -> Fault:
    return Fault("InvalidDomainValidationOptionsException", message)


def record(call: Call, base: str) -> Members:
    """The CNAME record that proves a name."""
    left, right = (hashlib.sha256(f"{part}/{call.account}/{base}".encode()).hexdigest() for part in ("name", "value"))
    zone = "".join(chr(ord("a") + int(digit, 16) % 26) for digit in right[32:42])
    return {"Name": f"_{left[:32]}.{base}.", "Type": "CNAME", "Value": f"_{right[:32]}.{zone}.acm-validations.aws."}


async def proven(call: Call, one: Members) -> bool:
    """Whether a name's record is there. Names that mails prove are proven by their link alone."""
    if call.cloud.options.get("acm-validate") == "auto":
        return True
    return one["ValidationMethod"] == DNS and await published(call, one["ResourceRecord"])


async def published(call: Call, record: Members) -> bool:
    """Whether a public hosted zone of the account has the record; the smallest zone that the name is in decides."""
    name = record["Name"]
    parts = name.rstrip(".").split(".")
    for start in range(1, len(parts) - 1):
        zone = ".".join(parts[start:]) + "."
        found = await asked(call, "list_hosted_zones_by_name", dns_name=zone, max_items="100")
        for one in found.get("HostedZones", ()):
            if one["Name"] == zone and not one.get("Config", {}).get("PrivateZone"):
                return await listed(call, one["Id"], record)
    return False


async def listed(call: Call, zone: str, record: Members) -> bool:
    found = await asked(
        call,
        "list_resource_record_sets",
        hosted_zone_id=zone.removeprefix("/hostedzone/"),
        start_record_name=record["Name"],
        start_record_type="CNAME",
        max_items="1",
    )
    return any(
        one["Name"].lower() == record["Name"]
        and one["Type"] == "CNAME"
        and any(value["Value"].rstrip(".").lower() == record["Value"].rstrip(".") for value in one["ResourceRecords"])
        for one in found.get("ResourceRecordSets", ())
    )


async def asked(call: Call, operation: str, **members: Any) -> Members:
    """An answer of Route 53, asked as DNS would be, by nobody in particular. An empty one where there is none."""
    try:
        answer = getattr(call.aws("route53", principal=identity.service("pileus.amazonaws.com")), operation)(**members)
        found: Members = await answer if inspect.isawaitable(answer) else answer
    except Unfinished:
        return {}
    except Fault as fault:
        raise faults.validation(f"Route 53: {fault}") from None
    return found
