"""One execution environment: a sandbox, its runtime and extensions, and the invocations that it works on in turn.

Developer Guide, "Understanding the Lambda execution environment lifecycle".
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable
from typing import Any

from pileus.engines.sandbox import Sandbox

from . import runtime_api, telemetry
from .extensions import Extensions
from .functions import Version
from .invocation import Invocation, Outcome
from .logs import Log
from .runtime_api import OK, Reply

MOST_RESPONSE = 6 * 1024 * 1024 + 100
INIT_SECONDS = 10.0
SIGNALS = {1: "hangup", 2: "interrupt", 4: "illegal instruction", 6: "aborted", 9: "killed", 11: "segmentation fault"}

RUNTIME = "/2018-06-01/runtime/"
EXTENSION = "/2020-01-01/extension/"


class Environment:
    """An environment. It starts up, works on one invocation after the other, and ends."""

    def __init__(self, version: Version, runtime: str, log: Log) -> None:
        settings = version.settings
        self.label = version.label
        self.function = version.function
        self.account = ""
        self.handler: str = settings.get("Handler", "")
        self.timeout = float(settings["Timeout"])
        self.memory = int(settings["MemorySize"])
        self.runtime = runtime
        self.log = log
        self.session: Any = None
        """The session of the function's role whose credentials it has."""
        self.claimed = False
        """Whether it was started for an invocation that is still to come, and is nobody else's till then."""
        self.idle_since = 0.0
        self.code_at = 0.0
        """When its code was last edited before it started."""
        self.snapshot = snapped(version)
        """Whether it is told that it was made of a snapshot."""
        self.provisioned = ""
        """The version or alias for which it is kept, whether it has something to do or not."""
        self.sandbox: Sandbox | None = None
        self.user: int | None = None
        """Who it is to the machine, if it is anybody of its own."""
        self.server: asyncio.Server | None = None
        self.address = ""
        self.extensions = Extensions(self)
        self.on_free: Callable[[Environment], None] = lambda environment: None
        """Called when it can take another invocation, or never will again."""
        self.on_initialised: Callable[[], None] = lambda: None
        """Called when its initialisation is over, or never will be."""
        self.dead = False
        self.misplaced = ""
        """What is wrong with the program that it is to run, if that is known beforehand."""
        self._loop = asyncio.get_running_loop()
        self._awaited: asyncio.Future[None] | None = None
        self._current: Invocation | None = None
        self._next: Reply | None = None
        self._began = time.perf_counter()
        self._init_done = False
        self._init_duration = 0.0
        self._status = 0
        self._init_error: bytes | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._peak = 0
        self._looked = 0.0
        self._pieces: list[bytes] = []
        self._produced = 0
        self._extension_error: tuple[str, str] | None = None

    # Its life

    async def listen(self) -> str:
        self.server, self.address = await runtime_api.listen(self)
        return self.address

    def entered(self, sandbox: Sandbox) -> None:
        """The sandbox runs."""
        self.sandbox = sandbox
        sandbox.ended.add_done_callback(lambda ended: self._ended(ended.result()))
        self._timer = self._loop.call_later(INIT_SECONDS + self.timeout, self._init_timed_out)

    def begin(self) -> None:
        """The clock of its initialisation starts."""
        self._began = time.perf_counter()
        record = {"initializationType": self.initialisation, "phase": "init", "runtimeVersion": self.runtime_version}
        if self.snapshot:
            self.log.platform("restoreStart", record, f"RESTORE_START Runtime Version: {self.runtime_version}")
        else:
            self.log.platform("initStart", record, f"INIT_START Runtime Version: {self.runtime_version}")

    def end(self, reason: str) -> None:
        """It is not needed any more, or good for nothing: its extensions are told why before it ends."""
        self.dead = True
        if self._timer:
            self._timer.cancel()
        self.extensions.shut_down(reason, self.kill)

    @property
    def running(self) -> bool:
        """Whether there is something that could be told of its end."""
        return self.sandbox is not None and not self.sandbox.ended.done()

    @property
    def initialisation(self) -> str:
        """How it came to be, as AWS_LAMBDA_INITIALIZATION_TYPE says."""
        return "provisioned-concurrency" if self.provisioned else "snap-start" if self.snapshot else "on-demand"

    async def initialised(self) -> None:
        """Wait until it has nothing to do, or is no more."""
        if not self.ready and not self.dead:
            self._awaited = self._loop.create_future()
            await self._awaited

    @property
    def runtime_version(self) -> str:
        name = self.runtime.rstrip("0123456789.x")
        return f"{name}:{self.runtime.removeprefix(name)}.pileus"

    def invoke(self, invocation: Invocation) -> None:
        """Take an invocation: now, or as soon as the initialisation is over."""
        assert self._current is None
        self.claimed = False
        self._current = invocation
        if self._init_done and not self._init_duration:
            self.log.tail = []
        if self._init_error is not None:
            self._init_failed()
        elif self.dead:
            self._ended(self._status)
        elif self._init_done:
            self._start()

    def kill(self) -> None:
        self.dead = True
        if self._timer:
            self._timer.cancel()
        self.extensions.close()
        if self.sandbox:
            self.sandbox.kill()
        if self.server:
            self.server.close()

    # Invocations

    def _start(self) -> None:
        """The runtime waits, and there is an invocation: go."""
        invocation = self._current
        if invocation is None or self._next is None:
            return
        if self._timer:
            self._timer.cancel()
        invocation.began = time.perf_counter()
        invocation.deadline = time.time() + self.timeout
        record = {"requestId": invocation.id, "version": self.label}
        if invocation.tenant:
            record["tenantId"] = invocation.tenant
        self.log.platform("start", record, f"START RequestId: {invocation.id} Version: {self.label}")
        self._timer = self._loop.call_later(self.timeout, self._timed_out, invocation)
        if self.sandbox:
            self.sandbox.watch()
        reply, self._next = self._next, None
        self.extensions.invoked(invocation)
        reply(200, invocation.payload, invocation.head())

    def _finish(self, outcome: Outcome, status: str = "success", error_type: str = "") -> None:
        """The invocation has its outcome."""
        invocation, self._current = self._current, None
        assert invocation
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self.sandbox:
            self.sandbox.rest()
            self.sandbox.drain()
        self._produced = len(outcome.payload)
        self.log.flush()
        self._report(invocation, outcome, status, error_type)
        outcome.log = self.log.tail_result()
        outcome.version = self.label
        self._pieces = []
        if not invocation.outcome.done():
            invocation.outcome.set_result(outcome)

    def _report(self, invocation: Invocation, outcome: Outcome, status: str, error_type: str) -> None:
        duration = (time.perf_counter() - invocation.began) * 1000 if invocation.began else 0.0
        init, self._init_duration = self._init_duration, 0.0
        outcome.init, outcome.duration = init, duration
        billed = math.ceil(duration + init)
        used = self._memory_used()
        metrics: dict[str, Any] = {
            "durationMs": round(duration, 3),
            "billedDurationMs": billed,
            "memorySizeMB": self.memory,
            "maxMemoryUsedMB": used,
        }
        text = (
            f"REPORT RequestId: {invocation.id}\tDuration: {duration:.2f} ms\tBilled Duration: {billed} ms\t"
            f"Memory Size: {self.memory} MB\tMax Memory Used: {used} MB\t"
        )
        if init:
            kind = "restore" if self.snapshot else "init"
            metrics[f"{kind}DurationMs"] = round(init, 3)
            text += f"{kind.capitalize()} Duration: {init:.2f} ms\t"
        if status != "success":
            text += f"Status: {status}\t" + (f"Error Type: {error_type}" if error_type else "")
        self._done(invocation, duration, status, error_type)
        record = {"requestId": invocation.id, "metrics": metrics, "status": status}
        if error_type:
            record["errorType"] = error_type
        self.log.platform("report", record, text, "INFO" if status == "success" else "WARN")

    def _done(self, invocation: Invocation, duration: float, status: str, error_type: str) -> None:
        record: dict[str, Any] = {
            "requestId": invocation.id,
            "status": status,
            "metrics": {"durationMs": round(duration, 3), "producedBytes": self._produced},
        }
        if error_type:
            record["errorType"] = error_type
        level = "DEBUG" if status == "success" else "WARN"
        self.log.platform("runtimeDone", record, f"END RequestId: {invocation.id}", level)

    def _memory_used(self) -> int:
        """The most it has used, in MB; looked at ten times a second at most."""
        now = time.perf_counter()
        if self.sandbox and now - self._looked > 0.1:
            self._looked = now
            self._peak = max(self._peak, math.ceil(self.sandbox.resident() / 1024 / 1024))
        return min(self._peak, self.memory)

    def _timed_out(self, invocation: Invocation) -> None:
        if self._current is not invocation:
            return
        words = f"Task timed out after {self.timeout:.2f} seconds"
        if self.sandbox:
            self.sandbox.drain()
        self.log.flush()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{int(time.time() * 1000) % 1000:03d}Z"
        if not self.log.json:
            self.log.lambda_says(f"{stamp} {invocation.id} {words}\n")
        failure = Outcome.failure("Sandbox.Timedout", f"RequestId: {invocation.id} Error: {words}")
        self._finish(failure, "timeout")
        self._die("timeout")

    def _init_timed_out(self) -> None:
        if self._init_done or self._current is None:
            self._die()
            return
        words = f"Task timed out after {self.timeout:.2f} seconds"
        failure = Outcome.failure("Sandbox.Timedout", f"RequestId: {self._current.id} Error: {words}")
        self._finish(failure, "timeout")
        self._die()

    def _init_failed(self) -> None:
        """The runtime has said why it cannot start: the invocation gets that for an answer."""
        if self._current and self._init_error is not None:
            kind = error_type_of(self._init_error)
            self._finish(Outcome(self._init_error, "Unhandled"), "error", kind)
            self._die()

    def _ended(self, status: int) -> None:
        """The sandbox has ended, by itself or because it had to."""
        self.dead = True
        self._status = status
        self.on_initialised()
        self._tell()
        if self.server:
            self.server.close()
        if self._current is None:
            self.on_free(self)
            return
        if self._init_error is not None:
            self._init_failed()
            return
        invocation = self._current
        kind, reason = "Runtime.ExitError", exit_reason(status)
        if self.sandbox and self.sandbox.ran_out:
            kind, reason = "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"
        if self.misplaced:
            kind, reason = "Runtime.InvalidEntrypoint", self.misplaced
        if self._extension_error:
            kind, reason = self._extension_error
        words = f"RequestId: {invocation.id} Error: {reason}"
        if not self.log.json:
            self.log.lambda_says(f"{words}\n{kind}")
        self._finish(Outcome.failure(kind, words), "error", kind)
        self.on_free(self)

    def _die(self, reason: str = "failure") -> None:
        self.end(reason)
        self.on_free(self)

    # The API

    def admits(self, user: int | None) -> bool:
        return self.user is None or user == self.user

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes, reply: Reply) -> None:
        if path.startswith(RUNTIME):
            self._runtime(method, path.removeprefix(RUNTIME).split("/"), headers, body, reply)
        elif path.startswith(EXTENSION):
            self.extensions.handle(path.removeprefix(EXTENSION), headers, body, reply)
        elif path in telemetry.PATHS:
            self.extensions.subscribe(telemetry.PATHS[path], headers, body, reply)
        else:
            reply(404, refusal("InvalidRequest", f"There is no {method} {path}"))

    def _runtime(self, method: str, steps: list[str], headers: dict[str, str], body: bytes, reply: Reply) -> None:
        match (method, *steps):
            case ("GET", "invocation", "next"):
                self._ask(reply)
            case ("POST", "invocation", request_id, "response"):
                self._respond(request_id, headers, body, reply)
            case ("POST", "invocation", request_id, "error"):
                self._fail(request_id, headers, body, reply)
            case ("GET", "restore", "next"):  # what came before would have been done when the version was published
                self._began = time.perf_counter()
                reply(200, OK)
            case ("POST", "init" | "restore", "error"):
                self._init_error = body
                reply(202, OK)
                self._init_failed()
            case _:
                reply(404, refusal("InvalidRequest", "There is no such resource"))

    def _ask(self, reply: Reply) -> None:
        """The runtime asks for the next invocation."""
        self._next = reply
        if not self._init_done:
            self._try_initialised()
        elif self._current is None and self.extensions.waiting:
            self._free()

    def _try_initialised(self) -> None:
        """The initialisation is over when the runtime and all extensions have asked for something to do."""
        if self._init_done or self._next is None or not self.extensions.waiting:
            return
        self._init_done = True
        self.on_initialised()
        self._init_duration = (time.perf_counter() - self._began) * 1000
        self._tell_initialised()
        if self._timer:
            self._timer.cancel()
        if self.sandbox:
            self.sandbox.drain()
        if self._current:
            self._start()
        else:
            self._free()

    def _tell_initialised(self) -> None:
        record: dict[str, Any] = {"initializationType": self.initialisation, "phase": "init", "status": "success"}
        self.log.platform("initRuntimeDone", record, level="DEBUG")
        metrics = {"metrics": {"durationMs": round(self._init_duration, 3)}}
        if self.snapshot:
            told = f"RESTORE_REPORT Restore Duration: {self._init_duration:.2f} ms"
            self.log.platform("restoreReport", record | metrics, told)
            return
        self.log.platform("initReport", record | metrics, level="INFO" if self.provisioned else "DEBUG")

    def extension_failed(self, name: str, kind: str) -> None:
        """An extension cannot go on, and so the environment cannot."""
        self._extension_error = (kind, f"Extension {name} has failed: {kind}")
        self.kill()

    @property
    def init_done(self) -> bool:
        return self._init_done

    def extension_asked(self) -> None:
        if not self._init_done:
            self._try_initialised()
        elif self._current is None and self._next is not None and self.extensions.waiting:
            self._free()

    def _tell(self) -> None:
        if self._awaited and not self._awaited.done():
            self._awaited.set_result(None)

    def _free(self) -> None:
        self._tell()
        if self.claimed:
            return
        self.idle_since = time.monotonic()
        self.on_free(self)

    @property
    def ready(self) -> bool:
        return self._init_done and self._next is not None and not self.dead

    def _mine(self, request_id: str, reply: Reply) -> Invocation | None:
        if self._current and self._current.id == request_id:
            return self._current
        reply(400, refusal("InvalidRequestID", "Invalid request ID"))
        return None

    def _respond(self, request_id: str, headers: dict[str, str], body: bytes, reply: Reply) -> None:
        invocation = self._mine(request_id, reply)
        if invocation is None:
            return
        if invocation.streamed:
            body = b"".join(self._pieces)
        elif len(body) > MOST_RESPONSE:
            kind = "Function.ResponseSizeTooLarge"
            words = f"Response payload size exceeded maximum allowed payload size ({MOST_RESPONSE} bytes)."
            reply(413, refusal("RequestEntityTooLarge", words))
            self._finish(Outcome.failure(kind, words), "error", kind)
            return
        elif invocation.on_piece:
            invocation.on_piece(body)
        reply(202, OK)
        if kind := headers.get("lambda-runtime-function-error-type", ""):
            # A stream that breaks says so after its last piece.
            self._finish(
                Outcome(headers.get("lambda-runtime-function-error-body", "").encode(), "Unhandled"), "error", kind
            )
        else:
            self._finish(Outcome(body))

    def _fail(self, request_id: str, headers: dict[str, str], body: bytes, reply: Reply) -> None:
        if self._mine(request_id, reply):
            reply(202, OK)
            kind = headers.get("lambda-runtime-function-error-type", "") or error_type_of(body)
            self._finish(Outcome(body, "Unhandled"), "error", kind)

    def stream(self, path: str, headers: dict[str, str]) -> Callable[[bytes], None] | None:
        """The pieces of a streamed response go to whoever wants them so, or are kept for the end."""
        invocation = self._current
        if invocation is None or invocation.id not in path:
            return None
        invocation.streamed = True
        if invocation.on_head:
            invocation.on_head(headers)
        return invocation.on_piece or self._pieces.append


def snapped(version: Version) -> bool:
    """Whether AWS would have a snapshot of a version."""
    return bool(version.number) and version.settings.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"


def refusal(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def error_type_of(body: bytes) -> str:
    try:
        told = json.loads(body)
    except ValueError:
        return "Unhandled"
    return str(told.get("errorType", "Unhandled")) if isinstance(told, dict) else "Unhandled"


def exit_reason(status: int) -> str:
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 128:
        return f"Runtime exited with error: signal: {SIGNALS.get(status - 128, status - 128)}"
    return f"Runtime exited with error: exit status {status}"
