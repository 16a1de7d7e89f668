"""What people put into their functions, unmodified: AWS's own runtime for Python, Powertools, the X-Ray SDK."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pileus.testing.account import Account
from tests.services.lambda_.conftest import Functions, package

RUNTIME = f"python3.{sys.version_info[1]}"
SYSTEM_PYTHON = Path(f"/usr/bin/{RUNTIME}")


def brought(*names: str) -> dict[str, bytes]:
    """Installed distributions as they would lie in a package."""
    files: dict[str, bytes] = {}
    for name in names:
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"{name} is not installed")
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file)))
            if ".." not in file.parts and "__pycache__" not in file.parts and path.is_file():
                files[str(file)] = path.read_bytes()
    return files


@pytest.fixture
def functions(aws: Account) -> Functions:
    return Functions(aws)


HANDLERS = """
import decimal, json, sys

def echo(event, context):
    return event

def told(event, context):
    return [context.function_name, context.function_version, context.memory_limit_in_mb, context.invoked_function_arn,
            context.client_context, context.identity.cognito_identity_id, context.log_group_name]

def values(event, context):
    return {"decimal": decimal.Decimal("1.50"), "text": "ü€", "tuple": (1, 2), "none": None}

def fails(event, context):
    inner(event)

def inner(event):
    raise KeyError("missing")

def unserializable(event, context):
    return {1, 2}

def nothing(event, context):
    pass

def octets(event, context):
    return b"octets"

def leaves(event, context):
    sys.exit(3)

def chained(event, context):
    try:
        inner(event)
    except KeyError as error:
        raise RuntimeError("and so this") from error
"""
NAMES = ("echo", "told", "values", "fails", "unserializable", "nothing", "octets", "leaves", "chained", "nowhere")


@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason=f"the system has no {RUNTIME}")
@pytest.mark.skipif(not shutil.which("sh"), reason="there is no shell")
def test_our_python_runtime_answers_as_aws_s_own_does(functions: Functions) -> None:
    """awslambdaric runs as a runtime of one's own; the same handlers run on ours; the answers must be the same."""
    libraries = brought("awslambdaric", "simplejson", "snapshot-restore-py")
    start = f'#!/bin/sh\nexec {SYSTEM_PYTHON} -m awslambdaric "$_HANDLER"\n'
    own = package({"app.py": HANDLERS})
    theirs = package({"app.py": HANDLERS, "bootstrap": start, **libraries}, executable="bootstrap")
    variables = {"Variables": {"AWS_EXECUTION_ENV_": "", "PYTHONPATH": "/var/task"}}
    client = functions.client

    def answers(name: str, runtime: str, code: bytes) -> dict[str, Any]:
        given = {"Runtime": runtime, "Code": {"ZipFile": code}, "Environment": variables, "Timeout": 10}
        found = {}
        for handler in NAMES:
            named = f"{name}-{handler}"
            functions.create("", name=named, Handler=f"app.{handler}", **given)
            answer = client.invoke(FunctionName=named, Payload=json.dumps({"a": [1, "ü", 2.5]}))
            payload = answer["Payload"].read()
            found[handler] = (answer.get("FunctionError"), plain(payload, name))
        return found

    def plain(payload: bytes, name: str) -> Any:
        told = json.loads(payload.replace(name.encode(), b"NAME")) if payload[:1] in b'{["n' else payload
        if isinstance(told, dict) and "errorMessage" in told:
            told["requestId"] = bool(told.get("requestId"))
            told["errorMessage"] = told["errorMessage"].rpartition("Error: Runtime exited")[2]
        return told

    ours = answers("ours", RUNTIME, own)
    assert ours == answers("theirs", "provided.al2023", theirs)
    assert ours["values"][1]["decimal"] == 1.5


def test_powertools(functions: Functions) -> None:
    source = """
        from aws_lambda_powertools import Logger, Metrics, Tracer
        from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver
        from aws_lambda_powertools.metrics import MetricUnit
        from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

        logger, metrics = Logger(service="shop"), Metrics(namespace="Shop", service="shop")
        app = LambdaFunctionUrlResolver()
        processor = BatchProcessor(event_type=EventType.SQS)

        @app.get("/hello/<name>")
        def hello(name):
            metrics.add_metric(name="Greetings", unit=MetricUnit.Count, value=1)
            logger.info("greeting", who=name)
            return {"message": f"hello {name}"}

        def work(record):
            if "bad" in record.body:
                raise ValueError(record.body)

        @logger.inject_lambda_context
        @metrics.log_metrics
        def handler(event, context):
            if "Records" in event:
                return process_partial_response(event=event, record_handler=work, processor=processor, context=context)
            return app.resolve(event, context)
    """
    libraries = brought("aws-lambda-powertools", "jmespath", "typing-extensions")
    functions.create("", Runtime=RUNTIME, Code={"ZipFile": package({"app.py": source, **libraries})}, Timeout=20)
    event = {
        "rawPath": "/hello/Ada",
        "requestContext": {"http": {"method": "GET", "path": "/hello/Ada"}, "stage": "$default"},
        "headers": {},
    }
    answer = functions.invoke(event)
    assert answer.error == "", answer.payload
    assert json.loads(answer.json["body"]) == {"message": "hello Ada"}
    lines = [json.loads(line) for line in answer.log.splitlines() if line.startswith("{")]
    greeting = next(line for line in lines if line.get("message") == "greeting")
    assert greeting["function_name"] == "function"
    assert greeting["who"] == "Ada"
    assert any(line.get("Greetings") == [1.0] for line in lines)
    records = [
        {"messageId": body, "body": body, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}}
        for body in ("good", "bad")
    ]
    assert functions.invoke({"Records": records}).json == {"batchItemFailures": [{"itemIdentifier": "bad"}]}


def test_the_x_ray_sdk_does_without_its_daemon(functions: Functions) -> None:
    source = """
        import boto3
        from aws_xray_sdk.core import patch_all, xray_recorder
        patch_all()

        def handler(event, context):
            with xray_recorder.in_subsegment("work"):
                return boto3.client("sts").get_caller_identity()["Account"]
    """
    code = package({"app.py": source, **brought("aws-xray-sdk", "wrapt")})
    functions.create("", Runtime=RUNTIME, Code={"ZipFile": code}, Timeout=20)
    answer = functions.invoke()
    assert answer.error == "", answer.payload
    assert answer.json == functions.account.id


RUST = r"""
use std::io::{Read, Write};
use std::net::TcpStream;

fn ask(address: &str, request: String) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = vec![0u8; 65536];
    let mut length = 0;
    loop {
        let read = stream.read(&mut answer[length..]).unwrap();
        length += read;
        let text = String::from_utf8_lossy(&answer[..length]).to_string();
        if let Some(end) = text.find("\r\n\r\n") {
            let size = text.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
            let size: usize = size.parse().unwrap();
            if length >= end + 4 + size { return text; }
        }
    }
}

fn main() {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    loop {
        let next = ask(&api, format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {api}\r\n\r\n"));
        let (head, event) = next.split_once("\r\n\r\n").unwrap();
        let id = head.lines().find_map(|line| line.strip_prefix("Lambda-Runtime-Aws-Request-Id: ")).unwrap();
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        let body = format!("{{\"rust\": {event}}}");
        ask(&api, format!(
            "POST {path} HTTP/1.1\r\nHost: {api}\r\nContent-Length: {}\r\n\r\n{body}", body.len()
        ));
    }
}
"""


def test_a_function_may_be_a_program(functions: Functions, tmp_path: Path) -> None:
    """Compiled without anything but the standard library, as a build without a network can."""
    compiler = shutil.which("rustc") or shutil.which("rustc", path=os.path.expanduser("~/.cargo/bin"))
    if compiler is None:
        pytest.skip("there is no Rust compiler")
    (tmp_path / "main.rs").write_text(RUST)
    done = subprocess.run(
        [compiler, "--edition", "2021", "-O", "-o", "bootstrap", "main.rs"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"Rust cannot compile here: {done.stderr[:200]}")
    code = package({"bootstrap": (tmp_path / "bootstrap").read_bytes()}, executable="bootstrap")
    functions.create("", Runtime="provided.al2023", Handler="any", Code={"ZipFile": code})
    assert [functions.invoke({"n": n}).json for n in range(2)] == [{"rust": {"n": 0}}, {"rust": {"n": 1}}]
