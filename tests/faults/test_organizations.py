"""kill -9 while accounts are created: every account that was asked for is there once, whole, and limited."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .process import ACCOUNT, Process


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "data"
    folder.mkdir()
    process = Process(folder)
    yield process
    process.stop()


def client(server: Process, service: str, account: str = ACCOUNT) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=20),
    )


def test_accounts_that_were_asked_for_are_there_after_a_kill(server: Process) -> None:
    org = client(server, "organizations")
    org.create_organization()
    root = org.list_roots()["Roots"][0]["Id"]
    org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    policy = org.create_policy(
        Name="no-queues",
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content='{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sqs:*","Resource":"*"}]}',
    )["Policy"]["PolicySummary"]["Id"]
    org.attach_policy(PolicyId=policy, TargetId=root)
    asked: dict[str, str] = {}
    for round_ in range(3):
        org = client(server, "organizations")
        for number in range(4):
            name = f"account-{round_}-{number}"
            try:
                status = org.create_account(AccountName=name, Email=f"{name}@mail.example")["CreateAccountStatus"]
            except (BotoCoreError, ClientError):
                break
            asked[status["Id"]] = name
        server.kill()
        server.start()
    org = client(server, "organizations")
    deadline = time.monotonic() + 30
    while org.list_create_account_status(States=["IN_PROGRESS"])["CreateAccountStatuses"]:
        assert time.monotonic() < deadline, "accounts are not created after a restart"
    done = {one["Id"]: one for one in org.list_create_account_status()["CreateAccountStatuses"]}
    assert {one: done[one]["AccountName"] for one in asked} == asked
    members = [one["Name"] for page in org.get_paginator("list_accounts").paginate() for one in page["Accounts"]]
    assert sorted(members) == sorted([*asked.values(), f"Account {ACCOUNT}"])
    for one in asked:
        assert done[one]["State"] == "SUCCEEDED"
        account = done[one]["AccountId"]
        assert client(server, "iam", account).get_role(RoleName="OrganizationAccountAccessRole")
        with pytest.raises(ClientError, match="service control policy"):
            client(server, "sqs", account).list_queues()
