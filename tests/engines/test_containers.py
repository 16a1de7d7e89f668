"""Sandboxes that are containers: the same as those of namespaces are, by somebody else's hands."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pileus.engines.sandbox import Image, Mount, Plan, Sandboxes, docker
from pileus.engines.sandbox.plans import PLAIN
from pileus.engines.sandbox.sandbox import SandboxFailed
from pileus.engines.sandbox.survey import Choice
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import open_store
from tests.containers import needed, words

from .test_sandbox import MEGABYTE, processes, until

PATH = {"PATH": "/usr/bin:/bin"}


def in_containers(folder: Path, scenario: Callable[[Sandboxes], Awaitable[Any]]) -> Any:
    chosen = Choice("docker", "for tests", needed())

    async def run() -> Any:
        sandboxes = Sandboxes(Cloud(open_store(None), folder=folder), chosen)
        try:
            return await scenario(sandboxes)
        finally:
            await sandboxes.close()

    return asyncio.run(asyncio.wait_for(run(), 60))


class Said(defaultdict[int, bytes]):
    """What came out of each descriptor."""

    def __init__(self, most: int = 2) -> None:
        super().__init__(bytes)
        self.outputs = [self._taker(number) for number in range(1, most + 1)]

    def _taker(self, number: int) -> Callable[[bytes], None]:
        def take(data: bytes) -> None:
            self[number] += data

        return take

    def lines(self, number: int = 1) -> list[str]:
        return self[number].decode().splitlines()


def test_what_is_in_a_container_cannot_see_out_nor_change_anything(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "main").write_text("the code\n")
    (tmp_path / "secret").write_text("secret")
    script = f"""
        cat main; echo x > new || echo read-only
        ls {tmp_path}/secret /root /home /var/lib || echo nothing
        touch /usr/x /x /etc/x && echo wrote
        head -c 9000000 /dev/zero > /tmp/a && echo fits
        head -c 9000000 /dev/zero > /tmp/b || echo full
        grep -E 'CapEff|NoNewPrivs' /proc/self/status
        ls -d /proc/[0-9]* | wc -l
        grep -c : /proc/net/dev
        id -u; id -un; hostname; env | cut -d= -f1 | sort | tr '\\n' ' '; echo
        exit 3
    """
    said = Said()

    async def scenario(sandboxes: Sandboxes) -> int:
        plan = Plan(
            argv=["/bin/sh", "-c", script],
            environment=PATH | {"LINES": "one\ntwo", "QUOTED": 'it\'s "$HOME" #'},
            directory="/var/task",
            mounts=[Mount(str(code), "/var/task")],
            tmp_bytes=16 * MEGABYTE,
            network="none",
        )
        return await (await sandboxes.start(plan, outputs=said.outputs)).ended

    assert in_containers(tmp_path / "cloud", scenario) == 3
    told = said.lines()
    assert told[:5] == ["the code", "read-only", "nothing", "fits", "full"], said
    assert [line.split()[1] for line in told[5:7]] == ["0" * 16, "1"]
    assert int(told[7]) < 9
    assert told[8] == "1"
    assert int(told[9]) > 1000
    assert told[10:12] == ["sbx_user1051", "sandbox"]
    assert told[12].split() == ["LINES", "PATH", "PWD", "QUOTED", "two"]
    assert list((tmp_path / "cloud").rglob("*")) == []


def test_descriptors_programs_beside_and_functions_of_modules(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/hello.py").write_text("def main(): print('hello from', __name__)")
    said = Said(4)

    async def scenario(sandboxes: Sandboxes) -> list[int]:
        plan = Plan(
            argv=["/bin/sh", "-c", "sleep 0.3; echo one; echo two >&2; echo three >&3; (echo four >&4) 2>&-"],
            beside=[["/bin/sh", "-c", "echo beside; sleep 60"]],
            beside_output=4,
            environment=PATH,
        )
        first = await sandboxes.start(plan, outputs=said.outputs)
        module = Plan(entry="hello:main", environment=PATH, mounts=[Mount(str(tmp_path / "modules"), "/opt/modules")])
        image = Image(interpreter=system_python(), path=("/opt/modules",))
        second = await sandboxes.start(module, image, outputs=said.outputs[1:2])
        return [await first.ended, await second.ended]

    assert in_containers(tmp_path / "cloud", scenario)[1] == 0
    assert said.lines(1) == ["one"]
    assert sorted(said.lines(2)) == ["hello from hello", "two"]
    assert said.lines(3) == ["three"]
    assert said.lines(4) == ["beside"]


def system_python() -> str:
    found = shutil.which("python3", path="/usr/bin")
    if found is None:
        pytest.skip("the system has no Python")
    return found


def test_memory_beyond_its_limit_ends_it_and_it_is_killed_whole(tmp_path: Path) -> None:
    grow = 'exec perl -e \'my $x = "a" x 300_000_000; sleep 5; print "grown"\''
    said = Said()

    async def scenario(sandboxes: Sandboxes) -> list[Any]:
        limits: dict[str, Any] = {"memory_bytes": 64 * MEGABYTE, "tmp_bytes": 16 * MEGABYTE}
        grown = await sandboxes.start(
            Plan(argv=["/bin/sh", "-c", grow], environment=PATH, **limits), PLAIN, said.outputs
        )
        long = await sandboxes.start(Plan(argv=["/bin/sh", "-c", "sleep 71 & sleep 72"], environment=PATH))
        until(lambda: bool(processes("sleep 72$")))
        long.watch()
        long.kill()
        return [await long.ended, long.ran_out, await grown.ended, grown.ran_out]

    if not shutil.which("perl"):
        pytest.skip("perl is not installed")
    assert in_containers(tmp_path, scenario) == [137, False, 137, True], said
    assert not processes("sleep 7[12]$")


def test_images_with_a_shell_and_without(tmp_path: Path) -> None:
    """A root of its own, which is imported once and removed with the cloud."""
    busybox = "/bin/busybox"
    if not os.path.exists(busybox) or "statically" not in subprocess.getoutput(f"file -L {busybox}"):
        pytest.skip("this machine has no static busybox")
    roots = [tmp_path / "with", tmp_path / "without"]
    for root in roots:
        for place in ("bin", "tmp", "etc", "proc", "dev", "sys", "run"):
            (root / place).mkdir(parents=True)
        shutil.copy(busybox, root / "bin/busybox")
    (roots[0] / "bin/sh").symlink_to("busybox")
    said = [Said(3), Said(3)]

    async def scenario(sandboxes: Sandboxes) -> list[int]:
        plan = Plan(argv=["/bin/busybox", "ls", "/"], environment={"PATH": "/bin"}, directory="/bin")
        started = [
            await sandboxes.start(plan, Image(root=str(root)), found.outputs)
            for root, found in zip(roots, said, strict=True)
        ]
        with pytest.raises(SandboxFailed, match="no shell"):
            await sandboxes.start(Plan(argv=["/x"], beside=[["/y"]]), Image(root=str(roots[1])))
        return [await one.ended for one in started]

    assert in_containers(tmp_path / "cloud", scenario) == [0, 0]
    for found in said:
        assert {"bin", "tmp", "proc"} <= set(found.lines())
    assert f"-{os.getpid()}" not in needed().asked("image", "ls", "--format={{.Tag}}", docker.REPOSITORY)


def test_nothing_is_left_when_the_cloud_is_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import asyncio
        from pathlib import Path
        from pileus.engines.sandbox import Plan, Sandboxes
        from pileus.kernel.cloud import Cloud
        from pileus.kernel.store import open_store

        async def main():
            sandboxes = Sandboxes(Cloud(open_store(None), folder=Path({str(tmp_path)!r})))
            await sandboxes.start(Plan(argv=["/bin/sh", "-c", "sleep 73 & sleep 74"]))
            print("started", flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """)
    environment = os.environ | {"PILEUS_SANDBOX": "docker", "PILEUS_DOCKER": words(needed())}
    cloud = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment)
    assert cloud.stdout
    assert cloud.stdout.readline() == b"started\n"
    assert until(lambda: len(processes("sleep 7[34]$")) >= 2)
    cloud.kill()
    cloud.wait()
    assert until(lambda: not processes("sleep 7[34]$"))
    needed().sweep()
    assert str(cloud.pid) not in needed().asked("ps", "--all", "--format={{.Labels}}")


def test_an_engine_that_refuses_says_why(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon at unix:///x.sock.' >&2\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(OSError, match="docker refuses: Cannot connect to the Docker daemon"):
        docker.found([[str(program)]])
    with pytest.raises(OSError, match="there is no no-such-engine"):
        docker.found([["no-such-engine"]])
