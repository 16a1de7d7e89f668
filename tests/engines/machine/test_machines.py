"""Machines: they boot, keep what they change, and end."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pileus.engines.machine import File, Machine, MachineFailed, Machines, Plan

from .conftest import Scenario, booted, said

MEGABYTE = 1024 * 1024
Among = Callable[[Scenario], Any]


def test_user_data_runs_as_root_within_a_second_and_its_output_is_on_the_console(among: Among) -> None:
    async def scenario(machines: Machines) -> None:
        machines.image()
        began = time.perf_counter()
        machine = await machines.start(Plan(name="web", user_data=b"#!/bin/sh\necho I am $(id -un) on $(hostname)\n"))
        assert "I am root on localhost" in await said(machine, "I am")
        assert time.perf_counter() - began < 1
        await booted(machine)
        log = await machine.run("cat", "/var/log/cloud-init-output.log")
        assert "I am root on localhost" in str(log)

    among(scenario)


def test_a_machine_keeps_its_files_over_a_stop_and_runs_its_user_data_once(among: Among) -> None:
    plan = Plan(name="db", user_data=b"#!/bin/sh\ndate +%N >> /root/boots\nrm /usr/bin/yes\n")

    async def first(machines: Machines) -> None:
        machine = await machines.start(plan)
        await booted(machine)
        await machine.run("sh", "-c", "echo kept > /srv/data; chown ec2-user /srv/data")
        await machine.stop()
        again = await machines.start(plan)
        await said(again, "finished")
        assert str(await again.run("cat", "/srv/data")) == "kept\n"

    async def after_a_restart(machines: Machines) -> None:
        machine = await machines.start(plan)
        while (await machine.run("cloud-init", "status")).output != b"status: done\n":
            await asyncio.sleep(0.01)
        assert str(await machine.run("stat", "-c", "%U", "/srv/data")) == "ec2-user\n"
        assert len(str(await machine.run("cat", "/root/boots")).split()) == 1
        assert (await machine.run("ls", "/usr/bin/yes")).status != 0
        assert os.path.exists("/usr/bin/yes")

    among(first)
    among(after_a_restart)


def test_a_new_instance_of_the_same_disk_boots_for_the_first_time_again(among: Among) -> None:
    async def scenario(machines: Machines) -> None:
        for instance, boots in (("i-1", 1), ("i-1", 1), ("i-2", 2)):
            plan = Plan(name="m", instance=instance, user_data=b"#!/bin/sh\necho >> /root/boots\n")
            machine = await machines.start(plan)
            while (await machine.run("cloud-init", "status")).output != b"status: done\n":
                await asyncio.sleep(0.01)
            assert (await machine.run("cat", "/root/boots")).output == b"\n" * boots
            await machine.stop()

    among(scenario)


def test_programs_are_asked_to_end_before_they_are_ended(among: Among) -> None:
    patient = b"#!/bin/sh\ntrap 'echo goodbye > /srv/said; exit' TERM\nwhile :; do sleep 0.05; done\n"

    async def scenario(machines: Machines) -> None:
        machine = await machines.start(Plan(name="m", user_data=patient))
        await said(machine, "modules:final")
        await asyncio.sleep(0.2)
        await machine.stop(grace=5)
        machine = await machines.start(Plan(name="m"))
        assert str(await machine.run("cat", "/srv/said")) == "goodbye\n"
        machine.begin(["sh", "-c", "trap '' TERM; echo deaf > /dev/console; while :; do sleep 0.05; done"], (0, 1, 2))
        await said(machine, "deaf")
        began = time.perf_counter()
        await machine.stop(grace=0.3)
        assert 0.2 < time.perf_counter() - began < 4

    among(scenario)


def test_machines_are_asked_to_end_when_the_cloud_does(among: Among) -> None:
    patient = b"#!/bin/sh\ntrap 'echo goodbye > /srv/said; exit' TERM\necho ready\nwhile :; do sleep 0.05; done\n"

    async def before(machines: Machines) -> None:
        await said(await machines.start(Plan(name="m", user_data=patient)), "ready")

    async def after(machines: Machines) -> None:
        machine = await machines.start(Plan(name="m"))
        assert str(await machine.run("cat", "/srv/said")) == "goodbye\n"

    among(before)
    among(after)


def test_a_machine_can_ask_for_its_own_end(among: Among) -> None:
    async def scenario(machines: Machines) -> None:
        for command, wanted in (("shutdown -h now", "off"), ("reboot", "reboot"), ("poweroff", "off")):
            machine = await machines.start(Plan(name=f"{command[0]}-m"))
            await machine.run("sh", "-c", command)
            assert await machine.power == wanted

    among(scenario)


def test_the_console_keeps_its_last_64_kilobytes_after_the_machine_has_ended(among: Among) -> None:
    noise = b"#!/bin/sh\nseq -f 'line %06g' 1 20000\n"

    async def scenario(machines: Machines) -> None:
        machine = await machines.start(Plan(name="m", user_data=noise))
        await booted(machine)
        machine.kill()
        await machine.ended
        text = machines.console("m").read()
        assert len(text) == 64 * 1024
        assert b"line 020000\r\n" in text
        machines.forget("m")
        assert machines.console("m").read() == b""

    among(scenario)


def test_dev_console_is_the_console(among: Among) -> None:
    async def scenario(machines: Machines) -> None:
        machine = await machines.start(Plan(name="m"))
        await machine.run("sh", "-c", "echo from a program > /dev/console")
        await said(machine, "from a program")
        os.write(machine.terminal, b"typed\n")
        assert str(await machine.run("sh", "-c", "read line < /dev/console; echo got $line")) == "got typed\n"

    among(scenario)


def test_files_and_environment_are_there_at_every_start(among: Among) -> None:
    async def scenario(machines: Machines) -> None:
        for url in ("http://one", "http://two"):
            plan = Plan(
                name="m",
                host_name="ip-10-0-0-5.ec2.internal",
                environment={"AWS_ENDPOINT_URL": url},
                files=[File("/etc/told", url)],
                name_servers=["10.0.0.2"],
                search="ec2.internal",
                identity={"board_vendor": "Amazon EC2"},
            )
            machine = await machines.start(plan)
            told = await machine.run(
                "sh", "-c", "cat /etc/told; echo; . /etc/profile; echo $AWS_ENDPOINT_URL; hostname"
            )
            assert str(told).split() == [url, url, "ip-10-0-0-5.ec2.internal"]
            assert "nameserver 10.0.0.2" in str(await machine.run("cat", "/etc/resolv.conf"))
            assert str(await machine.run("cat", "/sys/devices/virtual/dmi/id/board_vendor")) == "Amazon EC2\n"
            await machine.stop()

    among(scenario)


def test_a_program_runs_as_whom_it_is_told_to_with_a_terminal_if_it_is_told_to(among: Among) -> None:
    async def scenario(machines: Machines) -> None:
        machine = await machines.start(Plan(name="m"))
        ran = await machine.run("sh", "-c", "id -un; pwd; cat; exit 7", user="ec2-user", input=b"given")
        assert (str(ran), ran.status) == ("ec2-user\n/home/ec2-user\ngiven", 7)
        assert (await machine.run("no-such-program")).status == 127
        async with machine.session(
            ["sh", "-c", "tty; stty size; read line; echo got $line"], size=(30, 100)
        ) as session:
            session.write(b"hello\n")
            text = b""
            while piece := await session.read():
                text += piece
        assert text.replace(b"hello\r\n", b"", 1).split() == [b"/dev/pts/0", b"30", b"100", b"got", b"hello"]

    among(scenario)


def test_the_image_s_user_may_do_everything_by_sudo(among: Among) -> None:
    if not Path("/usr/bin/sudo").exists():
        pytest.skip("no sudo")

    async def scenario(machines: Machines) -> None:
        machine = await machines.start(Plan(name="m"))
        assert str(await machine.run("sudo", "-n", "id", "-u", user="ec2-user")) == "0\n"

    among(scenario)


def test_the_cli_is_there(among: Among) -> None:
    async def scenario(machines: Machines) -> None:
        machine = await machines.start(Plan(name="m"))
        if (await machine.run("test", "-x", "/usr/local/bin/aws")).status:
            pytest.skip("the AWS CLI is not installed")
        assert str(await machine.run("aws", "--version", user="ec2-user")).startswith("aws-cli/")
        assert (await machine.run("ls", "/usr/lib/aws-cli/pileus")).status != 0

    among(scenario)


def test_memory_is_limited(among: Among) -> None:
    async def scenario(machines: Machines) -> None:
        machine = await machines.start(Plan(name="m", memory_bytes=64 * MEGABYTE))
        greedy = (
            "import sys; sys.stdout.write('began\\n'); sys.stdout.flush(); x = bytearray(200 << 20); print('got it')"
        )
        ran = await machine.run("/usr/bin/python3", "-c", greedy)
        assert "got it" not in str(ran)
        assert ran.status == 128 + 9

    among(scenario)


def test_a_file_is_a_disk_that_can_be_formatted_and_mounted_while_the_machine_runs(
    among: Among, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(64 * MEGABYTE)

    async def scenario(machines: Machines) -> None:
        machine = await machines.start(Plan(name="m"))
        await machine.attach("/dev/xvdf", disk)
        assert "block special" in str(await machine.run("stat", "-c", "%F", "/dev/xvdf"))
        made = await machine.run("mkfs.ext4", "-q", "/dev/xvdf")
        assert made.status == 0, str(made)
        mounted = await machine.run(
            "sh", "-c", "mkdir /data && mount /dev/xvdf /data && echo kept > /data/file && df /data"
        )
        assert mounted.status == 0, str(mounted)
        assert (await machine.run("mount", "/dev/xvdg", "/data")).status == 32
        assert (await machine.run("umount", "/data")).status == 0
        await machine.detach("/dev/xvdf")
        assert (await machine.run("ls", "/dev/xvdf")).status != 0

        other = await machines.start(Plan(name="other", devices={"/dev/sdf": str(disk)}))
        assert str(await other.run("sh", "-c", "mount /dev/sdf /mnt && cat /mnt/file")) == "kept\n"

    among(scenario)
    gone(tmp_path)


def test_what_cannot_be_done_any_more_is_refused_and_other_machines_go_on(among: Among, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(1 << 20)

    async def scenario(machines: Machines) -> None:
        other = await machines.start(Plan(name="other"))
        gone = await machines.start(Plan(name="gone"))
        gone.kill()
        await gone.ended
        for what in ("attach", "mount"):
            more = {"device": "/dev/xvdf", "path": str(disk), "directory": "/mnt", "kind": "ext4", "read_only": False}
            with pytest.raises(MachineFailed):
                await machines.order(what, "gone", **more)
        assert (await other.run("true")).status == 0

    among(scenario)


def test_with_its_launcher_everything_ends_and_nobody_waits(among: Among) -> None:
    async def scenario(machines: Machines) -> None:
        one = await machines.start(Plan(name="one"))
        assert machines._launcher
        machines._launcher.process.kill()
        with pytest.raises(MachineFailed):
            await machines.order("attach", "one", device="/dev/xvdf", path="/dev/null")
        await one.ended
        again = await machines.start(Plan(name="one"))
        assert (await again.run("true")).status == 0

    among(scenario)


def test_an_image_of_a_machine_has_what_it_changed(among: Among, tmp_path: Path) -> None:
    async def scenario(machines: Machines) -> None:
        machine = await machines.start(Plan(name="golden"))
        await machine.run("sh", "-c", "echo baked > /opt/app; rm /usr/bin/yes; mkdir /usr/lib/app")
        await machines.captured("golden", "baked")
        await machine.run("sh", "-c", "echo later > /opt/app")
        copy = await machines.start(Plan(name="copy", image="baked"))
        assert str(await copy.run("cat", "/opt/app")) == "baked\n"
        assert (await copy.run("test", "-e", "/usr/bin/yes")).status == 1
        assert (await copy.run("test", "-d", "/usr/lib/app")).status == 0

        machines.discard("baked")
        await copy.stop()
        copy = await machines.start(Plan(name="copy"))
        assert str(await copy.run("cat", "/opt/app")) == "baked\n"
        await copy.stop()
        machines.forget("copy")
        assert not machines.holds("baked")

    among(scenario)


def test_images_are_imported_from_folders_archives_and_container_images(among: Among, tmp_path: Path) -> None:
    busy = Path(shutil.which("busybox") or "/bin/busybox")
    if not busy.exists():
        pytest.skip("no busybox, which would be an image by itself")
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(busy, root / "bin" / "sh")
    for name in ("cat", "tee", "id", "echo"):
        (root / "bin" / name).symlink_to("sh")
    (root / "etc").mkdir()
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc" / "release").write_text("tiny\n")
    layer = tmp_path / "layer.tar"
    subprocess.run(["tar", "-c", "-f", layer, "-C", root, "."], check=True)
    (root / "etc" / ".wh.release").touch()
    above = tmp_path / "above.tar"
    subprocess.run(["tar", "-c", "-f", above, "-C", root, "./etc/.wh.release"], check=True)
    (root / "etc" / ".wh.release").unlink()
    saved = tmp_path / "saved"
    saved.mkdir()
    shutil.copy(layer, saved / "layer.tar")
    shutil.copy(above, saved / "above.tar")
    (saved / "manifest.json").write_text('[{"Layers": ["layer.tar", "above.tar"]}]')
    archive = tmp_path / "saved.tar"
    subprocess.run(["tar", "-c", "-f", archive, "-C", saved, "."], check=True)

    async def scenario(machines: Machines) -> None:
        for source, release in ((root, "tiny\n"), (layer, "tiny\n"), (archive, "")):
            await machines.imported(source, source.name)
            machine = await machines.start(Plan(name=source.name, image=source.name, user_data=b"#!/bin/sh\necho $0\n"))
            await said(machine, "/scripts/part-001")
            assert str(await machine.run("sh", "-c", "cat /etc/release 2> /dev/null")) == release

    among(scenario)


def left(folder: Path) -> str:
    """Whatever there is of a folder's machines outside the folder."""
    mounts = Path("/proc/mounts").read_text()
    loops = subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in (mounts + loops).splitlines() if str(folder) in line)


def gone(folder: Path) -> None:
    """The kernel takes a moment to let go of what the last process of a machine had."""
    deadline = time.monotonic() + 5
    while left(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left(folder)


def test_nothing_is_left_behind_even_by_a_cloud_that_is_killed(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(MEGABYTE))
    program = f"""
import asyncio
from pathlib import Path
from pileus.engines.machine import Machines, Plan
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import open_store

async def main():
    machines = Machines(Cloud(open_store(None), folder=Path({str(tmp_path)!r})))
    machine = await machines.start(Plan(name="m", devices={{"/dev/xvdf": {str(disk)!r}}}))
    ended = machine.begin(["sleep", "86399"], (0, 1, 2))
    print(machine.pid, *machine.group.folders.values(), flush=True)
    await ended

asyncio.run(main())
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    )
    assert process.stdout
    pid, *groups = process.stdout.readline().split()
    assert Path("/proc", pid).exists()
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while Path("/proc", pid).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path("/proc", pid).exists()
    gone(tmp_path)

    async def next_one() -> None:
        from pileus.kernel.cloud import Cloud
        from pileus.kernel.store import open_store

        machines = Machines(Cloud(open_store(None), folder=tmp_path))
        machine: Machine = await machines.start(Plan(name="m"))
        assert machine.pid
        await machines.close()

    asyncio.run(next_one())
    assert not [group for group in groups if Path(group).exists()]
    gone(tmp_path)


def test_in_a_network_made_for_it_a_machine_administers_its_interfaces(among: Among, tmp_path: Path) -> None:
    path = Path("/run/netns", f"machine-test-{os.getpid()}-own")
    path.touch()

    async def scenario(machines: Machines) -> None:
        await machines.network(path)
        machine = await machines.start(Plan(name="m", network=str(path)))
        done = await machine.run(
            "sh", "-c", "ip link set lo up && ip addr add 10.1.2.3/32 dev lo && ip -4 -o addr show lo"
        )
        assert "10.1.2.3" in str(done), str(done)
        done = await machine.run("sh", "-c", "ip tuntap add tunnel0 mode tun && ip -br link show tunnel0")
        assert "tunnel0" in str(done), str(done)
        shown = subprocess.run(["ip", "-n", path.name, "addr"], capture_output=True, text=True, check=True)
        assert "10.1.2.3" in shown.stdout
        await machine.stop()
        again = await machines.start(Plan(name="m", network=str(path)))
        assert "10.1.2.3" in str(await again.run("ip", "addr"))

    try:
        among(scenario)
    finally:
        subprocess.run(["ip", "netns", "delete", path.name], check=True)
