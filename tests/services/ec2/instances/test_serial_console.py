"""The serial console over SSH: a pushed key lets in for a minute, and a login waits there."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest

from pileus.engines.machine.serial import lacking
from pileus.engines.machine.survey import unable
from pileus.services.ec2_instance_connect.serial import listen

PATIENCE = 60.0
PASSWORD = "#!/bin/sh\necho ec2-user:correct-horse | chpasswd\necho ready\n"


@pytest.fixture
def port(cloud):
    opened = cloud.run(listen(cloud.server.cloud, "127.0.0.1", 0))
    yield opened.port
    cloud.run(opened.close())


@pytest.fixture
def key(tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    return tmp_path / "key"


class Terminal:
    """An SSH client at a console."""

    def __init__(self, port, key, instance):
        options = ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        options += ["-o", "BatchMode=yes", "-i", str(key), "-p", str(port)]
        command = ["ssh", "-tt", *options, f"{instance}.port0@127.0.0.1"]
        self.client = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        self.said = b""

    def until(self, text):
        while text not in self.said:
            piece = self.client.stdout.read(4096)
            assert piece, (self.said, self.client.stderr.read())
            self.said += piece

    def type(self, text):
        self.client.stdin.write(text.encode() + b"\r")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.terminate()
        self.client.communicate()


@pytest.mark.timeout(180)
@pytest.mark.skipif(
    bool(unable() or lacking() or not shutil.which("ssh-keygen")), reason=f"no consoles: {unable() or lacking()}"
)
def test_somebody_with_a_password_logs_in_at_the_console(aws, ec2, run, clock, port, key, refused):
    connect = aws.client("ec2-instance-connect")
    one = run(UserData=PASSWORD)["InstanceId"]
    clock.advance(2)
    asked = {"InstanceId": one, "SSHPublicKey": key.with_suffix(".pub").read_text()}
    with refused("SerialConsoleAccessDisabledException"):
        connect.send_serial_console_ssh_public_key(**asked)
    ec2.enable_serial_console_access()
    with refused("InvalidArgsException"):
        connect.send_serial_console_ssh_public_key(**asked | {"SSHPublicKey": "x" * 100})
    with refused("EC2InstanceNotFoundException"):
        connect.send_serial_console_ssh_public_key(**asked | {"InstanceId": "i-0123456789abcdef0"})
    with Terminal(port, key, one) as nobody:
        assert b"Permission denied" in nobody.client.stderr.read()
    assert connect.send_serial_console_ssh_public_key(**asked)["Success"]
    deadline = time.monotonic() + PATIENCE
    while "ready" not in ec2.get_console_output(InstanceId=one).get("Output", ""):
        assert time.monotonic() < deadline
    with Terminal(port, key, one) as terminal:
        terminal.until(b"login:")
        terminal.type("ec2-user")
        terminal.until(b"assword:")
        terminal.type("correct-horse")
        terminal.until(b"$ ")
        terminal.type("echo I am $(whoami) at $(tty)")
        terminal.until(b"I am ec2-user at /dev/console")
    clock.advance(61)
    with Terminal(port, key, one) as late:
        assert b"Permission denied" in late.client.stderr.read()
