"""Fleets of both kinds: capacity that is launched, kept, changed and ended."""

from __future__ import annotations

import pytest


@pytest.fixture
def template(ec2, ami, clock):
    data = {"ImageId": ami, "InstanceType": "t3.micro"}
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    return {"LaunchTemplateName": "web", "Version": "$Latest"}


def capacity(total, kind="on-demand", **more):
    return {"TotalTargetCapacity": total, "DefaultTargetCapacityType": kind} | more


def alive(ec2, **filters):
    asked = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
    asked.append({"Name": "instance-state-name", "Values": ["pending", "running"]})
    return [one for r in ec2.describe_instances(Filters=asked)["Reservations"] for one in r["Instances"]]


def test_an_instant_fleet_answers_with_what_it_launched_of_the_cheapest(ec2, template):
    overrides = [{"InstanceType": "m5.large"}, {"InstanceType": "t3.micro"}, {"InstanceType": "t3.small"}]
    configs = [{"LaunchTemplateSpecification": template, "Overrides": overrides}]
    answer = ec2.create_fleet(Type="instant", LaunchTemplateConfigs=configs, TargetCapacitySpecification=capacity(2))
    [launched] = answer["Instances"]
    assert launched["InstanceType"] == "t3.micro" and len(launched["InstanceIds"]) == 2
    assert answer["Errors"] == [] and len(alive(ec2)) == 2
    assert ec2.describe_fleets()["Fleets"] == []  # instant ones only by their ids
    [fleet] = ec2.describe_fleets(FleetIds=[answer["FleetId"]])["Fleets"]
    assert (fleet["FulfilledCapacity"], fleet["FleetState"], fleet["ActivityStatus"]) == (2.0, "active", "fulfilled")


def test_priorities_weights_and_what_cannot_be_launched(ec2, template):
    overrides = [
        {"InstanceType": "t3.micro", "Priority": 2.0, "WeightedCapacity": 1.0},
        {"InstanceType": "m5.large", "Priority": 1.0, "WeightedCapacity": 4.0},
        {"InstanceType": "m6g.large", "Priority": 0.0, "WeightedCapacity": 4.0},  # of another architecture
    ]
    answer = ec2.create_fleet(
        Type="instant",
        LaunchTemplateConfigs=[{"LaunchTemplateSpecification": template, "Overrides": overrides}],
        OnDemandOptions={"AllocationStrategy": "prioritized"},
        TargetCapacitySpecification=capacity(6),
    )
    [launched] = answer["Instances"]
    assert launched["InstanceType"] == "m5.large" and len(launched["InstanceIds"]) == 2
    [error] = answer["Errors"]
    assert error["LaunchTemplateAndOverrides"]["Overrides"]["InstanceType"] == "m6g.large"


def test_a_fleet_that_maintains_replaces_shrinks_and_ends(ec2, template, clock):
    configs = [{"LaunchTemplateSpecification": template}]
    fleet_id = ec2.create_fleet(
        LaunchTemplateConfigs=configs,
        TargetCapacitySpecification=capacity(3, OnDemandTargetCapacity=1, SpotTargetCapacity=2),
    )["FleetId"]
    clock.advance(3)
    members = alive(ec2, **{"tag:aws:ec2:fleet-id": fleet_id})
    assert sorted(one.get("InstanceLifecycle", "on-demand") for one in members) == ["on-demand", "spot", "spot"]
    ec2.terminate_instances(InstanceIds=[members[0]["InstanceId"]])
    clock.advance(5)
    assert len(alive(ec2)) == 3 and members[0]["InstanceId"] not in {one["InstanceId"] for one in alive(ec2)}
    ec2.modify_fleet(FleetId=fleet_id, TargetCapacitySpecification={"TotalTargetCapacity": 1, "SpotTargetCapacity": 0})
    clock.advance(5)
    assert len(alive(ec2)) == 1
    instances = ec2.describe_fleet_instances(FleetId=fleet_id)["ActiveInstances"]
    assert [one["InstanceId"] for one in instances] == [one["InstanceId"] for one in alive(ec2)]
    history = ec2.describe_fleet_history(FleetId=fleet_id, StartTime=0)["HistoryRecords"]
    assert {one["EventInformation"]["EventSubType"] for one in history} >= {"submitted", "active", "launched"}
    [deleted] = ec2.delete_fleets(FleetIds=[fleet_id], TerminateInstances=True)["SuccessfulFleetDeletions"]
    assert deleted["CurrentFleetState"] == "deleted_terminating"
    clock.advance(5)
    assert ec2.describe_fleets(FleetIds=[fleet_id])["Fleets"][0]["FleetState"] == "deleted" and alive(ec2) == []


def test_requirements_choose_the_types(ec2, template):
    wanted = {"VCpuCount": {"Min": 2, "Max": 2}, "MemoryMiB": {"Min": 8192, "Max": 8192}, "CpuManufacturers": ["amd"]}
    data = ec2.describe_launch_template_versions(LaunchTemplateName="web")["LaunchTemplateVersions"][0]
    image = data["LaunchTemplateData"]["ImageId"]
    ec2.create_launch_template(LaunchTemplateName="any", LaunchTemplateData={"ImageId": image})
    configs = [
        {
            "LaunchTemplateSpecification": {"LaunchTemplateName": "any", "Version": "1"},
            "Overrides": [{"InstanceRequirements": wanted}],
        }
    ]
    answer = ec2.create_fleet(
        Type="instant", LaunchTemplateConfigs=configs, TargetCapacitySpecification=capacity(1, "spot")
    )
    [launched] = answer["Instances"]
    family, size = launched["InstanceType"].split(".")
    assert "a" in family[1:] and size == "large" and launched["Lifecycle"] == "spot"


def test_a_spot_fleet_keeps_its_capacity_over_pools(ec2, ami, clock):
    config = {
        "IamFleetRole": "arn:aws:iam::000000000000:role/fleet",
        "AllocationStrategy": "diversified",
        "TargetCapacity": 2,
        "LaunchSpecifications": [
            {"ImageId": ami, "InstanceType": "t3.micro"},
            {"ImageId": ami, "InstanceType": "t3.small"},
        ],
    }
    fleet_id = ec2.request_spot_fleet(SpotFleetRequestConfig=config)["SpotFleetRequestId"]
    assert fleet_id.startswith("sfr-")
    clock.advance(3)
    assert sorted(one["InstanceType"] for one in alive(ec2)) == ["t3.micro", "t3.small"]
    [found] = ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[fleet_id])["SpotFleetRequestConfigs"]
    assert (found["SpotFleetRequestState"], found["ActivityStatus"]) == ("active", "fulfilled")
    assert found["SpotFleetRequestConfig"]["FulfilledCapacity"] == 2.0
    ec2.modify_spot_fleet_request(SpotFleetRequestId=fleet_id, TargetCapacity=3)
    clock.advance(3)
    assert len(ec2.describe_spot_fleet_instances(SpotFleetRequestId=fleet_id)["ActiveInstances"]) == 3
    ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet_id], TerminateInstances=False)
    [found] = ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[fleet_id])["SpotFleetRequestConfigs"]
    assert found["SpotFleetRequestState"] == "cancelled_running" and len(alive(ec2)) == 3


def test_fleets_that_cannot_be_are_refused(ec2, template, refused):
    configs = [{"LaunchTemplateSpecification": template}]
    with refused("InvalidParameterCombination"):
        ec2.create_fleet(
            LaunchTemplateConfigs=configs,
            TargetCapacitySpecification={
                "TotalTargetCapacity": 1,
                "OnDemandTargetCapacity": 1,
                "SpotTargetCapacity": 1,
            },
        )
    with refused("InvalidLaunchTemplateName.NotFoundException"):
        other = [{"LaunchTemplateSpecification": {"LaunchTemplateName": "nobody", "Version": "1"}}]
        ec2.create_fleet(LaunchTemplateConfigs=other, TargetCapacitySpecification=capacity(1))
    with refused("InvalidFleetId.NotFound"):
        ec2.describe_fleets(FleetIds=["fleet-01234567-89ab-cdef-0123-456789abcdef"])
    assert ec2.describe_fleets()["Fleets"] == []
