"""A terminal, as somebody types the demos of the notes into the AWS CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pileus import LocalCloud


class Shell:
    """A terminal with somebody's credentials."""

    def __init__(self, cloud: LocalCloud, environment: dict[str, str]) -> None:
        self.cloud = cloud
        self.environment = environment

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
