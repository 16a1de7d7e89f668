"""What the tests of SNS share: topics, queues that hear them, and a web server that does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest


@pytest.fixture(scope="session")
def session() -> Any:
    """One for all tests: it reads the models of services once."""
    return boto3.Session(region_name="us-east-1")


@pytest.fixture
def client(session: Any, aws: Any) -> Callable[[str], Any]:
    keys = {"aws_access_key_id": aws.id, "aws_secret_access_key": "test"}
    return lambda service: session.client(service, endpoint_url=aws.cloud.endpoint, **keys)


@pytest.fixture
def sns(client: Callable[[str], Any]) -> Any:
    return client("sns")


@pytest.fixture
def sqs(client: Callable[[str], Any]) -> Any:
    return client("sqs")


class Queue:
    """A queue that topics may send to."""

    def __init__(self, sqs: Any, name: str, attributes: dict[str, str], principal: Any = None) -> None:
        self.sqs = sqs
        self.url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": self.arn,
                }
            ],
        }
        sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": json.dumps(policy)})

    def messages(self) -> list[dict[str, Any]]:
        """Everything that is in it, which is deleted."""
        found: list[dict[str, Any]] = []
        while more := self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        ).get("Messages"):
            found += more
            entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(more)]
            self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return found

    def bodies(self) -> list[str]:
        return [message["Body"] for message in self.messages()]

    def notices(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies()]


@pytest.fixture
def queue(sqs: Any) -> Callable[..., Queue]:
    def make(name: str = "heard", **attributes: str) -> Queue:
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        return Queue(sqs, name, fifo | attributes)

    return make


@pytest.fixture
def topic(sns: Any) -> Callable[..., str]:
    def make(name: str = "news", **attributes: str) -> str:
        fifo = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
        return str(sns.create_topic(Name=name, Attributes=fifo | attributes)["TopicArn"])

    return make


class Web:
    """A web server that keeps what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], str]] = []
        self.answers: list[int] = []
        """Statuses of the next answers; then 200."""
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                web.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(web.answers.pop(0) if web.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def notices(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.server.shutdown()
    server.server.server_close()
