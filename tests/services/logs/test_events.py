"""Events: put, read forwards and backwards, filtered, expired."""

from __future__ import annotations

import random
from typing import Any

DAY = 86_400_000


def read(logs: Any, **wish: Any) -> list[str]:
    found = logs.get_log_events(logGroupName="app", logStreamName="main", **wish)
    return [event["message"] for event in found["events"]]


def test_events_are_read_in_the_order_of_their_times(logs: Any, put: Any, now: Any) -> None:
    at = now()
    put((at - 2000, "two"), (at - 1000, "three"))
    put((at - 3000, "one"), (at, "four"))
    assert read(logs) == ["one", "two", "three", "four"]
    assert read(logs, limit=2) == ["three", "four"]
    assert read(logs, limit=2, startFromHead=True) == ["one", "two"]
    assert read(logs, startTime=at - 2000, endTime=at) == ["two", "three"]
    event = logs.get_log_events(logGroupName="app", logStreamName="main", limit=1)["events"][0]
    assert event == {"timestamp": at, "message": "four", "ingestionTime": at}


def test_tokens_lead_forwards_and_backwards_and_repeat_at_the_end(logs: Any, put: Any, now: Any) -> None:
    for number in range(10):
        put((now() - 10_000 + number, str(number)))

    def page(token: str | None = None, **wish: Any) -> Any:
        given = {"nextToken": token} if token else {}
        return logs.get_log_events(logGroupName="app", logStreamName="main", limit=4, **given, **wish)

    def texts(found: Any) -> str:
        return "".join(event["message"] for event in found["events"])

    first = page(startFromHead=True)
    second = page(first["nextForwardToken"])
    third = page(second["nextForwardToken"])
    end = page(third["nextForwardToken"])
    assert [texts(found) for found in (first, second, third, end)] == ["0123", "4567", "89", ""]
    assert end["nextForwardToken"] == third["nextForwardToken"]
    put("new")
    assert texts(page(end["nextForwardToken"])) == "new"
    back = page(third["nextBackwardToken"])
    assert texts(back) == "4567"
    assert texts(page(page(back["nextBackwardToken"])["nextBackwardToken"])) == ""
    head = page(first["nextBackwardToken"])
    assert (texts(head), head["nextBackwardToken"]) == ("", first["nextBackwardToken"])
    assert third["nextForwardToken"].startswith("f/")
    assert third["nextBackwardToken"].startswith("b/")


def test_an_empty_stream_has_tokens_too(logs: Any, put: Any) -> None:
    found = logs.get_log_events(logGroupName="app", logStreamName="main", startFromHead=True)
    assert found["events"] == []
    put("hello")
    assert read(logs, nextToken=found["nextForwardToken"]) == ["hello"]


def test_what_is_too_old_or_too_new_is_rejected_and_told(logs: Any, put: Any, now: Any, clock: Any) -> None:
    at = now()
    told = put((at - 1000, "good"), (at + 3 * 3_600_000, "too new"))
    assert told["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    told = put((at - 14 * DAY - 5000, "too old"), (at - 14 * DAY + 5000, "just in time"))
    assert told["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    logs.put_retention_policy(logGroupName="app", retentionInDays=3)
    told = put((at - 3 * DAY - 5000, "expired"), (at - 3 * DAY + 60_000, "kept"))
    assert told["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert read(logs) == ["kept", "good"]


def test_a_batch_is_in_order_and_not_too_large(logs: Any, put: Any, now: Any, refused: Any) -> None:
    at = now()
    with refused("InvalidParameterException", "chronological order"):
        put((at, "b"), (at - 1, "a"))
    with refused("InvalidParameterException", "more than 24 hours"):
        put((at - DAY - 1, "a"), (at, "b"))
    with refused("InvalidParameterException", "exceeds limit of 1048576"):
        put(*["x" * 1000] * 1023)
    put(*["x" * 998] * 1024)
    with refused("InvalidParameterException"):
        put(*["x"] * 10_001)
    with refused("ResourceNotFoundException", "The specified log stream does not exist."):
        put("x", stream="none")
    assert read(logs, limit=1) == ["x" * 998]


def test_sequence_tokens_are_not_looked_at(logs: Any, put: Any) -> None:
    assert put("a")["nextSequenceToken"]
    events = [{"timestamp": 0, "message": "x"}]
    logs.put_log_events(logGroupName="app", logStreamName="main", logEvents=events, sequenceToken="wrong")


def test_events_expire_by_the_clouds_clock(logs: Any, put: Any, clock: Any) -> None:
    logs.put_retention_policy(logGroupName="app", retentionInDays=1)
    put("old")
    clock.advance(86400 * 0.6)
    put("new")
    assert read(logs) == ["old", "new"]
    clock.advance(86400 * 0.6)
    assert read(logs) == ["new"]
    clock.advance(86400 * 3)
    assert read(logs) == []
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 1
    logs.delete_retention_policy(logGroupName="app")
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]
    assert read(logs) == []  # it has been removed, not only hidden


def test_many_small_parts_out_of_order_come_back_in_order(logs: Any, put: Any, now: Any) -> None:
    chance = random.Random(7)
    times = [now() - chance.randrange(5 * DAY) for _ in range(300)]
    for at in times:
        put((at, str(at)))
    wanted = [str(at) for at in sorted(times)]
    assert read(logs, startFromHead=True) == wanted
    assert read(logs) == wanted
    middle = sorted(times)[100:200]
    assert read(logs, startTime=middle[0], endTime=middle[-1] + 1, startFromHead=True) == [str(at) for at in middle]
    found: list[str] = []
    token = None
    while True:
        given = {"nextToken": token} if token else {}
        page = logs.get_log_events(logGroupName="app", logStreamName="main", limit=37, **given)
        if not page["events"]:
            break
        found = [event["message"] for event in page["events"]] + found
        token = page["nextBackwardToken"]
    assert found == wanted


def test_a_filter_goes_through_all_streams(logs: Any, put: Any, now: Any, refused: Any) -> None:
    logs.create_log_stream(logGroupName="app", logStreamName="second")
    at = now()
    put((at - 3, "ERROR one"), (at - 1, "INFO two"))
    put((at - 2, "ERROR three"), (at, "ERROR four"), stream="second")

    def found(**wish: Any) -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="app", **wish)
        return [event["message"] for page in pages for event in page["events"]]

    assert found(filterPattern="ERROR") == ["ERROR one", "ERROR three", "ERROR four"]
    assert found(filterPattern="ERROR", PaginationConfig={"PageSize": 1}) == ["ERROR one", "ERROR three", "ERROR four"]
    assert found(filterPattern="ERROR -four") == ["ERROR one", "ERROR three"]
    assert found(logStreamNames=["main"]) == ["ERROR one", "INFO two"]
    assert found(logStreamNamePrefix="sec") == ["ERROR three", "ERROR four"]
    assert found(startTime=at - 2, endTime=at - 1) == ["ERROR three", "INFO two"]
    events = logs.filter_log_events(logGroupName="app")["events"]
    assert [event["logStreamName"] for event in events] == ["main", "second", "main", "second"]
    assert len({event["eventId"] for event in events}) == 4
    latest = ["ERROR four", "ERROR three", "ERROR one"]
    assert found(filterPattern="ERROR", startFromHead=False, startTime=at - 1000) == latest
    backwards = {"startFromHead": False, "startTime": at - 1000, "PaginationConfig": {"PageSize": 1}}
    assert found(filterPattern="ERROR", **backwards) == latest
    with refused("InvalidParameterException"):
        found(startFromHead=False)
    with refused("InvalidParameterException"):
        found(logStreamNames=["main"], logStreamNamePrefix="m")
    with refused("ResourceNotFoundException"):
        found(logStreamNames=["none"])
    arn = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    assert len(logs.filter_log_events(logGroupIdentifier=arn)["events"]) == 4


def test_a_group_made_anew_is_empty(logs: Any, put: Any) -> None:
    put("secret")
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] > 0
    logs.delete_log_group(logGroupName="app")
    logs.create_log_group(logGroupName="app")
    logs.create_log_stream(logGroupName="app", logStreamName="main")
    assert read(logs) == []
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 0


def test_a_long_search_is_cut_into_pages(logs: Any, put: Any, now: Any, monkeypatch: Any) -> None:
    from pileus.services.logs import filtering

    monkeypatch.setattr(filtering, "MOST_READ", 2000)
    at = now()
    for number in range(40):
        put((at - 1000 + number, f"{'ERROR' if number == 35 else 'INFO'} {number} {'x' * 300}"))
    first = logs.filter_log_events(logGroupName="app", filterPattern="ERROR")
    assert (first["events"], "nextToken" in first) == ([], True)
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="app", filterPattern="ERROR")
    assert [event["message"][:8] for page in pages for event in page["events"]] == ["ERROR 35"]
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="app")
    assert [event["message"].split()[1] for page in pages for event in page["events"]] == [str(n) for n in range(40)]


def test_events_are_about_an_entity(logs: Any, now: Any, clock: Any) -> None:
    """What an entity is lacking is told, and the events are stored all the same."""

    def put(message: str, **members: Any) -> Any:
        events = [{"timestamp": now(), "message": message}]
        return logs.put_log_events(logGroupName="app", logStreamName="main", logEvents=events, **members)

    keys = {"Type": "Service", "Name": "shop", "Environment": "test"}
    assert "rejectedEntityInfo" not in put("a", entity={"keyAttributes": keys, "attributes": {"Team": "red"}})
    for code, wrong in (
        ("InvalidTypeValue", keys | {"Type": "Thing"}),
        ("InvalidKeyAttributes", keys | {"Colour": "red"}),
        ("MissingRequiredFields", {"Type": "Service", "Name": "shop"}),
    ):
        assert put("b", entity={"keyAttributes": wrong})["rejectedEntityInfo"] == {"errorType": code}
    fields = "@message, @entity.KeyAttributes.Name, @entity.Attributes.Team"
    for query, expected in (
        (
            f"fields {fields} | filter @entity.KeyAttributes.Name = 'shop'",
            [{"@message": "a", "Name": "shop", "Team": "red"}],
        ),
        ("stats count(*) as n by @entity.KeyAttributes.Name", [{"n": "3"}, {"n": "1", "Name": "shop"}]),
    ):
        run = logs.start_query(logGroupName="app", startTime=0, endTime=int(clock.now()) + 60, queryString=query)[
            "queryId"
        ]
        clock.advance(1)
        results = logs.get_query_results(queryId=run)["results"]
        rows = [{cell["field"].rpartition(".")[2]: cell["value"] for cell in row} for row in results]
        shown = [{name: value for name, value in row.items() if name != "@ptr"} for row in rows]
        assert sorted(shown, key=str) == sorted(expected, key=str)
