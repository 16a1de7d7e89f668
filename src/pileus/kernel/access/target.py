"""What a call acts on, as the decision sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .matching import Values


class Target(NamedTuple):
    """One resource: its ARN, its owner, and the policy that hangs on it."""

    arn: str
    account: str = ""
    """The owner; empty for the account that the call looks at."""
    policy: str | None = None
    """Its resource policy: an empty text for a resource that has none now, None for one that can have none."""
    explicit: bool = False
    """Whether that policy must allow, even within the account."""
    trust: bool = False
    """Whether that policy is a role's trust policy."""
    tags: Mapping[str, str] = {}
    keys: Mapping[str, Values] = {}
    """Condition keys of the service's own, in lower case."""
    action: str = ""
    """The action on this resource, where it is not the operation's."""
