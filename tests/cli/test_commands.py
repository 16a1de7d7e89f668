"""The commands that speak to a running server, and those that need none."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import pileus as package
from pileus.cli import shell
from pileus.cli.trouble import Trouble

from .conftest import Command


def test_an_idle_server_is_small(up: Command) -> None:
    pages = int(Path(f"/proc/{up.running['pid']}/statm").read_text().split()[1])
    assert pages * os.sysconf("SC_PAGE_SIZE") < 40_000_000


def test_the_clock(up: Command) -> None:
    assert "(real time)" in up("clock", "show")
    assert "frozen" in up("clock", "freeze")
    before = up.json("clock", "show")
    assert up.json("clock", "advance", "1h30m")["epoch"] == pytest.approx(before["epoch"] + 5400)
    assert up.json("clock", "advance", "PT30M")["epoch"] == pytest.approx(before["epoch"] + 7200)
    assert "2041-01-01T00:00:00.000Z (frozen" in up("clock", "set", "2041-01-01")
    assert "running" in up("clock", "run")
    assert "(real time)" in up("clock", "set", "now")
    assert "no length of time" in up("clock", "advance", "soon", status=2)
    assert "no instant" in up("clock", "set", "someday", status=2)


def test_snapshots(up: Command) -> None:
    assert up("snapshot", "list") == "There are no snapshots.\n"
    assert up("snapshot", "save", "first").startswith("Saved first (")
    assert up.json("snapshot", "list")[0]["name"] == "first"
    assert up("snapshot", "list").splitlines()[1].startswith("first  ")
    assert up("snapshot", "load", "first") == "Loaded first.\n"
    assert up("snapshot", "delete", "first") == "Deleted first.\n"
    assert "no snapshot first" in up("snapshot", "load", "first", status=1)
    assert "letters" in up("snapshot", "save", "a/b", status=1)


def test_reset(up: Command) -> None:
    assert up("reset") == "Forgot everything.\n"
    assert up("reset", "--account", "123456789012") == "Forgot everything of 123456789012.\n"
    assert "twelve digits" in up("reset", "--account", "12", status=1)


def test_tasks(up: Command) -> None:
    assert up("tasks") == "Nothing waits, and nothing failed.\n"
    assert up.json("tasks") == {"pending": [], "dead": []}
    assert "no task x" in up("tasks", "retry", "x", status=1)


def test_the_aws_cli_runs_against_the_cloud(up: Command) -> None:
    who = json.loads(up("aws", "sts", "get-caller-identity", "--output", "json"))
    assert who["Account"] == "000000000000"
    assert "service=sts operation=GetCallerIdentity account=000000000000 status=200" in wait_for_log(up)


def wait_for_log(up: Command) -> str:
    """Requests are written a moment after they were answered; the second one's line tells that the first's is there."""
    connection = http.client.HTTPConnection("127.0.0.1", int(up.port))
    for _ in range(100):
        connection.request("GET", "/_pileus/health")
        connection.getresponse().read()
        if "GetCallerIdentity" in (log := up("logs")):
            return log
    return log


def test_the_log_is_followed(up: Command) -> None:
    log = (up.data / "server.log").open("a")
    print("the last line", file=log, flush=True)
    following = up.started("logs", "-f", "-n", "1")
    assert following.stdout
    assert following.stdout.readline() == "the last line\n"
    print("something new", file=log, flush=True)
    assert following.stdout.readline() == "something new\n"
    following.send_signal(signal.SIGINT)
    assert following.wait(10) == 130


def test_events_are_printed_as_they_happen(up: Command) -> None:
    listening = up.started("events")
    assert listening.stdout
    os.set_blocking(listening.stdout.fileno(), False)
    line = None
    while not line:  # until it is connected
        up("clock", "freeze")
        line = listening.stdout.readline()
    assert json.loads(line)["event"] == "clock"
    listening.send_signal(signal.SIGINT)
    assert listening.wait(10) == 130
    up("clock", "set", "now")


def test_environment_for_a_shell(up: Command) -> None:
    lines = up("env", "--shell", "sh", "--account", "111111111111", "--region", "eu-west-1").splitlines()
    assert lines == [
        f"export AWS_ENDPOINT_URL=http://localhost:{up.port}",
        "export AWS_ACCESS_KEY_ID=111111111111",
        "export AWS_SECRET_ACCESS_KEY=test",
        "export AWS_DEFAULT_REGION=eu-west-1",
    ]
    assert "set -gx AWS_ACCESS_KEY_ID test;" in up("env", "--shell", "fish")
    assert "set -gx" in up("env", SHELL="/usr/bin/fish")
    assert '$Env:AWS_ACCESS_KEY_ID = "test"' in up("env", "--shell", "powershell")
    assert up.json("env")["AWS_DEFAULT_REGION"] == "us-east-1"
    assert "twelve digits" in up("env", "--account", "12", status=2)
    python = f"{sys.executable} -m pileus.cli"
    asked = ["sh", "-c", f'eval "$({python} env)" && echo "$AWS_ENDPOINT_URL"']
    said = subprocess.run(asked, env=up.environment, capture_output=True, text=True, check=True).stdout
    assert said == f"http://localhost:{up.port}\n"


def test_a_server_is_found_by_its_port_too(up: Command, tmp_path: Path) -> None:
    elsewhere = str(tmp_path)
    assert f"(process {up.running['pid']})" in up("status", "--port", up.port, PILEUS_DATA=elsewhere)
    assert f"No Pileus runs on {elsewhere}" in up("status", status=3, PILEUS_DATA=elsewhere)


def test_environment_without_a_server_is_that_of_the_usual_port(pileus: Command) -> None:
    del pileus.environment["PILEUS_DATA"]
    assert "AWS_ENDPOINT_URL=http://localhost:4566\n" in pileus("env")


def test_a_missing_aws_cli_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(Trouble) as told:
        shell.found()
    assert told.value.hint == 'Install it with  pip install "pileus[cli]"'


def test_version_and_help(pileus: Command) -> None:
    assert pileus("--version") == f"pileus {package.__version__}\n"
    overview = pileus("--help")
    for command in ("up", "down", "status", "env", "reset", "logs", "doctor", "coverage", "clock", "snapshot", "aws"):
        assert f"\n  {command} " in overview
    options = pileus("up", "--help")
    for name in (
        "HOST",
        "PORT",
        "TLS_PORT",
        "DATA",
        "EPHEMERAL",
        "DURABILITY",
        "STRICT",
        "INIT",
        "LOG_LEVEL",
        "DETACH",
    ):
        assert f"[PILEUS_{name}]" in " ".join(options.split())


def test_coverage(pileus: Command) -> None:
    table = pileus("coverage")
    assert "\nsts " in table
    assert "others answer 501." in table
    assert "GetCallerIdentity" in pileus.json("coverage", "sts")["services"][0]["implemented"]
    assert "## sts" in pileus("coverage", "sts", "--markdown")
    assert "lightsail is not here" in pileus("coverage", "lightsail", status=1)


def test_doctor_looks_at_what_there_is(up: Command) -> None:
    found = {one["what"]: one for one in up.json("doctor", "--port", up.port)}
    assert found["Python"]["state"] == "ok"
    assert found["uvloop"]["state"] == "ok"
    assert "this cloud runs there" in found[f"port {up.port}"]["found"]
    assert found["data directory"]["found"] == str(up.data)
    assert {"AWS CLI", "Terraform", "Node.js"} <= found.keys()
    assert found["sandboxes"]["found"].startswith(("namespaces, ", "process, "))
    assert "Python 3." in found["runtimes of functions"]["found"]


def test_doctor_says_how_to_get_what_is_missing(pileus: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = pileus("doctor", "--data", str(tmp_path / "file" / "below"), status=1)
    assert "missing" in said
    assert "--data DIR" in said
