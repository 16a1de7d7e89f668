"""All commands but `up`, which only passes through here for its place in the help."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import pileus

from . import clock, coverage, doctor, server, shell, snapshot, tasks
from .command import HANDED_ON

app = typer.Typer(
    name="pileus",
    help="A real cloud on one machine: AWS services on AWS's own wire protocols.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "PILEUS"},
)


def version(wanted: bool) -> None:
    if wanted:
        print(f"pileus {pileus.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=version, is_eager=True, allow_from_autoenv=False, help="Print the version."),
    ] = False,
) -> None:
    pass


@app.command(context_settings=HANDED_ON, add_help_option=False)
def up(context: typer.Context) -> None:
    """Start the cloud; `pileus up --help` has the options."""
    from .up import up as start

    raise typer.Exit(start(context.args))


for noun in (server, shell, coverage, doctor, tasks):
    noun.add_to(app)
app.add_typer(clock.app, name="clock")
app.add_typer(snapshot.app, name="snapshot")


def run(arguments: list[str]) -> int:
    app(args=arguments, prog_name="pileus")
    return 0
