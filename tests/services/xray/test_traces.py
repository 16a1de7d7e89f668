"""Segments in, traces and graphs out."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

import pileus
from pileus.testing.account import Account
from pileus.testing.local import CloudClock


@pytest.fixture
def xray(aws: Account) -> Any:
    return aws.client("xray")


class Story:
    """A request that goes from a client to `front`, from there to `rear` and to a table, and fails in `rear`."""

    def __init__(self, now: float, number: int = 1) -> None:
        self.start = now - 10
        self.trace = f"1-{int(self.start):08x}-{number:024x}"

    def documents(self, **front: Any) -> list[dict[str, Any]]:
        first = {
            "id": "1" * 16,
            "trace_id": self.trace,
            "name": "front",
            "origin": "AWS::EC2::Instance",
            "start_time": self.start,
            "end_time": self.start + 3,
            "http": {"request": {"method": "GET", "url": "https://front/books"}, "response": {"status": 500}},
            "fault": True,
            "user": "ada",
            "annotations": {"team": "red", "pages": 7, "free": True},
            "subsegments": [
                {
                    "id": "2" * 16,
                    "name": "rear",
                    "namespace": "remote",
                    "start_time": self.start + 1,
                    "end_time": self.start + 2,
                    "fault": True,
                },
                {
                    "id": "3" * 16,
                    "name": "DynamoDB",
                    "namespace": "aws",
                    "start_time": self.start,
                    "end_time": self.start + 1,
                },
            ],
        }
        second = {
            "id": "4" * 16,
            "trace_id": self.trace,
            "parent_id": "2" * 16,
            "name": "rear",
            "start_time": self.start + 1,
            "end_time": self.start + 2,
            "fault": True,
            "cause": {"exceptions": [{"id": "5" * 16, "type": "KeyError", "message": "no such book"}]},
        }
        return [first | front, second]

    def send(self, xray: Any, **front: Any) -> None:
        texts = [json.dumps(document) for document in self.documents(**front)]
        assert xray.put_trace_segments(TraceSegmentDocuments=texts)["UnprocessedTraceSegments"] == []


@pytest.fixture
def story(cloud: pileus.LocalCloud) -> Story:
    return Story(cloud.clock.now())


def found(xray: Any, story: Story, expression: str = "", **more: Any) -> list[dict[str, Any]]:
    asked = {"FilterExpression": expression} if expression else {}
    answer = xray.get_trace_summaries(StartTime=story.start - 60, EndTime=story.start + 60, **asked, **more)
    summaries: list[dict[str, Any]] = answer["TraceSummaries"]
    return summaries


def test_a_trace_is_got_as_its_segments_were_sent(xray: Any, story: Story) -> None:
    story.send(xray)
    answer = xray.batch_get_traces(TraceIds=[story.trace, "1-00000000-000000000000000000000000"])
    (trace,) = answer["Traces"]
    assert (trace["Id"], trace["Duration"], trace["LimitExceeded"]) == (story.trace, 3, False)
    sent = {document["id"]: document for document in story.documents()}
    assert {one["Id"]: json.loads(one["Document"]) for one in trace["Segments"]} == sent


def test_a_summary_tells_how_a_trace_went(aws: Account, xray: Any, story: Story) -> None:
    story.send(xray)
    (summary,) = found(xray, story)
    assert summary["Id"] == story.trace
    assert (summary["Duration"], summary["ResponseTime"]) == (3, 3)
    assert (summary["HasFault"], summary["HasError"], summary["IsPartial"]) == (True, False, False)
    assert summary["Http"] == {"HttpURL": "https://front/books", "HttpMethod": "GET", "HttpStatus": 500}
    assert summary["Users"][0]["UserName"] == "ada"
    values = {name: entries[0]["AnnotationValue"] for name, entries in summary["Annotations"].items()}
    assert values == {"team": {"StringValue": "red"}, "pages": {"NumberValue": 7}, "free": {"BooleanValue": True}}
    assert summary["EntryPoint"]["Name"] == "front"
    causes = [cause["Services"][0] for cause in summary["FaultRootCauses"]]
    path = next(cause["EntityPath"] for cause in causes if cause["Name"] == "rear")
    assert path[0]["Exceptions"] == [{"Name": "KeyError", "Message": "no such book"}]


@pytest.mark.parametrize(
    ("expression", "meant"),
    [
        ("fault", True),
        ("NOT fault", False),
        ("!ok", True),
        ("error OR throttle", False),
        ("responsetime > 2", True),
        ("responsetime > 3 OR duration >= 3", True),
        ('http.status = 500 AND http.method = "GET"', True),
        ('http.url CONTAINS "books"', True),
        ('http.url BEGINSWITH "https://front" http.url ENDSWITH "books"', True),
        ('http.url CONTAINS "films"', False),
        ('annotation.team = "red"', True),
        ('annotation[team] = "blue"', False),
        ("annotation.pages >= 7", True),
        ("annotation.free = true", True),
        ('user = "ada"', True),
        ('service("rear") { fault }', True),
        ('service("DynamoDB") { fault }', False),
        ('service("nobody")', False),
        ('service(id(name: "front", type: "AWS::EC2::Instance")) { responsetime > 2 }', True),
        ('edge("front", "rear") { fault }', True),
        ('edge("rear", "front")', False),
        ('(fault AND user = "bob") OR (fault AND user = "ada")', True),
    ],
)
def test_filter_expressions(xray: Any, story: Story, expression: str, meant: bool) -> None:
    story.send(xray)
    assert bool(found(xray, story, expression)) == meant


@pytest.mark.parametrize("expression", ["fault AND", "weather = 5", 'service("a") {', "(fault", "= 5"])
def test_a_wrong_filter_is_refused(xray: Any, story: Story, refused: Any, expression: str) -> None:
    with refused("InvalidRequestException"):
        found(xray, story, expression)


def test_no_more_than_six_hours_at_once(xray: Any, story: Story, refused: Any) -> None:
    with refused("InvalidRequestException", "6 hours"):
        xray.get_trace_summaries(StartTime=story.start, EndTime=story.start + 6 * 3600 + 1)


def test_traces_are_listed_a_page_at_a_time(xray: Any, cloud: pileus.LocalCloud) -> None:
    stories = [Story(cloud.clock.now(), number) for number in range(1, 131)]
    for number in range(0, 130, 10):
        texts = [json.dumps(story.documents()[0]) for story in stories[number : number + 10]]
        xray.put_trace_segments(TraceSegmentDocuments=texts)
    pages = xray.get_paginator("get_trace_summaries").paginate(
        StartTime=stories[0].start - 60, EndTime=stories[0].start + 60
    )
    counts = [[summary["Id"] for summary in page["TraceSummaries"]] for page in pages]
    assert [len(page) for page in counts] == [100, 30]
    assert {name for page in counts for name in page} == {story.trace for story in stories}


def test_the_service_graph(xray: Any, story: Story) -> None:
    story.send(xray)
    for services in (
        xray.get_service_graph(StartTime=story.start - 60, EndTime=story.start + 60)["Services"],
        xray.get_trace_graph(TraceIds=[story.trace])["Services"],
    ):
        by_name = {(one["Name"], one.get("Type")): one for one in services}
        front = by_name["front", "AWS::EC2::Instance"]
        assert front["Root"] is True
        assert front["SummaryStatistics"]["FaultStatistics"]["TotalCount"] == 1
        numbers = {one["ReferenceId"]: one["Name"] for one in services}
        assert {numbers[edge["ReferenceId"]] for edge in front["Edges"]} == {"rear", "DynamoDB"}
        client = by_name["front", "client"]
        assert [numbers[edge["ReferenceId"]] for edge in client["Edges"]] == ["front"]
        assert by_name["DynamoDB", "AWS::DynamoDB"]["SummaryStatistics"]["OkCount"] == 1


def test_statistics_over_time(xray: Any, story: Story) -> None:
    story.send(xray)
    answer = xray.get_time_series_service_statistics(StartTime=story.start - 60, EndTime=story.start + 60, Period=60)
    (point,) = answer["TimeSeriesServiceStatistics"]
    assert point["ServiceSummaryStatistics"]["FaultStatistics"]["TotalCount"] == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": "xyz"}, "InvalidId"),
        ({"id": None}, "MissingId"),
        ({"trace_id": "1-5"}, "InvalidTraceId"),
        ({"trace_id": "1-00000001-000000000000000000000001"}, "InvalidTraceId"),
        ({"name": None}, "MissingName"),
        ({"start_time": None}, "MissingStartTime"),
        ({"end_time": None}, "MissingEndTime"),
    ],
)
def test_a_wrong_segment_is_told_and_the_others_kept(
    xray: Any, story: Story, change: dict[str, Any], code: str
) -> None:
    good, second = story.documents()
    bad = {name: value for name, value in (second | change).items() if value is not None}
    answer = xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(bad), json.dumps(good), "{"])
    assert [one["ErrorCode"] for one in answer["UnprocessedTraceSegments"]] == [code, "ParseError"]
    (trace,) = xray.batch_get_traces(TraceIds=[story.trace])["Traces"]
    assert [one["Id"] for one in trace["Segments"]] == ["1" * 16]


def test_a_segment_in_progress_is_replaced_when_it_ends(xray: Any, story: Story) -> None:
    first = story.documents()[0]
    open_ = {name: value for name, value in first.items() if name != "end_time"} | {"in_progress": True}
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(open_)])
    assert found(xray, story)[0]["IsPartial"] is True
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(first)])
    (summary,) = found(xray, story)
    assert (summary["IsPartial"], summary["Revision"]) == (False, 2)


def test_traces_are_kept_for_thirty_days(xray: Any, story: Story, clock: CloudClock) -> None:
    story.send(xray)
    clock.advance(29 * 86400)
    assert len(xray.batch_get_traces(TraceIds=[story.trace])["Traces"]) == 1
    clock.advance(2 * 86400)
    assert xray.batch_get_traces(TraceIds=[story.trace])["Traces"] == []


def test_no_more_than_five_traces_at_once(xray: Any, refused: Any) -> None:
    with refused("InvalidRequestException"):
        xray.batch_get_traces(TraceIds=[f"1-00000000-{n:024x}" for n in range(6)])


def test_the_daemon_takes_segments_by_udp(tmp_path: Path) -> None:
    with pileus.cloud(listen={"xray": 0}, sockets=True) as cloud:
        import boto3

        xray = boto3.client("xray", **cloud.client_kwargs())
        story = Story(cloud.clock.now())
        header = b'{"format": "json", "version": 1}\n'
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            address = ("127.0.0.1", cloud.server.ports["xray"].port)
            sender.sendto(b"nonsense", address)
            sender.sendto(header + b"{", address)
            for document in story.documents():
                sender.sendto(header + json.dumps(document).encode(), address)
        deadline = time.monotonic() + 10
        while not (traces := xray.batch_get_traces(TraceIds=[story.trace])["Traces"]) or len(traces[0]["Segments"]) < 2:
            assert time.monotonic() < deadline, "the segments have not come"
        assert {one["Id"] for one in traces[0]["Segments"]} == {"1" * 16, "4" * 16}
