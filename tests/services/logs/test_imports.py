"""Imports of what CloudTrail Lake has."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("duckdb")
pytest.importorskip("sqlglot")

DAY = 86400


def test_an_event_data_store_is_imported_day_by_day(aws: Any, logs: Any, clock: Any, refused: Any) -> None:
    trail, iam = aws.client("cloudtrail"), aws.client("iam")
    store = trail.create_event_data_store(Name="lake", TerminationProtectionEnabled=False)["EventDataStoreArn"]
    clock.advance(1)
    for number in range(3):
        iam.create_user(UserName=f"user-{number}")
        clock.advance(20 * DAY)
    role = f"arn:aws:iam::{aws.id}:role/imports"
    made = logs.create_import_task(importSourceArn=store, importRoleArn=role)
    group = f"/aws/cloudtrail/{store.rpartition('/')[2]}"
    assert made["importDestinationArn"] == f"arn:aws:logs:us-east-1:{aws.id}:log-group:{group}"
    (told,) = logs.describe_import_tasks(importId=made["importId"])["imports"]
    assert (told["importStatus"], told["importSourceArn"]) == ("IN_PROGRESS", store)
    clock.advance(60)
    (told,) = logs.describe_import_tasks(importStatus="COMPLETED")["imports"]
    assert told["importStatistics"]["bytesImported"] > 0
    events = [
        (one["timestamp"], json.loads(one["message"]))
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for one in page["events"]
    ]
    created = [(at, event) for at, event in events if event["eventName"] == "CreateUser"]
    assert [event["requestParameters"]["userName"] for _, event in created] == ["user-0", "user-1", "user-2"]
    assert created[1][0] - created[0][0] == pytest.approx(20 * DAY * 1000, abs=2000)  # as old as they are
    batches = logs.describe_import_task_batches(importId=made["importId"])["importBatches"]
    assert {one["status"] for one in batches} == {"COMPLETED"} and len(batches) >= 3
    with refused("InvalidOperationException", "COMPLETED"):
        logs.cancel_import_task(importId=made["importId"])


def test_imports_are_cancelled_and_refused(aws: Any, logs: Any, clock: Any, refused: Any) -> None:
    trail, iam = aws.client("cloudtrail"), aws.client("iam")
    store = trail.create_event_data_store(Name="lake", TerminationProtectionEnabled=False)["EventDataStoreArn"]
    role = f"arn:aws:iam::{aws.id}:role/imports"
    with refused("ResourceNotFoundException"):
        logs.create_import_task(importSourceArn=store[:-4] + "0000", importRoleArn=role)
    with refused("InvalidParameterException", "startEventTime"):
        logs.create_import_task(
            importSourceArn=store, importRoleArn=role, importFilter={"startEventTime": 2, "endEventTime": 1}
        )
    made = [logs.create_import_task(importSourceArn=store, importRoleArn=role)["importId"] for _ in range(3)]
    with refused("InvalidOperationException", "no more than 3"):
        logs.create_import_task(importSourceArn=store, importRoleArn=role)
    assert logs.cancel_import_task(importId=made[0])["importStatus"] == "CANCELLED"
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="imports", AssumeRolePolicyDocument=document)
    with refused("InvalidParameterException", "cannot be assumed by cloudtrail.amazonaws.com"):
        logs.create_import_task(importSourceArn=store, importRoleArn=role)
