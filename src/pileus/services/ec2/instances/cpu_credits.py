"""What burstable instances may do when their CPU credits are used up: `standard` or `unlimited`."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, answer, bad_token, check_alone
from pileus.services.ec2.faults import bad_value

from .instances import PENDING, RUNNING, STOPPED, STOPPING, Instance, instances
from .types import InstanceType

FAMILIES = {"t2": "standard"}
"""Families that are not unlimited by default."""

FILTERS = Filters({"instance-id": "instance_id"}, tags=None)


class DefaultCredits(Record):
    """The default of an account for a family of types."""

    family: str
    credits: str


def default(call: Call, family: str) -> str:
    found = DefaultCredits.get(call, family)
    return found.credits if found else FAMILIES.get(family, "unlimited")


def credits_at_launch(call: Call, one: InstanceType, given: Members) -> str:
    """The option of a new instance; empty for a type that has no credits."""
    wanted = str(given.get("CpuCredits", ""))
    if not one.burstable:
        if wanted:
            text = f"The creditSpecification parameter is not supported by the instance type '{one.name}'."
            raise Fault("InvalidParameterCombination", text)
        return ""
    if wanted and wanted not in ("standard", "unlimited"):
        raise bad_value("CpuCredits", wanted)
    return wanted or default(call, one.family)


@ec2.operation
def describe_instance_credit_specifications(
    call: Call,
    instance_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The options of burstable instances; without ids only of those that are unlimited."""
    check_alone("instancesSet", instance_ids, max_results)
    test = FILTERS.test(filters)
    if instance_ids:
        found = [one for one in instances(call, instance_ids) if test(one)]
        for one in found:
            if not one.credits:
                raise _not_burstable(one)
        return {"InstanceCreditSpecifications": [*map(_shown, found)]}
    page = Instance.page(
        call,
        limit=max_results or 1000,
        token=next_token,
        where=lambda one: one.credits == "unlimited" and not one.ended and test(one),
        invalid=bad_token(),
    )
    return answer("InstanceCreditSpecifications", [*map(_shown, page.items)], page.token)


def _shown(one: Instance) -> Members:
    return {"InstanceId": one.instance_id, "CpuCredits": one.credits}


def _not_burstable(one: Instance) -> Fault:
    text = f"The instance '{one.instance_id}' does not support CPU credits: its type is {one.instance_type}."
    return Fault("InstanceCreditSpecification.NotSupported", text)


@ec2.operation
def modify_instance_credit_specification(
    call: Call, instance_credit_specifications: list[dict[str, Any]], client_token: str = ""
) -> Members:
    """Change the options of instances: of each that can be."""
    done, failed = [], []
    for specification in instance_credit_specifications:
        instance_id, wanted = specification["InstanceId"], specification.get("CpuCredits", "")
        if wanted not in ("standard", "unlimited"):
            raise bad_value("CpuCredits", wanted)
        try:
            [one] = instances(call, [instance_id])
            if not one.credits:
                raise _not_burstable(one)
            if one.state not in (PENDING, RUNNING, STOPPING, STOPPED):
                raise Fault("IncorrectInstanceState", f"The instance '{instance_id}' is {one.state}.")
        except Fault as fault:
            error = {"Code": fault.code, "Message": fault.message}
            failed.append({"InstanceId": instance_id, "Error": error})
            continue
        one.credits = wanted
        one.put(call)
        done.append({"InstanceId": instance_id})
    return {"SuccessfulInstanceCreditSpecifications": done, "UnsuccessfulInstanceCreditSpecifications": failed}


@ec2.operation
def get_default_credit_specification(call: Call, instance_family: str) -> Members:
    return {"InstanceFamilyCreditSpecification": _of_family(instance_family, default(call, instance_family))}


@ec2.operation
def modify_default_credit_specification(call: Call, instance_family: str, cpu_credits: str) -> Members:
    """Change what new instances of a family have."""
    if cpu_credits not in ("standard", "unlimited"):
        raise bad_value("CpuCredits", cpu_credits)
    DefaultCredits(instance_family, cpu_credits).put(call)
    return {"InstanceFamilyCreditSpecification": _of_family(instance_family, cpu_credits)}


def _of_family(family: str, wanted: str) -> Members:
    return {"InstanceFamily": family, "CpuCredits": wanted}
