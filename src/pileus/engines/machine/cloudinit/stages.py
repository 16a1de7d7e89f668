"""A boot: what user data and keys ask for, in cloud-init's order, with everything that is said going to the console."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pileus.engines.machine import accounts, setup
else:
    import accounts
    import setup

from . import modules, parts

HOME = "/var/lib/cloud"
OUTPUT = "/var/log/cloud-init-output.log"
RESULT = "/run/cloud-init/result.json"
LONGEST = 10.0
"""Seconds that it waits for its devices."""
ROOT_IS_OTHERS = (
    'no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo \'Please login as the user \\"{user}\\" '
    'rather than the user \\"root\\".\';echo;sleep 10;exit 142" '
)


class Boot:
    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.instance = order["instance"]
        self.here = f"{HOME}/instances/{self.instance}"
        self.environment = setup.environment(order, "root")
        self.config: dict[str, Any] = {}
        self.scripts: list[str] = []
        self.errors: list[str] = []

    def run(self) -> None:
        self.await_devices()
        for folder in ("sem", "scripts"):
            os.makedirs(f"{self.here}/{folder}", exist_ok=True)
        for often in ("per-boot", "per-once", "per-instance"):
            os.makedirs(f"{HOME}/scripts/{often}", exist_ok=True)
        os.makedirs(os.path.dirname(RESULT), exist_ok=True)
        setup.write(f"{HOME}/data/instance-id", f"{self.instance}\n")
        self.name_instance()
        self.say("init")
        self.step("user data", self.take_apart)
        self.modules(modules.EARLY)
        self.once("keys", self.let_in)
        self.modules(modules.CONFIG)
        self.say("modules:final")
        self.modules(modules.FINAL)
        self.run_scripts()
        setup.write(RESULT, json.dumps({"v1": {"datasource": "DataSourceEc2Local", "errors": self.errors}}))
        setup.write(f"{self.here}/boot-finished", f"{up():.2f} - {time.asctime()}\n")
        modules.finish(self)

    def await_devices(self) -> None:
        """What the machine begins with is there when it boots, though the launcher brings it to one that runs."""
        latest = time.monotonic() + LONGEST
        while not all(map(os.path.exists, self.order["devices"])) and time.monotonic() < latest:
            time.sleep(0.005)

    def name_instance(self) -> None:
        if os.path.islink(f"{HOME}/instance"):
            os.unlink(f"{HOME}/instance")
        os.symlink(self.here, f"{HOME}/instance")

    def say(self, stage: str) -> None:
        now = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
        print(f"Cloud-init v. 24.0 running '{stage}' at {now}. Up {up():.2f} seconds.", flush=True)

    # How often

    def step(self, name: str, what: Callable[[], object]) -> None:
        """Do something; whatever goes wrong does not keep the rest from being done."""
        try:
            what()
        except Exception as error:
            self.errors.append(f"{name}: {error}")
            print(f"[WARNING]: {name} failed: {error}", flush=True)

    def once(self, name: str, what: Callable[[], object], folder: str = "") -> None:
        """Do it at the first boot of an instance."""
        done = f"{folder or self.here}/sem/config_{name.replace(' ', '_')}"
        if not os.path.exists(done):
            setup.write(done, f"{os.getpid()}: {time.time()}\n")
            self.step(name, what)

    def modules(self, names: tuple[str, ...]) -> None:
        for name in names:
            module = modules.MODULES[name]
            if any(key in self.config for key in module.keys):
                what = lambda module=module: module.does(self, self.config)  # noqa: E731
                if module.always:
                    self.step(name, what)
                else:
                    self.once(name, what)

    # What there is to do

    def take_apart(self) -> None:
        data = base64.b64decode(self.order["user_data"])
        with open(os.open(f"{self.here}/user-data.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        for number, part in enumerate(parts.taken_apart(data), 1):
            self.take(part, number)
        unknown = sorted(self.config.keys() - modules.KNOWN)
        if unknown:
            print(f"[WARNING]: cloud-config has no effect here: {', '.join(unknown)}", flush=True)

    def take(self, part: parts.Part, number: int) -> None:
        name = os.path.basename(part.name) or f"part-{number:03}"
        often = dict((parts.EVERY_BOOT, parts.ONCE, parts.PER_INSTANCE))
        if part.kind == parts.CONFIG:
            found = yaml.safe_load(part.content)
            if not isinstance(found, dict):
                raise ValueError("cloud-config is not a mapping")
            self.config.update(found)
        elif part.kind == parts.SCRIPT:
            self.keep(f"{self.here}/scripts/{name}", part.content.lstrip())
        elif part.kind in often:
            self.keep(f"{HOME}/scripts/{often[part.kind]}/{name}", part.content)
        elif part.kind == parts.HOOK:
            body = part.content.lstrip().removeprefix(b"#cloud-boothook").lstrip()
            body = body if body.startswith(b"#!") else b"#!/bin/sh\n" + body
            path = f"{self.here}/boothooks/{name}"
            self.keep(path, body)
            self.call([path], {"INSTANCE_ID": self.instance})
        else:
            shown = part.content[:32].decode(errors="replace")
            told = part.kind or "text/x-not-multipart"
            print(f"[WARNING]: Unhandled non-multipart ({told}) userdata: '{shown}...'", flush=True)

    def keep(self, path: str, content: bytes) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "wb") as file:
            file.write(content)

    def let_in(self) -> None:
        """The key pair's owner may log in, as the image's user; root is told to."""
        user = self.order["user"]
        if not user or (self.order["keys"] == [] and accounts.find(user)):
            return
        account = accounts.add(user, groups=["adm", "sudo", "wheel"])
        accounts.authorize(account, self.order["keys"])
        if user != "root":
            prefix = ROOT_IS_OTHERS.format(user=user)
            accounts.authorize(accounts.found("root"), [prefix + key for key in self.order["keys"]])

    def run_scripts(self) -> None:
        def those(folder: str) -> Callable[[], None]:
            return lambda: self.run_all(folder)

        self.step("scripts_per_boot", those(f"{HOME}/scripts/per-boot"))
        self.once("scripts_per_once", those(f"{HOME}/scripts/per-once"), HOME)
        self.once("scripts_per_instance", those(f"{HOME}/scripts/per-instance"))
        always = ["scripts-user", "always"] in self.config.get("cloud_final_modules", [])
        (self.step if always else self.once)("scripts_user", those(f"{self.here}/scripts"))

    def run_all(self, folder: str) -> None:
        failed = [name for name in sorted(os.listdir(folder)) if self.call([f"{folder}/{name}"])]
        if failed:
            raise RuntimeError(f"Running {', '.join(failed)} in {folder} failed")

    def call(self, argv: list[str], more: dict[str, str] = {}, **options: Any) -> int:
        return subprocess.run(argv, env=self.environment | more, cwd="/", check=False, **options).returncode


def up() -> float:
    """Seconds that this machine has been up."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started(1)


def started(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK")


def stay() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def boot(order: dict[str, Any]) -> None:
    """All of it, in a process of its own."""
    # It ends with the last who writes to it, however long that takes to end when the machine does.
    shown = subprocess.Popen(["tee", "-a", OUTPUT], stdin=subprocess.PIPE, preexec_fn=stay)
    assert shown.stdin
    os.dup2(shown.stdin.fileno(), 1)
    os.dup2(shown.stdin.fileno(), 2)
    shown.stdin.close()
    try:
        Boot(order).run()
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
