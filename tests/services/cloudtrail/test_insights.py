"""Insights: operations that are called, or fail, more often than they usually are."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

HOUR = 3600


@pytest.fixture
def trail(aws: Any, clock: Any, bucket: str) -> Any:
    found = aws.client("cloudtrail")
    found.create_trail(Name="main", S3BucketName=bucket)
    found.start_logging(Name="main")
    return found


def test_an_unusual_rate_begins_and_ends(aws: Any, clock: Any, bucket: str, trail: Any, refused: Any) -> None:
    kinds = [{"InsightType": "ApiCallRateInsight"}, {"InsightType": "ApiErrorRateInsight"}]
    with refused("InsightNotEnabledException"):
        trail.get_insight_selectors(TrailName="main")
    trail.put_insight_selectors(TrailName="main", InsightSelectors=kinds)
    assert trail.get_insight_selectors(TrailName="main")["InsightSelectors"] == kinds
    sns = aws.client("sns")
    for _ in range(30):  # "compared with the seven days before"
        sns.create_topic(Name="usual")
        clock.advance(HOUR)
    assert trail.lookup_events(EventCategory="insight")["Events"] == []
    busy = clock.now()
    for number in range(40):
        sns.create_topic(Name=f"unusual-{number}")
    for _ in range(15):
        with refused("NotFound"):
            sns.set_topic_attributes(TopicArn=f"arn:aws:sns:us-east-1:{aws.id}:none", AttributeName="DisplayName")
    for _ in range(40):
        sns.list_topics()  # which only reads
    clock.advance(1200)

    found = trail.lookup_events(EventCategory="insight")["Events"]
    events = [json.loads(one["CloudTrailEvent"]) for one in found]
    assert all(one["eventType"] == "AwsCloudTrailInsight" and one["eventCategory"] == "Insight" for one in events)
    told = {(one["insightDetails"]["insightType"], one["insightDetails"]["eventName"]) for one in events}
    assert told == {
        ("ApiCallRateInsight", "CreateTopic"),
        ("ApiCallRateInsight", "SetTopicAttributes"),
        ("ApiErrorRateInsight", "SetTopicAttributes"),
    }
    named = trail.lookup_events(
        EventCategory="insight", LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateTopic"}]
    )["Events"]
    end, start = (json.loads(one["CloudTrailEvent"]) for one in named)
    assert (start["insightDetails"]["state"], end["insightDetails"]["state"]) == ("Start", "End")
    assert start["sharedEventID"] == end["sharedEventID"] and start["eventID"] != end["eventID"]
    context = end["insightDetails"]["insightContext"]
    lasted = context["statistics"]["insightDuration"]
    assert round(context["statistics"]["insight"]["average"] * lasted) == 40
    assert context["statistics"]["baseline"]["average"] == pytest.approx(1 / 60, rel=0.1)
    attributions = {one["attribute"]: one["insight"] for one in context["attributions"]}
    assert attributions["userIdentityArn"][0]["value"] == f"arn:aws:iam::{aws.id}:root"
    assert attributions["errorCode"][0]["value"] == "null"
    (failing,) = (
        one["insightDetails"]
        for one in events
        if one["insightDetails"]["insightType"] == "ApiErrorRateInsight" and one["insightDetails"]["state"] == "Start"
    )
    assert failing["errorCode"] == "NotFoundException"

    s3 = aws.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="AWSLogs/")["Contents"]]
    records = [
        record
        for key in keys
        if "/CloudTrail-Insight/us-east-1/" in key
        for record in json.loads(gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))["Records"]
    ]
    assert {one["eventID"] for one in records} == {one["eventID"] for one in events}
    data = trail.list_insights_data(
        InsightSource=trail.get_trail(Name="main")["Trail"]["TrailARN"],
        DataType="InsightsEvents",
        Dimensions={"EventId": start["eventID"]},
    )["Events"]
    assert [one["EventId"] for one in data] == [start["eventID"]]

    asked = {"EventSource": "sns.amazonaws.com", "EventName": "CreateTopic", "InsightType": "ApiCallRateInsight"}
    told = trail.list_insights_metric_data(**asked, Period=60, StartTime=busy - 60)
    assert told["Values"] == [40.0]
    hours = trail.list_insights_metric_data(**asked, DataType="FillWithZeros", StartTime=busy - 10 * HOUR)
    assert len(hours["Values"]) in (10, 11) and 40 in [value - value % 40 for value in hours["Values"]]
    with refused("InvalidParameterException"):
        trail.list_insights_metric_data(**asked, Period=61)


def test_insights_of_a_store_are_in_another(aws: Any, clock: Any, refused: Any) -> None:
    pytest.importorskip("duckdb")
    trail = aws.client("cloudtrail")
    source = trail.create_event_data_store(Name="source")["EventDataStoreArn"]
    fields = [{"Field": "eventCategory", "Equals": ["Insight"]}]
    selectors = [{"FieldSelectors": fields}]
    target = trail.create_event_data_store(Name="target", AdvancedEventSelectors=selectors)["EventDataStoreArn"]
    clock.advance(0)
    calls = [{"InsightType": "ApiCallRateInsight"}]
    with refused("InvalidInsightSelectorsException"):
        trail.put_insight_selectors(EventDataStore=source, InsightsDestination=source, InsightSelectors=calls)
    with refused("InvalidParameterCombinationException"):
        trail.put_insight_selectors(EventDataStore=source, TrailName="main", InsightSelectors=calls)
    told = trail.put_insight_selectors(EventDataStore=source, InsightsDestination=target, InsightSelectors=calls)
    assert told["InsightsDestination"] == target
    clock.advance(26 * HOUR)
    for number in range(20):
        aws.client("sns").create_topic(Name=f"topic-{number}")
    clock.advance(2700)
    statement = (
        "SELECT insightDetails['eventName'] AS name, insightDetails['state'] AS state FROM "
        f"{target.rpartition('/')[2]} ORDER BY eventTime, state DESC"
    )
    query = trail.start_query(QueryStatement=statement)["QueryId"]
    clock.advance(0)
    rows = trail.get_query_results(QueryId=query)["QueryResultRows"]
    found = [tuple(cell[name] for cell in row for name in cell) for row in rows]
    assert found == [("CreateTopic", "Start"), ("CreateTopic", "End")]
