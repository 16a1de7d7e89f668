"""Resources that accounts share: who may use them, and who no longer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.kernel.access.people import User
from tests.kernel.access.people import allow as may
from tests.services.organizations.founding import Organized

READ_ONLY = "arn:aws:ram::aws:permission/AWSRAMDefaultPermissionSSMParameterReadOnly"
WITH_HISTORY = "arn:aws:ram::aws:permission/AWSRAMPermissionSSMParameterReadOnlyWithHistory"


def parameter(account: Account, name: str = "greeting", tier: str = "Advanced", region: str = "us-east-1") -> str:
    """The ARN of a new parameter."""
    account.client("ssm", region).put_parameter(Name=name, Value=f"hello from {account.id}", Type="String", Tier=tier)
    return f"arn:aws:ssm:{region}:{account.id}:parameter/{name.lstrip('/')}"


def share(account: Account, *resources: str, principals: Any = (), **more: Any) -> str:
    made = account.client("ram").create_resource_share(
        name="shared", resourceArns=list(resources), principals=list(principals), **more
    )
    return str(made["resourceShare"]["resourceShareArn"])


def value(account: Account, arn: str) -> str:
    return str(account.client("ssm").get_parameter(Name=arn)["Parameter"]["Value"])


def accept(account: Account) -> None:
    ram = account.client("ram")
    for invitation in ram.get_resource_share_invitations()["resourceShareInvitations"]:
        if invitation["status"] == "PENDING":
            ram.accept_resource_share_invitation(resourceShareInvitationArn=invitation["resourceShareInvitationArn"])


@pytest.fixture
def other(cloud: LocalCloud) -> Account:
    return cloud.account()


@pytest.fixture
def sharing(aws: Account, cloud: LocalCloud) -> Organized:
    """An organization whose accounts share with each other."""
    organized = Organized(aws, cloud)
    aws.client("ram").enable_sharing_with_aws_organization()
    return organized


def test_an_account_outside_uses_what_is_shared_once_it_has_accepted(
    aws: Account, other: Account, cloud: LocalCloud, refused: Any
) -> None:
    arn = parameter(aws)
    with refused("AccessDeniedException"):
        value(other, arn)
    shared = share(aws, arn, principals=[other.id])
    ours, theirs = aws.client("ram"), other.client("ram")
    with refused("AccessDeniedException"):
        value(other, arn)
    (member,) = ours.get_resource_share_associations(associationType="PRINCIPAL")["resourceShareAssociations"]
    assert (member["status"], member["external"], member["associatedEntity"]) == ("ASSOCIATING", True, other.id)
    (invitation,) = theirs.get_resource_share_invitations()["resourceShareInvitations"]
    assert (invitation["senderAccountId"], invitation["status"]) == (aws.id, "PENDING")
    name = {"resourceShareInvitationArn": invitation["resourceShareInvitationArn"]}
    assert [one["arn"] for one in theirs.list_pending_invitation_resources(**name)["resources"]] == [arn]
    assert theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"] == []
    assert theirs.accept_resource_share_invitation(**name)["resourceShareInvitation"]["status"] == "ACCEPTED"
    with refused("ResourceShareInvitationAlreadyAcceptedException"):
        theirs.reject_resource_share_invitation(**name)
    assert value(other, arn) == f"hello from {aws.id}"
    with refused("AccessDeniedException"):
        other.client("ssm").get_parameter_history(Name=arn)
    with refused("AccessDeniedException"):
        value(cloud.account(), arn)
    (found,) = theirs.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"]
    assert (found["resourceShareArn"], found["owningAccountId"], found["status"]) == (shared, aws.id, "ACTIVE")
    (resource,) = theirs.list_resources(resourceOwner="OTHER-ACCOUNTS")["resources"]
    assert (resource["arn"], resource["type"], resource["resourceShareArn"]) == (arn, "ssm:Parameter", shared)
    (owner,) = theirs.list_principals(resourceOwner="OTHER-ACCOUNTS")["principals"]
    assert owner["id"] == aws.id
    (principal,) = ours.list_principals(resourceOwner="SELF")["principals"]
    assert principal["id"] == other.id
    described = other.client("ssm").describe_parameters(Shared=True)["Parameters"]
    assert [one["ARN"] for one in described] == [arn]
    many = other.client("ssm").get_parameters(Names=[arn, parameter(other, "own")])["Parameters"]
    assert len(many) == 2


def test_both_sides_must_allow(aws: Account, other: Account, cloud: LocalCloud, refused: Any) -> None:
    arn = parameter(aws)
    share(aws, arn, principals=[other.id])
    accept(other)
    reader, stranger = User(cloud, other.id, may("ssm:GetParameter", arn)), User(cloud, other.id, may("sqs:*"))
    assert reader.client("ssm").get_parameter(Name=arn)
    with refused("AccessDeniedException", "because no identity-based policy allows"):
        stranger.client("ssm").get_parameter(Name=arn)


def test_an_invitation_is_rejected_or_lapses(aws: Account, other: Account, clock: Any, refused: Any) -> None:
    arn = parameter(aws)
    ram, theirs = aws.client("ram"), other.client("ram")
    shared = share(aws, arn, principals=[other.id])
    (invitation,) = theirs.get_resource_share_invitations()["resourceShareInvitations"]
    theirs.reject_resource_share_invitation(resourceShareInvitationArn=invitation["resourceShareInvitationArn"])
    (member,) = ram.get_resource_share_associations(associationType="PRINCIPAL")["resourceShareAssociations"]
    assert member["status"] == "FAILED"
    ram.associate_resource_share(resourceShareArn=shared, principals=[other.id])
    clock.advance(12 * 3600 + 1)
    again = theirs.get_resource_share_invitations()["resourceShareInvitations"]
    assert sorted(one["status"] for one in again) == ["EXPIRED", "REJECTED"]
    lapsed = next(one for one in again if one["status"] == "EXPIRED")
    with refused("ResourceShareInvitationExpiredException"):
        theirs.accept_resource_share_invitation(resourceShareInvitationArn=lapsed["resourceShareInvitationArn"])
    with refused("ResourceShareInvitationArnNotFoundException"):
        ram.accept_resource_share_invitation(resourceShareInvitationArn=lapsed["resourceShareInvitationArn"])


def test_accounts_of_an_organization_are_not_asked(sharing: Organized, other: Account, refused: Any) -> None:
    owner = sharing.account("owner")
    unit = sharing.unit("readers")
    inside, elsewhere = sharing.account("inside", unit), sharing.account("elsewhere")
    organization = f"arn:aws:organizations::{sharing.management.id}:organization/{sharing.id}"
    arn_of_unit = f"arn:aws:organizations::{sharing.management.id}:ou/{sharing.id}/{unit}"
    to_unit, to_account, to_all = (parameter(owner, name) for name in ("unit", "account", "all"))
    share(owner, to_unit, principals=[arn_of_unit], allowExternalPrincipals=False)
    share(owner, to_account, principals=[elsewhere.id], allowExternalPrincipals=False)
    share(owner, to_all, principals=[organization], allowExternalPrincipals=False)
    for account, allowed in ((inside, (to_unit, to_all)), (elsewhere, (to_account, to_all)), (other, ())):
        for arn in (to_unit, to_account, to_all):
            if arn in allowed:
                value(account, arn)
            else:
                with refused("AccessDeniedException"):
                    value(account, arn)
        listed = account.client("ram").list_resources(resourceOwner="OTHER-ACCOUNTS")["resources"]
        assert {one["arn"] for one in listed} == set(allowed)
    sharing.org.move_account(AccountId=elsewhere.id, SourceParentId=sharing.root, DestinationParentId=unit)
    value(elsewhere, to_unit)
    sharing.org.remove_account_from_organization(AccountId=elsewhere.id)
    for arn in (to_unit, to_account, to_all):
        with refused("AccessDeniedException"):
            value(elsewhere, arn)


def test_sharing_within_an_organization_must_be_enabled(
    aws: Account, cloud: LocalCloud, other: Account, refused: Any
) -> None:
    with refused("OperationNotPermittedException", "AWSOrganizationsNotInUseException"):
        aws.client("ram").enable_sharing_with_aws_organization()
    organized = Organized(aws, cloud)
    organization = f"arn:aws:organizations::{aws.id}:organization/{organized.id}"
    arn = parameter(aws)
    with refused("UnknownResourceException", f"Organization {organized.id} could not be found."):
        share(aws, arn, principals=[organization])
    aws.client("ram").enable_sharing_with_aws_organization()
    assert aws.client("iam").get_role(RoleName="AWSServiceRoleForResourceAccessManager")
    share(aws, arn, principals=[organization])
    with refused("OperationNotPermittedException"):
        share(aws, arn, principals=[other.id], allowExternalPrincipals=False)
    with refused("UnknownResourceException"):
        share(aws, arn, principals=[f"arn:aws:organizations::{aws.id}:ou/{organized.id}/ou-none-12345678"])


def test_sharing_ends_when_it_is_taken_back(aws: Account, other: Account, clock: Any, refused: Any) -> None:
    first, second = parameter(aws, "first"), parameter(aws, "second")
    ram = aws.client("ram")
    shared = share(aws, first, second, principals=[other.id])
    accept(other)
    gone = ram.disassociate_resource_share(resourceShareArn=shared, resourceArns=[first])
    assert [one["status"] for one in gone["resourceShareAssociations"]] == ["DISASSOCIATED"]
    with refused("AccessDeniedException"):
        value(other, first)
    value(other, second)
    with refused("UnknownResourceException"):
        ram.disassociate_resource_share(resourceShareArn=shared, resourceArns=[first])
    ram.disassociate_resource_share(resourceShareArn=shared, principals=[other.id])
    with refused("AccessDeniedException"):
        value(other, second)
    assert other.client("ram").get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"] == []
    ram.delete_resource_share(resourceShareArn=shared)
    (deleted,) = ram.get_resource_shares(resourceOwner="SELF")["resourceShares"]
    assert deleted["status"] == "DELETED"
    with refused("UnknownResourceException"):
        ram.update_resource_share(resourceShareArn=shared, name="too late")
    clock.advance(3601)
    assert ram.get_resource_shares(resourceOwner="SELF")["resourceShares"] == []


def test_only_what_the_account_has_and_may_share_is_shared(aws: Account, other: Account, refused: Any) -> None:
    with refused("InvalidParameterException", "advanced-parameter tier"):
        share(aws, parameter(aws, "standard", "Standard"))
    with refused("UnknownResourceException"):
        share(aws, f"arn:aws:ssm:us-east-1:{aws.id}:parameter/none")
    with refused("InvalidParameterException"):
        share(aws, parameter(other))
    with refused("MalformedArnException"):
        share(aws, "no arn")
    with refused("InvalidParameterException"):
        share(aws, principals=["nobody"])
    assert aws.client("ram").get_resource_shares(resourceOwner="SELF")["resourceShares"] == []
    kinds = {one["resourceType"] for one in aws.client("ram").list_resource_types()["resourceTypes"]}
    assert "ssm:Parameter" in kinds


def test_permissions_of_aws_and_of_the_customer(aws: Account, other: Account, cloud: LocalCloud, refused: Any) -> None:
    ram, arn = aws.client("ram"), parameter(aws)
    shared = share(aws, arn, principals=[other.id], permissionArns=[WITH_HISTORY])
    accept(other)
    assert other.client("ssm").get_parameter_history(Name=arn)["Parameters"]
    (given,) = ram.list_resource_share_permissions(resourceShareArn=shared)["permissions"]
    assert (given["arn"], given["status"]) == (WITH_HISTORY, "ASSOCIATED")
    template = {"Effect": "Allow", "Action": ["ssm:GetParameterHistory"]}
    made = ram.create_permission(
        name="history", resourceType="ssm:Parameter", policyTemplate=json.dumps(template), clientToken="once"
    )["permission"]
    assert (made["version"], made["defaultVersion"], made["permissionType"]) == ("1", True, "CUSTOMER_MANAGED")
    own = {"resourceShareArn": shared, "permissionArn": made["arn"]}
    with refused("InvalidParameterException"):
        ram.associate_resource_share_permission(**own)
    ram.associate_resource_share_permission(**own, replace=True)
    assert other.client("ssm").get_parameter_history(Name=arn)["Parameters"]
    with refused("AccessDeniedException"):
        value(other, arn)
    template["Action"] = ["ssm:GetParameter"]
    second = ram.create_permission_version(permissionArn=made["arn"], policyTemplate=json.dumps(template))
    assert second["permission"]["version"] == "2"
    with refused("AccessDeniedException"):
        value(other, arn)
    work = ram.replace_permission_associations(fromPermissionArn=made["arn"], toPermissionArn=made["arn"])
    cloud.clock.advance(0)
    (done,) = ram.list_replace_permission_associations_work(workIds=[work["replacePermissionAssociationsWork"]["id"]])[
        "replacePermissionAssociationsWorks"
    ]
    assert (done["status"], done["toPermissionVersion"]) == ("COMPLETED", "2")
    value(other, arn)
    versions = ram.list_permission_versions(permissionArn=made["arn"])["permissions"]
    assert [(one["version"], one["defaultVersion"]) for one in versions] == [("1", False), ("2", True)]
    (use,) = ram.list_permission_associations(permissionArn=made["arn"])["permissions"]
    assert (use["permissionVersion"], use["resourceShareArn"]) == ("2", shared)
    with refused("OperationNotPermittedException"):
        ram.delete_permission_version(permissionArn=made["arn"], permissionVersion=2)
    ram.delete_permission_version(permissionArn=made["arn"], permissionVersion=1)
    with refused("OperationNotPermittedException"):
        ram.delete_permission(permissionArn=made["arn"])
    with refused("InvalidStateTransitionException"):
        ram.disassociate_resource_share_permission(**own)
    ram.disassociate_resource_share(resourceShareArn=shared, resourceArns=[arn])
    ram.disassociate_resource_share_permission(**own)
    ram.delete_permission(permissionArn=made["arn"])
    with refused("UnknownResourceException"):
        ram.get_permission(permissionArn=made["arn"])
    default = ram.get_permission(permissionArn=READ_ONLY)["permission"]
    assert default["isResourceTypeDefault"]
    assert "ssm:GetParameter" in json.loads(default["permission"])["Action"]
    listed = ram.list_permissions(resourceType="ssm:parameter", permissionType="AWS_MANAGED")["permissions"]
    assert {one["arn"] for one in listed} == {READ_ONLY, WITH_HISTORY}


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("no template", "MalformedPolicyTemplateException"),
        ('{"Effect":"Deny","Action":"ssm:GetParameter"}', "MalformedPolicyTemplateException"),
        ('{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"*"}', "MalformedPolicyTemplateException"),
        ('{"Effect":"Allow","Action":"sqs:SendMessage"}', "InvalidPolicyException"),
        (
            '{"Effect":"Allow","Action":"ssm:GetParameter","Condition":{"StringEquals":{"aws:a":"@{x}"}}}',
            "MalformedPolicyTemplateException",
        ),
    ],
)
def test_what_is_no_permission_is_refused(aws: Account, refused: Any, template: str, code: str) -> None:
    with refused(code):
        aws.client("ram").create_permission(name="bad", resourceType="ssm:Parameter", policyTemplate=template)


def test_a_permission_has_places_that_each_share_fills(aws: Account, other: Account, refused: Any) -> None:
    ram, arn = aws.client("ram"), parameter(aws)
    condition = {"StringEquals": {"aws:PrincipalTag/team": "@{team}"}}
    made = ram.create_permission(
        name="by-team",
        resourceType="ssm:Parameter",
        policyTemplate=json.dumps({"Effect": "Allow", "Action": "ssm:GetParameter", "Condition": condition}),
        permissionTemplateParameters=[{"name": "team", "type": "STRING"}],
    )["permission"]
    with refused("InvalidParameterException"):
        share(aws, arn, principals=[other.id], permissionArns=[made["arn"]])
    values = [{"name": "team", "values": ["red"]}]
    share(
        aws,
        arn,
        principals=[other.id],
        permissionArns=[made["arn"]],
        permissionTemplateParameters=[{"permissionArn": made["arn"], "permissionTemplateParameters": values}],
    )
    accept(other)
    red = User(other.cloud, other.id, may("ssm:GetParameter"), tags={"team": "red"})
    blue = User(other.cloud, other.id, may("ssm:GetParameter"), tags={"team": "blue"})
    assert red.client("ssm").get_parameter(Name=arn)
    with refused("AccessDeniedException"):
        blue.client("ssm").get_parameter(Name=arn)
    (text,) = ram.get_resource_policies(resourceArns=[arn])["policies"]
    (statement,) = json.loads(text)["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    assert statement["Principal"] == {"AWS": [f"arn:aws:iam::{other.id}:root"]}


def test_a_repeated_request_is_not_carried_out_again(aws: Account, refused: Any) -> None:
    ram = aws.client("ram")
    first = ram.create_resource_share(name="one", clientToken="same")
    assert ram.create_resource_share(name="one", clientToken="same")["resourceShare"] == first["resourceShare"]
    assert first["clientToken"] == "same"
    with refused("IdempotentParameterMismatchException"):
        ram.create_resource_share(name="two", clientToken="same")
    assert len(ram.get_resource_shares(resourceOwner="SELF")["resourceShares"]) == 1
    arn = first["resourceShare"]["resourceShareArn"]
    for _ in range(2):
        assert ram.delete_resource_share(resourceShareArn=arn, clientToken="gone")["returnValue"]


def test_shares_have_tags_and_are_found_by_them(aws: Account, refused: Any) -> None:
    ram = aws.client("ram")
    arn = share(aws, tags=[{"key": "team", "value": "red"}])
    share(aws, tags=[{"key": "team", "value": "blue"}])
    found = ram.get_resource_shares(resourceOwner="SELF", tagFilters=[{"tagKey": "team", "tagValues": ["red"]}])[
        "resourceShares"
    ]
    assert [one["resourceShareArn"] for one in found] == [arn]
    ram.tag_resource(resourceShareArn=arn, tags=[{"key": "cost", "value": "1"}])
    ram.untag_resource(resourceShareArn=arn, tagKeys=["team"])
    (only,) = ram.get_resource_shares(resourceOwner="SELF", resourceShareArns=[arn])["resourceShares"]
    assert only["tags"] == [{"key": "cost", "value": "1"}]
    with refused("InvalidParameterException"):
        ram.tag_resource(tags=[{"key": "a", "value": "b"}])
    ram.update_resource_share(resourceShareArn=arn, name="renamed", allowExternalPrincipals=False)
    (only,) = ram.get_resource_shares(resourceOwner="SELF", name="renamed")["resourceShares"]
    assert only["allowExternalPrincipals"] is False
    with refused("MissingRequiredParameterException"):
        ram.update_resource_share(resourceShareArn=arn)


def test_an_encrypted_parameter_wants_its_key_too(aws: Account, other: Account, refused: Any) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    aws.client("ssm").put_parameter(Name="secret", Value="of the key", Type="SecureString", Tier="Advanced", KeyId=key)
    arn = f"arn:aws:ssm:us-east-1:{aws.id}:parameter/secret"
    share(aws, arn, principals=[other.id])
    accept(other)
    with refused("AccessDeniedException"):
        other.client("ssm").get_parameter(Name=arn, WithDecryption=True)
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"].append(
        {"Effect": "Allow", "Principal": {"AWS": other.id}, "Action": "kms:Decrypt", "Resource": "*"}
    )
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    shown = other.client("ssm").get_parameter(Name=arn, WithDecryption=True)["Parameter"]
    assert shown["Value"] == "of the key"


def test_a_certificate_authority_is_used_by_others(aws: Account, other: Account, clock: Any, refused: Any) -> None:
    subject = {"KeyAlgorithm": "EC_prime256v1", "SigningAlgorithm": "SHA256WITHECDSA", "Subject": {"CommonName": "us"}}
    arn = aws.client("acm-pca").create_certificate_authority(
        CertificateAuthorityConfiguration=subject, CertificateAuthorityType="ROOT"
    )["CertificateAuthorityArn"]
    clock.advance(5)
    theirs = other.client("acm-pca")
    with refused("AccessDeniedException"):
        theirs.describe_certificate_authority(CertificateAuthorityArn=arn)
    share(aws, arn, principals=[other.id])
    accept(other)
    found = theirs.describe_certificate_authority(CertificateAuthorityArn=arn)["CertificateAuthority"]
    assert found["OwnerAccount"] == aws.id
    with refused("AccessDeniedException"):
        theirs.delete_certificate_authority(CertificateAuthorityArn=arn)
    resources = other.client("ram").list_resources(resourceOwner="OTHER-ACCOUNTS")["resources"]
    assert [one["type"] for one in resources] == ["acm-pca:CertificateAuthority"]
