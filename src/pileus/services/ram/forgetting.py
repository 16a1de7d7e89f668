"""What becomes of shares when an account is reset."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.access.attached import Shared

from . import ram
from .invitations import Invitation
from .shares import Received


@ram.forget
def forget(call: Call) -> None:
    """Nothing of the account is shared any more, and it is invited to nothing."""
    for received in list(Received.scan(call)):
        if received.owner == call.account:
            received.delete(call)
    for shared in list(Shared.scan(call)):
        if shared.share.split(":")[4] == call.account:
            shared.delete(call)
    for invitation in list(Invitation.scan(call)):
        if call.account in (invitation.owner, invitation.receiver):
            invitation.delete(call)
