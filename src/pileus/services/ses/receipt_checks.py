"""What a receipt rule's actions need, checked when the rule is made, in SES's words."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Unfinished, arn, identity, roles
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.kernel.identity import Principal

from . import identities
from .events import itself
from .faults import wrong

Action = dict[str, Any]

KINDS = {
    "S3Action": "S3",
    "BounceAction": "Bounce",
    "WorkmailAction": "WorkMail",
    "LambdaAction": "Lambda",
    "StopAction": "Stop",
    "AddHeaderAction": "AddHeader",
    "SNSAction": "SNS",
    "ConnectAction": "Connect",
}
"""What the actions are called in notifications."""
HEADER = re.compile(r"[A-Za-z0-9-]{1,50}")
NOTE = "AMAZON_SES_SETUP_NOTIFICATION"
NOTE_TEXT = """From: Amazon Web Services <no-reply-aws@amazon.com>
Subject: Amazon SES Setup Notification

Hello,

You received this message because you attempted to set up Amazon SES to deliver emails to this S3 bucket.

Please note that this message is only to confirm that Amazon SES can write to it.
"""


def kind_of(action: Action) -> str:
    return next(iter(action))


def acting(call: Call, rule_set: str, rule: str) -> Principal:
    """SES, on behalf of a rule."""
    return itself(call.arn(f"receipt-rule-set/{rule_set}:receipt-rule/{rule}", "ses"))


def writer(call: Call, action: Action, principal: Principal) -> Principal:
    """Who writes to the bucket: the role that the action names, or SES itself."""
    role = action.get("IamRoleArn")
    return roles.taken_on(call, role, "ses-receiving", principal) if role else principal


def check(call: Call, action: Action) -> None:
    """Refuse what is wrong by itself."""
    if len(action) != 1:
        raise wrong(call, "An action has exactly one of the kinds of actions.")
    kind = kind_of(action)
    what = action[kind]
    if kind == "ConnectAction":
        raise Unfinished("Pileus does not implement connect yet.")
    if kind == "AddHeaderAction":
        if not HEADER.fullmatch(what["HeaderName"]):
            raise wrong(call, f"Invalid header name: {what['HeaderName']}")
        if len(what["HeaderValue"]) > 2048 or "\n" in what["HeaderValue"] or "\r" in what["HeaderValue"]:
            raise wrong(call, f"Invalid header value: {what['HeaderValue']}")
    if kind == "BounceAction":
        if not re.fullmatch(r"[45]\d\d", what["SmtpReplyCode"]):
            raise wrong(call, f"Invalid SMTP reply code: {what['SmtpReplyCode']}")
        if identities.sender(call, what["Sender"]) is None:
            raise wrong(call, f"Sender {what['Sender']} is not a verified email address or domain.")


async def try_all(call: Call, rule_set: str, rule: dict[str, Any]) -> None:
    """Refuse a rule whose actions could not be carried out."""
    principal = acting(call, rule_set, rule["Name"])
    for action in rule["Actions"]:
        ((kind, what),) = action.items()
        if topic := what.get("TopicArn"):
            try_topic(call, topic, principal)
        if kind == "S3Action":
            await try_bucket(call, what, principal)
        elif kind == "LambdaAction":
            await try_function(call, what["FunctionArn"], principal)


def try_topic(call: Call, topic: str, principal: Principal) -> None:
    """Whether the topic's policy lets SES publish."""
    try:
        to = arn.parse(topic)
        owner = call.at(account=to.account, region=to.region)
        ours = identity.service("pileus.amazonaws.com")
        policy = owner.aws("sns", principal=ours).get_topic_attributes(topic_arn=topic)["Attributes"]["Policy"]
        authorize(call.at(principal=principal), "sns:Publish", Target(topic, to.account, policy))
    except (Fault, ValueError) as error:
        if isinstance(error, Unfinished):
            raise
        raise Fault("InvalidSnsTopicException", f"Invalid SNS topic: {topic}", Topic=topic) from None


async def try_bucket(call: Call, action: Action, principal: Principal) -> None:
    """Leave a note in the bucket, as SES does."""
    bucket = action["BucketName"]
    key = f"{action.get('ObjectKeyPrefix', '')}{NOTE}"
    try:
        with call.transaction():
            who = writer(call, action, principal)
        await call.aws("s3", principal=who).put_object(bucket=bucket, key=key, body=NOTE_TEXT.encode())
        if master := action.get("KmsKeyArn"):
            with call.transaction():
                call.aws("kms", principal=who).generate_data_key(key_id=master, key_spec="AES_256")
    except Fault as fault:
        if isinstance(fault, Unfinished):
            raise
        text = f"Could not write to bucket: {bucket}"
        raise Fault("InvalidS3ConfigurationException", text, Bucket=bucket) from None


async def try_function(call: Call, function: str, principal: Principal) -> None:
    try:
        to = arn.parse(function)
        there = call.at(account=to.account, region=to.region)
        await there.aws("lambda", principal=principal).invoke(function_name=function, invocation_type="DryRun")
    except (Fault, ValueError) as error:
        if isinstance(error, Unfinished):
            raise
        text = f"Invalid Lambda function: {function}"
        raise Fault("InvalidLambdaFunctionException", text, FunctionArn=function) from None
