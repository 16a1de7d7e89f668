"""What a trail needs of others, checked when it is made: its bucket's policy, its key, topic, log group and role."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, identity, paging
from pileus.kernel import arn as arns
from pileus.kernel.access import enforcement
from pileus.kernel.access.standing import standing
from pileus.kernel.access.target import Target

PRINCIPAL = "cloudtrail.amazonaws.com"
BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
KEY = re.compile(r"alias/.+|[0-9a-f-]{36}|mrk-[0-9a-f]{32}|arn:[^:]+:kms:[^:]+:\d{12}:(key|alias)/.+")
LONGEST_PREFIX = 200


def check_bucket(call: Call, trail_arn: str, bucket: str, prefix: str, owners: list[str]) -> None:
    """Whether CloudTrail may write under each of the owners' folders (User Guide, "Amazon S3 bucket policy")."""
    if not BUCKET.fullmatch(bucket):
        raise Fault("InvalidS3BucketNameException", f"Bucket name {bucket} is not valid.")
    if len(prefix) > LONGEST_PREFIX:
        raise Fault("InvalidS3PrefixException", f"The S3 prefix can have up to {LONGEST_PREFIX} characters.")
    insufficient = Fault(
        "InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {bucket}"
    )
    policy = bucket_policy(call, bucket, insufficient)
    ours = identity.service(PRINCIPAL, trail_arn, call.account)
    asking = call.at(service="s3", principal=ours, called_via=())
    who = standing(asking)
    arn = f"arn:{call.partition}:s3:::{bucket}"
    folder = f"{prefix}/" if prefix else ""
    granted = {"s3:x-amz-acl": ("bucket-owner-full-control",)}
    wanted = [("s3:GetBucketAcl", arn), *(("s3:PutObject", f"{arn}/{folder}AWSLogs/{owner}/x") for owner in owners)]
    for action, resource in wanted:
        target = Target(resource, call.account, policy, keys=granted if action == "s3:PutObject" else {})
        try:
            enforcement.check(asking, who, None, action, target, {})
        except Fault:
            raise insufficient from None


def bucket_policy(call: Call, bucket: str, insufficient: Fault) -> str:
    s3 = call.aws("s3", principal=identity.service("s3.amazonaws.com"))
    try:
        return str(s3.get_bucket_policy(bucket=bucket)["Policy"])
    except Fault as fault:
        if fault.code == "NoSuchBucket":
            raise Fault("S3BucketDoesNotExistException", f"S3 bucket {bucket} does not exist!") from None
        raise insufficient from None


def key_arn(call: Call, key: str) -> str:
    """The ARN of the key by which log files are to be encrypted."""
    if not key:
        return ""
    if not KEY.fullmatch(key):
        raise Fault("InvalidKmsKeyIdException", f"Invalid KMS Key Id specified: {key}.")
    kms = call.aws("kms", principal=identity.service("kms.amazonaws.com"))
    try:
        return str(kms.describe_key(key_id=key)["KeyMetadata"]["Arn"])
    except Fault:
        raise Fault("KmsKeyNotFoundException", f"KMS key {key} does not exist or is in another Region.") from None


def topic_arn(call: Call, topic: str) -> str:
    """The ARN of a topic in the account and Region, by its name or ARN."""
    if not topic:
        return ""
    if not re.fullmatch(r"(arn:[^:]+:sns:[^:]*:\d{12}:)?[A-Za-z0-9_-]{1,256}(\.fifo)?", topic):
        raise Fault("InvalidSnsTopicNameException", f"SNS topic name {topic} is not valid.")
    return topic if topic.startswith("arn:") else call.arn(topic, "sns")


def check_logs(group: str, role: str) -> None:
    """A log group and the role to write to it go together."""
    if bool(group) != bool(role):
        raise Fault(
            "InvalidCloudWatchLogsLogGroupArnException" if role else "InvalidCloudWatchLogsRoleArnException",
            "You must specify both CloudWatchLogsLogGroupArn and CloudWatchLogsRoleArn.",
        )
    for text, service, code in (
        (group, "logs", "InvalidCloudWatchLogsLogGroupArnException"),
        (role, "iam", "InvalidCloudWatchLogsRoleArnException"),
    ):
        if text and not is_arn(text, service):
            raise Fault(code, f"The ARN {text} is not valid.")


def is_arn(text: str, service: str) -> bool:
    try:
        return arns.parse(text).service == service
    except ValueError:
        return False


def organization(call: Call, *, delegated: bool = False) -> dict[str, Any]:
    """The organization that the caller manages; or, where that is enough, administers CloudTrail for."""
    try:
        found: dict[str, Any] = call.aws("organizations").describe_organization()["Organization"]
    except Fault as fault:
        if fault.code == "NotImplemented":
            raise
        raise Fault(
            "OrganizationsNotInUseException", "Your account is not a member of an organization.", status=404
        ) from None
    ours = call.aws("organizations", principal=identity.service("organizations.amazonaws.com"))
    if delegated and found["MasterAccountId"] != call.account:
        there = call.at(account=found["MasterAccountId"])
        ours = there.aws("organizations", principal=identity.service("organizations.amazonaws.com"))
        delegates = paging.every(
            ours.list_delegated_administrators, "DelegatedAdministrators", service_principal=PRINCIPAL
        )
        delegated = call.account in {one["Id"] for one in delegates}
    else:
        delegated = False
    if found.get("MasterAccountId") != call.account and not delegated:
        raise Fault(
            "NotOrganizationMasterAccountException",
            "You must be the management account of the organization to create an organization trail.",
        )
    enabled = ours.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    if PRINCIPAL not in {one["ServicePrincipal"] for one in enabled}:
        raise Fault(
            "CloudTrailAccessNotEnabledException",
            "The request could not be processed because your organization hasn't enabled CloudTrail service access. "
            "Enable service access, and then try again.",
        )
    return found
