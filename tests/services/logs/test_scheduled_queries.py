"""Scheduled queries: they run at their times, and their results go to a bucket."""

from __future__ import annotations

import json
from typing import Any


def test_a_query_runs_at_its_times_and_its_results_go_to_a_bucket(
    aws: Any, logs: Any, put: Any, now: Any, clock: Any, refused: Any
) -> None:
    s3, bucket, role = aws.client("s3"), f"results-{aws.id}", f"arn:aws:iam::{aws.id}:role/queries"
    s3.create_bucket(Bucket=bucket)
    given = {
        "queryLanguage": "CWLI",
        "queryString": "filter level = 'ERROR' | stats count(*) as errors",
        "logGroupIdentifiers": ["app"],
        "scheduleExpression": "cron(0 * * * ? *)",
        "startTimeOffset": 3600,
        "executionRoleArn": role,
    }
    destination = {"s3Configuration": {"destinationIdentifier": f"s3://{bucket}/found", "roleArn": role}}
    made = logs.create_scheduled_query(name="errors", destinationConfiguration=destination, **given)
    assert made["state"] == "ENABLED"
    with refused("ConflictException", "already exists"):
        logs.create_scheduled_query(name="errors", **given)
    for wrong, message in (
        ({"scheduleExpression": "cron(never)"}, "schedule expression"),
        ({"queryString": "stats"}, ""),
        ({"startTimeOffset": 10, "endTimeOffset": 20}, "further back"),
    ):
        with refused("ValidationException", message):
            logs.create_scheduled_query(name="other", **(given | wrong))
    logs.tag_resource(resourceArn=made["scheduledQueryArn"], tags={"team": "web"})
    assert logs.list_tags_for_resource(resourceArn=made["scheduledQueryArn"])["tags"] == {"team": "web"}
    put(json.dumps({"level": "ERROR"}), json.dumps({"level": "INFO"}))
    began = now()
    clock.advance(3600)
    found = logs.get_scheduled_query(identifier=made["scheduledQueryArn"])
    assert (found["name"], found["lastExecutionStatus"]) == ("errors", "Complete")
    history = logs.get_scheduled_query_history(identifier="errors", startTime=began, endTime=now())["triggerHistory"]
    (run,) = history
    (place,) = run["destinations"]
    assert (run["executionStatus"], place["status"]) == ("Complete", "COMPLETE")
    key = place["processedIdentifier"].removeprefix(f"s3://{bucket}/")
    assert json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) == [{"errors": "1"}]
    logs.update_scheduled_query(identifier="errors", state="DISABLED", **given)
    assert logs.list_scheduled_queries(state="ENABLED")["scheduledQueries"] == []
    clock.advance(7200)
    assert len(logs.get_scheduled_query_history(identifier="errors", startTime=0, endTime=now())["triggerHistory"]) == 1
    logs.delete_scheduled_query(identifier="errors")
    with refused("ResourceNotFoundException", "does not exist"):
        logs.get_scheduled_query(identifier="errors")
