"""What machines do with user data, as cloud-init's documentation says."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

from pileus.engines.machine import Machines, Plan

from .conftest import Scenario, booted

Among = Callable[[Scenario], Any]


def after(among: Among, user_data: str | bytes, script: str, **plan: Any) -> str:
    """What a script says once a machine has booted with that user data, and the console."""
    data = user_data.encode() if isinstance(user_data, str) else user_data

    async def scenario(machines: Machines) -> str:
        machine = await machines.start(Plan(name="m", user_data=data, **plan))
        console = await booted(machine)
        return str(await machine.run("sh", "-c", script)) + "\n--\n" + console

    return str(among(scenario))


def test_cloud_config_writes_files_makes_users_and_runs_commands_in_its_order(among: Among) -> None:
    config = """\
#cloud-config
bootcmd:
  - echo one >> /root/order
write_files:
  - path: /etc/app/settings.ini
    permissions: "0640"
    owner: root:adm
    content: |
      [app]
  - path: /root/packed
    encoding: gz+b64
    content: {packed}
  - path: /etc/app/settings.ini
    append: true
    permissions: "0640"
    owner: root:adm
    content: "more\\n"
groups:
  - builders: [ec2-user]
users:
  - default
  - name: alice
    gecos: Alice
    groups: [adm]
    shell: /bin/sh
    ssh_authorized_keys: [ssh-ed25519 AAAA alice]
hostname: builder
runcmd:
  - [sh, -c, "echo two >> /root/order"]
  - echo three "$(cat /etc/hostname)" >> /root/order
no_such_module: 1
"""
    packed = base64.b64encode(gzip.compress(b"unpacked\n")).decode()
    told = after(
        among,
        config.replace("{packed}", packed),
        "cat /root/order /root/packed /etc/app/settings.ini; stat -c '%a %U %G' /etc/app/settings.ini; id -Gn alice;"
        "cat /home/alice/.ssh/authorized_keys; stat -c %a%U /home/alice/.ssh/authorized_keys; id -Gn ec2-user",
    )
    said, console = told.split("\n--\n")
    assert said.splitlines() == [
        "one",
        "two",
        "three builder",
        "unpacked",
        "[app]",
        "more",
        "640 root adm",
        "alice adm",
        "ssh-ed25519 AAAA alice",
        "600alice",
        "ec2-user adm sudo builders",
    ]
    assert "cloud-config has no effect here: no_such_module" in console


def test_a_message_of_several_parts_gzipped(among: Among) -> None:
    message = MIMEMultipart()
    for kind, text in (
        ("cloud-config", "#cloud-config\nwrite_files: [{path: /root/first, content: config}]\n"),
        ("x-shellscript", "#!/bin/sh\necho script after $(cat /root/first) > /root/second\n"),
        ("cloud-boothook", "#cloud-boothook\necho $INSTANCE_ID > /root/hook\n"),
        ("plain", "#!/bin/sh\necho plain > /root/plain\n"),
    ):
        message.attach(MIMEText(text, kind, "us-ascii"))
    told = after(
        among,
        gzip.compress(message.as_bytes()),
        "cat /root/second /root/hook /root/plain",
        instance="i-0123456789abcdef0",
    )
    assert told.startswith("script after config\ni-0123456789abcdef0\nplain\n")


def test_user_data_that_is_nothing_that_it_knows_is_kept_and_the_console_says_so(among: Among) -> None:
    told = after(among, "role=web\n", "cat /var/lib/cloud/instance/user-data.txt")
    assert told.startswith("role=web\n")
    assert "Unhandled non-multipart (text/x-not-multipart) userdata: 'role=web" in told


def test_a_script_that_fails_is_told_of_and_does_not_keep_the_machine_from_booting(among: Among) -> None:
    told = after(among, "#!/bin/sh\necho before\nexit 3\n", "cat /run/cloud-init/result.json")
    assert "Running part-001 in /var/lib/cloud/instances/m/scripts failed" in told.split("\n--\n")[0]
    assert "scripts_user failed" in told


def test_a_broken_cloud_config_is_told_of(among: Among) -> None:
    told = after(among, "#cloud-config\nruncmd: [\n", "true")
    assert "user data failed" in told


def test_packages_that_cannot_be_had_are_told_of(among: Among) -> None:
    told = after(among, "#cloud-config\npackages: [no-such-package-anywhere]\n", "true")
    assert "Failed to install packages: no-such-package-anywhere" in told


def test_scripts_can_be_made_to_run_at_every_boot(among: Among) -> None:
    data = b"""Content-Type: multipart/mixed; boundary="//"
MIME-Version: 1.0

--//
Content-Type: text/cloud-config; charset="us-ascii"

#cloud-config
cloud_final_modules:
- [scripts-user, always]

--//
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/bash
echo >> /root/boots
--//--
"""

    async def scenario(machines: Machines) -> None:
        for boots in (1, 2):
            machine = await machines.start(Plan(name="m", user_data=data))
            assert (await machine.run("cloud-init", "status", "--wait")).output == b"status: done\n"
            assert (await machine.run("cat", "/root/boots")).output == b"\n" * boots
            await machine.stop()

    among(scenario)


def test_power_state_ends_the_machine_when_all_is_done(among: Among) -> None:
    async def scenario(machines: Machines) -> str:
        machine = await machines.start(Plan(name="m", user_data=b"#cloud-config\npower_state: {mode: poweroff}\n"))
        await booted(machine)
        return await machine.power

    assert among(scenario) == "off"
