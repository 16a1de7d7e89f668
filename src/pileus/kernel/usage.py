"""Which services users and roles have used, and when: for IAM's access keys, last used roles, and access advisor.

AWS tells it with some delay too. So a use is written down only when the last one that was is a minute old, which makes
it cost next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .record import Record

if TYPE_CHECKING:
    from .call import Call

EVERY = 60.0
"""Seconds of cloud time within which a second use is not worth a record."""

MOST = 4096


class Use(Record, scope="account", key=("identity", "service")):
    """The last use of a service by a user or role."""

    identity: str
    """The unique id: AIDA…, AROA…"""
    service: str
    """The prefix of its actions."""
    at: float
    region: str
    who: str
    """The ARN of the user or role."""


class KeyUse(Record, scope="cloud"):
    """The last use of a user's access key."""

    access_key_id: str
    at: float
    service: str
    region: str


class Usage:
    """Notes who uses what."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, str, str], float] = {}

    def note(self, call: Call) -> None:
        """Remember that the call's principal uses its service now."""
        principal = call.principal
        if principal.type not in ("IAMUser", "AssumedRole") or call.called_via:
            return
        what = (principal.access_key_id, call.service, call.region)
        if not 0 <= call.now - self._noted.get(what, float("-inf")) < EVERY:
            if len(self._noted) >= MOST:
                self._noted.clear()
            self._noted[what] = call.now
            self._write(call)

    def _write(self, call: Call) -> None:
        from .access.actions import prefix_of

        principal, prefix = call.principal, prefix_of(call.service)
        with call.store.attempt():
            identity = principal.user_id.partition(":")[0]
            who = principal.session.get("issuer", principal.arn)
            Use(identity, prefix, call.now, call.region, who).put(call.at(account=principal.account))
            if principal.type == "IAMUser" and principal.access_key_id.startswith("AKIA"):
                KeyUse(principal.access_key_id, call.now, prefix, call.region).put(call)
