"""A terminal, as somebody types the demos of the notes into the AWS CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from pileus import LocalCloud


class Shell:
    """A terminal with somebody's credentials."""

    def __init__(self, cloud: LocalCloud, environment: dict[str, str]) -> None:
        self.cloud = cloud
        self.environment = environment
        self._clients: dict[str, Any] = {}

    def __call__(self, command: str, *arguments: str) -> Any:
        done = self.run(command, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, command: str, *arguments: str) -> str:
        """What the CLI says of a command that fails."""
        done = self.run(command, *arguments)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).with_name("aws")
        if not program.exists():
            pytest.skip("the AWS CLI is not installed")
        whole = [str(program), *command.split(), *arguments, "--output", "json", "--endpoint-url", self.cloud.endpoint]
        environment = os.environ | self.environment
        return subprocess.run(whole, env=environment, capture_output=True, text=True, timeout=60)

    def client(self, service: str) -> Any:
        """What asks the same without a process for each question, for whoever waits for something."""
        if service in self._clients:
            return self._clients[service]
        names = {"aws_access_key_id": "AWS_ACCESS_KEY_ID", "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY"}
        keys = {name: self.environment[variable] for name, variable in names.items()}
        region = self.environment.get("AWS_DEFAULT_REGION", "us-east-1")
        made = boto3.client(service, endpoint_url=self.cloud.endpoint, region_name=region, **keys)
        return self._clients.setdefault(service, made)

    def wait(self, waiter: str, **asked: Any) -> None:
        """`aws ec2 wait …`, which would look every fifteen seconds only."""
        self.client("ec2").get_waiter(waiter).wait(**asked, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600})

    def with_key(self, key: dict[str, str]) -> Shell:
        """The terminal of whoever has an access key."""
        changes = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        if "SessionToken" in key:
            changes["AWS_SESSION_TOKEN"] = key["SessionToken"]
        return Shell(self.cloud, self.environment | changes)


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*"}
