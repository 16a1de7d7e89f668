"""How a cloud is set up: options of the command line, each with an environment variable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

PORT = 4566


def default_data() -> Path:
    """Where state lives unless `--data` says otherwise (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "pileus"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a server is told when it starts."""

    host: str = "127.0.0.1"
    port: int = PORT
    tls_port: int | None = None
    """A second port that speaks TLS only; the first speaks both."""
    data: Path | None = msgspec.field(default_factory=default_data)
    """The data directory; None keeps everything in memory."""
    durability: Literal["process", "disk"] = "process"
    """What a write survives once it was acknowledged: a killed process, or a power cut too."""
    blobs: str = ""
    """`s3://BUCKET/PREFIX?endpoint=…`: where large bytes are kept, if not in the data directory."""
    strict: bool = False
    """Refuse unknown access keys, and members that have no effect."""
    hot_reload: Path | None = None
    """A folder below which functions may run code where it lies, so that edits take effect at once."""
    acm_validate: Literal["dns", "auto"] = "dns"
    """Whether ACM takes domain names as proven without looking for their records."""
    nitro_root: Path | None = None
    """The root certificate, in PEM, of attestation documents that KMS trusts."""
    throttle: bool = False
    """Refuse what goes beyond the throughput that tables are provisioned with."""
    machines: Literal["auto", "none"] = "auto"
    """Whether instances are machines, where there can be any, or records alone."""
    listen: dict[str, int] = {}
    """Ports of services that speak protocols of their own beside the API: `xray` by UDP, `ses` and `ses/imap`."""
    maildir: Path | None = None
    """A folder in which each address that mail is sent to has a Maildir."""
    relay: str = ""
    """The SMTP server, as `HOST:PORT`, that mail is handed on to. Without one, none leaves the cloud."""
    init: Path | None = None
    """A folder with init scripts beside LocalStack's own."""
