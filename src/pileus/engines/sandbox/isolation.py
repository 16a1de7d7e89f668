"""What Linux is asked for to lock a process in: namespaces, mounts, capabilities, limits.

Part of the launcher (see `launcher`): nothing but the standard library of Python 3.8, and every call is a system call's
own (namespaces(7), mount(2), pivot_root(2), prctl(2), capabilities(7)).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
from typing import Any

NEW_USER, NEW_PID, NEW_MOUNTS = 0x10000000, 0x20000000, 0x00020000
NEW_IPC, NEW_NAMES, NEW_NETWORK = 0x08000000, 0x04000000, 0x40000000

READ_ONLY, NO_SUID, NO_DEVICES, REMOUNT = 0x1, 0x2, 0x4, 0x20
BIND, RECURSIVE, PRIVATE = 0x1000, 0x4000, 0x40000
DETACH = 2

SET_DEATH_SIGNAL, SET_DUMPABLE, DROP_BOUNDING = 1, 4, 24
SET_SUBREAPER, SET_NO_NEW_PRIVILEGES, AMBIENT = 36, 38, 47
CLEAR_ALL = 4
CAPABILITIES_3 = 0x20080522

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
"""Programs and libraries, which every sandbox sees."""
SETTINGS = ("alternatives", "ca-certificates.conf", "pki", "ssl/certs", "ssl/openssl.cnf")
COPIED = (
    "gai.conf",
    "host.conf",
    "ld.so.cache",
    "ld.so.conf",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "protocols",
    "resolv.conf",
    "services",
)
"""Files of /etc that programs look for and that tell nothing of their owner."""
USERS = "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"
HOSTS = "127.0.0.1 localhost sandbox sandbox.localdomain\n::1 localhost\n"
DEVICES = ("null", "zero", "full", "random", "urandom")

libc: Any = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def unshare(flags: int) -> None:
    checked(libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    given = [text.encode() if text else None for text in (source, target, kind)]
    checked(libc.mount(*given, ctypes.c_ulong(flags), options.encode() if options else None), f"mount {target}")


def bind(source: str, target: str, writable: bool = False) -> None:
    """Show a directory or file of the host at a place of the sandbox, without anything that is mounted in it."""
    place(source, target)
    mount(source, target, flags=BIND)
    mount("", target, flags=BIND | REMOUNT | NO_SUID | NO_DEVICES | (0 if writable else READ_ONLY))


def place(source: str, target: str) -> None:
    """Make what is mounted on."""
    if os.path.isdir(source):
        os.makedirs(target, mode=0o755, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def enter_user_namespace() -> None:
    """As nobody special: be oneself in a user namespace of one's own, where one may do all this."""
    user, group = os.geteuid(), os.getegid()
    unshare(NEW_USER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def build_root(root: str, shown: list[str], own: str = "") -> None:
    """A root for sandboxes in a mount namespace of this process's own."""
    os.umask(0o022)
    unshare(NEW_MOUNTS)
    mount("", "/", flags=RECURSIVE | PRIVATE)
    if own:
        show_root(root, own)
    else:
        make_root(root, shown)
    devices(root)


def show_root(root: str, own: str) -> None:
    """That of a container image, unpacked. Whoever has unpacked it has seen to it that no link leads out of it here."""
    mount(own, root, flags=BIND)
    mount("", root, flags=BIND | REMOUNT | NO_SUID | NO_DEVICES)
    with open("/etc/resolv.conf", "rb") as source, open(f"{root}/etc/resolv.conf", "wb") as target:
        target.write(source.read())
    with open(f"{root}/etc/hosts", "w") as file:
        file.write(HOSTS)
    mount("tmpfs", f"{root}/dev", "tmpfs", NO_SUID, "mode=755,size=64k")


def make_root(root: str, shown: list[str]) -> None:
    """The machine's programs and libraries, and places for more."""
    mount("tmpfs", root, "tmpfs", NO_SUID | NO_DEVICES, "mode=755,size=4m")
    for path in SYSTEM:
        if os.path.islink(path):
            os.symlink(os.readlink(path), root + path)
        elif os.path.isdir(path):
            bind(path, root + path)
    for path in shown:
        if not path.startswith(("/usr/", "/lib/")) and os.path.exists(path):
            bind(path, root + path)
    for path in ("/proc", "/tmp", "/opt", "/var/task", "/var/runtime", "/var/lang", "/mnt", "/dev", "/etc"):
        os.makedirs(root + path, mode=0o755, exist_ok=True)
    settings(root)


def settings(root: str) -> None:
    java = [name for name in os.listdir("/etc") if name.startswith("java")]
    for name in (*SETTINGS, *java):
        if os.path.exists(f"/etc/{name}"):
            bind(f"/etc/{name}", f"{root}/etc/{name}")
    for name in COPIED:
        try:
            with open(f"/etc/{name}", "rb") as source, open(f"{root}/etc/{name}", "wb") as target:
                target.write(source.read())
        except OSError:
            continue
    own = {
        "passwd": USERS,
        "group": "root:x:0:\nnobody:x:65534:\n",
        "hosts": HOSTS,
    }
    for name, text in own.items():
        with open(f"{root}/etc/{name}", "w") as file:
            file.write(text)


def devices(root: str) -> None:
    for name in DEVICES:
        place(f"/dev/{name}", f"{root}/dev/{name}")
        mount(f"/dev/{name}", f"{root}/dev/{name}", flags=BIND)
    for name, to in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(to, f"{root}/dev/{name}")


def enter(root: str, order: dict[str, Any]) -> None:
    """Go into a sandbox of one's own: what is mounted from here on nobody else sees."""
    private = order["network"] == "none"
    unshare(NEW_MOUNTS | NEW_IPC | NEW_NAMES | (NEW_NETWORK if private else 0))
    socket.sethostname("sandbox")
    if private:
        loopback_up()
    for each in order["mounts"]:
        bind(each["source"], root + each["target"], each["writable"])
    name_user(root, os.geteuid() if order["user"] is None else order["user"])
    mount("proc", f"{root}/proc", "proc", NO_SUID | NO_DEVICES)
    size = f"mode=1777,size={order['tmp_bytes']}"
    mount("tmpfs", f"{root}/tmp", "tmpfs", NO_SUID | NO_DEVICES, size)
    mount("", root, flags=BIND | REMOUNT | READ_ONLY | NO_SUID | NO_DEVICES)
    os.chdir(root)
    checked(libc.pivot_root(b".", b"."), "pivot_root")
    checked(libc.umount2(b".", DETACH), "umount")
    os.chdir("/")


def name_user(root: str, user: int) -> None:
    """Have the sandbox's user in its list of users: programs ask there for a name and a home, and some cannot go on."""
    own = f"{root}/etc/passwd.{user}"
    with open(f"{root}/etc/passwd") as others, open(own, "w") as file:
        file.write(f"{others.read()}sbx_user1051:x:{user}:{user}::/home/sbx_user1051:/sbin/nologin\n")
    bind(own, f"{root}/etc/passwd")
    os.unlink(own)  # what is mounted stays


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = struct.pack("16sH14s", b"lo", 0x1 | 0x40, b"")
        fcntl.ioctl(control, 0x8914, asked)  # SIOCSIFFLAGS: up and running


def limit(limits: dict[str, int]) -> None:
    """Set resource limits by their names in `resource`, such as NOFILE."""
    for name, most in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(number)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (allowed, allowed))


def process_control(option: int, *arguments: int) -> int:
    """prctl(2), where there is one."""
    if not hasattr(libc, "prctl"):
        return -1
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    result: int = libc.prctl(option, *padded)
    return result


def give_up_privileges(user: int | None) -> None:
    """Be another user, if one is named, with no capability and no way to get one."""
    number = 0
    while process_control(DROP_BOUNDING, number) == 0:
        number += 1
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    process_control(AMBIENT, CLEAR_ALL)
    header = struct.pack("Ii", CAPABILITIES_3, 0)
    checked(libc.capset(header, bytes(24)), "capset")
    checked(process_control(SET_NO_NEW_PRIVILEGES, 1), "no_new_privs")
    process_control(SET_DUMPABLE, 1)  # else nothing under /proc/self could be opened


def die_with_parent() -> None:
    """Be killed when the parent dies, however it dies. Changing one's user forgets it (prctl(2))."""
    process_control(SET_DEATH_SIGNAL, signal.SIGKILL)


def adopt_orphans() -> None:
    process_control(SET_SUBREAPER, 1)
