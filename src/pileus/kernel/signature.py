"""Operations whose parameters are read off the model: made functions that bind like hand-written ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import Parameter, Signature
from typing import Any

from pileus import models

KIND = Parameter.POSITIONAL_OR_KEYWORD

Members = dict[str, Any]


def takes(
    shape: models.Shape | None, members: Iterable[str], *, found: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function of `(call, request)` or `(call, found, request)` take these members of the request by name."""
    assert shape is not None
    wire = {models.snake_case(member): member for member in members}
    required = [Parameter(name, KIND) for name, member in wire.items() if member in shape.required]
    optional = [Parameter(name, KIND, default=None) for name, member in wire.items() if member not in shape.required]
    leading = [Parameter(name, KIND) for name in ("call", "found")[: 1 + found]]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*leading: Any, **given: Any) -> Any:
            return function(*leading, {wire[name]: value for name, value in given.items()})

        operation.__name__ = operation.__qualname__ = function.__name__
        operation.__doc__ = function.__doc__
        operation.__signature__ = Signature([*leading, *required, *optional])  # type: ignore[attr-defined]
        return operation

    return decorate
