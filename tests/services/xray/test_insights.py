"""Insights into faults, and traces that are searched for in CloudWatch Logs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock


@pytest.fixture
def xray(aws: Account) -> Any:
    return aws.client("xray")


class Traffic:
    """Requests from `front` to `rear`, of which some fail in `rear`, and so in `front`."""

    def __init__(self, xray: Any, clock: CloudClock) -> None:
        self.xray, self.clock, self.count = xray, clock, 0

    def send(self, requests: int, faults: int) -> list[str]:
        traces, documents = [], []
        for number in range(requests):
            self.count += 1
            start = self.clock.now() - 1
            trace = f"1-{int(start):08x}-{self.count:024x}"
            bad = {"fault": True} if number < faults else {}
            common = {"trace_id": trace, "start_time": start, "end_time": start + 0.5, **bad}
            call = {"id": f"{self.count:08x}{2:08x}", "name": "rear", "namespace": "remote", **bad}
            call |= {"start_time": start, "end_time": start + 0.4}
            front = {"id": f"{self.count:08x}{1:08x}", "name": "front", "subsegments": [call], **common}
            rear = {"id": f"{self.count:08x}{3:08x}", "name": "rear", "parent_id": call["id"], **common}
            documents += [json.dumps(front), json.dumps(rear)]
            traces.append(trace)
        for first in range(0, len(documents), 50):
            told = self.xray.put_trace_segments(TraceSegmentDocuments=documents[first : first + 50])
            assert told["UnprocessedTraceSegments"] == []
        return traces


def test_an_insight_opens_is_told_and_closes(xray: Any, aws: Account, clock: CloudClock, refused: Any) -> None:
    events, sqs = aws.client("events"), aws.client("sqs")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{aws.id}:q"
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.xray"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    both = {"InsightsEnabled": True, "NotificationsEnabled": True}
    group = xray.create_group(GroupName="g", InsightsConfiguration=both)["Group"]["GroupARN"]
    traffic, start = Traffic(xray, clock), clock.now()
    traffic.send(40, 1)
    clock.advance(600)
    traffic.send(20, 1)
    clock.advance(60)
    span = {"StartTime": start - 60, "EndTime": start + 6000}
    assert xray.get_insight_summaries(GroupName="g", **span)["InsightSummaries"] == []  # no more than before
    traffic.send(20, 12)
    clock.advance(60)
    (found,) = xray.get_insight_summaries(GroupARN=group, States=["ACTIVE"], **span)["InsightSummaries"]
    assert (found["RootCauseServiceId"]["Name"], found["Categories"]) == ("rear", ["FAULT"])  # and not who calls it
    assert {one["ServiceId"]["Name"] for one in found["TopAnomalousServices"]} >= {"front", "rear"}
    assert found["ClientRequestImpactStatistics"] == {"FaultCount": 13, "OkCount": 27, "TotalCount": 40}
    assert "rear" in found["Summary"]
    (letter,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(letter["Body"])
    assert (told["detail-type"], told["detail"]["State"]) == ("AWS X-Ray Insight Update", "ACTIVE")
    impact = xray.get_insight_impact_graph(
        InsightId=found["InsightId"], StartTime=clock.now() - 600, EndTime=clock.now()
    )["Services"]
    numbers = {one["Name"]: one for one in impact if one.get("Type") != "client"}
    edges = [edge["ReferenceId"] for edge in numbers["front"]["Edges"]]
    assert numbers["rear"]["ReferenceId"] in edges
    series = xray.get_time_series_service_statistics(
        StartTime=clock.now() - 120, EndTime=clock.now(), GroupName="g", ForecastStatistics=True
    )["TimeSeriesServiceStatistics"]
    forecast = series[-1]["ServiceForecastStatistics"]
    assert 0 <= forecast["FaultCountLow"] <= forecast["FaultCountHigh"] < 20
    clock.advance(1200)
    closed = xray.get_insight(InsightId=found["InsightId"])["Insight"]
    assert closed["State"] == "CLOSED" and closed["EndTime"] > closed["StartTime"]
    history = xray.get_insight_events(InsightId=found["InsightId"])["InsightEvents"]
    assert len(history) >= 2 and history[0]["EventTime"] > history[-1]["EventTime"]
    with refused("InvalidRequestException"):
        xray.get_insight(InsightId="00000000-0000-4000-8000-000000000000")


def test_all_spans_are_in_the_log_and_some_are_indexed(
    xray: Any, aws: Account, clock: CloudClock, refused: Any
) -> None:
    """Transaction Search: everything goes to aws/spans; X-Ray itself finds what its indexing rule lets in."""
    logs = aws.client("logs")
    assert xray.get_trace_segment_destination()["Destination"] == "XRay"
    with refused("InvalidRequestException", "does not have permission"):
        xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "xray.amazonaws.com"},
        "Action": "logs:PutLogEvents",
        "Resource": [f"arn:aws:logs:us-east-1:{aws.id}:log-group:aws/spans:*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    logs.put_resource_policy(policyName="spans", policyDocument=policy)
    assert xray.update_trace_segment_destination(Destination="CloudWatchLogs")["Status"] == "PENDING"
    clock.advance(60)
    assert xray.get_trace_segment_destination()["Status"] == "ACTIVE"
    (rule,) = xray.get_indexing_rules()["IndexingRules"]
    assert (rule["Name"], rule["Rule"]["Probabilistic"]["DesiredSamplingPercentage"]) == ("Default", 1.0)
    xray.update_indexing_rule(Name="Default", Rule={"Probabilistic": {"DesiredSamplingPercentage": 50}})
    with refused("ResourceNotFoundException"):
        xray.update_indexing_rule(Name="Other", Rule={"Probabilistic": {"DesiredSamplingPercentage": 50}})
    traces = Traffic(xray, clock).send(40, 0)
    clock.advance(5)
    span = {"StartTime": clock.now() - 60, "EndTime": clock.now()}
    found = {one["Id"] for one in xray.get_trace_summaries(**span)["TraceSummaries"]}
    assert 5 < len(found) < 35
    events = logs.filter_log_events(logGroupName="aws/spans")["events"]
    assert len(events) == 120
    told = json.loads(events[0]["message"])
    assert {"traceId", "spanId", "name", "kind", "startTimeUnixNano"} <= told.keys()
    lost = next(one for one in traces if one not in found)
    assert xray.batch_get_traces(TraceIds=[lost])["Traces"] == []
    token = xray.start_trace_retrieval(TraceIds=[lost], **span)["RetrievalToken"]
    clock.advance(1)
    got = xray.list_retrieved_traces(RetrievalToken=token)
    assert (got["RetrievalStatus"], got["TraceFormat"], got["Traces"][0]["Id"]) == ("COMPLETE", "XRAY", lost)
    documents = [json.loads(one["Document"]) for one in got["Traces"][0]["Spans"]]
    assert {one["trace_id"] for one in documents} == {lost} and len(documents) == 3
    raw = xray.list_retrieved_traces(RetrievalToken=token, TraceFormat="OTEL")["Traces"][0]["Spans"]
    assert {json.loads(one["Document"])["kind"] for one in raw} == {"SERVER", "CLIENT"}
    services = [one["Service"] for one in xray.get_retrieved_traces_graph(RetrievalToken=token)["Services"]]
    by_name = {one["Name"]: one for one in services if one.get("Type") != "client"}
    assert [edge["ReferenceId"] for edge in by_name["front"]["Edges"]] == [by_name["rear"]["ReferenceId"]]
    clock.advance(3601)
    with refused("ResourceNotFoundException"):
        xray.list_retrieved_traces(RetrievalToken=token)
    xray.update_trace_segment_destination(Destination="XRay")
    other = Traffic(xray, clock).send(3, 0)
    fixed = {"Sampling": True, "SamplingStrategy": {"Name": "FixedRate", "Value": 1.0}}
    now = {"StartTime": clock.now() - 60, "EndTime": clock.now()}
    assert {one["Id"] for one in xray.get_trace_summaries(**now, **fixed)["TraceSummaries"]} == {*other}
    fixed["SamplingStrategy"] = {"Name": "FixedRate", "Value": 0.0}
    assert xray.get_trace_summaries(**now, **fixed)["TraceSummaries"] == []
    with refused("ResourceNotFoundException"):
        xray.cancel_trace_retrieval(RetrievalToken=token)
