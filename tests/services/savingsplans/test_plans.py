"""Savings Plans: what is offered, what it costs, what is bought."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import pileus

YEAR = 31_536_000


@pytest.fixture(scope="module")
def cloud() -> Iterator[pileus.LocalCloud]:
    """One of its own: to go far ahead, what all other tests have left behind would have to be gone through."""
    with pileus.cloud(sockets=True) as running:
        yield running


@pytest.fixture
def plans(aws, clock):
    return aws.client("savingsplans")


def offered(plans, **more):
    asked = {"planTypes": ["Compute"], "paymentOptions": ["No Upfront"], "durations": [YEAR]} | more
    return plans.describe_savings_plans_offerings(**asked)["searchResults"]


def found(plans, what):
    return plans.describe_savings_plans(savingsPlanIds=[what])["savingsPlans"][0]


def buy(plans, offering, commitment="1.5", **more):
    return plans.create_savings_plan(savingsPlanOfferingId=offering["offeringId"], commitment=commitment, **more)[
        "savingsPlanId"
    ]


def test_plans_for_families_are_offered_in_their_regions(plans):
    filters = [{"name": "region", "values": ["us-east-1"]}, {"name": "instanceFamily", "values": ["m5"]}]
    six = offered(plans, planTypes=["EC2Instance"], filters=filters, durations=[YEAR, 3 * YEAR], paymentOptions=[])
    assert len(six) == 6
    assert {p["name"]: p["value"] for p in six[0]["properties"]} == {"region": "us-east-1", "instanceFamily": "m5"}
    [compute] = offered(plans)
    assert compute["productTypes"] == ["EC2", "Fargate", "Lambda"]


def test_a_plan_is_paid_active_and_ends(plans, clock):
    [compute] = offered(plans, paymentOptions=["All Upfront"])
    what = buy(plans, compute, "2")
    assert found(plans, what)["state"] == "payment-pending"
    clock.advance(2)
    one = found(plans, what)
    assert (one["state"], float(one["upfrontPaymentAmount"]), float(one["recurringPaymentAmount"])) == (
        "active",
        17520,
        0,
    )
    clock.advance(YEAR)
    assert found(plans, what)["state"] == "retired"


def test_a_small_plan_can_be_returned_within_a_week(plans, clock, refused):
    [compute] = offered(plans)
    small, large = buy(plans, compute), buy(plans, compute, "101")
    queued = buy(plans, compute, purchaseTime=clock.now() + 86400)
    clock.advance(2)
    plans.return_savings_plan(savingsPlanId=small)
    with refused("ValidationException"):
        plans.return_savings_plan(savingsPlanId=large)
    assert found(plans, queued)["state"] == "queued"
    plans.delete_queued_savings_plan(savingsPlanId=queued)
    assert found(plans, queued)["state"] == "queued-deleted"
    clock.advance(2)
    assert found(plans, small)["state"] == "returned"
    with refused("ResourceNotFoundException"):
        plans.return_savings_plan(savingsPlanId="01234567-0123-4123-a123-0123456789ab")


def test_rates_are_below_the_price_on_demand(plans):
    filters = [{"name": "region", "values": ["us-east-1"]}, {"name": "instanceType", "values": ["m5.large"]}]
    rates = plans.describe_savings_plans_offering_rates(
        filters=filters, savingsPlanPaymentOptions=["No Upfront"], products=["EC2"]
    )["searchResults"]
    linux = [one for one in rates if {"name": "productDescription", "value": "Linux/UNIX"} in one["properties"]]
    by_plan = {
        (one["savingsPlanOffering"]["planType"], one["savingsPlanOffering"]["durationSeconds"]): one for one in linux
    }
    assert len(by_plan) == 4
    assert float(by_plan["EC2Instance", YEAR]["rate"]) < float(by_plan["Compute", YEAR]["rate"]) < 0.096
    what = buy(plans, offered(plans)[0])
    rates = plans.describe_savings_plan_rates(savingsPlanId=what, filters=filters)["searchResults"]
    assert {one["usageType"] for one in rates} == {"BoxUsage:m5.large"}


def test_one_token_buys_one_plan_and_plans_have_tags(plans):
    [compute] = offered(plans)
    first = buy(plans, compute, clientToken="t", tags={"team": "red"})
    assert buy(plans, compute, clientToken="t", tags={"team": "red"}) == first
    arn = found(plans, first)["savingsPlanArn"]
    plans.tag_resource(resourceArn=arn, tags={"a": "b"})
    plans.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert plans.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}
