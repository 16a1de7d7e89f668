"""`pileus up`: start a cloud, in the foreground or behind it.

Imports are chosen for speed: nothing here or below may load typer, rich, or what else only other commands need.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from . import runfile
from .options import Options
from .trouble import Trouble


def up(arguments: list[str]) -> int:
    options = Options(arguments)
    for note in options.notes:
        print(f"pileus: {note}", file=sys.stderr)
    if options.detach:
        return behind(options)
    from .serve import serve

    return serve(options)


def behind(options: Options) -> int:
    """Start the server in a process of its own, and wait until it is ready; what it says until then is said here."""
    try:
        options.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(
            f"{options.home} cannot be made: {error.strerror}.", "Say --data DIR for another place."
        ) from None
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        with open(reading, encoding="utf-8", errors="replace") as said:
            return 0 if repeat(said) else 1
    os.close(reading)
    os._exit(server(options, writing))


def repeat(said: Iterable[str]) -> bool:
    """Print what the server says until it is on its own; whether it became ready."""
    ready = False
    for line in said:
        ready = ready or line == "Ready.\n"
        print(line, end="", flush=True)
    return ready


def server(options: Options, voice: int) -> int:
    """The new process: out of the terminal's session, heard through `voice` until it is ready."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for descriptor in (1, 2):
        os.dup2(voice, descriptor)
    for descriptor in (nothing, voice):
        os.close(descriptor)
    try:
        from .logfile import LogFile
        from .serve import serve

        return serve(options, LogFile(Path(options.home / runfile.LOG)))
    except Trouble as trouble:
        print(f"pileus: {trouble.message}\n{trouble.hint}".rstrip(), file=sys.stderr)
        return trouble.code
    except BaseException:
        import traceback

        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
