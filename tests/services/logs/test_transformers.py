"""Transformers: events become documents, and filters, subscriptions and queries see them as such."""

from __future__ import annotations

import json
from typing import Any

import pytest

PARSE: dict[str, Any] = {"parseJSON": {}}


def transformed(logs: Any, config: list[dict[str, Any]], message: Any) -> Any:
    text = message if isinstance(message, str) else json.dumps(message)
    (found,) = logs.test_transformer(transformerConfig=config, logEventMessages=[text])["transformedLogs"]
    assert (found["eventNumber"], found["eventMessage"]) == (1, text)
    try:
        return json.loads(found["transformedEventMessage"])
    except ValueError:
        return found["transformedEventMessage"]


def entries(name: str, *given: dict[str, Any]) -> dict[str, Any]:
    return {name: {"entries": list(given)}}


CHANGES: list[tuple[dict[str, Any], Any, Any]] = [
    ({"parseJSON": {"source": "a", "destination": "b"}}, {"a": '{"c": 1}'}, {"a": '{"c": 1}', "b": {"c": 1}}),
    (entries("addKeys", {"key": "a.b", "value": "x"}), {"c": 1}, {"c": 1, "a": {"b": "x"}}),
    (entries("addKeys", {"key": "c", "value": "x"}), {"c": 1}, {"c": 1}),
    (entries("addKeys", {"key": "c", "value": "x", "overwriteIfExists": True}), {"c": 1}, {"c": "x"}),
    ({"deleteKeys": {"withKeys": ["a.b", "z"]}}, {"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}),
    (entries("moveKeys", {"source": "a.b", "target": "c"}), {"a": {"b": 1}, "c": {}}, {"a": {}, "c": {"b": 1}}),
    (entries("renameKeys", {"key": "a", "renameTo": "b"}), {"a": 1}, {"b": 1}),
    (entries("copyValue", {"source": "a[1].b", "target": "c"}), {"a": [0, {"b": 2}]}, {"a": [0, {"b": 2}], "c": 2}),
    ({"upperCaseString": {"withKeys": ["a"]}}, {"a": "x"}, {"a": "X"}),
    ({"lowerCaseString": {"withKeys": ["a"]}}, {"a": "X"}, {"a": "x"}),
    ({"trimString": {"withKeys": ["a"]}}, {"a": " x "}, {"a": "x"}),
    (entries("splitString", {"source": "a", "delimiter": "-"}), {"a": "x-y"}, {"a": ["x", "y"]}),
    (entries("substituteString", {"source": "a", "from": "(\\d+)", "to": "<$1>"}), {"a": "b12"}, {"a": "b<12>"}),
    (
        entries("typeConverter", {"key": "a", "type": "integer"}, {"key": "b", "type": "boolean"}),
        {"a": "12", "b": "true"},
        {"a": 12, "b": True},
    ),
    (
        {"listToMap": {"source": "l", "key": "k", "valueKey": "v", "flatten": True, "flattenedElement": "last"}},
        {"l": [{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "a", "v": 3}]},
        {"l": [{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "a", "v": 3}], "a": 3, "b": 2},
    ),
    (
        {
            "dateTimeConverter": {
                "source": "a",
                "target": "b",
                "matchPatterns": ["epoch", "dd/MMM/yyyy:HH:mm:ss Z"],
                "targetFormat": "EEE yyyy-MM-dd'T'hh:mm a XXX",
                "targetTimezone": "America/New_York",
            }
        },
        {"a": "10/Oct/2000:13:55:36 +0000"},
        {"a": "10/Oct/2000:13:55:36 +0000", "b": "Tue 2000-10-10T09:55 AM -04:00"},
    ),
    (
        {"csv": {"source": "a", "columns": ["x", "y"]}},
        {"a": '1,"2,3",4'},
        {"a": '1,"2,3",4', "x": "1", "y": "2,3", "column_3": "4"},
    ),
    (
        {"parseKeyValue": {"source": "a", "fieldDelimiter": " ", "keyPrefix": "p_", "nonMatchValue": "none"}},
        {"a": "x=1 y z=2"},
        {"a": "x=1 y z=2", "p_x": "1", "p_y": "none", "p_z": "2"},
    ),
]


@pytest.mark.parametrize(("processor", "before", "after"), CHANGES)
def test_a_processor_changes_a_document(logs: Any, processor: dict[str, Any], before: Any, after: Any) -> None:
    assert transformed(logs, [PARSE, processor], before) == after


def test_grok_gives_names_to_parts_of_a_line(logs: Any) -> None:
    match = (
        r"%{IP:client.ip} \[%{TIMESTAMP_ISO8601:at}\] %{LOGLEVEL:level} %{WORD:verb} "
        r"%{URIPATHPARAM:path} %{GREEDYDATA:rest}"
    )
    line = "203.0.113.9 [2024-05-06T07:08:09.123Z] WARN GET /a/b?c=d took 12 ms"
    assert transformed(logs, [{"grok": {"match": match}}], line) == {
        "client": {"ip": "203.0.113.9"},
        "at": "2024-05-06T07:08:09.123Z",
        "level": "WARN",
        "verb": "GET",
        "path": "/a/b?c=d",
        "rest": "took 12 ms",
    }
    assert transformed(logs, [{"grok": {"match": match}}], "something else") == "something else"


def test_logs_of_services_are_read(logs: Any) -> None:
    flow = "2 123456789010 eni-abc 10.0.0.1 10.0.0.2 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"
    found = transformed(logs, [{"parseVPC": {}}], flow)
    assert (found["srcAddr"], found["dstPort"], found["bytes"], found["action"]) == ("10.0.0.1", 22, 4249, "ACCEPT")
    query = "1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com A NOERROR UDP FRA6 192.0.2.1 -"
    found = transformed(logs, [{"parseRoute53": {}}], query)
    assert (found["queryName"], found["queryType"], "ednsClientSubnet" in found) == ("example.com", "A", False)
    line = "2019-03-10 03:54:59 UTC:10.0.0.123(52834):postgres@logtestdb:[20175]:ERROR: column does not exist"
    found = transformed(logs, [{"parsePostgres": {}}], line)
    assert (found["dbName"], found["srcIp"], found["logLevel"]) == ("logtestdb", "10.0.0.123", "ERROR")
    acl = {"action": "BLOCK", "httpRequest": {"headers": [{"name": "Host", "value": "example.com"}]}}
    assert transformed(logs, [{"parseWAF": {}}], acl)["httpRequest"]["headers"] == {"Host": "example.com"}


def test_what_is_no_transformer_is_refused(logs: Any, refused) -> None:
    group = "app"
    for config, message in (
        ([{"deleteKeys": {"withKeys": ["a"]}}], "must be a parser"),
        ([PARSE, {"parseVPC": {}}], "must be the first"),
        ([{"grok": {"match": "%{NOTHING:a}"}}], "there is no pattern NOTHING"),
        ([{**PARSE, "csv": {}}], "exactly one member"),
    ):
        with refused("InvalidParameterException", message):
            logs.put_transformer(logGroupIdentifier=group, transformerConfig=config)
    with refused("ResourceNotFoundException", "transformer"):
        logs.get_transformer(logGroupIdentifier=group)


def test_filters_and_queries_see_what_was_made_of_events(aws: Any, logs: Any, put: Any, now: Any, clock: Any) -> None:
    put("status=500 took=12", "status=200 took=3")
    clock.advance(1)
    config = [
        {"parseKeyValue": {"fieldDelimiter": " "}},
        entries("typeConverter", {"key": "status", "type": "integer"}, {"key": "took", "type": "double"}),
        entries("copyValue", {"source": "@logGroupName", "target": "group"}),
    ]
    logs.put_transformer(logGroupIdentifier="app", transformerConfig=config)
    assert logs.get_transformer(logGroupIdentifier="app")["transformerConfig"] == config
    for name, on in (("plain", False), ("shaped", True)):
        transformation = {"metricName": name, "metricNamespace": "shapes", "metricValue": "$.took"}
        logs.put_metric_filter(
            logGroupName="app",
            filterName=name,
            filterPattern="{ $.status >= 500 }",
            metricTransformations=[transformation],
            applyOnTransformedLogs=on,
        )
    put("status=503 took=40", "status=204 took=5", "nothing")
    clock.advance(1)
    found = aws.client("cloudwatch").list_metrics(Namespace="shapes")["Metrics"]
    assert [metric["MetricName"] for metric in found] == ["shaped"]

    def ask(query: str) -> list[dict[str, str]]:
        number = logs.start_query(
            logGroupName="app", queryString=query, startTime=now() // 1000 - 60, endTime=now() // 1000
        )["queryId"]
        clock.advance(1)
        rows = logs.get_query_results(queryId=number)["results"]
        return [{field["field"]: field["value"] for field in row if field["field"] != "@ptr"} for row in rows]

    assert ask("filter status >= 200 | fields @message, status, group | sort status") == [
        {"@message": "status=204 took=5", "status": "204", "group": "app"},
        {"@message": "status=503 took=40", "status": "503", "group": "app"},
    ]
    assert ask("stats max(took) as most, count(*) as total") == [{"most": "40", "total": "5"}]
    messages = logs.get_log_events(logGroupName="app", logStreamName="main", startFromHead=True)["events"]
    assert messages[0]["message"] == "status=500 took=12"
    logs.delete_transformer(logGroupIdentifier="app")
    assert ask("filter status >= 200") == []


def test_a_policy_that_is_no_list_of_processors_is_refused(logs: Any, refused: Any) -> None:
    for document in ("null", "1", '"x"', "{}"):
        with refused("InvalidParameterException"):
            logs.put_account_policy(policyName="all", policyType="TRANSFORMER_POLICY", policyDocument=document)
