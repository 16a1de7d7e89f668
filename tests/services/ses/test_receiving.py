"""Mail that comes: rule sets, what their actions do, in which order, and what they need before they are taken."""

from __future__ import annotations

import base64
import email
import email.policy
import io
import json
import urllib.request
import zipfile
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import pileus
from pileus.testing.account import Account

WRITER = "ada@example.org"
NOTE = "AMAZON_SES_SETUP_NOTIFICATION"


class Reception:
    """A domain that mail is received for, and somebody who writes to it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.ses = account.client("ses")
        self.domain = f"m{account.id}.example.com"
        self.ses.verify_domain_identity(Domain=self.domain)
        self.ses.verify_email_identity(EmailAddress=WRITER)
        self.ses.create_receipt_rule_set(RuleSetName="main")
        self.ses.set_active_receipt_rule_set(RuleSetName="main")

    def rule(self, name: str, *actions: dict[str, Any], after: str = "", **members: Any) -> None:
        where = {"After": after} if after else {}
        rule = {"Name": name, "Enabled": True, "Actions": list(actions)} | members
        self.ses.create_receipt_rule(RuleSetName="main", Rule=rule, **where)

    def write(self, *locals: str, body: str = "hello", sender: str = WRITER) -> None:
        to = [f"{local}@{self.domain}" for local in locals or ("bob",)]
        message = {"Subject": {"Data": "books"}, "Body": {"Text": {"Data": body}}}
        self.ses.send_email(Source=sender, Destination={"ToAddresses": to}, Message=message)
        self.account.cloud.clock.advance(1)

    def bucket(self, name: str = "mail") -> str:
        s3, name = self.account.client("s3"), f"{name}-{self.account.id}"
        s3.create_bucket(Bucket=name)
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "ses.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{name}/*",
            "Condition": {
                "StringEquals": {"AWS:SourceAccount": self.account.id},
                "StringLike": {"AWS:SourceArn": f"arn:aws:ses:us-east-1:{self.account.id}:receipt-rule-set/main:*"},
            },
        }
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        return name

    def objects(self, bucket: str) -> dict[str, bytes]:
        s3 = self.account.client("s3")
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys if not key.endswith(NOTE)}

    def topic(self, name: str = "news") -> tuple[str, Any]:
        """A topic that SES may publish to, and what a queue hears of it."""
        sns, sqs = self.account.client("sns"), self.account.client("sqs")
        queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = sns.create_topic(Name=name)["TopicArn"]
        allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = {"Version": "2012-10-17", "Statement": [allow | {"Resource": arn}]}
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
        allow = {"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Action": "sns:Publish"}
        policy = {"Version": "2012-10-17", "Statement": [allow | {"Resource": topic}]}
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

        def heard() -> list[dict[str, Any]]:
            found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            return [json.loads(one["Body"]) for one in found]

        return topic, heard

    def function(self, name: str, source: str) -> str:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", source)
        client = self.account.client("lambda")
        role = f"arn:aws:iam::{self.account.id}:role/functions"
        settings = {"Runtime": "python3.11", "Handler": "app.handler", "Role": role}
        made: str = client.create_function(FunctionName=name, Code={"ZipFile": code.getvalue()}, **settings)[
            "FunctionArn"
        ]
        return made

    def allow(self, name: str) -> None:
        self.account.client("lambda").add_permission(
            FunctionName=name,
            StatementId="ses",
            Action="lambda:InvokeFunction",
            Principal="ses.amazonaws.com",
            SourceAccount=self.account.id,
        )

    def letters_to(self, address: str) -> list[Any]:
        """What the cloud's mailbox has for an address, the latest first."""
        base = f"{self.account.cloud.endpoint}/_pileus/mail"
        with urllib.request.urlopen(f"{base}?account={self.account.id}&to={address}") as answer:
            ids = [one["id"] for one in json.load(answer)["mail"]]
        found = []
        for one in ids:
            with urllib.request.urlopen(f"{base}/{one}") as answer:
                found.append(email.message_from_bytes(answer.read(), policy=email.policy.default))
        return found


@pytest.fixture
def reception(aws: Account) -> Reception:
    return Reception(aws)


def names(told: dict[str, Any]) -> list[str]:
    return [rule["Name"] for rule in told["Rules"]]


def test_rules_have_an_order(reception: Reception, refused: Any) -> None:
    ses = reception.ses
    for name, after in (("b", ""), ("a", ""), ("d", "b"), ("c", "b")):
        reception.rule(name, after=after)
    assert names(ses.describe_receipt_rule_set(RuleSetName="main")) == ["a", "b", "c", "d"]
    ses.set_receipt_rule_position(RuleSetName="main", RuleName="a", After="d")
    ses.set_receipt_rule_position(RuleSetName="main", RuleName="d")
    assert names(ses.describe_active_receipt_rule_set()) == ["d", "b", "c", "a"]
    ses.reorder_receipt_rule_set(RuleSetName="main", RuleNames=["a", "b", "c", "d"])
    with refused("RuleDoesNotExist", "Rule does not exist: x"):
        ses.reorder_receipt_rule_set(RuleSetName="main", RuleNames=["a", "b", "c", "x"])
    with refused("InvalidParameterValue"):
        ses.reorder_receipt_rule_set(RuleSetName="main", RuleNames=["a", "b", "c"])
    with refused("AlreadyExists", "Rule already exists: a"):
        reception.rule("a")
    with refused("RuleDoesNotExist"):
        reception.rule("e", after="x")
    assert names(ses.describe_receipt_rule_set(RuleSetName="main")) == ["a", "b", "c", "d"]
    plain = {"Enabled": True, "TlsPolicy": "Optional", "Recipients": [], "Actions": [], "ScanEnabled": False}
    assert ses.describe_receipt_rule(RuleSetName="main", RuleName="a")["Rule"] == plain | {"Name": "a"}
    ses.delete_receipt_rule(RuleSetName="main", RuleName="a")
    with refused("RuleDoesNotExist"):
        ses.describe_receipt_rule(RuleSetName="main", RuleName="a")


def test_a_clone_is_a_set_of_its_own(reception: Reception, refused: Any) -> None:
    ses = reception.ses
    reception.rule("a")
    ses.clone_receipt_rule_set(RuleSetName="copy", OriginalRuleSetName="main")
    reception.rule("b")
    assert names(ses.describe_receipt_rule_set(RuleSetName="copy")) == ["a"]
    assert [one["Name"] for one in ses.list_receipt_rule_sets()["RuleSets"]] == ["copy", "main"]
    with refused("CannotDelete", "Cannot delete active rule set: main"):
        ses.delete_receipt_rule_set(RuleSetName="main")
    ses.set_active_receipt_rule_set()
    assert "Metadata" not in ses.describe_active_receipt_rule_set()
    ses.delete_receipt_rule_set(RuleSetName="main")
    with refused("RuleSetDoesNotExist", "Rule set does not exist: main"):
        ses.describe_receipt_rule_set(RuleSetName="main")
    with refused("AlreadyExists"):
        ses.create_receipt_rule_set(RuleSetName="copy")
    with refused("InvalidParameterValue"):
        ses.create_receipt_rule_set(RuleSetName="_copy")


def test_a_letter_lies_in_the_bucket_and_a_topic_hears_of_it(reception: Reception) -> None:
    bucket, (topic, heard) = reception.bucket(), reception.topic()
    action = {"BucketName": bucket, "ObjectKeyPrefix": "in/", "TopicArn": topic}
    reception.rule("keep", {"S3Action": action}, Recipients=[reception.domain], ScanEnabled=True)
    s3 = reception.account.client("s3")
    assert b"attempted to set up" in s3.get_object(Bucket=bucket, Key=f"in/{NOTE}")["Body"].read()
    reception.write("bob", "carol")
    ((key, content),) = reception.objects(bucket).items()
    letter = email.message_from_bytes(content, policy=email.policy.default)
    assert (letter["From"], letter["Subject"], letter.get_content().strip()) == (WRITER, "books", "hello")
    assert (letter["Return-Path"], letter["X-SES-Spam-Verdict"]) == (f"<{WRITER}>", "PASS")
    (told,) = heard()
    assert told["notificationType"] == "Received"
    receipt, mail = told["receipt"], told["mail"]
    assert key == f"in/{mail['messageId']}"
    assert receipt["recipients"] == [f"bob@{reception.domain}", f"carol@{reception.domain}"]
    assert receipt["action"] == {
        "type": "S3",
        "topicArn": topic,
        "bucketName": bucket,
        "objectKeyPrefix": "in/",
        "objectKey": key,
    }
    assert {name: receipt[f"{name}Verdict"]["status"] for name in ("spam", "virus", "spf", "dmarc")} == {
        "spam": "PASS",
        "virus": "PASS",
        "spf": "PASS",
        "dmarc": "PASS",
    }
    assert (mail["source"], mail["destination"], mail["headersTruncated"]) == (WRITER, receipt["recipients"], False)
    common = mail["commonHeaders"]
    assert (common["from"], common["subject"], common["returnPath"]) == ([WRITER], "books", WRITER)
    assert {"name": "Subject", "value": "books"} in mail["headers"]


def test_a_key_of_kms_encrypts_before_the_bucket_sees_anything(reception: Reception) -> None:
    bucket, kms = reception.bucket(), reception.account.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    actions = ["kms:Encrypt", "kms:GenerateDataKey*"]
    service = {"Service": "ses.amazonaws.com"}
    policy["Statement"].append({"Effect": "Allow", "Principal": service, "Action": actions, "Resource": "*"})
    kms.put_key_policy(KeyId=key, Policy=json.dumps(policy))
    reception.rule("keep", {"S3Action": {"BucketName": bucket, "KmsKeyArn": key}})
    reception.write()
    ((name, content),) = reception.objects(bucket).items()
    metadata = reception.account.client("s3").head_object(Bucket=bucket, Key=name)["Metadata"]
    context = json.loads(metadata["x-amz-matdesc"])
    assert context["aws:ses:rule-name"] == "keep" and context["aws:ses:message-id"] == name
    wrapped = base64.b64decode(metadata["x-amz-key-v2"])
    plain = kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)["Plaintext"]
    letter = AESGCM(plain).decrypt(base64.b64decode(metadata["x-amz-iv"]), content, None)
    assert b"hello" in letter and len(letter) == int(metadata["x-amz-unencrypted-content-length"])


@pytest.mark.parametrize("encoding", ["UTF-8", "Base64"])
def test_a_topic_gets_the_letter_itself(reception: Reception, encoding: str) -> None:
    topic, heard = reception.topic()
    header = {"AddHeaderAction": {"HeaderName": "X-Team", "HeaderValue": "red"}}
    reception.rule("tell", header, {"SNSAction": {"TopicArn": topic, "Encoding": encoding}})
    reception.write(body="Größe")
    (told,) = heard()
    content = told["content"].encode() if encoding == "UTF-8" else base64.b64decode(told["content"])
    letter = email.message_from_bytes(content, policy=email.policy.default)
    assert (letter["X-Team"], letter.get_content().strip()) == ("red", "Größe")
    assert told["receipt"]["action"]["type"] == "SNS"


def test_a_letter_too_large_for_a_notification_bounces(reception: Reception) -> None:
    topic, heard = reception.topic()
    reception.rule("tell", {"SNSAction": {"TopicArn": topic}})
    reception.write(body="long line\n" * 16_000)
    assert heard() == []
    (bounce,) = [one for one in reception.letters_to(WRITER) if one.get_content_type() == "multipart/report"]
    assert "5.3.4" in bounce.as_string()


def test_rules_apply_to_the_recipients_that_they_name(reception: Reception) -> None:
    below = f"below.{reception.domain}"
    topics = {}
    for name, recipients in {
        "one": [f"bob@{reception.domain}"],
        "domain": [reception.domain],
        "below": [f".{reception.domain}"],
        "all": [],
    }.items():
        topics[name] = reception.topic(name)
        reception.rule(name, {"SNSAction": {"TopicArn": topics[name][0]}}, Recipients=recipients)
    reception.rule("off", {"SNSAction": {"TopicArn": topics["one"][0]}}, Enabled=False)
    reception.write("bob+books")
    reception.write("carol")
    message = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "b"}}}
    reception.ses.send_email(Source=WRITER, Destination={"ToAddresses": [f"dan@{below}"]}, Message=message)
    reception.account.cloud.clock.advance(1)
    heard = {
        name: sorted(told["receipt"]["recipients"][0].partition("@")[0] for told in hear())
        for name, (_, hear) in topics.items()
    }
    assert heard == {
        "one": ["bob+books"],
        "domain": ["bob+books", "carol"],
        "below": ["dan"],
        "all": ["bob+books", "carol", "dan"],
    }


def test_stop_ends_the_rule_set_and_bounce_sends_back(reception: Reception) -> None:
    topic, heard = reception.topic()
    later, never = reception.topic("later")
    reception.rule("last", {"SNSAction": {"TopicArn": later}})
    bounce = {"SmtpReplyCode": "550", "StatusCode": "5.1.1", "Message": "no such box", "TopicArn": topic}
    bounce["Sender"] = f"postmaster@{reception.domain}"
    reception.rule("bounce", {"BounceAction": bounce}, Recipients=[f"nobody@{reception.domain}"])
    stop = {"StopAction": {"Scope": "RuleSet", "TopicArn": topic}}
    reception.rule("stop", stop, Recipients=[f"stop@{reception.domain}"])
    reception.write("nobody")
    reception.write("stop")
    assert [told["receipt"]["action"]["type"] for told in heard()] == ["Bounce", "Stop"]
    assert never() == []
    (report,) = [one for one in reception.letters_to(WRITER) if one.get_content_type() == "multipart/report"]
    assert report["From"] == f"postmaster@{reception.domain}"
    text, status, headers = report.iter_parts()
    assert text.get_content().strip() == "no such box"
    fields = status.get_payload()[1]
    assert fields["Final-Recipient"] == f"rfc822; nobody@{reception.domain}"
    assert (fields["Status"], fields["Diagnostic-Code"]) == ("5.1.1", "smtp; 550 5.1.1 no such box")
    assert "Subject: books" in headers.get_content()


DECIDE = """
def handler(event, context):
    (record,) = event["Records"]
    assert record["eventSource"] == "aws:ses" and record["eventVersion"] == "1.0"
    assert record["ses"]["receipt"]["action"]["invocationType"] == "RequestResponse"
    local = record["ses"]["receipt"]["recipients"][0].partition("@")[0]
    return {"disposition": {"rule": "STOP_RULE", "set": "stop_rule_set", "go": "CONTINUE"}[local]}
"""


def test_a_function_decides_how_to_go_on(reception: Reception, refused: Any) -> None:
    function = reception.function("decide", DECIDE)
    ask = {"LambdaAction": {"FunctionArn": function, "InvocationType": "RequestResponse"}}
    here, heard = reception.topic()
    later, afterwards = reception.topic("later")
    reception.rule("last", {"SNSAction": {"TopicArn": later}})
    with refused("InvalidLambdaFunction", function):
        reception.rule("ask", ask)
    reception.allow("decide")
    reception.rule("ask", ask, {"SNSAction": {"TopicArn": here}})
    for local in ("go", "rule", "set"):
        reception.write(local)

    def firsts(told: list[dict[str, Any]]) -> list[str]:
        return [one["receipt"]["recipients"][0].partition("@")[0] for one in told]

    assert firsts(heard()) == ["go"]
    assert firsts(afterwards()) == ["go", "rule"]


def test_a_rule_needs_what_its_actions_need(reception: Reception, refused: Any) -> None:
    s3, sns = reception.account.client("s3"), reception.account.client("sns")
    closed = f"closed-{reception.account.id}"
    s3.create_bucket(Bucket=closed)
    with refused("InvalidS3Configuration", f"Could not write to bucket: {closed}"):
        reception.rule("a", {"S3Action": {"BucketName": closed}})
    shut = sns.create_topic(Name="shut")["TopicArn"]
    mine = {"Effect": "Allow", "Principal": {"AWS": reception.account.id}, "Action": "sns:Publish", "Resource": shut}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [mine]})
    sns.set_topic_attributes(TopicArn=shut, AttributeName="Policy", AttributeValue=policy)
    for topic in (shut, f"{shut}-not"):
        with refused("InvalidSnsTopic", f"Invalid SNS topic: {topic}"):
            reception.rule("a", {"SNSAction": {"TopicArn": topic}})
    with refused("InvalidParameterValue", "is not a verified"):
        sender = {"SmtpReplyCode": "550", "Message": "no", "Sender": "x@stranger.example"}
        reception.rule("a", {"BounceAction": sender})
    with refused("InvalidParameterValue", "Invalid header name"):
        reception.rule("a", {"AddHeaderAction": {"HeaderName": "X Y", "HeaderValue": "z"}})
    assert names(reception.ses.describe_active_receipt_rule_set()) == []


def test_scans_know_what_is_made_to_test_them(reception: Reception) -> None:
    topic, heard = reception.topic()
    reception.rule("tell", {"SNSAction": {"TopicArn": topic}}, ScanEnabled=True)
    reception.write(body="XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X")
    (told,) = heard()
    assert [told["receipt"][f"{name}Verdict"]["status"] for name in ("spam", "virus")] == ["FAIL", "PASS"]


def test_filters_say_whom_mail_is_taken_from(reception: Reception, refused: Any) -> None:
    ses = reception.ses
    block = {"Name": "block", "IpFilter": {"Policy": "Block", "Cidr": "10.0.0.0/8"}}
    ses.create_receipt_filter(Filter=block)
    assert ses.list_receipt_filters()["Filters"] == [block]
    with refused("AlreadyExists"):
        ses.create_receipt_filter(Filter=block)
    with refused("InvalidParameterValue"):
        ses.create_receipt_filter(Filter={"Name": "bad", "IpFilter": {"Policy": "Block", "Cidr": "10.0.0.0/99"}})
    ses.delete_receipt_filter(FilterName="block")
    assert ses.list_receipt_filters()["Filters"] == []


def test_a_letter_may_be_sent_back_for_a_day(reception: Reception, cloud: pileus.LocalCloud, refused: Any) -> None:
    topic, heard = reception.topic()
    reception.rule("tell", {"SNSAction": {"TopicArn": topic}})
    reception.write()
    (told,) = heard()
    name, bob = told["mail"]["messageId"], f"bob@{reception.domain}"
    sender = f"postmaster@{reception.domain}"
    info = {"Recipient": bob, "BounceType": "ContentRejected"}
    with refused("MessageRejected", "Email address is not verified"):
        reception.ses.send_bounce(
            OriginalMessageId=name, BounceSender="x@stranger.example", BouncedRecipientInfoList=[info]
        )
    reception.ses.send_bounce(OriginalMessageId=name, BounceSender=sender, BouncedRecipientInfoList=[info])
    report = reception.letters_to(WRITER)[0]
    assert report["To"] == WRITER and "Status: 5.6.1" in report.as_string()
    cloud.clock.advance(86400 + 3600)
    with refused("MessageRejected"):
        reception.ses.send_bounce(OriginalMessageId=name, BounceSender=sender, BouncedRecipientInfoList=[info])


def test_accounts_keep_what_they_send_to_themselves(reception: Reception, cloud: pileus.LocalCloud) -> None:
    """Another account has the same domain verified and receives its mail: it gets what comes from elsewhere."""
    other = cloud.account()
    theirs = Reception.__new__(Reception)
    theirs.account, theirs.domain, theirs.ses = other, reception.domain, other.client("ses")
    theirs.ses.verify_domain_identity(Domain=theirs.domain)
    theirs.ses.create_receipt_rule_set(RuleSetName="main")
    theirs.ses.set_active_receipt_rule_set(RuleSetName="main")
    topics = {}
    for name, one in (("ours", reception), ("theirs", theirs)):
        topics[name] = one.topic()
        one.rule("tell", {"SNSAction": {"TopicArn": topics[name][0]}})
    reception.write()
    assert [len(heard()) for _, heard in topics.values()] == [1, 0]
    reception.ses.set_active_receipt_rule_set()
    reception.write()
    assert [len(heard()) for _, heard in topics.values()] == [0, 1]


def test_what_other_services_write_is_received_too(reception: Reception, cloud: pileus.LocalCloud) -> None:
    """As it is on AWS, where the link by which an address is confirmed may be read by a rule."""
    topic, heard = reception.topic()
    reception.rule("tell", {"SNSAction": {"TopicArn": topic}}, Recipients=[f"ops@{reception.domain}"])
    sns = reception.account.client("sns")
    alarms = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=alarms, Protocol="email", Endpoint=f"ops@{reception.domain}")
    cloud.clock.advance(1)
    (told,) = heard()
    assert told["mail"]["source"] == "no-reply@sns.amazonaws.com"
    assert "ConfirmSubscription" in told["content"]
