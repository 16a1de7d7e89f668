"""Text messages: settings, numbers that want none, and the sandbox in which an account's numbers are verified.

What is sent is kept, and read at `/_pileus/sms`. An account here is not confined to the sandbox; its numbers can be
added and verified all the same.
"""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Record, names, outbox
from pileus.kernel.edge import Answer

from . import sms_reports, sns
from .faults import invalid
from .messages import Attributes
from .topics import Topic

NUMBER = re.compile(r"\+[1-9]\d{5,14}")
MOST_CHARACTERS = 1600
PER_PAGE = 100
CODE_GOOD_FOR = 86400.0
NUMBERS = "pinpoint-sms-voice-v2"
ONCE_IN = 30 * 86400.0
"""A number may be opted in so often."""

KNOWN = {
    "DefaultSMSType",
    "DefaultSenderID",
    "DeliveryStatusIAMRole",
    "DeliveryStatusSuccessSamplingRate",
    "MonthlySpendLimit",
    "UsageReportS3Bucket",
}
DEFAULTS = {"MonthlySpendLimit": "1"}


class Settings(Record):
    """How text messages are sent, where a message does not say it itself."""

    name: str
    attributes: dict[str, str]


class OptedOut(Record):
    """A number that wants no more messages, or did not at some time."""

    number: str
    out: bool
    opted_in: float = 0.0


class Tried(Record):
    """A number of the sandbox."""

    number: str
    code: str
    language: str
    sent: float
    verified: bool = False


def attributes_of(call: Call) -> dict[str, str]:
    found = Settings.get(call, "")
    return DEFAULTS | (found.attributes if found else {})


@sns.operation
def set_sms_attributes(call: Call, attributes: dict[str, str]) -> dict[str, Any]:
    for name, value in attributes.items():
        if name not in KNOWN:
            raise invalid("Attributes", f"{name} is not a valid attribute")
        if not value:
            continue  # as if it had never been set
        if name == "DefaultSMSType" and value not in ("Promotional", "Transactional"):
            raise invalid("DefaultSMSType is not valid")
        if name == "DefaultSenderID" and not sender_id(value):
            raise invalid("DefaultSenderID is not valid")
        if name == "DeliveryStatusSuccessSamplingRate" and not (value.isdecimal() and int(value) <= 100):
            raise invalid("DeliveryStatusSuccessSamplingRate is not valid")
        if name == "MonthlySpendLimit" and not value.isdecimal():
            raise invalid("MonthlySpendLimit is not valid")
    found = Settings.get(call, "") or Settings("", {})
    found.attributes = {name: value for name, value in (found.attributes | attributes).items() if value}
    found.put(call)
    return {}


def sender_id(value: str) -> bool:
    return bool(re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9-]{1,11}", value))


@sns.operation
def get_sms_attributes(call: Call, attributes: list[str] = []) -> dict[str, Any]:
    held = attributes_of(call)
    return {"attributes": {name: held[name] for name in attributes if name in held} if attributes else held}


def send(call: Call, number: str, text: str, attributes: Attributes, message: str, topic: Topic | None = None) -> None:
    """Send a text message, unless its number wants none; `message` is its id."""
    number = re.sub(r"[ ()-]", "", number)
    number = number if number.startswith("+") else f"+{number}"
    if not NUMBER.fullmatch(number):
        raise invalid("PhoneNumber", f"{number} is not valid to publish to")
    if len(text) > MOST_CHARACTERS:
        raise invalid("Message too long")
    settings = attributes_of(call)
    kind = said(attributes, "AWS.SNS.SMS.SMSType") or settings.get("DefaultSMSType", "Promotional")
    held = OptedOut.get(call, number)
    out = bool(held and held.out)
    sms_reports.note(call, settings, message, number, text, kind, topic, out=out)
    if out:
        return  # as on AWS: it is accepted, and goes nowhere
    name = topic.attributes.get("DisplayName", "") if topic else ""
    sender = said(attributes, "AWS.SNS.SMS.SenderID") or settings.get("DefaultSenderID", "") or name or "NOTICE"
    shown = f"{name}> {text}" if name else text
    outbox.send(call, "sms", number, shown, sender=sender, more={"type": kind})


def said(attributes: Attributes, name: str) -> str:
    return str(attributes.get(name, {}).get("StringValue", ""))


# Numbers that want none


def check_number(parameter: str, number: str) -> str:
    if not NUMBER.fullmatch(number):
        raise invalid(parameter, f"input incorrectly formatted: {number}")
    return number


@sns.operation
def check_if_phone_number_is_opted_out(call: Call, phone_number: str) -> dict[str, Any]:
    found = OptedOut.get(call, check_number("PhoneNumber", phone_number))
    return {"isOptedOut": bool(found and found.out)}


@sns.operation
def list_phone_numbers_opted_out(call: Call, next_token: str = "") -> dict[str, Any]:
    page = OptedOut.page(
        call, limit=PER_PAGE, token=next_token, where=lambda one: one.out, invalid=invalid("nextToken")
    )
    return {"phoneNumbers": [one.number for one in page.items], "nextToken": page.token}


@sns.operation
def list_origination_numbers(call: Call, next_token: str = "", max_results: int = 30) -> dict[str, Any]:
    """The account's own numbers. They are bought from AWS End User Messaging; without that, nobody has one."""
    if not call.cloud.built(NUMBERS):
        if next_token:
            raise invalid("NextToken")
        return {"PhoneNumbers": []}
    told = call.aws(NUMBERS).describe_phone_numbers(max_results=max_results, next_token=next_token or None)
    found = [
        {
            "CreatedAt": one["CreatedTimestamp"],
            "PhoneNumber": one["PhoneNumber"],
            "Status": one["Status"].capitalize(),
            "Iso2CountryCode": one["IsoCountryCode"],
            "RouteType": one["MessageType"].capitalize(),
            "NumberCapabilities": one["NumberCapabilities"],
        }
        for one in told["PhoneNumbers"]
    ]
    return {"PhoneNumbers": found, "NextToken": told.get("NextToken")}


@sns.operation
def opt_in_phone_number(call: Call, phone_number: str) -> dict[str, Any]:
    """Let a number have messages again: once in thirty days."""
    found = OptedOut.get(call, check_number("PhoneNumber", phone_number))
    if found and found.out:
        if found.opted_in and call.now - found.opted_in < ONCE_IN:
            raise invalid("PhoneNumber", "A phone number can be opted in only once every 30 days.")
        OptedOut(phone_number, False, call.now).put(call)
    return {}


def stop(call: Call, number: str, whose: dict[str, list[str]]) -> Answer:
    """What answering STOP on the phone does: the number wants no more messages of an account."""
    account, region = (whose.get(name, [None])[0] for name in ("account", "region"))
    here = call.at(account=account, region=region)
    found = OptedOut.get(here, number) or OptedOut(number, True)
    found.out = True
    found.put(here)
    return Answer(200, [("content-type", "text/plain")], f"{number} gets no more messages.\n".encode())


# The sandbox


@sns.operation(name="GetSMSSandboxAccountStatus")
def get_sms_sandbox_account_status(call: Call) -> dict[str, Any]:
    return {"IsInSandbox": False}


@sns.operation(name="CreateSMSSandboxPhoneNumber")
def create_sms_sandbox_phone_number(call: Call, phone_number: str, language_code: str = "en-US") -> dict[str, Any]:
    """Add a number, and send it a code."""
    check_number("PhoneNumber", phone_number)
    found = OptedOut.get(call, phone_number)
    if found and found.out:
        raise Fault("OptedOutException", f"{phone_number} is opted out")
    held = Tried.get(call, phone_number)
    if held and held.verified:
        raise Fault("UserErrorException", "This phone number is already verified")
    code = names.token(6, "0123456789")
    Tried(phone_number, code, language_code, call.now).put(call)
    text = f"Your AWS SNS sandbox verification code is {code}"
    outbox.send(call, "sms", phone_number, text, sender="NOTICE", more={"type": "Transactional"})
    return {}


def tried(call: Call, number: str) -> Tried:
    found = Tried.get(call, number)
    if found is None:
        raise Fault("ResourceNotFoundException", f"Phone number {number} does not exist in the sandbox")
    return found


@sns.operation(name="VerifySMSSandboxPhoneNumber")
def verify_sms_sandbox_phone_number(call: Call, phone_number: str, one_time_password: str) -> dict[str, Any]:
    found = tried(call, phone_number)
    if found.code != one_time_password or call.now - found.sent > CODE_GOOD_FOR:
        words = "The one-time password (OTP) you entered is invalid or expired."
        raise Fault("VerificationException", words, status=400, Status="Failed")
    found.verified = True
    found.put(call)
    return {}


@sns.operation(name="DeleteSMSSandboxPhoneNumber")
def delete_sms_sandbox_phone_number(call: Call, phone_number: str) -> dict[str, Any]:
    """Remove a number; a verified one not before a day has passed."""
    found = tried(call, phone_number)
    if found.verified and call.now - found.sent < 86400:
        raise Fault("UserErrorException", "A verified phone number can be deleted 24 hours after it was verified.")
    found.delete(call)
    return {}


@sns.operation(name="ListSMSSandboxPhoneNumbers")
def list_sms_sandbox_phone_numbers(call: Call, next_token: str = "", max_results: int = PER_PAGE) -> dict[str, Any]:
    page = Tried.page(call, limit=max_results, token=next_token, invalid=invalid("NextToken"))
    found = [{"PhoneNumber": one.number, "Status": "Verified" if one.verified else "Pending"} for one in page.items]
    return {"PhoneNumbers": found, "NextToken": page.token}
