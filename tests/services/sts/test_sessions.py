from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.kernel.access.people import allow, role

TRUSTED = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


def role_of(account: Account) -> str:
    """A role that everybody may assume, and that may assume others."""
    trust = [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": TRUSTED}]
    return role(account.cloud, account.id, "team/reader", allow("sts:*"), trust=trust)


def acting(cloud: LocalCloud, credentials: dict[str, Any], service: str = "sts", **changes: str) -> Any:
    """A client that signs with temporary credentials."""
    return boto3.client(
        service,
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=changes.get("secret", credentials["SecretAccessKey"]),
        aws_session_token=changes.get("token", credentials["SessionToken"]),
    )


UNCHECKED = Config(parameter_validation=False)
"""Lets a client send what botocore would refuse to."""


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return str(raised.value.response["Error"]["Code"])


def lifetime(cloud: LocalCloud, credentials: dict[str, Any]) -> float:
    expiration: datetime = credentials["Expiration"]
    return expiration.timestamp() - cloud.clock.now()


def test_the_bearer_of_a_roles_session_is_the_role(aws: Account, cloud: LocalCloud) -> None:
    answer = aws.client("sts").assume_role(RoleArn=role_of(aws), RoleSessionName="ci")
    user = answer["AssumedRoleUser"]
    assert user["Arn"] == f"arn:aws:sts::{aws.id}:assumed-role/reader/ci"
    assert user["AssumedRoleId"].startswith("AROA")
    assert user["AssumedRoleId"].endswith(":ci")
    who = acting(cloud, answer["Credentials"]).get_caller_identity()
    assert (who["Arn"], who["UserId"], who["Account"]) == (user["Arn"], user["AssumedRoleId"], aws.id)


def test_a_role_of_another_account_acts_there(aws: Account, cloud: LocalCloud) -> None:
    other = cloud.account()
    credentials = aws.client("sts").assume_role(RoleArn=role_of(other), RoleSessionName="guest")["Credentials"]
    assert acting(cloud, credentials).get_caller_identity()["Account"] == other.id


def test_a_roles_session_lasts_an_hour_unless_asked(aws: Account, cloud: LocalCloud) -> None:
    sts = aws.client("sts")
    usual = sts.assume_role(RoleArn=role_of(aws), RoleSessionName="ci")["Credentials"]
    longer = sts.assume_role(RoleArn=role_of(aws), RoleSessionName="ci", DurationSeconds=43200)["Credentials"]
    assert lifetime(cloud, usual) == pytest.approx(3600, abs=5)
    assert lifetime(cloud, longer) == pytest.approx(43200, abs=5)


def test_the_session_of_an_accounts_root_lasts_an_hour_at_most(aws: Account, cloud: LocalCloud) -> None:
    sts = aws.client("sts")
    assert lifetime(cloud, sts.get_session_token()["Credentials"]) == pytest.approx(3600, abs=5)
    federated = sts.get_federation_token(Name="bob", DurationSeconds=129600)
    assert lifetime(cloud, federated["Credentials"]) == pytest.approx(3600, abs=5)


def test_temporary_credentials_expire_on_the_cloud_clock(aws: Account, cloud: LocalCloud) -> None:
    credentials = aws.client("sts").assume_role(RoleArn=role_of(aws), RoleSessionName="ci", DurationSeconds=900)
    session = acting(cloud, credentials["Credentials"])
    session.get_caller_identity()
    cloud.clock.advance(890)
    session.get_caller_identity()
    cloud.clock.advance(11)
    with pytest.raises(ClientError) as raised:
        session.get_caller_identity()
    assert raised.value.response["Error"]["Code"] == "ExpiredToken"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert code(acting(cloud, credentials["Credentials"], "sqs").list_queues).startswith("ExpiredToken")


def test_a_wrong_secret_is_refused(aws: Account, cloud: LocalCloud) -> None:
    credentials = aws.client("sts").get_session_token()["Credentials"]
    forger = acting(cloud, credentials, secret="guessed")
    assert code(forger.get_caller_identity) == "SignatureDoesNotMatch"


def test_a_wrong_or_missing_session_token_is_refused(aws: Account, cloud: LocalCloud) -> None:
    credentials = aws.client("sts").get_session_token()["Credentials"]
    other = aws.client("sts").get_session_token()["Credentials"]
    assert code(acting(cloud, credentials, token=other["SessionToken"]).get_caller_identity) == "InvalidClientTokenId"
    assert code(acting(cloud, credentials, token="").get_caller_identity) == "InvalidClientTokenId"


def test_a_temporary_key_that_was_never_issued_is_refused(cloud: LocalCloud) -> None:
    made_up = {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x", "SessionToken": "y"}
    assert code(acting(cloud, made_up).get_caller_identity) == "InvalidClientTokenId"


def test_session_credentials_get_no_further_session_token(aws: Account, cloud: LocalCloud) -> None:
    session = acting(cloud, aws.client("sts").get_session_token()["Credentials"])
    assert code(session.get_session_token) == "AccessDenied"
    assert code(session.get_federation_token, Name="bob") == "AccessDenied"


def test_a_federated_user_is_named_under_its_account(aws: Account, cloud: LocalCloud) -> None:
    answer = aws.client("sts").get_federation_token(Name="bob", Policy='{"Version":"2012-10-17","Statement":[]}')
    assert answer["FederatedUser"] == {
        "FederatedUserId": f"{aws.id}:bob",
        "Arn": f"arn:aws:sts::{aws.id}:federated-user/bob",
    }
    assert 0 < answer["PackedPolicySize"] <= 100
    assert acting(cloud, answer["Credentials"]).get_caller_identity()["Arn"] == answer["FederatedUser"]["Arn"]


def test_role_chaining_is_limited_to_an_hour(aws: Account, cloud: LocalCloud) -> None:
    first = aws.client("sts").assume_role(RoleArn=role_of(aws), RoleSessionName="one", SourceIdentity="alice")
    chain = acting(cloud, first["Credentials"])
    assert (
        code(chain.assume_role, RoleArn=role_of(aws), RoleSessionName="two", DurationSeconds=3601) == "ValidationError"
    )
    second = chain.assume_role(RoleArn=role_of(aws), RoleSessionName="two")
    assert second["SourceIdentity"] == "alice", "the source identity stays throughout a chain"


def test_every_role_of_a_chain_must_let_the_source_identity_be_set(aws: Account, cloud: LocalCloud) -> None:
    first = aws.client("sts").assume_role(RoleArn=role_of(aws), RoleSessionName="one", SourceIdentity="alice")
    trust = [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]
    closed = role(cloud, aws.id, "closed", trust=trust)
    chain = acting(cloud, first["Credentials"])
    assert code(chain.assume_role, RoleArn=closed, RoleSessionName="two") == "AccessDenied"
    plain = aws.client("sts").assume_role(RoleArn=role_of(aws), RoleSessionName="one")
    acting(cloud, plain["Credentials"]).assume_role(RoleArn=closed, RoleSessionName="two")


def test_transitive_tags_cannot_be_replaced_in_a_chain(aws: Account, cloud: LocalCloud) -> None:
    first = aws.client("sts").assume_role(
        RoleArn=role_of(aws),
        RoleSessionName="one",
        Tags=[{"Key": "team", "Value": "red"}],
        TransitiveTagKeys=["team"],
    )
    chain = acting(cloud, first["Credentials"])
    again = {"RoleArn": role_of(aws), "RoleSessionName": "two", "Tags": [{"Key": "Team", "Value": "blue"}]}
    assert code(chain.assume_role, **again) == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"DurationSeconds": 899}, "ValidationError"),
        ({"DurationSeconds": 43201}, "ValidationError"),
        ({"RoleSessionName": "a"}, "ValidationError"),
        ({"RoleSessionName": "has space"}, "ValidationError"),
        ({"RoleArn": "arn:aws:iam::111122223333:user/notarole"}, "ValidationError"),
        ({"Policy": "{"}, "MalformedPolicyDocument"),
        ({"Policy": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}'}, "MalformedPolicyDocument"),
        ({"Policy": "x" * 2049}, "PackedPolicyTooLarge"),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}, "InvalidParameterValue"),
        ({"Tags": [{"Key": "aws:a", "Value": "1"}]}, "InvalidParameterValue"),
        ({"TransitiveTagKeys": ["absent"]}, "ValidationError"),
    ],
)
def test_bad_input_is_refused(aws: Account, changes: dict[str, Any], expected: str) -> None:
    arguments = {"RoleArn": role_of(aws), "RoleSessionName": "ci"} | changes
    assert code(aws.client("sts", config=UNCHECKED).assume_role, **arguments) == expected
