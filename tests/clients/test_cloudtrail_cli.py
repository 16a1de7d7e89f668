"""`aws cloudtrail validate-logs`: the chain of digests proves that log files are what was delivered."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.cloudtrail.conftest import allow


@pytest.fixture
def clock(cloud: Any) -> Iterator[Any]:
    cloud.clock.freeze()
    yield cloud.clock
    cloud.clock.resume()


def validated(aws: Any, start: float, end: float) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("the AWS CLI is not installed")
    times = [datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat() for at in (start, end)]
    arn = f"arn:aws:cloudtrail:us-east-1:{aws.id}:trail/main"
    command = [str(program), "cloudtrail", "validate-logs", "--trail-arn", arn, "--verbose"]
    command += ["--start-time", times[0], "--end-time", times[1]]
    return subprocess.run(command, env=os.environ | aws.environment(), capture_output=True, text=True, timeout=60)


def test_validate_logs_accepts_what_is_unchanged_and_nothing_else(aws: Any, clock: Any) -> None:
    bucket = allow(aws, f"digests-{aws.id}")
    trail, s3 = aws.client("cloudtrail"), aws.client("s3")
    trail.create_trail(Name="main", S3BucketName=bucket, EnableLogFileValidation=True)
    start = clock.now()
    trail.start_logging(Name="main")
    for hour in range(3):
        aws.client("sqs").create_queue(QueueName=f"queue-{hour}")
        clock.advance(3600)
    keys = trail.list_public_keys(StartTime=start, EndTime=clock.now())["PublicKeyList"]
    assert len(keys) == 1
    done = validated(aws, start, clock.now())
    assert "3/3 digest files valid" in done.stdout, done.stdout + done.stderr
    assert "INVALID" not in done.stdout
    logs = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"] if "/CloudTrail/" in one["Key"]]
    assert f"{len(logs)}/{len(logs)} log files valid" in done.stdout, done.stdout

    s3.put_object(Bucket=bucket, Key=logs[0], Body=json.dumps({"Records": []}).encode())
    tampered = validated(aws, start, clock.now())
    assert f"{logs[0]}\tINVALID" in tampered.stderr
    assert "1/3 log files INVALID" in tampered.stdout
    assert tampered.returncode != 0
    trail.stop_logging(Name="main")
