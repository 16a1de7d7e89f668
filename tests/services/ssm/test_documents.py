"""Documents: who may read them."""

from __future__ import annotations

import json
from typing import Any

import pytest

CONTENT = json.dumps(
    {"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": []}}]}
)


@pytest.fixture
def shared(ssm: Any, aws: Any) -> str:
    """The ARN of a document named `steps`."""
    ssm.create_document(Name="steps", Content=CONTENT, DocumentType="Command")
    return f"arn:aws:ssm:us-east-1:{aws.id}:document/steps"


def test_a_document_is_shared_with_accounts_or_with_everybody(ssm: Any, cloud: Any, shared: str, refused: Any) -> None:
    friend, stranger = cloud.account(), cloud.account()
    asked: dict[str, Any] = {"Name": "steps", "PermissionType": "Share"}
    assert ssm.describe_document_permission(**asked)["AccountIds"] == []
    ssm.modify_document_permission(**asked, AccountIdsToAdd=[friend.id])
    told = ssm.describe_document_permission(**asked)
    assert told["AccountIds"] == [friend.id]
    assert told["AccountSharingInfoList"] == [{"AccountId": friend.id, "SharedDocumentVersion": "$DEFAULT"}]
    assert friend.client("ssm").get_document(Name=shared)["Content"] == CONTENT
    with refused("AccessDeniedException"):
        stranger.client("ssm").get_document(Name=shared)
    ssm.modify_document_permission(**asked, AccountIdsToAdd=["All"], AccountIdsToRemove=[friend.id])
    assert ssm.describe_document_permission(**asked)["AccountIds"] == ["all"]
    assert stranger.client("ssm").get_document(Name=shared)["Content"] == CONTENT
    ssm.modify_document_permission(**asked, AccountIdsToRemove=["all"])
    with refused("AccessDeniedException"):
        stranger.client("ssm").get_document(Name=shared)
    with refused("InvalidDocument"):
        ssm.describe_document_permission(Name="absent", PermissionType="Share")


def test_who_may_read_a_document_is_said_of_the_document(aws: Any, shared: str, refused: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": "ssm:GetDocument", "Resource": shared}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = aws.client("ssm", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    assert reader.get_document(Name="steps")["Name"] == "steps"
    with refused("AccessDeniedException", f"ssm:DescribeDocument on resource: {shared}"):
        reader.describe_document(Name="steps")
    setting = "servicesetting/ssm/parameter-store/high-throughput-enabled"
    with refused("AccessDeniedException", f"on resource: arn:aws:ssm:us-east-1:{aws.id}:{setting}"):
        reader.get_service_setting(SettingId="/ssm/parameter-store/high-throughput-enabled")
