"""`pileus coverage`: how much of AWS is here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from . import show
from .command import Json
from .trouble import Trouble

if TYPE_CHECKING:
    from pileus.coverage import Coverage


def add_to(app: typer.Typer) -> None:
    app.command()(coverage)


def coverage(
    service: Annotated[str | None, typer.Argument(help="One service, by its botocore name; all by default.")] = None,
    json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """Show which operations are implemented, which members have no effect, and what is behind them."""
    from pileus import coverage as made
    from pileus.kernel import cloud

    if service and service not in cloud.services():
        raise Trouble(f"{service} is not here.", f"There are {', '.join(sorted(cloud.services()))}.")
    services = [made.of(service)] if service else made.everything()
    if json:
        print(made.as_json(services).decode(), end="")
    elif markdown:
        print(made.markdown(services))
        print(made.markdown_members(services), end="")
    else:
        table(services, closely=bool(service))


def table(services: list[Coverage], *, closely: bool) -> None:
    from pileus import coverage as made

    show.table(made.HEAD, made.rows(services))
    if not closely:
        print(f"{made.absent()} others answer 501.")
        return
    for one in services:
        if one.missing:
            print(f"\nNot there: {', '.join(one.missing)}")
        for operation, members in one.ignored.items():
            print(f"{operation} does not heed {', '.join(members)}")
