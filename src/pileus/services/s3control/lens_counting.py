"""Counting for Storage Lens: one pass over each bucket, whose versions come in the order of their names.

Of prefixes only those are kept that may still turn out to hold the share of their bucket that is asked for: one that
has been passed is complete, and the whole only grows. So many prefixes take no more memory than few.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from pileus.kernel import Call
from pileus.services.s3 import lens_tallies
from pileus.services.s3.buckets import Bucket
from pileus.services.s3.listing_versions import every
from pileus.services.s3.versions import Version

from . import lens_accounts, lens_figures
from .lens import Configuration, enabled
from .lens_figures import Figures, figures
from .lens_groups import Group

Members = dict[str, Any]


class Line(NamedTuple):
    """Metrics that belong together, and what they are about."""

    record: str
    """ACCOUNT, BUCKET, PREFIX, STORAGE_LENS_GROUP_ACCOUNT or STORAGE_LENS_GROUP_BUCKET."""
    account: str
    region: str
    bucket: str
    value: str
    """The prefix, or the ARN of the group."""
    sums: Figures


class Prefixes:
    """The prefixes of one bucket."""

    def __init__(self, criteria: Members) -> None:
        self.delimiter: str = criteria.get("Delimiter", "/")
        self.depth: int = criteria.get("MaxDepth", 5)
        self.share: float = criteria.get("MinStorageBytesPercentage", 1.0) / 100
        self.found: dict[str, Figures] = {}
        self._open: dict[str, Figures] = {}
        self._total = 0

    def add(self, version: Version) -> None:
        within = self.of(version.name)
        for name in [name for name in self._open if name not in within]:
            self._close(name)
        if version.held is None:
            return
        self._total += version.held.size
        for name in within:
            lens_figures.add_plain(self._open.setdefault(name, figures()), version.held)

    def of(self, name: str) -> list[str]:
        """All prefixes of a key down to the greatest depth."""
        parts = name.split(self.delimiter)[:-1][: self.depth]
        return [self.delimiter.join(parts[: deep + 1]) + self.delimiter for deep in range(len(parts))]

    def _close(self, name: str) -> None:
        sums = self._open.pop(name)
        if size(sums) >= self.share * self._total:
            self.found[name] = sums

    def done(self) -> dict[str, Figures]:
        """Those that hold their share of the whole."""
        for name in list(self._open):
            self._close(name)
        return {
            name: sums for name, sums in self.found.items() if self._total and size(sums) >= self.share * self._total
        }


def size(sums: Figures) -> int:
    return sum(value for (_, name), value in sums.items() if name == "StorageBytes")


class Counting:
    """One day of one configuration."""

    def __init__(self, call: Call, found: Configuration, day: float) -> None:
        self.call = call
        self.day = day
        self.content = found.content
        self.account: Members = found.content["AccountLevel"]
        self.level: Members = self.account["BucketLevel"]
        self.groups = self._groups()
        self.accounts = lens_accounts.of(call, found.content)
        self._accounts: dict[tuple[str, str], Figures] = defaultdict(figures)
        self._grouped: dict[tuple[str, str, str], Figures] = defaultdict(figures)

    async def lines(self) -> AsyncIterator[Line]:
        """All that there is to tell, bucket by bucket, and of the accounts at the end."""
        call = self.call
        for account in self.accounts:
            for bucket in list(Bucket.scan(call, call.partition, account, call.partition, index="owner")):
                if not bucket.zone and not bucket.table and self.means(bucket):
                    async for line in self.measured(bucket):
                        yield line
        for (account, region), sums in sorted(self._accounts.items()):
            yield Line("ACCOUNT", account, region, "", "", sums)
        for (account, region, arn), sums in sorted(self._grouped.items()):
            yield Line("STORAGE_LENS_GROUP_ACCOUNT", account, region, "", arn, sums)

    def means(self, bucket: Bucket) -> bool:
        """Whether the configuration is about a bucket."""
        if include := self.content.get("Include"):
            return self.named(bucket, include)
        return not self.named(bucket, self.content.get("Exclude", {}))

    def named(self, bucket: Bucket, scope: Members) -> bool:
        return bucket.region in scope.get("Regions", ()) or bucket.arn(self.call) in scope.get("Buckets", ())

    async def measured(self, bucket: Bucket) -> AsyncIterator[Line]:
        """The lines of one bucket."""
        stored, grouped = figures(), {group.arn(self.call): figures() for group in self.groups}
        prefixes = self._prefixes()
        previous = ""
        async for version in every(self.call, bucket):
            lens_figures.add_version(stored, version, latest=version.name != previous)
            if prefixes:
                prefixes.add(version)
            self._group(grouped, version, latest=version.name != previous)
            previous = version.name
        lens_figures.add_uploads(self.call, stored, bucket)
        lens_figures.add_settings(self.call, stored, bucket)
        account, own = self._accounts[bucket.owner, bucket.region], figures()
        for sums, level in ((account, self.account), (own, self.level)):
            lens_figures.add_all(sums, stored)
            self._advanced(sums, level, bucket)
        at = (bucket.owner, bucket.region, bucket.name)
        yield Line("BUCKET", *at, "", own)
        for name, sums in prefixes.done().items() if prefixes else ():
            yield Line("PREFIX", *at, name, sums)
        for arn, sums in grouped.items():
            if sums:
                lens_figures.add_all(self._grouped[bucket.owner, bucket.region, arn], sums)
                yield Line("STORAGE_LENS_GROUP_BUCKET", *at, arn, sums)

    def _advanced(self, sums: Figures, level: Members, bucket: Bucket) -> None:
        """What is only told where it is asked for."""
        adding: dict[str, Callable[[Call, Figures, Bucket], None]] = {
            "AdvancedCostOptimizationMetrics": lens_figures.add_cost,
            "AdvancedDataProtectionMetrics": lens_figures.add_protection,
        }
        for name, add in adding.items():
            if enabled(level, name):
                add(self.call, sums, bucket)
        counted = {
            "ActivityMetrics": lens_tallies.ACTIVITY,
            "DetailedStatusCodesMetrics": tuple(lens_tallies.STATUSES.values()),
        }
        for name, metrics in counted.items():
            if enabled(level, name):
                lens_figures.add_requests(self.call, sums, bucket, self.day, metrics)

    def _prefixes(self) -> Prefixes | None:
        wanted = self.level.get("PrefixLevel", {}).get("StorageMetrics", {})
        if not wanted.get("IsEnabled"):
            return None
        delimiter = self.content.get("PrefixDelimiter", "/")
        return Prefixes({"Delimiter": delimiter, **wanted.get("SelectionCriteria", {})})

    def _groups(self) -> list[Group]:
        """The groups of the home Region that are wanted."""
        level = self.account.get("StorageLensGroupLevel")
        if level is None:
            return []
        criteria = level.get("SelectionCriteria", {})
        found = [(group.arn(self.call), group) for group in Group.scan(self.call)]
        if "Include" in criteria:
            return [group for arn, group in found if arn in criteria["Include"]]
        return [group for arn, group in found if arn not in criteria.get("Exclude", ())]

    def _group(self, grouped: dict[str, Figures], version: Version, *, latest: bool) -> None:
        if version.held is None:
            return
        for group in self.groups:
            if group.means(version.name, version.held, self.call.now):
                lens_figures.add_version(grouped[group.arn(self.call)], version, latest=latest)
