"""What can be bought. Offerings are computed, and an offering's id says which one it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, identity, paging, regions
from pileus.kernel.filters import Filters

from . import savingsplans

Members = dict[str, Any]

YEAR = 31_536_000
HOUR = 3600
PAYMENTS = ("No Upfront", "Partial Upfront", "All Upfront")
TYPES = ("Compute", "EC2Instance", "SageMaker", "Database")
PRODUCTS = {
    "Compute": ["EC2", "Fargate", "Lambda"],
    "EC2Instance": ["EC2"],
    "SageMaker": ["SageMaker"],
    "Database": ["RDS", "DSQL", "DynamoDB", "ElastiCache", "DocDB", "Neptune", "Timestream", "Keyspaces", "DMS"],
}
SERVICES = {
    "Compute": "ComputeSavingsPlans",
    "EC2Instance": "ComputeSavingsPlans",
    "SageMaker": "MachineLearningSavingsPlans",
    "Database": "DatabaseSavingsPlans",
}
AS_EC2 = identity.service("ec2.amazonaws.com")


class Offering(NamedTuple):
    """What one can buy."""

    type: str
    payment: str
    years: int
    region: str = ""
    """Of plans for a family of instances."""
    family: str = ""

    @property
    def duration(self) -> int:
        return self.years * YEAR

    @property
    def id(self) -> str:
        mark = hashlib.blake2b("/".join(map(str, self)).encode(), digest_size=16).hexdigest()
        return f"{mark[:8]}-{mark[8:12]}-4{mark[13:16]}-a{mark[17:20]}-{mark[20:32]}"

    @property
    def description(self) -> str:
        what = f"{self.family} {self.type} in {self.region}" if self.family else self.type
        return f"{self.years} year {self.payment} {what} Savings Plan"


def broken(text: str) -> Fault:
    return Fault("ValidationException", text)


def offerings(call: Call, wanted_regions: list[str] = [], families: list[str] = []) -> Iterator[Offering]:
    """All of them; those of families only of these Regions and families, if some are named."""
    for kind in ("Compute", "SageMaker"):
        for years in (1, 3):
            for payment in PAYMENTS:
                yield Offering(kind, payment, years)
    yield Offering("Database", "No Upfront", 1)
    for region in wanted_regions or regions.regions():
        for family in families or families_of(call, region):
            for years in (1, 3):
                for payment in PAYMENTS:
                    yield Offering("EC2Instance", payment, years, region, family)


def families_of(call: Call, region: str) -> list[str]:
    """The families of instances that a Region has."""
    there = call.at(region=region).aws("ec2", principal=AS_EC2)
    offers = paging.every(there.describe_instance_type_offerings, "InstanceTypeOfferings")
    return sorted({offer["InstanceType"].partition(".")[0] for offer in offers})


def offering(call: Call, offering_id: str) -> Offering:
    """The offering of an id; raises ResourceNotFoundException for one that there is not."""
    for one in offerings(call, [call.region]):
        if one.id == offering_id:
            return one
    for one in offerings(call):
        if one.id == offering_id:
            return one
    raise Fault("ResourceNotFoundException", f"The Savings Plans offering {offering_id} does not exist.")


FILTERS = Filters({"region": "region", "instanceFamily": "family"}, tags=None, unknown=lambda name: broken(name))


@savingsplans.operation
def describe_savings_plans_offerings(
    call: Call,
    offering_ids: list[str] = [],
    payment_options: list[str] = [],
    product_type: str = "",
    plan_types: list[str] = [],
    durations: list[int] = [],
    currencies: list[str] = [],
    descriptions: list[str] = [],
    service_codes: list[str] = [],
    filters: list[dict[str, Any]] = [],
    next_token: str = "",
    max_results: int = 1000,
) -> Members:
    """What can be bought on these terms."""
    test = FILTERS.test(filters)
    named = {one.get("name", ""): one.get("values", []) for one in filters}

    def wanted(one: Offering) -> bool:
        return (
            (not offering_ids or one.id in offering_ids)
            and (not payment_options or one.payment in payment_options)
            and (not product_type or product_type in PRODUCTS[one.type])
            and (not plan_types or one.type in plan_types)
            and (not durations or one.duration in durations)
            and (not currencies or "USD" in currencies)
            and (not descriptions or one.description in descriptions)
            and (not service_codes or SERVICES[one.type] in service_codes)
            and test(one)
        )

    found = filter(wanted, offerings(call, named.get("region", []), named.get("instanceFamily", [])))
    return page(call, map(shown, found), next_token, max_results)


def page(call: Call, found: Iterator[Members], next_token: str, max_results: int) -> Members:
    start = paging.opened(call, next_token) if next_token else 0
    answer: list[Members] = []
    for number, one in enumerate(found):
        if number < start:
            continue
        if len(answer) == max_results:
            return {"searchResults": answer, "nextToken": paging.sealed(call, start + max_results)}
        answer.append(one)
    return {"searchResults": answer}


def shown(one: Offering) -> Members:
    properties = {"region": one.region, "instanceFamily": one.family}
    return {
        "offeringId": one.id,
        "productTypes": PRODUCTS[one.type],
        "planType": one.type,
        "description": one.description,
        "paymentOption": one.payment,
        "durationSeconds": one.duration,
        "currency": "USD",
        "serviceCode": SERVICES[one.type],
        "usageType": usage_type(one),
        "operation": "",
        "properties": [{"name": name, "value": value} for name, value in properties.items() if value],
    }


def usage_type(one: Offering) -> str:
    payment = one.payment.replace(" ", "")
    return f"{one.type}SP:{one.years}yr{payment}" if not one.family else f"EC2SP:{one.family}.{one.years}yr{payment}"
