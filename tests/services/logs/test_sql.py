"""Logs Insights by SQL."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("duckdb")
pytest.importorskip("sqlglot")


@pytest.fixture
def ask(logs: Any, clock: Any) -> Any:
    def ask(query: str, **members: Any) -> list[dict[str, str]]:
        run = logs.start_query(
            queryLanguage="SQL", queryString=query, startTime=0, endTime=int(clock.now()) + 60, **members
        )["queryId"]
        clock.advance(1)
        told = logs.get_query_results(queryId=run)
        assert told["status"] == "Complete", told
        return [{cell["field"]: cell["value"] for cell in row} for row in told["results"]]

    return ask


@pytest.fixture
def events(logs: Any, put: Any, now: Any) -> int:
    logs.create_log_group(logGroupName="/web/access")
    logs.create_log_stream(logGroupName="/web/access", logStreamName="main")
    at: int = now()
    app = [
        {"level": "info", "took": 5, "user": {"name": "ann"}},
        {"level": "error", "took": 40, "user": {"name": "bob"}},
    ]
    app.append({"level": "error", "took": 2.5, "user": {"name": "ann"}})
    put(*((at + n, json.dumps(one)) for n, one in enumerate(app)), (at + 3, "no JSON"))
    put((at, '{"name": "ann", "path": "/"}'), (at + 1, '{"name": "eve", "path": "/x"}'), group="/web/access")
    return at


def test_log_groups_are_tables_and_fields_columns(ask: Any, events: int) -> None:
    assert ask(
        "SELECT level, COUNT(*) AS n, MAX(took) AS most FROM `app` WHERE took > 2 GROUP BY level ORDER BY n"
    ) == [
        {"level": "info", "n": "1", "most": "5"},
        {"level": "error", "n": "2", "most": "40"},
    ]
    assert ask("SELECT `user.name` FROM `app` WHERE user.name LIKE 'b%'") == [{"user.name": "bob"}]
    (row,) = ask("SELECT `@message`, `@timestamp`, missing FROM app WHERE level IS NULL")
    assert row["@message"] == "no JSON" and row["@timestamp"][-4] == "."  # and what is not there is not shown
    assert len(ask("SELECT * FROM `app`", limit=2)) == 2


def test_groups_are_joined_or_one_table(ask: Any, events: int) -> None:
    joined = ask(
        "SELECT a.level AS level, w.path AS path FROM `app` AS a JOIN `/web/access` AS w ON a.user.name = w.name "
        "ORDER BY a.took DESC"
    )
    assert joined == [{"level": "info", "path": "/"}, {"level": "error", "path": "/"}]
    both = "`logGroups(logGroupIdentifier: ['app', '/web/access'])`"
    assert ask(f"SELECT COUNT(*) AS n FROM {both}") == [{"n": "6"}]
    assert ask("WITH slow AS (SELECT * FROM app WHERE took > 30) SELECT level FROM slow") == [{"level": "error"}]


def test_wrong_statements_are_refused(ask: Any, logs: Any, events: int, clock: Any, refused: Any) -> None:
    for wrong in ("DROP TABLE `app`", "SELECT FROM", "SELECT 1", "SELECT * FROM `app`; SELECT * FROM `app`"):
        with refused("MalformedQueryException"):
            ask(wrong)
    with refused("MalformedQueryException", "is not a log group"):
        ask("SELECT * FROM read_csv('/etc/passwd')")
    with refused("ResourceNotFoundException"):
        ask("SELECT * FROM `nowhere`")
    with refused("InvalidParameterException", "named in the query"):
        ask("SELECT * FROM `app`", logGroupName="app")
    run = logs.start_query(
        queryLanguage="SQL", queryString="SELECT nothing(took) FROM `app`", startTime=0, endTime=int(clock.now()) + 60
    )["queryId"]
    clock.advance(1)
    assert logs.get_query_results(queryId=run)["status"] == "Failed"


def test_sql_runs_at_its_times_too(aws: Any, logs: Any, events: int, clock: Any, refused: Any) -> None:
    given = {
        "name": "errors",
        "queryLanguage": "SQL",
        "queryString": "SELECT COUNT(*) AS n FROM `app` WHERE level = 'error'",
        "scheduleExpression": "rate(1 hour)",
        "executionRoleArn": f"arn:aws:iam::{aws.id}:role/queries",
    }
    with refused("ValidationException", "named in the query"):
        logs.create_scheduled_query(**given, logGroupIdentifiers=["app"])
    with refused("ValidationException"):
        logs.create_scheduled_query(**given | {"queryString": "SELECT"})
    logs.create_scheduled_query(**given)
    clock.advance(3660)
    (run,) = logs.get_scheduled_query_history(identifier="errors", startTime=0, endTime=int(clock.now() * 1000))[
        "triggerHistory"
    ]
    assert run["executionStatus"] == "Complete"
    assert logs.get_query_results(queryId=run["queryId"])["results"] == [[{"field": "n", "value": "2"}]]
    logs.delete_scheduled_query(identifier="errors")  # or whoever turns the clock by a year would wait for it
