"""Instances as machines: user data, consoles, images that are made of them, disks that are attached while they run."""

from __future__ import annotations

import time

import pytest

from pileus.engines.machine.survey import unable

PATIENCE = 60.0
"""Seconds that a machine may take where everything else runs at the same time."""

pytestmark = pytest.mark.skipif(unable() != "", reason=f"no machines: {unable()}")


@pytest.fixture(autouse=True)
def real_time(clock):
    """Machines live in real time, and so does the cloud here."""
    clock.resume()


@pytest.fixture
def console(ec2):
    """The console of an instance, once that is on it."""

    def said(instance, text):
        deadline = time.monotonic() + PATIENCE
        while True:
            output = ec2.get_console_output(InstanceId=instance["InstanceId"]).get("Output", "")
            if text in output:
                return output
            assert time.monotonic() < deadline, output
            time.sleep(0.02)

    return said


@pytest.fixture
def becomes(described):
    def wait(instance, state):
        deadline = time.monotonic() + PATIENCE
        while described(instance)["State"]["Name"] != state:
            assert time.monotonic() < deadline, described(instance)["State"]
            time.sleep(0.02)
        return described(instance)

    return wait


def test_user_data_runs_at_the_first_boot_only_and_is_seen_on_the_console(ec2, run, console, becomes):
    asked = "$(cat /sys/devices/virtual/dmi/id/board_asset_tag)"
    one = run(UserData=f"#!/bin/sh\necho booted {asked} as $(hostname) > /dev/console\n")
    becomes(one, "running")
    name = one["PrivateDnsName"]
    assert f"booted {one['InstanceId']} as {name}" in console(one, "booted")
    console(one, "finished at")
    ids = [one["InstanceId"]]
    ec2.stop_instances(InstanceIds=ids)
    becomes(one, "stopped")
    ec2.start_instances(InstanceIds=ids)
    becomes(one, "running")
    deadline = time.monotonic() + PATIENCE
    while console(one, "").count("finished at") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert console(one, "").count("booted") == 1
    ec2.terminate_instances(InstanceIds=ids)


@pytest.mark.parametrize(("behaviour", "state"), [("stop", "stopped"), ("terminate", "terminated")])
def test_a_system_that_shuts_down_stops_or_ends_its_instance(run, becomes, behaviour, state):
    one = run(UserData="#!/bin/sh\nshutdown -h now\n", InstanceInitiatedShutdownBehavior=behaviour)
    ended = becomes(one, state)
    assert ended["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_a_system_that_reboots_goes_on_running(run, console, becomes):
    one = run(UserData="#!/bin/sh\necho before; reboot\n")
    deadline = time.monotonic() + PATIENCE
    while console(one, "before").count("running 'init'") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    becomes(one, "running")


def test_an_image_of_an_instance_has_what_the_instance_has_installed(ec2, run, console, described):
    one = run(UserData="#!/bin/sh\necho installed > /opt/software; echo ready\n")
    console(one, "finished at")
    root = described(one)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    ec2.get_waiter("volume_in_use").wait(VolumeIds=[root], WaiterConfig={"Delay": 1})
    image = ec2.create_image(InstanceId=one["InstanceId"], Name="golden", NoReboot=True)["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig={"Delay": 1})
    other = run(ImageId=image, UserData="#!/bin/sh\necho found $(cat /opt/software)\n")
    assert "found installed" in console(other, "found")
    ec2.terminate_instances(InstanceIds=[one["InstanceId"], other["InstanceId"]])


def test_a_volume_is_attached_while_the_instance_runs_and_mounted_in_it(ec2, run, console):
    made = "mkfs.ext4 -q /dev/sdf && mount /dev/sdf /mnt && df -h /mnt | tail -1"
    one = run(UserData=f"#!/bin/sh\nwhile [ ! -b /dev/sdf ]; do sleep 0.05; done\n{made}\n")
    zone = one["Placement"]["AvailabilityZone"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    ec2.get_waiter("instance_running").wait(InstanceIds=[one["InstanceId"]], WaiterConfig={"Delay": 1})
    ec2.attach_volume(InstanceId=one["InstanceId"], VolumeId=volume, Device="/dev/sdf")
    assert "/mnt" in console(one, "/mnt")
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])


def test_what_is_not_there_has_no_console(ec2, refused):
    with refused("InvalidInstanceID.NotFound"):
        ec2.get_console_output(InstanceId="i-0123456789abcdef0")


def test_an_instance_that_hibernates_goes_on_where_it_was(ec2, run, console, becomes):
    counting = "#!/bin/sh\nn=0\nwhile true; do n=$((n+1)); echo $n > /run/count; sleep 0.05; done &\necho counting\n"
    one = run(UserData=counting, InstanceType="m5.large", HibernationOptions={"Configured": True})
    becomes(one, "running")
    console(one, "counting")
    ids = [one["InstanceId"]]
    ec2.stop_instances(InstanceIds=ids, Hibernate=True)
    becomes(one, "stopped")
    before = console(one, "counting")
    ec2.start_instances(InstanceIds=ids)
    becomes(one, "running")
    assert console(one, "counting") == before  # it has not booted again
    ec2.stop_instances(InstanceIds=ids, Hibernate=True)
    becomes(one, "stopped")
    ec2.terminate_instances(InstanceIds=ids)
    becomes(one, "terminated")


def test_a_system_that_shall_not_shut_down_is_cut_off(ec2, run, console, becomes):
    patient = "#!/bin/sh\n(trap 'echo asked to end > /dev/console; exit' TERM; while true; do sleep 0.05; done) &\n"
    one = run(UserData=patient + "echo waiting\n")
    becomes(one, "running")
    console(one, "waiting")
    ids = [one["InstanceId"]]
    ec2.stop_instances(InstanceIds=ids, SkipOsShutdown=True)
    becomes(one, "stopped")
    assert "asked to end" not in console(one, "waiting")
