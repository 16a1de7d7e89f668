"""Code of types, in each language that bindings may be in: the files by their paths."""

from __future__ import annotations

from collections.abc import Callable

from pileus.services.schemas.shapes import Type

from . import go, java, python, typescript

LANGUAGES: dict[str, Callable[[list[str], list[Type]], dict[str, str]]] = {
    "Java8": java.files,
    "Python36": python.files,
    "TypeScript3": typescript.files,
    "Go1": go.files,
}
