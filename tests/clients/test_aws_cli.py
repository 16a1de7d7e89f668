"""The AWS CLI, as the shell's users type it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pileus.testing.account import Account

Cli = Callable[..., Any]


@pytest.fixture
def cli(aws: Account) -> Cli:
    """`cli("sqs", "list-queues")`: what the command prints, as JSON."""
    program = Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("the AWS CLI is not installed")

    def run(*arguments: str) -> Any:
        # Version 1 of the CLI sends SQS to Amazon's legacy host names unless the option itself says otherwise.
        command = [str(program), *arguments, "--output", "json", "--endpoint-url", aws.cloud.endpoint]
        environment = os.environ | aws.environment()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


def test_who_am_i(cli: Cli, aws: Account) -> None:
    assert cli("sts", "get-caller-identity")["Account"] == aws.id


def test_a_message_goes_through_a_queue(cli: Cli) -> None:
    url = cli("sqs", "create-queue", "--queue-name", "letters", "--attributes", "VisibilityTimeout=60")["QueueUrl"]
    sent = cli("sqs", "send-message", "--queue-url", url, "--message-body", "hello, cloud ☁")
    (message,) = cli("sqs", "receive-message", "--queue-url", url)["Messages"]
    assert (message["Body"], message["MessageId"]) == ("hello, cloud ☁", sent["MessageId"])
    assert cli("sqs", "receive-message", "--queue-url", url) is None
    cli("sqs", "delete-message", "--queue-url", url, "--receipt-handle", message["ReceiptHandle"])
    attributes = cli("sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "All")["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_role_is_assumed(cli: Cli, aws: Account) -> None:
    role = f"arn:aws:iam::{aws.id}:role/ci"
    answer = cli("sts", "assume-role", "--role-arn", role, "--role-session-name", "cli")
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
