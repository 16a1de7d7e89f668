"""Who may come in: others, and nobody in particular."""

from __future__ import annotations

import http.client
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account

from .conftest import fresh, put, read, refused

ALL = "http://acs.amazonaws.com/groups/global/AllUsers"


def plain(cloud: LocalCloud, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """An unsigned request."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    return response.status, response.read().decode()


def opened(s3: Any, bucket: str, ownership: str = "ObjectWriter") -> None:
    """Let ACLs and policies make things public."""
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": ownership}]})


def policy(bucket: str, action: str, resource: str = "", principal: Any = "*", **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": action,
        "Resource": f"arn:aws:s3:::{bucket}{resource}",
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_everything_is_private_by_default(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"x")
    for method, path in (
        ("GET", f"/{bucket}/k"),
        ("GET", f"/{bucket}"),
        ("PUT", f"/{bucket}/k"),
        ("DELETE", f"/{bucket}/k"),
    ):
        status, answer = plain(cloud, method, path)
        assert (status, "<Code>AccessDenied</Code>" in answer) == (403, True)
    other = cloud.account().client("s3")
    assert refused(other.get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    assert refused(other.put_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    assert refused(other.delete_bucket, Bucket=bucket) == ("AccessDenied", 403)
    assert plain(cloud, "GET", "/")[0] == 403
    assert plain(cloud, "GET", f"/{fresh()}/k")[0] == 404


def test_new_buckets_have_acls_disabled_and_public_access_blocked(s3: Any, bucket: str) -> None:
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(block.values())
    assert len(block) == 4
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert refused(s3.put_object, Bucket=bucket, Key="k", ACL="public-read") == ("AccessControlListNotSupported", 400)
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == ("AccessControlListNotSupported", 400)
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="private") == ("AccessControlListNotSupported", 400)
    put(s3, bucket, "k", ACL="bucket-owner-full-control")
    assert refused(s3.put_object_acl, Bucket=bucket, Key="k", ACL="private")[0] == "AccessControlListNotSupported"
    public = policy(bucket, "s3:GetObject", "/*")
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy=public) == ("AccessDenied", 403)


def test_a_canned_acl_makes_an_object_public(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    opened(s3, bucket)
    put(s3, bucket, "k", b"open", ACL="public-read")
    put(s3, bucket, "p", b"closed")
    assert plain(cloud, "GET", f"/{bucket}/k") == (200, "open")
    assert plain(cloud, "GET", f"/{bucket}/p")[0] == 403
    assert plain(cloud, "PUT", f"/{bucket}/k", b"x")[0] == 403
    grants = s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]
    assert [(grant["Grantee"].get("URI"), grant["Permission"]) for grant in grants] == [
        (None, "FULL_CONTROL"),
        (ALL, "READ"),
    ]
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    assert plain(cloud, "GET", f"/{bucket}/k")[0] == 403
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert plain(cloud, "GET", f"/{bucket}/k")[0] == 403


def test_nobody_is_granted_something_by_e_mail(s3: Any, bucket: str) -> None:
    opened(s3, bucket)
    by_email = 'emailAddress="somebody@example.com"'
    assert refused(s3.put_bucket_acl, Bucket=bucket, GrantRead=by_email) == ("MethodNotAllowed", 405)


def test_grants_to_an_account(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    opened(s3, bucket)
    other = cloud.account().client("s3")
    me = other.list_buckets()["Owner"]["ID"]
    put(s3, bucket, "k", b"x", GrantRead=f'id="{me}"')
    assert read(other, bucket, "k") == b"x"
    assert refused(other.get_object_acl, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    s3.put_bucket_acl(Bucket=bucket, GrantWrite=f"id={me}", GrantRead=f"id={me}")
    put(other, bucket, "theirs", b"y")
    assert [each["Key"] for each in other.list_objects_v2(Bucket=bucket)["Contents"]] == ["k", "theirs"]
    assert other.get_object_acl(Bucket=bucket, Key="theirs")["Owner"]["ID"] == me


def test_nobody_is_granted_anything_by_an_address(s3: Any, bucket: str) -> None:
    opened(s3, bucket)
    address = 'emailAddress="somebody@example.com"'
    assert refused(put, s3=s3, bucket=bucket, key="k", GrantRead=address) == ("MethodNotAllowed", 405)
    assert refused(s3.put_bucket_acl, Bucket=bucket, GrantRead=address) == ("MethodNotAllowed", 405)


def test_an_access_control_policy(s3: Any, bucket: str) -> None:
    opened(s3, bucket)
    before = s3.get_bucket_acl(Bucket=bucket)
    assert [grant["Permission"] for grant in before["Grants"]] == ["FULL_CONTROL"]
    group = {"Grantee": {"Type": "Group", "URI": ALL}, "Permission": "READ"}
    document = {"Owner": before["Owner"], "Grants": [*before["Grants"], group]}
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=document)
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"] == document["Grants"]
    wrong = {
        "Owner": before["Owner"],
        "Grants": [{"Grantee": {"Type": "Group", "URI": "http://x"}, "Permission": "READ"}],
    }
    assert refused(s3.put_bucket_acl, Bucket=bucket, AccessControlPolicy=wrong) == ("InvalidArgument", 400)
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert refused(s3.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls=enforced) == (
        "InvalidBucketAclWithObjectOwnership",
        400,
    )


def test_a_policy_lets_others_in(cloud: LocalCloud, aws: Account, s3: Any, bucket: str) -> None:
    put(s3, bucket, "open/k", b"x")
    put(s3, bucket, "k", b"y")
    friend = cloud.account()
    s3.put_bucket_policy(
        Bucket=bucket, Policy=policy(bucket, "s3:GetObject", "/open/*", {"AWS": f"arn:aws:iam::{friend.id}:root"})
    )
    assert read(friend.client("s3"), bucket, "open/k") == b"x"
    assert refused(friend.client("s3").get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    s3.delete_public_access_block(Bucket=bucket)
    text = policy(bucket, "s3:GetObject", "/open/*")
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    assert plain(cloud, "GET", f"/{bucket}/open/k") == (200, "x")
    assert plain(cloud, "GET", f"/{bucket}/k")[0] == 403
    s3.delete_bucket_policy(Bucket=bucket)
    assert plain(cloud, "GET", f"/{bucket}/open/k")[0] == 403
    assert refused(s3.get_bucket_policy, Bucket=bucket) == ("NoSuchBucketPolicy", 404)


def test_conditions_of_a_policy(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"x")
    s3.delete_public_access_block(Bucket=bucket)
    for condition, status in (
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, 200),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, 403),
        ({"Bool": {"aws:SecureTransport": "true"}}, 403),
        ({"StringLike": {"aws:UserAgent": "secret-*"}}, 200),
    ):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "s3:GetObject", "/*", Condition=condition))
        assert plain(cloud, "GET", f"/{bucket}/k", User_Agent="secret-agent")[0] == status


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        "{}",
        '{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::BUCKET"}]}',
        '{"Statement": [{"Effect": "Maybe", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::BUCKET"}]}',
        '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "arn:aws:s3:::BUCKET"}]}',
        '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::other"}]}',
    ],
)
def test_policies_that_are_refused(s3: Any, bucket: str, text: str) -> None:
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy=text.replace("BUCKET", bucket)) == (
        "MalformedPolicy",
        400,
    )


@pytest.mark.parametrize(
    ("action", "below", "message"),
    [
        ("s3:GetObjectt", "/*", "Policy has invalid action"),
        ("s3:GetObject", "", "Action does not apply to any resource(s) in statement"),
        ("s3:ListBucket", "/*", "Action does not apply to any resource(s) in statement"),
        ("s3:ListAllMyBuckets", "/*", "Action does not apply to any resource(s) in statement"),
        ("s3:GetObject", "*", ""),
        ("s3:Get*", "", ""),
    ],
)
def test_an_action_applies_to_some_resource(s3: Any, bucket: str, action: str, below: str, message: str) -> None:
    text = policy(bucket, action, below, {"AWS": "111122223333"})
    if not message:
        s3.put_bucket_policy(Bucket=bucket, Policy=text)
        return
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert caught.value.response["Error"]["Message"] == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Principal": {"AWS": "arn:aws:iam::ACCOUNT:user/nobody"}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": "nobody"}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:user/somebody-elsewhere"}}, ""),
        ({"Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1ABC2DEF3GH4J"}}, ""),
        ({"Condition": {"StringMatches": {"aws:UserAgent": "a"}}}, "Invalid policy syntax."),
        ({"Condition": {"StringEquals": {"s3:nothing": "a"}}}, "Policy has an invalid condition key"),
        ({"Condition": {"StringEquals": {"prefix": "a"}}}, "Policy has an invalid condition key"),
        (
            {"Condition": {"StringEquals": {"s3:prefix": "a"}}},
            "Conditions do not apply to combination of actions and resources in statement",
        ),
        ({"Condition": {"StringEquals": {"s3:ExistingObjectTag/team": "a"}}}, ""),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, ""),
        ({"Sid": "any words"}, ""),
        ({"Resources": "*"}, "Invalid policy syntax."),
    ],
)
def test_a_statement_makes_sense(aws: Account, s3: Any, bucket: str, changes: dict[str, Any], message: str) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": aws.id}, "Action": "s3:GetObject"}
    statement["Resource"] = f"arn:aws:s3:::{bucket}/*"
    both = [statement | changes] * 2
    text = json.dumps({"Version": "2012-10-17", "Statement": both}).replace("ACCOUNT", aws.id)
    if not message:
        s3.put_bucket_policy(Bucket=bucket, Policy=text)
        return
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_policy(Bucket=bucket, Policy=text)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("MalformedPolicy", message)


def test_requesters_pay_only_if_they_say_so(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"x")
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    friend = cloud.account()
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "s3:GetObject", "/*", {"AWS": friend.id}))
    other = friend.client("s3")
    assert refused(other.get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    assert other.get_object(Bucket=bucket, Key="k", RequestPayer="requester")["RequestCharged"] == "requester"
    assert "RequestCharged" not in s3.get_object(Bucket=bucket, Key="k")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "s3:GetAccelerateConfiguration", "", {"AWS": friend.id}))
    assert refused(other.get_bucket_accelerate_configuration, Bucket=bucket) == ("AccessDenied", 403)
    told = other.get_bucket_accelerate_configuration(Bucket=bucket, RequestPayer="requester")
    assert told["RequestCharged"] == "requester"


def test_uploads_that_do_not_ask_for_encryption_are_denied(aws: Account, s3: Any, bucket: str) -> None:
    """The notes: enforce encryption by a bucket policy that denies PUTs without x-amz-server-side-encryption."""
    import boto3

    iam = aws.client("iam")
    iam.create_user(UserName="writer")
    keys = iam.create_access_key(UserName="writer")["AccessKey"]
    writer = boto3.client(
        "s3",
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
    )
    assert refused(writer.put_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="writer", PolicyName="all", PolicyDocument=document)
    put(writer, bucket, "k", b"x")
    condition = {"Null": {"s3:x-amz-server-side-encryption": "true"}}
    deny = policy(bucket, "s3:PutObject", "/*", Effect="Deny", Condition=condition)
    s3.put_bucket_policy(Bucket=bucket, Policy=deny)
    assert refused(writer.put_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    put(writer, bucket, "k", b"y", ServerSideEncryption="AES256")
    assert read(writer, bucket, "k") == b"y"


def test_a_denial_binds_the_root_too(aws: Account, s3: Any, bucket: str) -> None:
    """The notes' policy against unencrypted uploads holds for everybody; the policy itself stays in root's hands."""
    condition = {"Null": {"s3:x-amz-server-side-encryption": "true"}}
    deny = policy(bucket, "s3:*", "/*", Effect="Deny", Condition=condition)
    s3.put_bucket_policy(Bucket=bucket, Policy=deny)
    assert refused(s3.put_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    put(s3, bucket, "k", b"y", ServerSideEncryption="AES256")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "s3:*", Effect="Deny"))
    assert refused(s3.list_objects_v2, Bucket=bucket) == ("AccessDenied", 403)
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("AccessDenied", 403)
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_conditions_on_members_of_requests_bind_other_accounts(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    friend = cloud.account()
    condition = {"StringEquals": {"s3:prefix": "open/"}}
    allow = policy(bucket, "s3:ListBucket", "", {"AWS": friend.id}, Condition=condition)
    s3.put_bucket_policy(Bucket=bucket, Policy=allow)
    other = friend.client("s3")
    assert other.list_objects_v2(Bucket=bucket, Prefix="open/")["KeyCount"] == 0
    assert refused(other.list_objects_v2, Bucket=bucket) == ("AccessDenied", 403)
    me = other.list_buckets()["Owner"]["ID"]
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "s3:PutObject", "/*", {"CanonicalUser": me}))
    put(other, bucket, "k", b"x")
    assert refused(other.put_object, Bucket=bucket, Key="k", Tagging="a=1") == ("AccessDenied", 403)


def test_the_bucket_owner_cannot_read_what_others_own(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    opened(s3, bucket)
    friend = cloud.account()
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "s3:Put*", "/*", {"AWS": friend.id}))
    other = friend.client("s3")
    put(other, bucket, "theirs", b"x")
    assert refused(s3.get_object, Bucket=bucket, Key="theirs") == ("AccessDenied", 403)
    put(other, bucket, "theirs", b"x", ACL="bucket-owner-full-control")
    assert read(s3, bucket, "theirs") == b"x"
    s3.delete_object(Bucket=bucket, Key="theirs")


def test_each_of_several_objects_to_delete_is_asked_about(aws: Account, s3: Any, bucket: str) -> None:
    for key in ("keep", "go"):
        put(s3, bucket, key)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "s3:DeleteObject", "/keep", Effect="Deny"))
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "keep"}, {"Key": "go"}]})
    assert [each["Key"] for each in answer["Deleted"]] == ["go"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("keep", "AccessDenied")]


def user(aws: Account, *actions: str) -> Any:
    """A client of a user who may do so much to all objects."""
    import boto3

    iam, name = aws.client("iam"), f"u{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "arn:aws:s3:::*/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return boto3.client(
        "s3",
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def test_a_user_who_may_delete_nothing_is_told_so_of_each_object(aws: Account, s3: Any, bucket: str) -> None:
    put(s3, bucket, "k")
    delete = {"Objects": [{"Key": "k"}, {"Key": "absent"}]}
    denied = [(key, "AccessDenied") for key in ("k", "absent")]
    answer = user(aws, "s3:PutObject").delete_objects(Bucket=bucket, Delete=delete)
    assert "Deleted" not in answer
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == denied
    answer = user(aws, "s3:DeleteObject").delete_objects(Bucket=bucket, Delete=delete)
    assert ([each["Key"] for each in answer["Deleted"]], "Errors" in answer) == (["k", "absent"], False)
    absent = f"{bucket}-absent"
    assert refused(user(aws, "s3:*").delete_objects, Bucket=absent, Delete=delete) == ("NoSuchBucket", 404)


def test_what_is_said_of_an_object_wants_permissions_of_its_own(aws: Account, s3: Any, bucket: str) -> None:
    put(s3, bucket, "source")
    one, writer = {"Bucket": bucket, "Key": "k"}, user(aws, "s3:PutObject", "s3:GetObject")
    for said in ({"Tagging": "a=b"}, {"GrantRead": "id=x"}, {"ACL": "public-read"}):
        assert refused(writer.put_object, **one, **said) == ("AccessDenied", 403)
        assert refused(writer.create_multipart_upload, **one, **said) == ("AccessDenied", 403)
        copy = {"CopySource": f"{bucket}/source", "TaggingDirective": "REPLACE"}
        assert refused(writer.copy_object, **one, **copy, **said) == ("AccessDenied", 403)
    user(aws, "s3:PutObject", "s3:PutObjectTagging").put_object(**one, Tagging="a=b")


def test_objects_are_only_made_where_there_are_none(s3: Any, bucket: str) -> None:
    """ "Enforce conditional writes on Amazon S3 buckets", User Guide."""
    condition = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "s3:PutObject", "/*", Effect="Deny", Condition=condition))
    assert refused(put, s3=s3, bucket=bucket, key="k") == ("AccessDenied", 403)
    put(s3, bucket, "k", IfNoneMatch="*")
    one = {"Bucket": bucket, "Key": "parts"}
    upload = {**one, "UploadId": s3.create_multipart_upload(**one)["UploadId"]}
    sent = {"PartNumber": 1, "ETag": s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]}
    complete = {**upload, "MultipartUpload": {"Parts": [sent]}}
    assert refused(s3.complete_multipart_upload, **complete) == ("AccessDenied", 403)
    s3.complete_multipart_upload(**complete, IfNoneMatch="*")


def test_locks_in_policies(s3: Any) -> None:
    bucket = fresh()
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    put(s3, bucket, "k")
    one = {"Bucket": bucket, "Key": "k"}

    def deny(action: str, condition: dict[str, Any]) -> None:
        text = policy(bucket, action, "/*", Effect="Deny", Condition=condition)
        s3.put_bucket_policy(Bucket=bucket, Policy=text)

    def retained(days: int) -> dict[str, Any]:
        return {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=days)}

    first = s3.list_buckets()["Buckets"][0]["CreationDate"]  # by the cloud's clock, which may be ahead
    ahead = (first - datetime.now(UTC)).days + 1
    deny("s3:PutObjectRetention", {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}})
    assert refused(s3.put_object_retention, **one, Retention=retained(ahead + 13)) == ("AccessDenied", 403)
    s3.put_object_retention(**one, Retention=retained(ahead + 8))
    deny("s3:PutObjectLegalHold", {"StringEquals": {"s3:object-lock-legal-hold": "ON"}})
    assert refused(s3.put_object_legal_hold, **one, LegalHold={"Status": "ON"}) == ("AccessDenied", 403)
    s3.put_object_legal_hold(**one, LegalHold={"Status": "OFF"})


def test_only_who_may_know_is_told_of_tags_and_locks(aws: Account, s3: Any) -> None:
    bucket = fresh()
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC) + timedelta(days=400)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until, "ObjectLockLegalHoldStatus": "OFF"}
    put(s3, bucket, "k", b"x", Tagging="a=b", **lock)
    said = {"TagCount", *lock}
    one = {"Bucket": bucket, "Key": "k"}
    assert s3.head_object(**one).keys() >= said
    assert not s3_known(user(aws, "s3:GetObject"), one) & said
    assert s3_known(user(aws, "s3:GetObject", "s3:GetObjectTagging"), one) & said == {"TagCount"}
    assert s3_known(user(aws, "s3:GetObject", "s3:GetObjectLegalHold"), one) & said == {"ObjectLockLegalHoldStatus"}
    assert s3_known(user(aws, "s3:*"), one) >= said


def s3_known(s3: Any, one: dict[str, str]) -> set[str]:
    return set(s3.head_object(**one)) | set(s3.get_object(**one))


def test_governance_binds_who_may_not_bypass_it(aws: Account, s3: Any) -> None:
    bucket = fresh()
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC) + timedelta(days=400)
    locked = put(s3, bucket, "k", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)["VersionId"]
    plain_version = put(s3, bucket, "k")["VersionId"]
    one, does = {"Bucket": bucket, "Key": "k", "BypassGovernanceRetention": True}, ["s3:DeleteObjectVersion"]
    bound = user(aws, *does, "s3:PutObjectRetention")
    assert refused(bound.delete_object, **one, VersionId=locked) == ("AccessDenied", 403)
    assert refused(bound.put_object_retention, **one, VersionId=locked, Retention={}) == ("AccessDenied", 403)
    bound.delete_object(**one, VersionId=plain_version)
    free = user(aws, *does, "s3:BypassGovernanceRetention")
    free.delete_object(**one, VersionId=locked)


def test_policies_know_how_and_when_a_request_was_signed(
    clock: Any, cloud: LocalCloud, aws: Account, s3: Any, bucket: str
) -> None:
    put(s3, bucket, "k", b"x")
    old = {"NumericGreaterThan": {"s3:signatureAge": "600000"}}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "s3:GetObject", "/*", Effect="Deny", Condition=old))
    presigning = aws.client("s3", config=Config(signature_version="s3v4"))
    url = presigning.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=3600)
    path = url.partition(f":{cloud.server.port}")[2]
    assert plain(cloud, "GET", path)[0] == 200
    cloud.clock.advance(601)
    assert plain(cloud, "GET", path)[0] == 403
    by_link = {"StringNotEquals": {"s3:authType": "REST-HEADER"}}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "s3:GetObject", "/*", Effect="Deny", Condition=by_link))
    assert read(s3, bucket, "k") == b"x"
    assert plain(cloud, "GET", path)[0] == 403
