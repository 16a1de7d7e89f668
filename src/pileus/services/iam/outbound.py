"""Outbound federation: the account vouches for its principals to services elsewhere (STS GetWebIdentityToken)."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.issuer import PATH, Issuer

from . import iam


@iam.operation
def enable_outbound_web_identity_federation(call: Call) -> dict[str, Any]:
    """Be an issuer of tokens: under an address of this cloud, where whoever is shown one finds the keys."""
    issuer = Issuer.of(call)
    if issuer is not None and issuer.enabled:
        raise Fault("FeatureEnabledException", "Outbound web identity federation is already enabled in your account.")
    if issuer is None:
        unique = names.uuid4()
        issuer = Issuer(unique, call.account, call.url(f"{PATH}/{unique}"))
    issuer.enabled = True
    issuer.put(call)
    return {"IssuerIdentifier": issuer.url}


@iam.operation
def disable_outbound_web_identity_federation(call: Call) -> None:
    """Issue no more tokens. Those that are about stay good: their keys stay published."""
    issuer = enabled(call)
    issuer.enabled = False
    issuer.put(call)


@iam.operation
def get_outbound_web_identity_federation_info(call: Call) -> dict[str, Any]:
    return {"IssuerIdentifier": enabled(call).url, "JwtVendingEnabled": True}


def enabled(call: Call) -> Issuer:
    issuer = Issuer.of(call)
    if issuer is None or not issuer.enabled:
        raise Fault("FeatureDisabledException", "Outbound web identity federation is not enabled in your account.")
    return issuer
