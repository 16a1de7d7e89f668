"""`aws lambda`, as the shell's users type it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pileus.testing.account import Account
from tests.services.lambda_.conftest import package


def test_a_function_is_deployed_invoked_and_taken_down(aws: Account, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("the AWS CLI is not installed")

    def shell(*arguments: str) -> str:
        environment = os.environ | aws.environment()
        command = [str(program), "lambda", *arguments, "--output", "json"]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "app.zip").write_bytes(package({"app.py": "def handler(event, context): return event['name']"}))
    role = f"arn:aws:iam::{aws.id}:role/functions"
    named = ("--function-name", "greeter")
    shell(
        *("create-function", *named, "--runtime", "python3.11", "--handler", "app.handler", "--role", role),
        *("--zip-file", "fileb://app.zip"),
    )
    shell("wait", "function-active-v2", *named)
    (tmp_path / "event.json").write_text('{"name": "Ada"}')
    told = json.loads(shell("invoke", *named, "--payload", "fileb://event.json", "answer.json"))
    assert told == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    assert (tmp_path / "answer.json").read_text() == '"Ada"'
    assert json.loads(shell("publish-version", *named))["Version"] == "1"
    shell("create-alias", *named, "--name", "live", "--function-version", "1")
    assert [each["Name"] for each in json.loads(shell("list-aliases", *named))["Aliases"]] == ["live"]
    shell("delete-function", *named)
    assert json.loads(shell("list-functions"))["Functions"] == []
