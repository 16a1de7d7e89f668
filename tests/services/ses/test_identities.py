"""Identities and sets by both APIs: what one makes the other sees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.testing.account import Account


@pytest.fixture
def first(aws: Account) -> Any:
    return aws.client("ses")


@pytest.fixture
def second(aws: Account) -> Any:
    return aws.client("sesv2")


def test_an_address_is_an_identity_by_both_apis(aws: Account, first: Any, second: Any) -> None:
    first.verify_email_identity(EmailAddress="ada@Example.com")
    assert first.list_identities(IdentityType="EmailAddress")["Identities"] == ["ada@example.com"]
    status = first.get_identity_verification_attributes(Identities=["ada@example.com", "nobody@example.com"])
    assert status["VerificationAttributes"] == {"ada@example.com": {"VerificationStatus": "Success"}}
    told = second.get_email_identity(EmailIdentity="ada@example.com")
    assert (told["IdentityType"], told["VerifiedForSendingStatus"]) == ("EMAIL_ADDRESS", True)
    first.get_waiter("identity_exists").wait(Identities=["ada@example.com"])
    first.delete_identity(Identity="ada@example.com")
    assert second.list_email_identities()["EmailIdentities"] == []


def test_a_domain_has_a_token_and_three_dkim_tokens(first: Any, second: Any) -> None:
    token = first.verify_domain_identity(Domain="example.com")["VerificationToken"]
    told = first.get_identity_verification_attributes(Identities=["example.com"])["VerificationAttributes"]
    assert told["example.com"]["VerificationToken"] == token
    tokens = first.verify_domain_dkim(Domain="example.com")["DkimTokens"]
    assert len(set(tokens)) == 3
    assert second.get_email_identity(EmailIdentity="example.com")["DkimAttributes"]["Tokens"] == tokens


def test_an_identity_is_made_once_by_the_second_api(second: Any, refused: Any) -> None:
    made = second.create_email_identity(EmailIdentity="example.com", Tags=[{"Key": "team", "Value": "red"}])
    assert made["DkimAttributes"]["Status"] == "SUCCESS"
    with refused("AlreadyExistsException"):
        second.create_email_identity(EmailIdentity="example.com")
    with refused("NotFoundException"):
        second.get_email_identity(EmailIdentity="nobody@example.com")
    with refused("BadRequestException"):
        second.create_email_identity(EmailIdentity="no domain")


def test_the_domain_that_bounces_go_to_is_a_subdomain(first: Any, second: Any, refused: Any) -> None:
    first.verify_domain_identity(Domain="example.com")
    with refused("InvalidParameterValue", "is not subdomain"):
        first.set_identity_mail_from_domain(Identity="example.com", MailFromDomain="bounce.example.org")
    second.put_email_identity_mail_from_attributes(
        EmailIdentity="example.com", MailFromDomain="bounce.example.com", BehaviorOnMxFailure="REJECT_MESSAGE"
    )
    told = first.get_identity_mail_from_domain_attributes(Identities=["example.com"])["MailFromDomainAttributes"]
    assert told["example.com"]["MailFromDomain"] == "bounce.example.com"
    assert told["example.com"]["BehaviorOnMXFailure"] == "RejectMessage"


def test_policies_of_an_identity(aws: Account, first: Any, second: Any, refused: Any) -> None:
    first.verify_email_identity(EmailAddress="ada@example.com")
    arn = f"arn:aws:ses:us-east-1:{aws.id}:identity/ada@example.com"
    statement = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "ses:SendEmail", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    first.put_identity_policy(Identity="ada@example.com", PolicyName="friends", Policy=policy)
    assert second.get_email_identity_policies(EmailIdentity="ada@example.com")["Policies"] == {"friends": policy}
    with refused("InvalidPolicy"):
        first.put_identity_policy(Identity="ada@example.com", PolicyName="odd", Policy="{}")
    first.delete_identity_policy(Identity="ada@example.com", PolicyName="friends")
    assert first.list_identity_policies(Identity="ada@example.com")["PolicyNames"] == []


def test_feedback_is_forwarded_unless_topics_take_it(first: Any, refused: Any) -> None:
    first.verify_email_identity(EmailAddress="ada@example.com")
    with refused("InvalidParameterValue"):
        first.set_identity_feedback_forwarding_enabled(Identity="ada@example.com", ForwardingEnabled=False)
    told = first.get_identity_notification_attributes(Identities=["ada@example.com"])["NotificationAttributes"]
    assert told["ada@example.com"]["ForwardingEnabled"] is True


def test_configuration_sets_by_both_apis(aws: Account, first: Any, second: Any, refused: Any) -> None:
    first.create_configuration_set(ConfigurationSet={"Name": "plain"})
    with refused("ConfigurationSetAlreadyExists"):
        first.create_configuration_set(ConfigurationSet={"Name": "plain"})
    second.put_configuration_set_delivery_options(ConfigurationSetName="plain", TlsPolicy="REQUIRE")
    told = first.describe_configuration_set(
        ConfigurationSetName="plain", ConfigurationSetAttributeNames=["deliveryOptions", "reputationOptions"]
    )
    assert told["DeliveryOptions"] == {"TlsPolicy": "Require"}
    assert told["ReputationOptions"]["SendingEnabled"] is True
    assert second.get_configuration_set(ConfigurationSetName="plain")["DeliveryOptions"] == {"TlsPolicy": "REQUIRE"}
    arn = f"arn:aws:ses:us-east-1:{aws.id}:configuration-set/plain"
    second.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "red"}])
    assert second.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "red"}]
    second.delete_configuration_set(ConfigurationSetName="plain")
    with refused("ConfigurationSetDoesNotExist"):
        first.describe_configuration_set(ConfigurationSetName="plain")


def test_others_send_from_an_identity_whose_policy_lets_them(aws: Account, first: Any, refused: Any) -> None:
    """Sending authorization: the sender names the identity's ARN; the owner's policy decides."""
    sender = aws.cloud.account()
    client, second = sender.client("ses"), sender.client("sesv2")
    domain, friend = f"a{aws.id}.example.com", "bob@example.org"
    first.verify_domain_identity(Domain=domain)
    client.verify_email_identity(EmailAddress=friend)
    arn = f"arn:aws:ses:us-east-1:{aws.id}:identity/{domain}"
    message = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "b"}}}
    letter = {"Destination": {"ToAddresses": [friend]}, "Message": message}
    with refused("MessageRejected", "is not verified"):
        client.send_email(Source=f"news@{domain}", **letter)
    with refused("AccessDenied"):
        client.send_email(Source=f"news@{domain}", SourceArn=arn, **letter)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": sender.id},
        "Action": ["ses:SendEmail", "ses:SendRawEmail"],
        "Resource": arn,
        "Condition": {"StringLike": {"ses:FromAddress": f"news@{domain}"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    first.put_identity_policy(Identity=domain, PolicyName="p", Policy=policy)
    client.send_email(Source=f"news@{domain}", SourceArn=arn, **letter)
    raw = f"From: news@{domain}\r\nTo: {friend}\r\nX-SES-SOURCE-ARN: {arn}\r\nSubject: s\r\n\r\nb\r\n".encode()
    client.send_raw_email(RawMessage={"Data": raw})
    second.send_email(
        FromEmailAddress=f"news@{domain}",
        FromEmailAddressIdentityArn=arn,
        Destination={"ToAddresses": [friend]},
        Content={"Simple": message},
    )
    with refused("AccessDenied"):
        client.send_email(Source=f"boss@{domain}", SourceArn=arn, **letter)
    assert client.get_send_quota()["SentLast24Hours"] == 3
    assert first.get_send_quota()["SentLast24Hours"] == 0
