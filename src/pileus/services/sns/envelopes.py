"""What subscribers are shown: notifications and requests for confirmation as JSON, the way SNS spaces it.

Developer Guide, "Parsing Amazon SNS message formats".
"""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import quote

import msgspec

from pileus.kernel import Call

from . import messages, signatures
from .messages import NOTIFICATION, Notice
from .topics import Topic, iso

VERSION = "2010-03-31"
"""Of SNS's API: addresses that nobody signs say by it which service they mean."""


class Envelope:
    """One message for all subscribers of a topic: what they have in common is put together and signed once."""

    def __init__(self, call: Call, notice: Notice, topic: Topic) -> None:
        self.call = call
        self.notice = notice
        self.version = "" if topic.fifo else topic.signature_version
        """How it is signed. What comes from FIFO topics is not."""
        self._members: dict[str, dict[str, Any]] = {}
        self._texts: dict[str, tuple[str, str]] = {}

    def members(self, protocol: str) -> dict[str, Any]:
        """Everything but the way to unsubscribe; attributes come last."""
        text = self.notice.text_for(protocol)
        if text not in self._members:
            members = self._unsigned(text)
            self._members[text] = members | signatures.signed(self.call, members, self.version)
        return self._members[text]

    async def sign(self, protocol: str) -> Self:
        """Have it signed beside the event loop, so that `members` need not."""
        text = self.notice.text_for(protocol)
        if text not in self._members:
            members = self._unsigned(text)
            self._members[text] = members | await signatures.signed_aside(self.call, members, self.version)
        return self

    def _unsigned(self, text: str) -> dict[str, Any]:
        notice, call = self.notice, self.call
        members: dict[str, Any] = {"Type": notice.kind, "MessageId": notice.id}
        if notice.sequence_number:
            members["SequenceNumber"] = notice.sequence_number
        if notice.token:
            members["Token"] = notice.token
        members["TopicArn"] = notice.topic_arn
        if notice.subject:
            members["Subject"] = notice.subject
        members["Message"] = text
        if notice.token:
            members["SubscribeURL"] = confirmation_url(call, notice.topic_arn, notice.token)
        members["Timestamp"] = iso(notice.at)
        if notice.replayed:
            members["Replayed"] = True
        return members

    def text(self, protocol: str, subscription_arn: str) -> str:
        """The JSON for one subscriber."""
        if protocol not in self._texts:
            members = self.members(protocol)
            head = ",\n".join(f'  "{name}" : {shown(value)}' for name, value in members.items())
            self._texts[protocol] = "{\n" + head, self._tail()
        head, tail = self._texts[protocol]
        if self.notice.kind != NOTIFICATION:
            return f"{head}\n}}"
        return f'{head},\n  "UnsubscribeURL" : "{unsubscribe_url(self.call, subscription_arn)}"{tail}\n}}'

    def _tail(self) -> str:
        if not self.notice.attributes:
            return ""
        held = messages.shown(self.notice.attributes)
        lines = ",\n".join(f"    {shown(name)} : {shown(value)}" for name, value in held.items())
        return f',\n  "MessageAttributes" : {{\n{lines}\n  }}'


def shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def confirmation_url(call: Call, topic_arn: str, token: str) -> str:
    return call.url(
        f"?Action=ConfirmSubscription&Version={VERSION}&TopicArn={quote(topic_arn, safe=':')}&Token={token}"
    )


def unsubscribe_url(call: Call, subscription_arn: str) -> str:
    return call.url(f"?Action=Unsubscribe&Version={VERSION}&SubscriptionArn={subscription_arn}")
