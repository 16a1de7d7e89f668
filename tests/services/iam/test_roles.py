import json
from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .asking import EC2_TRUST, acting, allow, document, pages, refused, trusting, user_with_key

EC2 = document(EC2_TRUST)


def assume(cloud: LocalCloud, key: dict[str, Any], role: str, **arguments: Any) -> dict[str, Any]:
    answer = acting(cloud, key, "sts").assume_role(RoleArn=role, RoleSessionName="job", **arguments)
    credentials: dict[str, Any] = answer["Credentials"]
    return credentials


def test_a_role_as_it_was_made(iam: Any, aws: Account) -> None:
    role = iam.create_role(
        RoleName="R", Path="/x/", AssumeRolePolicyDocument=EC2, Description="d", MaxSessionDuration=7200,
        Tags=[{"Key": "a", "Value": "1"}],
    )["Role"]  # fmt: skip
    assert role["Arn"] == f"arn:aws:iam::{aws.id}:role/x/R"
    assert role["RoleId"].startswith("AROA")
    found = iam.get_role(RoleName="R")["Role"]
    assert found["AssumeRolePolicyDocument"] == json.loads(EC2)
    assert (found["Description"], found["MaxSessionDuration"], found["RoleLastUsed"]) == ("d", 7200, {})
    with refused("EntityAlreadyExists", "Role with name r already exists."):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    (listed,) = iam.list_roles(PathPrefix="/x/")["Roles"]
    assert "Tags" not in listed
    assert "RoleLastUsed" not in listed


def test_a_role_is_changed(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2, Description="d")
    iam.update_role(RoleName="r", MaxSessionDuration=43200)
    assert iam.get_role(RoleName="r")["Role"]["Description"] == "d"
    assert iam.update_role_description(RoleName="r", Description="e")["Role"]["Description"] == "e"
    iam.update_role(RoleName="r", Description="")
    role = iam.get_role(RoleName="r")["Role"]
    assert (role.get("Description", ""), role["MaxSessionDuration"]) == ("", 3600)


@pytest.mark.parametrize(
    ("trust", "reason"),
    [
        (document(allow("sts:AssumeRole")), "Missing required field Principal"),
        (document({**EC2_TRUST, "Resource": "*"}), "Has prohibited field Resource"),
        (
            document({**EC2_TRUST, "Action": "s3:GetObject"}),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
    ],
)
def test_what_is_no_trust_policy_is_refused(iam: Any, trust: str, reason: str) -> None:
    with refused("MalformedPolicyDocument", reason):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)


def test_a_trust_policy_names_principals_that_are_there(iam: Any, aws: Account) -> None:
    arn = f"arn:aws:iam::{aws.id}:user/bob"
    with refused("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{arn}"'):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(arn))
    iam.create_user(UserName="bob")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(arn))


def test_only_those_whom_a_role_trusts_become_it(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    bob, eve = user_with_key(iam, "bob"), user_with_key(iam, "eve", allow("sts:*"))
    role = iam.create_role(
        RoleName="r", AssumeRolePolicyDocument=trusting(f"arn:aws:iam::{aws.id}:user/bob")
    )["Role"]  # fmt: skip
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document(allow("sqs:*")))
    session = assume(cloud, bob, role["Arn"])
    who = acting(cloud, session, "sts").get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{aws.id}:assumed-role/r/job"
    assert who["UserId"] == role["RoleId"] + ":job"
    acting(cloud, session, "sqs").list_queues()
    with refused("AccessDenied"):
        acting(cloud, session, "iam").list_users()
    with refused("AccessDenied"):
        assume(cloud, eve, role["Arn"])


def test_a_user_made_again_is_not_the_one_that_a_role_trusted(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    arn = f"arn:aws:iam::{aws.id}:user/bob"
    key = user_with_key(iam, "bob")
    old = iam.get_user(UserName="bob")["User"]["UserId"]
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(arn))["Role"]["Arn"]

    def trusted() -> str:
        document = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]
        return str(document["Statement"][0]["Principal"]["AWS"])

    assume(cloud, key, role)
    iam.update_user(UserName="bob", NewUserName="robert")
    assume(cloud, key, role)
    assert trusted() == f"arn:aws:iam::{aws.id}:user/robert"
    iam.delete_access_key(UserName="robert", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="robert")
    assert trusted() == old
    with refused("AccessDenied"):
        assume(cloud, user_with_key(iam, "bob"), role)
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trusting(arn))
    assert trusted() == arn


def test_another_trust_policy_takes_effect_at_once(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    bob = user_with_key(iam, "bob")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting("*"))["Role"]["Arn"]
    assume(cloud, bob, role)
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=EC2)
    with refused("AccessDenied"):
        assume(cloud, bob, role)


def test_a_session_lasts_as_long_as_its_role_allows(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    bob = user_with_key(iam, "bob")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting("*"))["Role"]["Arn"]
    with refused("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."):
        assume(cloud, bob, role, DurationSeconds=3601)
    iam.update_role(RoleName="r", MaxSessionDuration=7200)
    assume(cloud, bob, role, DurationSeconds=7200)


def test_a_role_of_another_account_wants_both_sides(iam: Any, aws: Account, other: Account, cloud: LocalCloud) -> None:
    theirs = other.client("iam")
    role = theirs.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(aws.id))["Role"]["Arn"]
    with refused("AccessDenied"):
        assume(cloud, user_with_key(iam, "bob"), role)
    session = assume(cloud, user_with_key(iam, "eve", allow("sts:AssumeRole", role)), role)
    assert acting(cloud, session, "sts").get_caller_identity()["Account"] == other.id


def test_last_use_of_a_role_is_tracked(iam: Any, cloud: LocalCloud) -> None:
    bob = user_with_key(iam, "bob")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting("*"))["Role"]["Arn"]
    acting(cloud, assume(cloud, bob, role), "sts").get_caller_identity()
    assert iam.get_role(RoleName="r")["Role"]["RoleLastUsed"]["Region"] == "us-east-1"


def test_sessions_of_a_deleted_role_may_do_nothing(iam: Any, cloud: LocalCloud) -> None:
    bob = user_with_key(iam, "bob")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting("*"))["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document(allow("sqs:*")))
    sqs = acting(cloud, assume(cloud, bob, role), "sqs")
    sqs.list_queues()
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    iam.delete_role(RoleName="r")
    with refused("AccessDenied"):
        sqs.list_queues()
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting("*"))
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document(allow("sqs:*")))
    with refused("AccessDenied"):
        sqs.list_queues()


def test_a_role_goes_when_nothing_hangs_on_it(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document(allow("s3:*")))
    iam.create_instance_profile(InstanceProfileName="ip")
    iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="r")

    def stuck(message: str) -> None:
        with refused("DeleteConflict", f"Cannot delete entity, must {message} first."):
            iam.delete_role(RoleName="r")

    stuck("detach all policies")
    iam.detach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    stuck("delete policies")
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    stuck("remove roles from instance profile")
    with refused("DeleteConflict"):
        iam.delete_instance_profile(InstanceProfileName="ip")
    iam.remove_role_from_instance_profile(InstanceProfileName="ip", RoleName="r")
    iam.delete_role(RoleName="r")
    iam.delete_instance_profile(InstanceProfileName="ip")


def test_an_instance_profile_holds_one_role(iam: Any, aws: Account) -> None:
    made = iam.create_instance_profile(InstanceProfileName="ip", Path="/x/")["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{aws.id}:instance-profile/x/ip"
    assert made["InstanceProfileId"].startswith("AIPA")
    for name in ("r", "s"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=EC2)
    iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="r")
    with refused("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"):
        iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="s")
    found = iam.get_instance_profile(InstanceProfileName="ip")["InstanceProfile"]
    assert [role["RoleName"] for role in found["Roles"]] == ["r"]
    for number in range(3):
        iam.create_instance_profile(InstanceProfileName=f"more{number}")
        iam.add_role_to_instance_profile(InstanceProfileName=f"more{number}", RoleName="r")
    found = pages(iam.list_instance_profiles_for_role, "InstanceProfiles", RoleName="r", MaxItems=3)
    assert [[profile["InstanceProfileName"] for profile in page] for page in found] == [
        ["ip", "more0", "more1"],
        ["more2"],
    ]
    with refused("NoSuchEntity", "Instance Profile absent cannot be found."):
        iam.get_instance_profile(InstanceProfileName="absent")


def test_whoever_fills_an_instance_profile_must_be_allowed_to_pass_the_role(iam: Any, cloud: LocalCloud) -> None:
    iam.create_role(RoleName="admin", AssumeRolePolicyDocument=EC2)
    iam.create_instance_profile(InstanceProfileName="ip")
    eve = acting(cloud, user_with_key(iam, "eve", allow("iam:AddRoleToInstanceProfile")), "iam")
    with refused("AccessDenied"):
        eve.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="admin")
    bob = acting(cloud, user_with_key(iam, "bob", allow(["iam:AddRoleToInstanceProfile", "iam:PassRole"])), "iam")
    bob.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="admin")


# Service-linked roles


def test_a_service_linked_role_is_its_services_alone(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    role = iam.create_service_linked_role(AWSServiceName="elasticloadbalancing.amazonaws.com")["Role"]
    path = "/aws-service-role/elasticloadbalancing.amazonaws.com/"
    assert role["Arn"] == f"arn:aws:iam::{aws.id}:role{path}AWSServiceRoleForElasticLoadBalancing"
    name = role["RoleName"]
    (attached,) = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert attached["PolicyName"] == "AWSElasticLoadBalancingServiceRolePolicy"
    with refused(
        "UnmodifiableEntity",
        f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
    ):
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allow("*")))
    with refused("UnmodifiableEntity"):
        iam.delete_role(RoleName=name)
    with refused("InvalidInput"):
        iam.create_service_linked_role(AWSServiceName="elasticloadbalancing.amazonaws.com")
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "IN_PROGRESS"
    cloud.clock.advance(2)
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with refused("NoSuchEntity"):
        iam.get_role(RoleName=name)


def test_every_service_linked_role_has_a_policy_of_awss() -> None:
    from pileus.services.iam.aws_managed import known
    from pileus.services.iam.linked_roles import SERVICES

    absent = {policy for _, policy in SERVICES.values() if f"aws-service-role/{policy}" not in known()}
    assert absent == set()
