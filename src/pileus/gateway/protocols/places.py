"""Where members stand in an HTTP message: which are in the body, and which are elsewhere."""

from __future__ import annotations

from pileus.models import Shape

# A request's body must not overrule its path, so what belongs elsewhere is not read from it.
OUTSIDE_REQUEST = ("uri", "querystring", "header", "headers")
OUTSIDE_RESPONSE = ("header", "headers", "statusCode")


def outside_response(shape: Shape, name: str) -> bool:
    """Whether the member of an output or an error is told by a header or the status."""
    return name in shape.members and shape.members[name].traits.get("location") in OUTSIDE_RESPONSE


def body_member(shape: Shape, name: str) -> Shape:
    """The member of a structure in a response's body; KeyError for what an operation must not return."""
    if name not in shape.members or outside_response(shape, name):
        raise KeyError(f"{shape.name} has no member {name!r} in its body")
    return shape.members[name]
