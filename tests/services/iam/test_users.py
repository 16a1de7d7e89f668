import re
from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .asking import acting, allow, pages, refused, user_with_key


def test_a_user_has_a_path_an_arn_and_a_unique_id(iam: Any, aws: Account) -> None:
    user = iam.create_user(UserName="Bob", Path="/team/red/", Tags=[{"Key": "a", "Value": "1"}])["User"]
    assert user["Arn"] == f"arn:aws:iam::{aws.id}:user/team/red/Bob"
    assert re.fullmatch("AIDA[A-Z2-7]{17}", user["UserId"])
    found = iam.get_user(UserName="Bob")["User"]
    assert found == user
    assert found["Tags"] == [{"Key": "a", "Value": "1"}]


def test_iam_is_the_same_in_every_region(iam: Any, aws: Account) -> None:
    iam.create_user(UserName="bob")
    assert aws.client("iam", "eu-west-1").get_user(UserName="bob")["User"]["UserName"] == "bob"


def test_names_are_the_same_in_any_case(iam: Any) -> None:
    iam.create_user(UserName="Bob")
    with refused("EntityAlreadyExists", "User with name bob already exists.", 409):
        iam.create_user(UserName="bob")


def test_a_user_that_is_not_there(iam: Any) -> None:
    with refused("NoSuchEntity", "The user with name nobody cannot be found.", 404):
        iam.get_user(UserName="nobody")
    with refused("NoSuchEntity", "The user with name nobody cannot be found."):
        iam.delete_user(UserName="nobody")


def test_without_a_name_the_caller_is_meant(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{aws.id}:root"
    key = user_with_key(iam, "bob", allow("iam:*"))
    assert acting(cloud, key, "iam").get_user()["User"]["UserName"] == "bob"


def test_a_renamed_user_keeps_id_keys_groups_and_policies(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "bob", allow("sqs:*"))
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="bob")
    before = iam.get_user(UserName="bob")["User"]
    iam.update_user(UserName="bob", NewUserName="Robert", NewPath="/x/")
    after = iam.get_user(UserName="robert")["User"]
    assert after["UserId"] == before["UserId"]
    assert [user["UserName"] for user in iam.get_group(GroupName="g")["Users"]] == ["Robert"]
    assert acting(cloud, key, "sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{aws.id}:user/x/Robert"
    acting(cloud, key, "sqs").list_queues()
    with refused("NoSuchEntity"):
        iam.get_user(UserName="bob")


def test_lists_go_by_path_and_page_by_page(iam: Any) -> None:
    for number in range(5):
        iam.create_user(UserName=f"u{number}", Path="/a/" if number % 2 else "/b/", Tags=[{"Key": "k", "Value": "v"}])
    found = pages(iam.list_users, "Users", MaxItems=2)
    assert [[user["UserName"] for user in page] for page in found] == [["u0", "u1"], ["u2", "u3"], ["u4"]]
    assert "Tags" not in found[0][0], "lists leave tags out"
    assert [user["UserName"] for user in iam.list_users(PathPrefix="/a/")["Users"]] == ["u1", "u3"]
    with refused("ValidationError"):
        iam.list_users(Marker="nonsense")


def test_a_user_goes_only_when_nothing_hangs_on_it(iam: Any) -> None:
    key = user_with_key(iam, "bob", allow("sqs:*"))
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="bob")
    iam.attach_user_policy(UserName="bob", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.create_login_profile(UserName="bob", Password="Correct-horse-7")

    def stuck(message: str) -> None:
        with refused("DeleteConflict", f"Cannot delete entity, must {message} first.", 409):
            iam.delete_user(UserName="bob")

    stuck("detach all policies")
    iam.detach_user_policy(UserName="bob", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    stuck("delete policies")
    iam.delete_user_policy(UserName="bob", PolicyName="inline")
    stuck("remove users from group")
    iam.remove_user_from_group(GroupName="g", UserName="bob")
    stuck("delete access keys")
    iam.delete_access_key(UserName="bob", AccessKeyId=key["AccessKeyId"])
    stuck("delete login profile")
    iam.delete_login_profile(UserName="bob")
    iam.delete_user(UserName="bob")
    assert iam.list_users()["Users"] == []


def test_tags_are_changed_and_removed(iam: Any) -> None:
    iam.create_user(UserName="bob", Tags=[{"Key": "Team", "Value": "red"}])
    iam.tag_user(UserName="bob", Tags=[{"Key": "team", "Value": "blue"}, {"Key": "cost", "Value": ""}])
    assert iam.list_user_tags(UserName="bob")["Tags"] == [
        {"Key": "cost", "Value": ""},
        {"Key": "team", "Value": "blue"},
    ]
    iam.untag_user(UserName="bob", TagKeys=["TEAM", "absent"])
    assert iam.list_user_tags(UserName="bob")["Tags"] == [{"Key": "cost", "Value": ""}]
    with refused("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."):
        iam.tag_user(UserName="bob", Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])
    with refused("LimitExceeded"):
        iam.tag_user(UserName="bob", Tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"UserName": "a b"},
            "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the "
            "following: +=,.@_-",
        ),
        (
            {"UserName": "x" * 65},
            f"1 validation error detected: Value '{'x' * 65}' at 'userName' failed to satisfy constraint: "
            "Member must have length less than or equal to 64",
        ),
        (
            {"UserName": "x", "Path": "team"},
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters.",
        ),
    ],
)
def test_bad_names_are_refused(
    iam: Any, aws: Account, cloud: LocalCloud, arguments: dict[str, str], message: str
) -> None:
    unchecked = acting(cloud, {"AccessKeyId": aws.id, "SecretAccessKey": "test"}, "iam")
    with refused("ValidationError", message, 400):
        unchecked.create_user(**arguments)


def test_there_is_a_quota_of_users(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    from pileus.services.iam.quotas import Tally

    cloud.do(lambda: Tally("Users", 5000).put(cloud.server.cloud.call("iam", account=aws.id)))
    with refused("LimitExceeded", "Cannot exceed quota for UsersPerAccount: 5000", 409):
        iam.create_user(UserName="bob")
