import json
import re
from typing import Any

from pileus import LocalCloud
from pileus.testing.account import Account

from .asking import acting, allow, document, pages, refused, trusting, user_with_key

SEND = document(allow("sqs:SendMessage"))
LIST = document(allow("sqs:ListQueues"))


def policy(iam: Any, name: str = "p", text: str = LIST, **arguments: Any) -> str:
    return str(iam.create_policy(PolicyName=name, PolicyDocument=text, **arguments)["Policy"]["Arn"])


def test_a_policy_has_an_arn_an_id_and_a_first_version(iam: Any, aws: Account) -> None:
    made = iam.create_policy(PolicyName="P", Path="/x/", PolicyDocument=LIST, Description="to list")["Policy"]
    assert made["Arn"] == f"arn:aws:iam::{aws.id}:policy/x/P"
    assert re.fullmatch("ANPA[A-Z2-7]{17}", made["PolicyId"])
    found = iam.get_policy(PolicyArn=made["Arn"])["Policy"]
    assert (found["DefaultVersionId"], found["AttachmentCount"], found["IsAttachable"]) == ("v1", 0, True)
    assert found["Description"] == "to list"
    version = iam.get_policy_version(PolicyArn=made["Arn"], VersionId="v1")["PolicyVersion"]
    assert version["Document"] == json.loads(LIST)
    with refused("EntityAlreadyExists", "A policy called p already exists. Duplicate names are not allowed."):
        iam.create_policy(PolicyName="p", PolicyDocument=LIST)


def test_what_is_no_policy_is_refused(iam: Any) -> None:
    with refused("MalformedPolicyDocument", "Syntax errors in policy.", 400):
        iam.create_policy(PolicyName="p", PolicyDocument="{")
    with refused("MalformedPolicyDocument", "Policy document should not specify a principal."):
        iam.create_policy(PolicyName="p", PolicyDocument=trusting("*"))
    with refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144"):
        iam.create_policy(PolicyName="p", PolicyDocument=document(allow([f"sqs:{'x' * 6200}"])))


def test_five_versions_one_in_force_and_numbers_never_used_twice(iam: Any) -> None:
    arn = policy(iam)
    for number in range(2, 6):
        made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=SEND)["PolicyVersion"]
        assert (made["VersionId"], made["IsDefaultVersion"]) == (f"v{number}", False)
    with refused("LimitExceeded"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=SEND)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v3")
    with refused("DeleteConflict", "Cannot delete the default version of a policy."):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    assert iam.create_policy_version(PolicyArn=arn, PolicyDocument=SEND)["PolicyVersion"]["VersionId"] == "v6"
    listed = [
        version["VersionId"]
        for page in pages(iam.list_policy_versions, "Versions", PolicyArn=arn, MaxItems=3)
        for version in page
    ]
    assert listed == ["v6", "v4", "v3", "v2", "v1"]
    with refused("NoSuchEntity", f"Policy {arn} version v9 does not exist or is not attachable."):
        iam.get_policy_version(PolicyArn=arn, VersionId="v9")


def test_another_default_version_takes_effect_at_once(iam: Any, cloud: LocalCloud) -> None:
    arn = policy(iam)
    sqs = acting(cloud, user_with_key(iam, "bob"), "sqs")
    iam.attach_user_policy(UserName="bob", PolicyArn=arn)
    sqs.list_queues()
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=SEND, SetAsDefault=True)
    with refused("AccessDenied"):
        sqs.list_queues()
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    sqs.list_queues()


def test_a_policy_goes_when_it_is_used_nowhere_and_has_one_version(iam: Any) -> None:
    arn = policy(iam)
    iam.create_group(GroupName="g")
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    with refused("DeleteConflict", "Cannot delete a policy attached to entities."):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_group_policy(GroupName="g", PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} was not found."):
        iam.detach_group_policy(GroupName="g", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=SEND)
    with refused("DeleteConflict"):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} was not found."):
        iam.get_policy(PolicyArn=arn)


def test_what_uses_a_policy(iam: Any) -> None:
    arn = policy(iam)
    iam.create_user(UserName="u", PermissionsBoundary=arn)
    iam.create_user(UserName="v", Path="/x/")
    iam.create_group(GroupName="g")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting("*"))
    iam.attach_user_policy(UserName="v", PolicyArn=arn)
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    found = iam.list_entities_for_policy(PolicyArn=arn)
    assert [user["UserName"] for user in found["PolicyUsers"]] == ["u", "v"]
    assert [group["GroupName"] for group in found["PolicyGroups"]] == ["g"]
    assert [role["RoleName"] for role in found["PolicyRoles"]] == ["r"]
    limited = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert ([user["UserName"] for user in limited["PolicyUsers"]], limited["PolicyRoles"]) == (["u"], [])
    assert (
        iam.list_entities_for_policy(PolicyArn=arn, PathPrefix="/x/", EntityFilter="User")["PolicyUsers"][0]["UserName"]
        == "v"
    )
    told = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (told["AttachmentCount"], told["PermissionsBoundaryUsageCount"]) == (3, 1)


def test_lists_of_policies(iam: Any) -> None:
    arn = policy(iam, "mine", Path="/x/")
    policy(iam, "unused")
    iam.create_user(UserName="bob")
    iam.attach_user_policy(UserName="bob", PolicyArn=arn)
    assert [one["PolicyName"] for one in iam.list_policies(Scope="Local")["Policies"]] == ["mine", "unused"]
    assert [one["PolicyName"] for one in iam.list_policies(OnlyAttached=True)["Policies"]] == ["mine"]
    assert [one["PolicyName"] for one in iam.list_policies(PathPrefix="/x/")["Policies"]] == ["mine"]
    awss = [one for page in pages(iam.list_policies, "Policies", Scope="AWS", MaxItems=1000) for one in page]
    assert len(awss) > 1000
    assert all(one["Arn"].startswith("arn:aws:iam::aws:policy/") for one in awss)


def test_the_policies_of_aws_are_real(iam: Any, cloud: LocalCloud) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
    told = iam.get_policy(PolicyArn=arn)["Policy"]
    text = iam.get_policy_version(PolicyArn=arn, VersionId=told["DefaultVersionId"])["PolicyVersion"]["Document"]
    assert "sqs:ListQueues" in text["Statement"][0]["Action"]
    sqs = acting(cloud, user_with_key(iam, "bob"), "sqs")
    iam.attach_user_policy(UserName="bob", PolicyArn=arn)
    sqs.list_queues()
    with refused("AccessDenied"):
        sqs.create_queue(QueueName="q")
    with refused("AccessDenied"):
        iam.delete_policy(PolicyArn=arn)


def test_a_policy_that_is_not_there_is_not_attached(iam: Any, aws: Account, other: Account) -> None:
    iam.create_user(UserName="bob")
    for arn in ("arn:aws:iam::aws:policy/Nonsense", f"arn:aws:iam::{aws.id}:policy/absent"):
        with refused("NoSuchEntity", f"Policy {arn} does not exist or is not attachable."):
            iam.attach_user_policy(UserName="bob", PolicyArn=arn)
    theirs = policy(other.client("iam"))
    with refused("NoSuchEntity"):
        iam.attach_user_policy(UserName="bob", PolicyArn=theirs)
    with refused("InvalidInput", "ARN nonsense-nonsense-nonsense is not valid."):
        iam.attach_user_policy(UserName="bob", PolicyArn="nonsense-nonsense-nonsense")


def test_ten_policies_at_most_are_attached(iam: Any) -> None:
    iam.create_user(UserName="bob")
    for number in range(10):
        iam.attach_user_policy(UserName="bob", PolicyArn=policy(iam, f"p{number}"))
    with refused("LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10"):
        iam.attach_user_policy(UserName="bob", PolicyArn=policy(iam, "p10"))
    found = pages(iam.list_attached_user_policies, "AttachedPolicies", UserName="bob", MaxItems=4)
    assert [len(page) for page in found] == [4, 4, 2]


def test_a_boundary_limits_a_user_and_is_taken_away(iam: Any, cloud: LocalCloud) -> None:
    sqs = acting(cloud, user_with_key(iam, "bob", allow("*")), "sqs")
    sqs.list_queues()
    iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=policy(iam, text=SEND))
    with refused("AccessDenied"):
        sqs.list_queues()
    told = iam.get_user(UserName="bob")["User"]["PermissionsBoundary"]
    assert told["PermissionsBoundaryType"] == "Policy"
    with refused("DeleteConflict"):
        iam.delete_policy(PolicyArn=told["PermissionsBoundaryArn"])
    iam.delete_user_permissions_boundary(UserName="bob")
    sqs.list_queues()
    iam.delete_policy(PolicyArn=told["PermissionsBoundaryArn"])


def test_inline_policies_are_put_read_listed_and_deleted(iam: Any) -> None:
    iam.create_group(GroupName="g")
    for name in ("b", "a"):
        iam.put_group_policy(GroupName="g", PolicyName=name, PolicyDocument=LIST)
    iam.put_group_policy(GroupName="g", PolicyName="a", PolicyDocument=SEND)
    assert iam.list_group_policies(GroupName="g")["PolicyNames"] == ["a", "b"]
    assert iam.get_group_policy(GroupName="g", PolicyName="a")["PolicyDocument"] == json.loads(SEND)
    iam.delete_group_policy(GroupName="g", PolicyName="a")
    with refused("NoSuchEntity", "The group policy with name a cannot be found."):
        iam.get_group_policy(GroupName="g", PolicyName="a")
    iam.create_user(UserName="bob")
    with refused("LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user bob"):
        iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=document(allow(f"sqs:{'x' * 2048}")))


def test_policies_are_tagged(iam: Any) -> None:
    arn = policy(iam, Tags=[{"Key": "a", "Value": "1"}])
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    assert iam.get_policy(PolicyArn=arn)["Policy"]["Tags"] == iam.list_policy_tags(PolicyArn=arn)["Tags"]
    iam.untag_policy(PolicyArn=arn, TagKeys=["a", "b"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == []
