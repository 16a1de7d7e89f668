"""Sandboxes: what is inside cannot see out, nor take more than it was given, nor outlive the cloud."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Awaitable, Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from pileus.engines.sandbox import Mount, Plan, Sandboxes
from pileus.engines.sandbox.survey import choice
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import open_store

MEGABYTE = 1024 * 1024
isolated = pytest.mark.skipif(choice().driver != "namespaces", reason=f"no namespaces: {choice().why}")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="control groups need root")


class Run:
    """What a program in a sandbox has said, and how it ended."""

    def __init__(self) -> None:
        self.output = b""
        self.status = -1
        self.ran_out = False
        self.seconds = 0.0

    def __str__(self) -> str:
        return self.output.decode()


def in_sandboxes(folder: Path, scenario: Callable[[Sandboxes], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        sandboxes = Sandboxes(Cloud(open_store(None), folder=folder))
        try:
            return await scenario(sandboxes)
        finally:
            await sandboxes.close()

    return asyncio.run(asyncio.wait_for(run(), 30))


def ran(folder: Path, script: str, seconds: float = 20.0, watched: bool = False, **plan: Any) -> Run:
    """Run a shell script in a sandbox, for so many seconds at most."""
    result = Run()

    def take(data: bytes) -> None:
        result.output += data

    async def scenario(sandboxes: Sandboxes) -> None:
        began = time.perf_counter()
        given = {"PATH": "/usr/bin:/bin"}
        sandbox = await sandboxes.start(
            Plan(argv=["/bin/sh", "-c", script], environment=given, **plan), outputs=[take] * 2
        )
        if watched:
            sandbox.watch()
        asyncio.get_running_loop().call_later(seconds, sandbox.kill)
        result.status = await sandbox.ended
        result.ran_out = sandbox.ran_out
        result.seconds = time.perf_counter() - began

    in_sandboxes(folder, scenario)
    return result


def test_a_program_runs_and_says_how_it_ended(tmp_path: Path) -> None:
    result = ran(tmp_path, "echo hello; echo oops >&2; exit 3")
    assert sorted(str(result).split()) == ["hello", "oops"]
    assert result.status == 3


def test_the_environment_is_only_what_the_plan_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    assert "SECRET" not in str(ran(tmp_path, "env"))


@isolated
def test_the_host_s_files_are_not_there_and_the_system_s_cannot_be_changed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    result = ran(
        tmp_path, f"cat {secret}; ls /root /home /var/lib; cat /etc/shadow; touch /usr/x /x /etc/x && echo wrote"
    )
    assert "secret\n" not in str(result)
    assert "wrote" not in str(result)
    assert str(result).count("No such file") == 5


@isolated
def test_what_is_mounted_can_be_read_and_not_written(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "main").write_text("the code\n")
    mounts = [Mount(str(code), "/var/task")]
    result = ran(tmp_path, "cat main; echo x > main; echo x > new", directory="/var/task", mounts=mounts)
    assert str(result).startswith("the code")
    assert str(result).count("Read-only") == 2
    assert sorted(path.name for path in code.iterdir()) == ["main"]


@isolated
def test_tmp_is_its_own_and_only_so_large(tmp_path: Path) -> None:
    fill = "head -c 9000000 /dev/zero > /tmp/a && echo fits; head -c 9000000 /dev/zero > /tmp/b && echo too; ls /tmp"
    result = ran(tmp_path, fill, tmp_bytes=16 * MEGABYTE)
    assert "fits" in str(result)
    assert "No space left" in str(result)
    assert str(ran(tmp_path, "ls /tmp")) == ""


@isolated
def test_nobody_else_s_processes_are_to_be_seen(tmp_path: Path) -> None:
    result = ran(tmp_path, "ls -d /proc/[0-9]*; kill -9 1; echo still here")
    assert len(str(result).split()) <= 5
    assert "still here" in str(result)


@isolated
def test_it_has_no_privileges_and_gets_none(tmp_path: Path) -> None:
    result = ran(tmp_path, "grep -E 'Cap|NoNewPrivs' /proc/self/status; mount -t tmpfs x /tmp; id -u")
    capabilities = [line.split()[1] for line in str(result).splitlines() if line.startswith("Cap")]
    assert set(capabilities) == {"0" * 16}
    assert "NoNewPrivs:\t1" in str(result)
    assert str(result).split()[-1] != "0"


@isolated
def test_without_a_network_there_is_only_its_own(tmp_path: Path) -> None:
    result = ran(tmp_path, "cat /proc/net/dev | grep -c :", network="none")
    assert str(result).strip() == "1"


@isolated
@as_root
def test_memory_beyond_its_limit_ends_it(tmp_path: Path) -> None:
    grow = 'exec perl -e \'my $x = "a" x 300_000_000; sleep 5; print "grown"\''
    if not shutil.which("perl"):
        pytest.skip("perl is not installed")
    result = ran(tmp_path, grow, memory_bytes=64 * MEGABYTE, tmp_bytes=16 * MEGABYTE, watched=True)
    assert "grown" not in str(result)
    assert result.ran_out
    assert result.seconds < 4


@isolated
@as_root
def test_memory_and_tmp_are_counted_apart(tmp_path: Path) -> None:
    fill = "head -c 90000000 /dev/zero > /tmp/a; sleep 0.4; ls -l /tmp"
    result = ran(tmp_path, fill, memory_bytes=64 * MEGABYTE, tmp_bytes=128 * MEGABYTE, watched=True)
    assert "90000000" in str(result)
    assert not result.ran_out


def test_it_is_killed_whole(tmp_path: Path) -> None:
    result = ran(tmp_path, "sleep 61 & sleep 62", seconds=0.3)
    assert result.status == 137
    assert result.seconds < 5
    assert not processes("sleep 6[12]$")


@isolated
def test_the_first_sandbox_costs_a_launcher_and_the_next_ones_little(tmp_path: Path) -> None:
    async def scenario(sandboxes: Sandboxes) -> list[float]:
        took = []
        for _ in range(5):
            began = time.perf_counter()
            sandbox = await sandboxes.start(Plan(argv=["/bin/true"]))
            assert await sandbox.ended == 0
            took.append(time.perf_counter() - began)
        return took

    took = in_sandboxes(tmp_path, scenario)
    assert min(took[1:]) < 0.15


@isolated
def test_nothing_is_left_when_the_cloud_is_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import asyncio
        from pathlib import Path
        from pileus.engines.sandbox import Plan, Sandboxes
        from pileus.kernel.cloud import Cloud
        from pileus.kernel.store import open_store

        async def main():
            sandboxes = Sandboxes(Cloud(open_store(None), folder=Path({str(tmp_path)!r})))
            for _ in range(3):
                await sandboxes.start(Plan(argv=["/bin/sh", "-c", "sleep 63 & sleep 64"]))
            print("started", flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """)
    cloud = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert cloud.stdout
    assert cloud.stdout.readline() == b"started\n"
    assert until(lambda: len(processes("sleep 6[34]$")) >= 6)
    cloud.kill()
    cloud.wait()
    assert until(lambda: not processes("sleep 6[34]$"))
    assert not processes(str(tmp_path))
    # What the kernel keeps of its groups goes when the next cloud starts.
    assert str(ran(tmp_path / "next", "echo on")) == "on\n"
    assert not list(Path("/sys/fs/cgroup").glob(f"*/pileus-{cloud.pid}-*"))


def until(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold within a few seconds."""
    for _ in range(100):
        if holds():
            return True
        time.sleep(0.05)
    return False


def processes(pattern: str) -> list[int]:
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in found.split() if int(pid) != os.getpid()]


@as_root
def test_a_user_without_privileges_has_sandboxes_too(tmp_path: Path) -> None:
    """In a user namespace of their own, without control groups."""
    system = shutil.which("python3", path="/usr/bin")
    if system is None:
        pytest.skip("the system has no Python that everybody may run")
    program = textwrap.dedent(f"""
        import asyncio, os
        from pathlib import Path
        from pileus.engines.sandbox import Image, Plan, Sandboxes, isolation
        from pileus.engines.sandbox.survey import choice
        from pileus.kernel.cloud import Cloud
        from pileus.kernel.store import open_store

        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        isolation.process_control(isolation.SET_DUMPABLE, 1)  # as for whoever has never been root

        async def main():
            sandboxes = Sandboxes(Cloud(open_store(None), folder=Path({str(tmp_path / "own")!r})))
            script = "touch /tmp/x && echo tmp; touch /usr/x || echo read-only; ls /home || echo none"
            plan = Plan(argv=["/bin/sh", "-c", script], environment={{"PATH": "/usr/bin:/bin"}})
            said = []
            sandbox = await sandboxes.start(plan, Image(interpreter={system!r}), outputs=[said.append, lambda _: None])
            await sandbox.ended
            print(choice().driver, b"".join(said).decode().split())
            await sandboxes.close()

        asyncio.run(main())
    """)
    for folder in takewhile(lambda folder: folder != Path(tempfile.gettempdir()), (tmp_path, *tmp_path.parents)):
        folder.chmod(0o755)
    (tmp_path / "own").mkdir()
    (tmp_path / "own").chmod(0o777)
    launcher = Path(sys.modules["pileus.engines.sandbox"].__file__ or "").with_name("launcher.py")
    if any(not folder.stat().st_mode & 0o001 for folder in launcher.parents):
        pytest.skip("this checkout is for its owner only")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    if done.stdout.startswith("process"):
        pytest.skip("users may not make namespaces here")
    assert done.stdout.strip() == "namespaces ['tmp', 'read-only', 'none']", done.stderr
