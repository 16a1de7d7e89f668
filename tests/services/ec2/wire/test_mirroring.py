"""Traffic mirroring."""

from __future__ import annotations

import socket


def test_a_session_copies_what_its_filter_accepts(ec2, vpc, wire):
    home = vpc()
    home.open()
    subnet = home.subnet(0)
    one, two, watcher = (home.instance(subnet, f"10.0.0.{number}") for number in (5, 6, 7))
    assert wire.soon(one, two, "10.0.0.6")

    def interface(host):
        (told,) = ec2.describe_instances(InstanceIds=[host])["Reservations"][0]["Instances"]
        return told["NetworkInterfaces"][0]["NetworkInterfaceId"]

    target = ec2.create_traffic_mirror_target(NetworkInterfaceId=interface(watcher))["TrafficMirrorTarget"]
    chosen = ec2.create_traffic_mirror_filter()["TrafficMirrorFilter"]["TrafficMirrorFilterId"]
    session = ec2.create_traffic_mirror_session(
        NetworkInterfaceId=interface(two), TrafficMirrorTargetId=target["TrafficMirrorTargetId"],
        TrafficMirrorFilterId=chosen, SessionNumber=1, VirtualNetworkId=99,
    )["TrafficMirrorSession"]["TrafficMirrorSessionId"]  # fmt: skip
    ec2.create_traffic_mirror_filter_rule(
        TrafficMirrorFilterId=chosen, TrafficDirection="ingress", RuleNumber=1, RuleAction="accept", Protocol=6,
        SourceCidrBlock="10.0.0.5/32", DestinationCidrBlock="0.0.0.0/0",
        DestinationPortRange={"FromPort": 8080, "ToPort": 8080},
    )  # fmt: skip
    with wire.socket(watcher, ("0.0.0.0", 4789), socket.SOCK_DGRAM) as server:

        def copied():
            assert wire.connects(one, two, "10.0.0.6")
            try:
                return server.recv(2000)
            except TimeoutError:
                return b""

        assert wire.until(copied)
        data = copied()
        assert int.from_bytes(data[4:7], "big") == 99
        assert socket.inet_ntoa(data[8 + 14 + 12 : 8 + 14 + 16]) == "10.0.0.5"
        ec2.delete_traffic_mirror_session(TrafficMirrorSessionId=session)
        assert wire.until(lambda: not copied())
