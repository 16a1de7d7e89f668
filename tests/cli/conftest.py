"""The real command in processes of its own, on free ports and directories of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOREIGN = ("PILEUS_", "AWS_", "XDG_", "LOCALSTACK", "GATEWAY_LISTEN", "PERSISTENCE", "DEBUG", "SERVICES")


def heed_interrupts() -> None:
    """A shell that started the tests in the background has them and their children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Command:
    """`pileus` on one data directory."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.environment |= {"PILEUS_DATA": str(data), "PILEUS_PORT": "0", "HOME": str(data.parent)}

    def __call__(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """Run a command, which ends with this status: what it prints, on its output or where it failed."""
        ended = subprocess.run(
            self.line(*arguments),
            env=self.environment | environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        assert ended.returncode == status, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr if status else ended.stdout

    def line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "pileus.cli", *arguments]

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def started(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command that goes on."""
        return subprocess.Popen(
            self.line(*arguments),
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=heed_interrupts,
        )

    @property
    def running(self) -> dict[str, Any]:
        """What the run file says."""
        return json.loads((self.data / "server.json").read_bytes())

    @property
    def port(self) -> str:
        return str(self.running["endpoint"]).rpartition(":")[2]

    def end(self) -> None:
        """Stop the server that may still run."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(self.running["pid"], signal.SIGKILL)


@pytest.fixture
def pileus(tmp_path: Path) -> Iterator[Command]:
    """A command on a data directory of the test's own; a server that it leaves behind is ended."""
    command = Command(tmp_path / "data")
    yield command
    command.end()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A command whose server runs as long as the module's tests."""
    command = Command(tmp_path_factory.mktemp("cloud") / "data")
    command("up", "-d")
    yield command
    command("down")
