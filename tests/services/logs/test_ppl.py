"""Queries in OpenSearch's Piped Processing Language."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

ORDERS = [
    {"path": "/orders/1", "status": 200, "latency": 20, "user": "ann"},
    {"path": "/orders/2", "status": 500, "latency": 900, "user": "bob"},
    {"path": "/items/3", "status": 200, "latency": 35, "user": "ann"},
    {"path": "/orders/4", "status": 503, "latency": 310, "user": None},
    {"path": "/items/5", "status": 404, "latency": 12, "user": "ann"},
]


@pytest.fixture
def ask(logs: Any, put: Any, now: Callable[[], int]) -> Callable[[str], list[dict[str, str]]]:
    put(*[(now() - 60_000 + number, json.dumps(order)) for number, order in enumerate(ORDERS)])

    def ask(query: str) -> list[dict[str, str]]:
        at = now()
        given = {"startTime": at - 3_600_000, "endTime": at, "logGroupName": "app"}
        number = logs.start_query(queryLanguage="PPL", queryString=query, **given)["queryId"]
        while (answer := logs.get_query_results(queryId=number))["status"] in ("Scheduled", "Running"):
            pass
        assert (answer["status"], answer["queryLanguage"]) == ("Complete", "PPL")
        return [{one["field"]: one["value"] for one in row if one["field"] != "@ptr"} for row in answer["results"]]

    return ask


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (
            "where status >= 500 | sort latency | fields path, latency",
            [{"path": "/orders/4", "latency": "310"}, {"path": "/orders/2", "latency": "900"}],
        ),
        (
            "where like(path, '/ORDERS/%') and not status in (500, 503) | fields path",
            [{"path": "/orders/1"}],
        ),
        (
            "where path like '/items/_' and latency between 10 and 20 | eval d = latency * 2 | fields `path`, d",
            [{"path": "/items/5", "d": "24"}],
        ),
        (
            "stats count() as n, avg(latency) as mean, dc(user) by status | sort - n, status | head 2",
            [
                {"status": "200", "n": "2", "mean": "27.5", "dc(user)": "1"},
                {"status": "404", "n": "1", "mean": "12", "dc(user)": "1"},
            ],
        ),
        (
            "stats count() as n by span(latency, 500) as band | sort band",
            [{"band": "0", "n": "4"}, {"band": "500", "n": "1"}],
        ),
        ("stats count() by span(@timestamp, 1d) | fields `count()`", [{"count()": "5"}]),
        (
            "eval kind = if(status == 200, 'good', 'bad') | stats count() as n by kind | sort kind",
            [{"kind": "bad", "n": "3"}, {"kind": "good", "n": "2"}],
        ),
        ("top 1 user", [{"user": "ann", "count": "3"}]),
        (
            "where isnotnull(user) | rare 1 user by status | where status = 500",
            [{"status": "500", "user": "bob", "count": "1"}],
        ),
        (
            r"parse path '/(?<kind>\w+)/(?<id>\d+)' | fillnull with 'no' in user | where id = 4 | fields kind, user",
            [{"kind": "orders", "user": "no"}],
        ),
        ("dedup user | sort path | rename user as who | fields who", [{"who": "ann"}, {"who": "bob"}, {}]),
        ("sort latency | head 1 from 2 | fields upper(path)", None),
        ("sort latency | fields - @message | head 1 from 1 | fields path", [{"path": "/orders/1"}]),
    ],
)
def test_what_commands_do(ask: Any, refused: Any, query: str, rows: list[dict[str, str]] | None) -> None:
    if rows is None:
        with refused("MalformedQueryException"):
            ask(query)
    else:
        found = ask(query)
        assert sorted(found, key=str) == sorted(rows, key=str) if "dedup" in query else found == rows


def test_what_is_not_built_says_so(ask: Any, logs: Any, refused: Any) -> None:
    with refused("NotImplemented", "of PPL"):
        ask("trendline sma(2, latency)")
    with refused("MalformedQueryException"):
        ask("fields @message | limit 5")
    ask("head 1")
    (query,) = logs.describe_queries(queryLanguage="PPL")["queries"]
    assert query["queryString"] == "head 1"
    assert logs.describe_queries(queryLanguage="CWLI")["queries"] == []
