"""What SES answers at addresses of the cloud's own: keys of DKIM, and the links in its letters."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.edge import Answer

from . import ses
from .dkim import Published

PLAIN = [("content-type", "text/plain; charset=utf-8")]


@ses.address
def at(call: Call, request: Any, kind: str, name: str) -> Answer:
    known = {"dkim": record}
    return known[kind](call, request, name) if kind in known else Answer(404, PLAIN, b"There is nothing here.\n")


def record(call: Call, request: Any, selector: str) -> Answer:
    """The TXT record of a selector of Easy DKIM."""
    found = Published.get(call, selector)
    return Answer(200, PLAIN, found.record.encode()) if found else Answer(404, PLAIN, b"No such selector.\n")
