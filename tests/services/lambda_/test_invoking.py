"""Invoke: what a handler is given, what becomes of what it returns, and how it may fail."""

from __future__ import annotations

import base64
import json

import pytest

from .conftest import Functions, package

ECHO = """
    def handler(event, context):
        return event
"""


def test_a_handler_gets_the_event_and_its_answer_comes_back(functions: Functions) -> None:
    functions.create(ECHO)
    answer = functions.invoke({"name": "Ada", "number": [1, 2.5, None, True]})
    assert answer.json == {"name": "Ada", "number": [1, 2.5, None, True]}
    assert (answer.status, answer.error, answer.version) == (200, "", "$LATEST")


def test_an_answer_is_json(functions: Functions) -> None:
    functions.create(ECHO)
    answer = functions.client.invoke(FunctionName="function", Payload=b"{}")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/json"


def test_a_handler_is_told_of_its_invocation(functions: Functions) -> None:
    functions.create(
        """
        import os

        def handler(event, context):
            return {
                "id": context.aws_request_id,
                "arn": context.invoked_function_arn,
                "name": context.function_name,
                "version": context.function_version,
                "memory": context.memory_limit_in_mb,
                "group": context.log_group_name,
                "left": context.get_remaining_time_in_millis(),
                "custom": context.client_context.custom,
                "region": os.environ["AWS_REGION"],
                "root": os.environ["LAMBDA_TASK_ROOT"],
                "here": os.getcwd(),
            }
        """,
        Timeout=7,
        MemorySize=256,
    )
    context = base64.b64encode(json.dumps({"custom": {"a": 1}}).encode()).decode()
    answer = functions.client.invoke(FunctionName="function", ClientContext=context)
    told = json.load(answer["Payload"])
    assert told["id"] == answer["ResponseMetadata"]["RequestId"]
    assert told["arn"] == f"arn:aws:lambda:us-east-1:{functions.account.id}:function:function"
    assert told["name"] == "function"
    assert told["version"] == "$LATEST"
    assert told["memory"] == "256"
    assert told["group"] == "/aws/lambda/function"
    assert 5000 < told["left"] <= 7000
    assert told["custom"] == {"a": 1}
    assert told["region"] == "us-east-1"
    assert told["root"] == told["here"] == "/var/task"


def test_an_exception_is_the_answer_in_lambda_s_shape(functions: Functions) -> None:
    functions.create("""
        def handler(event, context):
            return {"rate": broken(event)}

        def broken(event):
            raise ValueError("no such rate")
    """)
    answer = functions.invoke({})
    assert answer.status == 200
    assert answer.error == "Unhandled"
    told = answer.json
    assert told["errorType"] == "ValueError"
    assert told["errorMessage"] == "no such rate"
    assert told["requestId"]
    assert [line.split(",")[0].strip() for line in told["stackTrace"]] == ['File "/var/task/app.py"'] * 2
    assert "[ERROR] ValueError: no such rate\nTraceback (most recent call last):" in answer.log


@pytest.mark.parametrize(
    ("handler", "source", "kind", "message"),
    [
        (
            "app.handler",
            "import nowhere",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named",
        ),
        ("app.handler", "def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("app.other", "handler = 1", "Runtime.HandlerNotFound", "Handler 'other' missing on module 'app'"),
        ("app", "handler = 1", "Runtime.MalformedHandlerName", "Bad handler 'app'"),
        ("app.handler", "raise KeyError('at once')", "KeyError", "'at once'"),
    ],
)
def test_what_goes_wrong_before_the_handler_is_told_as_well(
    functions: Functions, handler: str, source: str, kind: str, message: str
) -> None:
    functions.create(source, Handler=handler)
    answer = functions.invoke({})
    assert answer.error == "Unhandled"
    assert answer.json["errorType"] == kind
    assert message in answer.json["errorMessage"]


def test_what_is_no_json_is_not_returned(functions: Functions) -> None:
    functions.create("def handler(event, context): return object()")
    told = functions.invoke({}).json
    assert told["errorType"] == "Runtime.MarshalError"
    assert told["errorMessage"] == "Unable to marshal response: Object of type object is not JSON serializable"


def test_a_program_that_ends_is_an_error_and_the_next_invocation_has_a_new_one(functions: Functions) -> None:
    functions.create("""
        import os

        def handler(event, context):
            if event:
                os._exit(event["status"])
            return os.getpid()
    """)
    told = functions.invoke({"status": 3}).json
    assert told["errorType"] == "Runtime.ExitError"
    assert told["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert functions.invoke({}).error == ""


def test_a_handler_has_only_its_time(functions: Functions) -> None:
    functions.create("import time\ndef handler(event, context): time.sleep(20)", Timeout=1)
    answer = functions.invoke({})
    assert answer.error == "Unhandled"
    assert answer.json["errorType"] == "Sandbox.Timedout"
    assert answer.json["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert "Task timed out after 1.00 seconds" in answer.log


def test_state_lasts_from_one_invocation_to_the_next_until_the_function_changes(functions: Functions) -> None:
    functions.create("""
        count = 0

        def handler(event, context):
            global count
            count += 1
            return count
    """)
    assert [functions.invoke({}).json for _ in range(3)] == [1, 2, 3]


def test_the_log_has_lambda_s_lines_and_the_function_s(functions: Functions) -> None:
    functions.create("""
        import logging
        print("loading")

        def handler(event, context):
            print("working\\non it")
            logging.getLogger().warning("two\\nlines")
            logging.getLogger().info("not asked for")
            return 1
    """)
    log = functions.invoke({}).log
    lines = log.splitlines()
    assert lines[0].startswith("INIT_START Runtime Version: python:3.11")
    assert lines[1] == "loading"
    assert lines[2].startswith("START RequestId: ")
    assert lines[2].endswith(" Version: $LATEST")
    assert lines[3:5] == ["working", "on it"]
    assert lines[5].startswith("[WARNING]\t")
    assert lines[5].endswith("\ttwo")
    assert lines[7].startswith("END RequestId: ")
    for part in (
        "\tDuration: ",
        "\tBilled Duration: ",
        "\tMemory Size: 128 MB",
        "\tMax Memory Used: ",
        "\tInit Duration: ",
    ):
        assert part in lines[8]
    assert "not asked for" not in log
    assert "Init Duration" not in functions.invoke({}).log


def test_the_log_can_be_json(functions: Functions) -> None:
    functions.create(
        """
        import logging

        def handler(event, context):
            logging.getLogger().info("hello", extra={"colour": "red"})
            logging.getLogger().debug("not asked for")
        """,
        LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"},
    )
    lines = [json.loads(line) for line in functions.invoke({}).log.splitlines()]
    kinds = [line.get("type", line.get("message")) for line in lines]
    assert kinds == ["platform.initStart", "platform.start", "hello", "platform.report"]
    assert lines[2]["level"] == "INFO"
    assert lines[2]["colour"] == "red"
    assert lines[2]["requestId"] == lines[1]["record"]["requestId"]
    assert lines[3]["record"]["status"] == "success"


def test_a_dry_run_runs_nothing(functions: Functions) -> None:
    functions.create("raise Exception")
    assert functions.client.invoke(FunctionName="function", InvocationType="DryRun")["StatusCode"] == 204


def test_an_event_that_is_no_json_is_refused(functions: Functions, refused) -> None:
    functions.create(ECHO)
    with refused("InvalidRequestContentException", "Could not parse request body into json"):
        functions.client.invoke(FunctionName="function", Payload=b"{what}")


def test_an_event_has_six_megabytes_at_most_and_an_answer_too(functions: Functions, refused) -> None:
    functions.create("""
        def handler(event, context):
            return "x" * event if isinstance(event, int) else len(event)
    """)
    text = "x" * (6 * 1024 * 1024 - 2)
    assert functions.invoke(text).json == len(text)
    with refused("RequestTooLargeException"):
        functions.invoke(text + "x")
    answer = functions.invoke(7_000_000)
    assert answer.json["errorType"] == "Function.ResponseSizeTooLarge"
    assert functions.invoke("abc").json == 3


def test_a_function_that_is_not_there_cannot_be_invoked(functions: Functions, refused) -> None:
    arn = f"arn:aws:lambda:us-east-1:{functions.account.id}:function:nowhere"
    with refused("ResourceNotFoundException", f"Function not found: {arn}"):
        functions.invoke({}, name="nowhere")


def test_the_sdk_finds_the_cloud_and_the_function_s_role_by_itself(functions: Functions) -> None:
    functions.create("""
        import boto3

        def handler(event, context):
            boto3.client("sqs").create_queue(QueueName="letters")
            return boto3.client("sts").get_caller_identity()["Arn"]
    """)
    arn = functions.invoke({}).json
    assert arn == f"arn:aws:sts::{functions.account.id}:assumed-role/functions/function"
    assert functions.account.client("sqs").get_queue_url(QueueName="letters")


def test_a_library_that_the_function_brings_along_is_used_and_not_lambda_s(functions: Functions) -> None:
    files = {"boto3/__init__.py": "mine = True", "app.py": "import boto3\ndef handler(e, c): return boto3.mine"}
    functions.create("", Code={"ZipFile": package(files)})
    assert functions.invoke({}).json is True


def test_a_runtime_of_one_s_own_speaks_the_runtime_api(functions: Functions) -> None:
    bootstrap = """\
        #!/bin/sh
        api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
        while true; do
            head=$(mktemp)
            event=$(curl -sS -D "$head" "$api/next")
            id=$(grep -i Lambda-Runtime-Aws-Request-Id "$head" | tr -d '[:space:]' | cut -d: -f2)
            echo "working on it"
            curl -sS -X POST "$api/$id/response" -d "{\\"echo\\": $event, \\"handler\\": \\"$_HANDLER\\"}" > /dev/null
        done
    """
    code = package({"bootstrap": bootstrap}, executable="bootstrap")
    functions.create("", Runtime="provided.al2023", Handler="my.handler", Code={"ZipFile": code})
    for _ in range(2):
        answer = functions.invoke({"a": 1})
        assert answer.json == {"echo": {"a": 1}, "handler": "my.handler"}
        assert "working on it" in answer.log


def test_a_runtime_of_one_s_own_needs_its_bootstrap(functions: Functions) -> None:
    functions.create("", Runtime="provided.al2023", Handler="own.handler", Code={"ZipFile": package({"other": ""})})
    told = functions.invoke().json
    assert told["errorType"] == "Runtime.InvalidEntrypoint"
    assert told["errorMessage"].endswith(
        " Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
    )
    code = {"ZipFile": package({"bootstrap": "#!/bin/sh\n"})}
    functions.create("", name="dull", Runtime="provided.al2023", Handler="own.handler", Code=code)
    told = functions.invoke(name="dull").json
    assert told["errorType"] == "Runtime.InvalidEntrypoint"
    assert told["errorMessage"].endswith(" Error: fork/exec /var/task/bootstrap: permission denied")
