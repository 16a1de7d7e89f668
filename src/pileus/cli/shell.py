"""Pointing other programs at the cloud: `pileus env` for a shell, `pileus aws` for the AWS CLI."""

from __future__ import annotations

import os
import re
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from . import remote as remotes
from . import show
from .command import HANDED_ON, Json, remote
from .remote import Remote
from .trouble import Trouble


class Shell(StrEnum):
    SH = "sh"
    FISH = "fish"
    POWERSHELL = "powershell"


FORMS = {
    Shell.SH: "export {name}={value}",
    Shell.FISH: "set -gx {name} {value};",
    Shell.POWERSHELL: '$Env:{name} = "{value}"',
}


def add_to(app: typer.Typer) -> None:
    app.command()(env)
    app.command(context_settings=HANDED_ON, add_help_option=False)(aws)


@remote
def env(
    server: Remote,
    shell: Annotated[Shell | None, typer.Option(help="For which shell; by default the one of $SHELL.")] = None,
    account: Annotated[str | None, typer.Option(help="Act as this account's root (twelve digits).")] = None,
    region: Annotated[str | None, typer.Option(help="The Region to work in.")] = None,
    json: Json = False,
) -> None:
    """Print what points AWS's tools and SDKs at this cloud: eval "$(pileus env)"."""
    if account and not re.fullmatch(r"\d{12}", account):
        raise Trouble(f"{account} is no account: those have twelve digits.", code=2)
    variables = remotes.environment(server, account, region)
    if json:
        show.json(variables)
        return
    form = FORMS[shell or (Shell.FISH if os.environ.get("SHELL", "").endswith("fish") else Shell.SH)]
    for name, value in variables.items():
        print(form.format(name=name, value=value))


def aws(context: typer.Context) -> None:
    """Run the AWS CLI against this cloud: pileus aws sqs list-queues. PILEUS_PORT or PILEUS_DATA say which."""
    program = found()
    port = os.environ.get("PILEUS_PORT", "")
    data = os.environ.get("PILEUS_DATA")
    server = remotes.find(
        os.environ.get("PILEUS_HOST"), int(port) if port.isdigit() else None, Path(data) if data else None
    )
    mine = remotes.environment(server, os.environ.get("AWS_ACCESS_KEY_ID"), None)
    mine["AWS_SECRET_ACCESS_KEY"] = os.environ.get("AWS_SECRET_ACCESS_KEY") or "test"
    sys.stdout.flush()
    # Version 1 of the CLI sends SQS to Amazon's legacy host names unless the option itself says otherwise.
    endpoint = [] if "--endpoint-url" in context.args else ["--endpoint-url", mine["AWS_ENDPOINT_URL"]]
    os.execve(program, ["aws", *endpoint, *context.args], {**os.environ, **mine})


def found() -> str:
    """The AWS CLI: the one installed beside this, or the one on the path."""
    beside = str(Path(sys.executable).parent)
    if program := shutil.which("aws", path=beside) or shutil.which("aws"):
        return program
    raise Trouble("The AWS CLI is not installed.", 'Install it with  pip install "pileus[cli]"')
