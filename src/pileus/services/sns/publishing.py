"""Publishing: to a topic, to one device, or to one phone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from pileus.kernel import Call, Fault, names

from . import archive, audience, fanout, fifo, messages, platforms, protection, settings, sns, texting
from .envelopes import Envelope
from .faults import invalid
from .messages import Attributes, Notice
from .platforms import Endpoint
from .signatures import Signatory
from .topics import Topic, parsed

ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
MOST_ENTRIES = 10

Entry = dict[str, Any]


def target(call: Call, topic_arn: str = "", target_arn: str = "", phone_number: str = "") -> Topic | Endpoint | None:
    """What a message is published to; None for a phone."""
    if sum(map(bool, (topic_arn, target_arn, phone_number))) > 1:
        raise invalid("TopicArn, TargetArn and PhoneNumber", "Only one of them can be specified.")
    if phone_number:
        return None
    if not (topic_arn or target_arn):
        raise invalid("TopicArn or TargetArn", "no value for required parameter")
    if target_arn and parsed(target_arn, "TargetArn").resource.startswith("endpoint/"):
        return Endpoint.by_arn(call, target_arn)
    return Topic.by_arn(call, topic_arn or target_arn)


def composed(
    call: Call,
    to: Topic | Endpoint | None,
    message: str,
    subject: str | None = None,
    message_structure: str = "",
    message_attributes: Attributes = {},
    message_deduplication_id: str = "",
    message_group_id: str = "",
) -> Notice:
    """The message, if it may be published."""
    most = to.most_bytes if isinstance(to, Topic) else settings.MOST_BYTES
    messages.check_message(message, subject, message_structure, message_attributes, most)
    return Notice(
        id=names.request_id(),  # which is no secret either
        topic_arn=to.arn(call) if isinstance(to, Topic) else "",
        message=message,
        at=call.now,
        subject=subject or "",
        structured=bool(message_structure),
        attributes=message_attributes,
        group=message_group_id,
        deduplication_id=message_deduplication_id,
    )


def sealed(
    call: Call, to: Topic | Endpoint | None, message: str, phone_number: str = "", **given: Any
) -> Awaitable[Envelope] | None:
    """The envelope of a message, signed aside, where any queue gets it in one."""
    if not isinstance(to, Topic) or not in_envelopes(call, to) or not call.cloud.engine(Signatory).needed():
        return None
    return Envelope(call, composed(call, to, message, **given), to).sign("sqs")


def in_envelopes(call: Call, topic: Topic) -> bool:
    """Whether messages go to queues in envelopes whose text is the publisher's own: then they may be signed ahead."""
    return not topic.fifo and not topic.protection and bool(audience.of(call, topic).wrapped)


@sns.operation(on=target, honours=["TopicArn", "TargetArn"], ahead=sealed)
def publish(
    call: Call,
    to: Topic | Endpoint | None,
    message: str,
    phone_number: str = "",
    subject: str | None = None,
    message_structure: str = "",
    message_attributes: Attributes = {},
    message_deduplication_id: str = "",
    message_group_id: str = "",
) -> dict[str, Any]:
    """Publish a message. To a FIFO topic, one published again within five minutes is answered like the first."""
    envelope: Envelope | None = call.ahead
    notice = (
        envelope.notice
        if envelope
        else composed(
            call,
            to,
            message,
            subject,
            message_structure,
            message_attributes,
            message_deduplication_id,
            message_group_id,
        )
    )
    if isinstance(to, Topic):
        return to_topic(call, to, notice, envelope)
    if to is None:
        texting.send(call, phone_number, notice.text_for("sms"), message_attributes, notice.id)
    else:
        platforms.push(call, to, notice)
    return {"MessageId": notice.id}


def to_topic(call: Call, topic: Topic, notice: Notice, envelope: Envelope | None) -> dict[str, Any]:
    """Number, archive and deliver a message. A fault is raised before anything is written."""
    if topic.fifo and not notice.group:
        raise invalid("The MessageGroupId parameter is required for FIFO topics")
    if notice.group:
        messages.check_token("MessageGroupId", notice.group)
    if not topic.fifo and notice.deduplication_id:
        reason = "The request includes MessageDeduplicationId parameter that is not valid for this topic type"
        raise invalid("MessageDeduplicationId", reason)
    if topic.protection:
        notice.message = protection.inbound(call, topic, notice)
    if key := topic.attributes.get("KmsMasterKeyId"):
        use_key(call, key, notice.topic_arn)
    if not topic.fifo:
        fanout.publish(call, topic, notice, envelope)
        return {"MessageId": notice.id}
    notice.deduplication_id = fifo.identified(topic, notice.message, notice.deduplication_id)
    if earlier := fifo.earlier(call, topic, notice):
        return {"MessageId": earlier.message_id, "SequenceNumber": earlier.sequence_number}
    fifo.numbered(call, topic, notice)
    archive.keep(call, topic, notice)
    fanout.publish(call, topic, notice)
    return {"MessageId": notice.id, "SequenceNumber": notice.sequence_number}


def all_sealed(
    call: Call, topic: Topic, publish_batch_request_entries: list[Entry]
) -> Awaitable[dict[str, Envelope]] | None:
    """The envelopes of a batch, by the ids of its entries."""
    if not in_envelopes(call, topic):
        return None
    check_entries(topic, publish_batch_request_entries)
    envelopes: dict[str, Envelope] = {}
    for entry in publish_batch_request_entries:
        with suppress(Fault):  # which the operation tells
            envelopes[entry["Id"]] = Envelope(call, composed(call, topic, entry["Message"], **members_of(entry)), topic)
    return all_signed(envelopes)


async def all_signed(envelopes: dict[str, Envelope]) -> dict[str, Envelope]:
    await asyncio.gather(*(envelope.sign("sqs") for envelope in envelopes.values()))
    return envelopes


@sns.operation(on=Topic.by_arn, ahead=all_sealed)
def publish_batch(call: Call, topic: Topic, publish_batch_request_entries: list[Entry]) -> dict[str, Any]:
    """Publish up to ten messages, in their order; each is accepted or refused by itself."""
    check_entries(topic, publish_batch_request_entries)
    envelopes: dict[str, Envelope] = call.ahead or {}
    successful: list[Entry] = []
    failed: list[Entry] = []
    for entry in publish_batch_request_entries:
        try:
            with call.store.attempt():
                envelope = envelopes.get(entry["Id"])
                notice = envelope.notice if envelope else composed(call, topic, entry["Message"], **members_of(entry))
                answer = to_topic(call, topic, notice, envelope)
            successful.append({"Id": entry["Id"]} | answer)
        except Fault as fault:
            code = CODES.get(fault.code, fault.code)
            failed.append({"Id": entry["Id"], "Code": code, "Message": fault.message, "SenderFault": True})
    return {"Successful": successful, "Failed": failed}


CODES = {"InvalidParameterException": "InvalidParameter", "InvalidParameterValueException": "ParameterValueInvalid"}
MEMBERS = {
    "Subject": "subject",
    "MessageStructure": "message_structure",
    "MessageAttributes": "message_attributes",
    "MessageDeduplicationId": "message_deduplication_id",
    "MessageGroupId": "message_group_id",
}


def members_of(entry: Entry) -> dict[str, Any]:
    return {MEMBERS[name]: value for name, value in entry.items() if name in MEMBERS}


def check_entries(topic: Topic, entries: list[Entry]) -> None:
    """Raise what makes a whole batch invalid."""
    if not entries:
        raise Fault("EmptyBatchRequestException", "The batch request doesn't contain any entries.")
    if len(entries) > MOST_ENTRIES:
        raise Fault(
            "TooManyEntriesInBatchRequestException", "The batch request contains more entries than permissible."
        )
    seen = set()
    for entry in entries:
        if not ENTRY_ID.fullmatch(entry["Id"]):
            words = "The Id of a batch entry in a batch request doesn't abide by the specification."
            raise Fault("InvalidBatchEntryIdException", words)
        if entry["Id"] in seen:
            words = "Two or more batch entries in the request have the same Id."
            raise Fault("BatchEntryIdsNotDistinctException", words)
        seen.add(entry["Id"])
    total = sum(messages.size(entry["Message"], entry.get("MessageAttributes", {})) for entry in entries)
    if total > topic.most_bytes:
        words = "The length of all the messages put together is more than the limit."
        raise Fault("BatchRequestTooLongException", words)


KMS_FAULTS = {
    "NotFoundException": "KMSNotFoundException",
    "DisabledException": "KMSDisabledException",
    "KMSInvalidStateException": "KMSInvalidStateException",
    "AccessDenied": "KMSAccessDeniedException",
    "AccessDeniedException": "KMSAccessDeniedException",
}


def use_key(call: Call, key: str, topic_arn: str) -> None:
    """Whoever publishes to an encrypted topic must be allowed to use its key (Developer Guide, "Key management")."""
    if key.endswith("alias/aws/sns"):
        return
    try:
        call.aws("kms").generate_data_key(
            key_id=key, key_spec="AES_256", encryption_context={"aws:sns:topicArn": topic_arn}
        )
    except Fault as fault:
        if fault.code in KMS_FAULTS:
            raise Fault(KMS_FAULTS[fault.code], fault.message) from None
        raise
