"""Functions in other languages than Python, each on the interpreter or compiler that this machine has."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path

import pytest

from .conftest import Functions, package

needs = {
    name: pytest.mark.skipif(shutil.which(name) is None, reason=f"this machine has no {name}")
    for name in ("javac", "ruby", "node", "npm", "go")
}


# Java

JAVA = {
    "example/Hello.java": """
        package example;

        import com.amazonaws.services.lambda.runtime.Context;
        import com.amazonaws.services.lambda.runtime.RequestHandler;
        import java.util.*;

        public class Hello implements RequestHandler<Map<String, Object>, Map<String, Object>> {
            private int count;

            public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
                System.out.println("printed");
                context.getLogger().log("two\\nlines");
                if (event.containsKey("fail")) throw new IllegalStateException("no", new RuntimeException("why"));
                if (event.containsKey("exit")) System.exit(7);
                Map<String, Object> answer = new TreeMap<>();
                answer.put("event", event);
                answer.put("count", ++count);
                answer.put("id", context.getAwsRequestId());
                answer.put("name", context.getFunctionName());
                answer.put("memory", context.getMemoryLimitInMB());
                answer.put("left", context.getRemainingTimeInMillis());
                answer.put("heap", Runtime.getRuntime().maxMemory() >> 20);
                return answer;
            }
        }
    """,
    "example/Bytes.java": """
        package example;

        import com.amazonaws.services.lambda.runtime.*;
        import java.io.*;

        public class Bytes implements RequestStreamHandler {
            public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
                for (int one = in.read(); one >= 0; one = in.read()) out.write(Character.toUpperCase(one));
            }
        }
    """,
    "example/Orders.java": """
        package example;

        import java.time.*;
        import java.util.*;

        public class Orders {
            public enum Size { SMALL, LARGE }
            public record Line(String thing, int count, Optional<Double> price) {}
            public static class Order {
                private String buyer;
                private Size size;
                private List<Line> lines;
                private Map<String, long[]> numbers;
                public boolean paid;
                public String getBuyer() { return buyer; }
                public void setBuyer(String buyer) { this.buyer = buyer; }
                public Size getSize() { return size; }
                public void setSize(Size size) { this.size = size; }
                public List<Line> getLines() { return lines; }
                public void setLines(List<Line> lines) { this.lines = lines; }
                public Map<String, long[]> getNumbers() { return numbers; }
                public void setNumbers(Map<String, long[]> numbers) { this.numbers = numbers; }
            }
            public Order take(Order order) {
                order.setBuyer(order.getBuyer().toUpperCase() + order.getLines().get(0).count());
                return order;
            }
            public static class Visit {
                private final List<String> tags = new ArrayList<>();
                private Instant at;
                private Date seen;
                private LocalDate day;
                private Duration length;
                private Size size;
                private List<String> one;
                public List<String> getTags() { return tags; }
                public Instant getAt() { return at; }
                public void setAt(Instant at) { this.at = at; }
                public Date getSeen() { return seen; }
                public void setSeen(Date seen) { this.seen = seen; }
                public LocalDate getDay() { return day; }
                public void setDay(LocalDate day) { this.day = day; }
                public Duration getLength() { return length; }
                public void setLength(Duration length) { this.length = length; }
                public List<String> getOne() { return one; }
                public void setOne(List<String> one) { this.one = one; }
                public Order getOrder() { return null; }
                public void setOrder(Order order) { if (order != null) throw new IllegalStateException(); }
            }
            public List<Visit> visits(List<Visit> visits) { return visits; }
            public static class Sealed { private final int a; public Sealed(int a) { this.a = a; } }
            public int sealed(Sealed sealed) { return sealed.a; }
            public String notice(com.amazonaws.services.lambda.runtime.events.Notice notice) {
                var first = notice.records.get(0);
                return first.bucket + first.xAmzId2 + first.arrival.getTime() + first.time.text;
            }
            public String words(List<String> words) { return String.join("-", words); }
            public int sum(int[] numbers) { return Arrays.stream(numbers).sum(); }
        }
    """,
    "com/amazonaws/services/lambda/runtime/events/Notice.java": """
        package com.amazonaws.services.lambda.runtime.events;

        import java.util.*;

        public class Notice {
            public final List<Item> records;
            public Notice(List<Item> records) { this.records = records; }
            public static class Item {
                public final String bucket;
                public final String xAmzId2;
                public final Date arrival;
                public final Moment time;
                public Item(String bucket, String xAmzId2, Date arrival, Moment time) {
                    this.bucket = bucket;
                    this.xAmzId2 = xAmzId2;
                    this.arrival = arrival;
                    this.time = time;
                }
            }
            public static class Moment {
                public final String text;
                public Moment(Object text) { this.text = "@" + text; }
            }
        }
    """,
}


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The classes of the examples as a jar; they are compiled against the interfaces that the runtime has."""
    from pileus.services.lambda_.runtimes.java import SOURCES

    folder = tmp_path_factory.mktemp("java")
    for name, source in JAVA.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(source))
    out = folder / "classes"
    subprocess.run(["javac", "-sourcepath", SOURCES, "-d", out, *map(str, folder.rglob("*.java"))], check=True)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for file in [*(out / "example").iterdir(), *out.rglob("events/*.class")]:
            archive.write(file, file.relative_to(out))
    return data.getvalue()


def java(functions: Functions, jar: bytes, handler: str, name: str) -> None:
    functions.create(
        "", name=name, Runtime="java17", Handler=handler, Code={"ZipFile": jar}, Timeout=15, MemorySize=256
    )


@needs["javac"]
def test_java_handlers_of_maps_and_of_bytes(functions: Functions, jar: bytes) -> None:
    java(functions, jar, "example.Hello", "hello")
    answer = functions.invoke({"a": [1, 2.5, None, "ü\n", {"b": True}]}, "hello")
    found = answer.json
    assert found["event"] == {"a": [1, 2.5, None, "ü\n", {"b": True}]}
    assert (found["name"], found["memory"], found["count"]) == ("hello", 256, 1)
    assert 0 < found["left"] <= 15000
    assert found["heap"] < 256
    assert f"RequestId: {found['id']}" in answer.log
    assert "\nprinted\n" in answer.log
    assert "two\nlines\n" in answer.log
    assert functions.invoke({}, "hello").json["count"] == 2
    told = functions.invoke({"fail": 1}, "hello")
    assert told.error == "Unhandled"
    assert (told.json["errorType"], told.json["errorMessage"]) == ("java.lang.IllegalStateException", "no")
    assert told.json["stackTrace"] == ["example.Hello.handleRequest(Hello.java:14)"]
    assert told.json["cause"]["errorMessage"] == "why"
    assert functions.invoke({"exit": 1}, "hello").json["errorType"] == "Runtime.ExitError"
    java(functions, jar, "example.Bytes", "bytes")
    assert functions.invoke({"a": "b"}, "bytes").payload == b'{"A": "B"}'


@needs["javac"]
def test_java_handlers_of_beans_records_and_lists(functions: Functions, jar: bytes) -> None:
    java(functions, jar, "example.Orders::take", "take")
    order = {
        "Buyer": "ann",
        "size": "LARGE",
        "lines": [{"thing": "pen", "count": 2, "price": 1.5}, {"thing": "ink", "count": 1}],
        "numbers": {"one": [1, 12345678901]},
        "paid": True,
        "unknown": {},
    }
    assert functions.invoke(order, "take").json == {
        "buyer": "ANN2",
        "size": "LARGE",
        "lines": [{"thing": "pen", "count": 2, "price": 1.5}, {"thing": "ink", "count": 1, "price": None}],
        "numbers": {"one": [1, 12345678901]},
        "paid": True,
    }
    told = functions.invoke({"lines": 1}, "take").json
    assert told["errorMessage"] == "An error occurred during JSON parsing"
    java(functions, jar, "example.Orders::visits", "visits")
    visit = {"at": "2026-01-02T03:04:05.5Z", "seen": "2026-01-02T03:04:05.000+0000", "day": "2026-01-02", "one": "x"}
    more = {
        "at": 1767323045.5,
        "seen": 1767323045000,
        "day": [2026, 1, 2],
        "length": "PT1M30S",
        "tags": ["a"],
        "order": "",
    }
    first, second = functions.invoke([visit, more], "visits").json
    told = {"at": 1767323045.5, "seen": 1767323045000, "day": [2026, 1, 2], "order": None}
    assert first == told | {"length": None, "tags": [], "one": ["x"]}
    assert second == told | {"length": 90, "tags": ["a"], "one": None}
    java(functions, jar, "example.Orders::notice", "notice")
    record = {"bucket": "b", "x-amz-id-2": "i", "arrival": 1767323045.5, "time": "1970"}
    assert functions.invoke({"Records": [record]}, "notice").json == "bi1767323045500@1970"
    java(functions, jar, "example.Orders::sealed", "sealed")
    assert "no Creators" in functions.invoke({"a": 1}, "sealed").json["cause"]["errorMessage"]
    java(functions, jar, "example.Orders::words", "words")
    assert functions.invoke(["a", "b"], "words").json == "a-b"
    java(functions, jar, "example.Missing", "missing")
    told = functions.invoke({}, "missing").json
    assert (told["errorType"], told["errorMessage"]) == (
        "java.lang.ClassNotFoundException",
        "Class not found: example.Missing",
    )


# Ruby


@needs["ruby"]
def test_ruby_handlers(functions: Functions) -> None:
    source = """
        $count = 0
        def handler(event:, context:)
          puts "hello"
          raise ArgumentError, "no" if event["fail"]
          exit 7 if event["exit"]
          { event: event, count: $count += 1, name: context.function_name, left: context.get_remaining_time_in_millis }
        end
        module Shop
          class Till
            def self.ring(event:, context:) = [event.sum, context.memory_limit_in_mb]
          end
        end
    """
    code = {"ZipFile": package({"app.rb": source})}
    functions.create("", Runtime="ruby3.3", Handler="app.handler", Code=code)
    answer = functions.invoke({"a": "ü"})
    assert answer.json["event"] == {"a": "ü"}
    assert (answer.json["name"], answer.json["count"]) == ("function", 1)
    assert 0 < answer.json["left"] <= 3000
    assert "\nhello\n" in answer.log
    assert functions.invoke({}).json["count"] == 2
    told = functions.invoke({"fail": True}).json
    assert (told["errorType"], told["errorMessage"]) == ("Function<ArgumentError>", "no")
    assert told["stackTrace"][0].startswith("/var/task/app.rb:5:")
    functions.create("", name="till", Runtime="ruby3.3", Handler="app.Shop::Till.ring", Code=code)
    assert functions.invoke([1, 2], "till").json == [3, "128"]
    functions.create("", name="none", Runtime="ruby3.3", Handler="missing.handler", Code=code)
    assert functions.invoke({}, "none").json["errorType"] == "Init<LoadError>"


# Go

GO = """
    package main

    import (
        "context"
        "errors"

        "github.com/aws/aws-lambda-go/lambda"
        "github.com/aws/aws-lambda-go/lambdacontext"
    )

    type Event struct{ Name string }

    func handle(ctx context.Context, event Event) (map[string]string, error) {
        if event.Name == "" {
            return nil, errors.New("nobody")
        }
        known, _ := lambdacontext.FromContext(ctx)
        return map[string]string{"hello": event.Name, "id": known.AwsRequestID}, nil
    }

    func main() { lambda.Start(handle) }
"""


@needs["go"]
def test_a_function_in_go_with_aws_s_own_library(functions: Functions, tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(textwrap.dedent(GO))
    (tmp_path / "go.mod").write_text("module example\n\ngo 1.18\n\nrequire github.com/aws/aws-lambda-go v1.46.0\n")
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
    build = ["go", "build", "-o", "bootstrap", "."]
    done = subprocess.run(build, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    if done.returncode and "proxy.golang.org" in done.stderr:
        pytest.skip(f"aws-lambda-go cannot be fetched: {done.stderr}")
    assert done.returncode == 0, done.stderr
    code = {"ZipFile": package({"bootstrap": (tmp_path / "bootstrap").read_bytes()}, executable="bootstrap")}
    functions.create("", Runtime="provided.al2023", Handler="bootstrap", Code=code)
    answer = functions.invoke({"Name": "Go"})
    assert answer.json["hello"] == "Go"
    assert answer.json["id"] in answer.log
    assert functions.invoke({}).json == {"errorMessage": "nobody", "errorType": "errorString"}


PLAIN_GO = """
    package main

    import (
        "io"
        "net/http"
        "os"
        "strings"
    )

    func main() {
        api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
        for {
            next, err := http.Get(api + "next")
            if err != nil {
                os.Exit(1)
            }
            body, _ := io.ReadAll(next.Body)
            answer := strings.NewReader(`{"go":` + string(body) + `}`)
            done, _ := http.Post(api+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "", answer)
            io.ReadAll(done.Body)
        }
    }
"""


@needs["go"]
def test_a_function_in_go_without_any_library(functions: Functions, tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(textwrap.dedent(PLAIN_GO))
    environment = os.environ | {"CGO_ENABLED": "0", "GO111MODULE": "off"}
    build = ["go", "build", "-o", "bootstrap", "main.go"]
    subprocess.run(build, cwd=tmp_path, env=environment, check=True, timeout=120)
    code = {"ZipFile": package({"bootstrap": (tmp_path / "bootstrap").read_bytes()}, executable="bootstrap")}
    functions.create("", Runtime="provided.al2023", Handler="bootstrap", Code=code)
    assert [functions.invoke({"n": n}).json for n in (1, 2)] == [{"go": {"n": 1}}, {"go": {"n": 2}}]


# Node.js


@needs["npm"]
def test_node_has_the_sdk_that_its_code_names(functions: Functions) -> None:
    source = """
        import { SQSClient, ListQueuesCommand } from "@aws-sdk/client-sqs";
        import { createRequire } from "node:module";

        export const handler = async () => {
            const again = createRequire(import.meta.url)("@aws-sdk/client-sqs");
            const answer = await new SQSClient().send(new ListQueuesCommand({}));
            return [answer.QueueUrls.length, typeof again.SQSClient];
        };
    """
    functions.account.client("sqs").create_queue(QueueName="letters")
    code = {"ZipFile": package({"index.mjs": source})}
    functions.create("", Runtime="nodejs20.x", Handler="index.handler", Code=code, Timeout=20, MemorySize=512)
    functions.client.get_waiter("function_active_v2").wait(FunctionName="function")
    answer = functions.invoke()
    if "npm cannot fetch" in answer.log:
        pytest.skip(answer.log)
    assert answer.json == [1, "function"]


@needs["npm"]
def test_the_log_says_what_could_not_be_fetched(functions: Functions) -> None:
    source = (
        'exports.handler = async () => { try { require("@aws-sdk/client-of-nothing") } catch (e) { return e.code } };'
    )
    functions.create("", Runtime="nodejs20.x", Handler="index.handler", Code={"ZipFile": package({"index.js": source})})
    functions.client.get_waiter("function_active_v2").wait(FunctionName="function")
    answer = functions.invoke()
    assert answer.json == "MODULE_NOT_FOUND"
    assert "npm cannot fetch @aws-sdk/client-of-nothing" in answer.log


# All of them


@pytest.mark.parametrize("runtime", ["python3.11", pytest.param("nodejs20.x", marks=needs["node"])])
def test_a_wrapper_script_starts_the_runtime(functions: Functions, runtime: str) -> None:
    files = {
        "wrapper": '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n',
        "app.py": 'import os, boto3\ndef handler(event, context): return [os.environ["WRAPPED"], event]',
        "app.js": "exports.handler = async (event) => [process.env.WRAPPED, event];",
    }
    code = {"ZipFile": package(files, executable="wrapper")}
    variables = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}}
    functions.create("", Runtime=runtime, Code=code, Environment=variables, Timeout=20, MemorySize=512)
    assert functions.invoke({"n": 1}).json == ["yes", {"n": 1}]


@pytest.mark.skipif(shutil.which("dotnet") is not None, reason="this machine has dotnet")
def test_a_runtime_that_is_not_there_says_so(functions: Functions, refused) -> None:
    functions.create("", Runtime="dotnet8", Handler="A::B::C", Code={"ZipFile": package({"a": "b"})})
    with refused("InvalidRuntimeException", "This machine has no dotnet for the runtime dotnet8"):
        functions.invoke(json.dumps({}))


DOTNET = """\
#!/bin/sh
[ "$1" = --list-runtimes ] && echo "Microsoft.NETCore.App 8.0.11 [/usr/share/dotnet/shared]" && exit
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
curl -sS -D /tmp/head "$API/next" > /dev/null
ID=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: \\([^\\r]*\\).*/\\1/p' /tmp/head | tr -d '\\r')
curl -sS -d '"'"$PWD $*"'"' "$API/$ID/response" > /dev/null
"""
HOW_DOTNET_STARTS = """
    import json, pileus
    from tests.services.lambda_.conftest import Functions, package

    with pileus.cloud(sockets=True) as cloud:
        functions = Functions(cloud.account())
        files = {name: "" for name in ("App.dll", "App.deps.json", "App.runtimeconfig.json")}
        support = {"Amazon.Lambda.RuntimeSupport.dll": ""}
        given = {"Runtime": "dotnet8", "Timeout": 10}
        functions.create("", name="a", Handler="App", Code={"ZipFile": package(files)}, **given)
        functions.create("", name="b", Handler="App::T::M", Code={"ZipFile": package(files | support)}, **given)
        functions.create("", name="c", Handler="App::T::M", Code={"ZipFile": package(files)}, **given)
        print(json.dumps([functions.invoke({}, name).json for name in "ab"]))
        print("RuntimeSupport.dll to start" in functions.invoke({}, "c").log)
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
def test_how_functions_in_dotnet_are_started() -> None:
    """By a `dotnet` that tells what it was asked to do."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # /tmp is another one in a sandbox
        Path(folder).chmod(0o755)
        program = Path(folder, "dotnet")
        program.write_text(DOTNET)
        program.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(HOW_DOTNET_STARTS)],
            env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    started, refused = done.stdout.splitlines() or [done.stderr, ""]
    support = "--depsfile App.deps.json --runtimeconfig App.runtimeconfig.json Amazon.Lambda.RuntimeSupport.dll"
    assert json.loads(started) == ["/var/task App.dll", f"/var/task exec {support} App::T::M"]
    assert refused == "True"
