"""kill -9 amid logs and events of who did what: nothing that was acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path

from .process import Process


def test_events_that_were_acknowledged_are_there_once(tmp_path: Path) -> None:
    server = Process(tmp_path)
    kept: list[str] = []
    created: list[str] = []
    client = server.client()
    client.ask("logs", "Logs_20140328.CreateLogGroup", logGroupName="app")
    client.ask("logs", "Logs_20140328.CreateLogStream", logGroupName="app", logStreamName="main")
    try:
        for round_ in range(4):
            client = server.client()
            end = time.monotonic() + 0.4
            try:
                while time.monotonic() < end:
                    name = f"{round_}-{len(kept)}"
                    events = [{"timestamp": int(time.time() * 1000), "message": f"{name}-{n}"} for n in range(3)]
                    client.ask(
                        "logs",
                        "Logs_20140328.PutLogEvents",
                        logGroupName="app",
                        logStreamName="main",
                        logEvents=events,
                    )
                    kept += [event["message"] for event in events]
                    if len(kept) % 15 == 0:
                        client.sqs("CreateQueue", QueueName=f"q{name}")
                        created.append(f"q{name}")
            except (OSError, http.client.HTTPException):
                pass
            server.kill()
            server.start()
        client = server.client()
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = client.ask("logs", "Logs_20140328.FilterLogEvents", logGroupName="app", **token)
            found += [event["message"] for event in page["events"]]
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        assert [message for message in found if message in set(kept)] == kept
        assert len(found) == len(set(found))
        recorded: list[str] = []
        token = {}
        while True:
            wish = [{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}]
            page = client.ask("cloudtrail", "CloudTrail_20131101.LookupEvents", LookupAttributes=wish, **token)
            records = [json.loads(event["CloudTrailEvent"]) for event in page["Events"]]
            recorded += [record["requestParameters"]["queueName"] for record in records]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        assert len(created) > 5
        assert sorted(name for name in recorded if name in created) == sorted(created)
        assert len(recorded) == len(set(recorded))
    finally:
        server.stop()
