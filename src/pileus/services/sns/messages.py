"""Messages: what may be published, and how it is measured.

Developer Guide, "Amazon SNS message attributes"; API reference, Publish.
"""

from __future__ import annotations

import base64
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from pileus.kernel import Fault

from .faults import invalid

Attributes = dict[str, dict[str, Any]]
"""By name, each with `DataType` and `StringValue` or `BinaryValue`."""

ATTRIBUTE_NAME = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
RESERVED = re.compile(r"(aws|amazon)\.(?!(sns|mm)\.)", re.IGNORECASE)
TOKEN = re.compile(r"[!-~]{1,128}")
SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
NOTIFICATION = "Notification"


class Notice(msgspec.Struct, array_like=True):
    """A message on its way to the subscribers."""

    id: str
    topic_arn: str
    message: str
    at: float
    subject: str = ""
    structured: bool = False
    """Whether `message` is a JSON object of texts by protocol."""
    attributes: Attributes = {}
    group: str = ""
    deduplication_id: str = ""
    sequence_number: str = ""
    kind: str = NOTIFICATION
    token: str = ""
    """What confirms, where the message asks for it."""
    replayed: bool = False

    def text_for(self, protocol: str) -> str:
        """What subscribers by a protocol get."""
        if not self.structured:
            return self.message
        texts = json.loads(self.message)
        text = texts.get(protocol)
        return text if isinstance(text, str) else str(texts["default"])

    def document(self) -> dict[str, Any] | None:
        """The message as a JSON object, if it is one."""
        try:
            found = msgspec.json.decode(self.message)
        except msgspec.DecodeError:
            return None
        return found if isinstance(found, dict) else None

    def flat(self) -> dict[str, Any]:
        """The attributes as filter policies see them. Binary ones cannot be filtered by."""
        return {
            name: value_of(one) for name, one in self.attributes.items() if not one["DataType"].startswith("Binary")
        }

    def packed(self) -> bytes:
        return msgspec.msgpack.encode(self)


unpacked = msgspec.msgpack.Decoder(Notice).decode


def value_of(attribute: dict[str, Any]) -> Any:
    text = attribute["StringValue"]
    if attribute["DataType"].startswith("Number"):
        return float(text)
    return json.loads(text) if attribute["DataType"].startswith("String.Array") else text


def size(message: str, attributes: Attributes) -> int:
    """Bytes that count towards the limit: the message, and names, types and values of the attributes."""
    total = len(message) if message.isascii() else len(message.encode())
    for name, attribute in attributes.items():
        value = attribute.get("BinaryValue") or attribute.get("StringValue", "").encode()
        total += len(name.encode()) + len(attribute["DataType"].encode()) + len(value)
    return total


# Checks


def check_message(message: str, subject: str | None, structure: str, attributes: Attributes, most_bytes: int) -> None:
    if not message:
        raise invalid("Empty message")
    if subject is not None and not SUBJECT.fullmatch(subject):
        raise invalid("Subject")
    check_attributes(attributes)
    if size(message, attributes) > most_bytes:
        raise invalid("Message too long")
    if structure:
        check_structure(message, structure)


def check_structure(message: str, structure: str) -> None:
    if structure != "json":
        raise invalid("MessageStructure", f"Invalid value [{structure}]. Must be json.")
    try:
        texts = json.loads(message, object_pairs_hook=without_doubles)
    except ValueError:
        raise invalid("Message Structure - JSON message body failed to parse") from None
    if not isinstance(texts, dict) or not isinstance(texts.get("default"), str):
        raise invalid("Message Structure - No default entry in JSON message body")


def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def check_attributes(attributes: Attributes) -> None:
    for name, attribute in attributes.items():
        if RESERVED.match(name) or not ATTRIBUTE_NAME.fullmatch(name):
            raise value_invalid(f"The message attribute name '{name}' is invalid.")
        check_attribute(name, attribute)


def check_attribute(name: str, attribute: dict[str, Any]) -> None:
    data_type = attribute.get("DataType", "")
    base = data_type.partition(".")[0]
    if not data_type:
        raise value_invalid(f"The message attribute '{name}' must contain non-empty message attribute type.")
    if base not in ("String", "Number", "Binary"):
        raise value_invalid(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes "
            "is Binary, Number, and String."
        )
    value = attribute.get("BinaryValue" if base == "Binary" else "StringValue")
    if not value:
        raise value_invalid(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type "
            f"'{data_type}'."
        )
    if base == "Number" and not numeric(value):
        raise value_invalid(f"Could not cast message attribute '{name}' value to number.")
    if data_type.startswith("String.Array") and not is_array(value):
        raise value_invalid(f"The message attribute '{name}' with type String.Array must contain a JSON array.")


def value_invalid(message: str) -> Fault:
    return Fault("InvalidParameterValueException", message)


def numeric(value: str) -> bool:
    try:
        return Decimal(value.strip()).is_finite()
    except InvalidOperation:
        return False


def is_array(value: str) -> bool:
    try:
        found = json.loads(value)
    except ValueError:
        return False
    return isinstance(found, list) and not any(isinstance(one, list | dict) for one in found)


def check_token(parameter: str, value: str) -> None:
    if not TOKEN.fullmatch(value):
        reason = f"{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
        raise invalid(parameter, reason)


def shown(attributes: Attributes) -> dict[str, dict[str, str]]:
    """Attributes as notifications carry them."""
    return {name: {"Type": one["DataType"], "Value": shown_value(one)} for name, one in attributes.items()}


def shown_value(attribute: dict[str, Any]) -> str:
    if attribute["DataType"].startswith("Binary"):
        return base64.b64encode(attribute["BinaryValue"]).decode()
    return str(attribute["StringValue"])
