"""Validation: ACM looks for the records that prove names, now and then, for 72 hours."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import acm
from .certificates import PENDING, TIMED_OUT, Certificate
from .domains import PROVEN, WAITING, proven
from .issuing import issue
from .letters import Letter

Members = dict[str, Any]

TIME = 72 * 3600.0
"""After which a request is given up (User Guide, "Domain ownership validation")."""
SOONEST, LATEST = 2.0, 600.0
"""Seconds until the next look: a tenth of the time that has passed, between these."""


def next_look(passed: float) -> float:
    return min(max(passed / 10, SOONEST), LATEST)


@acm.task
async def look(call: Call, certificate: str) -> None:
    """Look for the records of a request's names; issue once all are proven, look again if not."""
    found = Certificate.get(call, certificate)
    if found is None or found.status != PENDING:
        return
    waiting = [one for one in found.domains if one["ValidationStatus"] == WAITING]
    seen = {one["DomainName"] for one in waiting if await proven(call, one)}
    with call.transaction():
        found = Certificate.get(call, certificate)
        if found is None or found.status != PENDING:
            return
        found.domains = marked(found.domains, seen)
        found.put(call)
        if all(one["ValidationStatus"] == PROVEN for one in found.domains):
            issue.later(call, certificate=certificate)
        elif found.created + TIME > call.now:
            look.later(call, delay=next_look(call.now - found.created), certificate=certificate)


def marked(domains: list[Members], seen: set[str]) -> list[Members]:
    """The same with some names proven."""
    return [one | {"ValidationStatus": PROVEN} if one["DomainName"] in seen else one for one in domains]


@acm.task
def time_out(call: Call, certificate: str) -> None:
    """Nobody has proven the names in time."""
    found = Certificate.get(call, certificate)
    if found is None or found.status != PENDING or all(one["ValidationStatus"] == PROVEN for one in found.domains):
        return
    found.status = TIMED_OUT
    found.put(call)
    Letter.forget(call, found.id)
