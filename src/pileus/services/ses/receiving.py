"""Receipt rules at work: each action of each rule that applies to a letter, in their order, once each.

What is done in the store is done together with the note that it is done; a bucket may be written to and a function
called again after a crash. Notifications: "Contents of notifications for Amazon SES email receiving", Developer Guide.
Left out: WorkMail, whose action is passed over.
"""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

from pileus.kernel import Call, Fault, arn
from pileus.kernel.identity import Principal

from . import bounces, receipt_checks, s3_envelopes, ses
from .arrivals import Arrival, Content, described, with_header
from .events import stamp
from .receipt_rules import Rule

log = logging.getLogger("pileus.ses")

MOST_NOTIFIED = 150 * 1024
"""Octets of a letter that fits into a notification."""
RETRIES = 12
LONGEST_PAUSE = 1800.0
SUBJECT = "Amazon SES Email Receipt Notification"
TOLD = {
    "TopicArn": "topicArn",
    "BucketName": "bucketName",
    "ObjectKeyPrefix": "objectKeyPrefix",
    "KmsKeyArn": "kmsKeyArn",
    "IamRoleArn": "iamRoleArn",
    "SmtpReplyCode": "smtpReplyCode",
    "StatusCode": "statusCode",
    "Message": "message",
    "Sender": "sender",
    "FunctionArn": "functionArn",
    "InvocationType": "invocationType",
    "OrganizationArn": "organizationArn",
    "HeaderName": "headerName",
    "HeaderValue": "headerValue",
}
"""Members of actions, as notifications spell them."""
DISPOSITIONS = ("CONTINUE", "STOP_RULE", "STOP_RULE_SET")


def pauses(tries: int) -> float:
    """AWS tries for some hours."""
    return float(min(2.0**tries, LONGEST_PAUSE))


@ses.task(retries=RETRIES, backoff=pauses)
async def process(call: Call, arrival: str) -> None:
    """Do what the rules say, from where it was left."""
    while (found := Arrival.get(call, arrival)) and (step := found.step()):
        rule, action = step
        await Acting(call, found, rule, action).act()


class Acting:
    """One action of one rule on one letter."""

    def __init__(self, call: Call, arrival: Arrival, rule: Rule, action: dict[str, Any]) -> None:
        self.call = call
        self.arrival = arrival
        self.raw = arrival.raw(call)
        self.rule = rule
        ((member, self.what),) = action.items()
        self.kind = receipt_checks.KINDS[member]
        self.principal: Principal = receipt_checks.acting(call, arrival.rule_set, rule["Name"])
        self.disposition = "CONTINUE"

    async def act(self) -> None:
        """Do it, tell the topic, and note that it is done."""
        before = BEFORE.get(self.kind)
        if before:
            await before(self)
        with self.call.transaction():
            if within := WITHIN.get(self.kind):
                within(self)
            if self.kind != "SNS" and (topic := self.what.get("TopicArn")):
                self.tell(topic, self.notice())
            self.arrival.go_on(self.disposition)
            self.arrival.put(self.call)

    # What is told

    def action_told(self) -> dict[str, Any]:
        told = {TOLD[name]: value for name, value in self.what.items() if name in TOLD}
        if self.kind == "S3":
            told["objectKey"] = self.key
        if self.kind == "Lambda":
            told.setdefault("invocationType", "Event")
        if self.kind == "SNS":
            told["encoding"] = "BASE64" if self.what.get("Encoding") == "Base64" else "UTF8"
        return {"type": self.kind, **told}

    @property
    def key(self) -> str:
        return f"{self.what.get('ObjectKeyPrefix', '')}{self.arrival.id}"

    def about(self) -> dict[str, Any]:
        """The letter and the action, as functions and topics are told."""
        at = stamp(self.arrival.at)
        verdicts = {f"{name}Verdict": {"status": value} for name, value in self.arrival.verdicts.items()}
        receipt = {
            "timestamp": at,
            "processingTimeMillis": max(0, int((self.call.now - self.arrival.at) * 1000)),
            "recipients": self.arrival.matched,
            **verdicts,
            "action": self.action_told(),
        }
        return {"mail": described(self.arrival, self.raw, at), "receipt": receipt}

    def notice(self) -> dict[str, Any]:
        return {"notificationType": "Received", **self.about()}

    def tell(self, topic: str, notice: dict[str, Any]) -> None:
        """Publish. A topic that does not let SES do so is not told, and nothing waits for it."""
        to = arn.parse(topic)
        sns = self.call.at(account=to.account, region=to.region).aws("sns", principal=self.principal)
        try:
            with self.call.store.attempt():
                sns.publish(topic_arn=topic, message=json.dumps(notice), subject=SUBJECT)
        except Fault as fault:
            log.warning("%s was not told of %s: %s", topic, self.arrival.id, fault)

    # What is done

    async def write(self) -> None:
        """Write the letter into a bucket."""
        with self.call.transaction():
            who = receipt_checks.writer(self.call, self.what, self.principal)
        body = self.raw
        metadata: dict[str, str] = {}
        if master := self.what.get("KmsKeyArn"):
            about = {"aws:ses:message-id": self.arrival.id, "aws:ses:rule-name": self.rule["Name"]}
            about["aws:ses:source-account"] = self.call.account
            with self.call.transaction():
                body, metadata = s3_envelopes.sealed(self.call, who, master, about, body)
        bucket, key = self.what["BucketName"], self.key
        await self.call.aws("s3", principal=who).put_object(bucket=bucket, key=key, body=body, metadata=metadata)

    async def invoke(self) -> None:
        """Call a function; one that is waited for says how to go on."""
        event = {"eventSource": "aws:ses", "eventVersion": "1.0", "ses": self.about()}
        function = self.what["FunctionArn"]
        to = arn.parse(function)
        service = self.call.at(account=to.account, region=to.region).aws("lambda", principal=self.principal)
        kind = self.what.get("InvocationType", "Event")
        payload = json.dumps({"Records": [event]}).encode()
        answer = await service.invoke(function_name=function, invocation_type=kind, payload=payload)
        if kind == "RequestResponse":
            self.disposition = disposition_of(answer)

    def add_header(self) -> None:
        raw = with_header(self.raw, self.what["HeaderName"], self.what["HeaderValue"])
        Content(self.arrival.id, raw).put(self.call)

    def publish(self) -> None:
        """Publish the letter itself; one that is too large bounces."""
        raw = self.raw
        if len(raw) > MOST_NOTIFIED:
            sender = "MAILER-DAEMON@amazonses.com"
            bounces.of_arrival(self.call, self.arrival, sender, "552", "5.3.4", "Message too large for an SNS action")
            return
        encoded = self.what.get("Encoding") == "Base64"
        content = base64.b64encode(raw).decode() if encoded else raw.decode("utf-8", "replace")
        self.tell(self.what["TopicArn"], self.notice() | {"content": content})

    def bounce(self) -> None:
        """Send the letter back, and be done with it."""
        what = self.what
        status = what.get("StatusCode", "5.0.0")
        bounces.of_arrival(self.call, self.arrival, what["Sender"], what["SmtpReplyCode"], status, what["Message"])
        self.disposition = "STOP_RULE_SET"

    def stop(self) -> None:
        self.disposition = "STOP_RULE_SET"

    def pass_over(self) -> None:
        log.warning("WorkMail is not built: %s stays where it is", self.arrival.id)


def disposition_of(answer: dict[str, Any]) -> str:
    """What a function wants to be done next; one that failed, or says nothing, wants nothing in particular."""
    if "FunctionError" in answer:
        log.warning("a function of a receipt rule failed: %r", answer["Payload"])
        return "CONTINUE"
    try:
        found = str(json.loads(answer["Payload"])["disposition"]).upper()
    except (ValueError, KeyError, TypeError):
        return "CONTINUE"
    return found if found in DISPOSITIONS else "CONTINUE"


BEFORE = {"S3": Acting.write, "Lambda": Acting.invoke}
"""What goes on before the transaction in which an action is noted as done."""
WITHIN = {
    "AddHeader": Acting.add_header,
    "SNS": Acting.publish,
    "Bounce": Acting.bounce,
    "Stop": Acting.stop,
    "WorkMail": Acting.pass_over,
}
"""What is done in that transaction."""
