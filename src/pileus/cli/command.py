"""How a function becomes a command that speaks to a server."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from .remote import find

Function = Callable[..., Any]

WHERE = {
    "port": Annotated[int | None, typer.Option(envvar="PILEUS_PORT", help="Its port; 4566 by default.")],
    "host": Annotated[str | None, typer.Option(envvar="PILEUS_HOST", help="Its host; this machine by default.")],
    "data": Annotated[Path | None, typer.Option(envvar="PILEUS_DATA", help="Its data directory, to find it by.")],
}

HANDED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
"""For commands that hand all their arguments on."""

Json = Annotated[bool, typer.Option("--json", envvar="PILEUS_JSON", help="Print JSON.")]


def remote(function: Function) -> Function:
    """A command whose first parameter is the server meant: it gets the options that say which."""

    def command(**options: Any) -> Any:
        return function(find(**{name: options.pop(name) for name in WHERE}), **options)

    hints = typing.get_type_hints(function, include_extras=True)
    own = [one.replace(annotation=hints[one.name]) for one in inspect.signature(function).parameters.values()]
    optional = partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY, default=None)
    where = [optional(name, annotation=WHERE[name]) for name in WHERE]
    command.__name__ = function.__name__
    command.__doc__ = function.__doc__
    command.__signature__ = inspect.Signature([*own[1:], *where])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own[1:], *where)}
    return command
