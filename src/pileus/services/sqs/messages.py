"""Messages: what a producer may send, how it is measured, and the digests by which clients check it.

Developer Guide, "Amazon SQS message metadata" and "Calculating the MD5 message digest for message attributes".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from hashlib import md5
from typing import Any, NamedTuple

from pileus.kernel import Fault, Record

from . import faults

MOST_ATTRIBUTES = 10
MOST_NAME = 256

Attributes = dict[str, dict[str, Any]]
"""Message attributes as they come: by name, each with `DataType` and `StringValue` or `BinaryValue`."""

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for."""
ALLOWED = bytes([*b"\t\n\r", *range(0x20, 0x80)])
"""What it has a place for, of ASCII."""
ATTRIBUTE_NAME = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
RESERVED = re.compile(r"(aws|amazon)\.", re.IGNORECASE)
TOKEN = re.compile(r"[!-~]{1,128}")
"""Message groups, deduplication ids, receive attempts: alphanumeric characters and punctuation."""


class Message(Record, key=("box", "group", "number"), array_like=True):
    """What was sent. It never changes while it is in a queue."""

    box: str
    group: str
    number: int
    """In the order of arrival."""
    id: str
    sent: int
    sender: str
    body: str
    attributes: Attributes = {}
    trace: str = ""
    deduplication_id: str = ""
    source: str = ""
    """The ARN of the queue that gave it up as a dead letter."""
    receives_before: int = 0
    """How often it was received from other queues."""

    @property
    def sequence_number(self) -> str:
        """Of a message of a FIFO queue."""
        return sequence_number(self.number) if self.deduplication_id else ""


class Held(NamedTuple):
    """A message that was taken from a queue: for a while by a consumer, or for good."""

    message: Message
    receives: int
    """How often it was received from this queue."""
    first_received: int = 0
    place: Any = ()
    """What its receipt handle must say."""


def sequence_number(number: int) -> str:
    """Twenty digits that grow with every message of a FIFO queue, though not by one."""
    return str((1 << 64) + (number << 8))


def digest(body: str) -> str:
    return md5(body.encode(), usedforsecurity=False).hexdigest()


def attributes_digest(attributes: Attributes) -> str:
    """The digest of each attribute's name, data type, transport type and value, in the order of the names."""
    md = md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        binary = attribute["DataType"].startswith("Binary")
        value = attribute["BinaryValue"] if binary else attribute["StringValue"].encode()
        for part in (name.encode(), attribute["DataType"].encode()):
            md.update(len(part).to_bytes(4, "big") + part)
        md.update((b"\x02" if binary else b"\x01") + len(value).to_bytes(4, "big") + value)
    return md.hexdigest()


def size(body: str, attributes: Attributes) -> int:
    """Bytes that count towards the limits: the body, and names, types and values of the attributes."""
    total = len(body) if body.isascii() else len(body.encode())
    for name, attribute in attributes.items():
        value = attribute.get("BinaryValue") or attribute.get("StringValue", "").encode()
        total += len(name.encode()) + len(attribute.get("DataType", "").encode()) + len(value)
    return total


def check_text(text: str) -> None:
    if text.isascii():  # then this is by far the quickest way
        wrong = bool(text.encode().translate(None, ALLOWED))
    else:
        wrong = not text.isprintable() and FORBIDDEN.search(text) is not None
    if wrong:
        raise Fault(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are "
            "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )


def check_token(parameter: str, value: str) -> None:
    if not TOKEN.fullmatch(value):
        reason = f"{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
        raise faults.invalid(parameter, value, reason)


def check_attributes(attributes: Attributes) -> None:
    if len(attributes) > MOST_ATTRIBUTES:
        message = f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{MOST_ATTRIBUTES}]."
        raise Fault("InvalidParameterValue", message)
    for name, attribute in attributes.items():
        check_attribute_name(name)
        check_attribute("message (user)", name, attribute)


def check_attribute_name(name: str) -> None:
    reserved = RESERVED.match(name)
    if reserved or not ATTRIBUTE_NAME.fullmatch(name):
        rule = (
            "must not start with the AWS-reserved prefixes 'AWS.' or 'Amazon.'."
            if reserved
            else "can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.), must not start or end with a "
            "period or have periods in succession, and be 1 to 256 in length."
        )
        raise Fault("InvalidParameterValue", f"Message (user) attribute name '{name}' {rule}")


def check_attribute(kind: str, name: str, attribute: Mapping[str, Any]) -> None:
    data_type = attribute.get("DataType", "")
    base = data_type.partition(".")[0]

    def refused(message: str) -> Fault:
        return Fault("InvalidParameterValue", message)

    if attribute.get("StringListValues") or attribute.get("BinaryListValues"):
        raise Fault("UnsupportedOperation", "Message attribute list values in SendMessage operation are not supported.")
    if not data_type:
        raise refused(f"The message attribute '{name}' must contain a non-empty message attribute type.")
    if base not in ("String", "Number", "Binary") or len(data_type) > MOST_NAME:
        raise refused(
            f"The message attribute '{name}' has an invalid message attribute type, "
            "the set of supported type prefixes is Binary, Number, and String."
        )
    value = attribute.get("BinaryValue" if base == "Binary" else "StringValue")
    if not value:
        raise refused(
            f"The message attribute '{name}' must contain a non-empty message attribute value "
            f"for message attribute type '{data_type}'."
        )
    if isinstance(value, str):
        check_text(value)
    if base == "Number" and not numeric(value):
        raise refused(f"Can't cast the value of {kind} attribute '{name}' to a number.")


def check_system_attributes(attributes: Attributes) -> None:
    for name, attribute in attributes.items():
        if name != "AWSTraceHeader" or attribute.get("DataType") != "String":
            message = f"Message system attribute '{name}' is invalid: there is only AWSTraceHeader, of type String."
            raise Fault("InvalidParameterValue", message)
        check_attribute("message (system)", name, attribute)


def numeric(value: str) -> bool:
    try:
        return Decimal(value.strip()).is_finite()
    except InvalidOperation:
        return False
