"""Selection criteria of account policies: which groups a policy is about.

LogGroupNamePrefix IN ["/aws/lambda/", "app"]
LogGroupName NOT IN ["noisy"]
DataSourceName IN ["amazon_vpc"] AND DataSourceType IN ["flow"]
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import NamedTuple

from . import faults

CLAUSE = re.compile(
    r"""\s*(LogGroupName|LogGroupNamePrefix|DataSourceName|DataSourceType)\s*
        (?:(IN|NOT\s+IN)\s*(\[[^\]]*\])|(=|!=)\s*("[^"]*"))\s*""",
    re.VERBOSE,
)
ALLOWED: dict[str, list[tuple[str, ...]]] = {
    "SUBSCRIPTION_FILTER_POLICY": [("LogGroupName",)],
    "TRANSFORMER_POLICY": [("LogGroupNamePrefix",)],
    "FIELD_INDEX_POLICY": [("LogGroupNamePrefix",), ("DataSourceName", "DataSourceType")],
    "RETENTION_POLICY": [("LogGroupNamePrefix",)],
}
"""Which fields policies of a type may have criteria for (API reference, PutAccountPolicy)."""
LONGEST = 25 * 1024


class Clause(NamedTuple):
    field: str
    positive: bool
    values: tuple[str, ...]

    def holds(self, name: str) -> bool:
        if self.field == "LogGroupNamePrefix":
            return any(name.startswith(prefix) for prefix in self.values) == self.positive
        return (name in self.values) == self.positive


@lru_cache(256)
def parsed(text: str) -> tuple[Clause, ...]:
    """The clauses, all of which must hold; InvalidParameterException for a text that is none."""
    found: list[Clause] = []
    place = 0
    while match := CLAUSE.match(text, place):
        field, word, several, sign, single = match.groups()
        try:
            values = json.loads((several or f"[{single}]").replace("'", '"'))
        except ValueError:
            break
        found.append(Clause(field, (word or sign) in ("IN", "="), tuple(map(str, values))))
        place = match.end()
        if text[place : place + 3].upper() == "AND":
            place += 3
    if place < len(text) or not found:
        raise faults.invalid("The specified selectionCriteria is invalid.")
    return tuple(found)


def check(kind: str, text: str) -> None:
    """Refuse criteria that policies of that type cannot have."""
    if not text:
        return
    if kind not in ALLOWED:
        raise faults.invalid(f"selectionCriteria is not valid for policies of type {kind}.")
    if len(text.encode()) > LONGEST:
        raise faults.invalid(f"A selectionCriteria can have up to {LONGEST} bytes.")
    clauses = parsed(text)
    if tuple(clause.field for clause in clauses) not in ALLOWED[kind]:
        fields = " or ".join(" AND ".join(fields) for fields in ALLOWED[kind])
        raise faults.invalid(f"The selectionCriteria of a policy of type {kind} is about {fields}.")
    if kind == "SUBSCRIPTION_FILTER_POLICY" and clauses[0].positive:
        raise faults.invalid("The only supported selectionCriteria filter is LogGroupName NOT IN [].")


def overlapping(one: str, other: str) -> bool:
    """Whether two policies would be about the same groups: prefixes of each other, or the same source."""
    mine, theirs = parsed(one), parsed(other)
    if [clause.field for clause in mine] != [clause.field for clause in theirs]:
        return False
    if mine[0].field != "LogGroupNamePrefix":
        return all(set(a.values) & set(b.values) for a, b in zip(mine, theirs, strict=True))
    return any(a.startswith(b) or b.startswith(a) for a in mine[0].values for b in theirs[0].values)
