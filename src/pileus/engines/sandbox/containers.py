"""The driver `docker`: each sandbox is a container of an engine that this machine has.

It is for machines where namespaces are not permitted to us but are to that engine. A container sees what every sandbox
sees: a root that is a small image of ours, with the machine's programs and libraries mounted in it; or the image that
the plan names, which is imported. What it writes comes through named pipes, so that nothing is late. It ends with the
cloud, for a shell in it waits for the end of its standard input; and what is left of containers the next cloud removes.

Left out: engines on other machines and in virtual machines, and so macOS; in images without a shell, descriptors beyond
1 and 2 and programs that are started beside, and there the next cloud is the one that ends what a killed one has left.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from . import skeleton
from .docker import LABEL, RESTRICTED, Engine, bound
from .groups import MOST_PROCESSES, Group, of_process
from .plans import MEGABYTE, Image, Plan
from .sandbox import PIECE, Output, Reader, Sandbox, SandboxFailed

PIPES = "/run/pileus"
NOBODY = 65534
KILLED = 128 + 9
BROKEN = 125
CLOSED_SECONDS = 10.0
LIFE = "exec 9<&0; { while read -r _; do :; done; kill -9 -1; } <&9 >/dev/null 2>&1 & exec 9<&- </dev/null"
"""The shell's own part: when the standard input ends, as it does with the cloud, everything else is killed."""
TOLD = "told"
"""The pipe that says that memory was used up."""
FAREWELL = f"""
status=$?
[ $status = {KILLED} ] || exit $status
for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r $file ] && while read -r name count; do
        [ "$name" = oom_kill ] && [ "$count" -gt 0 ] && echo memory >{PIPES}/{TOLD}
    done <$file
done
exit $status
"""
ADDED = ("HOME", "HOSTNAME", "TERM", "container")
"""Variables that engines add."""


class Container(Sandbox):
    """A sandbox that is a container; the control group of one is only known when it runs."""

    def __init__(self, name: str, plan: Plan, kill: Callable[[str], None], look: Callable[[Container], None]) -> None:
        super().__init__(name, plan, None, [], kill)
        self.id = ""
        self.killed = False
        self._look_at = look
        self._asked = False

    def kill(self) -> None:
        if not self.killed:
            self.killed = True
            super().kill()

    def watch(self) -> None:
        if not self._asked:
            self._asked = True
            self._look_at(self)
        super().watch()

    def out_of_memory(self, told: bytes) -> None:
        self.ran_out = True

    def found(self, pid: int, group: Group | None) -> None:
        self.pid, self.group = pid, group
        if not self.ended.done():
            super().watch()


class Containers:
    """The sandboxes of a cloud, as containers."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self._folder = folder
        self._running: dict[str, Container] = {}
        self._images: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._swept = False

    async def image(self, image: Image) -> str:
        if not self._swept:
            self._swept = True
            await asyncio.to_thread(self.engine.sweep)
        if image.root not in self._images:
            root = Path(image.root)
            make = self.engine.plain if not image.root else lambda: self.engine.image_of(root)
            try:
                self._images[image.root] = await asyncio.to_thread(make)
            except OSError as error:
                raise SandboxFailed(str(error)) from None
        return self._images[image.root]

    async def start(self, name: str, plan: Plan, image: Image, outputs: Sequence[Output]) -> Container:
        folder = self._folder / f"container-{name}"
        pipes = folder / "pipes"
        pipes.mkdir(parents=True)
        container = Container(name, plan, self._kill, self._look_at)
        self._running[name] = container
        try:
            process = await self._attached(container, plan, image, outputs, folder)
        except (OSError, SandboxFailed) as error:
            self._over(container, BROKEN, str(error))
            await container.running()  # which raises it
        else:
            container.started(0)
            self._later(self._attend(container, process))
        return container

    async def _attached(
        self, container: Container, plan: Plan, image: Image, outputs: Sequence[Output], folder: Path
    ) -> asyncio.subprocess.Process:
        """Make it and start it."""
        named = await self.image(image)
        words = [*described(plan, folder), f"--label={LABEL}={os.getpid()}"]
        words += [] if image.root else own_root(plan, image, folder)
        if image.root and not os.path.lexists(f"{image.root}/bin/sh"):
            if plan.beside:
                raise SandboxFailed("the image has no shell to start what is to run beside its program")
            program = plan.argv
        else:
            program = ["/bin/sh", "-c", script(plan, image, len(outputs))]
            takers = [*enumerate(outputs, 1), (TOLD, container.out_of_memory)]
            container.outputs += [self._pipe(folder / "pipes" / str(name), take) for name, take in takers]
            outputs = ()
        words += ["--entrypoint", program[0], named, *program[1:]]
        container.id = await self._ask("create", "--interactive", "--pull=never", "--stop-signal=SIGKILL", *words)
        return await self._started(container, outputs)

    def _pipe(self, path: Path, take: Output) -> Reader:
        os.mkfifo(path)
        path.chmod(0o622)
        return Reader(os.open(path, os.O_RDWR | os.O_NONBLOCK), take)  # ours to write too: so it never ends by itself

    async def _started(self, container: Container, outputs: Sequence[Output]) -> asyncio.subprocess.Process:
        """Start it, and be its standard input as long as the cloud lives."""
        to = [asyncio.subprocess.PIPE if len(outputs) > at else asyncio.subprocess.DEVNULL for at in range(2)]
        process = await asyncio.create_subprocess_exec(
            *(*self.engine.program, "start", "--attach", "--interactive", container.id),
            stdin=asyncio.subprocess.PIPE,
            stdout=to[0],
            stderr=to[1],
            start_new_session=True,
        )
        for stream, take in zip((process.stdout, process.stderr), outputs, strict=False):
            if stream:
                self._later(carried(stream, take))
        return process

    async def _attend(self, container: Container, process: asyncio.subprocess.Process) -> None:
        status = await process.wait()
        if status == KILLED and not container.killed and not container.outputs:
            with contextlib.suppress(OSError):
                told = await self._ask("inspect", "--format={{.State.OOMKilled}}", container.id)
                container.ran_out = container.ran_out or told == "true"
        self._over(container, KILLED if container.killed else status)
        if not container.killed:
            await self._remove(container)

    def _over(self, container: Container, status: int, error: str = "") -> None:
        self._running.pop(container.name, None)
        container.over(status, error)
        shutil.rmtree(self._folder / f"container-{container.name}", ignore_errors=True)

    def _look_at(self, container: Container) -> None:
        self._later(self._found(container))

    async def _found(self, container: Container) -> None:
        with contextlib.suppress(OSError, ValueError):
            pid = int(await self._ask("inspect", "--format={{.State.Pid}}", container.id))
            container.found(pid, of_process(pid))

    def _kill(self, name: str) -> None:
        self._later(self._remove(self._running[name]))

    async def _remove(self, *containers: Container) -> None:
        with contextlib.suppress(OSError):  # it is gone already
            await self._ask("rm", "--force", *(each.id for each in containers))

    async def _ask(self, *words: str) -> str:
        return await asyncio.to_thread(self.engine.asked, *words)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        left = list(self._running.values())
        for container in left:
            container.killed = True
        if left:
            await self._remove(*left)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSED_SECONDS)
        own = [name for root, name in self._images.items() if root]
        if own:
            with contextlib.suppress(OSError):
                await self._ask("image", "rm", "--force", *own)


async def carried(stream: asyncio.StreamReader, take: Output) -> None:
    while data := await stream.read(PIECE):
        take(data)


# What a plan is in the words of the command line


def described(plan: Plan, folder: Path) -> list[str]:
    user = NOBODY if plan.user is None else plan.user
    memory = plan.memory_bytes + plan.tmp_bytes + 32 * MEGABYTE  # /tmp lies in memory too
    words = [*RESTRICTED, "--hostname", "sandbox", "--user", f"{user}:{user}", "--workdir", plan.directory]
    words += ["--network", plan.network, "--memory", str(memory), "--memory-swap", str(memory)]
    words += ["--cpu-shares", str(max(2, int(plan.cpus * 1024))), "--pids-limit", str(MOST_PROCESSES)]
    words += ["--tmpfs", f"/tmp:rw,exec,nosuid,nodev,mode=1777,size={plan.tmp_bytes}"]
    limits = {"NPROC": MOST_PROCESSES} | plan.limits
    words += [word for name, most in limits.items() for word in ("--ulimit", f"{name.lower()}={most}:{most}")]
    for mount in plan.mounts:
        words += bound(mount.source, mount.target, mount.writable)
    words += bound(str(folder / "pipes"), PIPES)
    return words + environment(plan.environment, folder / "environment")


def environment(variables: dict[str, str], file: Path) -> list[str]:
    """In a file, for everybody sees command lines; but a file cannot tell a value of several lines."""
    plain = {name: value for name, value in variables.items() if "\n" not in value}
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in plain.items()))
    rest = [f"{name}={value}" for name, value in variables.items() if name not in plain]
    return ["--env-file", str(file), *[word for one in rest for word in ("--env", one)]]


def own_root(plan: Plan, image: Image, folder: Path) -> list[str]:
    """The machine's programs, what the image shows, and a list of users with the sandbox's own."""
    users = folder / "users"
    users.write_text(skeleton.users(NOBODY if plan.user is None else plan.user))
    shown = [(path, path) for path in image.shown if not path.startswith(("/usr/", "/lib/")) and os.path.exists(path)]
    places = [*skeleton.binds(), *shown, (str(users), "/etc/passwd")]
    return [word for source, target in places for word in bound(source, target)]


def script(plan: Plan, image: Image, outputs: int) -> str:
    """What the container's first process does: it is a shell, which starts the program and ends as that does."""
    program = plan.argv
    if not program:  # nothing is loaded here that one could begin with
        module, _, name = plan.entry.partition(":")
        program = [
            image.interpreter,
            "-c",
            f"import sys; sys.path += {list(image.path)}; import {module}; {module}.{name}()",
        ]
    taken = [f"exec {at + 1}>{PIPES}/{at + 1}" for at in range(outputs)]
    to = plan.beside_output
    beside = [f"{shlex.join(one)}{f' >&{to} 2>&{to} {to}>&-' if to else ''} &" for one in plan.beside]
    main = shlex.join(program) + (f" {to}>&-" if to and plan.beside else "")
    added = [f"unset {name}" for name in ADDED if name not in plan.environment]
    return "\n".join([LIFE, *added, *taken, *beside, main + FAREWELL])
