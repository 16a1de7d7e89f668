"""Logs Insights: diff, anomaly, SOURCE, unmask, filterIndex and unnest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

HOUR = 3_600_000


@pytest.fixture
def ask(logs: Any, now: Callable[[], int]) -> Callable[..., list[dict[str, str]]]:
    """The rows of a query of the last hour."""

    def ask(query: str, start: int = 0, **members: Any) -> list[dict[str, str]]:
        given = members or {"logGroupName": "app"}
        at = now()
        number = logs.start_query(queryString=query, startTime=start or at - HOUR, endTime=at, **given)["queryId"]
        while True:
            answer = logs.get_query_results(queryId=number)
            if answer["status"] not in ("Scheduled", "Running"):
                break
        assert answer["status"] == "Complete"
        return [{one["field"]: one["value"] for one in row if one["field"] != "@ptr"} for row in answer["results"]]

    return ask


def test_diff_tells_what_patterns_did_since_the_time_before(ask: Any, put: Any, now: Any) -> None:
    at = now()
    yesterday = at - 24 * HOUR - HOUR // 2
    put(*[(yesterday + n, f"user {n} logged in") for n in range(10)], (yesterday + 20, "worker 7 was stopped"))
    put(*[(at - HOUR // 2 + n, f"user {n} logged in") for n in range(25)], (at - 1000, "error: disk 3 is full"))
    rows = ask("pattern @message | diff previousDay")
    told = {row["@pattern"]: (row["@differenceEventCount"], row["@differenceDescription"]) for row in rows}
    assert told == {
        "user <Number-1> logged in": ("15", "Increase by 150%"),
        "error: disk <Number-1> is full": ("1", "New pattern"),
        "worker <Number-1> was stopped": ("-1", "Pattern is gone"),
    }
    assert rows[0]["@sampleCount"] == "25"
    assert rows[0]["@previousSampleCount"] == "10"
    assert {row["@previousSampleCount"] for row in ask("pattern @message | diff")} == {"0"}
    only = ask("filter @message like /logged/ | pattern @message | diff previousDay | filter @differenceEventCount > 0")
    assert [row["@pattern"] for row in only] == ["user <Number-1> logged in"]


def test_anomaly_finds_what_is_unusual_and_nothing_else(ask: Any, put: Any, now: Any, refused: Any) -> None:
    start = now() - HOUR + 60_000
    calm = [(start + n * 15_000, f"GET /items/{n} answered 200 in {20 + n % 7} ms") for n in range(200)]
    put(*calm)
    assert ask("pattern @message | anomaly") == []
    burst = [(start + 1_800_000 + n, f"retrying queue {n}") for n in range(90)]
    steady = [(start + n * 60_000, f"retrying queue {n}") for n in range(50)]
    late = [(now() - 30_000, "fatal error: replica is lost")]
    odd = [
        (start + 900_000, "GET /items/1 answered 200 in 9000 ms"),
        (start + 950_000, "GET /items/1 answered 500 in 21 ms"),
    ]
    put(*sorted(burst + steady + late + odd))
    rows = ask("fields @timestamp, @message | pattern @message | anomaly")
    told = {row["@anomalyType"]: row for row in rows}
    assert set(told) == {"New Pattern", "Pattern Frequency", "Token Variation", "Numerical Variation"}
    assert told["New Pattern"]["@logSample"] == "fatal error: replica is lost"
    assert told["New Pattern"]["@priority"] == "HIGH"
    assert told["Pattern Frequency"]["@pattern"] == "retrying queue <Number-1>"
    assert "'500'" in told["Token Variation"]["@description"]
    assert "9000" in told["Numerical Variation"]["@description"]
    with refused("MalformedQueryException"):
        ask("fields @message | anomaly")


def test_source_says_which_groups(ask: Any, logs: Any, put: Any, refused: Any) -> None:
    for name in ("api/one", "api/two", "apart"):
        logs.create_log_group(logGroupName=name, logGroupClass="INFREQUENT_ACCESS" if name == "api/two" else "STANDARD")
        logs.create_log_stream(logGroupName=name, logStreamName="main")
        put(name, group=name)

    def names(source: str) -> list[str]:
        return sorted(row["@message"] for row in ask(f"SOURCE {source} | fields @message", queryLanguage="CWLI"))

    assert names('logGroups(namePrefix: ["api/"])') == ["api/one", "api/two"]
    assert names('logGroups(namePrefix: ["ap"], class: ["STANDARD"])') == ["apart", "api/one"]
    assert names('["apart"]') == ["apart"]
    with refused("InvalidParameterException"):
        ask('SOURCE logGroups(namePrefix: ["api/"]) | fields @message', logGroupName="app")
    with refused("InvalidParameterException"):
        names('logGroups(namePrefix: ["nothing"])')
    with refused("MalformedQueryException"):
        ask('fields @message | SOURCE "app"')


def test_unmask_shows_what_is_masked_to_those_who_may(aws: Any, ask: Any, logs: Any, put: Any, refused: Any) -> None:
    identifiers = ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"]
    statements = [
        {"Sid": "a", "DataIdentifier": identifiers, "Operation": {"Audit": {"FindingsDestination": {}}}},
        {"Sid": "b", "DataIdentifier": identifiers, "Operation": {"Deidentify": {"MaskConfig": {}}}},
    ]
    policy = {"Name": "p", "Version": "2021-06-01", "Statement": statements}
    logs.put_data_protection_policy(logGroupIdentifier="app", policyDocument=json.dumps(policy))
    put('{"user": {"mail": "ann@example.com"}}')
    (row,) = ask("fields @message, unmask(@message), user.mail, unmask(user.mail) as mail")
    assert row["@message"] == '{"user": {"mail": "***************"}}'
    assert row["unmask(@message)"] == '{"user": {"mail": "ann@example.com"}}'
    assert (row["user.mail"], row["mail"]) == ("*" * 15, "ann@example.com")
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*Query*", "Resource": "*"}]}
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = aws.client("logs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    given = {"logGroupName": "app", "startTime": 1, "endTime": 2}
    assert reader.start_query(queryString="fields @message", **given)["queryId"]
    with refused("AccessDeniedException"):
        reader.start_query(queryString="fields unmask(@message)", **given)


def test_filter_index_goes_through_indexed_groups_alone(ask: Any, logs: Any, put: Any) -> None:
    logs.create_log_group(logGroupName="other")
    logs.create_log_stream(logGroupName="other", logStreamName="main")
    put('{"user": "ann", "group": "app"}', '{"user": "bob", "group": "app"}')
    put('{"user": "ann", "group": "other"}', group="other")
    given = {"logGroupNames": ["app", "other"]}
    query = 'fields group | filterIndex user in ["ann"]'
    assert ask(query, **given) == []
    logs.put_index_policy(logGroupIdentifier="app", policyDocument='{"Fields": ["user"]}')
    assert ask(query, **given) == [{"group": "app"}]


def test_unnest_makes_a_row_of_each_element(ask: Any, put: Any) -> None:
    put('{"id": 1, "events": [{"name": "a", "tags": ["x", "y"]}, {"name": "b", "tags": []}]}', '{"id": 2}')
    rows = ask("fields jsonParse(@message) as doc | unnest doc.events into event | fields event.name | sort event.name")
    assert [row.get("event.name") for row in rows] == [None, "a", "b"]
    rows = ask("unnest events into event | stats count(*) as n by event.name, id | sort id desc, event.name")
    assert [(row.get("event.name"), row["n"]) for row in rows] == [(None, "1"), ("a", "1"), ("b", "1")]
