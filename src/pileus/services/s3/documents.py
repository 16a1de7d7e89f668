"""Documents that are set about a bucket, one of a kind or several with ids: kept as they were put."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record


class Document(Record, scope="cloud", key=("room", "kind", "id")):
    """One configuration of a bucket, in the members of the model."""

    room: str
    kind: str
    id: str
    content: Any


def load(call: Call, room: str, kind: str, name: str = "") -> Any:
    """The content, or None."""
    found = Document.get(call, room, kind, name)
    return None if found is None else found.content


def save(call: Call, room: str, kind: str, content: Any, name: str = "") -> None:
    Document(room=room, kind=kind, id=name, content=content).put(call)


def drop(call: Call, room: str, kind: str, name: str = "") -> bool:
    """Whether there was one."""
    found = Document.get(call, room, kind, name)
    if found is not None:
        found.delete(call)
    return found is not None
