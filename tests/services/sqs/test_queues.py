"""Queues: create, find, list, tag, delete, purge (API reference, CreateQueue and so on)."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_url_holds_account_and_name_at_the_callers_address(sqs: Any, cloud: Any) -> None:
    url = sqs.create_queue(QueueName="address")["QueueUrl"]
    host, account, name = url.rsplit("/", 2)
    assert host == cloud.endpoint
    assert account.isdigit()
    assert len(account) == 12
    assert name == "address"
    assert sqs.get_queue_url(QueueName="address")["QueueUrl"] == url


@pytest.mark.parametrize(
    "form",
    [
        "http://sqs.us-east-1.localhost:4566/{path}",
        "https://sqs.us-east-1.amazonaws.com/{path}",
        "http://us-east-1.queue.localhost.localstack.cloud/{path}",
        "http://localhost:4566/queue/us-east-1/{path}",
        "/{path}",
    ],
)
def test_a_url_of_any_host_and_form_means_the_queue(sqs: Any, queue: Any, bodies: Any, form: str) -> None:
    url = queue()
    sqs.send_message(QueueUrl=form.format(path="/".join(url.rsplit("/", 2)[1:])), MessageBody="here")
    assert bodies(url) == ["here"]


def test_a_text_that_is_no_url_is_no_address(sqs: Any, refused: Any) -> None:
    with refused("InvalidAddress", "The address nowhere is not valid for this endpoint."):
        sqs.send_message(QueueUrl="nowhere", MessageBody="x")


@pytest.mark.parametrize("name", ["a", "A-b_9", "x" * 80])
def test_names_are_alphanumeric_with_hyphens_and_underscores(sqs: Any, name: str) -> None:
    assert sqs.create_queue(QueueName=name)["QueueUrl"].endswith(f"/{name}")


@pytest.mark.parametrize("name", ["", "x" * 81, "a.b", "a b", "ä", "x.fifo"])
def test_other_names_are_refused(sqs: Any, refused: Any, name: str) -> None:
    with refused(
        "InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    ):
        sqs.create_queue(QueueName=name)


@pytest.mark.parametrize("name", ["x", "x.fifo.x", ".fifo", "x" * 76 + ".fifo", "a.b.fifo"])
def test_the_name_of_a_fifo_queue_must_end_with_the_fifo_suffix(sqs: Any, refused: Any, name: str) -> None:
    with refused("InvalidParameterValue", "must end with .fifo suffix and be 1 to 80 in length"):
        sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})


def test_creating_a_queue_again_answers_its_url(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="again", Attributes={"VisibilityTimeout": "60", "DelaySeconds": "5"})["QueueUrl"]
    for attributes in ({}, {"VisibilityTimeout": "60"}, {"DelaySeconds": "05", "MessageRetentionPeriod": "345600"}):
        assert sqs.create_queue(QueueName="again", Attributes=attributes)["QueueUrl"] == url


def test_creating_a_queue_again_with_another_attribute_is_refused(sqs: Any, refused: Any) -> None:
    sqs.create_queue(QueueName="other", Attributes={"VisibilityTimeout": "60"})
    message = "A queue already exists with the same name and a different value for attribute "
    with refused("QueueAlreadyExists", message + "VisibilityTimeout"):
        sqs.create_queue(QueueName="other", Attributes={"VisibilityTimeout": "61"})
    with refused("QueueAlreadyExists", message + "KmsMasterKeyId"):
        sqs.create_queue(QueueName="other", Attributes={"KmsMasterKeyId": "alias/aws/sqs"})


def test_a_queue_that_is_not_there(sqs: Any, queue: Any, refused: Any) -> None:
    gone = ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
    url = queue().rsplit("/", 1)[0] + "/nowhere"
    with refused(*gone):
        sqs.get_queue_url(QueueName="nowhere")
    for operation in (sqs.receive_message, sqs.delete_queue, sqs.get_queue_attributes, sqs.purge_queue):
        with refused(*gone):
            operation(QueueUrl=url)


def test_queues_of_other_accounts_and_regions_are_not_seen(
    aws: Any, cloud: Any, sqs: Any, queue: Any, refused: Any
) -> None:
    url = queue()
    account, name = url.split("/")[-2:]
    other = aws.client("sqs")
    gone = "AWS.SimpleQueueService.NonExistentQueue"
    with refused("AccessDenied"):
        other.send_message(QueueUrl=url, MessageBody="x")
    with refused("AccessDenied"):
        other.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
    with refused(gone):
        other.send_message(QueueUrl=f"{url}-x", MessageBody="x")
    assert sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"] == url
    with refused(gone):
        cloud.account(account).client("sqs", region="eu-west-1").get_queue_url(QueueName=name)


def test_queues_are_listed_by_prefix(aws: Any) -> None:
    sqs = aws.client("sqs")
    assert "QueueUrls" not in sqs.list_queues()
    for name in ("b1", "a", "b", "b-2", "B", "c"):
        sqs.create_queue(QueueName=name)

    def listed(**options: Any) -> list[str]:
        return [url.rsplit("/", 1)[1] for url in sqs.list_queues(**options).get("QueueUrls", [])]

    assert sorted(listed()) == ["B", "a", "b", "b-2", "b1", "c"]
    assert sorted(listed(QueueNamePrefix="b")) == ["b", "b-2", "b1"]
    assert listed(QueueNamePrefix="d") == []


def test_a_next_token_comes_only_to_those_who_ask_for_pages(aws: Any, refused: Any) -> None:
    sqs = aws.client("sqs")
    for number in range(5):
        sqs.create_queue(QueueName=f"page-{number}")
    assert "NextToken" not in sqs.list_queues()
    first = sqs.list_queues(MaxResults=3)
    second = sqs.list_queues(MaxResults=3, NextToken=first["NextToken"])
    assert "NextToken" not in second
    assert [url[-1] for url in first["QueueUrls"] + second["QueueUrls"]] == list("01234")
    pages = sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["QueueUrls"]) for page in pages] == [2, 2, 1]
    with refused("InvalidParameterValue", "next token"):
        sqs.list_queues(MaxResults=3, NextToken="made-up")
    for number in (0, 1001):
        with refused("InvalidParameterValue", "MaxResults"):
            sqs.list_queues(MaxResults=number)


def test_a_name_is_free_again_60_seconds_after_its_queue_was_deleted(sqs: Any, clock: Any, refused: Any) -> None:
    url = sqs.create_queue(QueueName="phoenix")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="of the first")
    sqs.delete_queue(QueueUrl=url)
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        sqs.receive_message(QueueUrl=url)
    clock.advance(59)
    with refused(
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    ):
        sqs.create_queue(QueueName="phoenix")
    clock.advance(1)
    assert sqs.create_queue(QueueName="phoenix")["QueueUrl"] == url
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_purge_deletes_all_messages_those_in_flight_among_them(
    sqs: Any, queue: Any, bodies: Any, counts: Any, clock: Any
) -> None:
    url = queue()
    for number in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=str(number), DelaySeconds=60 if number == 4 else 0)
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.purge_queue(QueueUrl=url)
    assert counts(url) == (0, 0, 0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    sqs.send_message(QueueUrl=url, MessageBody="new")
    clock.advance(120)
    assert counts(url) == (1, 0, 0)
    assert bodies(url) == ["new"]


def test_a_queue_is_purged_once_a_minute(sqs: Any, queue: Any, clock: Any, refused: Any) -> None:
    url = queue(name="purged")
    sqs.purge_queue(QueueUrl=url)
    clock.advance(59)
    with refused(
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        "Only one PurgeQueue operation on purged is allowed every 60 seconds.",
    ):
        sqs.purge_queue(QueueUrl=url)
    clock.advance(1)
    sqs.purge_queue(QueueUrl=url)


def test_tags(sqs: Any, refused: Any) -> None:
    url = sqs.create_queue(QueueName="tagged", tags={"team": "green", "Team": "Green"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"team": "red", "stage": ""})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "red", "Team": "Green", "stage": ""}
    sqs.untag_queue(QueueUrl=url, TagKeys=["team", "never-there"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"Team": "Green", "stage": ""}
    for tags in ({"aws:mine": "x"}, {"x" * 129: "x"}, {"x": "y" * 257}, {str(n): "" for n in range(49)}):
        with refused("InvalidParameterValue"):
            sqs.tag_queue(QueueUrl=url, Tags=tags)
    sqs.untag_queue(QueueUrl=url, TagKeys=["Team", "stage"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)


@pytest.mark.parametrize(
    ("operation", "members", "missing"),
    [
        ("create_queue", {}, "QueueName"),
        ("get_queue_url", {}, "QueueName"),
        ("send_message", {"MessageBody": "x"}, "QueueUrl"),
        ("send_message", {"QueueUrl": "x"}, "MessageBody"),
        ("delete_message", {"QueueUrl": "x"}, "ReceiptHandle"),
        ("change_message_visibility", {"QueueUrl": "x", "ReceiptHandle": "x"}, "VisibilityTimeout"),
        ("send_message_batch", {"QueueUrl": "x", "Entries": [{"Id": "a"}]}, "Entries.1.MessageBody"),
        ("start_message_move_task", {}, "SourceArn"),
    ],
)
def test_a_request_must_contain_what_is_required(
    sqs: Any, refused: Any, operation: str, members: dict[str, Any], missing: str
) -> None:
    with refused("MissingParameter", f"The request must contain the parameter {missing}."):
        getattr(sqs, operation)(**members)
