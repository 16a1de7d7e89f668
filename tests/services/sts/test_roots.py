"""Centralized root access: the management account as the root of its members, for one task at a time."""

from __future__ import annotations

from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.kernel.access.people import User, session
from tests.kernel.access.people import allow as may
from tests.services.organizations.founding import SCP, Organized, deny

AUDIT = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
UNLOCK = "arn:aws:iam::aws:policy/root-task/SQSUnlockQueuePolicy"


@pytest.fixture
def organized(aws: Account, cloud: LocalCloud) -> Organized:
    found = Organized(aws, cloud)
    found.org.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    return found


def administrator(cloud: LocalCloud, account: Account) -> Any:
    return User(cloud, account.id, may("sts:AssumeRoot")).client("sts")


def test_the_features_of_an_organization_are_enabled_by_its_management_account(
    aws: Account, cloud: LocalCloud, refused: Any
) -> None:
    iam = aws.client("iam")
    with refused("OrganizationNotFoundException"):
        iam.list_organizations_features()
    found = Organized(aws, cloud)
    with refused("ServiceAccessNotEnabledException"):
        iam.enable_organizations_root_sessions()
    found.org.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    assert iam.enable_organizations_root_sessions()["EnabledFeatures"] == ["RootSessions"]
    both = iam.enable_organizations_root_credentials_management()
    assert both == both | {
        "OrganizationId": found.id,
        "EnabledFeatures": ["RootCredentialsManagement", "RootSessions"],
    }
    assert iam.disable_organizations_root_sessions()["EnabledFeatures"] == ["RootCredentialsManagement"]
    member = found.account("member")
    with refused("AccountNotManagementOrDelegatedAdministratorException"):
        member.client("iam").list_organizations_features()
    found.org.register_delegated_administrator(AccountId=member.id, ServicePrincipal="iam.amazonaws.com")
    assert member.client("iam").list_organizations_features()["OrganizationId"] == found.id


def test_a_session_as_the_root_does_its_task_and_nothing_else(
    organized: Organized, cloud: LocalCloud, refused: Any
) -> None:
    management, member = organized.management, organized.account("member")
    sts = administrator(cloud, management)
    asked = {"TargetPrincipal": member.id, "TaskPolicyArn": {"arn": AUDIT}}
    with refused("AccessDenied"):
        sts.assume_root(**asked)
    management.client("iam").enable_organizations_root_sessions()
    with refused("AccessDenied"):
        management.client("sts").assume_root(**asked)
    answer = sts.assume_root(**asked)
    lasts = answer["Credentials"]["Expiration"].timestamp() - cloud.clock.now()
    assert lasts == pytest.approx(900, abs=5)
    assert session(cloud, answer, "sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{member.id}:root"
    session(cloud, answer, "iam").get_account_summary()
    assert session(cloud, answer, "iam").list_access_keys()["AccessKeyMetadata"] == []
    with refused("AccessDenied", "with an explicit deny in a session policy"):
        session(cloud, answer, "iam").create_user(UserName="intruder")
    with refused("AccessDenied"):
        session(cloud, answer, "sts").assume_role(
            RoleArn=f"arn:aws:iam::{member.id}:role/never-made", RoleSessionName="improvised"
        )
    queue = member.client("sqs").create_queue(QueueName="locked")["QueueUrl"]
    with refused("AccessDenied"):
        session(cloud, answer, "sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
    unlocking = sts.assume_root(TargetPrincipal=member.id, TaskPolicyArn={"arn": UNLOCK})
    session(cloud, unlocking, "sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})


def test_only_roots_of_members_are_assumed_and_only_for_tasks(
    organized: Organized, cloud: LocalCloud, refused: Any
) -> None:
    organized.management.client("iam").enable_organizations_root_sessions()
    sts = administrator(cloud, organized.management)
    for account in (organized.management, cloud.account()):
        with refused("AccessDenied"):
            sts.assume_root(TargetPrincipal=account.id, TaskPolicyArn={"arn": AUDIT})
    member = organized.account("member")
    with refused("ValidationError"):
        sts.assume_root(TargetPrincipal=member.id, TaskPolicyArn={"arn": "arn:aws:iam::aws:policy/AdministratorAccess"})
    stranger = User(cloud, organized.management.id, may("sqs:*")).client("sts")
    with refused("AccessDenied", "because no identity-based policy allows the sts:AssumeRoot action"):
        stranger.assume_root(TargetPrincipal=member.id, TaskPolicyArn={"arn": AUDIT})
    narrow = may("sts:AssumeRoot", Condition={"StringEquals": {"sts:TaskPolicyArn": UNLOCK}})
    narrowed = User(cloud, organized.management.id, narrow).client("sts")
    with refused("AccessDenied"):
        narrowed.assume_root(TargetPrincipal=member.id, TaskPolicyArn={"arn": AUDIT})
    narrowed.assume_root(TargetPrincipal=member.id, TaskPolicyArn={"arn": UNLOCK})


def test_a_control_policy_may_forbid_roots_but_for_their_tasks(
    organized: Organized, cloud: LocalCloud, refused: Any
) -> None:
    organized.management.client("iam").enable_organizations_root_sessions()
    member = organized.account("member")
    organized.enable(SCP)
    condition = {
        "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"},
        "Null": {"aws:AssumedRoot": "true"},
    }
    organized.attach(member.id, deny("*", Condition=condition))
    with refused("AccessDenied", "service control policy"):
        member.client("iam").get_account_summary()
    answer = administrator(cloud, organized.management).assume_root(
        TargetPrincipal=member.id, TaskPolicyArn={"arn": AUDIT}
    )
    session(cloud, answer, "iam").get_account_summary()


def test_an_organization_learns_which_services_its_accounts_use(
    organized: Organized, cloud: LocalCloud, clock: Any
) -> None:
    member = organized.account("member", organized.unit("unit"))
    organized.enable(SCP)
    User(cloud, member.id, may("sqs:*")).client("sqs").list_queues()
    clock.advance(120)
    iam = organized.management.client("iam")
    path = f"{organized.id}/{organized.root}"
    job = iam.generate_organizations_access_report(EntityPath=path)["JobId"]
    report = iam.get_organizations_access_report(JobId=job, SortKey="LAST_AUTHENTICATED_TIME_DESCENDING", MaxItems=5)
    assert report["JobStatus"] == "COMPLETED"
    first = report["AccessDetails"][0]
    assert (first["ServiceNamespace"], first["TotalAuthenticatedEntities"]) == ("sqs", 1)
    assert first["EntityPath"].endswith(member.id)
    assert report["NumberOfServicesAccessible"] > 100
    assert report["IsTruncated"]
    organized.attach(organized.root, deny("sqs:*"))
    refusing = member.client("iam").generate_organizations_access_report(EntityPath=path)["JobId"]
    assert member.client("iam").get_organizations_access_report(JobId=refusing)["JobStatus"] == "FAILED"
