"""Groups of modules: each has a folder with its tokens, and a process of its own that holds them open.

A process each, because SoftHSM2 knows one folder in a process, and because a library in C should not take the cloud
with it. Other programs open the same tokens with the same library and the group's configuration (`SOFTHSM2_CONF`).
Answers are waited for: they take about as long as a read of the store.
"""

from __future__ import annotations

import importlib.util
import io
import os
import select
import shutil
import struct
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
PATIENCE = 30.0
"""Seconds after which a process that does not answer is given up."""
SIZE = struct.Struct(">I")


class Absent(Exception):
    """What modules need is not installed."""


class Refused(Exception):
    """A module said no; `kind` is the name of PKCS #11's error, such as PinIncorrect."""

    def __init__(self, kind: str, text: str = "") -> None:
        super().__init__(f"{kind}: {text}" if text else kind)
        self.kind = kind


def library() -> Path:
    """SoftHSM2's library."""
    for place in LIBRARIES:
        if Path(place).exists():
            return Path(place)
    raise Absent("SoftHSM2 is not installed: see the package softhsm2 (apt) or softhsm (brew).")


def check() -> Path:
    """The library, if everything is there; Absent says what is not."""
    if importlib.util.find_spec("pkcs11") is None:
        raise Absent('python-pkcs11 is not installed: pip install "pileus[hsm]".')
    return library()


class Hsms:
    """An engine of the cloud."""

    def __init__(self, cloud: Cloud) -> None:
        if cloud.folder is None:
            raise Absent("A cloud without a folder has no place for modules.")
        self._folder = cloud.folder / "hsm"
        self._workers: dict[str, Worker] = {}

    def configuration(self, group: str) -> Path:
        """What SOFTHSM2_CONF has to name for a program to see the group's tokens."""
        return self._folder / group / "softhsm2.conf"

    def create(self, group: str) -> None:
        """A folder without tokens; one that is there already stays as it is."""
        check()
        tokens = self._folder / group / "tokens"
        tokens.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = (f"directories.tokendir = {tokens}", "objectstore.backend = file", "log.level = ERROR")
        self.configuration(group).write_text("\n".join((*lines, "slots.removable = false")) + "\n")

    def remove(self, group: str) -> None:
        if worker := self._workers.pop(group, None):
            worker.stop()
        shutil.rmtree(self._folder / group, ignore_errors=True)

    def packed(self, group: str) -> bytes:
        """The group's tokens, as they are on disk: their secrets encrypted under the PINs of their owners."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.add(self._folder / group / "tokens", "tokens")
        return packed.getvalue()

    def unpack(self, group: str, packed: bytes) -> None:
        """A group with the tokens of another."""
        self.create(group)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(self._folder / group, filter="data")

    def ask(self, group: str, what: str, **members: Any) -> Any:
        """What `worker.py` answers to this; Refused where the module says no."""
        if group not in self._workers:
            if not self.configuration(group).exists():
                raise Refused("TokenNotPresent", "there are no modules")
            self._workers.setdefault(group, Worker(check(), self.configuration(group)))  # two threads may come here
        return self._workers[group].ask(what, members)

    async def close(self) -> None:
        for worker in self._workers.values():
            worker.stop()
        self._workers.clear()


class Worker:
    """A process that holds a group's tokens open; started again if it has ended."""

    def __init__(self, module: Path, configuration: Path) -> None:
        self._module = module
        self._configuration = configuration
        self._one_at_a_time = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, what: str, members: dict[str, Any]) -> Any:
        request = msgspec.msgpack.encode([what, members])
        with self._one_at_a_time:
            process = self._running()
            try:
                answer = msgspec.msgpack.decode(exchanged(process, request))
            except (OSError, EOFError, TimeoutError) as error:
                self._end()
                raise Refused("DeviceError", str(error)) from error
        if "error" in answer:
            raise Refused(answer["error"], answer["text"])
        return answer["result"]

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            command = [sys.executable, "-m", "pileus.engines.hsm.worker", str(self._module)]
            path = os.pathsep.join(filter(None, sys.path))
            environment = os.environ | {"SOFTHSM2_CONF": str(self._configuration), "PYTHONPATH": path}
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        return self._process

    def stop(self) -> None:
        with self._one_at_a_time:
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe
                pipe.close()
            self._process = None


def exchanged(process: subprocess.Popen[bytes], request: bytes) -> bytes:
    assert process.stdin and process.stdout
    process.stdin.write(SIZE.pack(len(request)) + request)
    (size,) = SIZE.unpack(received(process.stdout, SIZE.size))
    return received(process.stdout, size)


def received(pipe: Any, size: int) -> bytes:
    found = b""
    while len(found) < size:
        if not select.select([pipe], [], [], PATIENCE)[0]:
            raise TimeoutError("no answer")
        part = pipe.read(size - len(found))
        if not part:
            raise EOFError("the process has ended")
        found += part
    return found
