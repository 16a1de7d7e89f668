"""Reserved room of further kinds: future-dated, interruptible, moved, paid by others; Capacity Blocks."""

from __future__ import annotations

DAY = 86400.0
ASKED = {"InstanceType": "t3.micro", "InstancePlatform": "Linux/UNIX", "AvailabilityZone": "us-east-1a"}


def reserved(ec2, count=1, **more):
    return ec2.create_capacity_reservation(**ASKED | more, InstanceCount=count)["CapacityReservation"]


def seen(ec2, which):
    return ec2.describe_capacity_reservations(CapacityReservationIds=[which])["CapacityReservations"][0]


def test_a_future_dated_reservation_is_put_off_and_cancelled_by_quotes(ec2, clock, refused):
    start = clock.now() + 10 * DAY
    asked = {"StartDate": start, "CommitmentDuration": int(14 * DAY), "DeliveryPreference": "incremental"}
    asked |= {"InstanceType": "m5.xlarge", "InstanceMatchCriteria": "targeted"}
    with refused("InvalidParameterValue", "32 vCPUs"):
        reserved(ec2, 2, **asked)
    with refused("InvalidParameterValue"):
        reserved(ec2, 8, **asked | {"StartDate": clock.now() + DAY})
    made = reserved(ec2, 8, **asked)
    which = {"CapacityReservationId": made["CapacityReservationId"]}
    assert made["State"] == "assessing" and made["CommitmentInfo"]["CommittedInstanceCount"] == 8
    clock.advance(120)
    assert seen(ec2, which["CapacityReservationId"])["State"] == "scheduled"
    with refused("InvalidParameterValue"):
        ec2.create_capacity_reservation_date_change_quote(**which, NewStartDate=start + 40 * DAY)
    told = ec2.create_capacity_reservation_date_change_quote(**which, NewStartDate=start + 5 * DAY)
    quote = told["CapacityReservationModificationQuote"]["CapacityReservationModificationQuoteId"]
    with refused("InvalidParameterCombination"):
        ec2.modify_capacity_reservation(**which, QuoteId=quote)
    done = ec2.modify_capacity_reservation(**which, QuoteId=quote, AcceptModificationTerms=True)
    assert done["AdjustmentStatus"] == "applied"
    with refused("InvalidParameterValue", "active quote"):
        ec2.modify_capacity_reservation(**which, QuoteId=quote, AcceptModificationTerms=True)
    [gone] = ec2.describe_capacity_reservation_date_change_quotes()["CapacityReservationModificationQuotes"]
    assert gone["QuoteState"] == "expired"
    clock.advance(11 * DAY)
    assert seen(ec2, which["CapacityReservationId"])["State"] == "scheduled"
    clock.advance(5 * DAY)
    assert seen(ec2, which["CapacityReservationId"])["State"] == "active"
    with refused("InvalidCapacityReservationState"):
        ec2.modify_capacity_reservation(**which, InstanceCount=4)
    with refused("InvalidCapacityReservationState"):
        ec2.cancel_capacity_reservation(**which)
    told = ec2.create_capacity_reservation_cancellation_quote(**which)["CapacityReservationCancellationQuote"]
    [term] = told["CancellationTerms"]
    assert 0 < term["ChargeCommitmentDurationHours"] < 14 * 24
    quote = told["CapacityReservationCancellationQuoteId"]
    assert ec2.describe_capacity_reservation_cancellation_quotes(CapacityReservationCancellationQuoteIds=[quote])
    charges = {"ApplyCancellationCharges": "commitment-wind-down", "QuoteId": quote}
    ec2.cancel_capacity_reservation(**which, **charges)
    assert seen(ec2, which["CapacityReservationId"])["State"] == "cancelled"


def test_interruptible_room_is_lent_and_taken_back_after_a_notice(ec2, run, described, clock, refused):
    source = reserved(ec2, 3, InstanceMatchCriteria="targeted")["CapacityReservationId"]
    with refused("InvalidParameterValue"):
        ec2.create_interruptible_capacity_reservation_allocation(CapacityReservationId=source, InstanceCount=4)
    ec2.create_interruptible_capacity_reservation_allocation(CapacityReservationId=source, InstanceCount=2)
    lent = seen(ec2, source)["InterruptibleCapacityAllocation"]
    given = lent["InterruptibleCapacityReservationId"]
    assert (seen(ec2, source)["TotalInstanceCount"], lent["InstanceCount"], lent["Status"]) == (1, 2, "active")
    assert seen(ec2, given)["InterruptionInfo"]["SourceCapacityReservationId"] == source
    target = {"CapacityReservationTarget": {"CapacityReservationId": given}}
    asked = {"Placement": {"AvailabilityZone": "us-east-1a"}, "CapacityReservationSpecification": target}
    with refused("InvalidParameterCombination", "market type"):
        run(**asked)
    one = run(**asked, InstanceMarketOptions={"MarketType": "interruptible-capacity-reservation"})
    clock.advance(3)
    told = ec2.update_interruptible_capacity_reservation_allocation(CapacityReservationId=source, TargetInstanceCount=0)
    assert (told["InstanceCount"], told["Status"]) == (1, "updating")
    clock.advance(60)
    assert described(one)["State"]["Name"] == "running"
    clock.advance(90)
    assert described(one)["State"]["Name"] == "terminated"
    assert seen(ec2, source)["TotalInstanceCount"] == 3 and seen(ec2, given)["State"] == "cancelled"


def test_capacity_moves_between_reservations_that_are_alike(ec2, run, refused):
    one, other = (reserved(ec2, 2)["CapacityReservationId"] for _ in range(2))
    unlike = reserved(ec2, 2, AvailabilityZone="us-east-1b")["CapacityReservationId"]
    with refused("InvalidCapacityReservationState"):
        ec2.move_capacity_reservation_instances(
            SourceCapacityReservationId=one, DestinationCapacityReservationId=unlike, InstanceCount=1
        )
    for wanted, left in ((1, 1), (1, 0)):
        moved = ec2.move_capacity_reservation_instances(
            SourceCapacityReservationId=one, DestinationCapacityReservationId=other, InstanceCount=wanted
        )
        assert moved["SourceCapacityReservation"]["TotalInstanceCount"] == left
    assert seen(ec2, one)["State"] == "cancelled" and seen(ec2, other)["TotalInstanceCount"] == 4
    assert ec2.get_groups_for_capacity_reservation(CapacityReservationId=other)["CapacityReservationGroups"] == []


def test_another_account_of_the_organization_pays_for_what_is_unused(aws, ec2, cloud, clock, refused):
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    other = cloud.account()
    consumer, theirs = other.id, other.client("ec2")
    asked = organizations.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": consumer})["Handshake"]
    other.client("organizations").accept_handshake(HandshakeId=asked["Id"])
    room = reserved(ec2, 1)
    which = {"CapacityReservationId": room["CapacityReservationId"]}
    payer = {"UnusedReservationBillingOwnerId": consumer}
    with refused("InvalidParameterValue", "not shared"):
        ec2.associate_capacity_reservation_billing_owner(**which, **payer)
    ram = aws.client("ram")
    ram.enable_sharing_with_aws_organization()
    ram.create_resource_share(name="room", resourceArns=[room["CapacityReservationArn"]], principals=[consumer])
    ec2.associate_capacity_reservation_billing_owner(**which, **payer)
    [asked] = theirs.describe_capacity_reservation_billing_requests(Role="unused-reservation-billing-owner")[
        "CapacityReservationBillingRequests"
    ]
    assert (asked["Status"], asked["RequestedBy"]) == ("pending", aws.id)
    theirs.accept_capacity_reservation_billing_ownership(**which)
    assert seen(ec2, which["CapacityReservationId"])["UnusedReservationBillingOwnerId"] == consumer
    with refused("InvalidCapacityReservationId.NotFound"):
        theirs.reject_capacity_reservation_billing_ownership(**which)
    ec2.disassociate_capacity_reservation_billing_owner(**which, **payer)
    [told] = ec2.describe_capacity_reservation_billing_requests(Role="odcr-owner")["CapacityReservationBillingRequests"]
    assert told["Status"] == "revoked"


def test_a_capacity_block_is_bought_extended_and_ends_with_its_instances(ec2, ami, described, clock, refused):
    with refused("InvalidParameterValue"):
        ec2.describe_capacity_block_offerings(InstanceType="t3.micro", CapacityDurationHours=24)
    with refused("InvalidParameterValue"):
        ec2.describe_capacity_block_offerings(InstanceType="p4d.24xlarge", CapacityDurationHours=36)
    offers = ec2.describe_capacity_block_offerings(
        InstanceType="p4d.24xlarge", InstanceCount=1, CapacityDurationHours=24
    )["CapacityBlockOfferings"]
    offer = offers[0]  # of a zone of the first day
    bought = ec2.purchase_capacity_block(
        CapacityBlockOfferingId=offer["CapacityBlockOfferingId"], InstancePlatform="Linux/UNIX"
    )
    room = bought["CapacityReservation"]
    which = room["CapacityReservationId"]
    assert (room["State"], room["ReservationType"], room["StartDate"]) == (
        "payment-pending",
        "capacity-block",
        offer["StartDate"],
    )
    clock.advance(60)
    [block] = ec2.describe_capacity_blocks(Filters=[{"Name": "state", "Values": ["scheduled"]}])["CapacityBlocks"]
    assert block["CapacityReservationIds"] == [which]
    more = {"CapacityReservationId": which}
    [extra] = ec2.describe_capacity_block_extension_offerings(CapacityBlockExtensionDurationHours=48, **more)[
        "CapacityBlockExtensionOfferings"
    ]
    with refused("InvalidParameterValue"):
        ec2.purchase_capacity_block_extension(CapacityBlockExtensionOfferingId="cbe-0123456789abcdef0", **more)
    ec2.purchase_capacity_block_extension(
        CapacityBlockExtensionOfferingId=extra["CapacityBlockExtensionOfferingId"], **more
    )
    [event] = ec2.describe_capacity_block_extension_history()["CapacityBlockExtensions"]
    assert event["CapacityBlockExtensionEndDate"] == seen(ec2, which)["EndDate"]
    clock.advance(offer["StartDate"].timestamp() + 60 - clock.now())
    target = {"CapacityReservationTarget": more}
    one = ec2.run_instances(
        ImageId=ami,
        InstanceType="p4d.24xlarge",
        MinCount=1,
        MaxCount=1,
        Placement={"AvailabilityZone": offer["AvailabilityZone"]},
        CapacityReservationSpecification=target,
        InstanceMarketOptions={"MarketType": "capacity-block"},
    )["Instances"][0]
    [status] = ec2.describe_capacity_block_status()["CapacityBlockStatuses"]
    assert (status["TotalCapacity"], status["TotalAvailableCapacity"]) == (1, 0)
    [place] = ec2.describe_capacity_reservation_topology()["CapacityReservations"]
    assert place["CapacityBlockId"] == block["CapacityBlockId"]
    clock.advance(1.5 * DAY)
    assert described(one)["State"]["Name"] == "running"
    clock.advance(1.5 * DAY - 1600)
    assert described(one)["State"]["Name"] == "terminated"
    clock.advance(1600)
    assert seen(ec2, which)["State"] == "expired"


def test_capacity_manager_tells_what_was_reserved_used_and_wasted(aws, ec2, run, clock, refused):
    clock.advance(3600 - clock.now() % 3600)
    hours = {"StartTime": clock.now(), "EndTime": clock.now() + 4 * 3600, "Period": 3600}
    names = ["reservation-total-capacity-hrs-inst", "reservation-unused-total-capacity-hrs-vcpu"]
    names += ["reserved-total-usage-hrs-inst", "unreserved-total-usage-hrs-inst", "reservation-max-utilization"]
    with refused("CapacityManagerNotEnabled"):
        ec2.get_capacity_manager_metric_data(MetricNames=names, **hours)
    room = reserved(ec2, 2, InstanceType="m5.large")["CapacityReservationId"]
    assert ec2.enable_capacity_manager()["CapacityManagerStatus"] == "enabled"
    ec2.update_capacity_manager_monitored_tag_keys(ActivateTagKeys=["team"])
    bucket, s3 = f"capacity-{aws.id}", aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    export = ec2.create_capacity_manager_data_export(
        S3BucketName=bucket, S3BucketPrefix="x", Schedule="hourly", OutputFormat="csv"
    )["CapacityManagerDataExportId"]
    clock.advance(3600)
    place = {"AvailabilityZone": "us-east-1a"}
    one = run(InstanceType="m5.large", Placement=place)["InstanceId"]
    run(InstanceType="t3.micro", Placement=place)
    clock.advance(3600)
    ec2.terminate_instances(InstanceIds=[one])
    clock.advance(2 * 3600)
    told = ec2.get_capacity_manager_metric_data(MetricNames=names, GroupBy=["instance-type"], **hours)
    seen_values = {
        (data["Dimension"]["InstanceType"], int((data["Timestamp"].timestamp() - hours["StartTime"]) // 3600)): {
            value["Metric"]: round(value["Value"], 1) for value in data["MetricValues"]
        }
        for data in told["MetricDataResults"]
    }
    assert seen_values["m5.large", 0] == {names[0]: 2.0, names[1]: 4.0, names[4]: 0.0}
    assert seen_values["m5.large", 1] == {names[0]: 2.0, names[1]: 2.0, names[2]: 1.0, names[4]: 50.0}
    assert seen_values["t3.micro", 3] == {names[3]: 1.0}
    dimensions = ec2.get_capacity_manager_metric_dimensions(
        GroupBy=["reservation-id"], MetricNames=names[:1], StartTime=hours["StartTime"], EndTime=hours["EndTime"]
    )["MetricDimensionResults"]
    assert [found["ReservationId"] for found in dimensions] == [room]
    [delivery] = ec2.describe_capacity_manager_data_exports(CapacityManagerDataExportIds=[export])[
        "CapacityManagerDataExports"
    ]
    assert delivery["LatestDeliveryStatus"] == "delivered"
    files = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix="x/")["Contents"]]
    assert len(files) == 4 and room in s3.get_object(Bucket=bucket, Key=files[1])["Body"].read().decode()
    scores = ec2.get_capacity_manager_supportability_scores(
        MarketType="on-demand",
        CapacityAmount=8,
        CapacityUnit="instances",
        CapacityAvailabilityZoneIds=["use1-az1"],
        InstanceTypes=["m5.large"],
    )
    assert scores["AggregateScore"] == "high"
    attributes = ec2.get_capacity_manager_attributes()
    assert (attributes["IngestionStatus"], attributes["DataExportCount"]) == ("ingestion-complete", 1)
    assert ec2.disable_capacity_manager()["CapacityManagerStatus"] == "disabled"
    assert ec2.describe_capacity_manager_data_exports()["CapacityManagerDataExports"] == []
