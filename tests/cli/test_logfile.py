"""The log of a server in the background."""

from __future__ import annotations

import asyncio
import errno
import os
from io import StringIO
from pathlib import Path

from pileus.cli import runfile
from pileus.cli.logfile import LogFile
from pileus.gateway.requestlog import Entry, RequestLog


def test_a_full_log_is_put_aside(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", limit=10)
    log.write("first\n")
    log.write("second\n")
    log.write("x\n")
    assert (tmp_path / "log.1").read_text() == "first\n"
    assert (tmp_path / "log").read_text() == "second\nx\n"
    again = LogFile(tmp_path / "log", limit=10)
    again.write("third\n")
    assert (tmp_path / "log.1").read_text() == "second\nx\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_requests_outlive_a_log_that_cannot_be_written() -> None:
    class Full(StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    async def answered() -> int:
        log = RequestLog(Full())
        log.add(Entry("id", 0.0))
        log.flush()
        log.file = StringIO()
        log.add(Entry("later", 0.0))
        log.flush()
        return log.file.getvalue().count("request_id=later")

    assert asyncio.run(answered()) == 1


def test_a_run_file_belongs_to_whoever_lives(tmp_path: Path) -> None:
    gone = runfile.Running(2**22 + 1, "http://localhost:1")  # above what Linux gives (proc_sys_kernel(5), pid_max)
    runfile.write(tmp_path, gone)
    assert runfile.read(tmp_path) is None
    mine = runfile.Running(os.getpid(), "http://localhost:2")
    runfile.write(tmp_path, mine)
    assert runfile.read(tmp_path) == mine
    runfile.write(tmp_path, runfile.Running(1, "http://localhost:3"), sole=False)
    assert runfile.read(tmp_path) == mine
    other = runfile.Running(1, "http://localhost:4")
    runfile.write(tmp_path, other)
    assert runfile.read(tmp_path) == other
    runfile.remove(tmp_path)
    assert runfile.read(tmp_path) == other
    runfile.write(tmp_path, mine)
    runfile.remove(tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "server.json").write_text("nonsense")
    assert runfile.read(tmp_path) is None
