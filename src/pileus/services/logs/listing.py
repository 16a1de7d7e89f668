"""ListLogGroups, and ListAggregateLogGroupSummaries: groups in short, and how many come from where."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from pileus.kernel import Call, paging

from . import data_sources, faults, indexes, logs
from .groups import MOST_LISTED, Group, elsewhere

PATTERN = re.compile(r"\^?[\w./\-#*]{3,24}(?:\|\^?[\w./\-#*]{3,24}){0,4}")
UNKNOWN = "Unknown"
"""The source of what nobody knows the source of."""

Members = dict[str, Any]
Test = Callable[[Group], bool]


@logs.operation
def list_log_groups(
    call: Call,
    log_group_name_pattern: str = "",
    log_group_class: str = "",
    next_token: str = "",
    limit: int = MOST_LISTED,
    data_sources: list[Members] = [],
    field_index_names: list[str] = [],
    log_group_tags: list[Members] = [],
    account_identifiers: list[str] = [],
    include_linked_accounts: bool = False,
) -> Members:
    """Groups that satisfy all that is asked of them."""
    if elsewhere(call, account_identifiers, include_linked_accounts):
        return {"logGroups": []}
    tests: list[Test] = [named(log_group_name_pattern), lambda group: log_group_class in ("", group.kind)]
    if data_sources:
        tests.append(sourced(call, data_sources))
    if field_index_names:
        tests.append(lambda group: set(field_index_names) <= indexes.of_group(call, group))
    tests += [lambda group, wanted=wanted: tagged(group, wanted) for wanted in log_group_tags]  # type: ignore[misc]
    page = Group.page(call, limit=limit, token=next_token, where=lambda group: all(test(group) for test in tests))
    return {
        "logGroups": [
            {"logGroupName": group.name, "logGroupArn": group.arn(call), "logGroupClass": group.kind}
            for group in page.items
        ],
        "nextToken": page.token,
    }


def named(pattern: str) -> Test:
    """Whether a name begins with what follows a `^`, or has it in it; there may be several, between `|`."""
    if not pattern:
        return lambda group: True
    if not PATTERN.fullmatch(pattern):
        raise faults.invalid("The specified logGroupNamePattern is invalid.")
    wanted = [(one[:1] == "^", one.removeprefix("^").replace("*", "")) for one in pattern.split("|")]
    return lambda group: any(group.name.startswith(text) if head else text in group.name for head, text in wanted)


def tagged(group: Group, wanted: Members) -> bool:
    if wanted["key"] not in group.tags:
        return False
    return not wanted.get("values") or any(fits(group.tags[wanted["key"]], value) for value in wanted["values"])


def fits(value: str, wanted: str) -> bool:
    """`prod*` and `!prod`: only what has a wildcard does not mind the case."""
    if wanted.startswith("!"):
        return not fits(value, wanted[1:])
    if "*" not in wanted:
        return value == wanted
    pattern = ".*".join(map(re.escape, wanted.split("*")))
    return re.fullmatch(pattern, value, re.IGNORECASE) is not None


def sourced(call: Call, wanted: list[Members]) -> Test:
    known = data_sources.of_groups(call)

    def test(group: Group) -> bool:
        source = known.get(group.name)
        return source is not None and any(
            fits(source.name, one["name"]) and fits(source.type, one.get("type") or "*") for one in wanted
        )

    return test


@logs.operation
def list_aggregate_log_group_summaries(
    call: Call,
    group_by: str,
    log_group_class: str = "",
    log_group_name_pattern: str = "",
    data_sources: list[Members] = [],
    next_token: str = "",
    limit: int = MOST_LISTED,
    account_identifiers: list[str] = [],
    include_linked_accounts: bool = False,
) -> Members:
    """How many groups there are of each source."""
    if elsewhere(call, account_identifiers, include_linked_accounts):
        return {"aggregateLogGroupSummaries": []}
    tests: list[Test] = [named(log_group_name_pattern), lambda group: log_group_class in ("", group.kind)]
    tests += [sourced(call, data_sources)] if data_sources else []
    counted = counts(call, group_by, [group for group in Group.scan(call) if all(test(group) for test in tests)])
    start = paging.opened(call, next_token, faults.invalid("The specified nextToken is invalid.")) if next_token else 0
    stop = start + limit
    return {
        "aggregateLogGroupSummaries": [
            {
                "logGroupCount": count,
                "groupingIdentifiers": [{"key": name, "value": value} for name, value in identifiers],
            }
            for identifiers, count in sorted(counted.items())[start:stop]
        ],
        "nextToken": paging.sealed(call, stop) if stop < len(counted) else None,
    }


def counts(call: Call, group_by: str, groups: list[Group]) -> Counter[tuple[tuple[str, str], ...]]:
    known = data_sources.of_groups(call)
    counted: Counter[tuple[tuple[str, str], ...]] = Counter()
    for group in groups:
        source = known.get(group.name, data_sources.Source(UNKNOWN, UNKNOWN, UNKNOWN))
        told = [("dataSource.Name", source.name), ("dataSource.Type", source.type)]
        if group_by == "DATA_SOURCE_NAME_TYPE_AND_FORMAT":
            told.append(("dataSource.Format", source.format))
        counted[tuple(told)] += 1
    return counted
