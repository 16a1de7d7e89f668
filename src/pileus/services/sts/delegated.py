"""Credentials for a partner whom somebody in an account has lent some of its rights (IAM, delegation requests)."""

from __future__ import annotations

import math
from typing import Any

from pileus.kernel import Call, Fault, Principal
from pileus.kernel.trade_in import TradeIn

from . import sts
from .sessions import issue


@sts.operation
def get_delegated_access_token(call: Call, trade_in_token: str) -> dict[str, Any]:
    """Temporary credentials in exchange for a token, once: whoever has accepted lends his rights, within the policy."""
    found = TradeIn.of(call, trade_in_token)
    if found is None or found.partner != call.account:
        raise Fault("AccessDenied", "The trade-in token is not valid.")
    if found.expires <= call.now:
        raise Fault("ExpiredTradeInTokenException", "The trade-in token has expired.")
    found.delete(call)
    whose = found.principal
    session = whose.session | {"policy": found.policy, "delegated_to": call.account}
    principal = Principal(whose.type, whose.account, whose.arn, whose.user_id, session=session)
    answer = issue(call, principal, math.floor(found.ends - call.now), 0)
    return answer | {"AssumedPrincipal": whose.arn}
