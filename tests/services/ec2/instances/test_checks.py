"""Status checks, recovery, scheduled events, credits, attributes and monitoring."""

from __future__ import annotations

import base64


def status(ec2, one, **more):
    return ec2.describe_instance_status(InstanceIds=[one["InstanceId"]], **more)["InstanceStatuses"]


def tag(ec2, one, key, value):
    ec2.create_tags(Resources=[one["InstanceId"]], Tags=[{"Key": key, "Value": value}])


def test_checks_begin_pass_fail_and_the_instance_is_recovered(aws, ec2, run, clock):
    one = run()
    assert status(ec2, one) == []  # not running yet
    assert status(ec2, one, IncludeAllInstances=True)[0]["SystemStatus"]["Status"] == "not-applicable"
    clock.advance(2)
    [found] = status(ec2, one)
    assert found["InstanceStatus"]["Status"] == "initializing"
    clock.advance(70)
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[one["InstanceId"]])
    tag(ec2, one, "pileus:impair", "system")
    [found] = status(ec2, one)
    assert found["SystemStatus"]["Status"] == "impaired" and found["InstanceStatus"]["Status"] == "ok"
    filters = [{"Name": "system-status.status", "Values": ["impaired"]}]
    assert len(ec2.describe_instance_status(Filters=filters)["InstanceStatuses"]) == 1
    clock.advance(61)
    assert status(ec2, one)[0]["SystemStatus"]["Status"] == "ok"  # on other hardware
    ec2.modify_instance_maintenance_options(InstanceId=one["InstanceId"], AutoRecovery="disabled")
    tag(ec2, one, "pileus:impair", "system")
    clock.advance(300)
    assert status(ec2, one)[0]["SystemStatus"]["Status"] == "impaired"
    statistics = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/EC2",
        MetricName="StatusCheckFailed_System",
        Dimensions=[{"Name": "InstanceId", "Value": one["InstanceId"]}],
        StartTime=clock.now() - 900,
        EndTime=clock.now() + 60,
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]
    assert {point["Maximum"] for point in statistics} == {0.0, 1.0}


def test_a_retirement_is_announced_moved_into_a_window_and_happens(ec2, run, described, clock):
    one = run()
    clock.advance(5)
    window = ec2.create_instance_event_window(Name="w", CronExpression="* 1-5 * * *")["InstanceEventWindow"]
    which = {"InstanceEventWindowId": window["InstanceEventWindowId"]}
    target = {"InstanceIds": [one["InstanceId"]]}
    ec2.associate_instance_event_window(**which, AssociationTarget=target)
    tag(ec2, one, "pileus:event", "instance-stop")
    [event] = status(ec2, one)[0]["Events"]
    assert event["Code"] == "instance-stop" and event["NotBefore"].hour in range(1, 6)
    wanted = clock.now() + 3 * 86400
    moved = ec2.modify_instance_event_start_time(
        InstanceId=one["InstanceId"], InstanceEventId=event["InstanceEventId"], NotBefore=wanted
    )["Event"]
    assert moved["NotBefore"] > event["NotBefore"] or moved["NotBefore"].timestamp() == int(wanted)
    clock.advance(3 * 86400 + 10)
    stopped = described(one)
    assert stopped["State"]["Name"] == "stopped" and stopped["StateReason"]["Code"] == "Server.ScheduledStop"
    [event] = status(ec2, one, IncludeAllInstances=True)[0]["Events"]
    assert event["Description"].startswith("[Completed]")


def test_events_tell_the_tags_that_are_registered(ec2):
    ec2.register_instance_event_notification_attributes(InstanceTagAttribute={"InstanceTagKeys": ["a", "b"]})
    answer = ec2.deregister_instance_event_notification_attributes(InstanceTagAttribute={"InstanceTagKeys": ["a"]})
    assert answer["InstanceTagAttribute"] == {"InstanceTagKeys": ["b"], "IncludeAllTagsOfInstance": False}
    found = ec2.describe_instance_event_notification_attributes()
    assert found["InstanceTagAttribute"] == answer["InstanceTagAttribute"]


def test_windows_of_too_few_hours_are_refused(ec2, refused):
    with refused("InvalidParameterValue"):
        ec2.create_instance_event_window(CronExpression="* 1-2 * * MON")
    ranges = [{"StartWeekDay": "monday", "StartHour": 2, "EndWeekDay": "monday", "EndHour": 8}]
    made = ec2.create_instance_event_window(TimeRanges=ranges, Name="w")["InstanceEventWindow"]
    found = ec2.describe_instance_event_windows(InstanceEventWindowIds=[made["InstanceEventWindowId"]])
    assert found["InstanceEventWindows"][0]["TimeRanges"] == ranges
    with refused("InvalidInstanceEventWindowId.NotFound"):
        ec2.delete_instance_event_window(InstanceEventWindowId="iew-0123456789abcdef0")


def test_attributes_change_while_it_is_stopped(ec2, run, described, clock, refused):
    one = run()
    which = {"InstanceId": one["InstanceId"]}
    clock.advance(5)
    with refused("IncorrectInstanceState", "is not in the 'stopped' state"):
        ec2.modify_instance_attribute(**which, InstanceType={"Value": "t3.small"})
    ec2.stop_instances(InstanceIds=[one["InstanceId"]])
    clock.advance(5)
    ec2.modify_instance_attribute(**which, InstanceType={"Value": "m5.large"})
    ec2.modify_instance_attribute(**which, UserData={"Value": b"#!/bin/sh\necho x"})
    ec2.modify_instance_attribute(**which, EbsOptimized={"Value": True})
    seen = described(one)
    assert (seen["InstanceType"], seen["EbsOptimized"], seen["CpuOptions"]["CoreCount"]) == ("m5.large", True, 1)
    data = ec2.describe_instance_attribute(**which, Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(data) == b"#!/bin/sh\necho x"
    with refused("InvalidParameterValue"):
        ec2.modify_instance_attribute(**which, InstanceType={"Value": "m6g.large"})
    with refused("InvalidParameterCombination"):
        ec2.modify_instance_attribute(**which, DisableApiStop={"Value": True}, EbsOptimized={"Value": False})


def test_groups_and_source_checks_are_those_of_the_one_interface(ec2, run, described, clock):
    one = run()
    vpc = one["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    which = {"InstanceId": one["InstanceId"]}
    ec2.modify_instance_attribute(**which, Groups=[group])
    ec2.modify_instance_attribute(**which, SourceDestCheck={"Value": False})
    seen = described(one)
    assert [found["GroupId"] for found in seen["SecurityGroups"]] == [group] and seen["SourceDestCheck"] is False
    ec2.reset_instance_attribute(**which, Attribute="sourceDestCheck")
    assert described(one)["SourceDestCheck"] is True
    mapping = [{"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": False}}]
    ec2.modify_instance_attribute(**which, BlockDeviceMappings=mapping)
    volume = described(one)["BlockDeviceMappings"][0]["Ebs"]
    assert volume["DeleteOnTermination"] is False
    clock.advance(5)
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    clock.advance(5)
    assert ec2.describe_volumes(VolumeIds=[volume["VolumeId"]])["Volumes"][0]["State"] == "available"


def test_credits_are_unlimited_or_standard(ec2, run, refused):
    unlimited, standard = run(), run(CreditSpecification={"CpuCredits": "standard"})
    found = ec2.describe_instance_credit_specifications()["InstanceCreditSpecifications"]
    assert [one["InstanceId"] for one in found] == [unlimited["InstanceId"]]
    wanted = [{"InstanceId": standard["InstanceId"], "CpuCredits": "unlimited"}]
    wanted.append({"InstanceId": "i-0123456789abcdef0", "CpuCredits": "unlimited"})
    answer = ec2.modify_instance_credit_specification(InstanceCreditSpecifications=wanted)
    assert len(answer["SuccessfulInstanceCreditSpecifications"]) == 1
    assert answer["UnsuccessfulInstanceCreditSpecifications"][0]["Error"]["Code"] == "InvalidInstanceID.NotFound"
    ec2.modify_default_credit_specification(InstanceFamily="t3", CpuCredits="standard")
    one = run()
    found = ec2.describe_instance_credit_specifications(InstanceIds=[one["InstanceId"]])
    assert found["InstanceCreditSpecifications"][0]["CpuCredits"] == "standard"


def test_monitoring_is_pending_then_enabled(ec2, run, described, clock):
    one = run()
    [answer] = ec2.monitor_instances(InstanceIds=[one["InstanceId"]])["InstanceMonitorings"]
    assert answer["Monitoring"]["State"] == "pending"
    clock.advance(2)
    assert described(one)["Monitoring"]["State"] == "enabled"
    ec2.unmonitor_instances(InstanceIds=[one["InstanceId"]])
    clock.advance(2)
    assert described(one)["Monitoring"]["State"] == "disabled"


def test_serial_consoles_are_switched_for_the_account(ec2):
    assert ec2.get_serial_console_access_status()["SerialConsoleAccessEnabled"] is False
    ec2.enable_serial_console_access()
    assert ec2.get_serial_console_access_status()["SerialConsoleAccessEnabled"] is True
