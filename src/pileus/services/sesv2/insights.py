"""Insights: what became of a letter, how many letters met with what, and what is to be thought of an address."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ses import identities, sending
from pileus.services.ses.faults import wrong
from pileus.services.ses.identities import ADDRESS
from pileus.services.ses.insights import DAY, Outgoing, Reached, Volume, between, isp_of

from . import sesv2

DIMENSIONS = {"EMAIL_IDENTITY": "identity", "CONFIGURATION_SET": "set", "ISP": "isp", "TENANT_NAME": "tenant"}
DELIVERED = {"DELIVERY_OPEN": "OPEN", "DELIVERY_CLICK": "CLICK", "DELIVERY_COMPLAINT": "COMPLAINT"}
"""What happened to letters that were delivered; here all that it happened to were."""
ROLES = {
    "abuse", "admin", "billing", "contact", "help", "hostmaster", "info", "marketing", "noreply", "no-reply", "office",
    "postmaster", "press", "privacy", "sales", "security", "support", "team", "webmaster",
}  # fmt: skip
DISPOSABLE = {
    "10minutemail.com", "guerrillamail.com", "mailinator.com", "maildrop.cc", "sharklasers.com", "temp-mail.org",
    "tempmail.com", "throwawaymail.com", "trashmail.com", "yopmail.com",
}  # fmt: skip
HIGH, MEDIUM, LOW = "HIGH", "MEDIUM", "LOW"


def existing(call: Call, message_id: str) -> Outgoing:
    found = Outgoing.get(call, message_id)
    if found is None:
        raise Fault("NotFoundException", f"Message {message_id} does not exist.")
    return found


@sesv2.operation(on=existing)
def get_message_insights(call: Call, found: Outgoing) -> dict[str, Any]:
    """A letter, and what happened at each of its recipients."""
    tags = found.tags | ({"ses:configuration-set": found.set} if found.set else {})
    return {
        "MessageId": found.id,
        "FromEmailAddress": found.sender,
        "Subject": found.subject,
        "EmailTags": [{"Name": name, "Value": value} for name, value in tags.items()],
        "Insights": [
            {
                "Destination": address,
                "Isp": isp_of(address),
                "Events": [
                    {"Timestamp": at, "Type": kind, "Details": details or None}
                    for _, at, kind, details in found.of(address)
                ],
            }
            for address in found.to
        ],
    }


# Metrics


@sesv2.operation
def batch_get_metric_data(call: Call, queries: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts by day, of each query."""
    if len({query["Id"] for query in queries}) < len(queries):
        raise wrong(call, "The ids of queries must be unique.")
    told = [
        {"Id": query["Id"], **counted(call, query["Metric"], query.get("Dimensions", {}), query)} for query in queries
    ]
    return {"Results": told, "Errors": []}


def counted(call: Call, metric: str, dimensions: dict[str, str], span: dict[str, Any]) -> dict[str, Any]:
    by_day = daily(call, metric, dimensions, span["StartDate"], span["EndDate"])
    return {"Timestamps": [day * DAY for day in by_day], "Values": list(by_day.values())}


def daily(call: Call, metric: str, dimensions: dict[str, str], start: float, end: float) -> dict[int, int]:
    """How often something happened, by the number of the day."""
    if start >= end:
        raise wrong(call, "StartDate must be before EndDate.")
    wanted = DELIVERED.get(metric, metric)
    found: Counter[int] = Counter()
    for volume in between(call, start, end):
        if volume.metric == wanted and fits(volume, dimensions):
            found[volume.day] += volume.count
    return dict(sorted(found.items()))


def fits(volume: Volume, dimensions: dict[str, str]) -> bool:
    return all(getattr(volume, DIMENSIONS[name]) in ("*", value) or value == "*" for name, value in dimensions.items())


# Addresses


@sesv2.operation
def get_email_address_insights(call: Call, email_address: str) -> dict[str, Any]:
    """What an address looks like, and what is known of it from letters that were sent to it."""
    found = evaluated(call, email_address)
    told = {name: {"ConfidenceVerdict": value} for name, value in found.items()}
    return {"MailboxValidation": {"IsValid": {"ConfidenceVerdict": overall(found)}, "Evaluations": told}}


def evaluated(call: Call, address: str) -> dict[str, str]:
    local, _, domain = address.lower().rpartition("@")
    reached = Reached.get(call, address.lower())
    ours = sending.simulated(address) or identities.sender(call, address) is not None
    good = ADDRESS.fullmatch(address) is not None
    return {
        "HasValidSyntax": HIGH if good else LOW,
        "HasValidDnsRecords": HIGH if good and (ours or reached) else MEDIUM if good and "." in domain else LOW,
        "MailboxExists": (HIGH if reached.good else LOW) if reached else MEDIUM if good else LOW,
        "IsRoleAddress": HIGH if local.partition("+")[0] in ROLES else LOW,
        "IsDisposable": HIGH if domain in DISPOSABLE else LOW,
        "IsRandomInput": HIGH if random(local) else LOW,
    }


def overall(found: dict[str, str]) -> str:
    good = [found[name] for name in ("HasValidSyntax", "HasValidDnsRecords", "MailboxExists")]
    if LOW in good or found["IsDisposable"] == HIGH:
        return LOW
    doubtful = MEDIUM in good or HIGH in (found["IsRandomInput"], found["IsRoleAddress"])
    return MEDIUM if doubtful else HIGH


def random(local: str) -> bool:
    """Whether a name looks as if somebody had hit the keys: long, of many different signs, and hardly a vowel."""
    letters = re.sub(r"[^a-z0-9]", "", local)
    if len(letters) < 8:
        return False
    counts = Counter(letters).values()
    bits = -sum(count / len(letters) * math.log2(count / len(letters)) for count in counts)
    vowels = sum(letter in "aeiouy" for letter in letters)
    return bits > 2.75 and vowels / len(letters) < 0.2
