"""What an attacker with some rights tries in order to have more, or with somebody else's traces: all of it refused."""

from __future__ import annotations

from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pileus import LocalCloud
from pileus.kernel import Fault
from pileus.testing.account import Account

from .asking import acting, allow, document, refused, trusting, user_with_key

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


# Rights that make others


@pytest.fixture
def mallory(iam: Any, cloud: LocalCloud) -> Any:
    """IAM as a user who may read everything, and make users, roles and policies, but give nobody any rights."""
    key = user_with_key(iam, "mallory", allow(["iam:Get*", "iam:List*", "iam:CreateUser", "iam:CreatePolicy"]))
    return acting(cloud, key, "iam")


def test_nobody_gives_itself_rights(iam: Any, mallory: Any, aws: Account) -> None:
    iam.create_group(GroupName="admins")
    iam.attach_group_policy(GroupName="admins", PolicyArn=ADMINISTRATOR)
    everything = document(allow("*"))
    attempts = {
        "AttachUserPolicy": lambda: mallory.attach_user_policy(UserName="mallory", PolicyArn=ADMINISTRATOR),
        "PutUserPolicy": lambda: mallory.put_user_policy(
            UserName="mallory", PolicyName="all", PolicyDocument=everything
        ),
        "AddUserToGroup": lambda: mallory.add_user_to_group(UserName="mallory", GroupName="admins"),
        "PutGroupPolicy": lambda: mallory.put_group_policy(
            GroupName="admins", PolicyName="all", PolicyDocument=everything
        ),
    }
    for attempt in attempts.values():
        with refused("AccessDenied"):
            attempt()
    assert iam.list_user_policies(UserName="mallory")["PolicyNames"] == ["inline"]
    assert iam.list_groups_for_user(UserName="mallory")["Groups"] == []


def test_nobody_takes_over_anothers_credentials(iam: Any, mallory: Any) -> None:
    user_with_key(iam, "admin", allow("*"))
    iam.create_login_profile(UserName="admin", Password="Correct-horse-battery-1")
    for attempt in (
        lambda: mallory.create_access_key(UserName="admin"),
        lambda: mallory.update_login_profile(UserName="admin", Password="Stolen-horse-battery-1"),
        lambda: mallory.create_login_profile(UserName="mallory", Password="Stolen-horse-battery-1"),
        lambda: mallory.deactivate_mfa_device(UserName="admin", SerialNumber="arn:aws:iam::1:mfa/admin"),
    ):
        with refused("AccessDenied"):
            attempt()


def test_a_policy_is_not_rewritten_by_a_new_or_an_old_version(iam: Any, cloud: LocalCloud, aws: Account) -> None:
    """Who may write versions of one policy gets no further with another, and old versions stay out of force."""
    mine = iam.create_policy(PolicyName="mine", PolicyDocument=document(allow("*")))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=mine, PolicyDocument=document(allow("sqs:*")), SetAsDefault=True)
    other = iam.create_policy(PolicyName="other", PolicyDocument=document(allow("sqs:*")))["Policy"]["Arn"]
    key = user_with_key(iam, "mallory", allow("iam:CreatePolicyVersion", other))
    iam.attach_user_policy(UserName="mallory", PolicyArn=mine)
    mallory = acting(cloud, key, "iam")
    with refused("AccessDenied"):
        mallory.list_users()
    with refused("AccessDenied"):
        mallory.set_default_policy_version(PolicyArn=mine, VersionId="v1")
    with refused("AccessDenied"):
        mallory.create_policy_version(PolicyArn=mine, PolicyDocument=document(allow("*")), SetAsDefault=True)
    with refused("AccessDenied"):
        mallory.set_default_policy_version(PolicyArn=other, VersionId="v1")
    with refused("AccessDenied"):
        mallory.list_users()


def test_a_boundary_is_neither_removed_nor_replaced_nor_avoided(iam: Any, cloud: LocalCloud, aws: Account) -> None:
    """The delegation of IAM User Guide, "Delegating responsibility using permissions boundaries"."""
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=document(allow(["sqs:*", "iam:*"])))
    arn = boundary["Policy"]["Arn"]
    bounded = {"StringEquals": {"iam:PermissionsBoundary": arn}}
    delegated = ["iam:CreateUser", "iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:PutUserPermissionsBoundary"]
    key = user_with_key(
        iam,
        "delegate",
        allow(delegated, Condition=bounded),
        allow(["iam:CreateAccessKey", "iam:GetUser"]),
        {"Effect": "Deny", "Action": "iam:DeleteUserPermissionsBoundary", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:CreatePolicyVersion", "Resource": arn},
    )
    iam.put_user_permissions_boundary(UserName="delegate", PermissionsBoundary=arn)
    delegate = acting(cloud, key, "iam")
    other = iam.create_policy(PolicyName="wider", PolicyDocument=document(allow("*")))["Policy"]["Arn"]
    for attempt in (
        lambda: delegate.create_user(UserName="unbounded"),
        lambda: delegate.create_user(UserName="wider", PermissionsBoundary=other),
        lambda: delegate.delete_user_permissions_boundary(UserName="delegate"),
        lambda: delegate.put_user_permissions_boundary(UserName="delegate", PermissionsBoundary=other),
        lambda: delegate.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("*")), SetAsDefault=True),
    ):
        with refused("AccessDenied"):
            attempt()
    delegate.create_user(UserName="worker", PermissionsBoundary=arn)
    delegate.attach_user_policy(UserName="worker", PolicyArn=ADMINISTRATOR)
    worker = delegate.create_access_key(UserName="worker")["AccessKey"]
    acting(cloud, worker, "sqs").list_queues()
    with refused("AccessDenied"):
        acting(cloud, worker, "s3").list_buckets()
    iam.create_user(UserName="outside")
    with refused("AccessDenied"):
        delegate.put_user_policy(UserName="outside", PolicyName="all", PolicyDocument=document(allow("*")))


def test_a_role_is_passed_only_by_those_who_may_pass_it(iam: Any, cloud: LocalCloud, aws: Account) -> None:
    trust = document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    for name in ("strong", "weak"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    iam.attach_role_policy(RoleName="strong", PolicyArn=ADMINISTRATOR)
    key = user_with_key(
        iam,
        "mallory",
        allow(["iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile"]),
        allow("iam:PassRole", f"arn:aws:iam::{aws.id}:role/weak"),
    )
    mallory = acting(cloud, key, "iam")
    mallory.create_instance_profile(InstanceProfileName="mine")
    with refused("AccessDenied"):
        mallory.add_role_to_instance_profile(InstanceProfileName="mine", RoleName="strong")
    mallory.add_role_to_instance_profile(InstanceProfileName="mine", RoleName="weak")


def test_a_role_may_be_passed_to_one_service_only(iam: Any, cloud: LocalCloud, aws: Account) -> None:
    trust = document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    iam.create_role(RoleName="strong", AssumeRolePolicyDocument=trust)
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    key = user_with_key(
        iam,
        "mallory",
        allow(["iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile"]),
        allow("iam:PassRole", Condition=to_lambda),
    )
    mallory = acting(cloud, key, "iam")
    mallory.create_instance_profile(InstanceProfileName="mine")
    with refused("AccessDenied"):
        mallory.add_role_to_instance_profile(InstanceProfileName="mine", RoleName="strong")


def test_nobody_edits_a_trust_policy_to_be_trusted(iam: Any, cloud: LocalCloud, aws: Account) -> None:
    iam.create_role(
        RoleName="admin",
        AssumeRolePolicyDocument=document(
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ),
    )
    iam.attach_role_policy(RoleName="admin", PolicyArn=ADMINISTRATOR)
    key = user_with_key(iam, "mallory", allow("sts:AssumeRole"), allow(["iam:UpdateRole", "iam:TagRole"]))
    role = f"arn:aws:iam::{aws.id}:role/admin"
    mallory = acting(cloud, key, "iam")
    with refused("AccessDenied"):
        mallory.update_assume_role_policy(RoleName="admin", PolicyDocument=trusting(aws.id))
    mallory.update_role(RoleName="admin", Description="mine now")
    with refused("AccessDenied"):
        acting(cloud, key, "sts").assume_role(RoleArn=role, RoleSessionName="mine")


def test_tags_are_not_forged_to_pass_for_another_team(iam: Any, cloud: LocalCloud, aws: Account) -> None:
    """Rights by tags (ABAC) hold only if nobody gives itself tags, its session included."""
    red = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    key = user_with_key(iam, "mallory", allow("sqs:*", Condition=red), allow(["sts:AssumeRole"]))
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trusting(aws.id))
    iam.put_role_policy(RoleName="worker", PolicyName="queues", PolicyDocument=document(allow("sqs:*", Condition=red)))
    with refused("AccessDenied"):
        acting(cloud, key, "iam").tag_user(UserName="mallory", Tags=[{"Key": "team", "Value": "red"}])
    worker = {"RoleArn": f"arn:aws:iam::{aws.id}:role/worker", "RoleSessionName": "mine"}
    with refused("AccessDenied"):
        acting(cloud, key, "sts").assume_role(**worker, Tags=[{"Key": "team", "Value": "red"}])
    session = acting(cloud, key, "sts").assume_role(**worker)["Credentials"]
    with refused("AccessDenied"):
        acting(cloud, session, "sqs").list_queues()


def test_a_session_does_not_shed_its_session_policy(iam: Any, cloud: LocalCloud, aws: Account) -> None:
    iam.create_role(RoleName="admin", AssumeRolePolicyDocument=trusting(aws.id))
    iam.attach_role_policy(RoleName="admin", PolicyArn=ADMINISTRATOR)
    role = f"arn:aws:iam::{aws.id}:role/admin"
    limited = aws.client("sts").assume_role(
        RoleArn=role, RoleSessionName="limited", Policy=document(allow("sqs:ListQueues"))
    )["Credentials"]
    acting(cloud, limited, "sqs").list_queues()
    for attempt in (
        lambda: acting(cloud, limited, "sts").assume_role(RoleArn=role, RoleSessionName="again"),
        lambda: acting(cloud, limited, "sts").get_session_token(),
        lambda: acting(cloud, limited, "sts").get_federation_token(Name="bob"),
        lambda: acting(cloud, limited, "iam").create_access_key(UserName="anybody"),
    ):
        with refused("AccessDenied"):
            attempt()


def test_a_federated_user_has_no_more_than_its_user(iam: Any, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "mallory", allow("sts:GetFederationToken"), allow("sqs:ListQueues"))
    federated = acting(cloud, key, "sts").get_federation_token(Name="bob", Policy=document(allow("*")))
    acting(cloud, federated["Credentials"], "sqs").list_queues()
    with refused("AccessDenied"):
        acting(cloud, federated["Credentials"], "iam").list_users()


# Confused deputies


def test_a_service_serves_the_account_that_its_policy_means_and_no_other(
    iam: Any, cloud: LocalCloud, aws: Account
) -> None:
    """A role that a service may take on for one account's resources is not taken on for another's."""
    from pileus.kernel.identity import service

    condition = {
        "StringEquals": {"aws:SourceAccount": aws.id},
        "ArnLike": {"aws:SourceArn": f"arn:aws:sns:us-east-1:{aws.id}:*"},
    }
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    iam.create_role(RoleName="delivery", AssumeRolePolicyDocument=document(trust))
    role = f"arn:aws:iam::{aws.id}:role/delivery"

    def assume(source_account: str, source_arn: str, name: str = "sns.amazonaws.com") -> str:
        principal = service(name, source_account=source_account, source_arn=source_arn)

        def ask() -> str:
            call = cloud.server.cloud.call("sns", account=aws.id)
            try:
                call.aws("sts", principal=principal).assume_role(role_arn=role, role_session_name="delivery")
            except Fault as fault:
                return fault.code
            return "assumed"

        return cloud.do(ask)

    mine = f"arn:aws:sns:us-east-1:{aws.id}:topic"
    assert assume(aws.id, mine) == "assumed"
    assert assume("999988887777", mine) == "AccessDenied"
    assert assume(aws.id, "arn:aws:sns:us-east-1:999988887777:topic") == "AccessDenied"
    assert assume("", "") == "AccessDenied"
    assert assume(aws.id, mine, "events.amazonaws.com") == "AccessDenied"


def test_a_service_serves_the_organization_that_its_policy_means_and_no_other(
    iam: Any, cloud: LocalCloud, aws: Account
) -> None:
    from pileus.kernel.access.attached import Membership
    from pileus.kernel.identity import service

    inside, outside = cloud.account().id, cloud.account().id
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceOrgID": "o-exampleorgid"},
            "ForAnyValue:StringLike": {"aws:SourceOrgPaths": "o-exampleorgid/r-ab12/*"},
        },
    }
    iam.create_role(RoleName="delivery", AssumeRolePolicyDocument=document(trust))

    def assume(source_account: str) -> str:
        call = cloud.server.cloud.call("sns", account=aws.id)
        Membership(account=inside, organization="o-exampleorgid", path="o-exampleorgid/r-ab12/").put(call)
        sts = call.aws("sts", principal=service("sns.amazonaws.com", source_account=source_account))
        try:
            sts.assume_role(role_arn=f"arn:aws:iam::{aws.id}:role/delivery", role_session_name="delivery")
        except Fault as fault:
            return fault.code
        return "assumed"

    assert cloud.do(lambda: assume(inside)) == "assumed"
    assert cloud.do(lambda: assume(outside)) == "AccessDenied"


# Signatures


class Signed:
    """A request to STS that somebody signed, as an attacker finds it on the wire."""

    def __init__(self, cloud: LocalCloud, key: dict[str, Any]) -> None:
        self.request = AWSRequest(
            "POST",
            f"{cloud.endpoint}/",
            data="Action=GetCallerIdentity&Version=2011-06-15",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        SigV4Auth(Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "sts", "us-east-1").add_auth(self.request)
        self.headers = dict(self.request.headers.items())
        self.body = str(self.request.data)

    def send(self, url: str = "") -> str:
        """Who the cloud says one is; or its error."""
        return answered(Request(url or self.request.url, self.body.encode(), self.headers, method="POST"))


def answered(request: Request) -> str:
    try:
        with urlopen(request) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        return str(error.read().decode())


def test_a_signed_request_is_not_changed_on_its_way(iam: Any, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "alice", allow("*"))
    assert "user/alice" in Signed(cloud, key).send()

    def tampered(change: Any) -> str:
        request = Signed(cloud, key)
        change(request)
        return request.send()

    def body(request: Signed) -> None:
        request.body = "Action=GetSessionToken&Version=2011-06-15"

    def date(request: Signed) -> None:
        stamp = request.headers["X-Amz-Date"]
        request.headers["X-Amz-Date"] = f"{stamp[:-2]}{(int(stamp[-2]) + 1) % 10}Z"

    def signature(request: Signed) -> None:
        text = request.headers["Authorization"]
        request.headers["Authorization"] = text[:-1] + ("0" if text[-1] != "0" else "1")

    def region(request: Signed) -> None:
        request.headers["Authorization"] = request.headers["Authorization"].replace("/us-east-1/", "/eu-west-1/")

    def host(request: Signed) -> None:
        request.headers["Host"] = "sts.localhost"

    for change in (body, date, signature, region, host):
        assert "SignatureDoesNotMatch" in tampered(change), change.__name__


def test_a_key_s_signature_is_not_anothers(iam: Any, cloud: LocalCloud) -> None:
    alice, bob = user_with_key(iam, "alice", allow("*")), user_with_key(iam, "bob")
    request = Signed(cloud, bob)
    request.headers["Authorization"] = request.headers["Authorization"].replace(
        bob["AccessKeyId"], alice["AccessKeyId"]
    )
    assert "SignatureDoesNotMatch" in request.send()


def test_a_presigned_request_is_good_for_what_it_says_and_for_as_long(
    iam: Any, cloud: LocalCloud, aws: Account
) -> None:
    key = user_with_key(iam, "alice", allow("s3:*"))
    aws.client("s3").create_bucket(Bucket=f"attacked-{aws.id}")
    s3 = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=boto3.session.Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    place = {"Bucket": f"attacked-{aws.id}", "Key": "letter"}
    s3.put_object(**place, Body=b"dear alice")
    s3.put_object(**place | {"Key": "secret"}, Body=b"for alice only")
    url = s3.generate_presigned_url("get_object", Params=place, ExpiresIn=60)
    assert answered(Request(url)) == "dear alice"
    assert answered(Request(url)) == "dear alice", "within its time a presigned URL may be used again"
    assert "SignatureDoesNotMatch" in answered(Request(url.replace("/letter?", "/secret?")))
    assert "SignatureDoesNotMatch" in answered(Request(url, b"overwritten", method="PUT"))
    longer = url.replace("X-Amz-Expires=60", "X-Amz-Expires=600000")
    assert "SignatureDoesNotMatch" in answered(Request(longer))
    versioned = f"{url}&versionId=null"
    assert "SignatureDoesNotMatch" in answered(Request(versioned))
    cloud.clock.advance(61)
    assert "Request has expired" in answered(Request(url))
    iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    again = s3.generate_presigned_url("get_object", Params=place, ExpiresIn=60)
    assert "InvalidAccessKeyId" in answered(Request(again))


def test_a_presigned_request_ends_with_the_session_that_signed_it(iam: Any, cloud: LocalCloud, aws: Account) -> None:
    iam.create_role(RoleName="short", AssumeRolePolicyDocument=trusting(aws.id))
    role = f"arn:aws:iam::{aws.id}:role/short"
    given = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="one", DurationSeconds=900)["Credentials"]
    request = AWSRequest("GET", f"{cloud.endpoint}/?Action=GetCallerIdentity&Version=2011-06-15")
    credentials = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    SigV4QueryAuth(credentials, "sts", "us-east-1", expires=3600).add_auth(request)
    assert "assumed-role/short" in answered(Request(request.url))
    without = urlsplit(request.url)
    query = [(name, value) for name, value in parse_qsl(without.query) if name != "X-Amz-Security-Token"]
    assert "assumed-role" not in answered(Request(without._replace(query=urlencode(query)).geturl()))
    cloud.clock.advance(901)
    assert "ExpiredToken" in answered(Request(request.url))


def test_a_policy_document_is_not_smuggled_in(iam: Any) -> None:
    """Names that stand twice are refused: of two readers each could believe another one."""
    twice = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}]}'
    with refused("MalformedPolicyDocument"):
        iam.create_policy(PolicyName="twice", PolicyDocument=twice)
