"""The first process of a machine: it sets the machine up, runs what is to run, buries the dead, and ends it all.

It is not started but forked, from the launcher: so everything that it imports the launcher must have imported, and
fifty of them share most of their memory. It is root of the machine and of nothing else. Its orders come from the
cloud over a socket (`{"run": id, "argv": …}` with the descriptors of its input and output, `{"stop": seconds}`,
`{"answer": id, "error": …}`); what it reports there is no more than a machine's word. Connections to port 22 each get
an sshd, and programs of the machine ask for file systems to be mounted through a pipe that only root can write to.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import struct
import termios
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pileus.engines.sandbox import launcher as sandbox

    from . import accounts, setup
    from .cloudinit import stages
else:
    import accounts
    import launcher as sandbox
    import setup
    from cloudinit import stages

SSH = 22
SERVER = "/usr/sbin/sshd"
REQUESTS = "/run/init"
POWER = {signal.SIGUSR2: "off", signal.SIGINT: "reboot"}
NOT_FOUND, NOT_RUNNABLE = 127, 126


class Init:
    def __init__(self, control: socket.socket, order: dict[str, Any]) -> None:
        self.control = control
        self.order = order
        self.programs: dict[int, int] = {}
        """Which of its children are programs that the cloud asked for: their ids by process."""
        self.deadline = 0.0
        """When a machine that is to end is ended; 0 while it is not."""
        self.killed = False
        self.wake, self.woken = os.pipe()
        self.sources: dict[int, Callable[[], None]] = {}

    def run(self) -> int:
        for descriptor in (self.wake, self.woken):
            os.set_blocking(descriptor, False)
            os.set_inheritable(descriptor, False)
        for number in (signal.SIGCHLD, *POWER):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self.woken, warn_on_full_buffer=False)
        setup.set_up(self.order)
        self.sources = {self.control.fileno(): self.obey, self.wake: self.signalled}
        self.take_requests()
        self.listen()
        self.child(lambda: stages.boot(self.order))
        self.report(up=True)
        poll = select.poll()
        for descriptor in self.sources:
            poll.register(descriptor, select.POLLIN)
        while not self.over():
            wait = max(0.0, self.deadline - time.monotonic()) * 1000 if self.deadline and not self.killed else None
            for descriptor, _ in poll.poll(wait):
                self.sources[descriptor]()
        return 0

    # Ending

    def stop(self, seconds: float) -> None:
        """Ask everything to end, and end what has not by then."""
        if not self.deadline:
            self.deadline = time.monotonic() + seconds
            everything(signal.SIGTERM)
            everything(signal.SIGCONT)

    def over(self) -> bool:
        if not self.deadline:
            return False
        if time.monotonic() >= self.deadline and not self.killed:
            self.killed = True
            everything(signal.SIGKILL)
        return not self.reap()

    def signalled(self) -> None:
        for number in os.read(self.wake, 4096):
            if number in POWER:
                self.report(power=POWER[signal.Signals(number)])
        self.reap()

    def reap(self) -> bool:
        """Bury the dead; whether somebody is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if (number := self.programs.pop(pid, None)) is not None:
                code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                self.report(ended=number, status=code)

    # What the cloud wants

    def obey(self) -> None:
        order, descriptors = sandbox.receive(self.control)
        try:
            if order is None:
                everything(signal.SIGKILL)
                os._exit(0)
            elif "stop" in order:
                self.stop(order["stop"])
            elif "run" in order:
                self.programs[self.child(lambda: start(order, descriptors))] = order["run"]
            elif "answer" in order:
                self.answer(order["answer"], order["error"])
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def child(self, what: Callable[[], Any]) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            self.control.close()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGPIPE, *POWER):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            what()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def report(self, **message: Any) -> None:
        data = json.dumps(message).encode()
        with contextlib.suppress(BrokenPipeError):
            self.control.sendall(len(data).to_bytes(4, "big") + data)

    # What the machine's programs want

    def take_requests(self) -> None:
        """`NAME device directory kind options` on a line of its own; the answer goes to the pipe NAME beside it."""
        os.mkdir(REQUESTS, 0o700)
        os.mkfifo(f"{REQUESTS}/requests", 0o600)
        requests = os.open(f"{REQUESTS}/requests", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

        def read() -> None:
            for line in os.read(requests, 4096).decode(errors="replace").splitlines():
                name, device, directory, kind, options = (*line.split(" "), "", "", "", "")[:5]
                self.report(mount=name, device=device, directory=directory, kind=kind, options=options)

        self.sources[requests] = read

    def answer(self, name: str, error: str) -> None:
        with contextlib.suppress(OSError):  # whoever asked may be gone
            answer = os.open(f"{REQUESTS}/{os.path.basename(name)}", os.O_WRONLY | os.O_NONBLOCK)
            os.write(answer, f"{error}\n".encode())
            os.close(answer)

    def listen(self) -> None:
        if not os.path.exists(SERVER):
            return
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            try:
                listener = socket.socket(family, socket.SOCK_STREAM)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind((address, SSH))
            except OSError:  # a machine may do without one of the two, or run a server of its own
                continue
            listener.listen(128)
            listener.setblocking(False)
            self.sources[listener.fileno()] = lambda listener=listener: self.connected(listener)  # type: ignore[misc]

    def connected(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                self.child(lambda: serve(connection, self.order))


def serve(connection: socket.socket, order: dict[str, Any]) -> None:
    """An SSH server for one connection."""
    setup.host_keys()
    log = os.open("/var/log/auth.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    for descriptor, place in ((connection.fileno(), 0), (connection.fileno(), 1), (log, 2)):
        os.dup2(descriptor, place)
    options = [word for option in setup.ssh_options(order) for word in ("-o", option)]
    os.execve(SERVER, [SERVER, "-i", "-e", *options], setup.environment(order, "root"))


def start(order: dict[str, Any], descriptors: list[int]) -> None:
    """Become a program, with these descriptors as its input, output and errors."""
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, place)
    if order["terminal"]:
        terminal(*order["terminal"])
    account = accounts.found(order["user"])
    environment = {**order["environment"], **accounts.environment(account), "TERM": "xterm-256color"}
    try:
        accounts.become(account)
        os.chdir(order["directory"] or account.home)
        os.execvpe(order["argv"][0], order["argv"], environment)
    except FileNotFoundError as error:
        os.write(2, f"{order['argv'][0]}: {error.strerror}\n".encode())
        os._exit(NOT_FOUND)
    except OSError as error:
        os.write(2, f"{order['argv'][0]}: {error.strerror}\n".encode())
        os._exit(NOT_RUNNABLE)


def terminal(rows: int, columns: int) -> None:
    """Have a terminal of the machine's own, and hand its other end to whoever is at the end of the socket."""
    ours, theirs = os.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    with socket.socket(fileno=os.dup(0)) as asker:
        socket.send_fds(asker, [b"t"], [ours])
    os.close(ours)
    os.login_tty(theirs)


def everything(number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, number)
