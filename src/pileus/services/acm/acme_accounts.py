"""What ACME clients have at an endpoint: accounts, orders, nonces; and what AWS tells of the accounts."""

from __future__ import annotations

import base64
import os
from typing import Any

from pileus.kernel import Call, Record

from . import acm, faults
from .acme_endpoints import AcmeEndpoint, absent, endpoint

Members = dict[str, Any]

HOUR = 3600.0
VALID, DEACTIVATED, REVOKED = "VALID", "DEACTIVATED", "REVOKED"


class AcmeAccount(Record, key=("endpoint", "id"), indexes={"by_thumbprint": ("endpoint", "thumbprint")}, kw_only=True):
    endpoint: str
    id: str
    thumbprint: str
    """Of its key (RFC 7638)."""
    key: dict[str, str]
    """The public key as a JWK."""
    contacts: list[str]
    binding: str
    role: str
    created: float
    status: str = VALID

    def shown(self, call: Call, endpoint: AcmeEndpoint) -> Members:
        return {
            "AccountUrl": f"{endpoint.url(call)}/account-{self.id}",
            "PublicKeyThumbprint": self.thumbprint,
            "Status": self.status,
            "CreatedAt": self.created,
            "AcmeExternalAccountBindingArn": call.arn(
                f"acme-endpoint/{self.endpoint}/acme-external-account-binding/{self.binding}"
            ),
            "Contacts": self.contacts,
        }


class AcmeOrder(Record, key=("endpoint", "account", "id"), kw_only=True):
    endpoint: str
    account: str
    id: str
    names: list[str]
    expires: float
    status: str = "ready"
    csr: bytes = b""
    certificate: str = ""
    """The id of the certificate, once there is one."""
    error: str = ""


class Nonce(Record, key=("endpoint", "made", "value")):
    """A nonce that was given out and not used."""

    endpoint: str
    made: float
    value: str

    @classmethod
    def issue(cls, call: Call, endpoint: str) -> str:
        for old in list(cls.scan(call, endpoint, before=(call.now - HOUR,), limit=10)):
            old.delete(call)
        nonce = cls(endpoint, call.now, os.urandom(12).hex()).put(call)
        return base64.urlsafe_b64encode(f"{nonce.made!r}/{nonce.value}".encode()).decode().rstrip("=")

    @classmethod
    def used(cls, call: Call, endpoint: str, text: str) -> bool:
        """Whether a nonce was good; it is no longer."""
        try:
            made, _, value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition("/")
            found = cls.get(call, endpoint, float(made), value)
        except ValueError:
            return False
        if found is None:
            return False
        found.delete(call)
        return found.made > call.now - HOUR


def account_at(call: Call, endpoint: AcmeEndpoint, account_url: str) -> AcmeAccount:
    found = AcmeAccount.get(call, endpoint.id, account_url.rpartition("/account-")[2])
    if found is None:
        raise absent(account_url)
    return found


@acm.operation(on=endpoint)
def describe_acme_account(call: Call, endpoint: AcmeEndpoint, account_url: str) -> Members:
    return {"AcmeAccount": account_at(call, endpoint, account_url).shown(call, endpoint)}


@acm.operation(on=endpoint)
def list_acme_accounts(call: Call, endpoint: AcmeEndpoint, next_token: str = "", max_results: int = 100) -> Members:
    page = AcmeAccount.page(call, endpoint.id, limit=max_results, token=next_token, invalid=faults.invalid_token())
    return {"AcmeAccounts": [one.shown(call, endpoint) for one in page.items], "NextToken": page.token}


@acm.operation(on=endpoint)
def revoke_acme_account(call: Call, endpoint: AcmeEndpoint, account_url: str) -> None:
    """Take an account's rights away, for good."""
    account = account_at(call, endpoint, account_url)
    account.status = REVOKED
    account.put(call)
