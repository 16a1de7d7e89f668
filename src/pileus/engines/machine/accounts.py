"""The users of a machine, as its own /etc has them (passwd(5)): whatever the host knows of users is not asked."""

from __future__ import annotations

import os
from typing import NamedTuple

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Account(NamedTuple):
    name: str
    user: int
    group: int
    home: str
    shell: str


def lines(path: str) -> list[list[str]]:
    try:
        with open(path) as file:
            return [line.rstrip("\n").split(":") for line in file if ":" in line]
    except FileNotFoundError:
        return []


def find(name: str) -> Account | None:
    for fields in lines("/etc/passwd"):
        if fields[0] == name and len(fields) >= 7:
            return Account(name, int(fields[2]), int(fields[3]), fields[5] or "/", fields[6] or "/bin/sh")
    return None


def found(name: str) -> Account:
    account = find(name)
    if account is None:
        raise LookupError(f"there is no user {name}")
    return account


def environment(account: Account) -> dict[str, str]:
    return {
        "PATH": PATH,
        "HOME": account.home,
        "USER": account.name,
        "LOGNAME": account.name,
        "SHELL": account.shell,
    }


def become(account: Account) -> None:
    groups = [int(fields[2]) for fields in lines("/etc/group") if account.name in fields[3].split(",")]
    os.setgroups([account.group, *groups])
    os.setresgid(account.group, account.group, account.group)
    os.setresuid(account.user, account.user, account.user)


def add(name: str, shell: str = "/bin/bash", home: str = "", comment: str = "", groups: list[str] = []) -> Account:
    """Have a user of that name; one that is there is left as it is, but joins the groups."""
    account = find(name)
    if account is None:
        taken = {int(fields[2]) for path in ("/etc/passwd", "/etc/group") for fields in lines(path)}
        number = next(number for number in range(1000, 60000) if number not in taken)
        shell = shell if os.path.exists(shell) else "/bin/sh"
        account = Account(name, number, number, home or f"/home/{name}", shell)
        append("/etc/group", f"{name}:x:{number}:")
        append("/etc/passwd", f"{name}:x:{number}:{number}:{comment}:{account.home}:{shell}")
        append("/etc/shadow", f"{name}:*:19000:0:99999:7:::", 0o640)
        own(account, account.home, 0o700)
    for group in groups:
        join(name, group)
    return account


def join(name: str, group: str) -> None:
    known = lines("/etc/group")
    for fields in known:
        if fields[0] == group:
            members = [member for member in fields[3].split(",") if member]
            fields[3] = ",".join(dict.fromkeys([*members, name]))
    with open("/etc/group", "w") as file:
        file.writelines(":".join(fields) + "\n" for fields in known)


def password(name: str, hashed: str) -> None:
    known = lines("/etc/shadow")
    for fields in known:
        if fields[0] == name:
            fields[1] = hashed
    with open("/etc/shadow", "w") as file:
        file.writelines(":".join(fields) + "\n" for fields in known)


def append(path: str, line: str, mode: int = 0o644) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode), "a") as file:
        file.write(f"{line}\n")


def own(account: Account, folder: str, mode: int) -> None:
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, mode)
    os.chown(folder, account.user, account.group)


def authorize(account: Account, keys: list[str]) -> None:
    """Let these keys in, beside those that it lets in already."""
    own(account, f"{account.home}/.ssh", 0o700)
    path = f"{account.home}/.ssh/authorized_keys"
    known: list[str] = []
    if os.path.exists(path):
        with open(path) as file:
            known = file.read().splitlines()
    with open(path, "w") as file:
        file.writelines(f"{key}\n" for key in dict.fromkeys([*known, *(key.strip() for key in keys)]))
    os.chmod(path, 0o600)
    os.chown(path, account.user, account.group)


def let_do_everything(name: str, rule: str = "ALL=(ALL) NOPASSWD:ALL") -> None:
    """As sudo(8) goes, where there is one."""
    os.makedirs("/etc/sudoers.d", 0o750, exist_ok=True)
    append("/etc/sudoers.d/90-cloud-init-users", f"{name} {rule}", 0o440)
