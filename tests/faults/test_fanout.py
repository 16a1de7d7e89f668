"""kill -9 amid fan-out and schedules: what was acknowledged arrives everywhere, in order, as often as promised."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from .process import ACCOUNT, Client, Process
from .test_kill import drained

KILLS = 6
PUBLISHERS = 3
QUEUES = 3
ROLE = f"arn:aws:iam::{ACCOUNT}:role/schedules"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "data"
    folder.mkdir()
    process = Process(folder)
    yield process
    process.stop()


class Sns:
    """A connection that speaks SNS's query protocol."""

    def __init__(self, server: Process) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def __call__(self, action: str, **members: str) -> str:
        given = {name.replace("_", "."): value for name, value in members.items()}
        form = urlencode({"Action": action, "Version": "2010-03-31", **given})
        signed = f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/sns/aws4_request, SignedHeaders=host, "
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": f"{signed}Signature={'0' * 64}",
        }
        self.http.request("POST", "/", form, headers)
        response = self.http.getresponse()
        body = response.read().decode()
        assert response.status == 200, body
        return body


def open_queue(client: Client, name: str, service: str, **attributes: str) -> tuple[str, str]:
    """A queue that a service may send to: its URL and ARN."""
    url = client.sqs("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client.sqs("SetQueueAttributes", QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


class Publisher(threading.Thread):
    """Does numbered things until the server is gone, and remembers those that it was told are safe."""

    def __init__(self, name: str, publish: Any) -> None:
        super().__init__(name=name)
        self.publish = publish
        self.acknowledged: list[int] = []

    def run(self) -> None:
        count = 0
        while True:
            try:
                self.publish(self.name, count)
            except (OSError, http.client.HTTPException):
                return
            self.acknowledged.append(count)
            count += 1


def under_kills(server: Process, publisher: Any, end: Callable[[], None] | None = None) -> dict[str, list[int]]:
    """Let publishers work while the server is killed (or ended) again and again; what they were told is safe."""
    chance = random.Random(8)
    safe: dict[str, list[int]] = {}
    for round in range(KILLS):
        publishers = [Publisher(f"{round}-{number}", publisher()) for number in range(PUBLISHERS)]
        for one in publishers:
            one.start()
        time.sleep(chance.uniform(0.05, 0.25))  # the moment of the kill is what is random here
        (end or server.kill)()
        for one in publishers:
            one.join()
            safe[one.name] = one.acknowledged
        server.start()
    assert sum(map(len, safe.values())) > KILLS, "the load was no load"
    return safe


def by_publisher(messages: Iterator[dict[str, Any]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for message in messages:
        found.setdefault(message["publisher"], []).append(message["count"])
    return found


def test_a_fifo_topic_fans_out_in_order_and_once(server: Process) -> None:
    sns, client = Sns(server), server.client()
    fifo = {"Attributes_entry_1_key": "FifoTopic", "Attributes_entry_1_value": "true"}
    sns("CreateTopic", Name="t.fifo", **fifo)
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:t.fifo"
    raw = {"Attributes_entry_1_key": "RawMessageDelivery", "Attributes_entry_1_value": "true"}
    queues = []
    for number in range(QUEUES):
        url, arn = open_queue(client, f"q{number}.fifo", "sns.amazonaws.com", FifoQueue="true")
        sns("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=arn, **raw)
        queues.append(url)

    def publisher() -> Any:
        connection = Sns(server)

        def publish(name: str, count: int) -> None:
            message = json.dumps({"publisher": name, "count": count})
            ids = {"MessageGroupId": name, "MessageDeduplicationId": f"{name}-{count}"}
            connection("Publish", TopicArn=topic, Message=message, **ids)

        return publish

    safe = under_kills(server, publisher)
    heard = [by_publisher(drained(server.client(), url)) for url in queues]
    assert heard[0] == heard[1] == heard[2]
    for name, counts in safe.items():
        # The one that was on its way when the server died may be there; it was only never acknowledged.
        assert heard[0].get(name, []) in (counts, [*counts, len(counts)])


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_what_is_acknowledged_is_in_its_envelope_however_the_server_ends(server: Process, end: str) -> None:
    """Publish waits for a signature: whoever was answered before the end has been heard, and once."""
    sns, client = Sns(server), server.client()
    sns("CreateTopic", Name="t")
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:t"
    queues = []
    for number in range(QUEUES):
        url, arn = open_queue(client, f"q{number}", "sns.amazonaws.com")
        sns("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=arn)
        queues.append(url)

    def publisher() -> Any:
        connection = Sns(server)
        warm = json.dumps({"publisher": "nobody", "count": 0})
        connection("Publish", TopicArn=topic, Message=warm)  # a server that was just started has much to load for it

        def publish(name: str, count: int) -> None:
            message = json.dumps({"publisher": name, "count": count})
            if count % 2:
                connection("Publish", TopicArn=topic, Message=message)
            else:
                entry = {"Id": "1", "Message": message}
                given = {f"PublishBatchRequestEntries_member_1_{name}": value for name, value in entry.items()}
                connection("PublishBatch", TopicArn=topic, **given)

        return publish

    safe = under_kills(server, publisher, getattr(server, end))
    notices = [list(drained(server.client(), url)) for url in queues]
    assert all(notice["Signature"] for some in notices for notice in some)
    heard = [by_publisher(json.loads(notice["Message"]) for notice in some) for some in notices]
    for name, counts in safe.items():
        for one in heard:
            assert sorted(one.get(name, [])) in (counts, [*counts, len(counts)])


def test_events_reach_every_target_of_every_rule(server: Process) -> None:
    client = server.client()
    urls = []
    for number in range(QUEUES):
        url, arn = open_queue(client, f"q{number}", "events.amazonaws.com")
        urls.append(url)
        client.ask("events", "AWSEvents.PutRule", Name=f"r{number}", EventPattern='{"source": ["load"]}')
        target = {"Id": "q", "Arn": arn, "InputPath": "$.detail"}
        client.ask("events", "AWSEvents.PutTargets", Rule=f"r{number}", Targets=[target])

    def publisher() -> Any:
        connection = server.client()

        def publish(name: str, count: int) -> None:
            detail = json.dumps({"publisher": name, "count": count})
            entry = {"Source": "load", "DetailType": "d", "Detail": detail}
            connection.ask("events", "AWSEvents.PutEvents", Entries=[entry])

        return publish

    safe = under_kills(server, publisher)
    for url in urls:
        heard: dict[str, list[int]] = {}
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for name, counts in by_publisher(drained(server.client(), url)).items():
                heard.setdefault(name, []).extend(counts)
            if sum(map(len, heard.values())) >= sum(map(len, safe.values())):
                break
        for name, counts in safe.items():
            found = sorted(heard.get(name, []))
            assert found in (counts, [*counts, len(counts)]), f"{name}: what is in the cloud is delivered once"


def test_schedules_go_on_after_a_kill(server: Process) -> None:
    client = server.client()
    url, arn = open_queue(client, "q", "events.amazonaws.com")
    client.ask("events", "AWSEvents.PutRule", Name="r", ScheduleExpression="rate(1 hour)")
    target = {"Id": "q", "Arn": arn, "Input": json.dumps({"by": "rule"})}
    client.ask("events", "AWSEvents.PutTargets", Rule="r", Targets=[target])
    schedule = {
        "ScheduleExpression": "rate(2 hours)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": arn, "RoleArn": ROLE, "Input": json.dumps({"by": "schedule"})},
    }
    signed = f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/scheduler/aws4_request, SignedHeaders=host, "
    headers = {
        "Content-Type": "application/json",
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": f"{signed}Signature={'0' * 64}",
    }
    client.http.request("POST", "/schedules/s", json.dumps(schedule), headers)
    response = client.http.getresponse()
    assert response.status == 200, response.read()
    response.read()
    turned(server, {"freeze": True})
    for _ in range(4):
        turned(server, {"advance": 3600 * 1.5})
        server.kill()
        server.start()
    found = [message["by"] for message in drained(server.client(), url)]
    # Six hours have passed: six ticks of the rule, and those of the schedule at 0, 2, 4 and, by a hair, 6.
    assert found.count("rule") in (5, 6)
    assert found.count("schedule") in (3, 4)


def turned(server: Process, how: dict[str, Any]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/_pileus/clock", json.dumps(how), {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    response.read()


class Hook:
    """A web server of SNS's subscriber, which can be away."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.away = False
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not hook.away:
                    hook.heard.append(body)
                self.send_response(503 if hook.away else 200)
                self.end_headers()

            def log_message(self, *args: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=lambda: self.server.serve_forever(0.05), daemon=True).start()


def until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_a_web_server_that_was_away_hears_everything_after_a_kill(server: Process) -> None:
    hook, sns = Hook(), Sns(server)
    sns("CreateTopic", Name="t")
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:t"
    sns("Subscribe", TopicArn=topic, Protocol="http", Endpoint=hook.url)
    until(lambda: hook.heard)
    sns("ConfirmSubscription", TopicArn=topic, Token=hook.heard.pop()["Token"])
    hook.away = True
    for number in range(50):
        sns("Publish", TopicArn=topic, Message=str(number))
    server.kill()
    hook.away = False
    server.start()
    turned(server, {"advance": 60})
    until(lambda: {notice["Message"] for notice in hook.heard} == {str(number) for number in range(50)})
    hook.server.shutdown()
