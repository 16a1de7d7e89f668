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
        self.listeners: list[Callable[[str, Event], None]] = []
        self.tail: list[str] = []
        self._partial: dict[str, bytes] = {}

    def write(self, text: str, kind: str = "function") -> None:
        event = Event(int(time.time() * 1000), text)
        self.events.append(event)
        self.tail.append(text)
        for listener in self.listeners:
            listener(kind, event)
        self.on_event()

    def platform(self, kind: str, record: dict[str, Any], text: str, level: str = "INFO") -> None:
        """A line of Lambda's own, in the format that the function has chosen."""
        if not self.json:
            if text:
                self.write(text, f"platform.{kind}")
        elif LEVELS.index(level) >= LEVELS.index(self.level):
            time_now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = {"time": time_now, "type": f"platform.{kind}", "record": record}
            self.write(json.dumps(line, separators=(",", ":")), f"platform.{kind}")

    def output(self, data: bytes) -> None:
        """What the function writes to its standard output or error: a line is an event."""
        data = self._partial.pop("output", b"") + data
        *lines, rest = data.split(b"\n")
        for line in lines:
            self.write(line.decode("utf-8", "replace"))
        if len(rest) > LONGEST_LINE:
            self.write(rest.decode("utf-8", "replace"))
        elif rest:
            self._partial["output"] = rest

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
        if rest := self._partial.pop("output", b""):
            self.write(rest.decode("utf-8", "replace"))

    def tail_result(self) -> str:
        """The last 4 KB of an invocation's log, in base 64."""
        text = "".join(f"{line}\n" for line in self.tail).encode()
        return base64.b64encode(text[-TAIL:]).decode()
