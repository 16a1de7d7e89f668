"""SMTP as smtplib speaks it: who may send, what SES answers, and mail that comes from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

import pileus
from pileus.testing.account import Account

ADA, BOB = "ada@example.com", "bob@example.org"


@pytest.fixture(scope="module")
def post() -> Iterator[pileus.LocalCloud]:
    with pileus.cloud(listen={"ses": 0, "ses/tls": 0}, sockets=True) as cloud:
        yield cloud


@pytest.fixture
def account(post: pileus.LocalCloud) -> Account:
    account = post.account()
    for address in (ADA, BOB):
        account.client("ses").verify_email_identity(EmailAddress=address)
    return account


def trusting(post: pileus.LocalCloud) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(post.server.certificates.authority))


def connected(post: pileus.LocalCloud, *, tls: bool = True) -> smtplib.SMTP:
    client = smtplib.SMTP("localhost", post.server.ports["ses"].port, local_hostname="mail.example.net", timeout=10)
    if tls:
        client.starttls(context=trusting(post))
    return client


def password(secret: str, region: str = "us-east-1") -> str:
    """The algorithm as AWS publishes it ("Obtaining SMTP credentials", Developer Guide)."""

    def sign(key: bytes, text: str) -> bytes:
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    signature = sign(("AWS4" + secret).encode(), "11111111")
    for text in (region, "ses", "aws4_request", "SendRawEmail"):
        signature = sign(signature, text)
    return base64.b64encode(bytes([0x04]) + signature).decode()


def letter(**headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"From": ADA, "To": BOB, "Subject": "books", **headers}.items():
        message[name.replace("_", "-")] = value
    message.set_content("here they are")
    return message


def user(account: Account, *actions: str) -> tuple[str, str]:
    iam = account.client("iam")
    iam.create_user(UserName="mailer")
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="mailer", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="mailer")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def letters(account: Account) -> list[dict[str, Any]]:
    import urllib.request

    with urllib.request.urlopen(f"{account.cloud.endpoint}/_pileus/mail?account={account.id}") as answer:
        found: list[dict[str, Any]] = json.load(answer)["mail"]
    return [one for one in found if one["from"] != "no-reply-aws@amazon.com"]


def test_a_password_is_made_as_aws_publishes_it() -> None:
    from pileus.services.ses.smtp_credentials import password as ours

    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    assert ours(secret, "us-west-2") == password(secret, "us-west-2")
    assert base64.b64decode(ours(secret, "us-west-2"))[0] == 4


def test_a_user_of_iam_logs_in_with_what_is_derived_from_its_secret(post: Any, account: Account) -> None:
    key, secret = user(account, "ses:SendRawEmail")
    with connected(post) as client:
        code, text = client.login(key, password(secret))
        assert (code, text) == (235, b"Authentication successful.")
        client.send_message(letter())
        client.sendmail(ADA, [BOB], letter(Subject="again").as_bytes())
    assert [one["subject"] for one in letters(account)] == ["again", "books"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_both_mechanisms_and_tls_from_the_beginning(post: Any, account: Account, mechanism: str) -> None:
    key, secret = user(account, "ses:*")
    port = post.server.ports["ses/tls"].port
    with smtplib.SMTP_SSL("localhost", port, context=trusting(post), timeout=10) as client:
        client.ehlo()
        assert {"PLAIN", "LOGIN"} <= set(client.esmtp_features["auth"].split())
        client.user, client.password = key, password(secret)
        authenticate = client.auth_plain if mechanism == "PLAIN" else client.auth_login
        client.auth(mechanism, authenticate)
        client.send_message(letter())
    assert len(letters(account)) == 1


def test_a_password_is_good_for_its_region_alone(post: Any, account: Account) -> None:
    key, secret = user(account, "ses:*")
    account.client("ses", "eu-west-1").verify_email_identity(EmailAddress=ADA)
    with connected(post) as client:
        client.login(key, password(secret, "eu-west-1"))
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.send_message(letter())
    assert refused.value.smtp_code == 554
    assert b"failed the check in region EU-WEST-1: bob@example.org" in refused.value.smtp_error


def test_what_is_no_password_of_the_secret(post: Any, account: Account) -> None:
    key, secret = user(account, "ses:*")
    temporary = account.client("sts").get_session_token()["Credentials"]
    for name, given in (
        (key, secret),
        (key, password(secret, "nowhere-1")),
        (key, password(secret[::-1])),
        (temporary["AccessKeyId"], password(temporary["SecretAccessKey"])),
    ):
        with connected(post) as client, pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login(name, given)
        assert (refused.value.smtp_code, refused.value.smtp_error) == (535, b"Authentication Credentials Invalid")
    account.client("iam").update_access_key(UserName="mailer", AccessKeyId=key, Status="Inactive")
    with connected(post) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(key, password(secret))


def test_who_may_not_send_is_told_so(post: Any, account: Account) -> None:
    key, secret = user(account, "s3:*")
    with connected(post) as client:
        client.login(key, password(secret))
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.send_message(letter())
    assert refused.value.smtp_code == 554
    assert refused.value.smtp_error.startswith(b"Access denied: ") and b"ses:SendRawEmail" in refused.value.smtp_error
    assert letters(account) == []


def test_the_sandbox(post: Any, account: Account) -> None:
    with connected(post) as client:
        client.login(account.id, password("test"))
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(ADA, ["stranger@example.net"], letter().as_bytes())
        assert b"Message rejected: Email address is not verified." in refused.value.smtp_error
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(ADA, [BOB], letter(From="eve@example.net").as_bytes())
        assert b"US-EAST-1: eve@example.net" in refused.value.smtp_error
        account.client("sesv2").put_account_sending_attributes(SendingEnabled=False)
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.send_message(letter())
        assert refused.value.smtp_code == 554
        account.client("sesv2").put_account_sending_attributes(SendingEnabled=True)
        for _ in range(4):
            client.sendmail(ADA, [BOB] * 50, letter().as_bytes())
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.send_message(letter())
    assert refused.value.smtp_code == 454
    assert refused.value.smtp_error == b"Throttling failure: Daily message quota exceeded."


def test_nobody_logs_in_without_tls(post: Any, account: Account) -> None:
    with connected(post, tls=False) as client:
        client.ehlo()
        assert "auth" not in client.esmtp_features and "starttls" in client.esmtp_features
        assert client.docmd("AUTH", "PLAIN AGEAYg==") == (530, b"Must issue a STARTTLS command first")
        client.mail(ADA)
        assert client.rcpt("nobody@nowhere.example") == (530, b"Authentication required")


def test_headers_name_a_set_and_tags(post: Any, account: Account) -> None:
    sns, sqs, ses = account.client("sns"), account.client("sqs"), account.client("ses")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    ses.create_configuration_set(ConfigurationSet={"Name": "set"})
    destination = {"Name": "d", "Enabled": True, "MatchingEventTypes": ["send"], "SNSDestination": {"TopicARN": topic}}
    ses.create_configuration_set_event_destination(ConfigurationSetName="set", EventDestination=destination)
    headers = {"X_SES_CONFIGURATION_SET": "set", "X_SES_MESSAGE_TAGS": "team=red, kind=books"}
    with connected(post) as client:
        client.login(account.id, password("test"))
        client.send_message(letter(**headers))
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.send_message(letter(X_SES_CONFIGURATION_SET="none"))
        assert b"Configuration set <none> does not exist" in refused.value.smtp_error
    post.clock.advance(1)
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(message["Body"])["mail"]["tags"]
    assert (told["team"], told["kind"], told["ses:configuration-set"]) == (["red"], ["books"], ["set"])


def receiving(account: Account, domain: str, **rule: Any) -> Any:
    """Let mail to a domain be received; what a queue hears of it."""
    ses, sns, sqs = account.client("ses"), account.client("sns"), account.client("sqs")
    ses.verify_domain_identity(Domain=domain)
    queue = sqs.create_queue(QueueName="mail")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    topic = sns.create_topic(Name="mail")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    ses.create_receipt_rule_set(RuleSetName="main")
    ses.set_active_receipt_rule_set(RuleSetName="main")
    made = {"Name": "r", "Enabled": True, "Actions": [{"SNSAction": {"TopicArn": topic}}]} | rule
    ses.create_receipt_rule(RuleSetName="main", Rule=made)

    def heard() -> list[dict[str, Any]]:
        account.cloud.clock.advance(1)
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(one["Body"]) for one in found]

    return heard


def test_mail_from_the_world_comes_by_the_rules(post: Any, account: Account) -> None:
    domain = f"in{account.id}.example.com"
    heard = receiving(account, domain, Recipients=[f"bob@{domain}"])
    with connected(post) as client:
        assert not client.sendmail("eve@example.net", [f"bob@{domain}"], letter(To=f"bob@{domain}").as_bytes())
        client.mail("eve@example.net")
        code, text = client.rcpt(f"carol@{domain}")
    assert (code, text) == (550, b"5.1.1 Requested action not taken: mailbox unavailable")
    (told,) = heard()
    assert (told["mail"]["source"], told["receipt"]["recipients"]) == ("eve@example.net", [f"bob@{domain}"])
    assert told["receipt"]["spfVerdict"] == {"status": "GRAY"}
    received = next(one["value"] for one in told["mail"]["headers"] if one["name"] == "Received")
    assert received.startswith("from mail.example.net") and "127.0.0.1" in received
    assert "here they are" in told["content"]


def test_a_rule_may_want_tls_and_filters_keep_servers_away(post: Any, account: Account) -> None:
    domain = f"tls{account.id}.example.com"
    heard = receiving(account, domain, TlsPolicy="Require")
    with connected(post, tls=False) as client:
        client.ehlo()
        client.mail("eve@example.net")
        assert client.rcpt(f"bob@{domain}") == (530, b"Must issue a STARTTLS command first")
    ses = account.client("ses")
    ses.create_receipt_filter(Filter={"Name": "b", "IpFilter": {"Policy": "Block", "Cidr": "127.0.0.0/8"}})
    with connected(post) as client:
        client.ehlo()
        client.mail("eve@example.net")
        assert client.rcpt(f"bob@{domain}")[0] == 550
    ses.create_receipt_filter(Filter={"Name": "a", "IpFilter": {"Policy": "Allow", "Cidr": "127.0.0.1"}})
    with connected(post) as client:
        client.sendmail("eve@example.net", [f"bob@{domain}"], letter().as_bytes())
    assert len(heard()) == 1


def test_mail_is_handed_on_only_where_that_is_asked_for(post: Any) -> None:
    """One cloud hands on to another one, which receives mail for a domain."""
    world = post.account()
    domain = f"world{world.id}.example.com"
    heard = receiving(world, domain)
    relay = f"localhost:{post.server.ports['ses'].port}"
    with pileus.cloud(relay=relay, sockets=True) as cloud:
        account = cloud.account()
        ses = account.client("ses")
        for address in (ADA, f"bob@{domain}"):
            ses.verify_email_identity(EmailAddress=address)
        to = [f"bob@{domain}", "bounce@simulator.amazonses.com"]
        message = {"Subject": {"Data": "books"}, "Body": {"Text": {"Data": "hello"}}}
        name = ses.send_email(Source=ADA, Destination={"ToAddresses": to}, Message=message)["MessageId"]
        cloud.clock.advance(1)
    (told, _) = sorted(heard(), key=lambda one: one["mail"]["source"])
    assert (told["mail"]["source"], told["mail"]["destination"]) == (ADA, [f"bob@{domain}"])
    assert told["mail"]["commonHeaders"]["messageId"].startswith(f"<{name}@")


def test_the_rate_of_sending_is_enforced_where_that_is_asked_for() -> None:
    with pileus.cloud(throttle=True, listen={"ses": 0}, sockets=True) as cloud:
        cloud.clock.freeze()
        account = cloud.account()
        for address in (ADA, BOB):
            account.client("ses").verify_email_identity(EmailAddress=address)
        with connected(cloud) as client:
            client.login(account.id, password("test"))
            client.send_message(letter())
            with pytest.raises(smtplib.SMTPDataError) as refused:
                client.send_message(letter())
            assert (refused.value.smtp_code, refused.value.smtp_error) == (
                454,
                b"Throttling failure: Maximum sending rate exceeded.",
            )
            cloud.clock.advance(1)
            client.send_message(letter())
