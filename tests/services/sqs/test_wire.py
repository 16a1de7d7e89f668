"""SQS on its two wires: JSON, which today's SDKs speak, and the query protocol of those before.

Developer Guide, "Understanding AWS JSON protocol" and "Making query API requests".
"""

from __future__ import annotations

import hashlib
import http.client
import json
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


class Answer:
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def texts(self, name: str) -> list[str]:
        """What stands in the elements of that name."""
        root = ElementTree.fromstring(self.body)
        return [element.text or "" for element in root.iter() if element.tag in (name, NAMESPACE + name)]

    def text(self, name: str) -> str:
        [found] = self.texts(name)
        return found


@pytest.fixture
def post(cloud: Any, aws: Any, clock: Any) -> Any:
    """Sends a signed request."""

    def post(body: str | bytes, path: str = "/", **headers: str) -> Answer:
        url = urlsplit(cloud.endpoint)
        fields = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"} | headers
        request = AWSRequest("POST", cloud.endpoint + path, headers=fields, data=body)
        SigV4Auth(Credentials(aws.id, "test"), "sqs", aws.region).add_auth(request)
        connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=30)
        connection.request("POST", path, body, dict(request.headers))
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    return post


@pytest.fixture
def query(post: Any) -> Any:
    """`query("SendMessage", {"QueueUrl": url, "MessageBody": "x"})` as older SDKs send it."""

    def query(action: str, members: dict[str, str] = {}, path: str = "/") -> Answer:
        answer: Answer = post(urlencode({"Action": action, "Version": "2012-11-05", **members}), path)
        return answer

    return query


@pytest.fixture
def speak_json(post: Any) -> Any:
    def speak(operation: str, members: dict[str, Any]) -> Answer:
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
        answer: Answer = post(json.dumps(members), **headers)
        return answer

    return speak


def test_a_queues_life_on_the_query_wire(query: Any) -> None:
    created = query(
        "CreateQueue",
        {
            "QueueName": "q",
            "Attribute.1.Name": "VisibilityTimeout",
            "Attribute.1.Value": "40",
            "Attribute.2.Name": "DelaySeconds",
            "Attribute.2.Value": "0",
            "Tag.1.Key": "team",
            "Tag.1.Value": "green",
        },
    )
    assert created.status == 200
    assert created.headers["content-type"].startswith("text/xml")
    assert ElementTree.fromstring(created.body).tag == NAMESPACE + "CreateQueueResponse"
    url = created.text("QueueUrl")
    assert query("GetQueueUrl", {"QueueName": "q"}).text("QueueUrl") == url
    assert query("ListQueues", {"QueueNamePrefix": "q"}).texts("QueueUrl") == [url]
    tags = query("ListQueueTags", {"QueueUrl": url})
    assert (tags.text("Key"), tags.text("Value")) == ("team", "green")
    told = query("GetQueueAttributes", {"QueueUrl": url, "AttributeName.1": "VisibilityTimeout"})
    assert (told.text("Name"), told.text("Value")) == ("VisibilityTimeout", "40")
    query("SetQueueAttributes", {"QueueUrl": url, "Attribute.Name": "VisibilityTimeout", "Attribute.Value": "50"})
    assert query("DeleteQueue", {"QueueUrl": url}).status == 200
    gone = query("ReceiveMessage", {"QueueUrl": url})
    assert gone.status == 400
    assert gone.text("Code") == "AWS.SimpleQueueService.NonExistentQueue"
    assert gone.text("Type") == "Sender"


def test_a_messages_life_on_the_query_wire(query: Any) -> None:
    url = query("CreateQueue", {"QueueName": "q"}).text("QueueUrl")
    sent = query(
        "SendMessage",
        {
            "QueueUrl": url,
            "MessageBody": "a <b> & ü",
            "MessageAttribute.1.Name": "kind",
            "MessageAttribute.1.Value.DataType": "String",
            "MessageAttribute.1.Value.StringValue": "test",
            "MessageAttribute.2.Name": "raw",
            "MessageAttribute.2.Value.DataType": "Binary",
            "MessageAttribute.2.Value.BinaryValue": "AP8=",
        },
    )
    assert sent.text("MD5OfMessageBody") == hashlib.md5("a <b> & ü".encode()).hexdigest()
    got = query(
        "ReceiveMessage",
        {
            "QueueUrl": url,
            "MaxNumberOfMessages": "10",
            "AttributeName.1": "ApproximateReceiveCount",
            "MessageSystemAttributeName.1": "SenderId",
            "MessageAttributeName.1": "All",
        },
    )
    assert got.text("Body") == "a <b> & ü"
    assert got.text("MessageId") == sent.text("MessageId")
    assert got.text("MD5OfMessageAttributes") == sent.text("MD5OfMessageAttributes")
    assert sorted(got.texts("Name")) == ["ApproximateReceiveCount", "SenderId", "kind", "raw"]
    assert got.text("BinaryValue") == "AP8="
    handle = got.text("ReceiptHandle")
    changed = query("ChangeMessageVisibility", {"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": "0"})
    assert changed.status == 200
    handle = query("ReceiveMessage", {"QueueUrl": url}).text("ReceiptHandle")
    assert query("DeleteMessage", {"QueueUrl": url, "ReceiptHandle": handle}).status == 200
    assert query("ReceiveMessage", {"QueueUrl": url, "VisibilityTimeout": "1"}).texts("Message") == []


def test_batches_on_the_query_wire(query: Any) -> None:
    url = query("CreateQueue", {"QueueName": "q"}).text("QueueUrl")
    sent = query(
        "SendMessageBatch",
        {
            "QueueUrl": url,
            "SendMessageBatchRequestEntry.1.Id": "one",
            "SendMessageBatchRequestEntry.1.MessageBody": "1",
            "SendMessageBatchRequestEntry.2.Id": "two",
            "SendMessageBatchRequestEntry.2.MessageBody": "2",
            "SendMessageBatchRequestEntry.2.DelaySeconds": "901",
        },
    )
    assert sent.texts("Id") == ["one", "two"]
    assert sent.text("Code") == "InvalidParameterValue"
    assert sent.text("SenderFault") == "true"
    handle = query("ReceiveMessage", {"QueueUrl": url}).text("ReceiptHandle")
    entry = {"DeleteMessageBatchRequestEntry.1.Id": "x", "DeleteMessageBatchRequestEntry.1.ReceiptHandle": handle}
    assert query("DeleteMessageBatch", {"QueueUrl": url, **entry}).text("Id") == "x"


def test_the_path_may_name_the_queue(query: Any) -> None:
    url = query("CreateQueue", {"QueueName": "q"}).text("QueueUrl")
    path = urlsplit(url).path
    assert query("SendMessage", {"MessageBody": "by path"}, path).status == 200
    assert query("ReceiveMessage", {}, path).text("Body") == "by path"


@pytest.mark.parametrize(
    ("operation", "members", "shape", "code", "message"),
    [
        (
            "CreateQueue",
            {},
            "MissingParameter",
            "MissingParameter",
            "The request must contain the parameter QueueName.",
        ),
        (
            "CreateQueue",
            {"QueueName": "q", "Attribute.1.Name": "Nonsense", "Attribute.1.Value": "x"},
            "InvalidAttributeName",
            "InvalidAttributeName",
            "Unknown Attribute Nonsense.",
        ),
        (
            "GetQueueUrl",
            {"QueueName": "nowhere"},
            "QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
            "The specified queue does not exist.",
        ),
    ],
)
def test_errors_have_a_code_on_either_wire(
    query: Any, speak_json: Any, operation: str, members: dict[str, str], shape: str, code: str, message: str
) -> None:
    answer = query(operation, members)
    assert answer.status == 400
    assert (answer.text("Code"), answer.text("Message")) == (code, message)
    structured = {name: value for name, value in members.items() if "." not in name}
    if "Attribute.1.Name" in members:
        structured |= {"Attributes": {members["Attribute.1.Name"]: members["Attribute.1.Value"]}}
    answer = speak_json(operation, structured)
    assert answer.status == 400
    told = json.loads(answer.body)
    assert told["__type"].rpartition("#")[2] == shape
    assert told.get("message", told.get("Message")) == message
    assert answer.headers["x-amzn-query-error"] == f"{code};Sender"
