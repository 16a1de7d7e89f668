"""Who speaks on a connection: its signature is verified, and what it may do with the cluster is asked.

A key that the cloud did not issue is the root of its account, as at every other door; not where the cloud is strict.
What the cluster reads and writes in DynamoDB it does as its role.
"""

from __future__ import annotations

import hashlib
import hmac

from pileus.kernel import Call, Fault, Principal, identity, roles
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.kernel.identity import Credential

from .clusters import Cluster

SESSION = 3600.0


def caller(call: Call, access_key: str, signature: str, signed: bytes, token: str | None) -> Principal:
    """Who signed; a fault where nobody did whom the cloud knows."""
    known = Credential.get(call, access_key)
    if known is None:
        if call.cloud.strict or access_key.startswith("ASIA"):
            raise refused("The security token included in the request is invalid.")
        return identity.root(identity.account_of(access_key), access_key, call.partition)
    if not known.active or (known.expires is not None and known.expires <= call.now):
        raise refused("The security token included in the request is expired or invalid.")
    if not hmac.compare_digest(known.token, token or "") or not verified(known.secret, signature, signed):
        raise refused("The request signature we calculated does not match the signature you provided.")
    return known.principal


def verified(secret: str, signature: str, signed: bytes) -> bool:
    """Signature Version 4: the text that was signed names the day and the Region."""
    lines = signed.decode("utf-8", "replace").split("\n")
    scope = lines[2].split("/") if len(lines) == 4 else []
    if len(scope) != 4 or scope[2:] != ["dax", "aws4_request"]:
        return False
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(hmac.new(key, signed, hashlib.sha256).hexdigest(), signature)


def refused(message: str) -> Fault:
    return Fault("UnrecognizedClientException", message, status=400)


def check(call: Call, cluster: Cluster, action: str) -> None:
    """Raise unless the caller may do this through the cluster."""
    authorize(call, f"dax:{action}", Target(cluster.arn(call), call.account, tags=cluster.tags))


def role_of(call: Call, cluster: Cluster) -> tuple[Principal, float]:
    """The cluster's role, and until when it is its."""
    service = identity.service("dax.amazonaws.com", cluster.arn(call), call.account)
    return roles.taken_on(call, cluster.role, f"dax-{cluster.name}", service), call.now + SESSION
