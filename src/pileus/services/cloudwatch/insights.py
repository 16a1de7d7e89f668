"""Metrics Insights: SQL over many metrics at once.

    SELECT AVG(CPUUtilization) FROM SCHEMA("AWS/EC2", InstanceId) WHERE InstanceId != 'i-1' GROUP BY InstanceId
    ORDER BY MAX() DESC LIMIT 10

User Guide, "Metrics Insights query components and syntax".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from pileus.kernel import Call

from . import points
from .distributions import Distribution, Statistic, statistic
from .expressions import Misspelt
from .functions import TOGETHER, Line
from .metrics import Metric

QUERY = re.compile(
    r"""\s*SELECT\s+(?P<function>\w+)\s*\(\s*(?P<metric>"[^"]+"|\w[\w.\-/]*)\s*\)
    \s+FROM\s+(?:SCHEMA\s*\((?P<schema>[^)]*)\)|(?P<namespace>"[^"]+"|\w+))
    (?:\s+WHERE\s+(?P<where>.+?))?
    (?:\s+GROUP\s+BY\s+(?P<group>.+?))?
    (?:\s+ORDER\s+BY\s+(?P<order>\w+)\s*\(\s*\)(?:\s+(?P<direction>ASC|DESC))?)?
    (?:\s+LIMIT\s+(?P<limit>\d+))?\s*""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
CONDITION = re.compile(r"""\s*("[^"]+"|[\w.\-]+)\s*(=|!=)\s*'([^']*)'\s*""")
FUNCTIONS = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}
MOST = 500


@dataclass(frozen=True)
class Query:
    function: str
    metric: str
    namespace: str
    dimensions: frozenset[str] | None
    """The names that a metric must have, and no others; None for any."""
    conditions: tuple[tuple[str, bool, str], ...]
    """A dimension, whether it is to be equal, and the value."""
    group: tuple[str, ...]
    order: str
    descending: bool
    limit: int

    def covers(self, metric: Metric) -> bool:
        if self.dimensions is not None and metric.dimensions.keys() != self.dimensions:
            return False
        if any(name not in metric.dimensions for name in self.group):
            return False
        return all((metric.dimensions.get(name) == value) == equal for name, equal, value in self.conditions)


def is_query(expression: str) -> bool:
    return expression.lstrip()[:6].upper() == "SELECT"


@lru_cache(maxsize=1024)
def parse(text: str) -> Query:
    found = QUERY.fullmatch(text)
    if found is None or found["function"].upper() not in FUNCTIONS:
        raise Misspelt("Metrics Insights query is not valid")
    names = [bare(one) for one in (found["schema"] or found["namespace"]).split(",")]
    order = (found["order"] or "").upper()
    if order and order not in FUNCTIONS:
        raise Misspelt(f"ORDER BY {order}() is not supported")
    return Query(
        found["function"].upper(),
        bare(found["metric"]),
        names[0],
        frozenset(names[1:]) if found["schema"] else None,
        tuple(conditions(found["where"] or "")),
        tuple(bare(one) for one in (found["group"] or "").split(",") if one.strip()),
        order,
        (found["direction"] or "").upper() == "DESC",
        min(int(found["limit"] or MOST), MOST),
    )


def bare(name: str) -> str:
    return name.strip().strip('"')


def conditions(where: str) -> list[tuple[str, bool, str]]:
    if not where:
        return []
    found: list[tuple[str, bool, str]] = []
    for part in re.split(r"\s+AND\s+", where, flags=re.IGNORECASE):
        match = CONDITION.fullmatch(part)
        if match is None:
            raise Misspelt(f"the condition {part.strip()} is not supported")
        found.append((bare(match[1]), match[2] == "=", match[3]))
    return found


def answered(call: Call, query: Query, start: int, end: int, period: int) -> list[Line]:
    """The time series that a query gives: one, or one of each group."""
    groups: dict[tuple[str, ...], list[Metric]] = {}
    for metric in Metric.scan(call, query.namespace, query.metric):
        if query.covers(metric):
            groups.setdefault(tuple(metric.dimensions[name] for name in query.group), []).append(metric)
    tell = statistic(FUNCTIONS[query.function])
    assert tell
    lines = [
        Line(
            united(call, metrics, tell, start, end, period),
            " ".join(key) or query.metric,
            period,
            dict(zip(query.group, key, strict=True)),
        )
        for key, metrics in groups.items()
    ]
    lines = [one for one in lines if one.values]
    if query.order:
        measure = TOGETHER.get(query.order) or TOGETHER["DATAPOINT_COUNT"]
        lines.sort(key=lambda one: measure(list(one.values.values())), reverse=query.descending)
    return lines[: query.limit]


def united(call: Call, metrics: list[Metric], tell: Statistic, start: int, end: int, period: int) -> dict[int, float]:
    whole: dict[int, Distribution] = {}
    for metric in metrics:
        for at, units in points.collected(call, metric.id, start, end, period).items():
            for values in units.values():
                if at in whole:
                    whole[at].add(values)
                else:
                    whole[at] = values
    return {at: value for at in sorted(whole) if (value := tell(whole[at])) is not None}
