"""Retention policies of an account, and which groups account policies are about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import pileus

DAY = 86400
KIND = {"policyType": "RETENTION_POLICY"}


@pytest.fixture(scope="module")
def cloud() -> Iterator[pileus.LocalCloud]:
    """One of its own: weeks go by here, in which others would have a lot to do."""
    with pileus.cloud(sockets=True) as running:
        yield running


def document(days: Any, mode: str = "RETROACTIVE") -> str:
    return json.dumps({"retentionInDays": days, "enforcementMode": mode})


def kept(logs: Any, name: str) -> tuple[int | None, str | None]:
    """The retention of a group, and the policy that says so."""
    (found,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return found.get("retentionInDays"), found.get("retentionPolicyName")


def test_a_policy_takes_effect_after_a_day_and_the_longest_counts(logs: Any, put: Any, cloud: Any, now: Any) -> None:
    logs.create_log_group(logGroupName="prod/a")
    logs.put_retention_policy(logGroupName="prod/a", retentionInDays=3653)
    logs.put_account_policy(policyName="all", policyDocument=document(30), **KIND)
    assert kept(logs, "app") == (None, None)
    cloud.clock.advance(DAY)
    assert kept(logs, "app") == kept(logs, "prod/a") == (30, "all")
    criteria = 'LogGroupNamePrefix IN ["prod/"]'
    logs.put_account_policy(policyName="prod", policyDocument=document(90), selectionCriteria=criteria, **KIND)
    logs.put_account_policy(policyName="all", policyDocument=document(60), **KIND)
    assert kept(logs, "app") == (30, "all")  # till the change takes effect
    cloud.clock.advance(DAY)
    assert (kept(logs, "app"), kept(logs, "prod/a")) == ((60, "all"), (90, "prod"))
    never = document("NEVER_EXPIRE", "NEW_ONLY")
    logs.put_account_policy(policyName="new", policyDocument=never, **KIND)
    logs.create_log_group(logGroupName="late")
    cloud.clock.advance(DAY)
    assert (kept(logs, "late"), kept(logs, "app")) == ((None, "new"), (60, "all"))

    put("kept for sixty days")
    cloud.clock.advance(59 * DAY)
    assert len(logs.get_log_events(logGroupName="app", logStreamName="main")["events"]) == 1
    cloud.clock.advance(2 * DAY)
    assert logs.get_log_events(logGroupName="app", logStreamName="main")["events"] == []
    assert logs.put_log_events(
        logGroupName="late", logStreamName=stream(logs, "late"), logEvents=[{"timestamp": now(), "message": "x"}]
    )
    logs.delete_account_policy(policyName="prod", **KIND)
    assert kept(logs, "prod/a") == (60, "all")


def stream(logs: Any, group: str) -> str:
    logs.create_log_stream(logGroupName=group, logStreamName="main")
    return "main"


def test_a_dry_run_tells_and_changes_nothing(logs: Any, put: Any, refused: Any) -> None:
    logs.create_log_group(logGroupName="apart")
    logs.put_retention_policy(logGroupName="apart", retentionInDays=7)
    put("x" * 100)
    given = {"policyName": "all", "policyDocument": document(30), **KIND}
    answer = logs.put_account_policy(dryRun=True, **given)
    assert "accountPolicy" not in answer
    told = answer["dryRunResult"]
    counts = {name.removesuffix("RetentionLogGroupCount"): told[name] for name in told if "RetentionLog" in name}
    assert counts == {"increased": 1, "decreased": 1, "unchanged": 0}
    first = told["topLogGroupsImpacted"][0]
    assert (first["logGroupName"], first["currentRetention"], first["proposedRetention"]) == (
        "app",
        "NEVER_EXPIRE",
        "30",
    )
    assert logs.describe_account_policies(**KIND)["accountPolicies"] == []
    logs.put_account_policy(**given)
    gone = logs.delete_account_policy(policyName="all", dryRun=True, **KIND)["dryRunResult"]
    assert gone["totalMatchedLogGroups"] == gone["unchangedRetentionLogGroupCount"] == 2
    assert len(logs.describe_account_policies(**KIND)["accountPolicies"]) == 1
    with refused("InvalidParameterException"):
        logs.delete_account_policy(policyName="all", policyType="FIELD_INDEX_POLICY", dryRun=True)


@pytest.mark.parametrize(
    ("days", "mode"), [(7, "RETROACTIVE"), (31, "RETROACTIVE"), ("FOR_EVER", "RETROACTIVE"), (30, "SOMETIMES")]
)
def test_what_is_no_retention_policy_is_refused(logs: Any, refused: Any, days: Any, mode: str) -> None:
    with refused("InvalidParameterException"):
        logs.put_account_policy(policyName="p", policyDocument=document(days, mode), **KIND)


def test_policies_are_about_the_groups_of_their_criteria(logs: Any, refused: Any) -> None:
    logs.create_log_group(logGroupName="prod/a")

    def put(name: str, criteria: str, kind: str = "FIELD_INDEX_POLICY") -> None:
        body = json.dumps({"Fields": [name]})
        logs.put_account_policy(policyName=name, policyDocument=body, policyType=kind, selectionCriteria=criteria)

    put("requestId", 'LogGroupNamePrefix IN ["prod/"]')
    put("vpc", 'DataSourceName IN ["amazon_vpc"] AND DataSourceType IN ["flow"]')
    for wrong in (
        'LogGroupNamePrefix IN ["prod/a"]',
        'LogGroupName NOT IN ["x"]',
        'DataSourceName IN ["amazon_vpc"]',
        "nonsense",
        'DataSourceName = "amazon_vpc" AND DataSourceType = "flow"',
    ):
        with refused("InvalidParameterException"):
            put("other", wrong)

    def fields(group: str) -> list[str]:
        found = logs.describe_field_indexes(logGroupIdentifiers=[group], indexCategories=["CUSTOM"])["fieldIndexes"]
        return [one["fieldIndexName"] for one in found]

    assert (fields("prod/a"), fields("app")) == (["requestId"], [])
