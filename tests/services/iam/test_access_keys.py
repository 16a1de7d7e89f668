from typing import Any

from pileus import LocalCloud
from pileus.testing.account import Account

from .asking import acting, allow, refused, user_with_key


def test_a_key_signs_as_its_user(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "bob", allow("sqs:*"))
    assert key["AccessKeyId"].startswith("AKIA")
    assert len(key["SecretAccessKey"]) == 40
    who = acting(cloud, key, "sts").get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::{aws.id}:user/bob"
    assert who["UserId"] == iam.get_user(UserName="bob")["User"]["UserId"]
    (listed,) = iam.list_access_keys(UserName="bob")["AccessKeyMetadata"]
    assert (listed["AccessKeyId"], listed["Status"]) == (key["AccessKeyId"], "Active")
    assert "SecretAccessKey" not in listed


def test_a_user_without_policies_may_do_nothing(iam: Any, cloud: LocalCloud) -> None:
    with refused("AccessDenied"):
        acting(cloud, user_with_key(iam, "bob"), "iam").list_users()


def test_a_third_key_is_refused(iam: Any) -> None:
    user_with_key(iam, "bob")
    iam.create_access_key(UserName="bob")
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"):
        iam.create_access_key(UserName="bob")


def test_an_inactive_key_is_refused_at_once_and_an_active_one_works_again(iam: Any, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "bob")
    sts = acting(cloud, key, "sts")
    iam.update_access_key(UserName="bob", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        sts.get_caller_identity()
    iam.update_access_key(UserName="bob", AccessKeyId=key["AccessKeyId"], Status="Active")
    sts.get_caller_identity()


def test_a_deleted_key_is_nobodys_and_not_a_roots(iam: Any, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "bob")
    iam.delete_access_key(UserName="bob", AccessKeyId=key["AccessKeyId"])
    with refused("InvalidClientTokenId"):
        acting(cloud, key, "sts").get_caller_identity()
    with refused("NoSuchEntity", f"The Access Key with id {key['AccessKeyId']} cannot be found."):
        iam.delete_access_key(UserName="bob", AccessKeyId=key["AccessKeyId"])


def test_keys_of_the_root_are_verified_too(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    key = iam.create_access_key()["AccessKey"]
    assert acting(cloud, key, "sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{aws.id}:root"
    with refused("SignatureDoesNotMatch"):
        acting(cloud, key | {"SecretAccessKey": "guessed"}, "sts").get_caller_identity()


def test_last_use_is_tracked(iam: Any, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "bob", allow("sqs:*"))
    unused = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert unused["UserName"] == "bob"
    assert unused["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    acting(cloud, key, "sqs").list_queues()
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sqs", "us-east-1")
    cloud.clock.advance(3600)
    acting(cloud, key, "sqs").list_queues()
    later = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert (later["LastUsedDate"] - used["LastUsedDate"]).total_seconds() >= 3600


def test_another_accounts_key_is_not_told_about(iam: Any, other: Account) -> None:
    key = user_with_key(iam, "bob")
    with refused("NoSuchEntity"):
        other.client("iam").get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
