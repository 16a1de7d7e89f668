"""The environments of a cloud: started when they are needed, kept warm, reused, and reaped."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter, OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pileus.engines.sandbox import Mount, Plan, Sandboxes
from pileus.engines.sandbox.survey import choice
from pileus.kernel import Call, Fault, Principal, identity
from pileus.kernel.access.attached import Grants
from pileus.kernel.identity import Credential

from . import images, metrics, sealing
from .archives import Code, Unpacked, newest
from .environment import Environment
from .functions import Version
from .invocation import Invocation, Outcome
from .logs import Log
from .runtimes import Runtime, runtime
from .shipping import Shipping
from .spans import Span

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

log = logging.getLogger("pileus.lambda")

MEGABYTE = 1024 * 1024
KEPT_SECONDS = 600.0
"""How long an idle environment is kept."""
MOST_IDLE = 64
SESSION_SECONDS = 3600
RENEWED_BEFORE = 900
"""Seconds before the end of a role's session from which on it is not handed out any more."""
AT_ONCE = 2 * (os.cpu_count() or 1)
"""So many environments start at the same time,"""
PERMITTED_SECONDS = 1.0
"""unless one takes longer than this."""
LOOKED_EVERY = 1.0
"""Real seconds between two looks at whether a role is still what it was when it was assumed."""
MEMORY_OF_A_PROCESSOR = 1769
"""MB for which a function gets one whole processor (Developer Guide, "Configure Lambda function memory")."""


WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
"""The variable that names a script to start the runtime, which it gets as its arguments."""
LIBRARIES = "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"


class Key(NamedTuple):
    """Which environments can be used for each other: those of one state of one version."""

    account: str
    region: str
    function: str
    number: int
    revision: str
    tenant: str = ""
    """Whose invocations they work on, where tenants are kept apart."""

    @classmethod
    def of(cls, call: Call, version: Version, tenant: str = "") -> Key:
        return cls(call.account, call.region, version.function, version.number, version.revision, tenant)


class Session(NamedTuple):
    """A function's role, assumed."""

    credentials: dict[str, Any]
    principal: Principal
    real: bool
    """Whether the role exists."""


class Permit:
    """Leave to start an environment, which is given back once."""

    def __init__(self, starting: asyncio.Semaphore) -> None:
        self._starting = starting
        self._held = False

    async def get(self) -> None:
        await self._starting.acquire()
        self._held = True

    def give_back(self) -> None:
        if self._held:
            self._held = False
            self._starting.release()


class Fleet:
    """An engine of the cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.sandboxes = cloud.engine(Sandboxes)
        self.unpacked = cloud.engine(Unpacked)
        self.shipping = Shipping(cloud)
        self.idle: OrderedDict[Environment, Key] = OrderedDict()
        """Environments with nothing to do, the one that has been so for longest first."""
        self.warm: dict[Key, list[Environment]] = {}
        self.environments: dict[Environment, Key] = {}
        self.busy: Counter[tuple[str, str, str]] = Counter()
        """How many invocations are under way, by account, Region and function."""
        self.busy_accounts: Counter[tuple[str, str]] = Counter()
        self._sessions: dict[tuple[str, str, str, str], Session] = {}
        self._looked: dict[tuple[str, str, str, str], float] = {}
        """When it was last looked whether a session is still good."""
        self._notes: dict[tuple[str, float], str] = {}
        """What is wrong with what code asks for, by its folder."""
        self._starting = asyncio.Semaphore(AT_ONCE)
        self._reaper: asyncio.TimerHandle | None = None

    # Invocations

    async def invoke(self, call: Call, version: Version, invocation: Invocation) -> Outcome:
        """Run an invocation in an environment of that version, and wait for what becomes of it."""
        function, account = (call.account, call.region, version.function), (call.account, call.region)
        self.busy[function] += 1
        self.busy_accounts[account] += 1
        try:
            span = Span.of(call, version, invocation)
            environment = await self._environment(call, version, invocation.tenant)
            environment.invoke(invocation)
            outcome = await asyncio.shield(invocation.outcome)
            if span:
                span.send(version, outcome)
            metrics.invoked(call, version.function, invocation, outcome, self.busy[function])
            return outcome
        finally:
            self.busy[function] -= 1
            self.busy_accounts[account] -= 1

    async def _environment(self, call: Call, version: Version, tenant: str) -> Environment:
        """A warm environment, or a new one; not too many start at once, or none would come to anything."""
        if (environment := self._warm(call, version, tenant)) is not None:
            return environment
        permit = Permit(self._starting)
        await permit.get()
        try:
            if (environment := self._warm(call, version, tenant)) is None:
                environment = await self.start(call, version, tenant=tenant)
                environment.on_initialised = permit.give_back
                asyncio.get_running_loop().call_later(PERMITTED_SECONDS, permit.give_back)
                return environment
        except BaseException:
            permit.give_back()
            raise
        permit.give_back()
        return environment

    def _warm(self, call: Call, version: Version, tenant: str) -> Environment | None:
        """An environment that has nothing to do and can be used."""
        key = Key.of(call, version, tenant)
        warm = self.warm.get(key)
        session = self.session(call, version) if warm else None
        while warm:
            environment = warm.pop()
            del self.idle[environment]
            if environment.ready and environment.session is session and environment.code_at == code_at(version):
                return environment
            environment.end("spindown")
        return None

    # Their life

    async def prepare(self, version: Version) -> None:
        """Have everything ready for a version's first environment."""
        try:
            found = await self._runtime(version)
        except Fault:
            return  # whoever invokes it is told
        await self._brought(found, version, await self.unpacked.folder([version.code]))
        await self.sandboxes.warm(found.image)

    async def _runtime(self, version: Version) -> Runtime:
        if version.code.uri:
            folder = await self.unpacked.folder([version.code])
            return await asyncio.to_thread(images.runtime, folder, version.settings)
        return await asyncio.to_thread(runtime, version.settings["Runtime"])

    async def _brought(self, found: Runtime, version: Version, task: Path) -> str:
        """Have there what the code asks for; what is wrong with that. Code is looked at once, and when it is edited."""
        if found.bring is None:
            return ""
        seen = (str(task), code_at(version))
        if self._notes.get(seen) != "":
            self._notes[seen] = await asyncio.to_thread(found.bring, task)
        return self._notes[seen]

    async def provide(self, call: Call, version: Version, qualifier: str, number: int) -> int:
        """Have so many environments of a version that are kept; how many there are."""
        key = Key.of(call, version)
        kept: list[Environment] = []
        for environment in self.provided(call, version.function, qualifier):
            if self.environments[environment] == key and len(kept) < number:
                kept.append(environment)
            else:
                environment.provisioned = ""
        for _ in range(number - len(kept)):
            environment = await self.start(call, version, provisioned=qualifier)
            await environment.initialised()
            kept.append(environment)
        return sum(not each.dead for each in kept)

    def provided(self, call: Call, function: str, qualifier: str) -> list[Environment]:
        """The environments that are kept for a function's version or alias."""
        whose = (call.account, call.region, function)
        return [
            environment
            for environment, key in self.environments.items()
            if key[:3] == whose and environment.provisioned == qualifier
        ]

    def release(self, call: Call, function: str, qualifier: str) -> None:
        for environment in self.provided(call, function, qualifier):
            environment.provisioned = ""

    async def start(self, call: Call, version: Version, provisioned: str = "", tenant: str = "") -> Environment:
        """Start a new environment."""
        settings = version.settings
        found = await self._runtime(version)
        session = self.session(call, version)
        log = Log(settings["LoggingConfig"], version.label)
        self.shipping.carry(call, log, session.principal)
        environment = Environment(version, found.name, log)
        environment.account = call.account
        environment.session = session
        environment.code_at = code_at(version)
        environment.provisioned = provisioned
        environment.claimed = not provisioned
        environment.on_free = self._freed
        self.environments[environment] = Key.of(call, version, tenant)
        environment.begin()
        try:
            environment.user = self.sandboxes.user()
            await environment.listen()
            plan = await self._plan(call, version, found, environment, session)
            outputs = [log.output, log.output, log.framed, log.extension][: 4 if plan.beside else 3]
            environment.entered(await self.sandboxes.start(plan, found.image, outputs))
        except BaseException:
            environment.kill()
            self.environments.pop(environment, None)
            raise
        return environment

    async def _plan(
        self, call: Call, version: Version, found: Runtime, environment: Environment, session: Session
    ) -> Plan:
        settings = version.settings
        task = await self.unpacked.folder([version.code])
        if note := await self._brought(found, version, task):
            environment.log.write(note)
        mounts = [] if version.code.uri else [Mount(str(task), "/var/task"), *found.mounts]
        opt = Path(found.image.root, "opt") if version.code.uri else None
        if settings["Layers"]:
            opt = await self.unpacked.folder([Code(**layer["Code"]) for layer in settings["Layers"]])
            mounts.append(Mount(str(opt), "/opt"))
        environment.extensions.expected = programs(opt / "extensions") if opt else set()
        own = variables(call, version, found, environment, session)
        wrapper = own.get(WRAPPER) if found.argv and not version.code.uri else None
        return Plan(
            argv=([wrapper] if wrapper else []) + (list(found.argv) or [program(task, opt, environment)]),
            entry="" if wrapper else found.entry,
            beside=[[f"/opt/extensions/{name}"] for name in sorted(environment.extensions.expected)],
            beside_output=4 if environment.extensions.expected else 0,
            environment=own,
            user=environment.user,
            directory=found.directory,
            mounts=mounts,
            tmp_bytes=settings["EphemeralStorage"]["Size"] * MEGABYTE,
            memory_bytes=settings["MemorySize"] * MEGABYTE,
            cpus=settings["MemorySize"] / MEMORY_OF_A_PROCESSOR,
        )

    def session(self, call: Call, version: Version) -> Session:
        """The function's role, assumed by Lambda; by the account's root where nobody has created that role."""
        role = version.settings["Role"]
        name = (call.account, call.region, version.function, role)
        session = self._sessions.get(name)
        fresh = time.monotonic() - self._looked.get(name, 0.0) < LOOKED_EVERY
        if session and fresh and call.now < session.credentials["Expiration"] - RENEWED_BEFORE:
            return session
        self._looked[name] = time.monotonic()
        if session is None or not good(call, session, role):
            with call.transaction():
                session = self._sessions[name] = assumed(call, role, version.function.ljust(2, "_"))
        return session

    def _freed(self, environment: Environment) -> None:
        """An environment has nothing to do, or is no more."""
        key = self.environments.get(environment)
        if key is None:
            return
        if environment.dead:
            self._forget(environment, key)
            return
        self.warm.setdefault(key, []).append(environment)
        self.idle[environment] = key
        if len(self.idle) > MOST_IDLE and (oldest := next((each for each in self.idle if not each.provisioned), None)):
            self._reap(oldest)
        if self._reaper is None:
            self._reaper = asyncio.get_running_loop().call_later(KEPT_SECONDS / 10, self._reap_idle)

    def _forget(self, environment: Environment, key: Key) -> None:
        del self.environments[environment]
        self.shipping.forget(environment.log)
        if self.idle.pop(environment, None):
            self.warm[key].remove(environment)
        if not self.warm.get(key):
            self.warm.pop(key, None)

    def _reap(self, environment: Environment) -> None:
        environment.end("spindown")
        if key := self.environments.get(environment):
            self._forget(environment, key)

    def drop(self, call: Call, function: str) -> None:
        """End the environments of a function that is gone."""
        for environment, key in list(self.environments.items()):
            if key[:3] == (call.account, call.region, function):
                self._reap(environment)

    def _reap_idle(self) -> None:
        self._reaper = None
        oldest = time.monotonic() - KEPT_SECONDS
        for environment in [each for each in self.idle if each.idle_since < oldest and not each.provisioned]:
            self._reap(environment)
        if self.idle:
            self._reaper = asyncio.get_running_loop().call_later(KEPT_SECONDS / 10, self._reap_idle)

    def retire(self, call: Call, version: Version) -> None:
        """End the idle environments of what a version was before it changed."""
        now = Key.of(call, version)
        for environment, key in list(self.idle.items()):
            if key[:4] == now[:4] and key[:5] != now[:5]:
                self._reap(environment)

    async def close(self) -> None:
        if self._reaper:
            self._reaper.cancel()
        await self.shipping.ship()
        for environment in list(self.environments):
            environment.kill()


def code_at(version: Version) -> float:
    """When the code was last edited, where it runs from the folder in which somebody edits it."""
    return newest(version.code.folder) if version.code.folder else 0.0


def assumed(call: Call, role: str, session_name: str) -> Session:
    exists = Grants.by_arn(call, role) is not None
    who = (
        identity.service("lambda.amazonaws.com", source_account=call.account) if exists else identity.root(call.account)
    )
    credentials = call.aws("sts", principal=who).assume_role(
        role_arn=role, role_session_name=session_name, duration_seconds=SESSION_SECONDS
    )["Credentials"]
    credential = Credential.get(call.cloud.system, credentials["AccessKeyId"])
    assert credential
    return Session(credentials, credential.principal, exists)


def good(call: Call, session: Session, role: str) -> bool:
    """Whether a session can still be handed out: the role is what it was, and nobody has reset the cloud."""
    if session.credentials["Expiration"] - RENEWED_BEFORE <= call.now:
        return False
    if Credential.get(call.cloud.system, session.credentials["AccessKeyId"]) is None:
        return False
    return session.real == (Grants.by_arn(call, role) is not None)


def programs(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir() if each.is_file()} if folder.is_dir() else set()


def program(task: Path, opt: Path | None, environment: Environment) -> str:
    """The bootstrap of a runtime that the function brings along; the environment knows if it will not do."""
    shown = {"/var/task/bootstrap": task / "bootstrap"} | ({"/opt/bootstrap": opt / "bootstrap"} if opt else {})
    found = next((name for name, path in shown.items() if path.exists()), "")
    if not found:
        environment.misplaced = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
    elif not os.access(shown[found], os.X_OK):
        environment.misplaced = f"fork/exec {found}: permission denied"
    return found or "/var/task/bootstrap"


def variables(
    call: Call, version: Version, found: Runtime, environment: Environment, session: Session
) -> dict[str, str]:
    """The environment variables (Developer Guide, "Defined runtime environment variables")."""
    settings = version.settings
    credentials = session.credentials
    defined = {
        "PATH": found.path,
        "LD_LIBRARY_PATH": LIBRARIES,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": settings.get("Handler", ""),
        "AWS_REGION": call.region,
        "AWS_DEFAULT_REGION": call.region,
        "AWS_LAMBDA_FUNCTION_NAME": version.function,
        "AWS_LAMBDA_FUNCTION_VERSION": version.label,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings["MemorySize"]),
        "AWS_LAMBDA_LOG_GROUP_NAME": environment.log.group,
        "AWS_LAMBDA_LOG_STREAM_NAME": environment.log.stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": environment.initialisation,
        "AWS_LAMBDA_RUNTIME_API": environment.address,
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
        "AWS_ENDPOINT_URL": call.cloud.endpoint,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_LAMBDA_TELEMETRY_LOG_FD": "3",
    }
    if version.code.uri:
        defined = {name: value for name, value in defined.items() if name not in images.OWN}
    defined |= dict(found.variables)
    if not version.code.uri and not found.name.startswith("provided"):
        defined["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{found.name}"
    if environment.log.json:
        defined["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        defined["AWS_LAMBDA_LOG_LEVEL"] = environment.log.application_level
    own = sealing.for_invocation(call, version.function, settings, session.principal)
    if choice().driver == "process":
        defined["PILEUS_OPT"] = "/opt"  # which lies elsewhere there
    return defined | own
