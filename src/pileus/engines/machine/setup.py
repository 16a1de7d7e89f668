"""What a machine does whenever it starts, before anything else runs in it."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import accounts
else:
    import accounts

TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
KEYS = ("ed25519", "ecdsa")
FOLDERS = {"/run/sshd": 0o755, "/run/lock": 0o1777, "/tmp": 0o1777, "/var/tmp": 0o1777, "/var/log": 0o755}


def set_up(order: dict[str, Any]) -> None:
    for folder, mode in FOLDERS.items():
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, mode)
    name = order["host_name"]
    socket.sethostname(name)
    short = name.split(".")[0]
    write("/etc/hostname", f"{name}\n")
    # Where there is a name server, it knows the name.
    own = "" if order["name_servers"] or name == "localhost" else f"127.0.1.1 {name} {short}\n"
    write("/etc/hosts", f"127.0.0.1 localhost\n{own}::1 localhost ip6-localhost ip6-loopback\n")
    if order["name_servers"]:
        search = f"search {order['search']}\n" if order["search"] else ""
        write("/etc/resolv.conf", search + "".join(f"nameserver {server}\n" for server in order["name_servers"]))
    assignments = [f"{key}={value}" for key, value in order["environment"].items()]
    write("/etc/environment", "".join(f"{line}\n" for line in assignments))
    write("/etc/profile.d/environment.sh", "".join(f"export {line}\n" for line in assignments))
    trust(order["authorities"])
    for file in order["files"]:
        write(file["path"], file["text"], file["mode"])


def trust(authorities: list[str]) -> None:
    """Add certificates to those that are trusted, and to what they will be made of the next time."""
    known = ""
    if os.path.exists(TRUSTED):
        with open(TRUSTED) as file:
            known = file.read()
    fresh = [text for text in authorities if text not in known]
    if fresh:
        write(TRUSTED, known + "".join(fresh))
    for number, text in enumerate(authorities):
        write(f"/usr/local/share/ca-certificates/cloud-{number}.crt", text)


def write(path: str, text: str, mode: int = 0o644) -> None:
    """A file of that content, whatever was there: a link is replaced, not followed."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fresh = f"{path}.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
        os.fchmod(file.fileno(), mode)
    os.replace(fresh, path)


def environment(order: dict[str, Any], user: str) -> dict[str, str]:
    return {**order["environment"], **accounts.environment(accounts.found(user))}


def ssh_options(order: dict[str, Any]) -> list[str]:
    options = [f"HostKey=/etc/ssh/ssh_host_{kind}_key" for kind in KEYS]
    if order["environment"]:
        options.append("SetEnv=" + " ".join(f"{key}={value}" for key, value in order["environment"].items()))
    if order["key_command"]:
        options += [f"AuthorizedKeysCommand={order['key_command']} %u", "AuthorizedKeysCommandUser=root"]
    return options


def host_keys() -> None:
    """The keys that a machine is known by, made when first they are needed."""
    os.makedirs("/etc/ssh", exist_ok=True)
    with open("/run/init/host-keys", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for kind in KEYS:
            path = f"/etc/ssh/ssh_host_{kind}_key"
            if not os.path.exists(path):
                subprocess.run(["/usr/bin/ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)
