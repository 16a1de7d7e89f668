"""The launcher: a process that makes sandboxes, by forking itself and locking the child in.

It is started by the engine and runs by itself, under any Python from 3.8 on, with the standard library only. What it
has imported before (`preload`), its children find in their memory: so a Python program starts in milliseconds. When
the cloud ends, however it ends, the launcher's control socket does, and with the launcher every sandbox.

    python -I launcher.py DESCRIPTOR '{"driver": "namespaces", "root": "/…", "shown": [], …}'

Messages are JSON after their length in four bytes. Orders: `{"start": id, …}` with the descriptors of the sandbox's
outputs, `{"kill": id}`. Reports: `{"ready": …}`, `{"started": id, "pid": …}`, `{"ended": id, "status": …}`.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import importlib.machinery
import json
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import isolation  # type: ignore[import-not-found,unused-ignore]  # noqa: E402

sys.path.remove(HERE)

MOST_OUTPUTS = 8
BROKEN = 125
"""The exit status of a sandbox that could not be made."""


class Launcher:
    def __init__(self, control: socket.socket, driver: str, root: str, path: list[str]) -> None:
        self.control = control
        self.driver = driver
        self.root = root
        self.path = path
        self.children: dict[int, str] = {}
        self.pids: dict[str, int] = {}
        self.wake, self.woken = os.pipe()
        self.own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY) if driver == "namespaces" else -1

    def run(self) -> None:
        os.set_blocking(self.woken, False)
        os.set_blocking(self.wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self.woken, warn_on_full_buffer=False)
        gc.freeze()
        self.report(ready=os.getpid())
        while True:
            readable = select.select([self.control.fileno(), self.wake], [], [])[0]
            if self.wake in readable:
                os.read(self.wake, 4096)
                self.reap()
            if self.control.fileno() in readable and not self.obey():
                break
        for pid in self.children:
            self.kill(pid)

    def obey(self) -> bool:
        """Do as the next message says; False at the end of them."""
        order, outputs = receive(self.control)
        if order is None:
            return False
        self.carry_out(order, outputs)
        return True

    def carry_out(self, order: dict[str, Any], outputs: list[int]) -> None:
        if "start" in order:
            self.start(order, outputs)
        elif (pid := self.pids.get(order["kill"])) is not None:
            self.kill(pid)

    def start(self, order: dict[str, Any], outputs: list[int]) -> None:
        try:
            pid = self.fork()
        except OSError as error:
            self.report(ended=order["start"], status=BROKEN, error=str(error))
        else:
            if pid == 0:
                self.become(order, outputs)
            self.children[pid] = order["start"]
            self.pids[order["start"]] = pid
            self.report(started=order["start"], pid=pid)
        for descriptor in outputs:
            os.close(descriptor)

    def fork(self) -> int:
        """A child; where there are namespaces, the first process of a new one for processes."""
        if self.driver != "namespaces":
            return os.fork()
        isolation.unshare(isolation.NEW_PID)
        pid = os.fork()
        if pid != 0:  # the next one gets a namespace of its own
            isolation.checked(isolation.libc.setns(self.own_pids, isolation.NEW_PID), "setns")
        return pid

    def become(self, order: dict[str, Any], outputs: list[int]) -> None:
        """Never returns: the child is the sandbox's first process."""
        status = BROKEN
        try:
            take_outputs(outputs)
            isolation.die_with_parent()
            for path in order["groups"]:
                with open(path, "w") as group:
                    group.write("0")
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            if self.driver == "namespaces":
                isolation.enter(self.root, order)
                isolation.limit(order["limits"])
                isolation.give_up_privileges(order["user"])
                isolation.die_with_parent()
            else:
                isolation.limit(order["limits"])
            status = self.supervise(order)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def supervise(self, order: dict[str, Any]) -> int:
        """Start the programs, be the one who buries orphans, and end as the last of them, the main one, does."""
        os.chdir(order["directory"])
        isolation.adopt_orphans()
        for program in order["beside"]:
            if os.fork() == 0:
                isolation.die_with_parent()
                if order["beside_output"]:
                    os.dup2(order["beside_output"], 1)
                    os.dup2(order["beside_output"], 2)
                run(program, order["environment"])
        if order["beside_output"]:
            os.close(order["beside_output"])
        main = os.fork()
        if main == 0:
            isolation.die_with_parent()
            if order["entry"]:
                self.enter(order)
            run(order["argv"], order["environment"])
        os.closerange(1, 1 + order["outputs"])
        while True:
            pid, status = os.wait()
            if pid == main:
                return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

    def enter(self, order: dict[str, Any]) -> None:
        """Run a function of a preloaded module as the program. Never returns."""
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.argv = [order["entry"]]
        module, _, name = order["entry"].partition(":")
        status: Any = 1
        try:
            getattr(sys.modules[module], name)()
            status = 0
        except SystemExit as ending:
            status = ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
            os._exit(status & 255)

    def kill(self, pid: int) -> None:
        """End a sandbox whole: with the first process of its namespace all others die."""
        with contextlib.suppress(ProcessLookupError):
            if self.driver == "namespaces":
                os.kill(pid, signal.SIGKILL)
            else:
                os.killpg(pid, signal.SIGKILL)

    def reap(self) -> None:
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            sandbox = self.children.pop(pid)
            del self.pids[sandbox]
            code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            self.report(ended=sandbox, status=code)

    def report(self, **message: Any) -> None:
        data = json.dumps(message).encode()
        with contextlib.suppress(BrokenPipeError):  # the cloud is gone, as `obey` is about to learn
            self.control.sendall(len(data).to_bytes(4, "big") + data)


def receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and the descriptors that came with it."""
    descriptors = array.array("i")
    try:
        head, more, _, _ = control.recvmsg(4, socket.CMSG_SPACE(MOST_OUTPUTS * descriptors.itemsize))
        for level, kind, data in more:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
        head += exactly(control, 4 - len(head)) if head else b""
        if not head:
            return None, []
        return json.loads(exactly(control, int.from_bytes(head, "big"))), list(descriptors)
    except (ConnectionError, EOFError):
        return None, []


def exactly(control: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = control.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def take_outputs(outputs: list[int]) -> None:
    """Have the outputs as descriptors 1, 2, … and nothing else open, but for the standard input, which is empty."""
    # Out of the way first: a low number may be another's destination.
    moved = [os.dup2(descriptor, 100 + at) for at, descriptor in enumerate(outputs)]
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    for at, descriptor in enumerate(moved):
        os.dup2(descriptor, at + 1)
    os.closerange(len(outputs) + 1, 1024)


def run(program: list[str], environment: dict[str, str]) -> None:
    """Become that program."""
    try:
        os.execvpe(program[0], program, environment)
    except OSError as error:
        # As a shell would say it.
        os.write(2, f"{program[0]}: {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


class Shown:
    """Finds what sandboxes see, and nothing else that lies beside it: a library looks what others there are."""

    def __init__(self, path: list[str], shown: list[str]) -> None:
        self.path = path
        self.shown = shown

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if path is not None:
            return None
        for place in self.path:
            names = [one for one in self.shown if os.path.dirname(one) == place]
            if not names or {os.path.join(place, name), os.path.join(place, f"{name}.py")} & set(names):
                spec = importlib.machinery.PathFinder.find_spec(name, [place])
                if spec is not None:
                    return spec
        return None


def own_processes(control: int) -> None:
    """Go on as the first process of a namespace of one's own: only into what one owns one may come back (setns(2))."""
    isolation.unshare(isolation.NEW_PID)
    child = os.fork()
    if child == 0:
        isolation.die_with_parent()
        return
    os.close(control)
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def preload(options: dict[str, Any]) -> None:
    """Import what the children are to find in their memory."""
    finder: Any = Shown(options["path"], options["shown"])
    sys.meta_path.append(finder)
    for name in options["preload"]:
        try:
            importlib.import_module(name)
        except Exception as error:  # what one interpreter cannot load, its programs do without
            print(f"launcher: {name} is not preloaded: {error}", file=sys.stderr)
    sys.meta_path.remove(finder)
    sys.path += options["path"]


def main() -> None:
    options = json.loads(sys.argv[2])
    preload(options)
    if options["driver"] == "namespaces":
        if os.geteuid() != 0:
            isolation.enter_user_namespace()
            own_processes(int(sys.argv[1]))
        isolation.build_root(options["root"], options["shown"], options["own"])
    control = socket.socket(fileno=int(sys.argv[1]))
    Launcher(control, options["driver"], options["root"], options["path"]).run()


if __name__ == "__main__":
    main()
