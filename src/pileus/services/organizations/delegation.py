"""Delegated administrators: member accounts that administer a service for all, and may look into the organization."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.record import Record

from . import organizations
from .faults import constraint, no_account, not_all_features
from .nodes import Member, arn_of
from .organization import INVALID_TOKEN, PAGE, organization, page


class Delegate(Record, scope="account"):
    """An account, and the services that it administers."""

    account: str
    since: float
    services: dict[str, float]


def unregistered() -> Fault:
    return Fault(
        "AccountNotRegisteredException",
        "The specified account is not a delegated administrator for this Amazon Web Services service.",
    )


def member(call: Call, account_id: str) -> Member:
    found = organization(call)
    if not found.all_features:
        raise not_all_features()
    if record := Member.get(call, account_id):
        return record
    raise no_account()


@organizations.operation(on=member)
def register_delegated_administrator(call: Call, account: Member, service_principal: str) -> None:
    """Have a member account administer a service that has access."""
    found = organization(call)
    if account.id == found.management:
        raise constraint(
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            "You cannot register master account/yourself as delegated administrator for your organization.",
        )
    if account.state != "ACTIVE":
        raise constraint(
            "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
            "You cannot register a suspended account as a delegated administrator.",
        )
    if service_principal not in found.services:
        raise constraint(
            "SERVICE_ACCESS_NOT_ENABLED",
            "You must enable service access for the specified service first.",
        )
    delegate = Delegate.get(call, account.id) or Delegate(account.id, call.now, {})
    if service_principal in delegate.services:
        raise Fault(
            "AccountAlreadyRegisteredException",
            "The provided account is already a delegated administrator for your organization.",
        )
    delegate.services = delegate.services | {service_principal: call.now}
    delegate.put(call)


@organizations.operation(on=member)
def deregister_delegated_administrator(call: Call, account: Member, service_principal: str) -> None:
    """Have a member account administer a service no longer."""
    delegate = Delegate.get(call, account.id)
    if delegate is None or service_principal not in delegate.services:
        raise unregistered()
    del delegate.services[service_principal]
    if delegate.services:
        delegate.put(call)
    else:
        delegate.delete(call)


@organizations.operation
def list_delegated_administrators(
    call: Call, service_principal: str = "", next_token: str = "", max_results: int = PAGE
) -> dict[str, Any]:
    """The accounts that administer some service, or a certain one."""
    organization(call)
    delegates = Delegate.page(
        call,
        limit=max_results,
        token=next_token,
        where=lambda delegate: not service_principal or service_principal in delegate.services,
        invalid=INVALID_TOKEN,
    )
    return {
        "DelegatedAdministrators": [shown(call, delegate) for delegate in delegates.items],
        "NextToken": delegates.token,
    }


@organizations.operation(on=member)
def list_delegated_services_for_account(
    call: Call, account: Member, next_token: str = "", max_results: int = PAGE
) -> dict[str, Any]:
    """The services that an account administers."""
    delegate = Delegate.get(call, account.id)
    if delegate is None:
        raise unregistered()
    services = [
        {"ServicePrincipal": name, "DelegationEnabledDate": since} for name, since in sorted(delegate.services.items())
    ]
    return page(call, "DelegatedServices", services, next_token, max_results)


def refuse_delegate(call: Call, account: str) -> None:
    """Refuse to take an account away that administers something."""
    if Delegate.get(call, account):
        raise constraint(
            "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
            "The account is a delegated administrator. You must first deregister it.",
        )


def shown(call: Call, delegate: Delegate) -> dict[str, Any]:
    account = Member.get(call, delegate.account)
    assert account is not None, "an account that administers something does not leave"
    return {
        "Id": account.id,
        "Arn": arn_of(call, organization(call), account.id),
        "Email": account.email,
        "Name": account.name,
        "Status": account.status,
        "State": account.state,
        "JoinedMethod": account.method,
        "JoinedTimestamp": account.joined,
        "DelegationEnabledDate": delegate.since,
    }
