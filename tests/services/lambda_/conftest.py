"""What the tests of Lambda share: functions made of a few lines, and their invocation."""

from __future__ import annotations

import base64
import io
import json
import textwrap
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from pileus.testing.account import Account


def package(files: dict[str, str | bytes], executable: str = "") -> bytes:
    """A deployment package."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if name == executable else 0o644) << 16
            archive.writestr(entry, textwrap.dedent(content) if isinstance(content, str) else content)
    return data.getvalue()


class Answer:
    """What an invocation answered."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.status = answer["StatusCode"]
        self.error = answer.get("FunctionError", "")
        self.version = answer.get("ExecutedVersion")
        self.payload = answer["Payload"].read()
        self.log = base64.b64decode(answer.get("LogResult", "")).decode()

    @property
    def json(self) -> Any:
        return json.loads(self.payload)


class Functions:
    """The functions of an account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.client = account.client("lambda")
        self.role = f"arn:aws:iam::{account.id}:role/functions"

    def create(self, source: str, name: str = "function", **members: Any) -> dict[str, Any]:
        """Create a Python function of a module `app` with a function `handler`."""
        given = {"Runtime": "python3.11", "Handler": "app.handler", "Role": self.role} | members
        given.setdefault("Code", {"ZipFile": package({"app.py": source})})
        answer: dict[str, Any] = self.client.create_function(FunctionName=name, **given)
        return answer

    def invoke(self, event: Any = None, name: str = "function", **members: Any) -> Answer:
        payload = {} if event is None else {"Payload": json.dumps(event)}
        return Answer(self.client.invoke(FunctionName=name, LogType="Tail", **payload, **members))


@pytest.fixture
def functions(aws: Account) -> Iterator[Functions]:
    """Functions whose mappings end with the test: one that fails for ever would run again whenever time is moved."""
    found = Functions(aws)
    yield found
    for mapping in found.client.list_event_source_mappings()["EventSourceMappings"]:
        found.client.delete_event_source_mapping(UUID=mapping["UUID"])
