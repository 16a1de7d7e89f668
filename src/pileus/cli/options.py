"""The options of `pileus up`: on the command line, as PILEUS_* variables, or by the names LocalStack gave them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pileus.settings import PORT, Settings, default_data

from . import localstack
from .trouble import Trouble

LEVELS = ("debug", "info", "warning", "error")

ABOUT = """\
Start the cloud: every AWS service that Pileus has, at one address. Ctrl-C stops it; whatever clients were told is kept
in the data directory and there again at the next start."""


class Parser(argparse.ArgumentParser):
    """A parser whose every option can also be set by a variable named after it: `--tls-port` by PILEUS_TLS_PORT."""

    def __init__(self, environment: Mapping[str, str], otherwise: Mapping[str, str]) -> None:
        super().__init__(prog="pileus up", description=ABOUT, allow_abbrev=False)
        self._environment = environment
        self._otherwise = otherwise

    def option(self, *names: str, help: str, parse: Callable[[str], Any] = str, **more: Any) -> None:  # noqa: A002
        variable, given = self._given(names[-1])
        if given is not None:
            more["default"] = given
        self.add_argument(*names, type=parse, help=f"{help} [{variable}]", **more)

    def switch(self, *names: str, help: str) -> None:  # noqa: A002
        variable, given = self._given(names[-1])
        self.add_argument(
            *names, action=argparse.BooleanOptionalAction, default=truth(given or ""), help=f"{help} [{variable}]"
        )

    def _given(self, name: str) -> tuple[str, str | None]:
        word = name.removeprefix("--")
        variable = "PILEUS_" + word.upper().replace("-", "_")
        return variable, self._environment.get(variable) or self._otherwise.get(word)


def truth(text: str) -> bool:
    return text.lower() in ("1", "true", "yes", "on")


def one_of(*words: str) -> Callable[[str], str]:
    """Accepts one of these words; unlike argparse's `choices` this holds for variables too."""

    def chosen(text: str) -> str:
        if text.lower() not in words:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(words)}")
        return text.lower()

    return chosen


def port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port number (0 to 65535; 0 takes any that is free)")
    return int(text)


def parser(environment: Mapping[str, str], otherwise: Mapping[str, str]) -> Parser:
    """The options; `otherwise` has values of some for where neither the command line nor a variable says anything."""
    made = Parser(environment, otherwise)
    made.switch("-d", "--detach", help="go on in the background once it is ready")
    made.option("--port", parse=port, default=PORT, metavar="PORT", help=f"where to listen, {PORT} by default")
    made.option("--host", default="127.0.0.1", help="address to listen on; only this machine by default")
    made.option("--tls-port", parse=port, metavar="PORT", help="a second port, for TLS only; the first speaks both")
    made.option("--data", parse=folder, metavar="DIR", help=f"where everything is kept, {default_data()} by default")
    made.option(
        "--blobs",
        parse=bucket,
        metavar="URL",
        help="keep large bytes not there but in another store: s3://BUCKET/PREFIX?endpoint=http://HOST:PORT",
    )
    made.switch("--ephemeral", help="keep everything in memory, and nothing after the end")
    made.option(
        "--durability",
        parse=one_of("process", "disk"),
        default="process",
        metavar="process|disk",
        help="what an acknowledged write survives: a killed process (default), or a power cut too",
    )
    made.switch("--strict", help="refuse unknown access keys, and request members that have no effect")
    made.option(
        "--acm-validate",
        parse=one_of("dns", "auto"),
        default="dns",
        metavar="dns|auto",
        help="what proves a domain name to ACM: its record in Route 53 (default), or nothing at all",
    )
    made.option(
        "--hot-reload",
        parse=folder,
        metavar="DIR",
        help="a folder below which functions of the bucket `hot-reload` run where they lie",
    )
    made.switch("--throttle", help="refuse what goes beyond the throughput that tables are provisioned with")
    made.option(
        "--machines",
        parse=one_of("auto", "none"),
        default="auto",
        metavar="auto|none",
        help="whether instances boot where they can (default), or are records alone",
    )
    made.option(
        "--listen",
        parse=ports,
        default={},
        metavar="SERVICE=PORT,…",
        help="ports of services that speak protocols of their own: xray=2000 is the X-Ray daemon's, by UDP; "
        "ses=2525 takes mail by SMTP, ses/tls=4650 by SMTP over TLS; ses/imap=1143 and ses/imaps=9930 show it",
    )
    made.option("--maildir", parse=folder, metavar="DIR", help="write mail to a Maildir of each address there, too")
    made.option(
        "--relay",
        parse=relay,
        metavar="HOST:PORT",
        help="an SMTP server that mail is handed on to; without one, none leaves the cloud",
    )
    made.option(
        "--nitro-root",
        parse=certificate,
        metavar="FILE",
        help="the root certificate of attestation documents for which KMS encrypts its answers",
    )
    made.option("--init", parse=folder, metavar="DIR", help="a folder of scripts to run once the cloud is ready")
    made.option("--log-level", parse=one_of(*LEVELS), default="info", metavar="LEVEL", help="|".join(LEVELS))
    return made


def ports(text: str) -> dict[str, int]:
    """Accepts `xray=2000,ses/imap=1143`: ports by service and protocol, for those services that listen on some."""
    from pileus.kernel.cloud import load, services

    found = {}
    for part in filter(None, text.split(",")):
        what, _, number = part.strip().partition("=")
        service, _, name = what.partition("/")
        if service not in services() or name not in load(services()[service]).listeners:
            raise argparse.ArgumentTypeError(f"{what!r} is no service with a port of its own")
        found[what] = port(number)
    return found


def relay(text: str) -> str:
    """Accepts `mail.example.com:25`."""
    host, _, number = text.rpartition(":")
    if not host:
        raise argparse.ArgumentTypeError(f"{text!r} does not name a host and a port")
    port(number)
    return text


def folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def certificate(text: str) -> Path:
    """Accepts a file that is there and has a certificate in PEM."""
    path = folder(text)
    if not path.is_file() or "BEGIN CERTIFICATE" not in path.read_text(errors="replace"):
        raise argparse.ArgumentTypeError(f"{text!r} is no certificate in PEM")
    return path


def bucket(text: str) -> str:
    """Accepts the address of a bucket that can be reached for as it is written."""
    from pileus.kernel.blobs.bucket import connect

    try:
        connect(text)
    except Exception as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


class Options:
    """What `pileus up` was told."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str] = os.environ) -> None:
        defaults, self.notes = localstack.heeded(environment)
        """Remarks for the user on variables of LocalStack's."""
        given = parser(environment, defaults).parse_args(arguments)
        if given.init and not given.init.is_dir():
            raise Trouble(f"--init {given.init} is no folder.")
        self.detach: bool = given.detach
        self.log_level: str = given.log_level
        self.home: Path = given.data or default_data()
        """Where the run file and the log are, even if nothing else is kept."""
        self.settings = Settings(
            host=given.host,
            port=given.port,
            tls_port=given.tls_port,
            data=None if given.ephemeral else self.home,
            durability=given.durability,
            blobs=given.blobs or "",
            strict=given.strict,
            acm_validate=given.acm_validate,
            hot_reload=given.hot_reload,
            throttle=given.throttle,
            machines=given.machines,
            listen=given.listen,
            relay=given.relay or "",
            maildir=given.maildir,
            nitro_root=given.nitro_root,
            init=given.init,
        )
