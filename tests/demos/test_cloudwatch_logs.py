"""What the notes say of CloudWatch Logs, as an agent on an instance does it: with nothing but its role."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

FILES = ("/var/log/secure", "/var/log/httpd/access_log", "/var/log/httpd/error_log")


def test_an_agent_ships_three_files_with_the_permissions_of_its_role(aws: Any) -> None:
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": aws.id}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName="CloudWatchRole", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    issued = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="i-1234567890abcdef0")["Credentials"]
    agent = aws.client(
        "logs",
        aws_access_key_id=issued["AccessKeyId"],
        aws_secret_access_key=issued["SecretAccessKey"],
        aws_session_token=issued["SessionToken"],
    )
    # "The permissions the Agent needs will use an IAM Role"
    with pytest.raises(ClientError) as refused:
        agent.create_log_group(logGroupName=FILES[0])
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    iam.attach_role_policy(RoleName="CloudWatchRole", PolicyArn="arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy")
    for name in FILES:
        agent.create_log_group(logGroupName=name)
        agent.create_log_stream(logGroupName=name, logStreamName="i-1234567890abcdef0")
        now = int(time.time() * 1000)
        lines = [{"timestamp": now + number, "message": f"{name} line {number}"} for number in range(3)]
        agent.put_log_events(logGroupName=name, logStreamName="i-1234567890abcdef0", logEvents=lines)
    logs = aws.client("logs")
    assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == sorted(FILES)
    events = logs.filter_log_events(logGroupName="/var/log/secure", filterPattern='"line 2"')["events"]
    assert [event["message"] for event in events] == ["/var/log/secure line 2"]
    with pytest.raises(ClientError):  # the policy does not let it read
        agent.filter_log_events(logGroupName="/var/log/secure")
