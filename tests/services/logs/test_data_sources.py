"""Where groups' logs come from; listings and filters by what is known of groups and events beside their messages."""

from __future__ import annotations

import json
from typing import Any


def test_groups_by_their_data_sources(aws: Any, logs: Any, put: Any, refused: Any) -> None:
    for name in ("flows", "trail", "edge"):
        logs.create_log_group(logGroupName=name, tags={"env": "production" if name == "edge" else "test"})
        logs.create_log_stream(logGroupName=name, logStreamName="main")
    logs.put_delivery_source(
        name="s", resourceArn=f"arn:aws:cloudfront::{aws.id}:distribution/x", logType="ACCESS_LOGS"
    )
    target = logs.describe_log_groups(logGroupNamePrefix="edge")["logGroups"][0]["logGroupArn"]
    destination = logs.put_delivery_destination(
        name="d", outputFormat="json", deliveryDestinationConfiguration={"destinationResourceArn": target}
    )["deliveryDestination"]["arn"]
    logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=destination)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}}
    iam, ec2 = aws.client("iam"), aws.client("ec2")
    role = iam.create_role(
        RoleName="r", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="flows",
        DeliverLogsPermissionArn=role["Role"]["Arn"],
    )
    found = logs.list_aggregate_log_group_summaries(groupBy="DATA_SOURCE_NAME_AND_TYPE")["aggregateLogGroupSummaries"]
    told = {tuple(one["value"] for one in each["groupingIdentifiers"]): each["logGroupCount"] for each in found}
    assert told == {("Unknown", "Unknown"): 2, ("amazon_vpc", "flow"): 1, ("aws_cloudfront", "access_logs"): 1}
    first = logs.list_aggregate_log_group_summaries(groupBy="DATA_SOURCE_NAME_TYPE_AND_FORMAT", limit=1)
    assert len(first["aggregateLogGroupSummaries"][0]["groupingIdentifiers"]) == 3
    rest = logs.list_aggregate_log_group_summaries(
        groupBy="DATA_SOURCE_NAME_TYPE_AND_FORMAT", limit=5, nextToken=first["nextToken"]
    )
    assert len(rest["aggregateLogGroupSummaries"]) == 2
    assert "nextToken" not in rest

    def names(**members: Any) -> list[str]:
        return [one["logGroupName"] for one in logs.list_log_groups(**members)["logGroups"]]

    assert names(dataSources=[{"name": "aws_*"}, {"name": "amazon_vpc", "type": "flow"}]) == ["edge", "flows"]
    assert names(logGroupTags=[{"key": "env", "values": ["PROD*"]}]) == ["edge"]
    assert names(logGroupTags=[{"key": "env", "values": ["!production"]}]) == ["flows", "trail"]
    assert names(logGroupNamePattern="^flo|dge") == ["edge", "flows"]
    assert names(logGroupNamePattern="^dge") == []

    put('{"status": 200, "ratio": 0.5, "hit": true, "client": {"ip": "10.0.0.1"}, "tags": ["a"]}', group="edge")
    fields = logs.get_log_fields(dataSourceName="aws_cloudfront", dataSourceType="access_logs")["logFields"]
    kinds = {one["logFieldName"]: one["logFieldType"] for one in fields}
    assert {name: kind["type"] for name, kind in kinds.items()} == {
        "status": "long",
        "ratio": "double",
        "hit": "boolean",
        "client": "struct",
        "tags": "list",
    }
    assert kinds["client"]["fields"] == [{"logFieldName": "ip", "logFieldType": {"type": "string"}}]
    assert kinds["tags"]["element"] == {"type": "string"}
    with refused("ResourceNotFoundException"):
        logs.get_log_fields(dataSourceName="aws_waf", dataSourceType="access")


def test_filters_by_where_events_come_from(aws: Any, logs: Any, put: Any, now: Any, cloud: Any, refused: Any) -> None:
    given = {"logGroupName": "app", "filterPattern": "ERROR"}

    def metric(name: str, criteria: str, **members: Any) -> None:
        transformation = {"metricName": name, "metricNamespace": "App", "metricValue": "1"}
        logs.put_metric_filter(
            filterName=name, metricTransformations=[transformation], fieldSelectionCriteria=criteria, **given, **members
        )

    metric(
        "here", f'@aws.region IN ["us-east-1"] AND @aws.account = "{aws.id}"', emitSystemFieldDimensions=["@aws.region"]
    )
    metric("elsewhere", '@aws.region NOT IN ["us-east-1"]')
    with refused("InvalidParameterException"):
        metric("wrong", "@aws.region ~ x")
    with refused("InvalidParameterException"):
        metric("wrong", '@message = "x"')
    (one,) = logs.describe_metric_filters(logGroupName="app", filterNamePrefix="here")["metricFilters"]
    assert one["emitSystemFieldDimensions"] == ["@aws.region"]
    put("ERROR one", "ERROR two")
    cloud.clock.advance(0)
    end = now() / 1000

    def points(name: str, dimensions: list[dict[str, str]]) -> list[float]:
        found = aws.client("cloudwatch").get_metric_statistics(
            Namespace="App",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=end - 600,
            EndTime=end + 60,
            Period=3600,
            Statistics=["Sum"],
        )
        return [point["Sum"] for point in found["Datapoints"]]

    assert points("here", [{"Name": "@aws.region", "Value": "us-east-1"}]) == [2.0]
    assert points("elsewhere", []) == []


def test_the_storage_tier_of_an_account(logs: Any, now: Any) -> None:
    assert logs.get_storage_tier_policy()["storageTier"] == "STANDARD"
    put = logs.put_storage_tier_policy(storageTier="INTELLIGENT_TIERING")
    found = logs.get_storage_tier_policy()
    assert found["storageTier"] == "INTELLIGENT_TIERING"
    assert found["lastUpdatedTime"] == put["lastUpdatedTime"]
