"""Concurrency: how many invocations may be under way, for an account and for a function that has a share reserved.

Developer Guide, "Understanding Lambda function scaling" and "Configuring reserved concurrency for a function".
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record

from . import faults, lambda_, metrics
from .fleet import Fleet
from .functions import Function, Version
from .qualifiers import Meant, whole

ACCOUNT_LIMIT = 1000
LEAST_UNRESERVED = 100


class Account(Record, kw_only=True):
    """What an account has reserved in a Region."""

    id: str = ""
    reserved: dict[str, int] = {}

    @classmethod
    def of(cls, call: Call) -> Account:
        return cls.get(call, "") or cls()

    @property
    def unreserved(self) -> int:
        return ACCOUNT_LIMIT - sum(self.reserved.values())


def admit(call: Call, function: str) -> None:
    """Refuse one invocation too many."""
    busy = call.cloud.engine(Fleet).busy
    account = Account.of(call)
    under_way = busy[call.account, call.region, function]
    reserved = account.reserved.get(function)
    if reserved is not None:
        if under_way >= reserved:
            metrics.throttled(call, function)
            raise faults.throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        return
    total = call.cloud.engine(Fleet).busy_accounts[call.account, call.region]
    if total >= account.unreserved:
        total -= sum(busy[call.account, call.region, name] for name in account.reserved)
        if total >= account.unreserved:
            metrics.throttled(call, function)
            raise faults.throttled("ConcurrentInvocationLimitExceeded")


@lambda_.operation(on=whole)
def put_function_concurrency(call: Call, meant: Meant, reserved_concurrent_executions: int) -> dict[str, Any]:
    """Reserve a share of the account's concurrency for a function, which is its limit too."""
    account = Account.of(call)
    account.reserved[meant.name] = reserved_concurrent_executions
    if account.unreserved < LEAST_UNRESERVED:
        raise faults.invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{LEAST_UNRESERVED}]."
        )
    account.put(call)
    meant.function.reserved = reserved_concurrent_executions
    meant.function.put(call)
    return {"ReservedConcurrentExecutions": reserved_concurrent_executions}


@lambda_.operation(on=whole)
def get_function_concurrency(call: Call, meant: Meant) -> dict[str, Any]:
    reserved = meant.function.reserved
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


@lambda_.operation(on=whole)
def delete_function_concurrency(call: Call, meant: Meant) -> None:
    give_back(call, meant.function)
    meant.function.put(call)


def give_back(call: Call, function: Function) -> None:
    """A function's share is everybody's again."""
    function.reserved = None
    account = Account.of(call)
    if account.reserved.pop(function.name, None) is not None:
        account.put(call)


@lambda_.operation
def get_account_settings(call: Call) -> dict[str, Any]:
    """The limits of the account, and what it uses."""
    versions = list(Version.scan(call))
    return {
        "AccountLimit": {
            "TotalCodeSize": 80530636800,
            "CodeSizeUnzipped": 262144000,
            "CodeSizeZipped": 52428800,
            "ConcurrentExecutions": ACCOUNT_LIMIT,
            "UnreservedConcurrentExecutions": Account.of(call).unreserved,
        },
        "AccountUsage": {
            "TotalCodeSize": sum(version.code.size for version in versions),
            "FunctionCount": sum(not version.number for version in versions),
        },
    }
