"""kill -9 while events are told and objects are copied: what was acknowledged is told and copied after a restart."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from .process import ACCOUNT, Process

WRITERS = 3


def client(server: Process, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=5),
    )


def prepared(server: Process) -> str:
    """A bucket that is copied to another one and tells a queue; the queue's URL."""
    s3, sqs, iam = (client(server, name) for name in ("s3", "sqs", "iam"))
    for name in ("source-bucket", "target-bucket"):
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    url: str = sqs.create_queue(QueueName="news")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:news"
    let = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(let | {"Action": "sqs:*", "Resource": arn})})
    queue = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="source-bucket", NotificationConfiguration={"QueueConfigurations": [queue]}
    )
    role = iam.create_role(RoleName="copy", AssumeRolePolicyDocument=policy(let | {"Action": "sts:AssumeRole"}))[
        "Role"
    ]["Arn"]
    everything = policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    iam.put_role_policy(RoleName="copy", PolicyName="all", PolicyDocument=everything)
    rule = {"ID": "x", "Prefix": "", "Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::target-bucket"}}
    s3.put_bucket_replication(Bucket="source-bucket", ReplicationConfiguration={"Role": role, "Rules": [rule]})
    return url


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_what_was_acknowledged_is_told_and_copied(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    server = Process(folder)
    try:
        url = prepared(server)
        acknowledged: dict[str, str] = {}

        def write(name: str) -> None:
            s3 = client(server, "s3")
            for number in range(10_000):
                key = f"{name}-{number:04}"
                try:
                    done = s3.put_object(
                        Bucket="source-bucket", Key=key, Body=key.encode() * (6000 if number % 2 else 1)
                    )
                except Exception:
                    return
                acknowledged[key] = done["VersionId"]

        for round in range(3):
            threads = [threading.Thread(target=write, args=(f"{round}-{number}",)) for number in range(WRITERS)]
            for thread in threads:
                thread.start()
            while len(acknowledged) < 15 * (round + 1):
                time.sleep(0.01)  # so that there is something to lose, however slow the machine is
            server.kill()
            for thread in threads:
                thread.join()
            server.start()
        s3, sqs = client(server, "s3"), client(server, "sqs")
        told: set[str] = set()
        copied: dict[str, str] = {}
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (
            acknowledged.keys() <= told and acknowledged.items() <= copied.items()
        ):
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get(
                "Messages", []
            ):
                told |= {each["s3"]["object"]["key"] for each in json.loads(message["Body"]).get("Records", [])}
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if acknowledged.keys() <= told:
                pages = s3.get_paginator("list_object_versions").paginate(Bucket="target-bucket")
                copied = {each["Key"]: each["VersionId"] for page in pages for each in page.get("Versions", [])}
        assert acknowledged.keys() <= told
        assert acknowledged.items() <= copied.items()
        for key in list(acknowledged)[::7]:
            number = int(key.rpartition("-")[2])
            found = s3.get_object(Bucket="target-bucket", Key=key)["Body"].read()
            assert found == key.encode() * (6000 if number % 2 else 1)
    finally:
        server.stop()
