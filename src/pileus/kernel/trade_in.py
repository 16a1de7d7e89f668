"""What a token stands for that IAM has sent to a partner, and that STS takes in exchange for credentials."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .identity import Principal
from .record import Record

if TYPE_CHECKING:
    from .call import Call


class TradeIn(Record, scope="cloud"):
    """A token that was sent. Only its digest is kept."""

    digest: str
    partner: str
    """The account that may take it in exchange."""
    principal: Principal
    """Who has accepted, and whose rights the partner gets for a while, as far as the policy goes."""
    policy: str
    expires: float
    ends: float
    """When the partner's time is over, whenever it begins."""

    @classmethod
    def of(cls, call: Call, token: str) -> TradeIn | None:
        return cls.get(call, digest_of(token))


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
