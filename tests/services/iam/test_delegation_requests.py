"""Delegation requests: what a partner asks for, who lends it, and what it gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .asking import acting, allow, document, refused, user_with_key


class Partner:
    """An account that asks for rights in others, and hears on a topic what becomes of it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.iam, self.sqs = account.client("iam"), account.client("sqs")
        self.topic = account.client("sns").create_topic(Name="news")["TopicArn"]
        speaking = {"Effect": "Allow", "Principal": {"Service": "iam.amazonaws.com"}, "Action": "sns:Publish"}
        account.client("sns").set_topic_attributes(
            TopicArn=self.topic,
            AttributeName="Policy",
            AttributeValue=document({**speaking, "Resource": self.topic}),
        )
        self.queue = self.sqs.create_queue(QueueName="news")["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:{account.id}:news"
        hearing = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        self.sqs.set_queue_attributes(
            QueueUrl=self.queue, Attributes={"Policy": document({**hearing, "Resource": arn})}
        )
        account.client("sns").subscribe(
            TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
        )
        template = document(allow("sqs:ListQueues"), allow("sqs:PurgeQueue", "arn:aws:sqs:*:*:@{queue-name}"))
        self.template = self.iam.create_policy(PolicyName="template", PolicyDocument=template)["Policy"]["Arn"]

    def ask(self, workflow: str = "workflow-1", **more: Any) -> str:
        parameters = [{"Name": "queue-name", "Values": ["orders"], "Type": "string"}]
        made = self.iam.create_delegation_request(
            Description="We look after your queues.",
            Permissions={"PolicyTemplateArn": self.template, "Parameters": parameters},
            RequestorWorkflowId=workflow,
            NotificationChannel=self.topic,
            SessionDuration=1800,
            **more,
        )
        return str(made["DelegationRequestId"])

    def token(self) -> str:
        (message,) = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=5)["Messages"]
        return str(json.loads(message["Body"])["tradeInToken"])


@pytest.fixture
def partner(other: Account) -> Partner:
    return Partner(other)


def test_a_partner_is_lent_rights_for_a_while(iam: Any, aws: Account, cloud: LocalCloud, partner: Partner) -> None:
    request = partner.ask()
    assert iam.get_delegation_request(DelegationRequestId=request)["DelegationRequest"]["State"] == "UNASSIGNED"
    entity = f"arn:aws:iam::{partner.account.id}:delegation-request/{request}"
    told = iam.get_human_readable_summary(EntityArn=entity, Locale="en-US")
    assert told["SummaryState"] == "AVAILABLE" and "for 30 minutes: We look after" in told["SummaryContent"]
    assert "It may use PurgeQueue of sqs on arn:aws:sqs:*:*:orders." in told["SummaryContent"]
    assert iam.get_human_readable_summary(EntityArn=entity, Locale="fr")["SummaryState"] == "NOT_SUPPORTED"
    admin = user_with_key(iam, "admin", allow("*"))
    theirs = acting(cloud, admin, "iam")
    theirs.associate_delegation_request(DelegationRequestId=request)
    (listed,) = theirs.list_delegation_requests()["DelegationRequests"]
    assert (listed["State"], listed["OwnerId"]) == ("ASSIGNED", f"arn:aws:iam::{aws.id}:user/admin")
    assert "orders" in listed["PermissionPolicy"]
    theirs.update_delegation_request(DelegationRequestId=request, Notes="looks fine")
    theirs.accept_delegation_request(DelegationRequestId=request)
    theirs.send_delegation_token(DelegationRequestId=request)
    cloud.clock.advance(0)
    token = partner.token()
    with refused("AccessDenied"):
        cloud.account().client("sts").get_delegated_access_token(TradeInToken=token)
    sts = partner.account.client("sts")
    given = sts.get_delegated_access_token(TradeInToken=token)
    assert given["AssumedPrincipal"] == f"arn:aws:iam::{aws.id}:user/admin"
    with refused("AccessDenied"):
        sts.get_delegated_access_token(TradeInToken=token)
    lent = acting(cloud, given["Credentials"], "sqs")
    for name in ("orders", "others"):
        aws.client("sqs").create_queue(QueueName=name)
    urls = lent.list_queues()["QueueUrls"]
    lent.purge_queue(QueueUrl=next(url for url in urls if url.endswith("orders")))
    with refused("AccessDenied"):
        lent.purge_queue(QueueUrl=next(url for url in urls if url.endswith("others")))
    with refused("AccessDenied"):
        acting(cloud, given["Credentials"], "iam").list_users()
    iam.put_user_policy(
        UserName="admin",
        PolicyName="no",
        PolicyDocument=document({"Effect": "Deny", "Action": "sqs:ListQueues", "Resource": "*"}),
    )
    with refused("AccessDenied"):
        lent.list_queues()
    cloud.clock.advance(1801)
    with refused("ExpiredToken"):
        lent.purge_queue(QueueUrl=urls[0])


def test_even_a_root_lends_no_more_than_was_asked_for(
    iam: Any, aws: Account, cloud: LocalCloud, partner: Partner
) -> None:
    request = partner.ask(OwnerAccountId=aws.id)
    iam.accept_delegation_request(DelegationRequestId=request)
    iam.send_delegation_token(DelegationRequestId=request)
    cloud.clock.advance(0)
    given = partner.account.client("sts").get_delegated_access_token(TradeInToken=partner.token())["Credentials"]
    acting(cloud, given, "sqs").list_queues()
    for attempt in (
        lambda: acting(cloud, given, "iam").create_user(UserName="partner"),
        lambda: acting(cloud, given, "sts").assume_role(
            RoleArn=f"arn:aws:iam::{aws.id}:role/never-made", RoleSessionName="improvised"
        ),
    ):
        with refused("AccessDenied"):
            attempt()


def test_a_request_to_one_account_is_nobody_elses(iam: Any, aws: Account, cloud: LocalCloud, partner: Partner) -> None:
    request = partner.ask(OwnerAccountId=aws.id, OnlySendByOwner=True)
    stranger = cloud.account().client("iam")
    for attempt in (stranger.get_delegation_request, stranger.associate_delegation_request):
        with refused("NoSuchEntity"):
            attempt(DelegationRequestId=request)
    with refused("EntityAlreadyExists"):
        partner.ask()
    owner = acting(cloud, user_with_key(iam, "owner", allow("*")), "iam")
    owner.associate_delegation_request(DelegationRequestId=request)
    with refused("InvalidInput"):
        owner.send_delegation_token(DelegationRequestId=request)
    iam.accept_delegation_request(DelegationRequestId=request)
    with refused("AccessDenied"):
        iam.send_delegation_token(DelegationRequestId=request)
    owner.reject_delegation_request(DelegationRequestId=request, Notes="on second thought")
    rejected = owner.get_delegation_request(DelegationRequestId=request)["DelegationRequest"]
    assert (rejected["State"], rejected["RejectionReason"]) == ("REJECTED", "on second thought")
    with refused("InvalidInput"):
        owner.accept_delegation_request(DelegationRequestId=request)
    cloud.clock.advance(7 * 86400 + 1)
    with refused("NoSuchEntity"):
        owner.get_delegation_request(DelegationRequestId=request)


def test_who_is_asked_learns_whether_he_has_the_rights(
    iam: Any, aws: Account, cloud: LocalCloud, partner: Partner
) -> None:
    request = {"DelegationRequestId": partner.ask(OwnerAccountId=aws.id), "DelegationPermissionCheck": True}
    assert iam.get_delegation_request(**request)["PermissionCheckResult"] == "ALLOWED"
    poor = acting(cloud, user_with_key(iam, "poor", allow(["iam:*", "sqs:ListQueues"])), "iam")
    assert poor.get_delegation_request(**request)["PermissionCheckResult"] == "DENIED"


def test_what_is_asked_for_must_be_complete(partner: Partner) -> None:
    asked = {
        "Description": "d",
        "RequestorWorkflowId": "workflow-2",
        "NotificationChannel": partner.topic,
        "SessionDuration": 1800,
    }
    for changes in (
        {"Permissions": {"PolicyTemplateArn": partner.template}},
        {"Permissions": {"PolicyTemplateArn": "arn:aws:iam::111122223333:policy/none"}},
    ):
        with refused("InvalidInput"):
            partner.iam.create_delegation_request(**asked | changes)
