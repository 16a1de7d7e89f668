"""`pileus clock`: the time in the cloud."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pileus import durations

from . import show
from .command import Json, remote
from .remote import Remote
from .trouble import Trouble

app = typer.Typer(help="Show and turn the cloud's clock.", no_args_is_help=True)


@app.command("show")
@remote
def show_(server: Remote, json: Json = False) -> None:
    """Show the time in the cloud, and whether it runs."""
    tell(server.get("clock"), json)


@app.command()
@remote
def freeze(server: Remote, json: Json = False) -> None:
    """Stop the clock: nothing falls due until it runs again or is advanced."""
    tell(server.post("clock", {"freeze": True}), json)


@app.command()
@remote
def run(server: Remote, json: Json = False) -> None:
    """Let the clock go on from where it stands."""
    tell(server.post("clock", {"run": True}), json)


@app.command()
@remote
def advance(
    server: Remote, by: Annotated[str, typer.Argument(help="How far: 4d, 90m, 1h30m, PT15M.")], json: Json = False
) -> None:
    """Let time pass at once: everything that falls due on the way happens, in order."""
    tell(server.post("clock", {"advance": understood(durations.seconds, by)}), json)


@app.command("set")
@remote
def set_(
    server: Remote,
    to: Annotated[str, typer.Argument(help="2030-01-31, 2030-01-31T12:00:00Z, epoch seconds; `now` is real time.")],
    json: Json = False,
) -> None:
    """Make it another time; forward, everything that falls due on the way happens. `now` brings back real time."""
    instant: str | float = to if to in ("now", "real") else understood(durations.instant, to)
    tell(server.post("clock", {"set": instant}), json)


def understood(parse: Any, text: str) -> float:
    try:
        return float(parse(text))
    except ValueError as error:
        raise Trouble(f"{error}.", code=2) from None


def tell(state: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show.json(state)
        return
    how = "real time" if state["real"] else "running" if state["running"] else "frozen"
    if not state["real"]:
        side = "ahead of" if state["ahead"] >= 0 else "behind"
        how += f", {durations.spoken(abs(state['ahead']))} {side} real time"
    print(f"{state['now']} ({how})")
