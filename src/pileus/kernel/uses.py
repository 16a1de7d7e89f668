"""Which resource uses which: so that a certificate, say, knows the load balancers that it must not be taken from.

    InUse(certificate_arn, listener_arn).put(call)
    [use.by for use in InUse.scan(call, certificate_arn)]

Whoever begins to use something notes it, and removes the note when that ends.
"""

from __future__ import annotations

from .record import Record


class InUse(Record, scope="cloud", key=("used", "by")):
    """That one resource uses another; both by their ARNs."""

    used: str
    by: str
