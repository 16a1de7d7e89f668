"""The addresses by which tools made for LocalStack ask how it is (docs.localstack.cloud, Internal Endpoints)."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import pileus
from pileus.gateway.message import Request
from pileus.initscripts import STAGES
from pileus.kernel.cloud import services

from .answers import Refused, body
from .state import end

if TYPE_CHECKING:
    from .control import Control

EDITION = "community"


def health(control: Control, request: Request) -> dict[str, Any]:
    available = dict.fromkeys(sorted(services()), "available")
    return {"services": available, "edition": EDITION, "version": pileus.__version__}


def act(control: Control, request: Request) -> dict[str, Any]:
    """`{"action": "restart"}` stops the cloud and starts it again, `{"action": "kill"}` only stops it."""
    action = body(request).get("action")
    if action not in ("restart", "kill"):
        raise Refused(400, "The action is one of restart, kill.")
    end(control, again=action == "restart")
    return {"status": "ok"}


def info(control: Control, request: Request) -> dict[str, Any]:
    server = control.server
    return {
        "version": pileus.__version__,
        "edition": EDITION,
        "is_license_activated": False,
        "session_id": f"pileus-{server.started:.0f}",
        "machine_id": "pileus",
        "system": sys.platform,
        "is_docker": False,
        "server_time_utc": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
        "uptime": int(time.time() - server.started),
    }


def init(control: Control, request: Request) -> dict[str, Any]:
    scripts = control.scripts
    done = scripts.completed if scripts else dict.fromkeys(STAGES, False)
    return {
        "completed": {stage.upper(): done[stage] for stage in STAGES},
        "scripts": [script for stage in STAGES for script in states(control, stage)],
    }


def stage(control: Control, request: Request, name: str) -> dict[str, Any]:
    name = name.lower()
    if name not in STAGES:
        raise Refused(404, f"{name} is none of the stages {', '.join(STAGES)}.")
    return {
        "completed": bool(control.scripts and control.scripts.completed[name]),
        "scripts": states(control, name),
    }


def states(control: Control, stage: str) -> list[dict[str, str]]:
    scripts = control.scripts.at(stage) if control.scripts else []
    return [{"stage": stage.upper(), "name": script.path.name, "state": script.state} for script in scripts]
