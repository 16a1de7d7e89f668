"""External account bindings: credentials with which an ACME client registers (RFC 8555, section 7.3.4).

Each stands for an IAM role, which must trust `acm.amazonaws.com`, and be allowed to request certificates.
"""

from __future__ import annotations

import base64
import os
from typing import Any

from pileus.kernel import Call, Record, names
from pileus.kernel import tags as tagging

from . import acm, faults
from .acme_endpoints import AcmeEndpoint, absent, endpoint, part
from .certificates import checked

Members = dict[str, Any]

UNITS = {"MINUTES": 60.0, "HOURS": 3600.0, "DAYS": 86400.0}


class Binding(Record, key=("endpoint", "id"), kw_only=True):
    endpoint: str
    id: str
    role: str
    key: bytes
    """For HMAC, sealed."""
    created: float
    expires: float | None = None
    revoked: float | None = None
    used: float | None = None
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return call.arn(f"acme-endpoint/{self.endpoint}/acme-external-account-binding/{self.id}")

    def secret(self, call: Call) -> bytes:
        return call.cloud.master_key.open(self.key, about(self.id))

    def good(self, call: Call) -> bool:
        return self.revoked is None and (self.expires is None or self.expires > call.now)

    def shown(self, call: Call) -> Members:
        told = {
            "AcmeExternalAccountBindingArn": self.arn(call),
            "AcmeEndpointArn": call.arn(f"acme-endpoint/{self.endpoint}"),
            "RoleArn": self.role,
            "ExpiresAt": self.expires,
            "RevokedAt": self.revoked,
            "LastUsedAt": self.used,
            "CreatedAt": self.created,
            "UpdatedAt": self.revoked or self.created,
        }
        return {member: value for member, value in told.items() if value is not None}


def about(binding: str) -> bytes:
    return f"acm:binding:{binding}".encode()


def binding(call: Call, acme_external_account_binding_arn: str) -> Binding:
    place = acme_external_account_binding_arn
    found = Binding.get(call, part(place, 1), part(place, 3))
    if found is None or found.arn(call) != place:
        raise absent(place)
    return found


@acm.operation(on=endpoint, honours=("IdempotencyToken",))
def create_acme_external_account_binding(
    call: Call, endpoint: AcmeEndpoint, role_arn: str, expiration: Members = {}, tags: list[Members] = []
) -> Members:
    """New credentials. A second call makes others, which hurts nobody: so its token needs no memory."""
    identifier = names.uuid4()
    made = Binding(
        endpoint=endpoint.id,
        id=identifier,
        role=role_arn,
        key=call.cloud.master_key.seal(os.urandom(32), about(identifier)),
        created=call.now,
        expires=call.now + expiration["Value"] * UNITS[expiration["Type"]] if expiration else None,
        tags=checked(tagging.as_map(tags)),
    ).put(call)
    return {"ExternalAccountBinding": made.shown(call)}


@acm.operation(on=binding)
def describe_acme_external_account_binding(call: Call, binding: Binding) -> Members:
    return {"ExternalAccountBinding": binding.shown(call)}


@acm.operation(on=binding)
def get_acme_external_account_binding_credentials(call: Call, binding: Binding) -> Members:
    """What an ACME client is given."""
    key = base64.urlsafe_b64encode(binding.secret(call)).decode().rstrip("=")
    return {"KeyId": binding.id, "MacKey": key}


@acm.operation(on=endpoint)
def list_acme_external_account_bindings(
    call: Call, endpoint: AcmeEndpoint, next_token: str = "", max_results: int = 100
) -> Members:
    page = Binding.page(call, endpoint.id, limit=max_results, token=next_token, invalid=faults.invalid_token())
    return {"ExternalAccountBindings": [one.shown(call) for one in page.items], "NextToken": page.token}


@acm.operation(on=binding)
def revoke_acme_external_account_binding(call: Call, binding: Binding) -> None:
    """Let nobody register with it any more; accounts that have done so stay."""
    binding.revoked = binding.revoked or call.now
    binding.put(call)


def perhaps(call: Call, acme_external_account_binding_arn: str) -> Binding | None:
    place = acme_external_account_binding_arn
    return Binding.get(call, part(place, 1), part(place, 3))


@acm.operation(on=perhaps)
def delete_acme_external_account_binding(call: Call, binding: Binding | None) -> None:
    if binding is not None:
        binding.delete(call)
