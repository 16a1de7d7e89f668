"""Envelopes are signed beside the event loop, so many publishers are under way at once, and other things between."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

import pytest
from botocore.exceptions import ClientError

import pileus
from pileus.kernel import identity
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import open_store
from pileus.services.sns.signatures import Draft, Signatory

from .test_publishing import verify

PUBLISHERS = 8
EACH = 6


def all_at_once(do: Any, times: int = PUBLISHERS) -> list[Any]:
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(do, range(times)))


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_many_publish_at_once_is_signed_each_by_itself(
    client: Any, sns: Any, topic: Any, queue: Any, version: str
) -> None:
    arn, queues, raw = topic(SignatureVersion=version), [queue("one"), queue("two")], queue("raw")
    for one in queues:
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=one.arn)
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=raw.arn, Attributes={"RawMessageDelivery": "true"})

    def publish(publisher: int) -> list[tuple[str, str]]:
        mine, sent = client("sns"), []
        for count in range(EACH):
            text = f"{publisher}-{count}"
            sent.append((mine.publish(TopicArn=arn, Message=text, Subject=text)["MessageId"], text))
        entries = [{"Id": f"e{count}", "Message": f"{publisher}-e{count}"} for count in range(EACH)]
        answer = mine.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)
        return sent + [(one["MessageId"], f"{publisher}-{one['Id']}") for one in answer["Successful"]]

    sent = [one for some in all_at_once(publish) for one in some]
    assert len({message for message, _ in sent}) == PUBLISHERS * EACH * 2
    for one in queues:
        notices = one.notices()
        assert sorted((notice["MessageId"], notice["Message"]) for notice in notices) == sorted(sent)
        for notice in notices:
            verify(notice, version)
    assert Counter(raw.bodies()) == Counter(text for _, text in sent)


def test_the_order_of_a_fifo_topic_holds_whatever_is_signed_meanwhile(
    client: Any, sns: Any, topic: Any, queue: Any
) -> None:
    arn, wrapped, raw = topic("t.fifo"), queue("wrapped.fifo"), queue("raw.fifo")
    standard, heard = topic("t"), queue("heard")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=wrapped.arn)
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=raw.arn, Attributes={"RawMessageDelivery": "true"})
    sns.subscribe(TopicArn=standard, Protocol="sqs", Endpoint=heard.arn)

    def publish(publisher: int) -> list[tuple[str, str]]:
        mine, sent = client("sns"), []
        for count in range(EACH):
            text = f"{publisher}-{count}"
            mine.publish(TopicArn=standard, Message=text)
            answer = mine.publish(
                TopicArn=arn, Message=text, MessageGroupId=f"g{publisher % 2}", MessageDeduplicationId=text
            )
            sent.append((answer["SequenceNumber"], text))
        return sent

    accepted = sorted(one for some in all_at_once(publish) for one in some)
    assert len({number for number, _ in accepted}) == PUBLISHERS * EACH

    def group(text: str) -> str:
        return f"g{int(text.partition('-')[0]) % 2}"

    expected = {name: [text for _, text in accepted if group(text) == name] for name in ("g0", "g1")}
    for texts in ([notice["Message"] for notice in wrapped.notices()], raw.bodies()):
        by_group = groupby(sorted(texts, key=group), key=group)  # which keeps the order within each
        assert {name: list(some) for name, some in by_group} == expected
    for notice in heard.notices():
        verify(notice, "1")


def test_one_publisher_is_heard_in_the_order_of_what_was_acknowledged(sns: Any, topic: Any, queue: Any) -> None:
    arn, wrapped = topic(), queue()
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=wrapped.arn)
    for count in range(EACH):
        sns.publish(TopicArn=arn, Message=str(count))
        assert [notice["Message"] for notice in wrapped.notices()] == [str(count)], "it is there when Publish answers"


def test_what_is_set_while_others_publish_is_heeded_as_a_whole(client: Any, sns: Any, topic: Any, queue: Any) -> None:
    arn, heard = topic(), queue()
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn)

    def work(number: int) -> None:
        mine = client("sns")
        for count in range(EACH):
            if number % 4:
                mine.publish(TopicArn=arn, Message=f"{number}-{count}")
            else:
                version = str(count % 2 + 1)
                mine.set_topic_attributes(TopicArn=arn, AttributeName="SignatureVersion", AttributeValue=version)

    all_at_once(work)
    notices = heard.notices()
    assert len(notices) == 6 * EACH
    for notice in notices:
        verify(notice, notice["SignatureVersion"])


def test_a_topic_that_goes_while_others_publish_is_not_found(client: Any, sns: Any, topic: Any, queue: Any) -> None:
    arn, heard = topic(), queue()
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn)

    def work(number: int) -> int:
        mine = client("sns")
        if not number:
            time.sleep(0.01)  # whenever it is, among the others
            mine.delete_topic(TopicArn=arn)
            return 0
        for count in range(EACH):
            try:
                mine.publish(TopicArn=arn, Message=f"{number}-{count}")
            except mine.exceptions.NotFoundException:
                return count
        return EACH

    assert sum(all_at_once(work)) == len(heard.notices())


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"Message": ""}, "InvalidParameter"),
        ({"Message": "x", "Subject": "\n"}, "InvalidParameter"),
        ({"Message": "{}", "MessageStructure": "json"}, "InvalidParameter"),
        ({"Message": "x", "MessageDeduplicationId": "1"}, "InvalidParameter"),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "b"}}},
            "ParameterValueInvalid",
        ),
    ],
)
def test_what_cannot_be_published_is_refused_before_it_is_signed(
    sns: Any, topic: Any, queue: Any, refused: Any, members: dict[str, Any], code: str
) -> None:
    arn, heard = topic(), queue()
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn)
    with refused(code):
        sns.publish(TopicArn=arn, **members)
    assert heard.messages() == []


def test_whom_a_topic_reaches_is_what_its_subscriptions_are_now(sns: Any, topic: Any, queue: Any) -> None:
    arn, one, two = topic(), queue("one"), queue("two")
    first = sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=one.arn)["SubscriptionArn"]

    def heard() -> tuple[list[str], list[str]]:
        attributes = {"kind": {"DataType": "String", "StringValue": "tea"}}
        sns.publish(TopicArn=arn, Message="hello", MessageAttributes=attributes)
        return tuple([body if body == "hello" else "wrapped" for body in each.bodies()] for each in (one, two))  # type: ignore[return-value]

    def set_(name: str, value: str) -> None:
        sns.set_subscription_attributes(SubscriptionArn=first, AttributeName=name, AttributeValue=value)

    assert heard() == (["wrapped"], [])
    second = sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=two.arn)["SubscriptionArn"]
    assert heard() == (["wrapped"], ["wrapped"])
    set_("RawMessageDelivery", "true")
    assert heard() == (["hello"], ["wrapped"])
    set_("FilterPolicy", '{"kind": ["bread"]}')
    assert heard() == ([], ["wrapped"])
    with pytest.raises(ClientError):
        set_("FilterPolicy", "{")
    assert heard() == ([], ["wrapped"])
    set_("FilterPolicy", '{"kind": ["tea"]}')
    assert heard() == (["hello"], ["wrapped"])
    sns.unsubscribe(SubscriptionArn=second)
    assert heard() == (["hello"], [])
    sns.delete_topic(TopicArn=arn)
    sns.create_topic(Name="news")
    assert heard() == ([], [])


def test_a_reset_ends_the_thread_that_signs_and_the_next_message_has_another(session: Any) -> None:
    with pileus.cloud(sockets=True) as cloud:
        for _ in range(2):
            sns, sqs = (session.client(service, **cloud.client_kwargs()) for service in ("sns", "sqs"))
            arn = sns.create_topic(Name="t")["TopicArn"]
            url = sqs.create_queue(QueueName="q")["QueueUrl"]
            place = "arn:aws:sqs:us-east-1:000000000000:q"
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": place,
            }
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
            sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=place)
            sns.publish(TopicArn=arn, Message="hello")
            (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
            verify(json.loads(message["Body"]), "1")
            urllib.request.urlopen(urllib.request.Request(f"{cloud.endpoint}/_pileus/reset", method="POST")).read()


def test_a_cloud_without_an_event_loop_signs_where_it_is() -> None:
    cloud = Cloud(open_store(None))
    call = cloud.call("sns", principal=identity.root(identity.DEFAULT_ACCOUNT))
    sns, sqs = call.aws("sns"), call.aws("sqs")
    arn = sns.create_topic(name="t")["TopicArn"]
    url = sqs.create_queue(queue_name="q")["QueueUrl"]
    place = f"arn:aws:sqs:us-east-1:{identity.DEFAULT_ACCOUNT}:q"
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:*", "Resource": place}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(queue_url=url, attributes={"Policy": policy})
    sns.subscribe(topic_arn=arn, protocol="sqs", endpoint=place)
    sns.publish(topic_arn=arn, message="hello")
    attributes = sqs.get_queue_attributes(queue_url=url, attribute_names=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "1"
    cloud.store.close()


def in_a_loop(scenario: Callable[[Signatory, Draft], Awaitable[None]]) -> None:
    """Run a scenario with the threads that sign, and something to be signed."""

    async def run() -> None:
        cloud = Cloud(open_store(None, schedule=asyncio.get_running_loop().call_soon))
        draft = Draft.of(cloud.call("sns"), {"Message": "hello", "MessageId": "1", "Type": "Notification"}, "2")
        try:
            await scenario(cloud.engine(Signatory), draft)
        finally:
            await cloud.close()
            cloud.store.close()

    asyncio.run(run())


def test_threads_sign_for_all_who_still_wait() -> None:
    async def scenario(signatory: Signatory, draft: Draft) -> None:
        expected = draft.sign()  # this kind of signature has nothing random
        asked = [signatory.signature(draft) for _ in range(50)]
        for future in (*asked[::3], asked[-1]):
            future.cancel()
        found = await asyncio.gather(*asked, return_exceptions=True)
        for number, (future, signature) in enumerate(zip(asked, found, strict=True)):
            assert future.cancelled() if number % 3 == 0 or number == 49 else signature == expected

    in_a_loop(scenario)


def test_who_alone_wants_a_signature_needs_no_thread() -> None:
    async def scenario(signatory: Signatory, draft: Draft) -> None:
        assert not signatory.needed()
        assert signatory.needed(), "another one in the same turn of the loop"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not signatory.needed()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting = signatory.signature(draft)
        assert signatory.needed(), "while another one waits"
        await waiting
        assert not signatory.needed()

    in_a_loop(scenario)


def test_what_is_not_signed_when_the_threads_end_is_given_back() -> None:
    async def scenario(signatory: Signatory, draft: Draft) -> None:
        asked = [signatory.signature(draft) for _ in range(30)]
        await signatory.close()
        assert all(future.cancelled() for future in asked)

    in_a_loop(scenario)
