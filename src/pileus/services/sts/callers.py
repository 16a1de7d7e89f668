"""Who calls, whose a key is, and what a denial said."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, identity
from pileus.kernel.identity import Credential
from pileus.kernel.sealed import Sealed

from . import sts


@sts.operation
def get_caller_identity(call: Call) -> dict[str, Any]:
    """Account, ARN and unique id of the caller; needs no permission."""
    caller = call.principal
    return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}


@sts.operation
def get_access_key_info(call: Call, access_key_id: str) -> dict[str, Any]:
    """The account of an access key, whether or not the key still works."""
    if issued := Credential.get(call, access_key_id):
        return {"Account": issued.principal.account}
    account = identity.account_within(access_key_id)
    if account is None:
        raise Fault("ValidationError", f"Invalid Access Key ID: {access_key_id}")
    return {"Account": account}


@sts.operation
def decode_authorization_message(call: Call, encoded_message: str) -> dict[str, Any]:
    """What an access-denied error of this account said in its encoded message."""
    message = Sealed.open(call, encoded_message)
    if message is None:
        raise Fault("InvalidAuthorizationMessageException", "Message is not valid")
    return {"DecodedMessage": message}
