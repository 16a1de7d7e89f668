"""How the cloud is: what it has, how long it has run, its numbers, its events."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pileus
from pileus.gateway.message import Request, Response
from pileus.kernel.cloud import services

from . import clock
from .answers import Refused

if TYPE_CHECKING:
    from .control import Control


def health(control: Control, request: Request) -> dict[str, Any]:
    server = control.server
    return {
        "status": "running",
        "version": pileus.__version__,
        "pid": os.getpid(),
        "endpoint": server.endpoint,
        "uptime": round(time.time() - server.started, 3),
        "data": None if server.settings.data is None else str(server.folder),
        "services": dict.fromkeys(sorted(services()), "available"),
        "clock": clock.state(control),
    }


async def coverage(control: Control, request: Request) -> Response:
    """Made by another process: it loads every service there is, and this one is to stay small."""
    command = (sys.executable, "-m", "pileus.coverage", "--json")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise Refused(500, "The coverage could not be made out; the log has more.")
    return Response(200, [("content-type", "application/json")], output)


def metrics(control: Control, request: Request) -> Response:
    server = control.server
    lines = [
        "# HELP pileus_info The running version.",
        "# TYPE pileus_info gauge",
        f'pileus_info{{version="{pileus.__version__}"}} 1',
        "# HELP pileus_uptime_seconds Real time since the start.",
        "# TYPE pileus_uptime_seconds gauge",
        f"pileus_uptime_seconds {time.time() - server.started:.3f}",
        "# HELP pileus_clock_seconds Cloud time.",
        "# TYPE pileus_clock_seconds gauge",
        f"pileus_clock_seconds {server.cloud.clock.now():.3f}",
    ]
    if resident := resident_bytes():
        lines += [
            "# HELP process_resident_memory_bytes Resident memory size in bytes.",
            "# TYPE process_resident_memory_bytes gauge",
            f"process_resident_memory_bytes {resident}",
        ]
    text = server.requests.exposition() + "\n".join(lines) + "\n"
    return Response(200, [("content-type", "text/plain; version=0.0.4; charset=utf-8")], text.encode())


def resident_bytes() -> int:
    """What the process occupies of memory (proc_pid_statm(5)); 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


async def authority(control: Control, request: Request) -> Response:
    """The certificate of the authority that signs the cloud's own, for clients to trust."""
    certificate = await asyncio.to_thread(lambda: control.server.certificates.authority.read_bytes())
    return Response(200, [("content-type", "application/x-pem-file")], certificate)


def events(control: Control, request: Request) -> Response:
    """What happens, as it happens (HTML standard, section 9.2, Server-sent events)."""
    headers = [("content-type", "text/event-stream"), ("cache-control", "no-store")]
    return Response(200, headers, control.events.stream())
