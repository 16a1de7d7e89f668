"""`pileus doctor`: is everything there that Pileus works with?"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from pileus.settings import PORT, default_data

from . import ports, runfile, show
from .command import Json


class Finding(NamedTuple):
    """What was looked for, what was found of it, and how to get it where it is missing."""

    what: str
    found: str
    needed: bool = True
    cure: str = ""

    @property
    def state(self) -> str:
        return "ok" if not self.cure else "missing" if self.needed else "absent"


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    port: Annotated[int, typer.Option(envvar="PILEUS_PORT", help="The port to look at.")] = PORT,
    data: Annotated[Path | None, typer.Option(envvar="PILEUS_DATA", help="The data directory to look at.")] = None,
    json: Json = False,
) -> None:
    """Check what Pileus needs and what it can use. The exit status is 1 if something is missing that it needs."""
    findings = list(examined(port, (data or default_data()).expanduser()))
    if json:
        show.json([{"what": one.what, "state": one.state, "found": one.found, "cure": one.cure} for one in findings])
    else:
        show.table(
            ("State", "What", "Found"),
            [(one.state, one.what, one.found + (f": {one.cure}" if one.cure else "")) for one in findings],
        )
    if any(one.state == "missing" for one in findings):
        raise typer.Exit(1)


def examined(port: int, home: Path) -> Iterator[Finding]:
    yield python()
    yield listening(port, home)
    yield writable(home)
    yield loop()
    yield program("AWS CLI", "aws", 'pip install "pileus[cli]"')
    yield program("Terraform", "terraform", "see developer.hashicorp.com/terraform/install")
    yield program("Node.js", "node", "see nodejs.org, or your system's packages")
    yield modules()
    yield sandboxes()
    yield networks()
    yield client_vpn()
    yield lines()
    yield tunnels()
    yield machines()
    yield disks()
    yield runtimes()


def python() -> Finding:
    enough = sys.version_info >= (3, 11)
    return Finding("Python", platform.python_version(), cure="" if enough else "install Python 3.11 or newer")


def listening(port: int, home: Path) -> Finding:
    what = f"port {port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            who = ports.owner(port)
            running = runfile.read(home)
            if who and running and running.pid == who.pid:
                return Finding(what, f"this cloud runs there, process {who.pid}")
            return Finding(what, str(who or error.strerror), cure=f"pileus up --port {ports.free(port)}")
    return Finding(what, "free")


def writable(home: Path) -> Finding:
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    good = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    return Finding("data directory", str(home), cure="" if good else f"{place} is not writable; pileus up --data DIR")


def loop() -> Finding:
    if importlib.util.find_spec("uvloop"):
        return Finding("uvloop", "installed", needed=False)
    return Finding("uvloop", "not installed", needed=False, cure="pip install uvloop  makes the server faster")


def modules() -> Finding:
    """What CloudHSM, and KMS's custom key stores, keep keys in."""
    from pileus.engines.hsm import Absent
    from pileus.engines.hsm.hsms import check

    try:
        return Finding("SoftHSM2", str(check()), needed=False)
    except Absent as absent:
        return Finding("SoftHSM2", "not usable", needed=False, cure=str(absent))


def sandboxes() -> Finding:
    """How what functions run is kept apart from everything else."""
    from pileus.engines.sandbox.survey import choice

    found = choice()
    isolated = found.driver != "process"
    cure = "" if isolated else "run as root, let users make namespaces (user.max_user_namespaces), or have docker"
    return Finding("sandboxes", f"{found.driver}, {found.why}", needed=False, cure=cure)


def networks() -> Finding:
    """What packets of VPCs go through."""
    from pileus.engines.network import Networks

    reason = Networks.available()
    return Finding("networks", "none" if reason else "namespaces, nftables", needed=False, cure=reason)


def client_vpn() -> Finding:
    """What Client VPN endpoints are."""
    from pileus.engines.openvpn import program, unable

    reason = unable()
    return Finding("Client VPN", "none" if reason else program(), needed=False, cure=reason)


def lines() -> Finding:
    """What speaks BGP at AWS's ends of Direct Connect's lines."""
    from pileus.engines.bgp import program, unable

    reason = unable()
    return Finding("Direct Connect", "none" if reason else program(), needed=False, cure=reason)


def tunnels() -> Finding:
    """What VPN connections are."""
    from pileus.engines.tunnels import Tunnels

    reason = Tunnels.available()
    found = "none" if reason else "strongSwan, without BGP" if Tunnels.silent() else "strongSwan and BIRD"
    return Finding("tunnels", found, needed=False, cure=reason or Tunnels.silent())


def machines() -> Finding:
    """What instances are. They start without what is missing, but then nobody can log in to them, say."""
    from pileus.engines.machine.survey import missing, unable

    if reason := unable():
        return Finding("machines", "none", needed=False, cure=reason)
    packages = missing()
    cure = f"apt-get install {' '.join(packages)}  to log in to instances and work in them" if packages else ""
    return Finding("machines", "overlays of this system", needed=False, cure=cure)


def disks() -> Finding:
    """What volumes are, where machines attach them."""
    from pileus.engines.disks import unable

    reason = unable()
    return Finding("disks", "none" if reason else "loop devices, encrypted by fuse", needed=False, cure=reason)


def runtimes() -> Finding:
    """The interpreters that Lambda's runtimes run on."""
    from pileus.services.lambda_.runtimes import survey
    from pileus.services.lambda_.runtimes.python import brought

    found = survey()
    missing = [f"{language} is not installed" for language, told in found.items() if not told]
    if not any(path.endswith("boto3") for path in brought()[0]):
        missing.insert(0, 'pip install "pileus[lambda]" for boto3')
    told = ", ".join(told for told in found.values() if told)
    return Finding("runtimes of functions", told or "none", needed=False, cure="; ".join(missing))


def program(what: str, name: str, cure: str) -> Finding:
    path = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    return Finding(what, path or "not found", needed=False, cure="" if path else cure)
