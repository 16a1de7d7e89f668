"""The end of certificates: events that it approaches, one a day, and the day itself."""

from __future__ import annotations

from pileus.kernel import Call

from . import acm
from .accounts import days_before
from .certificates import AMAZON, EXPIRED, IMPORTED, ISSUED, Certificate, announce

DAY = 86400.0
RENEWED_BEFORE = {True: 45 * DAY, False: 60 * DAY}
"""When ACM begins to renew: public certificates of 198 days, and private ones of 395."""


def await_end(call: Call, certificate: Certificate) -> None:
    """Enqueue what the present certificate will bring, up to its last day."""
    from .renewing import await_renewal

    end = certificate.not_after
    assert end is not None
    expire.later(call, due=end, certificate=certificate.id, end=end)
    await_warning(call, certificate)
    if certificate.type != IMPORTED and certificate.key:
        await_renewal(call, certificate, max(end - RENEWED_BEFORE[certificate.type == AMAZON], call.now))


def await_warning(call: Call, certificate: Certificate) -> None:
    """Enqueue the first event of its approaching end, as the account wants it."""
    assert certificate.not_after is not None
    certificate.warned = max(certificate.not_after - days_before(call) * DAY, call.now)
    certificate.put(call)
    warn.later(call, due=certificate.warned, certificate=certificate.id, due_at=certificate.warned)


@acm.task
def warn(call: Call, certificate: str, due_at: float) -> None:
    """Tell that a certificate will soon expire; every day."""
    found = Certificate.get(call, certificate)
    if found is None or found.status != ISSUED or found.warned != due_at or found.not_after is None:
        return
    left = found.not_after - call.now
    if left <= 0:
        return
    announce(call, "ACM Certificate Approaching Expiration", found, DaysToExpiry=int(left / DAY))
    found.warned = call.now + DAY
    found.put(call)
    warn.later(call, due=found.warned, certificate=certificate, due_at=found.warned)


@acm.task
def expire(call: Call, certificate: str, end: float) -> None:
    """A certificate has had its time, unless another has taken its place."""
    found = Certificate.get(call, certificate)
    if found and found.not_after == end and found.status == ISSUED:
        found.status = EXPIRED
        found.put(call)
        announce(call, "ACM Certificate Expired", found)
