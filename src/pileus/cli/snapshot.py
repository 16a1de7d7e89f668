"""`pileus snapshot`: the whole cloud under a name, to go back to."""

from __future__ import annotations

from typing import Annotated

import typer

from . import show
from .command import Json, remote
from .remote import Remote, part

app = typer.Typer(help="Save the whole cloud under a name, and go back to it.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The snapshot's name.")]


@app.command()
@remote
def save(server: Remote, name: Name) -> None:
    """Save everything as it is now, over a snapshot of the same name."""
    saved = server.post(f"snapshots/{part(name)}")
    print(f"Saved {saved['name']} ({show.size(saved['bytes'])}).")


@app.command()
@remote
def load(server: Remote, name: Name) -> None:
    """Put everything back as the snapshot has it. What the cloud has now is lost, unless saved."""
    server.post(f"snapshots/{part(name)}/load")
    print(f"Loaded {name}.")


@app.command("list")
@remote
def list_(server: Remote, json: Json = False) -> None:
    """List the snapshots."""
    snapshots = server.get("snapshots")["snapshots"]
    if json:
        show.json(snapshots)
    elif snapshots:
        show.table(
            ("Name", "Saved", "Size"), [(one["name"], one["saved"], show.size(one["bytes"])) for one in snapshots]
        )
    else:
        print("There are no snapshots.")


@app.command()
@remote
def delete(server: Remote, name: Name) -> None:
    """Delete a snapshot."""
    server.ask("DELETE", f"snapshots/{part(name)}")
    print(f"Deleted {name}.")
