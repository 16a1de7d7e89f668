"""Syslog: what hosts send goes to the groups that take it."""

from __future__ import annotations

import logging
import logging.handlers
import shutil
import socket
import subprocess
import time
from typing import Any

import boto3
import pytest

import pileus
from pileus.services.logs.syslog_port import framed, parsed

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z


@pytest.fixture
def endpoint(aws: Any) -> str:
    return made(aws.client("ec2"), "logs")


def made(ec2: Any, service: str) -> str:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    name = f"com.amazonaws.us-east-1.{service}"
    given = {"VpcId": vpc, "VpcEndpointType": "Interface", "SubnetIds": [subnet], "PrivateDnsEnabled": False}
    return str(ec2.create_vpc_endpoint(ServiceName=name, **given)["VpcEndpoint"]["VpcEndpointId"])


def test_configurations(aws: Any, logs: Any, endpoint: str, refused: Any) -> None:
    logs.put_syslog_configuration(logGroupIdentifier="app", vpcEndpointId=endpoint)
    logs.put_syslog_configuration(logGroupIdentifier="app", vpcEndpointId=endpoint)
    (one,) = logs.list_syslog_configurations(logGroupIdentifier="app")["syslogConfigurations"]
    assert one["logGroupArn"].endswith(":log-group:app")
    assert (one["sourceType"], one["vpcEndpointId"]) == ("VPCE", endpoint)
    assert logs.list_syslog_configurations(vpcEndpointId="vpce-0")["syslogConfigurations"] == []
    with refused("ResourceNotFoundException"):
        logs.put_syslog_configuration(logGroupIdentifier="app", vpcEndpointId="vpce-00000000000000000")
    with refused("InvalidParameterException"):
        logs.put_syslog_configuration(logGroupIdentifier="app", vpcEndpointId=made(aws.client("ec2"), "sqs"))
    logs.delete_syslog_configuration(logGroupIdentifier="app", vpcEndpointId=endpoint)
    with refused("ResourceNotFoundException"):
        logs.delete_syslog_configuration(logGroupIdentifier="app")


def test_messages_come_by_udp_and_by_tcp() -> None:
    with pileus.cloud(listen={"logs/syslog": 0}, sockets=True) as cloud:
        given = cloud.client_kwargs()
        logs, ec2 = boto3.client("logs", **given), boto3.client("ec2", **given)
        for name in ("hosts", "apart"):
            logs.create_log_group(logGroupName=name)
        logs.put_syslog_configuration(logGroupIdentifier="hosts", vpcEndpointId=made(ec2, "logs"))
        address = ("127.0.0.1", cloud.server.ports["logs/syslog"].port)
        handler = logging.handlers.SysLogHandler(address)
        handler.emit(logging.LogRecord("x", logging.ERROR, "", 0, "by udp", (), None))
        handler.close()
        wanted = {"by udp", "by tcp", "counted", "last"}
        with socket.create_connection(address) as connection:
            counted = b"<13>1 2026-01-01T00:00:00Z web1 app - - - counted"
            connection.sendall(
                b"<13>1 - web1 app - - - by tcp\n%d %s<13>1 - web1 app - - - last" % (len(counted), counted)
            )
        if shutil.which("logger"):
            wanted.add("by logger")
            words = ["--server", address[0], "--port", str(address[1]), "--tcp", "--octet-count", "by logger"]
            subprocess.run(["logger", *words], check=True)
        deadline = time.monotonic() + 10
        found: list[Any] = []
        while len(found) < len(wanted):
            assert time.monotonic() < deadline, found
            found = logs.filter_log_events(logGroupName="hosts")["events"]
        assert {word for word in wanted if any(word in one["message"] for one in found)} == wanted
        assert sum(one["logStreamName"] == "web1" for one in found) == 3
        assert logs.filter_log_events(logGroupName="apart")["events"] == []


def test_messages_at_their_own_times() -> None:
    modern = parsed("<34>1 2026-09-21T13:00:00.250+00:00 host:1 app - - - text", NOW)
    assert modern[:2] == (1_789_995_600_250, "host_1")
    assert parsed("<34>Sep 21 13:00:00 old su: text", NOW)[:2] == (1_789_995_600_000, "old")
    assert parsed("<34>1 1999-01-01T00:00:00Z h a - - - of long ago", NOW).at == NOW * 1000
    assert parsed("no syslog at all", NOW) == (NOW * 1000, "unknown", "no syslog at all")


def test_frames_may_come_in_pieces() -> None:
    data, found = bytearray(), []
    for octet in b"11 <1>1 - h - one\ntwo\r\n<1>three\n":
        data.append(octet)
        found += framed(data)
    assert found == ["<1>1 - h - ", "one", "two", "<1>three"]
    assert not data
