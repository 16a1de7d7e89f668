"""Where packages can be fetched from: addresses that only those learn who may read the function or the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pileus.kernel import Call
from pileus.kernel.edge import Answer

from . import lambda_
from .archives import Code

if TYPE_CHECKING:
    from pileus.gateway.message import Request


def location(call: Call, code: Code) -> str | None:
    """The address of a package: its blob's name, which nobody can guess."""
    return call.url(f"_pileus/at/lambda/code/{code.blob}") if code.blob else None


@lambda_.address
def download(call: Call, request: Request, kind: str, name: str = "") -> Answer:
    """A package."""
    try:
        return Answer(200, [("content-type", "application/zip")], aiter(call.cloud.blobs.open(name)))
    except (OSError, ValueError):
        return Answer(404, [("content-type", "text/plain")], b"There is no such package.\n")
