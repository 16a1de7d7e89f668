"""The demos of the notes with instances, as somebody types them: into the AWS CLI, and then into the instance."""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pileus
from pileus.engines.machine import survey
from pileus.engines.network.survey import unable

from .shell import Shell, policy

NO = survey.unable() or unable()
pytestmark = pytest.mark.skipif(bool(NO), reason=f"no machines with networks: {NO}")

TRUST = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "ec2.amazonaws.com"},
}
AMI = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


@pytest.fixture
def shell(cloud: pileus.LocalCloud) -> Shell:
    return Shell(cloud, cloud.account().environment())


class Instances:
    """What one sees of instances from a terminal."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def run(self, *arguments: str, user_data: str = "") -> str:
        """Launch one, which everybody may connect to by SSH and HTTP; its id."""
        group = self.shell("ec2 create-security-group --description web --group-name", f"g{time.monotonic_ns()}")[
            "GroupId"
        ]
        for port in ("22", "80"):
            command = (
                f"ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port {port} --cidr 0.0.0.0/0"
            )
            self.shell(command)
        more = ["--user-data", user_data] if user_data else []
        options = ["--security-group-ids", group, *arguments, *more]
        launched = self.shell(f"ec2 run-instances --image-id {AMI} --instance-type t3.micro", *options)
        return str(launched["Instances"][0]["InstanceId"])

    def described(self, instance: str) -> dict[str, Any]:
        found = self.shell(f"ec2 describe-instances --instance-ids {instance}")
        view: dict[str, Any] = found["Reservations"][0]["Instances"][0]
        return view

    def console(self, instance: str, text: str) -> str:
        def said() -> str:
            output = str(self.shell.client("ec2").get_console_output(InstanceId=instance).get("Output", ""))
            return output if text in output else ""

        return until(said)


def until(found: Callable[[], str], seconds: float = 120) -> str:
    deadline = time.monotonic() + seconds
    while not (text := found()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return text


@pytest.fixture
def instances(shell: Shell) -> Instances:
    return Instances(shell)


def fetched(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def test_bootstrapping_a_web_server_by_user_data(instances: Instances) -> None:
    """Its page is seen at the public address, and what it said on the console."""
    script = """#!/bin/bash
mkdir -p /var/www/html
echo "<h1>Hello from $(hostname -f)</h1>" > /var/www/html/index.html
cd /var/www/html && nohup python3 -m http.server 80 > /dev/null 2>&1 &
echo "web server started"
"""
    one = instances.run(user_data=script)
    assert "web server started" in instances.console(one, "started")
    view = instances.described(one)
    page = until(lambda: fetched(f"http://{view['PublicIpAddress']}/"))
    assert page == f"<h1>Hello from {view['PrivateDnsName']}</h1>\n"


def test_an_instance_role_whose_credentials_the_cli_inside_picks_up(shell: Shell, instances: Instances) -> None:
    bucket = f"demo-{time.monotonic_ns()}"
    shell(f"s3api create-bucket --bucket {bucket}")
    shell("iam create-role --role-name reader --assume-role-policy-document", policy(TRUST))
    shell("iam attach-role-policy --role-name reader --policy-arn arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    shell("iam create-instance-profile --instance-profile-name reader")
    shell("iam add-role-to-instance-profile --instance-profile-name reader --role-name reader")
    script = f"""#!/bin/bash
aws sts get-caller-identity --query Arn --output text
aws s3 ls
aws s3 mb s3://{bucket}-2
"""
    one = instances.run("--iam-instance-profile", "Name=reader", user_data=script)
    said = instances.console(one, "finished at")
    assert f":assumed-role/reader/{one}" in said
    assert bucket in said
    assert "AccessDenied" in said


def test_the_metadata_service_wants_a_token_where_the_instance_says_so(instances: Instances) -> None:
    script = """#!/bin/bash
ask() { curl -s -o /tmp/answer -w '%{http_code} ' "$@"; cat /tmp/answer; echo; }
echo without $(ask http://169.254.169.254/latest/meta-data/instance-id | head -c 4)
TOKEN=$(curl -s -X PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600')
echo with $(ask -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/instance-id)
"""
    if not shutil.which("curl"):
        pytest.skip("no curl, which the script is written with")
    one = instances.run("--metadata-options", "HttpTokens=required", user_data=script)
    said = instances.console(one, "finished at")
    assert "without 401" in said
    assert f"with 200 {one}" in said


@pytest.fixture
def ssh(cloud: pileus.LocalCloud) -> Callable[..., subprocess.CompletedProcess[str]]:
    if not (Path(survey.SERVER).exists() and shutil.which("ssh")):
        pytest.skip("no OpenSSH")

    def connect(key: Path, address: str, *command: str) -> subprocess.CompletedProcess[str]:
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "LogLevel=ERROR")
        words = [word for option in (*options, "ConnectTimeout=5") for word in ("-o", option)]
        program = ["ssh", "-F", "none", *words, "-i", str(key), f"ec2-user@{address}", *command]
        return subprocess.run(program, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)

    return connect


def test_ssh_with_a_key_pair(shell: Shell, instances: Instances, ssh: Any, tmp_path: Path) -> None:
    key = tmp_path / "my-key.pem"
    made = shell("ec2 create-key-pair --key-name my-key --key-type ed25519")
    key.write_text(made["KeyMaterial"] + "\n")  # as `--output text` does
    key.chmod(0o400)
    one = instances.run("--key-name", "my-key")
    instances.console(one, "finished at")
    address = instances.described(one)["PublicIpAddress"]
    done = until(lambda: ssh(key, address, "id -un; cat /var/lib/cloud/data/instance-id").stdout)
    assert done.split() == ["ec2-user", one]


def test_ssh_by_instance_connect(shell: Shell, instances: Instances, ssh: Any, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    one = instances.run()
    instances.console(one, "finished at")
    address = instances.described(one)["PublicIpAddress"]
    until(lambda: "denied" if "denied" in ssh(key, address, "true").stderr else "")
    public = f"file://{key}.pub"
    command = f"ec2-instance-connect send-ssh-public-key --instance-id {one} --instance-os-user ec2-user"
    assert shell(command, "--ssh-public-key", public)["Success"] is True
    assert ssh(key, address, "hostname").stdout.strip() == instances.described(one)["PrivateDnsName"]


def test_the_metadata_service_answers_by_ipv6_where_that_is_enabled(shell: Shell, instances: Instances) -> None:
    if not shutil.which("curl"):
        pytest.skip("no curl, which the script is written with")
    vpc = shell("ec2 create-vpc --cidr-block 10.0.0.0/16 --amazon-provided-ipv6-cidr-block")["Vpc"]["VpcId"]

    def prefix() -> str:
        blocks = shell(f"ec2 describe-vpcs --vpc-ids {vpc}")["Vpcs"][0].get("Ipv6CidrBlockAssociationSet", [])
        return next((one["Ipv6CidrBlock"] for one in blocks), "")

    six = until(prefix).replace("/56", "/64")
    command = f"ec2 create-subnet --vpc-id {vpc} --cidr-block 10.0.0.0/24 --ipv6-cidr-block {six}"
    subnet = shell(command)["Subnet"]["SubnetId"]
    launch = f"ec2 run-instances --image-id {AMI} --instance-type t3.micro --subnet-id {subnet} --ipv6-address-count 1"
    script = "#!/bin/sh\necho I am $(curl -s -m 5 -g http://[fd00:ec2::254]/latest/meta-data/instance-id)\n"
    options = ["--metadata-options", "HttpTokens=optional,HttpProtocolIpv6=enabled", "--user-data", script]
    one = shell(launch, *options)["Instances"][0]["InstanceId"]
    assert f"I am {one}" in instances.console(one, "finished at")


@pytest.mark.parametrize(("hops", "answered"), [("1", "nothing"), ("2", "200")])
def test_a_token_goes_no_further_than_the_hop_limit(instances: Instances, hops: str, answered: str) -> None:
    """A container in the instance is a hop away from it."""
    if not (shutil.which("curl") and shutil.which("nft")):
        pytest.skip("no curl or nft, which the script is written with")
    script = """#!/bin/bash
set -e
ip netns add box
ip link add name outside type veth peer name inside
ip link set inside netns box
ip addr add 10.200.0.1/24 dev outside && ip link set outside up
box="nsenter --net=/run/netns/box"
$box ip addr add 10.200.0.2/24 dev inside && $box ip link set inside up
$box ip route add default via 10.200.0.1
sysctl -q -w net.ipv4.ip_forward=1
nft add table ip nat
nft add chain ip nat out '{ type nat hook postrouting priority 100; }'
nft add rule ip nat out ip saddr 10.200.0.0/24 masquerade
got=$($box curl -s -m 2 -o /dev/null -w '%{http_code}' -X PUT \\
    http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' || true)
echo "container got ${got/000/nothing}"
"""
    options = f"HttpTokens=required,HttpPutResponseHopLimit={hops}"
    one = instances.run("--metadata-options", options, user_data=script)
    assert f"container got {answered}" in instances.console(one, "finished at")
