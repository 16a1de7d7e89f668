import csv
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .asking import EC2_TRUST, acting, allow, document, pages, refused, user_with_key

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def test_an_alias_belongs_to_one_account(iam: Any, aws: Account, other: Account) -> None:
    name = f"alias-{aws.id}"
    iam.create_account_alias(AccountAlias=name)
    assert iam.list_account_aliases()["AccountAliases"] == [name]
    with refused("EntityAlreadyExists", f"The account alias {name} already exists."):
        other.client("iam").create_account_alias(AccountAlias=name)
    iam.create_account_alias(AccountAlias=f"{name}-new")
    assert iam.list_account_aliases()["AccountAliases"] == [f"{name}-new"]
    other.client("iam").create_account_alias(AccountAlias=name)
    with refused("NoSuchEntity"):
        iam.delete_account_alias(AccountAlias=name)
    iam.delete_account_alias(AccountAlias=f"{name}-new")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_the_summary_counts(iam: Any) -> None:
    iam.create_user(UserName="bob")
    iam.create_group(GroupName="g")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=document(EC2_TRUST))
    iam.create_policy(PolicyName="p", PolicyDocument=document(allow("sqs:*")))
    told = iam.get_account_summary()["SummaryMap"]
    assert [told[kind] for kind in ("Users", "Groups", "Roles", "Policies", "PolicyVersionsInUse")] == [1] * 5
    assert (told["UsersQuota"], told["AccessKeysPerUserQuota"], told["AccountMFAEnabled"]) == (5000, 2, 0)
    iam.delete_user(UserName="bob")
    assert iam.get_account_summary()["SummaryMap"]["Users"] == 0


def test_authorization_details_show_how_everything_hangs_together(iam: Any) -> None:
    user_with_key(iam, "bob", allow("sqs:*"))
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="bob")
    iam.attach_group_policy(GroupName="g", PolicyArn=READ_ONLY)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=document(EC2_TRUST))
    iam.create_instance_profile(InstanceProfileName="ip")
    iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="r")
    iam.create_policy(PolicyName="p", PolicyDocument=document(allow("sqs:*")))
    told = iam.get_account_authorization_details()
    (user,) = told["UserDetailList"]
    assert user["GroupList"] == ["g"]
    assert user["UserPolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"] == "sqs:*"
    assert told["GroupDetailList"][0]["AttachedManagedPolicies"] == [
        {"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}
    ]
    assert told["RoleDetailList"][0]["InstanceProfileList"][0]["InstanceProfileName"] == "ip"
    assert [policy["PolicyName"] for policy in told["Policies"]] == ["p", "ReadOnlyAccess"]
    assert told["Policies"][0]["PolicyVersionList"][0]["Document"]["Version"] == "2012-10-17"
    roles = iam.get_account_authorization_details(Filter=["Role"])
    assert (len(roles["RoleDetailList"]), roles["UserDetailList"]) == (1, [])
    assert sum(map(len, pages(iam.get_account_authorization_details, "Policies", MaxItems=1))) == 2


def test_the_credential_report(iam: Any, cloud: LocalCloud) -> None:
    with refused("ReportNotPresent"):
        iam.get_credential_report()
    key = user_with_key(iam, "bob", allow("sqs:*"))
    acting(cloud, key, "sqs").list_queues()
    iam.create_login_profile(UserName="bob", Password="Correct-horse-7")
    assert iam.generate_credential_report()["State"] == "STARTED"
    with refused("ReportInProgress"):
        iam.get_credential_report()
    cloud.clock.advance(3)
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    rows = {row["user"]: row for row in csv.DictReader(report["Content"].decode().splitlines())}
    assert report["ReportFormat"] == "text/csv"
    assert rows["<root_account>"]["password_enabled"] == "not_supported"
    bob = rows["bob"]
    assert (bob["password_enabled"], bob["mfa_active"], bob["access_key_1_active"]) == ("true", "false", "true")
    assert (bob["access_key_1_last_used_service"], bob["access_key_2_active"]) == ("sqs", "false")
    cloud.clock.advance(4 * 3600)
    with refused("ReportExpired"):
        iam.get_credential_report()
    assert iam.generate_credential_report()["State"] == "STARTED"


def test_which_services_may_be_used_and_were(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "bob", allow(["sqs:*", "s3:GetObject"]))
    acting(cloud, key, "sqs").list_queues()
    bob = f"arn:aws:iam::{aws.id}:user/bob"
    job = iam.generate_service_last_accessed_details(Arn=bob)["JobId"]
    told = iam.get_service_last_accessed_details(JobId=job)
    assert (told["JobStatus"], told["JobType"]) == ("COMPLETED", "SERVICE_LEVEL")
    services = {service["ServiceNamespace"]: service for service in told["ServicesLastAccessed"]}
    assert services.keys() == {"sqs", "s3"}
    assert (services["sqs"]["LastAuthenticatedEntity"], services["sqs"]["TotalAuthenticatedEntities"]) == (bob, 1)
    assert services["s3"]["TotalAuthenticatedEntities"] == 0
    entities = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="sqs")
    assert entities["EntityDetailsList"][0]["EntityInfo"]["Name"] == "bob"
    with refused("NoSuchEntity"):
        iam.get_service_last_accessed_details(JobId="0" * 36)


def test_which_policies_grant_a_service(iam: Any, aws: Account) -> None:
    user_with_key(iam, "bob", allow("sqs:*"))
    iam.attach_user_policy(UserName="bob", PolicyArn=READ_ONLY)
    told = iam.list_policies_granting_service_access(
        Arn=f"arn:aws:iam::{aws.id}:user/bob", ServiceNamespaces=["sqs", "s3"]
    )["PoliciesGrantingServiceAccess"]
    names = {one["ServiceNamespace"]: [policy["PolicyName"] for policy in one["Policies"]] for one in told}
    assert names == {"sqs": ["inline", "ReadOnlyAccess"], "s3": ["ReadOnlyAccess"]}


def test_preferences_of_sts(iam: Any) -> None:
    iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
    assert iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"] == 2


# The simulator


def decisions(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (one["EvalActionName"], one["EvalResourceName"]): one["EvalDecision"] for one in answer["EvaluationResults"]
    }


def test_policies_are_simulated(iam: Any) -> None:
    text = document(
        allow("s3:GetObject", "arn:aws:s3:::b/*"),
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/secret"},
    )
    answer = iam.simulate_custom_policy(
        PolicyInputList=[text],
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=["arn:aws:s3:::b/open", "arn:aws:s3:::b/secret"],
    )
    assert decisions(answer) == {
        ("s3:GetObject", "arn:aws:s3:::b/open"): "allowed",
        ("s3:GetObject", "arn:aws:s3:::b/secret"): "explicitDeny",
        ("s3:PutObject", "arn:aws:s3:::b/open"): "implicitDeny",
        ("s3:PutObject", "arn:aws:s3:::b/secret"): "implicitDeny",
    }
    (matched,) = answer["EvaluationResults"][0]["MatchedStatements"]
    assert matched["SourcePolicyId"] == "PolicyInputList.1"
    start, end = matched["StartPosition"], matched["EndPosition"]
    assert (start["Line"], end["Line"]) == (1, 1)
    assert text[start["Column"] - 1 : end["Column"] - 1].startswith('{"Effect": "Allow"')


def test_a_launch_is_simulated_with_all_that_it_takes(iam: Any, aws: Account) -> None:
    kinds = ("instance", "image", "security-group", "network-interface", "subnet")
    arns = [f"arn:aws:ec2:us-east-1:{'' if kind == 'image' else aws.id}:{kind}/*" for kind in kinds]
    asked = {
        "PolicyInputList": [document(allow("ec2:RunInstances", [arn for arn in arns if "subnet" not in arn]))],
        "ActionNames": ["ec2:RunInstances"],
        "ResourceArns": arns,
    }
    (result,) = iam.simulate_custom_policy(**asked, ResourceHandlingOption="EC2-VPC-InstanceStore-Subnet")[
        "EvaluationResults"
    ]
    assert result["EvalDecision"] == "implicitDeny"
    decisions = {one["EvalResourceName"]: one["EvalResourceDecision"] for one in result["ResourceSpecificResults"]}
    assert decisions == {arn: "implicitDeny" if "subnet" in arn else "allowed" for arn in arns}
    for option in ("EC2-VPC-EBS", "EC2-Moon"):
        with refused("InvalidInput"):
            iam.simulate_custom_policy(**asked, ResourceHandlingOption=option)


@pytest.mark.parametrize(
    "changes", [{"Condition": 5}, {"Principal": "*"}, {"Action": [5]}, {"Effect": "Perhaps"}, {"Resource": "bucket"}]
)
def test_what_is_no_policy_is_not_simulated(iam: Any, changes: dict[str, Any]) -> None:
    with refused("InvalidInput"):
        iam.simulate_custom_policy(
            PolicyInputList=[document(allow("sqs:*") | changes)], ActionNames=["sqs:SendMessage"]
        )


def test_boundaries_and_context_keys_are_simulated(iam: Any) -> None:
    red = allow("sqs:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}})
    ask = {"PolicyInputList": [document(red)], "ActionNames": ["sqs:SendMessage"]}
    (without,) = iam.simulate_custom_policy(**ask)["EvaluationResults"]
    assert (without["EvalDecision"], without["MissingContextValues"]) == ("implicitDeny", ["aws:PrincipalTag/team"])
    team = {"ContextKeyName": "aws:PrincipalTag/team", "ContextKeyValues": ["red"], "ContextKeyType": "string"}
    (given,) = iam.simulate_custom_policy(**ask, ContextEntries=[team])["EvaluationResults"]
    assert given["EvalDecision"] == "allowed"
    (bounded,) = iam.simulate_custom_policy(
        **ask, ContextEntries=[team], PermissionsBoundaryPolicyInputList=[document(allow("s3:*"))]
    )["EvaluationResults"]
    assert bounded["EvalDecision"] == "implicitDeny"
    assert bounded["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    (below,) = iam.simulate_custom_policy(
        **ask,
        ContextEntries=[team],
        OrderedOrganizationPolicyInputList=[{"ServiceControlPolicyInputList": [document(allow("s3:*"))]}],
    )["EvaluationResults"]
    assert below["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}


def test_a_principal_is_simulated_with_all_its_policies(iam: Any, aws: Account) -> None:
    user_with_key(iam, "bob", allow("sqs:SendMessage"))
    iam.create_group(GroupName="g")
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=document(allow("sqs:ReceiveMessage")))
    iam.add_user_to_group(GroupName="g", UserName="bob")
    answer = iam.simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{aws.id}:user/bob",
        ActionNames=["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:PurgeQueue", "s3:GetObject"],
        PolicyInputList=[document(allow("s3:*"))],
    )
    assert [one["EvalDecision"] for one in answer["EvaluationResults"]] == [
        "allowed",
        "allowed",
        "implicitDeny",
        "allowed",
    ]
    (without,) = iam.simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{aws.id}:user/bob",
        ActionNames=["sqs:SendMessage"],
        PolicyExclusionList=[{"PolicyType": "inline"}],
    )["EvaluationResults"]
    assert without["EvalDecision"] == "implicitDeny"
    with refused("NoSuchEntity"):
        iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{aws.id}:user/eve", ActionNames=["s3:GetObject"])
    with refused("InvalidInput"):
        iam.simulate_custom_policy(PolicyInputList=["{"], ActionNames=["s3:GetObject"])


def test_context_keys_of_policies(iam: Any, aws: Account) -> None:
    own = allow("s3:*", "arn:aws:s3:::b/${aws:username}/*", Condition={"Bool": {"aws:SecureTransport": "true"}})
    told = iam.get_context_keys_for_custom_policy(PolicyInputList=[document(own)])["ContextKeyNames"]
    assert sorted(told) == ["aws:SecureTransport", "aws:username"]
    user_with_key(iam, "bob", own)
    arn = f"arn:aws:iam::{aws.id}:user/bob"
    assert sorted(iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"]) == sorted(told)


# What lets users raise themselves


def test_a_boundary_holds_against_those_under_it(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    """IAM User Guide, "Delegating responsibility to others using permissions boundaries"."""
    boundary = iam.create_policy(
        PolicyName="boundary", PolicyDocument=document(allow(["sqs:*", "iam:*"]))
    )["Policy"]["Arn"]  # fmt: skip
    with_boundary = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    delegate = acting(
        cloud,
        user_with_key(iam, "delegate", allow(["iam:CreateUser", "iam:PutUserPolicy"], Condition=with_boundary)),
        "iam",
    )
    with refused("AccessDenied"):
        delegate.create_user(UserName="free")
    delegate.create_user(UserName="bound", PermissionsBoundary=boundary)
    delegate.put_user_policy(UserName="bound", PolicyName="p", PolicyDocument=document(allow("*")))
    iam.create_user(UserName="free")
    with refused("AccessDenied"):
        delegate.put_user_policy(UserName="free", PolicyName="p", PolicyDocument=document(allow("*")))
    with refused("AccessDenied"):
        delegate.delete_user_permissions_boundary(UserName="bound")


def test_rights_to_one_user_are_no_rights_to_another(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    own = allow(["iam:CreateAccessKey", "iam:GetUser"], f"arn:aws:iam::{aws.id}:user/team/${{aws:username}}")
    iam.create_user(UserName="admin")
    iam.create_user(UserName="bob", Path="/team/")
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=document(own))
    bob = acting(cloud, iam.create_access_key(UserName="bob")["AccessKey"], "iam")
    assert bob.get_user()["User"]["UserName"] == "bob"
    bob.create_access_key()
    with refused("AccessDenied"):
        bob.create_access_key(UserName="admin")


def test_an_account_that_is_reset_leaves_its_alias_to_others(
    iam: Any, aws: Account, other: Account, cloud: LocalCloud
) -> None:
    iam.create_account_alias(AccountAlias=f"alias-{aws.id}")
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    urlopen(f"{issuer}/.well-known/jwks.json").close()
    urlopen(Request(f"{cloud.endpoint}/_pileus/reset?account={aws.id}", method="POST")).close()
    other.client("iam").create_account_alias(AccountAlias=f"alias-{aws.id}")
    with pytest.raises(HTTPError):
        urlopen(f"{issuer}/.well-known/jwks.json")
