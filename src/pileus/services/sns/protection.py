"""Data protection: what a topic does not let through, lets through without what is sensitive in it, or reports.

Developer Guide, "Message data protection". Inbound statements are about who publishes, outbound ones about who
subscribed; only the message is looked at, and not its attributes. What the data look like is in
`pileus.kernel.sensitive`.
"""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from pileus.kernel import Call, Fault, sensitive
from pileus.kernel.identity import Principal
from pileus.kernel.sensitive import Finder, Unknown, findings
from pileus.kernel.sensitive.forms import Span

from . import sns
from .faults import invalid

if TYPE_CHECKING:
    from .messages import Notice
    from .subscriptions import Subscription
    from .topics import Topic

LONGEST = 30_720
VERSION = "2021-06-01"
OPERATIONS = {"Audit", "Deidentify", "Deny"}
VENDED = "/aws/vendedlogs/"
DENIED = "The message was denied by the data protection policy."

log = logging.getLogger("pileus.sns")

Members = dict[str, Any]


def checked(call: Call, text: str) -> str:
    """A policy as a topic keeps it; the delivery of logs may write to where its findings go."""
    try:
        policy: Any = json.loads(text)
    except ValueError:
        policy = None
    if len(text) > LONGEST or not isinstance(policy, dict):
        raise wrong("the policy is not a valid JSON document")
    told = policy.get("Statement")
    if policy.get("Version") != VERSION or not policy.get("Name") or not isinstance(told, list) or not told:
        raise wrong("Name, Version and Statement are required")
    try:
        custom = sensitive.custom_identifiers(policy)
        for statement in told:
            check_statement(statement, custom)
        audits = [statement["Operation"]["Audit"] for statement in told if "Audit" in statement["Operation"]]
        if len(audits) > 1:
            raise Unknown("a policy can have one Audit statement")
        places = [destinations(audit, name) for audit in audits for name in ("Findings", "NoFindings")]
    except Unknown as problem:
        raise wrong(str(problem)) from None
    for place in places:
        findings.admit(call, place)
    return text


def wrong(reason: str) -> Fault:
    return invalid("DataProtectionPolicy", f"Policy Error: {reason}")


def check_statement(statement: Any, custom: dict[str, str]) -> None:
    if not isinstance(statement, dict) or statement.get("DataDirection") not in ("Inbound", "Outbound"):
        raise Unknown("DataDirection must be Inbound or Outbound")
    if ("Principal" in statement) == ("NotPrincipal" in statement):
        raise Unknown("a statement must have Principal or NotPrincipal")
    operation = statement.get("Operation")
    if not isinstance(operation, dict) or len(operation) != 1 or not operation.keys() <= OPERATIONS:
        raise Unknown(f"a statement must have one Operation of {', '.join(sorted(OPERATIONS))}")
    if not finders(statement, custom):
        raise Unknown("a statement must have a DataIdentifier")
    if "Deidentify" in operation:
        check_deidentify(operation["Deidentify"])
    if "Audit" in operation:
        if statement["DataDirection"] != "Inbound":
            raise Unknown("Audit is for inbound messages only")
        check_audit(operation["Audit"])


def check_deidentify(how: Any) -> None:
    if not isinstance(how, dict) or len(how) != 1 or not {"MaskConfig", "RedactConfig"} >= how.keys():
        raise Unknown("Deidentify needs MaskConfig or RedactConfig")
    if len(how.get("MaskConfig", {}).get("MaskWithCharacter", "#")) != 1:
        raise Unknown("MaskWithCharacter must be one character")


def check_audit(audit: Any) -> None:
    rate = str(audit.get("SampleRate", "")) if isinstance(audit, dict) else ""
    if not rate.isdigit() or int(rate) > 99:
        raise Unknown("SampleRate must be from 0 to 99")
    for name in ("Findings", "NoFindings"):
        group = destinations(audit, name).get("CloudWatchLogs", VENDED)
        if not group.startswith(VENDED):
            raise Unknown(f"the name of the log group must begin with {VENDED}")


def destinations(audit: Members, name: str) -> dict[str, str]:
    return findings.checked(audit.get(f"{name}Destination", {}))


def finders(statement: Members, custom: dict[str, str]) -> list[Finder]:
    return [sensitive.finder(identifier, custom) for identifier in statement.get("DataIdentifier", [])]


class Statement:
    """One statement of a policy, ready to be applied."""

    def __init__(self, told: Members, custom: dict[str, str]) -> None:
        self.denies = "Deny" in told["Operation"]
        self.deidentify: Members | None = told["Operation"].get("Deidentify")
        self.audit: Members | None = told["Operation"].get("Audit")
        self.finders = finders(told, custom)
        given = told.get("Principal", told.get("NotPrincipal"))
        self._named = {*(given if isinstance(given, list) else [given])}
        self._excepted = "NotPrincipal" in told

    def concerns(self, who: tuple[str, ...]) -> bool:
        """Whether it is about somebody, who may have several names."""
        return bool({"*", *who} & self._named) != self._excepted

    def spans(self, message: str) -> list[Span]:
        return sensitive.apart(span for one in self.finders for span in one.found(message))


@lru_cache(maxsize=256)
def statements(policy: str, direction: str) -> list[Statement]:
    document = json.loads(policy)
    custom = sensitive.custom_identifiers(document)
    return [Statement(one, custom) for one in document["Statement"] if one["DataDirection"] == direction]


def applied(policy: list[Statement], message: str, who: tuple[str, ...]) -> str | None:
    """What is left of a message for somebody; None where it is denied."""
    for statement in policy:
        if statement.audit or not statement.concerns(who):
            continue
        spans = statement.spans(message)
        if spans and statement.denies:
            return None
        if how := statement.deidentify:
            mask = how.get("MaskConfig")
            instead = None if mask is None else str(mask.get("MaskWithCharacter", "#"))
            message = sensitive.replaced(message, spans, instead)
    return message


def names_of(principal: Principal) -> tuple[str, ...]:
    """The names by which a policy may mean somebody: the role of a session among them."""
    issuer = principal.session.get("issuer", "")
    return (principal.arn, issuer) if issuer else (principal.arn,)


def inbound(call: Call, topic: Topic, notice: Notice) -> str:
    """The message as the topic lets it in; a fault where it does not."""
    policy, who = statements(topic.protection, "Inbound"), names_of(call.principal)
    message = applied(policy, notice.message, who)
    if message is None:
        raise Fault("AuthorizationErrorException", DENIED)
    for statement in policy:
        if statement.audit and statement.concerns(who):
            audit(call, notice, statement.audit, statement.finders)
    return message


def outbound(topic: Topic, subscription: Subscription, notice: Notice) -> Notice | None:
    """The message as a subscriber may see it; None where it may not."""
    message = applied(statements(topic.protection, "Outbound"), notice.message, (subscription.principal,))
    if message is None:
        return None
    return notice if message == notice.message else msgspec.structs.replace(notice, message=message)


def audit(call: Call, notice: Notice, how: Members, looked_for: list[Finder]) -> None:
    """Report what is in a message, if it is one of those that are looked into."""
    if int(notice.id[:8], 16) % 100 >= int(how["SampleRate"]):
        return
    about = {"messageId": notice.id, "callerPrincipal": call.principal.arn}
    told = findings.finding(call, looked_for, notice.message, notice.topic_arn, **about)
    places = destinations(how, "NoFindings" if told is None else "Findings")
    if places:
        nothing = {**about, "resourceArn": notice.topic_arn, "dataIdentifiers": []}
        report_finding.later(call, topic=notice.topic_arn, destinations=places, finding=told or nothing)


@sns.task(retries=2)
async def report_finding(call: Call, topic: str, destinations: dict[str, str], finding: Members) -> None:
    name = topic.rpartition(":")[2]
    try:
        await findings.deliver(call, destinations, call.arn(f"topic/{name}", "logs"), name, [finding])
    except Fault as fault:
        log.warning("%s: a finding was not taken: %s", topic, fault)
