"""Users and roles as the access decision reads them, written without IAM."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config

from pileus import LocalCloud
from pileus.kernel import names
from pileus.kernel.access.attached import Grants
from pileus.kernel.call import Call
from pileus.kernel.identity import Credential, Principal, new_access_key_id

EVERYBODY = {"AWS": "*"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **others: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **others}


def deny(action: Any, resource: Any = "*", **others: Any) -> dict[str, Any]:
    return allow(action, resource, **others) | {"Effect": "Deny"}


def at(cloud: LocalCloud, account: str) -> Call:
    return cloud.server.cloud.call("iam", account=account)


def put(cloud: LocalCloud, account: str, *records: Any) -> None:
    """Store records of an account."""

    def write() -> None:
        call = at(cloud, account)
        for record in records:
            record.put(call)

    cloud.do(write)


class User:
    """An IAM user with an access key."""

    def __init__(self, cloud: LocalCloud, account: str, *statements: dict[str, Any], name: str = "", **grants: Any):
        self.cloud = cloud
        self.account = account
        self.name = name or f"user-{names.token(6)}"
        self.arn = f"arn:aws:iam::{account}:user/{self.name}"
        self.id = f"AIDA{names.token(17).upper()}"
        self.key = new_access_key_id("AKIA", account)
        self.secret = names.token(40)
        self.grants: dict[str, Any] = grants
        put(
            cloud,
            account,
            Credential(self.key, self.secret, Principal("IAMUser", account, self.arn, self.id, self.key)),
        )
        self.grant(*statements)

    def grant(self, *statements: dict[str, Any], **grants: Any) -> None:
        """Let the user's policies be these and no others."""
        self.grants = self.grants | grants
        inline = {"policy": document(*statements)} if statements else {}
        put(self.cloud, self.account, Grants(id=self.id, owner=self.arn, inline=inline, **self.grants))

    def client(self, service: str, **options: Any) -> Any:
        return client(self.cloud, service, self.key, self.secret, **options)


def role(
    cloud: LocalCloud, account: str, name: str, *statements: dict[str, Any], trust: Any = None, **grants: Any
) -> str:
    """The ARN of a new role, which by default everybody may assume."""
    arn = f"arn:aws:iam::{account}:role/{name}"
    trusting = trust or [{"Effect": "Allow", "Principal": EVERYBODY, "Action": ["sts:AssumeRole", "sts:TagSession"]}]
    inline = {"policy": document(*statements)} if statements else {}
    grants = {"trust": document(*trusting), "inline": inline, **grants}
    put(cloud, account, Grants(id=f"AROA{names.token(17).upper()}", owner=arn, **grants))
    return arn


def client(cloud: LocalCloud, service: str, key: str, secret: str, token: str | None = None, **options: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"max_attempts": 0}),
        **options,
    )


def session(cloud: LocalCloud, answer: dict[str, Any], service: str) -> Any:
    """A client with the credentials that STS answered."""
    given = answer["Credentials"]
    return client(cloud, service, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
