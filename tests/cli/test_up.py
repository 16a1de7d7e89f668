"""`pileus up`, `status`, `down`, and what the user is told when a server cannot start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import apsw

import pileus as package
from pileus.cli import runfile

from .conftest import Command


def test_a_server_goes_up_in_the_background_and_down(pileus: Command) -> None:
    said = pileus("up", "-d")
    assert said.endswith("\nReady.\n")
    assert f"Pileus {package.__version__} at http://localhost:{pileus.port}" in said
    assert 'eval "$(pileus env --port' in said
    os.kill(pileus.running["pid"], 0)
    status = pileus.json("status")
    assert status["pid"] == pileus.running["pid"]
    assert status["data"] == str(pileus.data)
    assert f"process {status['pid']}" in pileus("status")
    assert "Stopped" in pileus("down")
    assert not runfile.Running(status["pid"], "").alive
    assert not (pileus.data / "server.json").exists()
    assert "pileus up -d" in pileus("status", status=3)
    assert "pileus up -d" in pileus("down", status=3)


def test_a_server_in_the_foreground_ends_with_a_signal(pileus: Command) -> None:
    server = pileus.started("up", "--ephemeral", "--log-level", "warning")
    assert server.stdout
    lines = [server.stdout.readline() for _ in range(3)]
    assert lines[-1] == "Ready.\n"
    assert "kept in memory" in lines[0]
    assert "the terminal" in pileus("logs", status=1)
    server.send_signal(signal.SIGINT)
    assert server.wait(10) == 0
    assert not list(pileus.data.iterdir())


def test_a_second_server_on_the_same_data_is_refused(pileus: Command) -> None:
    pileus("up", "-d")
    said = pileus("up", status=1)
    assert f"{pileus.data} is in use by the Pileus server at http://localhost:{pileus.port}" in said
    assert f"process {pileus.running['pid']}" in said
    assert "--data DIR" in said
    assert said == pileus("up", "-d", status=1)
    pileus("down")


def test_a_taken_port_is_said_to_be_and_by_whom(pileus: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = pileus("up", "-d", "--port", str(port), status=1)
        assert f"Port {port} is taken by process {os.getpid()}" in said
        assert "Say --port" in said
        other = pileus("up", "--tls-port", str(port), status=1)
        assert f"Port {port} is taken" in other


def test_data_of_a_newer_format_are_refused(pileus: Command) -> None:
    pileus("up", "-d")
    pileus("down")
    store = apsw.Connection(str(pileus.data / "store.db"))
    store.pragma("user_version", 99)
    store.close()
    said = pileus("up", status=1)
    assert "format 99" in said
    assert "pip install -U pileus" in said


def test_places_that_cannot_be_used_are_refused(pileus: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "--data DIR" in pileus("up", "--data", str(tmp_path / "file" / "below"), status=1)
    assert "--data DIR" in pileus("up", "-d", "--data", str(tmp_path / "file" / "below"), status=1)
    assert "no address of this machine" in pileus("up", "--host", "192.0.2.1", status=1)
    assert "is no folder" in pileus("up", "--init", str(tmp_path / "none"), status=1)
    assert "no port number" in pileus("up", "--port", "high", status=2)


def test_what_was_set_survives_a_restart(pileus: Command) -> None:
    pileus("up", "-d")
    pileus("clock", "freeze")
    was = pileus.json("clock", "set", "2033-03-03T03:03:03Z")
    pileus("down")
    pileus("up", "-d")
    assert pileus.json("clock", "show") | {"ahead": 0} == was | {"ahead": 0}
    os.kill(pileus.running["pid"], signal.SIGKILL)
    pileus("up", "-d")
    assert pileus.json("clock", "show")["now"] == "2033-03-03T03:03:03.000Z"
    pileus("down")


def test_localstacks_restart_starts_it_anew(pileus: Command) -> None:
    server = pileus.started("up", "--ephemeral")
    assert server.stdout
    first = [server.stdout.readline() for _ in range(3)]
    assert first[-1] == "Ready.\n"
    port = pileus.port
    pileus("clock", "freeze")
    ask(port, "POST", "/_localstack/health", b'{"action": "restart"}')
    while (line := server.stdout.readline()) != "Ready.\n":
        assert server.poll() is None, line
    assert pileus.port == port
    assert pileus.json("clock", "show")["real"] is True
    ask(port, "POST", "/_localstack/health", b'{"action": "kill"}')
    assert server.wait(10) == 0


def ask(port: str, method: str, path: str, body: bytes = b"") -> object:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", int(port))
    connection.request(method, path, body)
    return json.loads(connection.getresponse().read())


def test_variables_of_localstack_are_heeded_or_said_not_to_be(pileus: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"PILEUS_PORT": "", "GATEWAY_LISTEN": f"127.0.0.1:{port}", "SERVICES": "sqs,s3", "PERSISTENCE": "0"}
    server = pileus.started("up", **environment)
    assert server.stdout
    lines = [server.stdout.readline() for _ in range(4)]
    assert lines[0] == "pileus: SERVICES has no effect: every service is there, and loaded at its first call.\n"
    assert lines[1].endswith(f"at http://localhost:{port}, everything kept in memory\n")
    server.terminate()
    assert server.wait(10) == 0


def test_the_way_up_imports_only_what_a_server_needs() -> None:
    heavy = {"typer", "rich", "cryptography", "h2", "wsproto", "cbor2", "botocore", "boto3", "http.client", "pytest"}
    program = "import sys, pileus.cli.up, pileus.cli.serve; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not heavy & set(loaded.split())
