"""A server in this process, from its start to the signal that ends it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import msgspec

import pileus
from pileus.initscripts import InitScripts
from pileus.kernel.errors import Unfinished
from pileus.kernel.store import FormatTooNew, StoreCorrupt, StoreFailed, StoreLocked
from pileus.server import Server
from pileus.settings import PORT

from . import runfile
from .trouble import Trouble

if TYPE_CHECKING:
    from .logfile import LogFile
    from .options import Options


def serve(options: Options, log: LogFile | None = None) -> int:
    """Serve until told to stop. With a log file, everything goes there from the moment the cloud is ready."""
    level = options.log_level.upper()
    logging.basicConfig(level=level, format="%(asctime)s level=%(levelname)s logger=%(name)s %(message)s")
    session = Session(options, log)
    with explained(options), asyncio.Runner(loop_factory=loop_factory()) as runner:
        while runner.run(session.run()):
            pass
    return 0


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop; asyncio's own where that is missing."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


class Session:
    """One start of a server after the other, as often as it is told to restart."""

    def __init__(self, options: Options, log: LogFile | None) -> None:
        self.options = options
        self.settings = options.settings
        self.log = log
        self._told: asyncio.Future[bool]

    async def run(self) -> bool:
        """Serve until told to stop; whether to start again."""
        loop = asyncio.get_running_loop()
        self._told = loop.create_future()
        scripts = InitScripts(say, self.settings.init)
        planned = f"http://localhost:{self.settings.port}"
        for stage in ("boot", "start"):
            await scripts.run(stage, planned, self._output())
        server = Server(self.settings, self._request_lines())
        await server.start()
        # What is there now stays: the collector need not look at it again, nor so often at what requests leave behind.
        gc.freeze()
        gc.set_threshold(10_000, 20, 50)
        self.settings = msgspec.structs.replace(self.settings, port=server.port)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled)
        server.control.scripts = scripts
        server.control.on_stop = self.stop
        with announced(self.options.home, server, self.log):
            greet(server)
            becoming = loop.create_task(self._become_ready(scripts, server.endpoint))
            again = await self._told
            becoming.cancel()
            await asyncio.wait([becoming])
            await scripts.run("shutdown", server.endpoint, self._output())
            await server.stop()
        scripts.close()
        return again

    def _output(self) -> int | None:
        """Where init scripts write to: the log, or this process's own output."""
        return self.log.fileno() if self.log else None

    def _request_lines(self) -> TextIO | None:
        if self.options.log_level not in ("debug", "info"):
            return None
        return cast("TextIO", self.log) if self.log else sys.stdout

    async def _become_ready(self, scripts: InitScripts, endpoint: str) -> None:
        say("Ready.")
        await scripts.run("ready", endpoint, self._output())
        if self.log:
            sys.stdout.flush()
            self.log.attach()

    def stop(self, again: bool = False) -> None:
        """End this run, and begin another one if `again`."""
        if not self._told.done():
            self._told.set_result(again)

    def _signalled(self) -> None:
        """The first signal stops in good order, the second at once: nothing that was acknowledged is lost by that."""
        if self._told.done():
            os._exit(130)
        self.stop()


def say(line: str) -> None:
    print(line, flush=True)


def greet(server: Server) -> None:
    kept = "in memory" if server.settings.data is None else f"in {server.folder}"
    say(f"Pileus {pileus.__version__} at {server.endpoint}, everything kept {kept}")
    if server.settings.host not in ("127.0.0.1", "localhost", "::1"):
        say(f"Whoever reaches {server.settings.host} may use it: it listens beyond this machine.")
    usual = server.settings.port == PORT
    where = "" if usual else f" --port {server.port}"
    say(f'Point tools at it with  eval "$(pileus env{where})"  or  export AWS_ENDPOINT_URL={server.endpoint}')


@contextlib.contextmanager
def announced(home: Path, server: Server, log: LogFile | None) -> Iterator[None]:
    """Keep a run file while the server runs, where there is a place for one."""
    running = runfile.Running(os.getpid(), server.endpoint, str(log.path) if log else "")
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        runfile.write(home, running, sole=server.settings.data is not None)
    try:
        yield
    finally:
        runfile.remove(home)


@contextlib.contextmanager
def explained(options: Options) -> Iterator[None]:
    """Turn what may go wrong at the start into what the user can do about it."""
    settings, home = options.settings, options.home
    try:
        yield
    except StoreLocked:
        other = runfile.read(home)
        who = f"the Pileus server at {other.endpoint} (process {other.pid})" if other else "another Pileus server"
        raise Trouble(
            f"{home} is in use by {who}.",
            "Stop it with  pileus down  or say --data DIR for another cloud, or --ephemeral for one without data.",
        ) from None
    except FormatTooNew as error:
        raise Trouble(f"{error}.", "Update with  pip install -U pileus  or say --data DIR for another cloud.") from None
    except (StoreCorrupt, StoreFailed) as error:
        raise Trouble(f"{home} cannot be used: {error}.", "Say --data DIR for another cloud.") from None
    except Unfinished as missing:  # a listener that needs an extra
        raise Trouble(missing.message) from None
    except OSError as error:
        if error.filename:
            raise Trouble(f"{error.filename}: {error.strerror}.", "Say --data DIR for another place.") from None
        raise unavailable(error, settings.host, [port for port in (settings.port, settings.tls_port) if port]) from None


def unavailable(error: OSError, host: str, ports: list[int]) -> Trouble:
    """Why a port could not be listened on; anything else is raised as it is."""
    if error.errno == errno.EADDRINUSE:
        return taken(ports)
    if error.errno == errno.EACCES:
        return Trouble(f"Only root may listen on a port below 1024, such as {min(ports)}.", "Say --port 4566.")
    if error.errno == errno.EADDRNOTAVAIL or type(error).__name__ == "gaierror":
        return Trouble(f"{host} is no address of this machine.", "Say --host 127.0.0.1, or --host 0.0.0.0 for all.")
    raise error


def taken(ports: list[int]) -> Trouble:
    from . import ports as listening

    for port in ports:
        if process := listening.owner(port):
            break
    else:
        port, process = ports[0], None
    who = process or "a process that this user may not see"
    return Trouble(f"Port {port} is taken by {who}.", f"Say --port {listening.free(port)} for another one.")
