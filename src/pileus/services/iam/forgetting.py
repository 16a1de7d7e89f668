"""What becomes of things that lie in no account by their keys, when an account is reset."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.issuer import Issuer

from . import iam
from .accounts import alias_of
from .delegation_requests import DelegationRequest, remove
from .service_credentials import ServiceCredential, fall


@iam.forget
def forget(call: Call) -> None:
    """The account has no alias, is no issuer, has no API keys, and neither asks for rights nor is asked."""
    for credential in list(ServiceCredential.scan(call)):
        fall(call, credential)
    if alias := alias_of(call):
        alias.delete(call)
    if issuer := Issuer.of(call):
        issuer.delete(call)
    for request in list(DelegationRequest.scan(call)):
        if call.account in (request.partner, request.owner_account):
            remove(call, request)
