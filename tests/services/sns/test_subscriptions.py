"""Subscribing, confirming, unsubscribing; web servers and people as subscribers."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

import pileus
from pileus.testing.local import CloudClock

from .test_publishing import verify


def visit(url: str) -> str:
    return str(urllib.request.urlopen(url).read().decode())


def test_a_web_server_confirms_hears_and_leaves(sns: Any, topic: Any, web: Any, clock: CloudClock) -> None:
    arn = topic()
    web.answers = [503]
    answer = sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=web.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    clock.advance(1)
    assert len(web.requests) == 1, "it was not able to, and is asked again"
    web.requests.clear()
    clock.advance(20)
    headers, body = web.requests.pop()
    asked = json.loads(body)
    assert headers["x-amz-sns-message-type"] == asked["Type"] == "SubscriptionConfirmation"
    assert headers["x-amz-sns-topic-arn"] == arn
    verify(asked, "1")
    sns.publish(TopicArn=arn, Message="too early")
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["SubscriptionsPending"] == "1"
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"

    confirmed = re.search("<SubscriptionArn>(.*)</SubscriptionArn>", visit(asked["SubscribeURL"]))
    assert confirmed
    sns.publish(TopicArn=arn, Message="hello")
    clock.advance(1)
    headers, body = web.requests.pop()
    notice = json.loads(body)
    assert headers["x-amz-sns-subscription-arn"] == confirmed[1]
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    assert (notice["Type"], notice["Message"]) == ("Notification", "hello")
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["SubscriptionsConfirmed"] == "1"

    visit(notice["UnsubscribeURL"])
    sns.publish(TopicArn=arn, Message="gone")
    clock.advance(1)
    (farewell,) = web.notices()
    assert farewell["Type"] == "UnsubscribeConfirmation"
    visit(farewell["SubscribeURL"])
    sns.publish(TopicArn=arn, Message="back again")
    clock.advance(1)
    assert web.notices()[-1]["Message"] == "back again"


def confirmed(sns: Any, arn: str, web: Any, clock: CloudClock, **attributes: str) -> str:
    asked = sns.subscribe(
        TopicArn=arn, Protocol="http", Endpoint=web.url, Attributes=attributes, ReturnSubscriptionArn=True
    )
    clock.advance(1)
    token = json.loads(web.requests.pop()[1])["Token"]
    answer = sns.confirm_subscription(TopicArn=arn, Token=token, AuthenticateOnUnsubscribe="true")
    assert answer["SubscriptionArn"] == asked["SubscriptionArn"]
    return str(answer["SubscriptionArn"])


def test_a_web_server_that_fails_is_asked_again_as_the_policy_says(
    sns: Any, topic: Any, queue: Any, web: Any, clock: CloudClock
) -> None:
    arn, dead = topic(), queue("dead")
    policy = {"minDelayTarget": 10, "maxDelayTarget": 30, "numRetries": 4, "numNoDelayRetries": 1}
    given = {
        "DeliveryPolicy": json.dumps({"healthyRetryPolicy": policy}),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn}),
    }
    subscription = confirmed(sns, arn, web, clock, **given)
    effective = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]["EffectiveDeliveryPolicy"]
    assert json.loads(effective)["healthyRetryPolicy"]["numRetries"] == 4
    web.answers = [500, 500, 429]
    sns.publish(TopicArn=arn, Message="third time lucky")
    clock.advance(1)
    assert len(web.requests) == 2
    clock.advance(10)
    assert len(web.requests) == 3
    clock.advance(20)
    assert len(web.requests) == 4
    assert dead.messages() == []
    web.answers = [503] * 5
    sns.publish(TopicArn=arn, Message="never")
    clock.advance(1000)
    assert len(web.requests) == 9
    assert [notice["Message"] for notice in dead.notices()] == ["never"]
    web.answers = [404]
    sns.publish(TopicArn=arn, Message="not found")
    clock.advance(1)
    assert [notice["Message"] for notice in dead.notices()] == ["not found"], "an error of the client's is final"


def test_a_web_server_is_not_called_more_often_than_it_wants(sns: Any, topic: Any, web: Any, clock: CloudClock) -> None:
    arn = topic()
    confirmed(sns, arn, web, clock, DeliveryPolicy=json.dumps({"throttlePolicy": {"maxReceivesPerSecond": 2}}))
    for number in range(10):
        sns.publish(TopicArn=arn, Message=str(number))
    clock.advance(1)
    assert len(web.requests) in (2, 3)
    clock.advance(5)
    assert sorted(int(notice["Message"]) for notice in web.notices()) == list(range(10))


def test_who_confirmed_with_a_signature_unsubscribes_with_one(
    sns: Any, topic: Any, web: Any, clock: CloudClock
) -> None:
    arn = topic()
    subscription = confirmed(sns, arn, web, clock)
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert attributes["ConfirmationWasAuthenticated"] == "true"
    sns.publish(TopicArn=arn, Message="x")
    clock.advance(1)
    with pytest.raises(urllib.error.HTTPError) as told:
        visit(web.notices()[0]["UnsubscribeURL"])
    assert told.value.code == 403
    sns.unsubscribe(SubscriptionArn=subscription)
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_nobody_confirms_after_two_days(sns: Any, topic: Any, web: Any, clock: CloudClock, refused: Any) -> None:
    arn = topic()
    sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=web.url)
    clock.advance(1)
    token = json.loads(web.requests.pop()[1])["Token"]
    clock.advance(2 * 86400)
    with refused("InvalidParameter", "Token"):
        sns.confirm_subscription(TopicArn=arn, Token=token)
    assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []


def test_raw_delivery_to_a_web_server(sns: Any, topic: Any, web: Any, clock: CloudClock) -> None:
    arn = topic()
    confirmed(sns, arn, web, clock, RawMessageDelivery="true")
    sns.publish(TopicArn=arn, Message="just this")
    clock.advance(1)
    headers, body = web.requests.pop()
    assert body == "just this"
    assert headers["x-amz-sns-rawdelivery"] == "true"


def test_letters_are_written_confirmed_and_read(
    sns: Any, topic: Any, cloud: pileus.LocalCloud, clock: CloudClock
) -> None:
    arn = topic(DisplayName="The News")
    to = f"reader@{arn.split(':')[4]}.example.com"
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=to)
    sns.subscribe(TopicArn=arn, Protocol="email-json", Endpoint=to)

    def letters() -> list[dict[str, Any]]:
        clock.advance(1)
        found = json.loads(visit(f"{cloud.endpoint}/_pileus/mail?to={to}"))["mail"]
        urllib.request.urlopen(urllib.request.Request(f"{cloud.endpoint}/_pileus/mail", method="DELETE"))
        return list(found)

    for letter in letters():
        link = re.search(r'https?://\S+ConfirmSubscription[^\s"]+', letter["text"])
        assert link
        visit(link[0])
    sns.publish(TopicArn=arn, Message="It rained.", Subject="Weather")
    by_kind = sorted(letters(), key=lambda letter: letter["text"].startswith("{"))
    assert [letter["subject"] for letter in by_kind] == ["Weather", "Weather"]
    assert by_kind[0]["from"].startswith("The News <")
    assert by_kind[0]["text"].startswith("It rained.")
    assert "Action=Unsubscribe" in by_kind[0]["text"]
    assert json.loads(by_kind[1]["text"])["Message"] == "It rained."


@pytest.mark.parametrize(
    ("protocol", "endpoint", "words"),
    [
        ("pigeon", "roof", "Amazon SNS does not support this protocol string: pigeon"),
        ("http", "https://example.com", "Endpoint must match the specified protocol"),
        ("email", "nobody", "Email address"),
        ("sms", "call me", "Invalid SMS endpoint: call me"),
        ("sqs", "queue", "SQS endpoint ARN"),
        ("lambda", "arn:aws:sqs:us-east-1:111122223333:q", "Lambda endpoint ARN"),
        ("firehose", "arn:aws:firehose:us-east-1:111122223333:deliverystream/s", "SubscriptionRoleArn"),
    ],
)
def test_what_cannot_subscribe_is_refused(
    sns: Any, topic: Any, refused: Any, protocol: str, endpoint: str, words: str
) -> None:
    with refused("InvalidParameter", words):
        sns.subscribe(TopicArn=topic(), Protocol=protocol, Endpoint=endpoint)


def test_subscribing_twice_gives_the_same_subscription(sns: Any, topic: Any, queue: Any, refused: Any) -> None:
    arn, heard = topic(), queue()

    def subscribe(**attributes: str) -> str:
        return str(
            sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn, Attributes=attributes)["SubscriptionArn"]
        )

    assert subscribe() == subscribe()
    with refused("InvalidParameter", "Subscription already exists with different attributes"):
        subscribe(RawMessageDelivery="true")
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["SubscriptionsConfirmed"] == "1"


def test_the_owner_of_a_queue_in_another_account_confirms(
    cloud: pileus.LocalCloud, sns: Any, topic: Any, queue: Any, clock: CloudClock
) -> None:
    arn = topic()
    other = cloud.account()
    theirs, their_sns = other.client("sqs"), other.client("sns")
    from .conftest import Queue

    heard = Queue(theirs, "theirs", {})
    assert sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn)["SubscriptionArn"] == "pending confirmation"
    (asked,) = heard.notices()
    assert asked["Type"] == "SubscriptionConfirmation"
    visit(asked["SubscribeURL"])
    sns.publish(TopicArn=arn, Message="across")
    assert [notice["Message"] for notice in heard.notices()] == ["across"]
    # Subscribed by their own account, they need no confirmation, but the topic's leave.
    sns.add_permission(TopicArn=arn, Label="them", AWSAccountId=[other.id], ActionName=["Subscribe"])
    second = Queue(theirs, "second", {})
    subscription = their_sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=second.arn)["SubscriptionArn"]
    (mine,) = their_sns.list_subscriptions()["Subscriptions"]
    assert (mine["SubscriptionArn"], mine["Owner"]) == (subscription, other.id)
    their_sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="RawMessageDelivery", AttributeValue="true"
    )
    sns.publish(TopicArn=arn, Message="raw")
    assert second.bodies() == ["raw"]
    their_sns.unsubscribe(SubscriptionArn=subscription)
    assert their_sns.list_subscriptions()["Subscriptions"] == []


def test_a_topic_lets_in_whom_its_policy_names(cloud: pileus.LocalCloud, sns: Any, topic: Any, refused: Any) -> None:
    arn, other = topic(), cloud.account()
    theirs = other.client("sns")
    with refused("AuthorizationError", "is not authorized to perform: SNS:Publish on resource"):
        theirs.publish(TopicArn=arn, Message="x")
    sns.add_permission(TopicArn=arn, Label="them", AWSAccountId=[other.id], ActionName=["Publish"])
    theirs.publish(TopicArn=arn, Message="x")
    with refused("InvalidParameter", "Statement already exists"):
        sns.add_permission(TopicArn=arn, Label="them", AWSAccountId=[other.id], ActionName=["Publish"])
    sns.remove_permission(TopicArn=arn, Label="them")
    with refused("AuthorizationError"):
        theirs.publish(TopicArn=arn, Message="x")


def test_subscriptions_are_listed_in_pages_and_go_with_their_topic(sns: Any, topic: Any, clock: CloudClock) -> None:
    arn = topic()
    numbers = [f"+1555{number:07d}" for number in range(105)]
    for number in numbers:
        sns.subscribe(TopicArn=arn, Protocol="sms", Endpoint=number)
    paginator: Callable[..., Any] = sns.get_paginator("list_subscriptions_by_topic").paginate
    found = [one["Endpoint"] for page in paginator(TopicArn=arn) for one in page["Subscriptions"]]
    assert sorted(found) == numbers
    sns.delete_topic(TopicArn=arn)
    clock.advance(1)
    pages = sns.get_paginator("list_subscriptions").paginate()
    assert [one for page in pages for one in page["Subscriptions"]] == []
    sns.create_topic(Name="news")
    assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []
