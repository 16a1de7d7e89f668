"""User data taken apart: what kinds of parts there are, whatever they were wrapped in."""

from __future__ import annotations

import email
import email.message
import gzip
import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

SCRIPT = "text/x-shellscript"
CONFIG = "text/cloud-config"
ARCHIVE = "text/cloud-config-archive"
HOOK = "text/cloud-boothook"
INCLUDE = "text/x-include-url"
INCLUDE_ONCE = "text/x-include-once-url"
BEGINNINGS = {
    b"#!": SCRIPT,
    b"#cloud-config-archive": ARCHIVE,
    b"#cloud-config": CONFIG,
    b"#cloud-boothook": HOOK,
    b"#include-once": INCLUDE_ONCE,
    b"#include": INCLUDE,
}
"""What begins with one of these is such a part; the longer ones first."""
EVERY_BOOT = ("text/x-shellscript-per-boot", "per-boot")
ONCE = ("text/x-shellscript-per-once", "per-once")
PER_INSTANCE = ("text/x-shellscript-per-instance", "per-instance")
WRAPPED = (b"content-type:", b"mime-version:", b"from ")
SECONDS = 10
DEEPEST = 8


class Part(NamedTuple):
    kind: str
    name: str
    content: bytes


def taken_apart(data: bytes, depth: int = 0) -> Iterator[Part]:
    """The parts of user data; those of a kind that nobody knows have an empty kind."""
    data = unzipped(data)
    if depth > DEEPEST or not data.strip():
        return
    if data.lstrip().lower().startswith(WRAPPED):
        yield from attached(data.lstrip(), depth)
    else:
        yield from expanded(kind(data), "", data, depth)


def unzipped(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def kind(data: bytes) -> str:
    start = data.lstrip()
    return next((known for beginning, known in BEGINNINGS.items() if start.startswith(beginning)), "")


def attached(data: bytes, depth: int) -> Iterator[Part]:
    message = email.message_from_bytes(data)
    for piece in message.walk():
        if piece.is_multipart():
            continue
        content = unzipped(decoded(piece))
        told = piece.get_content_type()
        if told in ("text/plain", "application/octet-stream", "application/gzip", "application/x-gzip"):
            told = kind(content)
        yield from expanded(told, piece.get_filename() or "", content, depth)


def decoded(piece: email.message.Message) -> bytes:
    content: Any = piece.get_payload(decode=True)
    return bytes(content or b"")


def expanded(told: str, name: str, content: bytes, depth: int) -> Iterator[Part]:
    if told in (INCLUDE, INCLUDE_ONCE):
        for line in content.decode(errors="replace").splitlines():
            line = line.removeprefix("#include-once").removeprefix("#include").strip()
            if line and not line.startswith("#"):
                with urllib.request.urlopen(line, timeout=SECONDS) as answer:
                    yield from taken_apart(answer.read(), depth + 1)
    elif told == ARCHIVE:
        for entry in yaml.safe_load(content) or []:
            entry = {"content": entry} if isinstance(entry, str) else entry
            inner = str(entry.get("content", "")).encode()
            yield from expanded(entry.get("type") or kind(inner), entry.get("filename", ""), inner, depth + 1)
    else:
        yield Part(told, name, content)
