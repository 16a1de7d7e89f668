"""The cloud inside a process."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

import pileus
from pileus.testing.botocore_transport import RealAwsRefused


@pytest.fixture(scope="module")
def local() -> Iterator[pileus.LocalCloud]:
    with pileus.cloud() as cloud:
        yield cloud


def test_boto3_finds_the_cloud(local: pileus.LocalCloud) -> None:
    sqs = boto3.client("sqs", **local.client_kwargs())
    url = sqs.create_queue(QueueName="hello")["QueueUrl"]
    sent = sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert (message["Body"], message["MessageId"]) == ("hello", sent["MessageId"])


def test_errors_come_through(local: pileus.LocalCloud) -> None:
    sqs = boto3.client("sqs", **local.client_kwargs("111122223333"))
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="absent")


def test_a_call_never_leaves_for_the_real_aws(local: pileus.LocalCloud) -> None:
    real = boto3.client("sqs", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with pytest.raises(RealAwsRefused, match="client_kwargs"):
        real.list_queues()


def test_other_programs_reach_it_by_http(local: pileus.LocalCloud) -> None:
    with urllib.request.urlopen(f"{local.endpoint}/_pileus/health") as response:
        assert response.status == 200


def test_botocore_is_left_as_it_was() -> None:
    before = URLLib3Session.send
    with pileus.cloud(), pileus.cloud():
        assert URLLib3Session.send is not before or before.__module__ == "pileus.testing.botocore_transport"
    assert URLLib3Session.send is before


def test_two_clouds_do_not_meet(local: pileus.LocalCloud) -> None:
    with pileus.cloud() as other:
        boto3.client("sqs", **other.client_kwargs("111122223333")).create_queue(QueueName="only-there")
        with pytest.raises(ClientError):
            boto3.client("sqs", **local.client_kwargs("111122223333")).get_queue_url(QueueName="only-there")


def test_many_threads_may_use_it_at_once(local: pileus.LocalCloud) -> None:
    account = local.account()
    url = account.client("sqs").create_queue(QueueName="shared")["QueueUrl"]
    errors: list[BaseException] = []

    def work() -> None:
        try:
            sqs = account.client("sqs")
            for number in range(25):
                sqs.send_message(QueueUrl=url, MessageBody=str(number))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    attributes = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "200"


def test_a_long_poll_does_not_keep_others_waiting(local: pileus.LocalCloud) -> None:
    account = local.account()
    url = account.client("sqs").create_queue(QueueName="slow")["QueueUrl"]
    received: list[str] = []

    def poll() -> None:
        answer = account.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)
        received.extend(message["Body"] for message in answer["Messages"])

    waiting = threading.Thread(target=poll)
    start = time.monotonic()
    waiting.start()
    account.client("sqs").send_message(QueueUrl=url, MessageBody="at last")
    waiting.join(10)
    assert received == ["at last"]
    assert time.monotonic() - start < 10


def test_what_is_kept_in_a_directory_is_there_again(tmp_path: Path) -> None:
    for _ in range(2):
        with pileus.cloud(data=tmp_path) as cloud:
            boto3.client("sqs", **cloud.client_kwargs()).create_queue(QueueName="kept")
    with pileus.cloud(data=tmp_path) as cloud:
        assert len(boto3.client("sqs", **cloud.client_kwargs()).list_queues()["QueueUrls"]) == 1


def test_the_clock_is_the_tests_to_turn(local: pileus.LocalCloud) -> None:
    local.clock.freeze()
    stood = local.clock.now()
    local.clock.advance(3600)
    assert local.clock.now() == stood + 3600
    local.clock.resume()
    assert local.clock.now() >= stood + 3600


def test_a_strict_cloud_knows_only_its_own_keys() -> None:
    with pileus.cloud(strict=True) as cloud:
        with pytest.raises(ClientError) as raised:
            boto3.client("sts", **cloud.client_kwargs()).get_caller_identity()
        assert raised.value.response["Error"]["Code"] == "InvalidClientTokenId"
