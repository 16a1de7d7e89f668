"""Provisioned concurrency: environments of a version or an alias that are there before anybody asks.

Developer Guide, "Configuring provisioned concurrency for a function". They are started again whenever the cloud is.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record

from . import faults, lambda_
from .fleet import Fleet
from .functions import LATEST, Alias, stamp
from .qualifiers import Meant, whole
from .throttling import Account
from .waiting import active

Members = dict[str, Any]


class Provision(Record, key=("function", "qualifier"), arn="function:{function}:{qualifier}", kw_only=True):
    function: str
    qualifier: str
    requested: int
    modified: float
    allocated: int = 0
    status: str = "IN_PROGRESS"

    def shown(self, call: Call) -> Members:
        return {
            "RequestedProvisionedConcurrentExecutions": self.requested,
            "AvailableProvisionedConcurrentExecutions": self.allocated,
            "AllocatedProvisionedConcurrentExecutions": self.allocated,
            "Status": self.status,
            "LastModified": stamp(self.modified),
        }


def existing(call: Call, function_name: str, qualifier: str) -> Provision:
    meant = Meant.by_name(call, function_name, qualifier)
    found = Provision.get(call, meant.name, meant.qualifier)
    if found is None:
        raise Fault(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
            Type="User",
        )
    return found


def qualified(call: Call, function_name: str, qualifier: str) -> Meant:
    return Meant.by_name(call, function_name, qualifier)


@lambda_.operation(on=qualified)
def put_provisioned_concurrency_config(call: Call, meant: Meant, provisioned_concurrent_executions: int) -> Members:
    """Have so many environments ready."""
    if meant.qualifier in ("", LATEST):
        raise faults.invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    check_twins(call, meant)
    reserved = meant.function.reserved
    most = Account.of(call).unreserved if reserved is None else reserved
    if provisioned_concurrent_executions > most:
        raise faults.invalid(
            f"Specified ConcurrentExecutions for function is greater than function's reserved concurrency [{most}]."
            if reserved is not None
            else f"Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
            f"its minimum value of [{most}]."
        )
    provision = Provision(
        function=meant.name,
        qualifier=meant.qualifier,
        requested=provisioned_concurrent_executions,
        modified=call.now,
    ).put(call)
    call.wake(("lambda", call.account, call.region, meant.name))
    provide.begin(call, function=meant.name, qualifier=meant.qualifier)
    return provision.shown(call)


def check_twins(call: Call, meant: Meant) -> None:
    """A version and an alias that points to it cannot both have environments."""
    label = meant.version.label
    if meant.alias:
        if Provision.get(call, meant.name, label):
            raise faults.invalid(
                "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
            )
    elif any(Provision.get(call, meant.name, alias.name) for alias in pointing(call, meant.name, label)):
        raise faults.invalid("Version is pointed by a Provisioned Concurrency alias")


def pointing(call: Call, function: str, label: str) -> list[Alias]:
    return [alias for alias in Alias.scan(call, function) if alias.version == label]


@lambda_.operation(on=existing)
def get_provisioned_concurrency_config(call: Call, provision: Provision) -> Members:
    return provision.shown(call)


@lambda_.operation(on=whole)
def list_provisioned_concurrency_configs(call: Call, meant: Meant, marker: str = "", max_items: int = 50) -> Members:
    found = Provision.page(call, meant.name, limit=max_items, token=marker)
    shown = [{"FunctionArn": provision.arn(call), **provision.shown(call)} for provision in found.items]
    return {"ProvisionedConcurrencyConfigs": shown, "NextMarker": found.token}


@lambda_.operation(on=existing)
def delete_provisioned_concurrency_config(call: Call, provision: Provision) -> None:
    forget(call, provision)


def forget(call: Call, provision: Provision) -> None:
    provision.delete(call)
    call.wake(("lambda", call.account, call.region, provision.function))


@lambda_.watch
async def provide(call: Call, function: str, qualifier: str) -> None:
    """Keep environments ready: as many as were asked for, of the version that is meant now."""
    fleet = call.cloud.engine(Fleet)
    try:
        while provision := Provision.get(call, function, qualifier):
            inner = call.at(now=call.cloud.clock.now())
            version = await active(inner, Meant.of(inner, function, qualifier).version)
            allocated = await fleet.provide(inner, version, qualifier, provision.requested)
            note(call, function, qualifier, allocated)
            await call.wait(("lambda", call.account, call.region, function), seconds=5)
    except Fault:  # the function is gone
        with call.transaction():
            if provision := Provision.get(call, function, qualifier):
                provision.delete(call)
    fleet.release(call, function, qualifier)
    with call.transaction():
        provide.end(call, function=function, qualifier=qualifier)


def note(call: Call, function: str, qualifier: str, allocated: int) -> None:
    with call.transaction():
        provision = Provision.get(call, function, qualifier)
        status = "READY" if provision and allocated >= provision.requested else "IN_PROGRESS"
        if provision and (provision.allocated, provision.status) != (allocated, status):
            provision.allocated, provision.status = allocated, status
            provision.put(call)
