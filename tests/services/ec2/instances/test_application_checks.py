"""Application status checks: instances' programs are asked by HTTP, and what they answer counts."""

from __future__ import annotations

import pytest

from pileus.engines.machine.survey import unable
from pileus.engines.network import Networks

WEB = """#!/bin/sh
mkdir /srv/web && cd /srv/web && echo fine > health
setsid python3 -m http.server 8080 >/dev/null 2>&1 &
"""


def status(ec2, instance):
    found = ec2.describe_application_status(InstanceIds=[instance])["ApplicationStatuses"]["Instances"]
    return found[0]["ApplicationStatus"]


def test_checks_are_made_changed_and_associated(ec2, run, refused):
    for bad in ({"Interval": 30}, {"Timeout": 60}, {"Path": "health"}, {"StatusCodeMatcher": "300-200"}):
        with refused("InvalidParameterValue"):
            ec2.create_application_status_check(**{"Protocol": "http", "Port": 80} | bad)
    made = ec2.create_application_status_check(Protocol="http", Port=80, Aggregation="excluded")
    check = made["ApplicationStatusCheck"]
    which = {"ApplicationStatusCheckId": check["ApplicationStatusCheckId"]}
    assert (check["Path"], check["Timeout"], check["StatusCodeMatcher"]) == ("/", 6, "200")
    changed = ec2.modify_application_status_check(**which, Timeout=3)["ApplicationStatusCheck"]
    assert (changed["Timeout"], changed["Aggregation"]) == (3, "excluded")
    one = run(TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "app", "Value": "web"}]}])["InstanceId"]
    absent = "i-0123456789abcdef0"
    tags = [{"Key": "app", "Value": "web"}]
    with refused("InvalidParameterCombination"):
        ec2.associate_application_status_check(**which, InstanceIds=[one], TargetTagAssociations=tags)
    told = ec2.associate_application_status_check(**which, InstanceIds=[one, absent])
    assert [found["AssociationValue"] for found in told["SuccessfulResults"]] == [one]
    assert [found["AssociationValue"] for found in told["UnsuccessfulResults"]] == [absent]
    ec2.associate_application_status_check(**which, TargetTagAssociations=tags)
    filters = [{"Name": "association-type", "Values": ["tag"]}]
    [tag] = ec2.describe_application_status_check_associations(Filters=filters)["Associations"]
    assert (tag["Key"], tag["Value"]) == ("app", "web")
    assert [found["Aggregation"] for found in status(ec2, one)["Details"]] == ["excluded"]
    assert status(ec2, one)["Status"] == "not-applicable"
    ec2.disassociate_application_status_check(**which, InstanceIds=[one])
    assert ec2.delete_application_status_check(**which)["ApplicationStatusCheck"]["DeletionTime"]
    assert ec2.describe_application_status_checks()["ApplicationStatusChecks"] == []
    assert len(ec2.describe_application_status_checks(IncludeAll=True)["ApplicationStatusChecks"]) == 1
    with refused("InvalidApplicationStatusCheckId.NotFound"):
        ec2.modify_application_status_check(**which, Timeout=3)


@pytest.mark.skipif(bool(unable() or Networks.available()), reason="there can be no machines, or no networks, here")
def test_a_web_server_is_asked_and_what_it_answers_counts(ec2, run, clock):
    one = run(UserData=WEB, InstanceType="m5.large", HibernationOptions={"Configured": True})["InstanceId"]
    clock.advance(1)
    path = {"Protocol": "http", "Port": 8080, "InitializationGracePeriodSeconds": 1}
    good = ec2.create_application_status_check(**path, Path="/health")["ApplicationStatusCheck"]
    bad = ec2.create_application_status_check(**path, Path="/none", Aggregation="excluded")["ApplicationStatusCheck"]
    for check in (good, bad):
        ec2.associate_application_status_check(
            ApplicationStatusCheckId=check["ApplicationStatusCheckId"], InstanceIds=[one]
        )
    assert status(ec2, one)["Status"] == "initializing"
    for _ in range(10):  # the server begins in its own time
        clock.advance(60)
        if status(ec2, one)["Status"] == "ok":
            break
    found = status(ec2, one)
    assert found["Status"] == "ok", found
    details = {detail["ApplicationStatusCheckId"]: detail for detail in found["Details"]}
    failed = details[bad["ApplicationStatusCheckId"]]
    assert (failed["Status"], failed["Reason"]["Code"], failed["Reason"]["StatusCode"]) == (
        "failed",
        "ResponseCodeMismatch",
        404,
    )
    filters = [{"Name": "application-status.status", "Values": ["ok"]}]
    assert len(ec2.describe_instance_status(Filters=filters)["InstanceStatuses"]) == 1
    ec2.stop_instances(InstanceIds=[one], Hibernate=True)
    clock.advance(10)
    ec2.start_instances(InstanceIds=[one])
    clock.advance(200)
    assert status(ec2, one)["Status"] == "ok"  # the server, which nobody has started again, is still there
    ec2.modify_application_status_check(ApplicationStatusCheckId=good["ApplicationStatusCheckId"], Port=8081)
    clock.advance(180)
    assert status(ec2, one)["Status"] == "impaired"
    ec2.enable_application_status_check_suppression(InstanceIds=[one], DurationSeconds=600)
    assert status(ec2, one)["Status"] == "suppressed"
    clock.advance(601)
    assert status(ec2, one)["Status"] == "impaired"
