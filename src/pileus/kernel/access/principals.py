"""Who calls, and whom a resource policy means: the Principal and NotPrincipal elements.

IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal".
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from pileus.kernel.identity import Principal

from .grammar import listed

NOT, ACCOUNT, PRINCIPAL, SESSION = range(4)
"""How a statement's Principal names a caller: not at all; by the account, which leaves it to the account's own
policies; itself or everybody; the very session."""


class Caller(NamedTuple):
    """A principal under all the names by which a policy may know it."""

    kind: str
    """The principal's type (see `pileus.kernel.identity.Principal`)."""
    account: str
    account_names: frozenset[str]
    """The account's number and the ARN of its root."""
    names: frozenset[str]
    """The user, or the role behind the session: ARN and unique id."""
    session_names: frozenset[str] = frozenset()
    """A session's or federated user's own ARN."""
    provider: str = ""
    """The identity provider that a federated principal comes from."""

    @classmethod
    def of(cls, principal: Principal) -> Self:
        account, arn = principal.account, principal.arn
        if principal.type in ("AWSService", "Anonymous"):
            return cls(principal.type, "", frozenset(), frozenset([arn]))
        partition = arn.split(":", 2)[1] if arn.startswith("arn:") else "aws"
        account_names = frozenset([account, f"arn:{partition}:iam::{account}:root"])
        provider = principal.session.get("provider", "")
        if principal.type == "Root":
            return cls("Root", account, account_names, account_names)
        if principal.type == "IAMUser":
            return cls("IAMUser", account, account_names, frozenset([arn, principal.user_id]))
        issuer = principal.session.get("issuer", "")
        names = frozenset([issuer, principal.user_id.partition(":")[0] if principal.type == "AssumedRole" else issuer])
        return cls(principal.type, account, account_names, names - {""}, frozenset([arn]), provider)


class Principals:
    """A Principal or NotPrincipal element."""

    __slots__ = ("aws", "everybody", "excepted", "federated", "services")

    def __init__(self, written: Any, excepted: bool) -> None:
        parts = {"AWS": ["*"]} if written == "*" else {name: listed(values) for name, values in written.items()}
        self.excepted = excepted
        self.aws = frozenset(parts.get("AWS", ()))
        self.services = frozenset(parts.get("Service", ()))
        self.federated = frozenset(parts.get("Federated", ()))
        self.everybody = "*" in self.aws

    @classmethod
    def of(cls, statement: dict[str, Any]) -> Self | None:
        """The element of a statement, or None in policies that have none."""
        if "Principal" in statement:
            return cls(statement["Principal"], False)
        return cls(statement["NotPrincipal"], True) if "NotPrincipal" in statement else None

    def grants(self, caller: Caller) -> int:
        """How an Allow names the caller."""
        if self.excepted:
            return NOT if self._names(caller) else PRINCIPAL
        return self._names(caller)

    def covers(self, caller: Caller) -> bool:
        """Whether a Deny is meant for the caller.

        A NotPrincipal spares only those of whom it names everything: the account, the user or role, and the session.
        """
        if not self.excepted:
            return bool(self._names(caller))
        if self.everybody:
            return False
        if caller.kind in ("AWSService", "Anonymous"):
            return not self._names(caller)
        levels = [caller.account_names, caller.names, caller.session_names]
        return not all(level & self.aws for level in levels if level)

    def _names(self, caller: Caller) -> int:
        if caller.session_names & self.aws:
            return SESSION
        if self.everybody or caller.names & self.aws:
            return PRINCIPAL
        if caller.kind == "AWSService" and caller.names & self.services:
            return PRINCIPAL
        if caller.provider and caller.provider in self.federated:
            return PRINCIPAL
        return ACCOUNT if caller.account_names & self.aws else NOT
