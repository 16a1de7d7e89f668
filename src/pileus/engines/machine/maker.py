"""The launcher of machines: like that of sandboxes, of which it is one, but what it forks becomes a machine's init.

Orders beside those to start and to kill, each of which is answered by `{"done": n, "error": …}`:

    {"attach": machine, "device": "/dev/xvdf", "path": …, "id": n}
    {"detach": machine, "device": "/dev/xvdf", "id": n}
    {"mount": machine, "device": …, "directory": …, "kind": "ext4", "read_only": false, "id": n}
    {"provide": path, "users": first, "id": n}

A machine may not mount a block device itself, since its users are not the host's.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING, Any

HERE = os.path.dirname(os.path.abspath(__file__))
SANDBOX = os.path.join(os.path.dirname(HERE), "sandbox")

if TYPE_CHECKING:
    from pileus.engines.sandbox import isolation
    from pileus.engines.sandbox import launcher as sandbox

    from . import devices, filters, root
else:
    sys.path[:0] = [HERE, SANDBOX]
    import devices
    import filters
    import isolation
    import launcher as sandbox
    import root

    sys.path[:2] = []


class Maker(sandbox.Launcher):
    def __init__(self, control: socket.socket, stage: str) -> None:
        super().__init__(control, "namespaces", stage, [])
        self.attached: dict[tuple[str, str], int] = {}

    def carry_out(self, order: dict[str, Any], outputs: list[int]) -> None:
        for what in (self.attach, self.detach, self.mount, self.provide):
            if name := order.get(what.__name__):
                try:
                    what(name, order)
                    self.report(done=order["id"])
                except OSError as error:
                    self.report(done=order["id"], error=str(error))
                return
        super().carry_out(order, outputs)

    def become(self, order: dict[str, Any], outputs: list[int]) -> None:
        """Never returns: the child is the machine's init."""
        status = sandbox.BROKEN
        try:
            console, control = (os.dup2(descriptor, 100 + at) for at, descriptor in enumerate(outputs))
            os.dup2(os.open("/dev/null", os.O_RDWR), 0)
            isolation.die_with_parent()
            os.setsid()
            for number in (signal.SIGCHLD, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            signal.set_wakeup_fd(-1)
            for path in order["groups"]:
                with open(path, "w") as group:
                    group.write("0")
            os.closerange(3, 100)
            os.closerange(102, 1024)
            self.enter(order, console)
            os.dup2(console, 1)
            os.dup2(console, 2)
            os.close(console)
            from init import Init  # type: ignore[import-not-found,unused-ignore]  # preloaded: it needs what lies elsewhere

            status = Init(socket.socket(fileno=control), order).run()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def enter(self, order: dict[str, Any], console: int = -1) -> None:
        os.umask(0o022)
        theirs = root.owners(order["network"]) if order["network"] else None
        users, first = theirs or (root.user_namespace(order["users"]), order["users"])
        if order["network"]:
            root.enter_network(order["network"], owned=theirs is not None)
        root.build({**order, "stage": self.root, "users": first}, users, console)
        root.forget_arguments("/sbin/init")
        root.become_root(users, bool(order["network"]))
        filters.install()
        isolation.limit(order["limits"])
        isolation.die_with_parent()

    def attach(self, name: str, order: dict[str, Any]) -> None:
        pid = self.pid(name)
        device = devices.opened(order["path"])
        number = os.fstat(device).st_rdev
        try:
            with open(f"/proc/{pid}/uid_map") as users:
                first = int(users.read().split()[1])
            self.within(name, lambda: self.show(order["device"], number, first))
        except BaseException:
            os.close(device)
            raise
        self.attached[name, order["device"]] = device

    def show(self, path: str, number: int, owner: int) -> None:
        root.node(path, os.major(number), os.minor(number), owner, 0o660)

    def detach(self, name: str, order: dict[str, Any]) -> None:
        if (device := self.attached.pop((name, order["device"]), None)) is not None:
            os.close(device)
            self.within(name, lambda: os.unlink(order["device"]))

    def mount(self, name: str, order: dict[str, Any]) -> None:
        device = self.attached.get((name, order["device"]))
        if device is None:
            raise FileNotFoundError(f"special device {order['device']} does not exist.")
        users = os.open(f"/proc/{self.pid(name)}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        try:
            tree = root.file_system(device, order["kind"], order["read_only"], users)
        finally:
            os.close(users)
        try:
            self.within(name, lambda: root.moved(tree, order["directory"]))
        finally:
            os.close(tree)

    def provide(self, path: str, order: dict[str, Any]) -> None:
        """Mount a network at a path that belongs to the users of whichever machine will be in it."""
        os.close(root.user_namespace(order["users"], path))

    def pid(self, name: str) -> int:
        """Its init; it may have ended since the order was given."""
        if name not in self.pids:
            raise ProcessLookupError(f"{name} does not run")
        return self.pids[name]

    def within(self, name: str, what: Any) -> None:
        """Do something among a machine's mounts. Its files are not ours: a child does it, which sees nothing else."""
        mounts = os.open(f"/proc/{self.pid(name)}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                isolation.checked(isolation.libc.setns(mounts, isolation.NEW_MOUNTS), "setns")
                what()
            except BaseException as error:
                os.write(tell, str(error).encode()[:1024])
            finally:
                os._exit(0)
        os.close(tell)
        os.close(mounts)
        with os.fdopen(told) as answer:
            trouble = answer.read()
        os.waitpid(pid, 0)
        if trouble:
            raise OSError(trouble)

    def reap(self) -> None:
        super().reap()
        for name, device in list(self.attached):
            if name not in self.pids:
                os.close(self.attached.pop((name, device)))


def main() -> None:
    options = json.loads(sys.argv[2])
    sandbox.preload(options)
    sys.path[:] = [HERE]  # nothing is found any more that is not there already: machines have files of their own
    Maker(socket.socket(fileno=int(sys.argv[1])), options["root"]).run()


if __name__ == "__main__":
    main()
