"""Whose a local connection is: the user whom the other end's socket belongs to (sock_diag(7))."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

SOCK_DIAG = 4
BY_FAMILY = 20
REQUEST = 1
ANY_STATE = 0xFFFFFFFF
NO_COOKIE = b"\xff" * 8
HEADER = struct.Struct("=IHHII")
USER_AT = HEADER.size + 4 + 48 + 12


def user_of(here: tuple[str, int], there: tuple[str, int]) -> int | None:
    """The user at the other end of a TCP connection over IPv4, by the addresses of both; None if nobody knows."""
    try:
        return asked(there, here)
    except OSError:
        return listed(there, here)


def asked(source: tuple[str, int], target: tuple[str, int]) -> int | None:
    """Ask the kernel for that one socket."""
    ports = struct.pack("!HH", source[1], target[1])
    addresses = b"".join(socket.inet_aton(host).ljust(16, b"\0") for host, _ in (source, target))
    wanted = struct.pack("=BBxxI", socket.AF_INET, socket.IPPROTO_TCP, ANY_STATE)
    wanted += ports + addresses + struct.pack("=I", 0) + NO_COOKIE
    message = HEADER.pack(HEADER.size + len(wanted), BY_FAMILY, REQUEST, 1, 0) + wanted
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
        kernel.sendto(message, (0, 0))
        answer = kernel.recv(4096)
    _, kind, *_ = HEADER.unpack_from(answer)
    if kind != BY_FAMILY:
        raise OSError("the kernel cannot say")
    user: int = struct.unpack_from("=I", answer, USER_AT)[0]
    return user


def listed(source: tuple[str, int], target: tuple[str, int]) -> int | None:
    """Look for it in the list of all."""

    def shown(address: tuple[str, int]) -> str:
        number = int.from_bytes(socket.inet_aton(address[0]), "little")
        return f"{number:08X}:{address[1]:04X}"

    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == shown(source) and fields[2] == shown(target):
            return int(fields[7])
    return None
