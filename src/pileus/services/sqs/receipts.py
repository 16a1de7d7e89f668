"""Receipt handles: what a receive gives out, and by which the message is found again.

A handle carries the message's place, and a mark that binds it to its queue: receiving writes no record for it.
"""

from __future__ import annotations

import base64
import binascii
from hashlib import blake2b
from typing import Any

import msgspec

from pileus.kernel import Call, Fault

from . import faults
from .depths import milliseconds
from .queues import Queue

LONGEST_VISIBILITY = 43_200
"""Seconds that a message may stay hidden after one receive, however often that is prolonged."""

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder().decode


def handle(call: Call, queue: Queue, place: tuple[str | int, ...]) -> str:
    content = encode(place)
    return base64.b64encode(mark(call, queue, content) + content).decode()


def place(call: Call, queue: Queue, receipt_handle: str) -> Any:
    """The place that a handle says; a fault if this queue never gave it out."""
    try:
        data = base64.b64decode(receipt_handle, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) <= 12 or data[:12] != mark(call, queue, data[12:]):
        message = f'The input receipt handle "{receipt_handle}" is not a valid receipt handle.'
        raise Fault("ReceiptHandleIsInvalid", message)
    return tuple(decode(data[12:]))


def refused(call: Call, queue: Queue, place: tuple[str | int, ...], reason: str) -> Fault:
    """The error for a handle that was good once."""
    return faults.invalid("ReceiptHandle", handle(call, queue, place), reason)


def mark(call: Call, queue: Queue, content: bytes) -> bytes:
    whose = f"{call.account}/{call.region}/{queue.name}/".encode()
    return blake2b(whose + content, digest_size=12).digest()


def hidden_until(call: Call, received: int, timeout: int) -> int:
    """When a message shows again that shall now stay hidden for `timeout` seconds."""
    now = milliseconds(call)
    if (now - received) // 1000 + timeout > LONGEST_VISIBILITY:
        reason = f"Total VisibilityTimeout for the message is beyond the limit [{LONGEST_VISIBILITY} seconds]."
        raise faults.invalid("VisibilityTimeout", timeout, reason)
    return now + timeout * 1000
