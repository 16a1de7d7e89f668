"""`pileus tasks`: what the cloud has still to do, and what it could not."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import show
from .command import Json, remote
from .remote import Remote, part

app = typer.Typer(help="Show the tasks that wait or have failed for good, or retry one.", invoke_without_command=True)


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="tasks")


@app.callback(invoke_without_command=True)
@remote
def tasks(server: Remote, context: typer.Context, json: Json = False) -> None:
    """Show the tasks that wait or have failed for good, or retry one."""
    if context.invoked_subcommand:
        context.obj = server
        return
    found = server.get("tasks")
    if json:
        show.json(found)
    elif found["pending"] or found["dead"]:
        rows = [row(task, "waits") for task in found["pending"]] + [row(task, "dead") for task in found["dead"]]
        show.table(("Id", "Task", "Account", "State", "Due", "Tries", "Error"), rows)
    else:
        print("Nothing waits, and nothing failed.")


@app.command()
def retry(
    context: typer.Context, identity: Annotated[str, typer.Argument(metavar="ID", help="The task's id.")]
) -> None:
    """Run a task now, be it dead or waiting for a later try."""
    task = context.obj.post(f"tasks/{part(identity)}/retry")
    print(f"{task['task']} runs now.")


def row(task: dict[str, Any], state: str) -> tuple[str, ...]:
    return (task["id"], task["task"], task["account"], state, task["due"], str(task["tries"]), task["error"])
