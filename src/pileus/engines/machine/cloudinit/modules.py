"""What cloud-config can ask for: a function for each of cloud-init's modules that makes sense in a machine of ours."""

from __future__ import annotations

import base64
import gzip
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pileus.engines.machine import accounts, setup

    from .stages import Boot
else:
    import accounts
    import setup

Config = dict[str, Any]
FINAL_MESSAGE = "Cloud-init v. $version finished at $timestamp. Datasource $datasource."
MOUNT_DEFAULTS = [None, None, "auto", "defaults,nofail", "0", "2"]


class Module(NamedTuple):
    does: Callable[[Boot, Config], object]
    keys: tuple[str, ...]
    always: bool = False
    """Whether at every boot; else at an instance's first."""


def script(commands: list[Any]) -> str:
    """A shell script of commands, each of which is a line of shell or a list of words (cloud-init: shellify)."""
    lines = ["#!/bin/sh"]
    for command in commands:
        if isinstance(command, list):
            lines.append(" ".join(shlex.quote(str(word)) for word in command))
        elif command is not None:
            lines.append(str(command))
    return "\n".join(lines) + "\n"


def bootcmd(boot: Boot, config: Config) -> None:
    boot.call(["/bin/sh", "-c", script(config["bootcmd"])], {"INSTANCE_ID": boot.instance})


def host_name(boot: Boot, config: Config) -> None:
    if config.get("preserve_hostname"):
        return
    name = str(config.get("hostname") or config["fqdn"])
    socket.sethostname(name)
    setup.write("/etc/hostname", f"{name}\n")


def write_files(boot: Boot, config: Config) -> None:
    write_some([file for file in config["write_files"] if not file.get("defer")])


def deferred_files(boot: Boot, config: Config) -> None:
    write_some([file for file in config["write_files"] if file.get("defer")])


def write_some(files: list[Config]) -> None:
    for file in files:
        content = decoded(file.get("content", ""), str(file.get("encoding", "")))
        path = file["path"]
        os.makedirs(os.path.dirname(path) or "/", exist_ok=True)
        with open(path, "ab" if file.get("append") else "wb") as target:
            target.write(content)
        permissions = file.get("permissions", 0o644)
        os.chmod(path, int(permissions, 8) if isinstance(permissions, str) else permissions)
        owner, _, group = str(file.get("owner", "root:root")).partition(":")
        shutil.chown(path, accounts.found(owner).user, group_number(group) if group else None)


def group_number(name: str) -> int:
    return next(int(fields[2]) for fields in accounts.lines("/etc/group") if fields[0] == name)


def decoded(content: Any, encoding: str) -> bytes:
    data = content if isinstance(content, bytes) else str(content).encode()
    if encoding in ("b64", "base64", "gz+base64", "gzip+base64", "gz+b64", "gzip+b64"):
        data = base64.b64decode(data)
    return gzip.decompress(data) if encoding.startswith("gz") else data


def users(boot: Boot, config: Config) -> None:
    for group in config.get("groups", []):
        add_group(group)
    for user in config.get("users", []):
        if user == "default" or (isinstance(user, dict) and user.get("name") == "default"):
            accounts.add(boot.order["user"], groups=["adm", "sudo", "wheel"])
            accounts.authorize(accounts.found(boot.order["user"]), boot.order["keys"])
        elif isinstance(user, str):
            accounts.add(user)
        else:
            add_user(user)


def add_group(group: Any) -> None:
    named = group if isinstance(group, dict) else {group: []}
    for name, members in named.items():
        if not any(fields[0] == name for fields in accounts.lines("/etc/group")):
            taken = {int(fields[2]) for fields in accounts.lines("/etc/group")}
            number = next(number for number in range(1000, 60000) if number not in taken)
            accounts.append("/etc/group", f"{name}:x:{number}:")
        for member in members or []:
            accounts.join(member, name)


def add_user(user: Config) -> None:
    groups = user.get("groups", [])
    groups = [name.strip() for name in groups.split(",")] if isinstance(groups, str) else groups
    account = accounts.add(
        user["name"],
        shell=user.get("shell", "/bin/bash"),
        home=user.get("homedir", ""),
        comment=user.get("gecos", ""),
        groups=groups,
    )
    if keys := user.get("ssh_authorized_keys"):
        accounts.authorize(account, [keys] if isinstance(keys, str) else keys)
    if hashed := user.get("hashed_passwd") or user.get("passwd"):
        accounts.password(account.name, hashed)
    rules = user.get("sudo") or []
    for rule in [rules] if isinstance(rules, str) else rules:
        accounts.let_do_everything(account.name, rule)


def keys(boot: Boot, config: Config) -> None:
    account = accounts.add(boot.order["user"])
    accounts.authorize(account, config["ssh_authorized_keys"])


def passwords(boot: Boot, config: Config) -> None:
    told = config.get("chpasswd", {})
    pairs = told.get("list", []) if isinstance(told, dict) else []
    lines = pairs.splitlines() if isinstance(pairs, str) else [str(pair) for pair in pairs]
    for user in told.get("users", []) if isinstance(told, dict) else []:
        lines.append(f"{user['name']}:{user['password']}")
    if "password" in config:
        lines.append(f"{boot.order['user']}:{config['password']}")
    if lines:
        boot.call(["chpasswd"], input="\n".join(lines).encode() + b"\n")


def time_zone(boot: Boot, config: Config) -> None:
    target = f"/usr/share/zoneinfo/{config['timezone']}"
    if not os.path.exists(target):
        raise ValueError(f"there is no time zone {config['timezone']}")
    setup.write("/etc/timezone", f"{config['timezone']}\n")
    if os.path.lexists("/etc/localtime"):
        os.unlink("/etc/localtime")
    os.symlink(target, "/etc/localtime")


def mounts(boot: Boot, config: Config) -> None:
    table = []
    for entry in config["mounts"]:
        fields = [*entry, *MOUNT_DEFAULTS[len(entry) :]]
        if fields[0] is None or fields[1] is None:
            continue
        device = str(fields[0])
        fields[0] = device if device.startswith("/") or "=" in device or ":" in device else f"/dev/{device}"
        os.makedirs(str(fields[1]), exist_ok=True)
        table.append("\t".join(str(field) for field in fields) + "\n")
    with open("/etc/fstab", "a") as file:
        file.writelines(table)
    boot.call(["mount", "-a"])


def packages(boot: Boot, config: Config) -> None:
    """By the machine's own package manager, which may reach its mirrors or not."""
    manager = next((name for name in ("apt-get", "dnf", "yum", "apk") if shutil.which(name)), None)
    if manager is None:
        raise RuntimeError("there is no package manager")
    wanted = ["=".join(name) if isinstance(name, list) else name for name in config.get("packages") or []]
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    if config.get("package_update") or (wanted and manager == "apt-get"):
        boot.call([manager, "update"] if manager != "dnf" else [manager, "-y", "makecache"], quiet)
    if config.get("package_upgrade"):
        boot.call([manager, "-y", "upgrade"], quiet)
    verb = ["add"] if manager == "apk" else ["-y", "install"]
    if wanted and boot.call([manager, *verb, *wanted], quiet):
        raise RuntimeError(f"Failed to install packages: {', '.join(wanted)}")


def runcmd(boot: Boot, config: Config) -> None:
    boot.keep(f"{boot.here}/scripts/runcmd", script(config["runcmd"]).encode())


def final_message(boot: Boot, config: Config) -> None:
    values = {"timestamp": time.asctime(time.gmtime()), "version": "24.0", "datasource": "DataSourceEc2Local"}
    text = str(config.get("final_message", FINAL_MESSAGE))
    for name, value in values.items():
        text = text.replace(f"${name}", value).replace(f"${name.upper()}", value)
    print(text, flush=True)


def finish(boot: Boot) -> None:
    """The last thing: a message, and power_state, which says how a machine goes on when its first boot is done."""
    final_message(boot, boot.config)
    state = boot.config.get("power_state")
    if not isinstance(state, dict):
        return

    def change() -> None:
        condition = state.get("condition", True)
        if isinstance(condition, str | list) and subprocess.call(condition, shell=isinstance(condition, str)):
            return
        if condition is not False:
            boot.call(["/usr/sbin/reboot" if state.get("mode") == "reboot" else "/usr/sbin/poweroff"])

    boot.once("power_state_change", change)


MODULES = {
    "bootcmd": Module(bootcmd, ("bootcmd",), always=True),
    "write_files": Module(write_files, ("write_files",)),
    "set_hostname": Module(host_name, ("hostname", "fqdn"), always=True),
    "users_groups": Module(users, ("users", "groups")),
    "ssh": Module(keys, ("ssh_authorized_keys",)),
    "mounts": Module(mounts, ("mounts",)),
    "set_passwords": Module(passwords, ("chpasswd", "password")),
    "timezone": Module(time_zone, ("timezone",)),
    "runcmd": Module(runcmd, ("runcmd",)),
    "package_update_upgrade_install": Module(packages, ("packages", "package_update", "package_upgrade")),
    "write_files_deferred": Module(deferred_files, ("write_files",)),
}
EARLY = ("bootcmd", "write_files", "set_hostname", "users_groups", "ssh")
CONFIG = ("mounts", "set_passwords", "timezone", "runcmd")
FINAL = ("package_update_upgrade_install", "write_files_deferred")
KNOWN = {key for module in MODULES.values() for key in module.keys} | {
    "final_message",
    "power_state",
    "cloud_final_modules",
    "preserve_hostname",
    "repo_update",
    "repo_upgrade",
}
