"""Which resource uses which: so that a certificate, say, knows the load balancers that it must not be taken from.

Use(certificate_arn, listener_arn).put(call)
[use.by for use in Use.scan(call, certificate_arn)]
"""

from __future__ import annotations

from .record import Record


class Use(Record, scope="cloud", key=("used", "by")):
    """That one resource uses another; both by their ARNs."""

    used: str
    by: str
