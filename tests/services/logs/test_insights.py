"""Logs Insights: the query language over stored events."""

from __future__ import annotations

import json
from typing import Any

import pytest

REQUESTS = [
    {"method": "GET", "path": "/a", "status": 200, "latency": 10, "user": {"name": "ann", "ip": "10.0.0.1"}},
    {"method": "GET", "path": "/b", "status": 404, "latency": 20, "user": {"name": "bob", "ip": "10.0.1.1"}},
    {"method": "PUT", "path": "/a", "status": 500, "latency": 30, "user": {"name": "ann", "ip": "192.168.0.1"}},
    {"method": "PUT", "path": "/a", "status": 200, "latency": 40, "tags": ["x", "y"], "ok": True},
]


@pytest.fixture
def ask(logs: Any, put: Any, now: Any, clock: Any) -> Any:
    """`ask("fields …")`: the rows of the answer, of four requests and two lines of text, a minute apart."""
    start = now() - 600_000
    for number, request in enumerate(REQUESTS):
        put((start + number * 60_000, json.dumps(request)))
    put((start + 240_000, "user=carl, action:login, latency := 7ms"), (start + 300_000, "plain text"))

    def ask(query: str, **wish: Any) -> list[dict[str, str]]:
        asked = {"logGroupName": "app", "startTime": start // 1000, "endTime": now() // 1000} | wish
        number = logs.start_query(queryString=query, **asked)["queryId"]
        clock.advance(1)
        answer = logs.get_query_results(queryId=number)
        assert answer["status"] == "Complete"
        return [
            {field["field"]: field["value"] for field in row if field["field"] != "@ptr"} for row in answer["results"]
        ]

    return ask


def column(rows: list[dict[str, str]], name: str) -> list[str]:
    return [row[name] for row in rows if name in row]


def test_fields_filter_sort_and_limit(ask: Any) -> None:
    rows = ask("fields @timestamp, path, latency | filter status = 200 | sort latency desc | limit 1")
    assert [(row["path"], row["latency"]) for row in rows] == [("/a", "40")]
    assert len(rows[0]["@timestamp"]) == len("2026-11-27 21:00:00.000")
    assert column(ask("filter latency >= 20 and latency < 40 | fields latency"), "latency") == ["30", "20"]
    assert column(ask('filter method = "PUT" or status = 404 | fields status | sort status'), "status") == [
        "200",
        "404",
        "500",
    ]
    assert column(ask("fields path | filter status in [404, 500]"), "path") == ["/a", "/b"]
    assert column(ask("filter not ispresent(status) | fields @message"), "@message")[0] == "plain text"


def test_without_fields_the_latest_come_first(ask: Any) -> None:
    rows = ask("limit 2")
    assert [sorted(row) for row in rows] == [["@message", "@timestamp"]] * 2
    assert rows[0]["@message"] == "plain text"


def test_like_and_regular_expressions(ask: Any) -> None:
    assert len(ask("filter @message like /GET|PUT/")) == 4
    assert len(ask("filter @message like 'plain'")) == 1
    assert len(ask("filter @message not like /(?i)PLAIN/")) == 5
    assert len(ask("filter path =~ /^\\/a$/")) == 3
    assert len(ask("filter @message like 'plain' or status = 500")) == 2


def test_fields_within_fields(ask: Any) -> None:
    assert column(ask("fields user.name | filter user.name = 'ann'"), "user.name") == ["ann", "ann"]
    assert column(ask("fields tags.1 | filter ispresent(tags.1)"), "tags.1") == ["y"]
    assert column(ask("fields ok | filter ok = 1"), "ok") == ["1"]
    assert column(ask("fields `user.ip` as ip | filter isIpv4InSubnet(ip, '10.0.0.0/16') | sort ip"), "ip") == [
        "10.0.0.1",
        "10.0.1.1",
    ]


def test_stats(ask: Any) -> None:
    rows = ask("stats count(*) as n, avg(latency), max(latency), min(latency), sum(latency) by method | sort n desc")
    by_method = {row.get("method", ""): row for row in rows}
    assert by_method["PUT"] == {
        "method": "PUT",
        "n": "2",
        "avg(latency)": "35",
        "max(latency)": "40",
        "min(latency)": "30",
        "sum(latency)": "70",
    }
    assert by_method[""]["n"] == "2"
    (row,) = ask("stats count(*), count(latency), count_distinct(path), pct(latency, 50), stddev(latency)")
    assert row == {
        "count(*)": "6",
        "count(latency)": "4",
        "count_distinct(path)": "2",
        "pct(latency, 50)": "20",
        "stddev(latency)": "11.1803",
    }
    (row,) = ask("stats earliest(path) as e, latest(latency) as l, sum(latency) / count(latency) as mean")
    assert row == {"e": "/a", "l": "40", "mean": "25"}


def test_stats_by_time(ask: Any) -> None:
    rows = ask("stats count(*) by bin(2m) | sort bin(2m)")
    assert sum(int(row["count(*)"]) for row in rows) == 6
    assert 3 <= len(rows) <= 4
    assert all(row["bin(2m)"].endswith(":00.000") for row in rows)
    rows = ask("stats max(latency) as slowest by bin(1h), method | filter slowest > 20 | display method, slowest")
    assert {"method": "PUT", "slowest": "40"} in rows


def test_parse(ask: Any) -> None:
    rows = ask(
        'parse @message "user=*, action:*, latency := *ms" as who, what, took | filter took > 5 | display who, what'
    )
    assert rows == [{"who": "carl", "what": "login"}]
    rows = ask(
        "parse @message /user=(?<who>[a-z]+), action:(?<what>\\w+)/ | filter ispresent(who) | stats count(*) by who"
    )
    assert rows == [{"who": "carl", "count(*)": "1"}]
    assert ask("parse 'user=*,' as who | filter who = 'carl' | fields who") == [{"who": "carl"}]


def test_functions(ask: Any) -> None:
    (row,) = ask(
        """
        fields toupper(method) as m, strlen(path) as l, concat(method, ' ', path) as c   # texts
        | fields floor(latency / 7) as f, latency % 7 as r, latency ^ 2 as p, abs(0 - latency) as a, least(1, 2) as le
        | fields replace(path, '/', '-') as re, substr(method, 1, 2) as s, coalesce(nothing, method) as co
        | fields trim('  x ') as t, isempty(nothing) as e, isblank(' ') as b, datefloor(@timestamp, 1h) as h
        | filter latency = 30 | display m, l, c, f, r, p, a, le, re, s, co, t, e, b
        """
    )
    assert row == {
        "m": "PUT",
        "l": "2",
        "c": "PUT /a",
        "f": "4",
        "r": "2",
        "p": "900",
        "a": "30",
        "le": "1",
        "re": "-a",
        "s": "UT",
        "co": "PUT",
        "t": "x",
        "e": "1",
        "b": "1",
    }


def test_dedup_keeps_the_latest(ask: Any) -> None:
    rows = ask("fields latency | filter ispresent(path) | dedup path")
    assert column(rows, "latency") == ["40", "20"]
    rows = ask("fields latency | filter ispresent(path) | sort latency asc | dedup path, method")
    assert column(rows, "latency") == ["10", "20", "30"]


def test_what_lambda_reports_is_discovered(ask: Any, put: Any) -> None:
    put(
        "REPORT RequestId: 3e0b9ad5-7b2f-4b6f-8b57-1f2f0a4dd2a6\tDuration: 12.50 ms\tBilled Duration: 13 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 40 MB\tInit Duration: 90.10 ms"
    )
    (row,) = ask(
        "filter @type = 'REPORT' | fields @duration, @billedDuration, @maxMemoryUsed, @initDuration, @requestId"
    )
    assert row == {
        "@duration": "12.5",
        "@billedDuration": "13",
        "@maxMemoryUsed": "40000000",
        "@initDuration": "90.1",
        "@requestId": "3e0b9ad5-7b2f-4b6f-8b57-1f2f0a4dd2a6",
    }


def test_a_record_is_read_whole_by_its_pointer(logs: Any, ask: Any, now: Any, clock: Any, refused: Any) -> None:
    ask("limit 1")
    query = logs.describe_queries(logGroupName="app")["queries"][0]
    assert (query["queryString"], query["status"]) == ("limit 1", "Complete")
    answer = logs.get_query_results(queryId=query["queryId"])
    assert answer["statistics"]["recordsScanned"] == 6
    pointer = answer["results"][0][-1]
    number = logs.start_query(logGroupName="app", startTime=0, endTime=now() // 1000, queryString="fields path")[
        "queryId"
    ]
    clock.advance(1)
    first = logs.get_query_results(queryId=number, maxItems=4)
    second = logs.get_query_results(queryId=number, maxItems=4, nextToken=first["nextToken"])
    assert (len(first["results"]), len(second["results"]), "nextToken" in second) == (4, 2, False)
    assert pointer["field"] == "@ptr"
    with refused("InvalidParameterException", "logRecordPointer"):
        logs.get_log_record(logRecordPointer="é☃")
    record = logs.get_log_record(logRecordPointer=pointer["value"])["logRecord"]
    assert record["@message"] == "plain text"
    assert record["@logStream"] == "main"


def test_mistakes_are_refused(logs: Any, now: Any, refused: Any) -> None:
    def start(query: str, **wish: Any) -> None:
        asked = {"logGroupName": "app", "startTime": 1, "endTime": now() // 1000} | wish
        logs.start_query(queryString=query, **asked)

    for wrong in (
        "nonsense",
        "fields @message | frobnicate",
        "filter status =",
        "limit x",
        "stats nothing(",
        "",
        "sort",
    ):
        with refused("MalformedQueryException"):
            start(wrong)
    with refused("ResourceNotFoundException"):
        start("limit 1", logGroupName="none")
    with refused("InvalidParameterException"):
        start("limit 1", startTime=now() // 1000 + 10)
    with refused("ResourceNotFoundException"):
        logs.get_query_results(queryId="none")


def test_saved_queries(aws: Any, refused: Any) -> None:
    logs = aws.client("logs")
    number = logs.put_query_definition(name="team/errors", queryString="limit 1", logGroupNames=["a"])[
        "queryDefinitionId"
    ]
    logs.put_query_definition(queryDefinitionId=number, name="team/errors", queryString="limit 2")
    (found,) = logs.describe_query_definitions(queryDefinitionNamePrefix="team")["queryDefinitions"]
    assert (found["queryDefinitionId"], found["queryString"]) == (number, "limit 2")
    assert logs.delete_query_definition(queryDefinitionId=number)["success"] is True
    with refused("ResourceNotFoundException"):
        logs.delete_query_definition(queryDefinitionId=number)


def test_a_pattern_is_what_events_have_in_common(logs: Any, put: Any, now: Any, clock: Any) -> None:
    start = now() - 60_000
    for number in range(20):
        user, took = ["ann", "bob", "carl", "dora"][number % 4], number * 7
        put(
            (start + number * 1000, f"2024-05-06T07:08:{number:02d}Z INFO request of {user} served in {took} ms"),
            (start + number * 1000, f"ERROR 10.0.0.{number} refused: i-0abc{number:08x} is down"),
        )
    put((start + 30_000, "something that is only said once, and at some length"))
    number = logs.start_query(
        logGroupName="app", queryString="pattern @message", startTime=start // 1000, endTime=now() // 1000
    )["queryId"]
    clock.advance(1)
    rows = [{f["field"]: f["value"] for f in row} for row in logs.get_query_results(queryId=number)["results"]]
    assert [(row["@pattern"], row["@sampleCount"], row["@severityLabel"]) for row in rows] == [
        ("<Time-1> INFO request of <Token-2> served in <Number-3> ms", "20", "Info"),
        ("ERROR <IPAddress-1> refused: <ResourceID-2> is down", "20", "Error"),
        ("something that is only said once, and at some length", "1", "None"),
    ]
    assert rows[0]["@ratio"] == "0.4878"
