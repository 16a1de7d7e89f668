"""The running server: its state, its end, its log, and forgetting everything."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from pileus import durations

from . import runfile, show
from .command import Json, remote
from .remote import Remote
from .trouble import Trouble

PATIENCE = 30.0
"""Seconds that a server may take to stop."""


def add_to(app: typer.Typer) -> None:
    for command in (down, status, reset, logs, events):
        app.command()(command)


@remote
def down(server: Remote) -> None:
    """Stop the server. What clients were told is kept, unless it was started with --ephemeral."""
    running = runfile.read(server.home)
    try:
        health = server.get("health")
        running = runfile.read(Path(health["data"] or server.home))
        server.post("stop")
    except Trouble:
        if running is None or running.endpoint != server.endpoint:
            raise
        os.kill(running.pid, signal.SIGTERM)
    else:
        if running and running.pid != health["pid"]:
            running = None
    wait_for_end(server, running)
    print(f"Stopped {server.endpoint}.")


def wait_for_end(server: Remote, running: runfile.Running | None) -> None:
    """Wait until a server no longer answers, and its process, where it is known to be of this machine, has ended."""
    deadline = time.monotonic() + PATIENCE
    while server.answers() or (running and running.alive):
        if time.monotonic() > deadline:
            who = f"process {running.pid}" if running else server.endpoint
            hint = f"End it with  kill -9 {running.pid}: nothing that was acknowledged is lost." if running else ""
            raise Trouble(f"{who} has not stopped within {PATIENCE:.0f} s.", hint)
        time.sleep(0.01)


@remote
def status(server: Remote, json: Json = False) -> None:
    """Show whether the cloud runs, since when, and where its data are. The exit status is 3 if it does not."""
    health = server.get("health")
    if json:
        show.json(health)
        return
    clock = health["clock"]
    print(f"Pileus {health['version']} runs at {health['endpoint']} (process {health['pid']})")
    kept = f"in {health['data']}" if health["data"] else "in memory"
    print(f"for {durations.spoken(health['uptime'])}, everything kept {kept}")
    print(f"Services: {', '.join(health['services']) or 'none'}")
    if not clock["real"]:
        print(f"Clock: {clock['now']}, {'running' if clock['running'] else 'frozen'}")


@remote
def reset(
    server: Remote,
    account: Annotated[str, typer.Option(help="Forget only what is of this account (twelve digits).")] = "",
) -> None:
    """Forget everything: all accounts, resources and tasks. Snapshots stay."""
    server.post(f"reset?account={account}" if account else "reset")
    print(f"Forgot everything of {account}." if account else "Forgot everything.")


@remote
def logs(
    server: Remote,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.")] = 100,
) -> None:
    """Show the log of a server that was started with -d."""
    path = server.home / runfile.LOG
    running = runfile.read(server.home)
    if running and not running.log:
        raise Trouble(f"The server at {running.endpoint} writes to the terminal that it was started from.")
    if not path.exists():
        raise Trouble(f"There is no log in {server.home}.", "Servers started with  pileus up -d  write one.")
    with path.open(errors="replace") as file:
        print("".join(file.readlines()[-lines:] if lines else ()), end="", flush=True)
        position = file.tell()
    while follow:
        position = more(path, position)
        time.sleep(0.2)


def more(path: Path, position: int) -> int:
    """Print what was added to a log; one that was begun anew is shorter, and read from its start."""
    with contextlib.suppress(FileNotFoundError), path.open(errors="replace") as file:
        if os.fstat(file.fileno()).st_size < position:
            position = 0
        file.seek(position)
        print(file.read(), end="", flush=True)
        return file.tell()
    return position


@remote
def events(server: Remote) -> None:
    """Print what happens, as it happens: one line of JSON for every request, task, and turn of the clock."""
    kind = ""
    for line in server.lines("events"):
        if line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            sys.stdout.write(f'{{"event":"{kind}","data":{line[6:]}}}\n')
            sys.stdout.flush()
