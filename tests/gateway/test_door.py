"""The whole way of a request: what is not built, what is not heeded, who signed, what could not be stored."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import pileus
from pileus import LocalCloud
from pileus.gateway import routing
from pileus.gateway.door import Door, refusal
from pileus.gateway.message import Headers, Request, Response
from pileus.gateway.requestlog import Entry, RequestLog
from pileus.kernel.call import Call
from pileus.kernel.cloud import Cloud
from pileus.kernel.errors import Fault
from pileus.kernel.identity import Credential, root
from pileus.kernel.store import StoreFull, open_store
from pileus.testing.account import Account


def failed(call: Any, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    response: dict[str, Any] = raised.value.response
    return response


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("ecs", "list_clusters", {}),  # json 1.1
        ("stepfunctions", "list_state_machines", {}),  # json 1.0
        ("ec2", "get_aws_network_performance_data", {}),  # ec2: the service is there, and this is not
        ("rds", "describe_db_instances", {}),  # query
        ("batch", "describe_job_queues", {}),  # rest-json
        ("route53", "list_hosted_zones", {}),  # rest-xml
        ("arc-region-switch", "list_plans", {}),  # smithy-rpc-v2-cbor
        ("opsworks-cm", "describe_servers", {}),
    ],
)
def test_a_service_that_is_not_there_says_so_in_its_own_protocol(
    aws: Account, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    if service not in boto3.Session().get_available_services():
        pytest.skip(f"this boto3 has no {service}")
    response = failed(getattr(aws.client(service), operation), **arguments)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert service in response["Error"]["Message"]


CONTEXTS = [{"ProviderArn": "arn:aws:iam::aws:contextProvider/x", "ContextAssertion": "abcd"}]
"""What AssumeRole does not heed."""


def test_members_without_effect_are_named_in_the_answer(aws: Account) -> None:
    role = f"arn:aws:iam::{aws.id}:role/reader"
    answer = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="me", ProvidedContexts=CONTEXTS)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-pileus-ignored"] == "ProvidedContexts"


def test_members_that_have_an_effect_are_not_named(aws: Account) -> None:
    answer = aws.client("sqs").create_queue(QueueName="q", Attributes={"DelaySeconds": "1"}, tags={"a": "b"})
    assert "x-pileus-ignored" not in answer["ResponseMetadata"]["HTTPHeaders"]


def test_a_strict_cloud_refuses_members_without_effect() -> None:
    with pileus.cloud(strict=True) as cloud:

        def issue() -> None:
            kernel = cloud.server.cloud
            with kernel.store.attempt():
                Credential("AKIDEXAMPLE", "test", root("111122223333", "AKIDEXAMPLE")).put(kernel.system)

        cloud.do(issue)
        sts = boto3.client("sts", **cloud.client_kwargs("AKIDEXAMPLE"))
        role = "arn:aws:iam::111122223333:role/reader"
        response = failed(sts.assume_role, RoleArn=role, RoleSessionName="me", ProvidedContexts=CONTEXTS)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "ProvidedContexts" in response["Error"]["Message"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "sqs.eu-west-1.localhost", "neighbour.example"])
def test_addresses_are_those_by_which_the_caller_came(aws: Account, cloud: LocalCloud, host: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
    headers = {
        "Host": f"{host}:4566",
        "X-Amz-Target": "AmazonSQS.CreateQueue",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={aws.id}/20260101/us-east-1/sqs/aws4_request, "
        f"SignedHeaders=host, Signature={'0' * 64}",
    }
    connection.request("POST", "/", json.dumps({"QueueName": "here"}), headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert answer["QueueUrl"] == f"http://{host}:4566/{aws.id}/here"


def test_a_presigned_url_ages_with_the_cloud_but_not_by_what_was_before_it(aws: Account, cloud: LocalCloud) -> None:
    keys = aws.client("sts").get_session_token()["Credentials"]
    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def presigned(prefix: str) -> str:
        query = f"Action=ListQueues&Version=2012-11-05&QueueNamePrefix={prefix}"
        request = AWSRequest("GET", f"{cloud.endpoint}/?{query}")
        SigV4QueryAuth(credentials, "sqs", "us-east-1", expires=600).add_auth(request)
        return str(request.prepare().url)

    def status(url: str) -> int:
        try:
            with urllib.request.urlopen(url) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code

    before = presigned("before")
    assert status(before) == 200
    cloud.clock.advance(601)
    assert status(before) in (400, 403)
    assert status(presigned("after")) == 200


class FullStore:
    """A store whose commits fail, as on a full disk."""

    def __init__(self) -> None:
        self.store = open_store(None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def after_commit(self, callback: Any) -> None:
        callback(StoreFull("no room"))


def asking(operation: str, **members: Any) -> Request:
    """A request to SQS."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {
        "host": "localhost:4566",
        "x-amz-target": f"AmazonSQS.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "x-amz-date": now,
        "authorization": f"AWS4-HMAC-SHA256 Credential=test/{now[:8]}/us-east-1/sqs/aws4_request, "
        f"SignedHeaders=host, Signature={'0' * 64}",
    }
    return Request("POST", "/", Headers(list(headers.items())), json.dumps(members).encode())


def test_who_cannot_be_answered_keeps_nobody_else_of_the_tick_waiting() -> None:
    def gone(response: Response) -> None:
        raise ZeroDivisionError

    async def scenario() -> Response:
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        store = open_store(None, schedule=asyncio.get_running_loop().call_soon)
        door = Door(Cloud(store), RequestLog())
        door.answer(asking("ListQueues"), gone)
        door.answer(asking("ListQueues"), answered.set_result)
        response = await asyncio.wait_for(answered, 10)
        await asyncio.sleep(0)
        store.close()
        return response

    assert asyncio.run(scenario()).status == 200


def test_what_could_not_be_stored_is_not_acknowledged() -> None:
    async def scenario() -> Response:
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        door = Door(Cloud(FullStore()), RequestLog())  # type: ignore[arg-type]
        door.answer(asking("CreateQueue", QueueName="q"), answered.set_result)
        return await answered

    response = asyncio.run(scenario())
    assert response.status == 503
    assert isinstance(response.body, bytes)
    assert b"disk" in response.body


def answers(*requests: Request, act: Callable[[Door], object] = lambda door: None, pages: int = 0) -> list[Response]:
    """What a door says to requests of one tick; `act` is done once they are underway."""

    async def scenario() -> list[Response]:
        loop = asyncio.get_running_loop()
        store = open_store(None, schedule=loop.call_soon)
        if pages:
            store.connection.pragma("max_page_count", store.connection.pragma("page_count") + pages)
        door = Door(Cloud(store), RequestLog())
        answered: list[asyncio.Future[Response]] = [loop.create_future() for _ in requests]
        for request, answer in zip(requests, answered, strict=True):
            door.answer(request, answer.set_result)
        loop.call_soon(loop.call_soon, act, door)
        responses = await asyncio.wait_for(asyncio.gather(*answered), 10)
        await door.close()
        store.close()
        return responses

    return asyncio.run(scenario())


def test_what_was_lost_before_its_tick_had_ended_is_not_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second has everything written at once, which finds no room and takes the first along."""

    def settle_much(cloud: Cloud, call: Call, *arguments: Any, **options: Any) -> Any:
        result = perform(cloud, call, *arguments, **options)
        if call.operation == "ListQueues":
            cloud.store.put(b"much", bytes(1 << 20))
            list(cloud.store.scan(b"", b"\xff"))
        return result

    perform = Cloud.perform
    monkeypatch.setattr(Cloud, "perform", settle_much)
    requests = asking("CreateQueue", QueueName="q"), asking("ListQueues"), asking("CreateQueue", QueueName="r")
    assert [response.status for response in answers(*requests, pages=60)] == [503, 503, 503]


def receiving() -> list[Request]:
    """A queue, and somebody who waits for a message in it."""
    url = "http://localhost:4566/000000000000/q"
    return [asking("CreateQueue", QueueName="q"), asking("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20)]


def test_who_went_before_the_call_began_keeps_no_task_waiting() -> None:
    """Nor the connection of one that only closed its sending side, which is closed with the answer."""
    requests = receiving()
    requests[1].gone = True
    assert [response.status for response in answers(*requests)] == [200, 408]


def test_a_call_that_is_broken_off_is_answered() -> None:
    def stop(door: Door) -> None:
        for task in door._underway:
            task.cancel()

    assert [response.status for response in answers(*receiving(), act=stop)] == [200, 503]


def test_an_operation_that_is_cancelled_keeps_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def cancelled(cloud: Cloud, call: Call, *arguments: Any, **options: Any) -> Any:
        if call.operation == "ListQueues":
            raise asyncio.CancelledError
        return perform(cloud, call, *arguments, **options)

    perform = Cloud.perform
    monkeypatch.setattr(Cloud, "perform", cancelled)
    statuses = [response.status for response in answers(asking("ListQueues"), asking("CreateQueue", QueueName="q"))]
    assert statuses == [500, 200]


def test_a_call_that_was_begun_without_a_task_goes_on_in_one() -> None:
    import asyncio

    from pileus.gateway.door import Begun

    steps: list[str] = []

    async def call(fails: bool) -> str:
        try:
            await asyncio.sleep(0.001)
            await asyncio.to_thread(steps.append, "threaded")
            if fails:
                raise LookupError("of its own")
            await asyncio.sleep(60 if steps.count("threaded") > 2 else 0)
            return "done"
        finally:
            steps.append("ended")

    async def scenario() -> None:
        loop = asyncio.get_running_loop()

        def begin(fails: bool) -> asyncio.Future[asyncio.Task[str]]:
            """Begin the coroutine in a callback of the loop, where there is no task."""
            begun: asyncio.Future[asyncio.Task[str]] = loop.create_future()

            async def rest(waiting: Begun) -> str:
                return str(await waiting)

            def now() -> None:
                coroutine = call(fails)
                begun.set_result(loop.create_task(rest(Begun(coroutine, coroutine.send(None)))))

            loop.call_soon(now)
            return begun

        assert await (await begin(False)) == "done"
        with pytest.raises(LookupError, match="of its own"):
            await (await begin(True))
        task = await begin(False)
        while steps.count("threaded") < 3:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert steps.count("ended") == 3

    asyncio.run(scenario())


def test_an_error_that_cannot_be_told_is_an_internal_one() -> None:
    fault = Fault("Broken", "of a kind that no protocol knows", Reason=object())
    assert refusal(routing.route(asking("ListQueues")), fault, Entry("1", 0.0)).status == 500
