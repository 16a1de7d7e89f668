import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account


def test_the_root_of_an_account_is_its_own_caller(aws: Account) -> None:
    answer = aws.client("sts").get_caller_identity()
    assert answer["Account"] == answer["UserId"] == aws.id
    assert answer["Arn"] == f"arn:aws:iam::{aws.id}:root"


def test_an_unknown_key_is_the_root_of_the_default_account(cloud: LocalCloud) -> None:
    answer = cloud.account("test").client("sts").get_caller_identity()
    assert answer["Account"] == "000000000000"


def test_a_key_that_the_cloud_issued_tells_its_account(aws: Account, cloud: LocalCloud) -> None:
    key = aws.client("sts").get_session_token()["Credentials"]["AccessKeyId"]
    somebody = cloud.account().client("sts")
    assert somebody.get_access_key_info(AccessKeyId=key)["Account"] == aws.id


def test_a_key_of_the_real_aws_tells_its_account_too(aws: Account) -> None:
    """AWS's own example key id, whose account number has been published in several articles."""
    answer = aws.client("sts").get_access_key_info(AccessKeyId="ASIAQNZGKIQY56JQ7WML")
    assert answer["Account"] == "029608264753"


def test_what_is_no_access_key_is_refused(aws: Account) -> None:
    with pytest.raises(ClientError) as raised:
        aws.client("sts").get_access_key_info(AccessKeyId="not1an0access8key9")
    assert raised.value.response["Error"]["Code"] == "ValidationError"


def test_a_short_access_key_breaks_the_model(aws: Account) -> None:
    unchecked = Config(parameter_validation=False)
    with pytest.raises(ClientError) as raised:
        aws.client("sts", config=unchecked).get_access_key_info(AccessKeyId="short")
    error = raised.value.response["Error"]
    assert error["Code"] == "ValidationError"
    assert error["Message"] == (
        "1 validation error detected: Value 'short' at 'accessKeyId' failed to satisfy constraint: "
        "Member must have length greater than or equal to 16"
    )


def test_a_message_that_the_cloud_did_not_encode_is_invalid(aws: Account) -> None:
    with pytest.raises(ClientError) as raised:
        aws.client("sts").decode_authorization_message(EncodedMessage="bm90aGluZw==")
    assert raised.value.response["Error"]["Code"] == "InvalidAuthorizationMessageException"


def test_an_unsigned_call_is_nobody(aws: Account) -> None:
    with pytest.raises(ClientError) as raised:
        aws.client("sts", config=Config(signature_version=UNSIGNED)).get_caller_identity()
    assert raised.value.response["Error"]["Code"] == "MissingAuthenticationToken"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
