"""What root in a machine cannot do to the host, nor to another machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pileus.engines.machine import Machines, Plan

from .conftest import Scenario

Among = Callable[[Scenario], Any]


def as_root(among: Among, script: str, **plan: Any) -> str:
    async def scenario(machines: Machines) -> str:
        machine = await machines.start(Plan(name="m", **plan))
        return str(await machine.run("bash", "-c", script))

    return str(among(scenario))


def test_it_sees_its_own_processes_only(among: Among) -> None:
    seen = as_root(among, "cat /proc/[0-9]*/comm; kill -0 $PPID 2>&1; ls /proc")
    assert str(os.getpid()) not in seen.split()
    assert "pytest" not in seen


def test_it_sees_no_folder_of_the_host_that_is_anybodys(among: Among, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the store")
    there = as_root(
        among, f"ls -d {tmp_path} {Path(__file__)} /home/* /root/.ssh /root/.aws 2>/dev/null; ls /var/lib; ls /opt"
    )
    assert there.split() == ["/home/ec2-user", "cloud", "dpkg"]


def test_it_finds_no_secret_of_the_host_in_etc(among: Among) -> None:
    assert (
        as_root(
            among, "ls /etc/ssh /etc/ssl/private /etc/machine-id 2>/dev/null | grep -e key -e private -e machine-id"
        )
        == ""
    )
    shadow = as_root(among, "cat /etc/shadow")
    assert {line.split(":")[1] for line in shadow.splitlines()} == {"*"}
    people = {
        line.split(":")[0] for line in as_root(among, "cat /etc/passwd").splitlines() if int(line.split(":")[2]) >= 1000
    }
    assert people == {"ec2-user", "nobody"}


def test_its_root_is_nobody_outside(among: Among) -> None:
    async def scenario(machines: Machines) -> None:
        machine = await machines.start(Plan(name="m"))
        status = Path(f"/proc/{machine.pid}/status").read_text()
        users = next(line.split()[1:] for line in status.splitlines() if line.startswith("Uid:"))
        assert len(set(users)) == 1
        assert int(users[0]) >= 0x10000000

    among(scenario)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk", id="make a device"),
        pytest.param("mknod /dev/disk b 7 0 && head -c 1 /dev/disk", id="make a device in /dev"),
        pytest.param("mount -t ext4 /dev/vda /mnt", id="mount a disk of the host"),
        pytest.param("mount -t sysfs sysfs /mnt && ls /mnt/block | grep .", id="mount sysfs"),
        pytest.param("mkdir /m; mount -t cgroup -o memory none /m", id="mount control groups"),
        pytest.param("mount -t proc proc /mnt && echo 1 > /mnt/sys/kernel/sysrq", id="mount proc again"),
        pytest.param("echo 1 > /proc/sys/kernel/sysrq", id="set the kernel up"),
        pytest.param("echo b > /proc/sysrq-trigger", id="press a key of the kernel"),
        pytest.param("echo '|/tmp/x' > /proc/sys/kernel/core_pattern", id="run a program by a core dump"),
        pytest.param("head -c 1 /proc/kcore", id="read the kernel's memory"),
        pytest.param("insmod /dev/null 2>&1 | grep -qv -e permitted -e 'not found'", id="load a module"),
        pytest.param("nsenter -t 1 -m true", id="join a namespace of the init's parent"),
        pytest.param("ls /proc/1/root/proc/1/cwd/../work", id="walk out by proc"),
        pytest.param("tr '\\0' '\\n' < /proc/1/cmdline | grep -e pileus -e python", id="see how the init was started"),
        pytest.param("cat /proc/1/environ", id="see the init's environment"),
        pytest.param("tr '\\0' '\\n' < /proc/1/maps | grep heap && head -c 1 /proc/1/mem", id="read the init's memory"),
        pytest.param("python3 -c 'import socket; socket.socket(40, 1)'", id="speak to the hypervisor of the host"),
        pytest.param("dmesg", id="read the kernel's messages"),
        pytest.param("date -s '2001-01-01'", id="set the time"),
        pytest.param("umount -l / && ls /proc/1/root/..", id="unmount the root"),
        pytest.param("mount -o remount,dev,suid /sys && mount -o remount,rw /sys && touch /sys/x", id="write to /sys"),
        pytest.param("cat /proc/self/cgroup | grep pileus", id="learn its control group"),
        pytest.param("cat /proc/mounts | grep -e machines -e pileus -e tmp_path", id="learn where the cloud's data is"),
    ],
)
def test_it_cannot(among: Among, script: str) -> None:
    async def scenario(machines: Machines) -> None:
        machine = await machines.start(Plan(name="m"))
        ran = await machine.run("bash", "-c", script)
        assert ran.status != 0, str(ran)

    among(scenario)


def test_what_it_makes_belongs_to_nobody_who_could_harm_the_host(among: Among, tmp_path: Path) -> None:
    """A set-user-id program of a machine lies in the cloud's folder, which nobody but the cloud's user enters."""
    as_root(among, "cp /bin/sh /root/sh && chmod 4755 /root/sh")
    assert (tmp_path / "machines").stat().st_mode & 0o077 == 0


def test_machines_do_not_see_each_other(among: Among) -> None:
    async def scenario(machines: Machines) -> None:
        one = await machines.start(Plan(name="one"))
        two = await machines.start(Plan(name="two"))
        await one.run("sh", "-c", "echo mine > /tmp/file; echo mine > /dev/shm/file")
        assert (await two.run("ls", "/tmp/file", "/dev/shm/file")).status != 0
        maps = [await machine.run("cat", "/proc/self/uid_map") for machine in (one, two)]
        assert maps[0].output != maps[1].output

    among(scenario)


def test_it_may_do_as_root_what_is_its_own(among: Among) -> None:
    done = as_root(
        among,
        "mount -t tmpfs tmpfs /mnt && ip link add one type veth peer name other && ip addr add 10.9.9.9/32 dev lo "
        "&& hostname other && chown 12345 /srv && su -s /bin/sh ec2-user -c 'id -u' && hostname",
    )
    assert done.split() == ["1000", "other"]
