"""What is asked before every operation, as quickly as can be: who need not be asked, and who must (`enforcement`).

The root of an account may do everything in it, and it costs next to nothing to find that out. Everything else of this
package is imported when somebody else calls for the first time, or an organization limits the account, or there is a
policy to be checked.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pileus.kernel.call import Call
    from pileus.kernel.operation import Bound

    from .target import Target


def admitted(call: Call, bound: Bound, request: dict[str, Any]) -> Call:
    """The call, looking at the account that owns what it is about; raises where its principal may not make it."""
    principal = call.principal
    service = bound.service
    owner_of = service.owner_of
    owner = (owner_of(call, request) if owner_of else "") or call.account
    given: list[Target] | None = None
    if principal.type == "Root":
        # What the request is about is asked for at its owner alone: elsewhere there is no such thing.
        if unlimited(call, owner):
            given = service.targets_of(call, request) if service.asks_root and service.targets_of else None
            if given is None:
                return call
    elif principal.type == "AWSService" and principal.arn in ("pileus.amazonaws.com", f"{service.name}.amazonaws.com"):
        return call
    examined: Call = enforcement().examined(call, bound, request, owner, given)
    return examined


@cache
def enforcement() -> ModuleType:
    """Imported once somebody asks for it; an import in a function costs as much as all else here."""
    from . import enforcement

    return enforcement


def unlimited(call: Call, account: str) -> bool:
    """Whether it is the root of that account who calls, and nothing limits him: organization, endpoint or task."""
    principal = call.principal
    session = principal.session
    return (
        principal.type == "Root"
        and principal.account == account
        and call.passage is None
        and not (session and (session.get("policy_arns") or session.get("policy")))
        and not call.cloud.access.limited(call, account)
    )
