"""The life of instances: states, reasons, and what becomes of what they have."""

from __future__ import annotations

import json


def state(described, instance):
    return described(instance)["State"]["Name"]


def test_an_instance_goes_through_its_states_by_the_clock(ec2, run, described, clock):
    one = run()
    assert one["State"] == {"Code": 0, "Name": "pending"} and one["StateReason"]["Code"] == "pending"
    clock.advance(5)
    running = described(one)
    assert running["State"] == {"Code": 16, "Name": "running"} and "StateReason" not in running
    [change] = ec2.stop_instances(InstanceIds=[one["InstanceId"]])["StoppingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopping")
    clock.advance(5)
    stopped = described(one)
    assert stopped["State"]["Name"] == "stopped"
    assert stopped["StateReason"] == {
        "Code": "Client.UserInitiatedShutdown",
        "Message": "Client.UserInitiatedShutdown: User initiated shutdown",
    }
    assert stopped["StateTransitionReason"].startswith("User initiated (20")
    [change] = ec2.start_instances(InstanceIds=[one["InstanceId"]])["StartingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("stopped", "pending")
    clock.advance(5)
    assert described(one)["LaunchTime"] > running["LaunchTime"] and described(one)["StateTransitionReason"] == ""
    [change] = ec2.terminate_instances(InstanceIds=[one["InstanceId"]])["TerminatingInstances"]
    assert change["CurrentState"] == {"Code": 32, "Name": "shutting-down"}
    clock.advance(5)
    assert described(one)["State"] == {"Code": 48, "Name": "terminated"}


def test_a_terminated_instance_is_seen_for_an_hour_and_has_nothing(ec2, run, described, clock, refused):
    one = run()
    clock.advance(5)
    volume = described(one)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    interface = one["NetworkInterfaces"][0]["NetworkInterfaceId"]
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    clock.advance(10)
    seen = described(one)
    assert not {"VpcId", "SubnetId", "PrivateIpAddress", "PublicIpAddress"} & {*seen}
    assert seen["NetworkInterfaces"] == [] and seen["BlockDeviceMappings"] == []
    with refused("InvalidVolume.NotFound"):
        ec2.describe_volumes(VolumeIds=[volume])
    with refused("InvalidNetworkInterfaceID.NotFound"):
        ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])
    clock.advance(3600)
    with refused("InvalidInstanceID.NotFound", f"The instance ID '{one['InstanceId']}' does not exist"):
        described(one)


def test_the_public_address_goes_when_it_stops_and_another_comes(ec2, run, described, clock):
    one = run()
    clock.advance(5)
    first = described(one)["PublicIpAddress"]
    private = described(one)["PrivateIpAddress"]
    ec2.stop_instances(InstanceIds=[one["InstanceId"]])
    clock.advance(5)
    assert "PublicIpAddress" not in described(one) and described(one)["PrivateIpAddress"] == private
    ec2.start_instances(InstanceIds=[one["InstanceId"]])
    clock.advance(5)
    assert described(one)["PublicIpAddress"] != first


def test_what_cannot_be_in_a_state_is_refused_and_changes_nothing(ec2, run, described, clock, refused):
    one = run()["InstanceId"]
    with refused("IncorrectInstanceState", "is not in a state from which it can be stopped"):
        ec2.stop_instances(InstanceIds=[one])
    clock.advance(5)
    ec2.start_instances(InstanceIds=[one])  # it runs; nothing happens
    ec2.reboot_instances(InstanceIds=[one])
    assert state(described, one) == "running"
    ec2.stop_instances(InstanceIds=[one])
    with refused("IncorrectInstanceState", "is not in a state from which it can be started"):
        ec2.start_instances(InstanceIds=[one])
    ec2.terminate_instances(InstanceIds=[one])
    clock.advance(5)
    ec2.terminate_instances(InstanceIds=[one])
    with refused("IncorrectInstanceState"):
        ec2.start_instances(InstanceIds=[one])
    assert state(described, one) == "terminated"
    with refused("InvalidInstanceID.Malformed"):
        ec2.start_instances(InstanceIds=["nonsense"])
    with refused("InvalidInstanceID.NotFound", "The instance IDs 'i-0123456789abcdef0, i-0123456789abcdef1' do not"):
        ec2.stop_instances(InstanceIds=["i-0123456789abcdef0", "i-0123456789abcdef1"])


def test_protected_instances_are_not_ended_nor_stopped(ec2, run, described, clock, refused):
    one, other = run()["InstanceId"], run(DisableApiTermination=True, DisableApiStop=True)["InstanceId"]
    clock.advance(5)
    with refused("OperationNotPermitted", f"The instance '{other}' may not be terminated."):
        ec2.terminate_instances(InstanceIds=[one, other])
    assert state(described, one) == "running"
    with refused("OperationNotPermitted", f"The instance '{other}' may not be stopped."):
        ec2.stop_instances(InstanceIds=[other])
    ec2.modify_instance_attribute(InstanceId=other, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[one, other])
    clock.advance(5)
    assert (state(described, one), state(described, other)) == ("terminated", "terminated")


def test_waiters_and_state_changes_on_the_bus(aws, ec2, run, clock):
    sqs, events = aws.client("sqs"), aws.client("events")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    pattern = '{"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"]}'
    events.put_rule(Name="r", EventPattern=pattern)
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn, "InputPath": "$.detail.state"}])
    one = run()["InstanceId"]
    clock.advance(5)
    ec2.get_waiter("instance_running").wait(InstanceIds=[one])
    ec2.terminate_instances(InstanceIds=[one])
    clock.advance(5)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[one])
    bodies = []
    while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"].strip('"') for message in found]
    assert sorted(bodies) == ["pending", "running", "shutting-down", "terminated"]
