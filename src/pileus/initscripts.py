"""Init scripts: programs that set the cloud up, run at four stages of its life.

They are found as LocalStack finds them (docs.localstack.cloud, Initialization Hooks): `boot.d` and `start.d` before the
cloud listens, `ready.d` once it answers, `shutdown.d` before it stops; each in the order of their names. A folder
without these sub-folders is one of ready scripts. `.sh` is executed, `.py` run with this Python. A script that fails
stops nothing.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .kernel.regions import DEFAULT_REGION

STAGES = ("boot", "start", "ready", "shutdown")
SYSTEM = Path("/etc/localstack/init")

Say = Callable[[str], None]


class Script:
    """One script; `state` is UNKNOWN before it has run, RUNNING, SUCCESSFUL, or ERROR."""

    def __init__(self, stage: str, path: Path) -> None:
        self.stage = stage
        self.path = path
        self.state = "UNKNOWN"


class InitScripts:
    """The scripts of a cloud, and how far they have come."""

    def __init__(self, say: Say, folder: Path | None = None, system: Path = SYSTEM) -> None:
        self._say = say
        self._tools: Path | None = None
        self.scripts = [*found(system, say), *(found(folder, say, plain=True) if folder else ())]
        self.completed = dict.fromkeys(STAGES, False)

    def at(self, stage: str) -> list[Script]:
        return [script for script in self.scripts if script.stage == stage]

    async def run(self, stage: str, endpoint: str, output: int | None = None) -> None:
        """Run a stage's scripts, one after the other; what they print goes to the file descriptor `output`."""
        for script in self.at(stage):
            await self._run(script, endpoint, output)
        self.completed[stage] = True

    async def _run(self, script: Script, endpoint: str, output: int | None) -> None:
        program = [sys.executable] if script.path.suffix == ".py" else []
        script.state = "RUNNING"
        try:
            process = await asyncio.create_subprocess_exec(
                *program,
                str(script.path),
                env=self._environment(endpoint),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        except OSError as error:
            script.state = "ERROR"
            self._say(f"init script {script.path} could not be run: {error.strerror}")
            return
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            raise
        script.state = "ERROR" if code else "SUCCESSFUL"
        if code:
            self._say(f"init script {script.path} failed with exit code {code}")

    def _environment(self, endpoint: str) -> dict[str, str]:
        mine = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": DEFAULT_REGION,
            "PATH": os.environ.get("PATH", os.defpath),
        }
        if not shutil.which("awslocal"):
            self._tools = self._tools or awslocal()
            mine["PATH"] += f"{os.pathsep}{self._tools}"
        return {**os.environ, **mine, "PILEUS_PORT": endpoint.rpartition(":")[2]}

    def close(self) -> None:
        if self._tools:
            shutil.rmtree(self._tools, ignore_errors=True)


def found(folder: Path, say: Say, *, plain: bool = False) -> list[Script]:
    """The scripts below a folder; says of every file that is left out why it is."""
    stages = {stage: folder / f"{stage}.d" for stage in STAGES if (folder / f"{stage}.d").is_dir()}
    if plain and not stages:
        stages = {"ready": folder}
    scripts = []
    for stage, place in stages.items():
        for path in sorted(path for path in place.rglob("*") if not path.is_dir()):
            if reason := unfit(path):
                say(f"init script {path} skipped: {reason}")
            else:
                scripts.append(Script(stage, path))
    return scripts


def unfit(path: Path) -> str:
    """Why a file cannot be run, or nothing."""
    if not path.is_file():
        return "it is no regular file"
    if path.suffix == ".py":
        return "" if os.access(path, os.R_OK) else "it may not be read"
    if path.suffix != ".sh":
        return f"only .sh and .py are run, not {path.suffix or 'files without a suffix'}"
    if not os.access(path, os.X_OK):
        return f"it is not executable (chmod +x {path.name})"
    return ""


def awslocal() -> Path:
    """A folder with an `awslocal`, which scripts made for LocalStack call."""
    folder = Path(tempfile.mkdtemp(prefix="pileus-"))
    command = folder / "awslocal"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pileus.cli aws "$@"\n')
    command.chmod(0o755)
    return folder
