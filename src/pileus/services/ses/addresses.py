"""What SES answers at addresses of the cloud's own: keys of DKIM, and the links in its letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.kernel import Call
from pileus.kernel.edge import Answer

from . import ses, tracking, verifications
from .dkim import Published

PLAIN = [("content-type", "text/plain; charset=utf-8")]


@ses.address
def at(call: Call, request: Any, kind: str, name: str) -> Answer:
    found = KNOWN.get(kind)
    return found(call, request, name) if found else Answer(404, PLAIN, b"There is nothing here.\n")


def record(call: Call, request: Any, selector: str) -> Answer:
    """The TXT record of a selector of Easy DKIM."""
    found = Published.get(call, selector)
    return Answer(200, PLAIN, found.record.encode()) if found else Answer(404, PLAIN, b"No such selector.\n")


def verify(call: Call, request: Any, token: str) -> Answer:
    """The link of a custom verification e-mail."""
    to = verifications.destination(call, token)
    return Answer(302, [("location", to)]) if to else Answer(404, PLAIN, b"There is no such link.\n")


KNOWN: dict[str, Callable[[Call, Any, str], Answer]] = {
    "dkim": record,
    "verify": verify,
    "open": tracking.opened,
    "click": tracking.clicked,
}
"""By the first part of the path. The second API declares one of its own."""
