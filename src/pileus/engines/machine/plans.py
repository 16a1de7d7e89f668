"""What a machine is."""

from __future__ import annotations

import msgspec

MEGABYTE = 1024 * 1024


class File(msgspec.Struct, frozen=True):
    """A file that is written into a machine whenever it starts."""

    path: str
    text: str
    mode: int = 0o644


class Plan(msgspec.Struct, kw_only=True):
    """One machine."""

    name: str
    """Who it is, for as long as it exists: its files are kept under this name."""
    image: str = ""
    """One that was imported, captured or copied; the host's own system if there is none. It never changes."""
    host_name: str = "localhost"
    network: str = ""
    """The network namespace to be in, such as /run/netns/blue; without one there is nothing but a loopback."""
    name_servers: list[str] = []
    search: str = ""
    """The domain that names are looked for in."""
    memory_bytes: int = 512 * MEGABYTE
    cpus: float = 1.0
    """Its share of the processors when they are short."""
    files: list[File] = []
    environment: dict[str, str] = {}
    """What every program in it finds in its environment."""
    authorities: list[str] = []
    """Certificates, in PEM, that programs in it trust besides those that its image does."""
    identity: dict[str, str] = {}
    """What it finds under /sys/devices/virtual/dmi/id, which tells programs where they run."""
    instance: str = ""
    """Whose first boot this is: what is done once is done again when this changes. Its name, unless told."""
    user: str = "ec2-user"
    """Who logs in."""
    keys: list[str] = []
    """Public keys that let in, as authorized_keys(5) has them."""
    key_command: str = ""
    """A program in it that prints further keys of the user it is given."""
    user_data: bytes = b""
    disk: str = ""
    """A block device with a file system (ext4) on which it keeps what it changes; that is its folder without one."""
    devices: dict[str, str] = {}
    """Block devices: their names, such as /dev/xvdf, and the files or devices of the host that they are."""
