"""A machine's root: mounted and entered by the process that becomes its init (see `maker`).

First as root of the host: a file system is put together from layers whose files belong, by mounts that map users, to
users that the host does not have (mount_setattr(2)); then everything else is left behind (pivot_root(2)); and only then
does the process become root of the machine's own users, who has no rights on anything outside.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import stat
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pileus.engines.sandbox import isolation
else:
    import isolation

USERS = 65536
NEW_CGROUP = 0x02000000
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
OPEN_FILE_SYSTEM, CONFIGURE, MOUNT_CONTEXT = 430, 431, 432
SET_FLAG, SET_STRING, CREATE = 0, 1, 6
CLOSE_ON_EXEC_CONTEXT, WITHOUT_DEVICES = 1, 4
HERE = -100
CLONE, CLOSE_ON_EXEC, EMPTY_PATH, FROM_DESCRIPTOR = 1, 0o2000000, 0x1000, 4
MAP_USERS = 0x00100000
SECURE_BITS, KEEP_CAPABILITIES_OVER_USERS = 28, 4
NO_EXECUTION = 8
OWNER = 0xB701
"""ioctl_ns(2): the user namespace that a namespace belongs to."""

NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
TUN = (10, 200)
"""With which a machine that has a network of its own may end tunnels in it."""
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
    "ttyS0": "console",
}


def system_call(number: int, *arguments: Any) -> int:
    result: int = isolation.libc.syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"system call {number}: {os.strerror(error)}")
    return result


def user_namespace(first: int, network: str = "") -> int:
    """A namespace whose users 0, 1, … are the host's users from `first` on, as a descriptor.

    They may also be given a network, which is mounted at a path, and is then theirs as long as it is there.
    """
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        isolation.unshare(isolation.NEW_USER)
        theirs.send(os.readlink("/proc/self").encode())
        theirs.recv(1)
        if network:
            isolation.unshare(isolation.NEW_NETWORK)
        theirs.send(b".")
        theirs.recv(1)
        os._exit(0)
    theirs.close()
    process = ours.recv(32).decode()
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{process}/{name}", "w") as file:
            file.write(f"0 {first} {USERS}")
    ours.send(b".")
    ours.recv(1)
    users = os.open(f"/proc/{process}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    if network:
        isolation.mount(f"/proc/{process}/ns/net", network, flags=isolation.BIND)
    ours.close()
    os.waitpid(pid, 0)
    return users


def owners(network: str) -> tuple[int, int] | None:
    """The users that a network belongs to, and the first of them; None if they are the host's."""
    descriptor = os.open(network, os.O_RDONLY | os.O_CLOEXEC)
    users = fcntl.ioctl(descriptor, OWNER)
    os.close(descriptor)
    if os.fstat(users).st_ino == os.stat("/proc/self/ns/user").st_ino:
        os.close(users)
        return None
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        isolation.checked(isolation.libc.setns(users, isolation.NEW_USER), "setns")
        with open("/proc/self/uid_map") as file:
            os.write(tell, file.read().split()[1].encode())
        os._exit(0)
    os.close(tell)
    with os.fdopen(told) as answer:
        first = int(answer.read())
    os.waitpid(pid, 0)
    return users, first


def mapped(source: str, target: str, users: int) -> None:
    """Show a folder elsewhere, as if it belonged to the users of that namespace."""
    os.makedirs(target, exist_ok=True)
    tree = system_call(OPEN_TREE, HERE, source.encode(), CLONE | CLOSE_ON_EXEC)
    attributes = struct.pack("QQQQ", MAP_USERS, 0, 0, users)
    system_call(MOUNT_SETATTR, tree, b"", EMPTY_PATH, attributes, len(attributes))
    system_call(MOVE_MOUNT, tree, b"", HERE, target.encode(), FROM_DESCRIPTOR)
    os.close(tree)


def build(order: dict[str, Any], users: int, console: int) -> None:
    """Put the root together at `root` of the stage, and go there for good."""
    first, stage = order["users"], order["stage"]
    isolation.unshare(isolation.NEW_MOUNTS)
    isolation.mount("", "/", flags=isolation.RECURSIVE | isolation.PRIVATE)
    isolation.mount("tmpfs", stage, "tmpfs", isolation.NO_SUID, "mode=755,size=1m")
    os.chdir(stage)  # and names from here on: what is mounted tells its options
    root = f"{stage}/root"
    os.mkdir(root)
    if order["disk"]:
        on_disk(order["disk"], [layered["name"] for layered in order["layers"]], users)
    else:
        mapped(order["own"], "own", users)
    for number, layered in enumerate(order["layers"]):
        lower = []
        for depth, source in enumerate(layered["lower"]):
            lower.append(f"{number}.{depth}")
            mapped(source, lower[-1], users)
        overlay(lower, f"own/{layered['name']}", root + layered["at"], first)
    for shown in order["shown"]:
        isolation.bind(shown, os.path.join(root, shown.lstrip("/")))
    devices(f"{root}/dev", first, console)
    isolation.mount("proc", f"{root}/proc", "proc", isolation.NO_SUID | isolation.NO_DEVICES | NO_EXECUTION)
    hardware(f"{root}/sys", first, order["identity"])
    os.chdir(root)
    isolation.checked(isolation.libc.pivot_root(b".", b"."), "pivot_root")
    isolation.checked(isolation.libc.umount2(b".", isolation.DETACH), "umount")
    os.chdir("/")


def on_disk(path: str, names: list[str], users: int) -> None:
    """Keep what the machine changes on a disk, which is mounted where nobody else sees it."""
    os.mkdir("own")
    device = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    for whose in (None, users):  # those users could make nothing in it yet
        tree = file_system(device, "ext4", False, whose)
        moved(tree, "own")
        os.close(tree)
        if whose is None:
            for name in names:
                os.makedirs(f"own/{name}/upper", exist_ok=True)
                os.makedirs(f"own/{name}/work", exist_ok=True)
            isolation.checked(isolation.libc.umount2(b"own", isolation.DETACH), "umount")
    os.close(device)


def overlay(lower: list[str], own: str, target: str, first: int) -> None:
    """Whoever mounts an overlay makes its files: so that must be somebody whom the layers know."""
    options = f"lowerdir={':'.join(lower)},upperdir={own}/upper,workdir={own}/work"
    isolation.process_control(SECURE_BITS, KEEP_CAPABILITIES_OVER_USERS)
    isolation.libc.setfsgid(first)
    isolation.libc.setfsuid(first)
    try:
        isolation.mount("overlay", target, "overlay", 0, options)
    finally:
        isolation.libc.setfsuid(0)
        isolation.libc.setfsgid(0)
        isolation.process_control(SECURE_BITS, 0)


def devices(place: str, first: int, console: int) -> None:
    isolation.mount("tmpfs", place, "tmpfs", isolation.NO_SUID, f"mode=755,size=64k,uid={first},gid={first}")
    for name, (major, minor) in NODES.items():
        node(f"{place}/{name}", major, minor, first, 0o666, stat.S_IFCHR)
    for name, target in LINKS.items():
        os.symlink(target, f"{place}/{name}")
        os.chown(f"{place}/{name}", first, first, follow_symlinks=False)
    for name in ("pts", "shm", "net"):
        os.mkdir(f"{place}/{name}")
        os.chown(f"{place}/{name}", first, first)
    node(f"{place}/net/tun", *TUN, first, 0o666, stat.S_IFCHR)
    os.fchown(console, first, first)
    os.fchmod(console, 0o622)
    isolation.place("/dev/null", f"{place}/console")
    isolation.mount(os.readlink(f"/proc/self/fd/{console}"), f"{place}/console", flags=isolation.BIND)


def node(path: str, major: int, minor: int, owner: int, mode: int, kind: int = stat.S_IFBLK) -> None:
    os.mknod(path, kind, os.makedev(major, minor))
    os.chmod(path, mode)
    os.chown(path, owner, owner)


def hardware(place: str, first: int, identity: dict[str, str]) -> None:
    """What tells programs which hardware they run on; of the host's there is nothing to see."""
    flags = isolation.NO_SUID | isolation.NO_DEVICES | NO_EXECUTION
    isolation.mount("tmpfs", place, "tmpfs", flags, f"mode=755,size=256k,uid={first},gid={first}")
    folder = f"{place}/devices/virtual/dmi/id"
    os.makedirs(folder)
    for name, text in identity.items():
        with open(f"{folder}/{name}", "w") as file:
            file.write(f"{text}\n")
    os.makedirs(f"{place}/class/dmi")
    os.symlink("../../devices/virtual/dmi/id", f"{place}/class/dmi/id")
    isolation.mount("", place, flags=isolation.BIND | isolation.REMOUNT | isolation.READ_ONLY | flags)


def become_root(users: int, network: bool) -> None:
    """Be root of the machine's users, in namespaces that belong to them; that of control groups does not."""
    isolation.unshare(NEW_CGROUP)
    isolation.checked(isolation.libc.setns(users, isolation.NEW_USER), "setns")
    os.close(users)
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    more = 0 if network else isolation.NEW_NETWORK
    isolation.unshare(isolation.NEW_MOUNTS | isolation.NEW_IPC | isolation.NEW_NAMES | more)
    flags = isolation.NO_SUID | isolation.NO_DEVICES
    isolation.mount("tmpfs", "/run", "tmpfs", flags, "mode=755,size=64m")
    isolation.mount("tmpfs", "/dev/shm", "tmpfs", flags, "mode=1777,size=50%")
    isolation.mount(
        "devpts", "/dev/pts", "devpts", isolation.NO_SUID | NO_EXECUTION, "newinstance,ptmxmode=666,mode=620"
    )
    if not network:
        isolation.loopback_up()


def enter_network(path: str, owned: bool) -> None:
    """Go into a network. Where it is not the machine's own, its root is nobody there, and may listen at any port."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    isolation.checked(isolation.libc.setns(descriptor, isolation.NEW_NETWORK), "setns")
    os.close(descriptor)
    settings = {"ping_group_range": "0 2147483647" if not owned else f"0 {USERS - 1}"}
    if not owned:
        settings["ip_unprivileged_port_start"] = "0"
    for setting, value in settings.items():
        with open(f"/proc/sys/net/ipv4/{setting}", "w") as file:
            file.write(value)


def forget_arguments(name: str) -> None:
    """Be called that; the arguments that the launcher was started with tell of the host."""
    with open("/proc/self/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, name.encode(), min(len(name), end - start - 1))
    isolation.process_control(
        15, ctypes.cast(ctypes.c_char_p(os.path.basename(name).encode()), ctypes.c_void_p).value or 0
    )


def file_system(device: int, kind: str, read_only: bool, users: int | None) -> int:
    """Mount a block device nowhere, for those users or for the host's, as a descriptor."""
    context = system_call(OPEN_FILE_SYSTEM, kind.encode(), CLOSE_ON_EXEC_CONTEXT)
    try:
        source = os.path.realpath(f"/proc/self/fd/{device}")
        system_call(CONFIGURE, context, SET_STRING, b"source", source.encode(), 0)
        if read_only:
            system_call(CONFIGURE, context, SET_FLAG, b"ro", None, 0)
        system_call(CONFIGURE, context, CREATE, None, None, 0)
        tree = system_call(MOUNT_CONTEXT, context, CLOSE_ON_EXEC_CONTEXT, WITHOUT_DEVICES | read_only)
    finally:
        os.close(context)
    if users is not None:
        attributes = struct.pack("QQQQ", MAP_USERS, 0, 0, users)
        system_call(MOUNT_SETATTR, tree, b"", EMPTY_PATH, attributes, len(attributes))
    return tree


def moved(tree: int, directory: str) -> None:
    system_call(MOVE_MOUNT, tree, b"", HERE, directory.encode(), FROM_DESCRIPTOR)
