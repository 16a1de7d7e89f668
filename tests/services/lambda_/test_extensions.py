"""Extensions: programs in a layer or beside the handler that are told of invocations, of the end, and of logs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Functions, package
from .test_events import Box
from .test_queues import eventually

WATCHER = """\
    #!/usr/bin/python3
    import http.server, json, os, socketserver, sys, threading, urllib.request

    API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
    SQS = os.environ["WATCHED"]

    def ask(path, body=None, method=None, **headers):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(API + path, data, headers, method=method)
        return urllib.request.urlopen(request)

    def tell(what):
        with socketserver.socket.create_connection(("127.0.0.1", int(SQS))) as told:
            told.sendall(json.dumps(what).encode() + b"\\n")

    registered = ask(
        "/2020-01-01/extension/register",
        {"events": ["INVOKE", "SHUTDOWN"]},
        **{"Lambda-Extension-Name": "watcher", "Lambda-Extension-Accept-Feature": "accountId"},
    )
    ID = {"Lambda-Extension-Identifier": registered.headers["Lambda-Extension-Identifier"]}
    tell(["registered", json.load(registered)])
    SUBSCRIBE
    print("watcher is ready", flush=True)
    while True:
        event = json.load(ask("/2020-01-01/extension/event/next", **ID))
        tell([event["eventType"], event])
"""

HANDLER = """
    import json

    def handler(event, context):
        print(json.dumps({"said": event}))
        if event == "sleep":
            import time
            time.sleep(9)
        if event == "exit":
            import os
            os._exit(3)
        return context.aws_request_id
"""


class Ear:
    """A server to which an extension tells what it sees; it lies outside of the sandbox."""

    def __init__(self) -> None:
        import socketserver
        import threading

        self.heard: list[Any] = []
        heard = self.heard

        class Line(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                heard.extend(json.loads(line) for line in self.rfile)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, kind: str) -> list[Any]:
        return [what for said, what in self.heard if said == kind]


@pytest.fixture
def ear() -> Any:
    found = Ear()
    yield found
    found.server.shutdown()
    found.server.server_close()


def watched(functions: Functions, ear: Ear, subscribe: str = "", **members: Any) -> None:
    """A function with an extension in a layer."""
    program = WATCHER.replace("SUBSCRIBE", subscribe)
    layer = functions.client.publish_layer_version(
        LayerName="watcher",
        Content={"ZipFile": package({"extensions/watcher": program}, executable="extensions/watcher")},
    )
    variables = {"Variables": {"WATCHED": str(ear.port)}}
    given = {"Timeout": 5} | members
    functions.create(HANDLER, Layers=[layer["LayerVersionArn"]], Environment=variables, **given)


def test_an_extension_is_told_of_invocations_and_of_the_end(functions: Functions, ear: Ear) -> None:
    watched(functions, ear)
    first = functions.invoke({"n": 1})
    second = functions.invoke({"n": 2})
    assert "\nEXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n" in first.log
    assert "watcher is ready\n" in first.log
    (registered,) = ear.of("registered")
    account = functions.account.id
    assert registered == {
        "functionName": "function",
        "functionVersion": "$LATEST",
        "handler": "app.handler",
        "accountId": account,
    }
    assert eventually(lambda: len(ear.of("INVOKE")) == 2)
    told = ear.of("INVOKE")
    assert [event["requestId"] for event in told] == [first.json, second.json]
    assert told[0]["invokedFunctionArn"] == f"arn:aws:lambda:us-east-1:{account}:function:function"
    assert told[0]["tracing"]["type"] == "X-Amzn-Trace-Id"
    functions.client.delete_function(FunctionName="function")
    (end,) = eventually(lambda: ear.of("SHUTDOWN"))
    assert end["shutdownReason"] == "spindown"


def test_an_extension_is_told_when_a_function_has_taken_too_long(functions: Functions, ear: Ear) -> None:
    watched(functions, ear, Timeout=1)
    assert functions.invoke("sleep").json["errorType"] == "Sandbox.Timedout"
    (end,) = eventually(lambda: ear.of("SHUTDOWN"))
    assert end["shutdownReason"] == "timeout"
    assert end["deadlineMs"] > 0


TELEMETRY = """
    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            for event in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
                tell([event["type"], event])
            self.send_response(200)
            self.end_headers()
        def log_message(self, *_): pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    destination = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:%d/taken" % server.server_port}
    wanted = {
        "schemaVersion": "2022-12-13", "types": TYPES, "destination": destination, "buffering": {"timeoutMs": 25}
    }
    ask("PATH", wanted, "PUT", **ID)
"""


def lines(subscribe: str) -> str:
    """With the indentation of what it is put into."""
    return subscribe.strip("\n").removeprefix("    ")


def test_telemetry_goes_to_an_extension_s_server(functions: Functions, ear: Ear) -> None:
    types = ["platform", "function", "extension"]
    subscribe = TELEMETRY.replace("PATH", "/2022-07-01/telemetry").replace("TYPES", json.dumps(types))
    watched(functions, ear, lines(subscribe))
    ran = functions.invoke("hello").json
    (done,) = eventually(lambda: ear.of("platform.runtimeDone"))
    assert done["record"]["requestId"] == ran
    assert done["record"]["status"] == "success"
    assert done["record"]["metrics"]["producedBytes"] == len(json.dumps(ran))
    (report,) = eventually(lambda: ear.of("platform.report"))
    assert report["record"]["metrics"]["memorySizeMB"] == 128
    assert [event["record"] for event in ear.of("function")] == ['{"said": "hello"}']
    assert [event["record"] for event in ear.of("extension")] == ["watcher is ready"]
    assert ear.of("platform.telemetrySubscription")[0]["record"]["types"] == sorted(types)
    assert ear.of("platform.initRuntimeDone")[0]["record"]["status"] == "success"
    (start,) = ear.of("platform.start")
    assert (start["record"], start["time"][-1]) == ({"requestId": ran, "version": "$LATEST"}, "Z")


def test_the_logs_api_tells_what_was_asked_for_in_its_own_words(functions: Functions, ear: Ear) -> None:
    subscribe = TELEMETRY.replace("PATH", "/2020-08-15/logs").replace("TYPES", '["platform"]')
    watched(functions, ear, lines(subscribe))
    ran = functions.invoke("hello").json
    (end,) = eventually(lambda: ear.of("platform.end"))
    assert end["record"] == {"requestId": ran}
    assert ear.of("platform.logsSubscription")
    assert not ear.of("function")


TCP = """
    listening = socketserver.socket.create_server(("127.0.0.1", 0))
    def take():
        connection = listening.accept()[0].makefile()
        for line in connection:
            event = json.loads(line)
            tell([event["type"], event])
    threading.Thread(target=take, daemon=True).start()
    destination = {"protocol": "TCP", "port": listening.getsockname()[1]}
    wanted = {"schemaVersion": "2022-12-13", "types": ["function"], "destination": destination}
    refusals = []
    for wrong in ({"types": ["all"]}, {"buffering": {"timeoutMs": 1}}, {"destination": {"protocol": "UDP"}},
                  {"destination": {"protocol": "HTTP", "URI": "http://example.com/"}}):
        try:
            ask("/2022-07-01/telemetry", wanted | wrong, "PUT", **ID)
        except urllib.error.HTTPError as error:
            refusals.append([error.code, json.load(error)["errorType"]])
    tell(["refused", refusals])
    ask("/2022-07-01/telemetry", wanted | {"buffering": {"timeoutMs": 25}}, "PUT", **ID)
"""


def test_telemetry_goes_over_tcp_too_and_json_stays_json(functions: Functions, ear: Ear) -> None:
    watched(functions, ear, lines(TCP), LoggingConfig={"LogFormat": "JSON"})
    functions.invoke("hello")
    (said,) = eventually(lambda: ear.of("function"))
    assert said["record"] == {"said": "hello"}
    assert ear.of("refused") == [[[400, "ValidationError"]] * 4]


def test_an_internal_extension_registers_in_the_runtime_s_process(functions: Functions) -> None:
    seen = Box(functions, "seen")
    source = """
        import boto3, json, os, threading, urllib.error, urllib.request

        def ask(path, body=None, **headers):
            data = json.dumps(body).encode() if body is not None else None
            url = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension/" + path
            return urllib.request.urlopen(urllib.request.Request(url, data, headers))

        name = {"Lambda-Extension-Name": "inner"}
        try:
            ask("register", {"events": ["SHUTDOWN"]}, **name)
        except urllib.error.HTTPError as error:
            refusal = json.load(error)["errorType"]
        registered = ask("register", {"events": ["INVOKE"]}, **name)
        identifier = {"Lambda-Extension-Identifier": registered.headers["Lambda-Extension-Identifier"]}

        def listen():
            while True:
                event = json.load(ask("event/next", **identifier))
                boto3.client("sqs").send_message(QueueUrl=SEEN, MessageBody=event["requestId"])

        threading.Thread(target=listen, daemon=True).start()

        def handler(event, context):
            try:
                ask("register", {"events": []}, **{"Lambda-Extension-Name": "late"})
            except urllib.error.HTTPError as error:
                return [refusal, json.load(error)["errorType"], context.aws_request_id]
    """
    functions.create(source.replace("SEEN", repr(seen.url)), Timeout=10)
    *refusals, ran = functions.invoke().json
    assert refusals == ["Extension.InvalidEventType", "Extension.RegistrationClosed"]
    (message,) = eventually(lambda: seen.take(1))
    assert message["Body"] == ran
