"""What an hour of EC2 costs under a plan: what a reserved instance on the same terms costs.

A plan for a family costs what standard reserved instances do, one for all computing what convertible ones do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, paging
from pileus.kernel.filters import Filters

from . import savingsplans
from .offerings import AS_EC2, HOUR, Members, Offering, broken, offerings, page
from .plans import plan

CLASSES = {"EC2Instance": "standard", "Compute": "convertible"}
OPERATION = {"Linux/UNIX": "RunInstances", "Windows": "RunInstances:0002"}

FILTERS = Filters(
    {
        "region": "region",
        "instanceType": "instanceType",
        "instanceFamily": "instanceFamily",
        "productDescription": "productDescription",
        "tenancy": "tenancy",
        "productType": "productType",
        "serviceCode": "serviceCode",
        "usageType": "usageType",
        "operation": "operation",
        "productId": "productType",
    },
    tags=None,
    unknown=lambda name: broken(f"The filter {name} is not supported."),
)
PROPERTIES = ("region", "instanceType", "instanceFamily", "productDescription", "tenancy")


def rates(call: Call, one: Offering, named: dict[str, list[str]]) -> Iterator[Members]:
    """The rates of an offering, flat; of these Regions and types, if some are named."""
    if one.type not in CLASSES:
        return
    for region in [one.region] if one.region else named.get("region", [call.region]):
        there = call.at(region=region).aws("ec2", principal=AS_EC2)
        terms: dict[str, Any] = {"offering_class": CLASSES[one.type], "offering_type": one.payment}
        terms |= {"min_duration": one.duration, "max_duration": one.duration}
        terms["filters"] = [{"Name": "scope", "Values": ["Region"]}]
        if family := one.family or next(iter(named.get("instanceFamily", [])), ""):
            terms["filters"].append({"Name": "instance-type", "Values": [f"{family}.*"]})
        for name in named.get("instanceType", [""]):
            asked = terms | ({"instance_type": name} if name else {})
            found = paging.every(
                there.describe_reserved_instances_offerings, "ReservedInstancesOfferings", max_results=1000, **asked
            )
            yield from (_flat(reserved, region) for reserved in found)


def _flat(reserved: dict[str, Any], region: str) -> Members:
    hourly = reserved["RecurringCharges"][0]["Amount"] + reserved["FixedPrice"] / (reserved["Duration"] / HOUR)
    kind, product = reserved["InstanceType"], reserved["ProductDescription"]
    return {
        "rate": f"{hourly:.5f}",
        "unit": "Hrs",
        "productType": "EC2",
        "serviceCode": "AmazonEC2",
        "usageType": f"BoxUsage:{kind}",
        "operation": OPERATION.get(product, "RunInstances"),
        "region": region,
        "instanceType": kind,
        "instanceFamily": kind.partition(".")[0],
        "productDescription": product,
        "tenancy": "shared",
    }


def _shown(rate: Members, **more: Any) -> Members:
    view = {name: value for name, value in rate.items() if name not in PROPERTIES}
    return view | {"properties": [{"name": name, "value": rate[name]} for name in PROPERTIES]} | more


@savingsplans.operation
def describe_savings_plans_offering_rates(
    call: Call,
    savings_plan_offering_ids: list[str] = [],
    savings_plan_payment_options: list[str] = [],
    savings_plan_types: list[str] = [],
    products: list[str] = [],
    service_codes: list[str] = [],
    usage_types: list[str] = [],
    operations: list[str] = [],
    filters: list[dict[str, Any]] = [],
    next_token: str = "",
    max_results: int = 1000,
) -> Members:
    """What use costs under plans that one could buy."""
    test = FILTERS.test(filters)
    named = {one.get("name", ""): one.get("values", []) for one in filters}
    families = [*named.get("instanceFamily", []), *(name.partition(".")[0] for name in named.get("instanceType", []))]

    def of_all() -> Iterator[Members]:
        for one in offerings(call, named.get("region", [call.region]), families):
            ids, options, types = savings_plan_offering_ids, savings_plan_payment_options, savings_plan_types
            if (
                (ids and one.id not in ids)
                or (options and one.payment not in options)
                or (types and one.type not in types)
            ):
                continue
            parent = {
                "offeringId": one.id,
                "paymentOption": one.payment,
                "planType": one.type,
                "durationSeconds": one.duration,
                "currency": "USD",
                "planDescription": one.description,
            }
            for rate in rates(call, one, named):
                if test(rate) and _fits(rate, products, service_codes, usage_types, operations):
                    yield _shown(rate, savingsPlanOffering=parent)

    return page(call, of_all(), next_token, max_results)


def _fits(rate: Members, products: list[str], services: list[str], usages: list[str], operations: list[str]) -> bool:
    wanted = {"productType": products, "serviceCode": services, "usageType": usages, "operation": operations}
    return all(not values or rate[name] in values for name, values in wanted.items())


@savingsplans.operation
def describe_savings_plan_rates(
    call: Call,
    savings_plan_id: str,
    filters: list[dict[str, Any]] = [],
    next_token: str = "",
    max_results: int = 1000,
) -> Members:
    """What use costs under a plan that is bought."""
    one = plan(call, savings_plan_id)
    test = FILTERS.test(filters)
    named = {given.get("name", ""): given.get("values", []) for given in filters}
    found = (_shown(rate, currency="USD") for rate in rates(call, Offering(*one.offering), named) if test(rate))
    return page(call, found, next_token, max_results) | {"savingsPlanId": savings_plan_id}
