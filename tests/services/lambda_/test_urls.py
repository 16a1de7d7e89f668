"""Function URLs, and answers that are streamed."""

from __future__ import annotations

import http.client
import json
import shutil
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .conftest import Functions, package

with_node = pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")

ECHO = """
    def handler(event, context):
        return event
"""

STREAM = """
export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
    const metadata = { statusCode: 201, headers: { "content-type": "text/plain", "x-own": "yes" } };
    if (event.requestContext) stream = awslambda.HttpResponseStream.from(stream, metadata);
    stream.write("one ");
    await new Promise((resolve) => setTimeout(resolve, 20));
    stream.write("two");
    stream.end();
});
"""


class Page:
    """A response of a function's URL."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = dict(response.getheaders())
        self.cookies = response.headers.get_all("set-cookie")
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, method: str = "GET", path: str = "", body: bytes = b"", headers: dict[str, str] = {}) -> Page:
    """Ask a function's URL, whose host names the local machine though not everywhere does a resolver know it."""
    host = url.split("/")[2]
    connection = http.client.HTTPConnection("127.0.0.1", int(host.rpartition(":")[2]), timeout=20)
    connection.request(method, f"/{path}", body, {"Host": host, **headers})
    return Page(connection.getresponse())


def opened(functions: Functions, source: str = ECHO, **members: Any) -> str:
    """The URL of a function that everybody may ask."""
    functions.create(source)
    url: str = functions.client.create_function_url_config(FunctionName="function", AuthType="NONE", **members)[
        "FunctionUrl"
    ]
    functions.client.add_permission(
        FunctionName="function",
        StatementId="all",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    return url


def test_a_request_is_an_event_in_the_format_of_function_urls(functions: Functions) -> None:
    url = opened(functions)
    headers = {"Content-Type": "application/json", "Cookie": "a=1; b=2", "X-Own": "own"}
    event = ask(url, "POST", "some/path?x=1&x=2&y=", b'{"n": 1}', headers).json
    assert event["version"] == "2.0"
    forwarded = {name: event["headers"][f"x-forwarded-{name}"] for name in ("for", "port", "proto")}
    assert forwarded == {"for": "127.0.0.1", "port": url.rstrip("/").rpartition(":")[2], "proto": "http"}
    assert event["headers"]["x-amzn-trace-id"].startswith("Root=1-")
    assert event["rawPath"] == "/some/path"
    assert event["rawQueryString"] == "x=1&x=2&y="
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["x-own"] == "own"
    assert (event["body"], event["isBase64Encoded"]) == ('{"n": 1}', False)
    context = event["requestContext"]
    assert context["http"]["method"] == "POST"
    assert context["accountId"] == "anonymous"
    assert context["domainPrefix"] == url.split("/")[2].split(".")[0]
    binary = ask(url, "POST", "", b"\x00\xff", {"Content-Type": "application/octet-stream"}).json
    assert (binary["body"], binary["isBase64Encoded"]) == ("AP8=", True)


def test_an_answer_with_a_status_is_a_response_and_any_other_a_body(functions: Functions) -> None:
    url = opened(
        functions,
        """
        def handler(event, context):
            if event["rawPath"] == "/teapot":
                headers = {"Content-Type": "text/plain", "X-Own": "own"}
                answer = {"statusCode": 418, "headers": headers, "cookies": ["a=1", "b=2"]}
                return answer | {"body": "c2hvcnQ=", "isBase64Encoded": True}
            if event["rawPath"] == "/broken":
                raise ValueError
            return {"plain": True}
        """,
    )
    page = ask(url, path="teapot")
    assert (page.status, page.body, page.headers["x-own"]) == (418, b"short", "own")
    assert page.cookies == ["a=1", "b=2"]
    page = ask(url)
    assert (page.status, page.json, page.headers["content-type"]) == (200, {"plain": True}, "application/json")
    assert ask(url, path="broken").status == 502


def test_nobody_gets_in_whom_no_policy_lets_in(functions: Functions) -> None:
    url = opened(functions)
    functions.client.remove_permission(FunctionName="function", StatementId="all")
    page = ask(url)
    assert page.status == 403
    assert page.json["Message"].startswith("Forbidden")
    assert ask(url.replace("http://", "http://0")).status == 404


def test_with_iam_a_request_must_be_signed(functions: Functions) -> None:
    functions.create(ECHO)
    url = functions.client.create_function_url_config(FunctionName="function", AuthType="AWS_IAM")["FunctionUrl"]
    assert ask(url).status == 403
    request = AWSRequest("POST", f"{url}hello", data=b'{"n": 1}', headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(functions.account.id, "test"), "lambda", "us-east-1").add_auth(request)
    page = ask(url, "POST", "hello", b'{"n": 1}', dict(request.headers))
    assert page.status == 200, page.body
    assert page.json["requestContext"]["authorizer"]["iam"]["accountId"] == functions.account.id


def test_a_page_of_another_origin_may_do_what_the_url_says(functions: Functions) -> None:
    cors = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "AllowHeaders": ["x-own"], "MaxAge": 60}
    url = opened(functions, Cors=cors)
    page = ask(url, "OPTIONS", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "GET"})
    assert page.status == 200
    assert page.headers["access-control-allow-origin"] == "https://a.example"
    assert page.headers["access-control-allow-methods"] == "GET"
    assert page.headers["access-control-max-age"] == "60"
    assert (
        ask(url, headers={"Origin": "https://a.example"}).headers["access-control-allow-origin"] == "https://a.example"
    )
    assert "access-control-allow-origin" not in ask(url, headers={"Origin": "https://b.example"}).headers


def test_a_url_is_configured_and_deleted(functions: Functions, refused) -> None:
    url = opened(functions)
    client = functions.client
    with refused("ResourceConflictException"):
        client.create_function_url_config(FunctionName="function", AuthType="NONE")
    client.update_function_url_config(FunctionName="function", AuthType="AWS_IAM")
    found = client.get_function_url_config(FunctionName="function")
    assert (found["AuthType"], found["FunctionUrl"], found["InvokeMode"]) == ("AWS_IAM", url, "BUFFERED")
    assert len(client.list_function_url_configs(FunctionName="function")["FunctionUrlConfigs"]) == 1
    client.delete_function_url_config(FunctionName="function")
    with refused("ResourceNotFoundException"):
        client.get_function_url_config(FunctionName="function")
    assert ask(url).status == 404


@with_node
def test_an_answer_comes_as_it_is_written(functions: Functions) -> None:
    code = {"ZipFile": package({"index.mjs": STREAM})}
    functions.create("", Runtime="nodejs20.x", Handler="index.handler", Code=code)
    answer = functions.client.invoke_with_response_stream(FunctionName="function", LogType="Tail", Payload=b"{}")
    events = list(answer["EventStream"])
    assert [event["PayloadChunk"]["Payload"] for event in events[:-1]] == [b"one ", b"two"]
    assert "LogResult" in events[-1]["InvokeComplete"]
    assert functions.client.invoke(FunctionName="function")["Payload"].read() == b"one two"
    client = functions.client
    url = client.create_function_url_config(FunctionName="function", AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    client.add_permission(
        FunctionName="function",
        StatementId="all",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    page = ask(url["FunctionUrl"])
    assert (page.status, page.body, page.headers["x-own"]) == (201, b"one two", "yes")


@with_node
def test_a_handler_may_be_of_node(functions: Functions) -> None:
    source = """
        exports.handler = async (event, context) => {
            console.log("hello", { a: 1 });
            if (event.fail) throw new TypeError("no");
            if (event.exit) process.exit(7);
            return { event, id: context.awsRequestId, left: context.getRemainingTimeInMillis() };
        };
        exports.old = (event, context, callback) => callback(null, "by callback");
    """
    code = {"ZipFile": package({"index.js": source})}
    functions.create("", Runtime="nodejs20.x", Handler="index.handler", Code=code)
    answer = functions.invoke({"a": 1})
    assert answer.json["event"] == {"a": 1}
    assert 0 < answer.json["left"] <= 3000
    assert "\tINFO\thello { a: 1 }" in answer.log
    told = functions.invoke({"fail": True}).json
    assert (told["errorType"], told["errorMessage"]) == ("TypeError", "no")
    assert told["trace"][0] == "TypeError: no"
    assert functions.invoke({"exit": True}).json["errorType"] == "Runtime.ExitError"
    functions.create("", name="old", Runtime="nodejs20.x", Handler="index.old", Code=code)
    assert functions.invoke(name="old").json == "by callback"
    functions.create("", name="none", Runtime="nodejs20.x", Handler="index.none", Code=code)
    told = functions.invoke(name="none").json
    assert (told["errorType"], told["errorMessage"]) == (
        "Runtime.HandlerNotFound",
        "index.none is undefined or not exported",
    )
