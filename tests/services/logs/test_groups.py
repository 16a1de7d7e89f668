"""Groups and streams."""

from __future__ import annotations

import json
from typing import Any


def test_a_group_is_created_found_and_deleted(aws: Any, refused: Any) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/app/one", tags={"team": "red"})
    with refused("ResourceAlreadyExistsException", "The specified log group already exists"):
        logs.create_log_group(logGroupName="/app/one")
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/app")["logGroups"]
    arn = f"arn:aws:logs:us-east-1:{aws.id}:log-group:/app/one"
    assert (group["arn"], group["logGroupArn"]) == (f"{arn}:*", arn)
    assert (group["storedBytes"], group["metricFilterCount"], group["logGroupClass"]) == (0, 0, "STANDARD")
    assert "retentionInDays" not in group
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "red"}
    assert logs.list_tags_log_group(logGroupName="/app/one")["tags"] == {"team": "red"}
    logs.tag_resource(resourceArn=arn, tags={"tier": "1"})
    logs.untag_log_group(logGroupName="/app/one", tags=["team"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"tier": "1"}
    logs.delete_log_group(logGroupName="/app/one")
    assert logs.describe_log_groups()["logGroups"] == []
    with refused("ResourceNotFoundException", "The specified log group does not exist."):
        logs.delete_log_group(logGroupName="/app/one")


def test_names_and_values_are_checked(aws: Any, refused: Any) -> None:
    logs = aws.client("logs")
    with refused("InvalidParameterException"):
        logs.create_log_group(logGroupName="no spaces")
    with refused("InvalidParameterException", "Log groups starting with AWS/ are reserved for AWS."):
        logs.create_log_group(logGroupName="aws/own")
    logs.create_log_group(logGroupName="g")
    with refused("InvalidParameterException", "retentionInDays"):
        logs.put_retention_policy(logGroupName="g", retentionInDays=2)
    with refused("InvalidParameterException"):
        logs.describe_log_groups(logGroupNamePrefix="a", logGroupNamePattern="b")
    with refused("InvalidParameterException"):
        logs.create_log_stream(logGroupName="g", logStreamName="a:b")
    with refused("ResourceNotFoundException"):
        logs.create_log_stream(logGroupName="none", logStreamName="a")


def test_groups_are_listed_by_page_prefix_and_pattern(aws: Any) -> None:
    logs = aws.client("logs")
    for number in range(7):
        logs.create_log_group(logGroupName=f"/aws/lambda/f{number}")
    logs.create_log_group(logGroupName="other")
    pages = logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 3})
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    assert names == [f"/aws/lambda/f{number}" for number in range(7)] + ["other"]
    assert len(logs.describe_log_groups(logGroupNamePattern="LAMBDA")["logGroups"]) == 7
    assert [group["logGroupName"] for group in logs.list_log_groups(logGroupNamePattern="^oth")["logGroups"]] == [
        "other"
    ]


def test_a_protected_group_stays(logs: Any, refused: Any) -> None:
    logs.put_log_group_deletion_protection(logGroupIdentifier="app", deletionProtectionEnabled=True)
    assert logs.describe_log_groups()["logGroups"][0]["deletionProtectionEnabled"] is True
    with refused("ValidationException"):
        logs.delete_log_group(logGroupName="app")
    logs.put_log_group_deletion_protection(logGroupIdentifier="app", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="app")


def test_streams_are_listed_by_name_and_by_their_last_event(logs: Any, put: Any, now: Any) -> None:
    for name in ("b", "a", "c"):
        logs.create_log_stream(logGroupName="app", logStreamName=name)
    put((now() - 1000, "x"), stream="a")
    put((now(), "x"), stream="c")

    def names(**wish: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName="app", PaginationConfig={"PageSize": 2}, **wish
        )
        return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]

    assert names() == ["a", "b", "c", "main"]
    assert names(descending=True) == ["main", "c", "b", "a"]
    assert names(orderBy="LastEventTime", descending=True)[:2] == ["c", "a"]
    assert names(logStreamNamePrefix="m") == ["main"]
    stream = logs.describe_log_streams(logGroupName="app", logStreamNamePrefix="c")["logStreams"][0]
    assert stream["firstEventTimestamp"] == stream["lastEventTimestamp"] == stream["lastIngestionTime"] == now()
    assert stream["arn"].endswith(":log-group:app:log-stream:c")
    logs.delete_log_stream(logGroupName="app", logStreamName="c")
    assert names() == ["a", "b", "main"]


def test_what_the_infrequent_access_class_does_not_have(aws: Any, now: Any, refused: Any) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="cold", logGroupClass="INFREQUENT_ACCESS")
    logs.create_log_stream(logGroupName="cold", logStreamName="main")
    events = [{"timestamp": now(), "message": "x"}]
    logs.put_log_events(logGroupName="cold", logStreamName="main", logEvents=events)
    (group,) = logs.describe_log_groups(logGroupClass="INFREQUENT_ACCESS")["logGroups"]
    assert group["logGroupClass"] == "INFREQUENT_ACCESS"
    count = {"metricName": "n", "metricNamespace": "s", "metricValue": "1"}
    with refused("InvalidParameterException", "INFREQUENT_ACCESS"):
        logs.put_metric_filter(logGroupName="cold", filterName="f", filterPattern="", metricTransformations=[count])
    with refused("InvalidParameterException", "INFREQUENT_ACCESS"):
        logs.filter_log_events(logGroupName="cold")


def policy(aws: Any, service: str = "logs.us-east-1.amazonaws.com") -> str:
    """A key's policy that lets the account and CloudWatch Logs use it."""
    statements = [
        {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}
        for principal in ({"AWS": f"arn:aws:iam::{aws.id}:root"}, {"Service": service})
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def test_a_group_may_have_a_key(aws: Any, refused: Any) -> None:
    logs, kms = aws.client("logs"), aws.client("kms")
    key = kms.create_key(Policy=policy(aws))["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName="sealed", kmsKeyId=key)
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == key
    logs.disassociate_kms_key(logGroupName="sealed")
    assert "kmsKeyId" not in logs.describe_log_groups()["logGroups"][0]
    logs.associate_kms_key(logGroupName="sealed", kmsKeyId=key)
    with refused("InvalidParameterException"):
        logs.associate_kms_key(logGroupName="sealed", kmsKeyId=key[:-4] + "0000")
    closed = kms.create_key(Policy=policy(aws, "logs.eu-west-1.amazonaws.com"))["KeyMetadata"]["Arn"]
    with refused("InvalidParameterException", "not allowed to be used with Arn"):
        logs.associate_kms_key(logGroupName="sealed", kmsKeyId=closed)
    kms.disable_key(KeyId=key)
    with refused("InvalidParameterException"):
        logs.create_log_group(logGroupName="other", kmsKeyId=key)


def test_events_are_encrypted_under_their_group_s_key(logs: Any, aws: Any, put: Any, clock: Any, refused: Any) -> None:
    kms = aws.client("kms")
    one, two = (kms.create_key(Policy=policy(aws))["KeyMetadata"]["Arn"] for _ in range(2))
    put("before")
    logs.associate_kms_key(logGroupName="app", kmsKeyId=one)
    for number in range(70):  # so many that parts are put together
        put(f"under one {number}")
    logs.associate_kms_key(logGroupName="app", kmsKeyId=two)
    put("under two")

    def read() -> list[str]:
        events = logs.filter_log_events(logGroupName="app")["events"]
        tail = logs.get_log_events(logGroupName="app", logStreamName="main", limit=1)["events"]
        assert tail[0]["message"] == "under two"
        return [event["message"] for event in events]

    assert read() == ["before", *(f"under one {number}" for number in range(70)), "under two"]
    assert len(logs.filter_log_events(logGroupName="app", filterPattern='"under two"')["events"]) == 1
    kms.disable_key(KeyId=one)
    clock.advance(301)
    with refused("AccessDeniedException", "The KMS key of the log group cannot be used: DisabledException"):
        read()
    kms.enable_key(KeyId=one)
    assert len(read()) == 72


def test_no_other_account_is_linked(aws: Any, logs: Any) -> None:
    for asked, count in (([], 1), ([aws.id], 1), (["111122223333"], 0)):
        members = {"includeLinkedAccounts": True, **({"accountIdentifiers": asked} if asked else {})}
        assert len(logs.describe_log_groups(**members)["logGroups"]) == count
        assert len(logs.list_log_groups(**members)["logGroups"]) == count
        told = logs.list_aggregate_log_group_summaries(groupBy="DATA_SOURCE_NAME_AND_TYPE", **members)
        assert sum(one["logGroupCount"] for one in told["aggregateLogGroupSummaries"]) == count
