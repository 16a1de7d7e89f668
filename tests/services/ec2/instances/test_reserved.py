"""Reserved instances: offered, bought, modified, exchanged, listed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import pileus


@pytest.fixture(scope="module")
def cloud() -> Iterator[pileus.LocalCloud]:
    """One of its own: to go far ahead, what all other tests have left behind would have to be gone through."""
    with pileus.cloud(sockets=True) as running:
        yield running


@pytest.fixture
def offer(ec2, clock):
    def find(kind="m5.large", **more):
        asked = {"InstanceType": kind, "OfferingClass": "standard", "OfferingType": "No Upfront"} | more
        filters = [{"Name": "scope", "Values": ["Region"]}, {"Name": "duration", "Values": ["31536000"]}]
        found = ec2.describe_reserved_instances_offerings(ProductDescription="Linux/UNIX", Filters=filters, **asked)
        [one] = found["ReservedInstancesOfferings"]
        return one

    return find


def buy(ec2, offering, count=1, **more):
    which = {"ReservedInstancesOfferingId": offering["ReservedInstancesOfferingId"], "InstanceCount": count}
    return ec2.purchase_reserved_instances_offering(**which, **more)["ReservedInstancesId"]


def state(ec2, what):
    return ec2.describe_reserved_instances(ReservedInstancesIds=[what])["ReservedInstances"][0]


def test_offerings_cost_less_than_on_demand_the_more_one_binds_oneself(ec2, offer):
    def hourly(one):
        return one["RecurringCharges"][0]["Amount"] + one["FixedPrice"] / (one["Duration"] / 3600)

    none, everything = offer(), offer(OfferingType="All Upfront")
    convertible = offer(OfferingClass="convertible")
    assert 0.096 > hourly(convertible) > hourly(none) > hourly(everything)
    assert none["FixedPrice"] == 0 and everything["RecurringCharges"][0]["Amount"] == 0
    ids = [none["ReservedInstancesOfferingId"]]
    again = ec2.describe_reserved_instances_offerings(ReservedInstancesOfferingIds=ids)["ReservedInstancesOfferings"]
    assert again == [none]
    price = [{"Name": "fixed-price", "Values": ["1"]}, {"Name": "instance-type", "Values": ["m5.*"]}]
    assert ec2.describe_reserved_instances_offerings(Filters=price)["ReservedInstancesOfferings"] == []


def test_what_is_bought_is_paid_active_and_ends(ec2, offer, clock, refused):
    what = buy(ec2, offer(), 2)
    assert state(ec2, what)["State"] == "payment-pending"
    clock.advance(2)
    bought = state(ec2, what)
    assert (bought["State"], bought["InstanceCount"], bought["Scope"]) == ("active", 2, "Region")
    clock.advance(31536000)
    assert state(ec2, what)["State"] == "retired"
    with refused("InvalidReservedInstancesOfferingId"):
        buy(ec2, {"ReservedInstancesOfferingId": "01234567-0123-4123-a123-0123456789ab"})
    with refused("InvalidParameterValue"):
        buy(ec2, offer(OfferingType="All Upfront"), LimitPrice={"Amount": 1.0, "CurrencyCode": "USD"})


def test_a_purchase_may_wait_and_be_taken_back(ec2, offer, clock):
    what = buy(ec2, offer(), PurchaseTime=clock.now() + 3600)
    assert state(ec2, what)["State"] == "queued"
    answer = ec2.delete_queued_reserved_instances(ReservedInstancesIds=[what, "nothing"])
    assert answer["SuccessfulQueuedPurchaseDeletions"] == [{"ReservedInstancesId": what}]
    assert answer["FailedQueuedPurchaseDeletions"][0]["Error"]["Code"] == "reserved-instances-id-invalid"
    assert state(ec2, what)["State"] == "queued-deleted"


def test_a_modification_keeps_the_footprint(ec2, offer, clock, refused):
    what = buy(ec2, offer(), 4)
    clock.advance(2)
    with refused("InvalidParameterValue", "footprint"):
        ec2.modify_reserved_instances(
            ReservedInstancesIds=[what], TargetConfigurations=[{"InstanceType": "m5.2xlarge", "InstanceCount": 2}]
        )
    wanted = [{"InstanceType": "m5.xlarge", "InstanceCount": 1}, {"InstanceType": "m5.large", "InstanceCount": 2}]
    made = ec2.modify_reserved_instances(ReservedInstancesIds=[what], TargetConfigurations=wanted)
    [found] = ec2.describe_reserved_instances_modifications()["ReservedInstancesModifications"]
    assert found["ReservedInstancesModificationId"] == made["ReservedInstancesModificationId"]
    assert state(ec2, what)["State"] == "retired"
    results = [state(ec2, one["ReservedInstancesId"]) for one in found["ModificationResults"]]
    assert [(one["InstanceType"], one["InstanceCount"], one["State"]) for one in results] == [
        ("m5.xlarge", 1, "active"),
        ("m5.large", 2, "active"),
    ]


def test_convertible_ones_are_exchanged(ec2, offer, clock, refused):
    standard, convertible = buy(ec2, offer()), buy(ec2, offer(OfferingClass="convertible"))
    clock.advance(2)
    target = offer("c5.xlarge", OfferingClass="convertible")["ReservedInstancesOfferingId"]
    asked = {"TargetConfigurations": [{"OfferingId": target}]}
    quote = ec2.get_reserved_instances_exchange_quote(ReservedInstanceIds=[standard], **asked)
    assert quote["IsValidExchange"] is False and quote["ValidationFailureReason"] == "RI_IS_NOT_CONVERTIBLE"
    with refused("InvalidExchange"):
        ec2.accept_reserved_instances_exchange_quote(ReservedInstanceIds=[standard], **asked)
    quote = ec2.get_reserved_instances_exchange_quote(ReservedInstanceIds=[convertible], **asked)
    assert quote["IsValidExchange"] and float(quote["PaymentDue"]) == 0
    ec2.accept_reserved_instances_exchange_quote(ReservedInstanceIds=[convertible], **asked)
    active = [one for one in ec2.describe_reserved_instances()["ReservedInstances"] if one["State"] == "active"]
    assert sorted(one["InstanceType"] for one in active) == ["c5.xlarge", "m5.large"]


def test_listings_are_made_of_what_one_has_for_a_month(ec2, offer, clock, refused):
    what = buy(ec2, offer(), 2)
    clock.advance(2)
    asked = {"ReservedInstancesId": what, "InstanceCount": 1, "ClientToken": "t"}
    asked["PriceSchedules"] = [{"Term": 11, "Price": 100.0, "CurrencyCode": "USD"}]
    with refused("InvalidState"):
        ec2.create_reserved_instances_listing(**asked)
    clock.advance(31 * 86400)
    [made] = ec2.create_reserved_instances_listing(**asked)["ReservedInstancesListings"]
    assert made["Status"] == "active" and made["PriceSchedules"][0]["Active"] is True
    listing = made["ReservedInstancesListingId"]
    ec2.cancel_reserved_instances_listing(ReservedInstancesListingId=listing)
    [found] = ec2.describe_reserved_instances_listings(ReservedInstancesListingId=listing)["ReservedInstancesListings"]
    assert found["Status"] == "cancelled"
