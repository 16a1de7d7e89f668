"""What lifecycle rules say of an object: whether a rule means it, and when its actions are due. Nothing is done here.

"Lifecycle configuration elements" and "Lifecycle actions and bucket versioning", S3 User Guide. Ages are rounded up to
the next midnight UTC.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from pileus.kernel import Call

from . import documents
from .buckets import Bucket
from .objects import Object

KIND = "lifecycle"
DAY = 86_400.0
SMALL = 128 * 1024
"""Objects below this do not move, unless a rule says more about sizes."""
WATERFALL = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
"""Objects move downwards only."""
UNLIMITED = ("GLACIER", "DEEP_ARCHIVE")
"""Where small objects may go under `varies_by_storage_class`."""

Rule = dict[str, Any]


class Due(NamedTuple):
    """An action of a rule, and when it is due."""

    at: float
    rule: str
    to: str = ""
    """The storage class, for a transition."""


class Rules(NamedTuple):
    """The rules of a bucket that are enabled."""

    rules: list[Rule]
    by_class: bool
    """Whether the least size of what moves depends on where it goes."""


def load(call: Call, bucket: Bucket) -> Rules:
    document = documents.load(call, bucket.room, KIND) or {"Rules": []}
    enabled = [rule for rule in document["Rules"] if rule["Status"] == "Enabled"]
    return Rules(enabled, document.get("TransitionDefaultMinimumObjectSize") == "varies_by_storage_class")


def midnight(at: float) -> float:
    """The next midnight UTC, or this one."""
    return math.ceil(at / DAY) * DAY


def tomorrow(now: float) -> float:
    """The next midnight UTC that is to come."""
    return (math.floor(now / DAY) + 1) * DAY


# Whom a rule means


class Filter(NamedTuple):
    prefix: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    above: int | None = None
    below: int | None = None

    @classmethod
    def of(cls, rule: Rule) -> Filter:
        given = rule.get("Filter", {})
        both = given.get("And", {})
        tags = [*both.get("Tags", []), *([given["Tag"]] if "Tag" in given else [])]
        parts = given | both
        return cls(
            parts.get("Prefix", rule.get("Prefix", "")),
            tuple((tag["Key"], tag["Value"]) for tag in tags),
            parts.get("ObjectSizeGreaterThan"),
            parts.get("ObjectSizeLessThan"),
        )

    @property
    def by_size(self) -> bool:
        return self.above is not None or self.below is not None

    def means(self, name: str, found: Object | None) -> bool:
        """Whether it means an object; None is a delete marker, which has neither tags nor size."""
        if not name.startswith(self.prefix):
            return False
        if found is None:
            return not self.tags and not self.by_size
        if any(found.tags.get(key) != value for key, value in self.tags):
            return False
        return (self.above is None or found.size > self.above) and (self.below is None or found.size < self.below)


def meaning(rules: Iterable[Rule], name: str, found: Object | None, action: str) -> Iterator[Rule]:
    """The rules that have such an action for an object."""
    for rule in rules:
        if rule.get(action) and Filter.of(rule).means(name, found):
            yield rule


# When


def when(action: dict[str, Any], since: float, days: str = "Days") -> float | None:
    """When an action is due for something that began at some time; None where it is not about time."""
    if "Date" in action:
        return float(action["Date"])
    return midnight(since + action[days] * DAY) if days in action else None


def expiration(rules: Rules, found: Object) -> Due | None:
    """The first expiration of a current version."""
    dues = [
        Due(at, rule["ID"])
        for rule in meaning(rules.rules, found.name, found, "Expiration")
        if (at := when(rule["Expiration"], found.modified)) is not None
    ]
    return min(dues, default=None)


def marker_expiration(rules: Rules, name: str, modified: float) -> Due | None:
    """When a delete marker goes that is alone under its key."""
    dues = []
    for rule in meaning(rules.rules, name, None, "Expiration"):
        action = rule["Expiration"]
        at = modified if action.get("ExpiredObjectDeleteMarker") else when(action, modified)
        if at is not None:
            dues.append(Due(at, rule["ID"]))
    return min(dues, default=None)


def noncurrent_expiration(rules: Rules, name: str, held: Object | None, since: float, newer: int) -> Due | None:
    """The first expiration of a version that is noncurrent since then, and has so many newer noncurrent ones."""
    dues = []
    for rule in meaning(rules.rules, name, held, "NoncurrentVersionExpiration"):
        action = rule["NoncurrentVersionExpiration"]
        at = when(action, since, "NoncurrentDays")
        if at is not None and newer >= action.get("NewerNoncurrentVersions", 0):
            dues.append(Due(at, rule["ID"]))
    return min(dues, default=None)


def transitions(rules: Rules, found: Object, since: float | None = None, newer: int = 0) -> list[Due]:
    """Where an object may still move, and when; with `since` as a version that is noncurrent since then."""
    name, days = ("Transitions", "Days") if since is None else ("NoncurrentVersionTransitions", "NoncurrentDays")
    dues = []
    for rule in meaning(rules.rules, found.name, found, name):
        sized = Filter.of(rule).by_size
        for action in rule[name]:
            to = action["StorageClass"]
            at = when(action, found.modified if since is None else since, days)
            if at is None or newer < action.get("NewerNoncurrentVersions", 0):
                continue
            if lower(to, found.storage_class) and (sized or large_enough(rules, found, to)):
                dues.append(Due(at, rule["ID"], to))
    return dues


def lower(to: str, than: str) -> bool:
    return WATERFALL.index(to) > WATERFALL.index(than) and not (to == "ONEZONE_IA" and than == "GLACIER_IR")


def large_enough(rules: Rules, found: Object, to: str) -> bool:
    return found.size >= SMALL or (rules.by_class and to in UNLIMITED)


def lowest(dues: Iterable[Due]) -> Due | None:
    """Of several transitions the one that saves most."""
    return max(dues, key=lambda due: WATERFALL.index(due.to), default=None)


def abortion(rules: Rules, name: str, begun: float) -> Due | None:
    """When an upload is given up."""
    dues = [
        Due(midnight(begun + rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] * DAY), rule["ID"])
        for rule in rules.rules
        if rule.get("AbortIncompleteMultipartUpload") and name.startswith(Filter.of(rule).prefix)
    ]
    return min(dues, default=None)


def least_wait(rules: Rules, now: float) -> float | None:
    """When something that begins now can be due at the earliest; None if never."""
    dues: list[float] = []
    for rule in rules.rules:
        timed: list[tuple[dict[str, Any], str]] = [(rule.get("Expiration", {}), "Days")]
        timed += [(action, "Days") for action in rule.get("Transitions", [])]
        timed += [(rule.get("NoncurrentVersionExpiration", {}), "NoncurrentDays")]
        timed += [(action, "NoncurrentDays") for action in rule.get("NoncurrentVersionTransitions", [])]
        timed += [(rule.get("AbortIncompleteMultipartUpload", {}), "DaysAfterInitiation")]
        dues += [at for action, days in timed if (at := when(action, now, days)) is not None]
    return max(min(dues), tomorrow(now)) if dues else None


# What responses tell of it


def expiring(call: Call, bucket: Bucket, found: Object) -> dict[str, str]:
    """x-amz-expiration: when a current version will expire, and by which rule."""
    if not bucket.has_lifecycle or (due := expiration(load(call, bucket), found)) is None:
        return {}
    from email.utils import formatdate  # few buckets have rules, and it takes as long to import as a twelfth of S3

    return {"Expiration": f'expiry-date="{formatdate(due.at, usegmt=True)}", rule-id="{quote_plus(due.rule)}"'}


def aborting(call: Call, bucket: Bucket, name: str, begun: float) -> dict[str, Any]:
    """x-amz-abort-date and x-amz-abort-rule-id of an upload."""
    if not bucket.has_lifecycle or (due := abortion(load(call, bucket), name, begun)) is None:
        return {}
    return {"AbortDate": due.at, "AbortRuleId": due.rule}
