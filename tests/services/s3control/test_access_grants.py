"""Access Grants: instances, locations and grants, and what the credentials that are given for them can do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pileus
from pileus.services.s3control.data_access import session_policy
from pileus.testing.account import Account
from tests.services.s3.conftest import fresh, put, read

from .conftest import control_of

DIRECTORY_USER = "a1b2c3d4-5678-90ab-cdef-0123456789ab"
CENTER = "arn:aws:sso:::instance/ssoins-1234567890abcdef"


def client(aws: Account, service: str, keys: dict[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
    )


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


def role(aws: Account, trusted: str = "access-grants.s3.amazonaws.com") -> str:
    """A role by which S3 Access Grants may come to everything."""
    iam, name = aws.client("iam"), f"role-{uuid.uuid4().hex[:8]}"
    trust = {
        "Principal": {"Service": trusted},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        "Condition": {"StringEquals": {"aws:SourceAccount": aws.id}},
    }
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust), MaxSessionDuration=43200)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document({"Action": "s3:*", "Resource": "*"}))
    arn: str = made["Role"]["Arn"]
    return arn


def user(aws: Account, *actions: str) -> tuple[str, dict[str, str]]:
    """The ARN of a user who may do some actions, and its key."""
    iam, name = aws.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    arn: str = iam.create_user(UserName=name)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document({"Action": [*actions], "Resource": "*"}))
    key: dict[str, str] = iam.create_access_key(UserName=name)["AccessKey"]
    return arn, key


@pytest.fixture
def instance(control: Any, aws: Account) -> str:
    arn: str = control.create_access_grants_instance(AccountId=aws.id)["AccessGrantsInstanceArn"]
    return arn


def granted(
    control: Any, aws: Account, location: str, grantee: str, permission: str, prefix: str = "", **more: Any
) -> Any:
    narrowed = {"AccessGrantsLocationConfiguration": {"S3SubPrefix": prefix}} if prefix else {}
    return control.create_access_grant(
        AccountId=aws.id,
        AccessGrantsLocationId=location,
        Grantee={"GranteeType": "IAM", "GranteeIdentifier": grantee},
        Permission=permission,
        **narrowed,
        **more,
    )


def test_its_life(control: Any, aws: Account, bucket: str, refused: Any) -> None:
    mine = {"AccountId": aws.id}
    with refused("AccessGrantsInstanceNotExistsError"):
        control.get_access_grants_instance(**mine)
    made = control.create_access_grants_instance(**mine, Tags=[{"Key": "team", "Value": "a"}])
    assert made["AccessGrantsInstanceArn"] == f"arn:aws:s3:us-east-1:{aws.id}:access-grants/default"
    with refused("AccessGrantsInstanceAlreadyExists"):
        control.create_access_grants_instance(**mine)
    listed = control.list_access_grants_instances(**mine)["AccessGrantsInstancesList"]
    assert [each["AccessGrantsInstanceId"] for each in listed] == ["default"]
    found = control.get_access_grants_instance_for_prefix(**mine, S3Prefix=f"s3://{bucket}/some/where")
    assert found["AccessGrantsInstanceArn"] == made["AccessGrantsInstanceArn"]

    by, other = role(aws), role(aws)
    with refused("InvalidIAMRole"):
        control.create_access_grants_location(**mine, LocationScope="s3://", IAMRoleArn=role(aws, "ec2.amazonaws.com"))
    with refused("NoSuchBucket"):
        control.create_access_grants_location(**mine, LocationScope=f"s3://{fresh()}/*", IAMRoleArn=by)
    everything = control.create_access_grants_location(**mine, LocationScope="s3://", IAMRoleArn=by)
    assert everything["AccessGrantsLocationId"] == "default"
    part = control.create_access_grants_location(**mine, LocationScope=f"s3://{bucket}/a/*", IAMRoleArn=by)
    with refused("AccessGrantsLocationAlreadyExistsError"):
        control.create_access_grants_location(**mine, LocationScope=f"s3://{bucket}/a/*", IAMRoleArn=by)
    at = {**mine, "AccessGrantsLocationId": part["AccessGrantsLocationId"]}
    assert control.update_access_grants_location(**at, IAMRoleArn=other)["IAMRoleArn"] == other
    assert control.get_access_grants_location(**at)["IAMRoleArn"] == other
    only = control.list_access_grants_locations(**mine, LocationScope="s3://")["AccessGrantsLocationsList"]
    assert [each["AccessGrantsLocationId"] for each in only] == ["default"]

    somebody, _ = user(aws, "s3:GetDataAccess")
    with refused("InvalidRequest"):  # the whole of the default location cannot be granted
        granted(control, aws, "default", somebody, "READ")
    with refused("InvalidRequest"):
        granted(control, aws, "default", "somebody", "READ", f"{bucket}/*")
    with refused("NoSuchAccessGrantsLocationError"):
        granted(control, aws, "nowhere", somebody, "READ", f"{bucket}/*")
    grant = granted(
        control, aws, at["AccessGrantsLocationId"], somebody, "READ", "b*", Tags=[{"Key": "k", "Value": "v"}]
    )
    assert grant["GrantScope"] == f"s3://{bucket}/a/b*"
    with refused("AccessGrantAlreadyExists"):
        granted(control, aws, at["AccessGrantsLocationId"], somebody, "READ", "b*")
    one = granted(control, aws, "default", somebody, "WRITE", f"{bucket}/one", S3PrefixType="Object")
    assert one["GrantScope"] == f"s3://{bucket}/one"
    assert control.get_access_grant(**mine, AccessGrantId=one["AccessGrantId"])["Permission"] == "WRITE"
    tags = {**mine, "ResourceArn": grant["AccessGrantArn"]}
    control.tag_resource(**tags, Tags=[{"Key": "more", "Value": "x"}])
    control.untag_resource(**tags, TagKeys=["k"])
    assert control.list_tags_for_resource(**tags)["Tags"] == [{"Key": "more", "Value": "x"}]
    told = control.list_tags_for_resource(**mine, ResourceArn=made["AccessGrantsInstanceArn"])["Tags"]
    assert told == [{"Key": "team", "Value": "a"}]
    control.tag_resource(**mine, ResourceArn=part["AccessGrantsLocationArn"], Tags=[{"Key": "k", "Value": "v"}])

    first = control.list_access_grants(**mine, MaxResults=1)
    rest = control.list_access_grants(**mine, NextToken=first["NextToken"])
    assert {each["AccessGrantId"] for page in (first, rest) for each in page["AccessGrantsList"]} == {
        grant["AccessGrantId"],
        one["AccessGrantId"],
    }
    writing = control.list_access_grants(**mine, Permission="WRITE", GranteeType="IAM", GranteeIdentifier=somebody)
    assert [each["AccessGrantId"] for each in writing["AccessGrantsList"]] == [one["AccessGrantId"]]
    with refused("AccessGrantsLocationNotEmptyError"):
        control.delete_access_grants_location(**at)
    with refused("AccessGrantsInstanceNotEmptyError"):
        control.delete_access_grants_instance(**mine)
    for each in (grant, one):
        control.delete_access_grant(**mine, AccessGrantId=each["AccessGrantId"])
    with refused("NoSuchAccessGrantError"):
        control.get_access_grant(**mine, AccessGrantId=one["AccessGrantId"])
    for name in (at["AccessGrantsLocationId"], "default"):
        control.delete_access_grants_location(**mine, AccessGrantsLocationId=name)
    control.delete_access_grants_instance(**mine)
    assert control.list_access_grants_instances(**mine)["AccessGrantsInstancesList"] == []


def test_credentials_reach_what_is_granted_and_nothing_else(
    control: Any, aws: Account, bucket: str, instance: str, clock: Any, refused: Any, tmp_path: Path
) -> None:
    s3 = aws.client("s3")
    for key in ("reports/2026/a", "reports/b", "reports*", "other"):
        put(s3, bucket, key, key.encode())
    where = control.create_access_grants_location(
        AccountId=aws.id, LocationScope=f"s3://{bucket}", IAMRoleArn=role(aws)
    )
    who, key = user(aws, "s3:GetDataAccess", "s3:ListCallerAccessGrants")
    asking = {"AccountId": aws.id, "Permission": "READ"}
    theirs = client(aws, "s3control", key)
    with refused("AccessDenied", "You do not have READ permissions"):
        theirs.get_data_access(**asking, Target=f"s3://{bucket}/reports/*")
    granted(control, aws, where["AccessGrantsLocationId"], who, "READ", "reports/*")
    granted(control, aws, where["AccessGrantsLocationId"], who, "READWRITE", "reports/2026/*")
    with refused("AccessDenied"):
        theirs.get_data_access(AccountId=aws.id, Permission="WRITE", Target=f"s3://{bucket}/reports/*")
    with refused("AccessDenied"):
        theirs.get_data_access(**asking, Target=f"s3://{bucket}/*")

    told = theirs.get_data_access(
        **asking, Target=f"s3://{bucket}/reports/*", DurationSeconds=900, AuditContext="a job"
    )
    assert told["MatchedGrantTarget"] == f"s3://{bucket}/reports/*"
    assert told["Grantee"] == {"GranteeType": "IAM", "GranteeIdentifier": who}
    assert told["MatchedInstanceArn"] == instance
    reader = client(aws, "s3", told["Credentials"])
    assert read(reader, bucket, "reports/b") == b"reports/b"
    listed = reader.list_objects_v2(Bucket=bucket, Prefix="reports/")["Contents"]
    assert [each["Key"] for each in listed] == ["reports/2026/a", "reports/b"]
    for attempt in (
        lambda: read(reader, bucket, "other"),
        lambda: read(reader, bucket, "reports*"),
        lambda: reader.list_objects_v2(Bucket=bucket),
        lambda: reader.list_objects_v2(Bucket=bucket, Prefix="re"),
        lambda: put(reader, bucket, "reports/b", b"changed"),
        lambda: reader.delete_object(Bucket=bucket, Key="reports/b"),
        lambda: reader.list_buckets(),
    ):
        with refused("AccessDenied"):
            attempt()
    shell(aws, told["Credentials"], ["cp", f"s3://{bucket}/reports/b", str(tmp_path / "b")])
    assert (tmp_path / "b").read_bytes() == b"reports/b"

    # the grant that is the closest decides, and less can be asked for than it gives
    close = theirs.get_data_access(AccountId=aws.id, Permission="READWRITE", Target=f"s3://{bucket}/reports/2026/x*")
    assert close["MatchedGrantTarget"] == f"s3://{bucket}/reports/2026/*"
    writer = client(aws, "s3", close["Credentials"])
    put(writer, bucket, "reports/2026/new", b"1")
    with refused("AccessDenied"):
        put(writer, bucket, "reports/new", b"1")
    least = theirs.get_data_access(
        **asking, Target=f"s3://{bucket}/reports/2026/a", TargetType="Object", Privilege="Minimal"
    )
    assert least["MatchedGrantTarget"] == f"s3://{bucket}/reports/2026/a"
    single = client(aws, "s3", least["Credentials"])
    assert read(single, bucket, "reports/2026/a") == b"reports/2026/a"
    with refused("AccessDenied"):
        read(single, bucket, "reports/2026/new")
    mine = theirs.list_caller_access_grants(AccountId=aws.id, MaxResults=1)
    more = theirs.list_caller_access_grants(AccountId=aws.id, NextToken=mine["NextToken"])
    assert [
        (each["GrantScope"], each["Permission"]) for page in (mine, more) for each in page["CallerAccessGrantsList"]
    ] == [
        (f"s3://{bucket}/reports/*", "READ"),
        (f"s3://{bucket}/reports/2026/*", "READWRITE"),
    ]
    only = {"Condition": {"ArnNotEquals": {"s3:AccessGrantsInstanceArn": instance}}, "Effect": "Deny"}
    deny = {"Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*", **only}
    s3.put_bucket_policy(Bucket=bucket, Policy=document(deny))
    with refused("AccessDenied"):
        read(s3, bucket, "reports/b")
    assert read(reader, bucket, "reports/b") == b"reports/b"
    clock.advance(901)
    with refused("ExpiredToken"):
        read(reader, bucket, "reports/b")
    assert read(single, bucket, "reports/2026/a") == b"reports/2026/a"


def shell(aws: Account, keys: dict[str, str], arguments: list[str]) -> None:
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
        "AWS_ENDPOINT_URL": aws.cloud.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [str(Path(sys.executable).with_name("aws")), "s3", *arguments]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)


def test_roles_other_accounts_and_shares(
    control: Any, aws: Account, bucket: str, instance: str, cloud: pileus.LocalCloud, refused: Any
) -> None:
    put(aws.client("s3"), bucket, "k", b"1")
    where = control.create_access_grants_location(
        AccountId=aws.id, LocationScope=f"s3://{bucket}/*", IAMRoleArn=role(aws)
    )
    friend = cloud.account()
    who, key = user(friend, "s3:*", "ram:*")
    granted(control, aws, where["AccessGrantsLocationId"], who, "READ")
    theirs = client(friend, "s3control", key)
    asking = {"AccountId": aws.id, "Target": f"s3://{bucket}/k", "Permission": "READ"}
    with refused("AccessDenied"):
        theirs.get_data_access(**asking)
    with refused("AccessGrantsInstanceResourcePolicyNotExists"):
        control.get_access_grants_instance_resource_policy(AccountId=aws.id)
    with refused("MalformedPolicy"):
        control.put_access_grants_instance_resource_policy(AccountId=aws.id, Policy="{}")
    statement = {
        "Principal": {"AWS": friend.id},
        "Action": ["s3:GetDataAccess", "s3:GetAccessGrantsInstanceForPrefix"],
        "Resource": instance,
    }
    policy = document(statement)
    control.put_access_grants_instance_resource_policy(AccountId=aws.id, Policy=policy)
    assert control.get_access_grants_instance_resource_policy(AccountId=aws.id)["Policy"] == policy
    told = theirs.get_data_access(**asking)
    assert read(client(friend, "s3", told["Credentials"]), bucket, "k") == b"1"
    found = theirs.get_access_grants_instance_for_prefix(AccountId=friend.id, S3Prefix=f"s3://{bucket}/k")
    assert found["AccessGrantsInstanceArn"] == instance
    with refused("AccessDenied"):
        theirs.create_access_grants_location(AccountId=aws.id, LocationScope="s3://", IAMRoleArn=role(aws))
    control.delete_access_grants_instance_resource_policy(AccountId=aws.id)
    with refused("AccessDenied"):
        theirs.get_data_access(**asking)

    # by a resource share, whatever instance the grant is in
    control_of(friend).create_access_grants_instance(AccountId=friend.id)
    share = aws.client("ram").create_resource_share(name="grants", resourceArns=[instance], principals=[friend.id])
    invitations = friend.client("ram").get_resource_share_invitations()["resourceShareInvitations"]
    assert [each["resourceShareArn"] for each in invitations] == [share["resourceShare"]["resourceShareArn"]]
    friend.client("ram").accept_resource_share_invitation(
        resourceShareInvitationArn=invitations[0]["resourceShareInvitationArn"]
    )
    own = {**asking, "AccountId": friend.id}
    with refused("AccessDenied"):
        theirs.get_data_access(**own)
    told = theirs.get_data_access(**own, InstanceScope="ALL")
    assert told["MatchedInstanceArn"] == instance
    listed = theirs.list_caller_access_grants(AccountId=friend.id, InstanceScope="ALL")["CallerAccessGrantsList"]
    assert [each["AccessGrantsInstanceArn"] for each in listed] == [instance]

    # a session is known by its role
    trust = document({"Principal": {"AWS": aws.id}, "Action": "sts:AssumeRole"})
    worker = aws.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    aws.client("iam").put_role_policy(
        RoleName="worker", PolicyName="p", PolicyDocument=document({"Action": "s3:GetDataAccess", "Resource": "*"})
    )
    granted(control, aws, where["AccessGrantsLocationId"], worker, "WRITE", "in/*")
    session = aws.client("sts").assume_role(RoleArn=worker, RoleSessionName="session")["Credentials"]
    given = client(aws, "s3control", session).get_data_access(
        AccountId=aws.id, Target=f"s3://{bucket}/in/*", Permission="WRITE"
    )
    writer = client(aws, "s3", given["Credentials"])
    put(writer, bucket, "in/x", b"1")
    with refused("AccessDenied"):
        read(writer, bucket, "in/x")


def test_directories_are_kept_and_let_in_nobody(
    control: Any, aws: Account, instance: str, bucket: str, refused: Any
) -> None:
    mine = {"AccountId": aws.id}
    control.create_access_grants_location(**mine, LocationScope="s3://", IAMRoleArn=role(aws))
    grant = {
        **mine,
        "AccessGrantsLocationId": "default",
        "AccessGrantsLocationConfiguration": {"S3SubPrefix": f"{bucket}/*"},
        "Grantee": {"GranteeType": "DIRECTORY_USER", "GranteeIdentifier": DIRECTORY_USER},
        "Permission": "READ",
    }
    with refused("InvalidRequest", "Identity Center"):
        control.create_access_grant(**grant)
    control.associate_access_grants_identity_center(**mine, IdentityCenterArn=CENTER)
    assert control.get_access_grants_instance(**mine)["IdentityCenterArn"] == CENTER
    made = control.create_access_grant(**grant)
    listed = control.list_access_grants(**mine, GranteeType="DIRECTORY_USER")["AccessGrantsList"]
    assert [each["Grantee"]["GranteeIdentifier"] for each in listed] == [DIRECTORY_USER]
    with refused("AccessDenied"):
        control.get_data_access(**mine, Target=f"s3://{bucket}/*", Permission="READ")
    with refused("InvalidRequest"):
        control.dissociate_access_grants_identity_center(**mine)
    control.delete_access_grant(**mine, AccessGrantId=made["AccessGrantId"])
    control.dissociate_access_grants_identity_center(**mine)
    assert "IdentityCenterArn" not in control.get_access_grants_instance(**mine)


@given(prefix=st.text("ab*?${}/", max_size=8), key=st.text("ab*?${}/", min_size=1, max_size=10))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_session_reaches_the_keys_that_begin_so(cloud: pileus.LocalCloud, prefix: str, key: str) -> None:
    """Whatever signs are in a prefix, none of them is a wildcard."""
    account = pool(cloud)
    call = cloud.server.cloud.call("s3control")
    text = session_policy(call.at(account=account.id), f"s3://bucket/{prefix}", False, "READ")
    told = account.client("iam").simulate_custom_policy(
        PolicyInputList=[text],
        ActionNames=["s3:GetObject"],
        ResourceArns=[f"arn:aws:s3:::bucket/{key}"],
        ContextEntries=[
            {"ContextKeyName": "aws:ResourceAccount", "ContextKeyType": "string", "ContextKeyValues": [account.id]}
        ],
    )["EvaluationResults"]
    assert (told[0]["EvalDecision"] == "allowed") == key.startswith(prefix)


@cache
def pool(cloud: pileus.LocalCloud) -> Account:
    """One account for all examples."""
    return cloud.account()
