"""What a function cannot do: each is tried."""

from __future__ import annotations

import pytest

from pileus.engines.sandbox.survey import choice

from .conftest import Functions

pytestmark = pytest.mark.skipif(choice().driver != "namespaces", reason=f"no namespaces: {choice().why}")

TRY = """
    import os, subprocess

    def handler(event, context):
        found = {}
        for path in event.get("read", ()):
            try:
                found[path] = os.listdir(path) if os.path.isdir(path) else open(path).read()
            except OSError as error:
                found[path] = type(error).__name__
        for path in event.get("write", ()):
            try:
                open(path, "w").write("x")
                found[path] = "written"
            except OSError as error:
                found[path] = error.strerror
        if "run" in event:
            done = subprocess.run(event["run"], shell=True, capture_output=True, text=True)
            found["run"] = done.stdout + done.stderr
        return found
"""


def test_a_function_cannot_read_the_host_s_files_nor_the_cloud_s(functions: Functions, cloud, tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    functions.create(TRY)
    data = str(cloud.server.folder)
    paths = [str(secret), data, "/root/.bashrc", "/etc/shadow", "/home", f"/proc/{1}/environ"]
    told = functions.invoke({"read": paths}).json
    assert {told[path] for path in paths[:5]} == {"FileNotFoundError"}
    assert "SECRET" not in told["/proc/1/environ"]


def test_a_function_cannot_see_another_one_s_files_or_processes(functions: Functions) -> None:
    functions.create(TRY)
    functions.create("import time\ndef handler(event, context): return 1", name="other")
    functions.invoke(name="other")
    functions.invoke({"write": ["/tmp/mine"]}, name="function")
    told = functions.invoke({"read": ["/var/task", "/tmp"], "run": "ls -d /proc/[0-9]* | wc -l"}).json
    assert told["/var/task"] == ["app.py"]
    assert told["/tmp"] == ["mine"]
    assert int(told["run"]) < 8
    functions.create(TRY, name="third")
    assert functions.invoke({"read": ["/tmp"]}, name="third").json["/tmp"] == []


def test_a_function_writes_to_tmp_and_nowhere_else(functions: Functions) -> None:
    functions.create(TRY)
    told = functions.invoke({"write": ["/var/task/x", "/usr/x", "/opt/x", "/x", "/dev/shm/x", "/tmp/x"]}).json
    assert told.pop("/tmp/x") == "written"
    assert "written" not in told.values()


def test_a_function_has_no_more_disk_than_it_was_given(functions: Functions) -> None:
    functions.create(
        """
        def handler(event, context):
            with open("/tmp/large", "wb") as file:
                for _ in range(600):
                    file.write(bytes(1 << 20))
        """,
        Timeout=20,
    )
    told = functions.invoke().json
    assert told["errorType"] == "OSError"
    assert "No space left on device" in told["errorMessage"]


def test_a_function_has_no_more_memory_than_it_was_given(functions: Functions) -> None:
    functions.create(
        """
        import time

        def handler(event, context):
            held = []
            for _ in range(40):
                held.append(bytearray(b"x") * (1 << 25))
                time.sleep(0.01)
            time.sleep(10)
            return len(held)
        """,
        Timeout=20,
    )
    answer = functions.invoke()
    assert answer.error == "Unhandled"
    assert answer.json["errorType"] in ("Runtime.OutOfMemory", "MemoryError")


def test_a_function_is_nobody(functions: Functions) -> None:
    functions.create(TRY)
    told = functions.invoke({"run": "id -u; mount -t tmpfs none /mnt; chroot /tmp; kill -9 1; echo alive"}).json["run"]
    assert told.splitlines()[0] != "0"
    assert "alive" in told


def test_a_function_cannot_answer_for_another_one(functions: Functions) -> None:
    functions.create("""
        import os, urllib.error, urllib.request

        def handler(event, context):
            if not event:
                return os.environ["AWS_LAMBDA_RUNTIME_API"]
            try:
                urllib.request.urlopen(f"http://{event['api']}/2018-06-01/runtime/invocation/next", timeout=1)
            except Exception as error:
                return type(error).__name__
            return "came through"
    """)
    functions.create("import os\ndef handler(e, c): return os.environ['AWS_LAMBDA_RUNTIME_API']", name="other")
    api = functions.invoke(name="other").json
    assert functions.invoke({"api": api}).json != "came through"
    assert functions.invoke(name="other").error == ""
