"""Mail, played through with Python's own smtplib and imaplib: alarms that write, and letters that are worked on."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import hmac
import imaplib
import io
import json
import re
import smtplib
import ssl
import urllib.request
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

import pileus
from pileus.testing.account import Account


@pytest.fixture(scope="module")
def post() -> Iterator[pileus.LocalCloud]:
    with pileus.cloud(listen={"ses": 0, "ses/imap": 0}, sockets=True) as cloud:
        cloud.clock.freeze()
        yield cloud


def trust(post: pileus.LocalCloud) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(post.server.certificates.authority))


def letters(post: pileus.LocalCloud, address: str) -> list[Any]:
    """What lies in a mailbox, over TLS."""
    with imaplib.IMAP4("localhost", post.server.ports["ses/imap"].port, timeout=10) as imap:
        imap.starttls(trust(post))
        imap.login(address, "any")
        imap.select()
        numbers = imap.search(None, "ALL")[1][0].split()
        whole = [imap.fetch(number.decode(), "(RFC822)")[1][0][1] for number in numbers]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in whole]


def subscribed(post: pileus.LocalCloud, account: Account, address: str, name: str) -> str:
    """A topic that writes to an address, whose owner has followed the link in the first letter."""
    sns = account.client("sns")
    topic: str = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    post.clock.advance(1)
    (asking,) = letters(post, address)
    assert asking["Subject"] == "AWS Notification - Subscription Confirmation"
    link = re.search(r"http://\S+", asking.get_content())[0]  # type: ignore[index]
    urllib.request.urlopen(link).close()
    return topic


def test_an_alarm_writes_to_whoever_watches(post: pileus.LocalCloud) -> None:
    """A queue grows; the alarm on its depth tells a topic; the topic writes a letter; all is well again."""
    account = post.account()
    watcher = f"ops@o{account.id}.example.com"
    topic = subscribed(post, account, watcher, "alarms")
    sqs, cloudwatch = account.client("sqs"), account.client("cloudwatch")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    cloudwatch.put_metric_alarm(
        AlarmName="orders wait",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "orders"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=2,
        Threshold=3,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
        OKActions=[topic],
    )
    for number in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    post.clock.advance(240)
    letter = letters(post, watcher)[-1]
    assert letter["Subject"] == 'ALARM: "orders wait" in US East (N. Virginia)'
    told, _ = json.JSONDecoder().raw_decode(letter.get_content())
    assert (told["NewStateValue"], told["Trigger"]["MetricName"]) == ("ALARM", "ApproximateNumberOfMessagesVisible")
    sqs.purge_queue(QueueUrl=url)
    post.clock.advance(240)
    assert letters(post, watcher)[-1]["Subject"].startswith('OK: "orders wait"')


def test_a_bill_that_grows_is_noticed(post: pileus.LocalCloud) -> None:
    """Estimated charges, which are told in us-east-1 alone, six hours at a time. Nothing here costs anything, so the
    test plays the bill."""
    account = post.account()
    owner = f"boss@b{account.id}.example.com"
    topic = subscribed(post, account, owner, "billing")
    cloudwatch = account.client("cloudwatch", "us-east-1")
    cloudwatch.put_metric_alarm(
        AlarmName="ten dollars",
        Namespace="AWS/Billing",
        MetricName="EstimatedCharges",
        Dimensions=[{"Name": "Currency", "Value": "USD"}],
        Statistic="Maximum",
        Period=21600,
        EvaluationPeriods=1,
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    for charges in (4.0, 9.5, 12.75):
        datum = {"MetricName": "EstimatedCharges", "Dimensions": [{"Name": "Currency", "Value": "USD"}]}
        cloudwatch.put_metric_data(Namespace="AWS/Billing", MetricData=[datum | {"Value": charges}])
        assert len(letters(post, owner)) == 1, "nothing is said before the bill is too high"
        post.clock.advance(21600)
    told = [one["Subject"] for one in letters(post, owner)]
    assert told[1] == 'ALARM: "ten dollars" in US East (N. Virginia)'


READS = """
import boto3, email, json

def handler(event, context):
    (record,) = event["Records"]
    told = record["ses"]
    letter = boto3.client("s3").get_object(Bucket=BUCKET, Key="in/" + told["mail"]["messageId"])["Body"].read()
    subject = email.message_from_bytes(letter)["Subject"]
    boto3.client("dynamodb").put_item(
        TableName="tickets",
        Item={"id": {"S": told["mail"]["messageId"]}, "subject": {"S": subject}, "by": {"S": told["mail"]["source"]}},
    )
"""


def smtp_password(secret: str, region: str) -> str:
    key = ("AWS4" + secret).encode()
    for text in ("11111111", region, "ses", "aws4_request", "SendRawEmail"):
        key = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.b64encode(b"\x04" + key).decode()


def test_a_letter_becomes_a_ticket(post: pileus.LocalCloud) -> None:
    """A letter sent by SMTP over TLS is received, written into a bucket, and read there by a function."""
    account = post.account()
    domain, bucket = f"help{account.id}.example.com", f"mail-{account.id}"
    ses, s3, dynamodb, functions = (account.client(name) for name in ("ses", "s3", "dynamodb", "lambda"))
    s3.create_bucket(Bucket=bucket)
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"AWS:SourceAccount": account.id}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    dynamodb.create_table(
        TableName="tickets",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    post.clock.advance(10)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", READS.replace("BUCKET,", f"{bucket!r},"))
    function = functions.create_function(
        FunctionName="ticket",
        Runtime="python3.11",
        Handler="app.handler",
        Role=f"arn:aws:iam::{account.id}:role/functions",
        Timeout=30,
        Code={"ZipFile": code.getvalue()},
    )["FunctionArn"]
    functions.add_permission(
        FunctionName="ticket",
        StatementId="ses",
        Action="lambda:InvokeFunction",
        Principal="ses.amazonaws.com",
        SourceAccount=account.id,
    )
    ses.verify_domain_identity(Domain=domain)
    ses.verify_email_identity(EmailAddress="ada@example.org")
    ses.create_receipt_rule_set(RuleSetName="main")
    ses.set_active_receipt_rule_set(RuleSetName="main")
    keep = {"S3Action": {"BucketName": bucket, "ObjectKeyPrefix": "in/"}}
    ask = {"LambdaAction": {"FunctionArn": function, "InvocationType": "RequestResponse"}}
    rule = {"Name": "tickets", "Enabled": True, "TlsPolicy": "Require", "Actions": [keep, ask]}
    ses.create_receipt_rule(RuleSetName="main", Rule=rule)

    iam = account.client("iam")
    iam.create_user(UserName="mailer")
    may = {"Effect": "Allow", "Action": "ses:SendRawEmail", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_user_policy(UserName="mailer", PolicyName="send", PolicyDocument=policy)
    key = iam.create_access_key(UserName="mailer")["AccessKey"]
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "Ada <ada@example.org>", f"help@{domain}", "It does not work"
    letter.set_content("Please help.")
    with smtplib.SMTP("localhost", post.server.ports["ses"].port, timeout=10) as smtp:
        smtp.starttls(context=trust(post))
        smtp.login(key["AccessKeyId"], smtp_password(key["SecretAccessKey"], account.region))
        smtp.send_message(letter)
    post.clock.advance(1)
    (ticket,) = dynamodb.scan(TableName="tickets")["Items"]
    assert (ticket["subject"]["S"], ticket["by"]["S"]) == ("It does not work", "ada@example.org")
    keys = {one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert keys == {"in/AMAZON_SES_SETUP_NOTIFICATION", f"in/{ticket['id']['S']}"}
    assert [one["Subject"] for one in letters(post, f"help@{domain}")] == ["It does not work"]
