from typing import Any

from pileus import LocalCloud
from pileus.testing.account import Account

from .asking import acting, allow, document, pages, refused, user_with_key


def test_members_may_do_what_their_group_may(iam: Any, cloud: LocalCloud) -> None:
    sqs = acting(cloud, user_with_key(iam, "bob"), "sqs")
    iam.create_group(GroupName="Senders", Path="/x/")
    iam.put_group_policy(GroupName="Senders", PolicyName="p", PolicyDocument=document(allow("sqs:*")))
    with refused("AccessDenied"):
        sqs.list_queues()
    iam.add_user_to_group(GroupName="Senders", UserName="bob")
    sqs.list_queues()
    iam.remove_user_from_group(GroupName="Senders", UserName="bob")
    with refused("AccessDenied"):
        sqs.list_queues()


def test_a_group_and_its_members(iam: Any, aws: Account) -> None:
    group = iam.create_group(GroupName="G", Path="/x/")["Group"]
    assert group["Arn"] == f"arn:aws:iam::{aws.id}:group/x/G"
    assert group["GroupId"].startswith("AGPA")
    for number in range(3):
        iam.create_user(UserName=f"u{number}")
        iam.add_user_to_group(GroupName="g", UserName=f"u{number}")
        iam.add_user_to_group(GroupName="g", UserName=f"u{number}")
    found = pages(iam.get_group, "Users", GroupName="G", MaxItems=2)
    assert [len(page) for page in found] == [2, 1]
    assert {user["UserName"] for page in found for user in page} == {"u0", "u1", "u2"}
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="u0")["Groups"]] == ["G"]


def test_a_group_is_renamed_and_keeps_its_members(iam: Any, cloud: LocalCloud) -> None:
    sqs = acting(cloud, user_with_key(iam, "bob"), "sqs")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="bob")
    iam.update_group(GroupName="g", NewGroupName="h", NewPath="/y/")
    iam.put_group_policy(GroupName="h", PolicyName="p", PolicyDocument=document(allow("sqs:*")))
    sqs.list_queues()
    assert iam.list_groups(PathPrefix="/y/")["Groups"][0]["GroupName"] == "h"
    with refused("NoSuchEntity", "The group with name g cannot be found."):
        iam.get_group(GroupName="g")


def test_a_group_goes_without_members_and_policies(iam: Any) -> None:
    iam.create_group(GroupName="g")
    with refused("EntityAlreadyExists", "Group with name g already exists."):
        iam.create_group(GroupName="g")
    iam.create_user(UserName="bob")
    iam.add_user_to_group(GroupName="g", UserName="bob")
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first."):
        iam.delete_group(GroupName="g")
    iam.remove_user_from_group(GroupName="g", UserName="bob")
    iam.delete_group(GroupName="g")
    assert iam.list_groups()["Groups"] == []


def test_a_user_is_in_ten_groups_at_most(iam: Any) -> None:
    iam.create_user(UserName="bob")
    for number in range(11):
        iam.create_group(GroupName=f"g{number}")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"g{number}", UserName="bob")
    with refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10"):
        iam.add_user_to_group(GroupName="g10", UserName="bob")
