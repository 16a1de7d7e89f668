"""The instance metadata service: what it tells, to whom, and what it refuses."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.utils import IMDSFetcher, InstanceMetadataFetcher, InstanceMetadataRegionFetcher
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import pkcs7

from pileus.kernel import Call
from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import open_store
from pileus.services.ec2.metadata import pushed_keys
from pileus.services.ec2.metadata.answers import Answer, answer
from pileus.services.ec2.metadata.identity import IdentitySigner
from pileus.services.ec2.metadata.serving import MetadataServers
from pileus.services.ec2.metadata.subject import Subject, Subnet

NOW = 1_700_000_000.0
MAC = "02:29:96:8f:6a:2d"
INTERFACE = {
    "NetworkInterfaceId": "eni-0e5aa5a5a5a5a5a5a",
    "MacAddress": MAC,
    "SubnetId": "subnet-1",
    "VpcId": "vpc-1",
    "OwnerId": "111122223333",
    "Attachment": {"DeviceIndex": 0},
    "Groups": [{"GroupId": "sg-1", "GroupName": "web"}],
    "PrivateDnsName": "ip-10-0-1-5.ec2.internal",
    "PrivateIpAddresses": [
        {
            "PrivateIpAddress": "10.0.1.5",
            "Primary": True,
            "Association": {"PublicIp": "198.18.0.20", "PublicDnsName": "ec2-198-18-0-20.compute-1.amazonaws.com"},
        },
        {"PrivateIpAddress": "10.0.1.6", "Primary": False},
    ],
    "Ipv6Addresses": [{"Ipv6Address": "2001:db8::5"}],
}
INSTANCE = {
    "InstanceId": "i-0123456789abcdef0",
    "ImageId": "ami-0abcdef1234567890",
    "InstanceType": "t3.micro",
    "KeyName": "my-key",
    "LaunchTime": NOW,
    "Placement": {"AvailabilityZone": "us-east-1a", "GroupName": "parts", "PartitionNumber": 3},
    "PrivateDnsName": "ip-10-0-1-5.ec2.internal",
    "PrivateIpAddress": "10.0.1.5",
    "PublicDnsName": "ec2-198-18-0-20.compute-1.amazonaws.com",
    "PublicIpAddress": "198.18.0.20",
    "RootDeviceName": "/dev/xvda",
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda"}, {"DeviceName": "/dev/sdf"}],
    "IamInstanceProfile": {"Arn": "arn:aws:iam::111122223333:instance-profile/web", "Id": "AIPA0123456789"},
    "NetworkInterfaces": [INTERFACE],
    "SecurityGroups": [{"GroupName": "web", "GroupId": "sg-1"}],
    "Tags": [{"Key": "Name", "Value": "front"}, {"Key": "aws:autoscaling:groupName", "Value": "g"}],
}
CREDENTIALS = {
    "Code": "Success",
    "LastUpdated": "2023-11-14T22:13:20Z",
    "Type": "AWS-HMAC",
    "AccessKeyId": "ASIAEXAMPLE",
    "SecretAccessKey": "secret",
    "Token": "token",
    "Expiration": "2033-11-14T22:13:20Z",
}


@pytest.fixture
def call() -> Iterator[Call]:
    cloud = Cloud(open_store(None), Clock(lambda: NOW))
    call = cloud.call("ec2", account="111122223333", region="us-east-1")
    with cloud.store.attempt():
        yield call


def subject(options: dict[str, Any] = {}, instance: dict[str, Any] = {}, **more: Any) -> Subject:
    told: dict[str, Any] = {
        "account": "111122223333",
        "region": "us-east-1",
        "reservation_id": "r-1",
        "user_data": b"#!/bin/sh\n",
        "public_key": "ssh-ed25519 AAAA my-key",
        "subnets": {"subnet-1": Subnet(["10.0.1.0/24"])},
        "vpcs": {"vpc-1": Subnet(["10.0.0.0/16", "10.1.0.0/16"])},
        "zone_id": "use1-az1",
        "role": "web-role",
        "credentials": lambda: CREDENTIALS,
    }
    return Subject(instance=INSTANCE | {"MetadataOptions": options} | instance, **told | more)


def got(call: Call, path: str, who: Subject | None = None, **headers: str) -> str:
    found = answer(
        call, who or subject(), "GET", path, {name.replace("_", "-"): text for name, text in headers.items()}
    )
    assert found.status == 200, found
    return found.body.decode()


def status(call: Call, path: str, who: Subject | None = None, method: str = "GET", headers: dict[str, str] = {}) -> int:
    return answer(call, who or subject(), method, path, headers).status


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("ami-id", "ami-0abcdef1234567890"),
        ("ami-launch-index", "0"),
        ("block-device-mapping/", "ami\nebs1\nroot"),
        ("block-device-mapping/ami", "xvda"),
        ("block-device-mapping/root", "/dev/xvda"),
        ("block-device-mapping/ebs1", "sdf"),
        ("events/maintenance/history", "[]"),
        ("hostname", "ip-10-0-1-5.ec2.internal"),
        ("iam/security-credentials/", "web-role"),
        ("instance-action", "none"),
        ("instance-id", "i-0123456789abcdef0"),
        ("instance-life-cycle", "on-demand"),
        ("instance-type", "t3.micro"),
        ("local-hostname", "ip-10-0-1-5.ec2.internal"),
        ("local-ipv4", "10.0.1.5"),
        ("mac", MAC),
        ("network/", "interfaces/"),
        ("network/interfaces/macs/", f"{MAC}/"),
        (f"network/interfaces/macs/{MAC}/device-number", "0"),
        (f"network/interfaces/macs/{MAC}/interface-id", "eni-0e5aa5a5a5a5a5a5a"),
        (f"network/interfaces/macs/{MAC}/ipv4-associations/198.18.0.20", "10.0.1.5"),
        (f"network/interfaces/macs/{MAC}/ipv6s", "2001:db8::5"),
        (f"network/interfaces/macs/{MAC}/local-ipv4s", "10.0.1.5\n10.0.1.6"),
        (f"network/interfaces/macs/{MAC}/owner-id", "111122223333"),
        (f"network/interfaces/macs/{MAC}/public-ipv4s", "198.18.0.20"),
        (f"network/interfaces/macs/{MAC}/security-group-ids", "sg-1"),
        (f"network/interfaces/macs/{MAC}/security-groups", "web"),
        (f"network/interfaces/macs/{MAC}/subnet-id", "subnet-1"),
        (f"network/interfaces/macs/{MAC}/subnet-ipv4-cidr-block", "10.0.1.0/24"),
        (f"network/interfaces/macs/{MAC}/vpc-id", "vpc-1"),
        (f"network/interfaces/macs/{MAC}/vpc-ipv4-cidr-block", "10.0.0.0/16"),
        (f"network/interfaces/macs/{MAC}/vpc-ipv4-cidr-blocks", "10.0.0.0/16\n10.1.0.0/16"),
        ("placement/availability-zone", "us-east-1a"),
        ("placement/availability-zone-id", "use1-az1"),
        ("placement/group-name", "parts"),
        ("placement/partition-number", "3"),
        ("placement/region", "us-east-1"),
        ("public-hostname", "ec2-198-18-0-20.compute-1.amazonaws.com"),
        ("public-ipv4", "198.18.0.20"),
        ("public-keys/", "0=my-key"),
        ("public-keys/0/", "openssh-key"),
        ("public-keys/0/openssh-key", "ssh-ed25519 AAAA my-key"),
        ("reservation-id", "r-1"),
        ("security-groups", "web"),
        ("services/domain", "amazonaws.com"),
        ("services/partition", "aws"),
    ],
)
def test_categories(call: Call, path: str, text: str) -> None:
    assert got(call, f"/latest/meta-data/{path}") == text
    assert got(call, f"/2021-03-23/meta-data/{path}") == text


def test_folders_are_listed_with_slashes_with_and_without_one_at_the_end(call: Call) -> None:
    for path in ("/latest/meta-data", "/latest/meta-data/"):
        names = got(call, path).split("\n")
        assert {"ami-id", "iam/", "network/", "placement/", "public-keys/"} <= set(names)
        assert "spot/" not in names
        assert "tags/" not in names
    assert got(call, "/latest/") == "dynamic\nmeta-data\nuser-data"
    assert got(call, "/").split("\n")[-1] == "latest"


def test_what_is_not_there_is_404(call: Call) -> None:
    for path in ("/latest/meta-data/nothing", "/latest/meta-data/ami-id/more", "/2001-01-01/meta-data/", "/latest/api"):
        assert status(call, path) == 404
    bare = subject(user_data=b"", public_key="", instance={"IamInstanceProfile": None, "PublicIpAddress": None})
    for path in ("user-data", "meta-data/public-keys/", "meta-data/iam/info", "meta-data/public-ipv4"):
        assert status(call, f"/latest/{path}", bare) == 404


def test_user_data_comes_as_it_was_given(call: Call) -> None:
    assert answer(call, subject(user_data=b"\x1f\x8b\x00"), "GET", "/latest/user-data", {}).body == b"\x1f\x8b\x00"


# Version 2


def session(call: Call, seconds: str = "21600", who: Subject | None = None, **headers: str) -> Answer:
    fields = {"x-aws-ec2-metadata-token-ttl-seconds": seconds} if seconds else {}
    more = {name.replace("_", "-"): text for name, text in headers.items()}
    return answer(call, who or subject(), "PUT", "/latest/api/token", fields | more)


def test_a_token_is_good_for_as_long_as_it_was_asked_for(call: Call) -> None:
    required = subject({"HttpTokens": "required"})
    token = session(call, "60", required).body.decode()
    headers = {"x-aws-ec2-metadata-token": token}
    found = answer(call, required, "GET", "/latest/meta-data/instance-id", headers)
    assert (found.status, found.body) == (200, b"i-0123456789abcdef0")
    assert found.fields["X-Aws-Ec2-Metadata-Token-Ttl-Seconds"] == "60"
    later = call.at(now=NOW + 59)
    assert status(later, "/latest/meta-data/", required, headers=headers) == 200
    later = call.at(now=NOW + 61)
    assert status(later, "/latest/meta-data/", required, headers=headers) == 401


def test_tokens_may_live_from_a_second_to_six_hours(call: Call) -> None:
    assert [session(call, seconds).status for seconds in ("1", "21600")] == [200, 200]
    assert [session(call, seconds).status for seconds in ("", "0", "21601", "-5", "soon")] == [400] * 5


def test_where_tokens_are_required_nobody_does_without(call: Call) -> None:
    required = subject({"HttpTokens": "required"})
    assert status(call, "/latest/meta-data/", required) == 401
    assert status(call, "/latest/user-data", required) == 401
    assert status(call, "/latest/meta-data/") == 200


def test_a_token_that_is_no_good_is_refused_even_where_none_is_required(call: Call) -> None:
    assert status(call, "/latest/meta-data/", headers={"x-aws-ec2-metadata-token": "made-up"}) == 401


def test_a_token_of_another_instance_is_no_good(call: Call) -> None:
    token = session(call).body.decode()
    other = subject(instance={"InstanceId": "i-0fedcba9876543210"})
    assert status(call, "/latest/meta-data/", other, headers={"x-aws-ec2-metadata-token": token}) == 401


def test_tokens_are_not_given_to_proxies(call: Call) -> None:
    assert session(call, x_forwarded_for="10.0.0.9").status == 403


def test_a_service_that_is_turned_off_refuses_everything(call: Call) -> None:
    off = subject({"HttpEndpoint": "disabled"})
    assert status(call, "/latest/meta-data/", off) == 403
    assert session(call, who=off).status == 403


def test_other_methods_are_not_allowed(call: Call) -> None:
    assert [status(call, "/latest/meta-data/", method=method) for method in ("POST", "DELETE", "PUT")] == [405] * 3


# What depends on the instance


def test_tags_are_there_where_that_is_enabled_and_aws_own_are_not(call: Call) -> None:
    enabled = subject({"InstanceMetadataTags": "enabled"})
    assert got(call, "/latest/meta-data/tags/instance/", enabled) == "Name"
    assert got(call, "/latest/meta-data/tags/instance/Name", enabled) == "front"
    assert status(call, "/latest/meta-data/tags/instance/Name") == 404


def test_an_interruption_of_a_spot_instance_is_told(call: Call) -> None:
    spot = {"InstanceLifecycle": "spot"}
    assert status(call, "/latest/meta-data/spot/instance-action", subject(instance=spot)) == 404
    notice = {"action": "terminate", "time": "2023-11-14T22:15:20Z"}
    warned = subject(instance=spot, interruption=notice, rebalance="2023-11-14T22:10:00Z")
    assert json.loads(got(call, "/latest/meta-data/spot/instance-action", warned)) == notice
    assert got(call, "/latest/meta-data/spot/termination-time", warned) == notice["time"]
    recommended = json.loads(got(call, "/latest/meta-data/events/recommendations/rebalance", warned))
    assert recommended == {"noticeTime": "2023-11-14T22:10:00Z"}


def test_events_of_maintenance_are_told(call: Call) -> None:
    event = {"Code": "system-reboot", "EventId": "instance-event-1", "State": "active"}
    past = event | {"EventId": "instance-event-0", "State": "completed"}
    who = subject(scheduled=[past, event])
    assert json.loads(got(call, "/latest/meta-data/events/maintenance/scheduled", who)) == [event]
    assert json.loads(got(call, "/latest/meta-data/events/maintenance/history", who)) == [past]


def test_pushed_keys_let_in_for_a_minute(call: Call) -> None:
    pushed_keys.push(call, "i-1", "ec2-user", "ssh-ed25519 AAAA mine\n")
    keys = pushed_keys.active(call, "i-1")
    assert keys == {"ec2-user": ["ssh-ed25519 AAAA mine"]}
    path = "/latest/meta-data/managed-ssh-keys/active-keys/ec2-user"
    assert got(call, path, subject(pushed_keys=keys)) == "ssh-ed25519 AAAA mine"
    later = call.at(now=NOW + 61)
    assert pushed_keys.active(later, "i-1") == {}


def test_the_identity_document_is_signed_by_the_region(call: Call) -> None:
    text = got(call, "/latest/dynamic/instance-identity/document")
    document = json.loads(text)
    assert document["accountId"] == "111122223333"
    assert document["instanceId"] == "i-0123456789abcdef0"
    assert document["pendingTime"] == "2023-11-14T22:13:20Z"
    assert document["version"] == "2017-09-30"
    signature = base64.b64decode(got(call, "/latest/dynamic/instance-identity/signature"))
    signer = IdentitySigner.get(call, "us-east-1")
    assert signer
    certificate = x509.load_pem_x509_certificate(signer.certificate.encode())
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    envelope = base64.b64decode(got(call, "/latest/dynamic/instance-identity/rsa2048"))
    assert pkcs7.load_der_pkcs7_certificates(envelope) == [certificate]
    assert text.encode() in envelope


# Clients


def test_botocore_finds_credentials_and_region_by_version_2(call: Call) -> None:
    """The SDK's own client of this service, at a socket."""
    who = subject({"HttpTokens": "required"})

    async def scenario() -> tuple[Any, Any, Any]:
        servers = MetadataServers(call.cloud)
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        def answering(address: str, method: str, path: str, headers: dict[str, str]) -> tuple[Answer, int]:
            assert address == "127.0.0.1"
            return answer(call, who, method, path, headers), 1

        await servers.serve("net", [listener], answering)
        try:
            options = {"base_url": url, "timeout": 5}
            found = await asyncio.to_thread(InstanceMetadataFetcher(**options).retrieve_iam_role_credentials)
            region = await asyncio.to_thread(InstanceMetadataRegionFetcher(**options).retrieve_region)
            token = await asyncio.to_thread(IMDSFetcher(**options)._fetch_metadata_token)
            return found, region, token
        finally:
            await servers.close()

    found, region, token = asyncio.run(scenario())
    assert found["access_key"] == "ASIAEXAMPLE"
    assert found["token"] == "token"
    assert found["role_name"] == "web-role"
    assert region == "us-east-1"
    assert token
