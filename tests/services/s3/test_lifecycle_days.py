"""Lifecycle rules against a day-by-day account of them: buckets are only gone through when something is due, and yet
everything happens on its day."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pileus import LocalCloud

from .conftest import DAY, fresh, put

PREFIXES = ("a/", "b/")


class Rule(NamedTuple):
    prefix: str
    days: int
    noncurrent: int
    keep: int


rules = st.builds(
    Rule,
    prefix=st.sampled_from(["", *PREFIXES]),
    days=st.integers(0, 6),
    noncurrent=st.integers(0, 5),
    keep=st.integers(0, 2),
)
writes = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(PREFIXES), st.integers(0, 1)), min_size=1, max_size=8)


def written(rule: Rule, number: int) -> dict[str, Any]:
    told: dict[str, Any] = {"ID": str(number), "Status": "Enabled", "Filter": {"Prefix": rule.prefix}}
    if rule.days or not rule.noncurrent:
        told["Expiration"] = {"Days": max(rule.days, 1)}
    if rule.noncurrent:
        told["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule.noncurrent}
        if rule.keep:
            told["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = rule.keep
    return told


def due(since: float, days: int) -> float:
    return math.ceil((since + days * DAY) / DAY) * DAY


class Book:
    """What the User Guide says becomes of versions, worked out at every midnight."""

    def __init__(self, rules: list[dict[str, Any]]) -> None:
        self.rules = rules
        self.keys: dict[str, list[tuple[float, bool]]] = {}
        """When each version was made, the newest first, and whether it is a delete marker."""

    def midnight(self, now: float) -> None:
        for key, versions in list(self.keys.items()):
            mine = [rule for rule in self.rules if key.startswith(rule["Filter"]["Prefix"])]
            kept = self.noncurrent(versions, mine, now)
            made, marker = versions[0]
            expires = [due(made, rule["Expiration"]["Days"]) for rule in mine if "Expiration" in rule]
            expired = any(at <= now for at in expires)
            if not marker:
                self.keys[key] = [*([(now, True)] if expired else []), versions[0], *kept]
            elif expired and len(versions) == 1:
                del self.keys[key]
            else:
                self.keys[key] = [versions[0], *kept]

    def noncurrent(
        self, versions: list[tuple[float, bool]], rules: list[dict[str, Any]], now: float
    ) -> list[tuple[float, bool]]:
        kept = []
        for number, version in enumerate(versions[1:]):
            since = versions[number][0]
            actions = [rule["NoncurrentVersionExpiration"] for rule in rules if "NoncurrentVersionExpiration" in rule]
            gone = any(
                due(since, action["NoncurrentDays"]) <= now and number >= action.get("NewerNoncurrentVersions", 0)
                for action in actions
            )
            if not gone:
                kept.append(version)
        return kept


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(  # a new version makes an older one superfluous at once
    given_rules=[Rule("", 0, noncurrent=2, keep=1)],
    given_writes=[(0, "a/", 0), (0, "a/", 0), (0, "a/", 0), (4, "a/", 0)],
)
@given(given_rules=st.lists(rules, min_size=1, max_size=3), given_writes=writes)
def test_every_day_is_as_the_book_has_it(
    clock: Any, cloud: LocalCloud, given_rules: list[Rule], given_writes: list[tuple[int, str, int]]
) -> None:
    s3, bucket = cloud.account().client("s3"), fresh()
    now = cloud.clock.now()
    cloud.clock.advance(DAY - now % DAY + DAY / 2)
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    configuration = [written(rule, number) for number, rule in enumerate(given_rules)]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": configuration})
    book = Book(configuration)
    for day in range(16):
        for _, prefix, name in sorted(write for write in given_writes if write[0] == day):
            key = f"{prefix}{name}"
            put(s3, bucket, key, b"x")
            book.keys[key] = [(cloud.clock.now(), False), *book.keys.get(key, [])]
            cloud.clock.advance(1)
        now = cloud.clock.now()
        cloud.clock.advance(DAY - now % DAY)
        book.midnight(cloud.clock.now())
        found: dict[str, int] = {}
        listed = s3.list_object_versions(Bucket=bucket)
        for each in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
            found[each["Key"]] = found.get(each["Key"], 0) + 1
        assert found == {key: len(versions) for key, versions in book.keys.items()}, f"on day {day}"
        cloud.clock.advance(DAY / 2)
