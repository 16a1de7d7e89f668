"""What an environment logs: lines of the platform, and what the function writes.

Developer Guide, "Viewing CloudWatch logs for Lambda functions" and "Configuring advanced logging controls".
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

TAIL = 4096
LONGEST_LINE = 256 * 1024
LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")

FRAME = 0xA55A0003
FRAME_HEAD = 16
"""Bytes before a record that a runtime writes to _LAMBDA_TELEMETRY_LOG_FD: kind and level, length, microseconds."""


class Event(NamedTuple):
    """A log event: milliseconds, and text."""

    at: int
    text: str


class Log:
    """The log of one environment: it becomes a stream of CloudWatch Logs."""

    def __init__(self, settings: dict[str, Any], label: str) -> None:
        self.group: str = settings["LogGroup"]
        self.json = settings["LogFormat"] == "JSON"
        self.level = settings.get("SystemLogLevel", "INFO")
        self.application_level = settings.get("ApplicationLogLevel", "INFO")
        now = datetime.now(UTC)
        self.stream = f"{now:%Y/%m/%d}/[{label}]{os.urandom(16).hex()}"
        self.events: list[Event] = []
        self.on_event: Callable[[], None] = lambda: None
        self.listeners: list[Callable[[str, float, Any], None]] = []
        """Who is told everything: its type, the time, and what it says."""
        self.tail: list[str] = []
        self._partial: dict[str, bytes] = {}

    def write(self, text: str, kind: str = "function") -> None:
        """A line of the function, or of an extension."""
        at = self._keep(text)
        self._tell(kind, at, self._said(text) if self.listeners else None)

    def lambda_says(self, text: str) -> None:
        """A line of Lambda's own that nobody else is told."""
        self._keep(text)

    def platform(self, kind: str, record: dict[str, Any], text: str = "", level: str = "INFO") -> None:
        """A line of Lambda's own, in the format that the function has chosen."""
        at = time.time()
        if not self.json:
            if text:
                self._keep(text)
        elif LEVELS.index(level) >= LEVELS.index(self.level):
            line = {"time": stamp(at), "type": f"platform.{kind}", "record": record}
            self._keep(json.dumps(line, separators=(",", ":")))
        self._tell(f"platform.{kind}", at, record)

    def _keep(self, text: str) -> float:
        at = time.time()
        self.events.append(Event(int(at * 1000), text))
        self.tail.append(text)
        self.on_event()
        return at

    def _tell(self, kind: str, at: float, record: Any) -> None:
        for listener in self.listeners:
            listener(kind, at, record)

    def _said(self, text: str) -> Any:
        """A line as it is told: a document where the function logs JSON."""
        if self.json:
            try:
                document = json.loads(text)
            except ValueError:
                return text
            return document if isinstance(document, dict) else text
        return text

    def output(self, data: bytes) -> None:
        """What the function writes to its standard output or error: a line is an event."""
        self._lines("function", data)

    def extension(self, data: bytes) -> None:
        """What its extensions write there."""
        self._lines("extension", data)

    def _lines(self, kind: str, data: bytes) -> None:
        data = self._partial.pop(kind, b"") + data
        *lines, rest = data.split(b"\n")
        for line in lines:
            self.write(line.decode("utf-8", "replace"), kind)
        if len(rest) > LONGEST_LINE:
            self.write(rest.decode("utf-8", "replace"), kind)
        elif rest:
            self._partial[kind] = rest

    def framed(self, data: bytes) -> None:
        """What a runtime writes in frames: each is an event, however many lines it has."""
        data = self._partial.pop("framed", b"") + data
        while len(data) >= FRAME_HEAD:
            length = int.from_bytes(data[4:8], "big")
            if len(data) < FRAME_HEAD + length:
                break
            self.write(data[FRAME_HEAD : FRAME_HEAD + length].decode("utf-8", "replace").removesuffix("\n"))
            data = data[FRAME_HEAD + length :]
        if data:
            self._partial["framed"] = data

    def flush(self) -> None:
        """A line without its end is one when the invocation has ended."""
        for kind in ("function", "extension"):
            if rest := self._partial.pop(kind, b""):
                self.write(rest.decode("utf-8", "replace"), kind)

    def tail_result(self) -> str:
        """The last 4 KB of an invocation's log, in base 64."""
        text = "".join(f"{line}\n" for line in self.tail).encode()
        return base64.b64encode(text[-TAIL:]).decode()


def stamp(at: float) -> str:
    """A time as the lines of Lambda's own have it: 2024-05-06T07:08:09.123Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
