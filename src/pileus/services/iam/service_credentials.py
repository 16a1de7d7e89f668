"""Service specific credentials: user names, passwords and API keys for single services."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.identity import ApiKey, digest
from pileus.kernel.record import Record

from . import iam
from .access_keys import principal_of
from .faults import missing
from .lists import MOST, answer, piece
from .quotas import SERVICE_CREDENTIALS, exceeded
from .users import User, user_meant, user_named, user_of

DAY = 86400.0
API_KEYS = ("bedrock.amazonaws.com", "logs.amazonaws.com")
"""Services whose credentials are API keys, which may expire."""
SERVICES = ("codecommit.amazonaws.com", "cassandra.amazonaws.com", *API_KEYS)


class ServiceCredential(Record, scope="account", key=("owner", "id")):
    owner: str
    """The user's unique id."""
    id: str
    service: str
    login: str
    secret: str
    created: float
    expires: float | None = None
    status: str = "Active"

    def shown(self, user: User) -> dict[str, Any]:
        told: dict[str, Any] = {
            "UserName": user.name,
            "Status": self.status,
            "CreateDate": self.created,
            "ServiceSpecificCredentialId": self.id,
            "ServiceName": self.service,
            "ServiceCredentialAlias" if self.service in API_KEYS else "ServiceUserName": self.login,
        }
        return told | ({"ExpirationDate": self.expires} if self.expires else {})

    def whole(self, user: User) -> dict[str, Any]:
        name = "ServiceCredentialSecret" if self.service in API_KEYS else "ServicePassword"
        return self.shown(user) | {name: self.secret}


@iam.operation(on=user_named)
def create_service_specific_credential(
    call: Call, user: User, service_name: str, credential_age_days: int = 0
) -> dict[str, Any]:
    """A new credential for one service, whose secret is told this once."""
    known(service_name)
    held = [one for one in ServiceCredential.scan(call, user.id) if one.service == service_name]
    if len(held) >= SERVICE_CREDENTIALS:
        raise exceeded("ServiceSpecificCredentialsPerUser", SERVICE_CREDENTIALS)
    suffix = f"-{len(held)}" if held else ""
    credential = ServiceCredential(
        user.id,
        names.unique_id("ACCA"),
        service_name,
        f"{user.name}{suffix}-at-{call.account}",
        secret(),
        call.now,
        call.now + credential_age_days * DAY if credential_age_days else None,
    ).put(call)
    stand(call, user, credential)
    return {"ServiceSpecificCredential": credential.whole(user)}


@iam.operation
def list_service_specific_credentials(
    call: Call,
    user_name: str = "",
    service_name: str = "",
    all_users: bool = False,
    marker: str = "",
    max_items: int = MOST,
) -> dict[str, Any]:
    """The credentials of a user, or of all, without their secrets."""
    if service_name:
        known(service_name)
    owner = () if all_users else (user_meant(call, user_name).id,)
    found = [one for one in ServiceCredential.scan(call, *owner) if service_name in ("", one.service)]
    page, token = piece(call, found, marker, max_items)
    return answer("ServiceSpecificCredentials", [one.shown(user_of(call, one.owner)) for one in page], token)


@iam.operation(on=user_meant)
def update_service_specific_credential(
    call: Call, user: User, service_specific_credential_id: str, status: str
) -> None:
    """Take a credential out of use, or into use again."""
    credential = credential_of(call, user, service_specific_credential_id)
    credential.status = status
    credential.put(call)
    stand(call, user, credential)


@iam.operation(on=user_meant)
def reset_service_specific_credential(call: Call, user: User, service_specific_credential_id: str) -> dict[str, Any]:
    """Give a credential another secret."""
    credential = credential_of(call, user, service_specific_credential_id)
    fall(call, credential)
    credential.secret = secret()
    credential.put(call)
    stand(call, user, credential)
    return {"ServiceSpecificCredential": credential.whole(user)}


@iam.operation(on=user_meant)
def delete_service_specific_credential(call: Call, user: User, service_specific_credential_id: str) -> None:
    credential = credential_of(call, user, service_specific_credential_id)
    fall(call, credential)
    credential.delete(call)


def stand(call: Call, user: User, credential: ServiceCredential) -> None:
    """Have an API key stand for the user."""
    if credential.service in API_KEYS:
        principal = principal_of(call, user, credential.id)
        active = credential.status == "Active"
        ApiKey(digest(credential.secret), credential.service, principal, credential.expires, active).put(call)


def fall(call: Call, credential: ServiceCredential) -> None:
    if key := ApiKey.get(call, digest(credential.secret)):
        key.delete(call)


def stand_anew(call: Call, user: User) -> None:
    """Have the API keys of a user that was renamed stand for its new ARN."""
    for credential in list(ServiceCredential.scan(call, user.id)):
        stand(call, user, credential)


def credential_of(call: Call, user: User, credential_id: str) -> ServiceCredential:
    if credential := ServiceCredential.get(call, user.id, credential_id):
        return credential
    raise missing(f"The Service Specific Credential with id {credential_id} cannot be found.")


def known(service: str) -> None:
    if service not in SERVICES:
        raise Fault(
            "ServiceNotSupportedException", f"No such service {service} is supported for Service Specific Credentials"
        )


def secret() -> str:
    return names.token(43, names.ALPHANUMERIC + "+/") + "="
