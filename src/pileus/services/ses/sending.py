"""Sending: who may, to whom, and how a letter leaves. Both APIs send through `send`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, outbox
from pileus.kernel.outbox import Sent

from . import accounts, arrivals, dkim, events, identities, letters, policies, ses, sets, smime, suppression, templates
from .arrivals import Envelope
from .faults import rejected, second
from .letters import Letter, address_of
from .tracking import Tracker

MOST_RECIPIENTS = 50
SIMULATOR = "simulator.amazonses.com"


class Sender(NamedTuple):
    """For whom a letter is, and what that means for its recipients: the second API knows."""

    tenant: str = ""
    scope: str = "ACCOUNT"
    """Whose suppression list counts: the account's, or the tenant's."""
    reasons: list[str] | None = None
    """Why addresses get on that list, where the tenant says so."""
    doubtful: Callable[[str], bool] = lambda address: False
    """Whether an address is not even tried."""
    tracking: dict[str, str] = {}
    """What the letter itself says of opens and clicks."""
    feedback: str = ""
    """Who is to hear of bounces and complaints, if not its sender."""


PLAIN = Sender()


class Management(NamedTuple):
    """What a contact list means for a letter to one of its contacts."""

    link: str
    """By which the contact says that it wants no more."""
    unwanted: bool


def check_addresses(call: Call, *addresses: str) -> None:
    """No address may begin a header field of its own."""
    if any(address and address.splitlines() != [address] for address in addresses):
        code = "BadRequestException" if second(call) else "InvalidParameterValue"
        raise Fault(code, "Local address contains control or whitespace", status=400)


def check_sender(call: Call, source: str, source_arn: str = "") -> identities.Identity:
    """The identity by which an address may send: the account's own, or another's, whose policy lets it."""
    address = address_of(source)
    if "@" not in address:
        raise Fault(
            "BadRequestException" if second(call) else "InvalidParameterValue", "Missing final '@domain'", status=400
        )
    owner = policies.owner(call, source_arn)
    identity = identities.sender(owner, address)
    if identity is None:
        raise unverified(call, [address])
    if owner is not call:
        policies.check(call, identity, address)
    return identity


def returning(call: Call, address: str, arn: str = "") -> Sender:
    """A letter whose bounces go to an address, which must be one that may be sent from."""
    if not address:
        return PLAIN
    check_sender(call, address, arn)
    return Sender(feedback=address_of(address))


def unverified(call: Call, addresses: list[str]) -> Fault:
    region, listed = call.region.upper(), ", ".join(addresses)
    return rejected(
        f"Email address is not verified. The following identities failed the check in region {region}: {listed}"
    )


def check_account(call: Call, to: list[str]) -> None:
    """Raise where the account may not send, or in the sandbox not to these."""
    account = accounts.account(call)
    if not account.sending:
        text = "Email sending is disabled for this account."
        raise Fault("SendingPausedException" if second(call) else "AccountSendingPausedException", text)
    if not to:
        raise Fault(
            "BadRequestException" if second(call) else "InvalidParameterValue",
            "Missing required recipients.",
            status=400,
        )
    if len(to) > MOST_RECIPIENTS:
        raise rejected(f"Recipient count exceeds {MOST_RECIPIENTS}.")
    if not account.production:
        strangers = [one for one in to if not simulated(one) and identities.sender(call, one) is None]
        if strangers:
            raise unverified(call, strangers)
    quota = accounts.quota(call)
    if quota["SentLast24Hours"] + len(to) > quota["Max24HourSend"]:
        if second(call):
            raise Fault("LimitExceededException", "Daily message quota exceeded.")
        raise Fault("Throttling", "Daily message quota exceeded.")
    if accounts.too_fast(call, len(to)):
        raise Fault("TooManyRequestsException" if second(call) else "Throttling", "Maximum sending rate exceeded.")


def simulated(address: str) -> bool:
    return address.lower().endswith(f"@{SIMULATOR}")


def applying(call: Call, name: str, identity: identities.Identity) -> sets.ConfigurationSet | None:
    """The configuration set that a letter names, or its identity's own."""
    name = name or identity.configuration_set
    if not name:
        return None
    found = sets.existing(call, name)
    if not found.sending:
        text = f"Email sending is disabled for configuration set <{name}>."
        if second(call):
            raise Fault("SendingPausedException", text)
        raise Fault("ConfigurationSetSendingPausedException", text, ConfigurationSetName=name)
    return found


def send(
    call: Call,
    message: Any,
    to: list[str],
    *,
    configuration_set: str = "",
    tags: list[dict[str, str]] = [],
    management: Management | None = None,
    source_arn: str = "",
    sender: Sender = PLAIN,
) -> str:
    """Send a letter to these addresses. Its id."""
    identity = check_sender(call, str(message["From"] or ""), source_arn)
    to = [address_of(one) for one in to]
    check_account(call, to)
    found = applying(call, configuration_set, identity)
    held = {one["Name"]: one["Value"] for one in tags}
    if management:
        message["List-Unsubscribe"] = f"<{management.link}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    tracker = Tracker.of(call, found, sender.tracking)
    if tracker:
        tracker.mark(message)
    if found and "SmimeScheme" in found.options.get("MessageSecurityOptions", {}).get("SigningScheme", {}):
        message = smime.signed(call, message, address_of(str(message["From"])))
    letter = sealed(call.at(account=identity.account or None), message, to, held)._replace(
        tenant=sender.tenant, feedback=sender.feedback
    )
    if len(letter.raw) > letters.LARGEST:
        raise rejected(f"Message length is more than {letters.LARGEST} bytes long.")
    name = found.name if found else ""
    if infected(message):
        accounts.note(call, rejects=1)
        events.tell(call, letter, identity, name, "SEND", {})
        events.tell(call, letter, identity, name, "REJECT", {"reject": {"reason": "Bad content"}})
        return letter.id
    accounts.note(call, attempts=len(to))
    sent = keep(call, letter)
    if tracker:
        tracker.keep(events.with_tags(events.described(call, letter, identity), letter, name))
    events.tell(call, letter, identity, name, "SEND", {})
    follow(call, letter, sent, identity, found, sender, unwanted=bool(management and management.unwanted))
    return letter.id


def infected(message: Any) -> bool:
    """Whether something in a letter is a virus: the one that is made to test that (EICAR)."""
    return any(arrivals.EICAR in (part.get_payload(decode=True) or b"") for part in message.walk())


def sealed(call: Call, message: Any, to: list[str], tags: dict[str, str]) -> Letter:
    """A letter as it leaves, signed."""
    letter = letters.sealed(message, letters.new_id(call), call.region, to, tags)
    return letter._replace(raw=dkim.signed(call, letter.sender, letter.raw))


def deliver(
    call: Call,
    source: str,
    destination: dict[str, list[str]],
    reply_to: list[str],
    what: dict[str, Any],
    tags: list[dict[str, str]],
    configuration_set: str,
    management: Management | None = None,
    source_arn: str = "",
    sender: Sender = PLAIN,
) -> str:
    """Make a letter of what `letters.built` takes, and send it. Its id."""
    to, cc = destination.get("ToAddresses", []), destination.get("CcAddresses", [])
    check_addresses(call, source, *to, *cc, *reply_to)
    letter = letters.built(
        call,
        sender=source,
        to=to,
        cc=cc,
        reply_to=reply_to,
        **what,
    )
    return send(
        call,
        letter,
        all_of(destination),
        configuration_set=configuration_set,
        tags=tags,
        management=management,
        source_arn=source_arn,
        sender=sender,
    )


def from_template(call: Call, name: str, parts: tuple[str, str, str], data: str) -> dict[str, str]:
    subject, text, html = templates.filled(call, name, parts, data)
    return {"subject": subject, "text": text, "html": html}


def keep(call: Call, letter: Letter) -> Sent:
    sent = Sent(
        kind="mail",
        at=call.now,
        id=letter.id,
        account=call.account,
        region=call.region,
        sender=letter.sender,
        to=letter.to,
        subject=letter.subject,
        text=letter.text,
        raw=letter.raw,
    )
    return outbox.deliver(call, sent)


def dispatch(call: Call, message: Any, to: list[str], *, envelope: str) -> str:
    """Send what nobody has to be allowed, and nobody is told of: bounces. `envelope` is whom they would go back to."""
    letter = sealed(call, message, to, {})
    arrived(call, letter, keep(call, letter), to, envelope)
    return letter.id


def arrived(call: Call, letter: Letter, sent: Sent, to: list[str], envelope: str) -> None:
    """A letter reaches its recipients: those in the cloud by its rules, and others where mail is handed on."""
    arrivals.arrive(call, Envelope(envelope, to), letter.raw)
    outbox.hand_on(call, sent, [one for one in to if not simulated(one) and not arrivals.receivers(call, one)])


def follow(
    call: Call,
    letter: Letter,
    sent: Sent,
    identity: identities.Identity,
    found: sets.ConfigurationSet | None,
    sender: Sender,
    *,
    unwanted: bool,
) -> None:
    """What becomes of a letter at each of its recipients, as the simulator's addresses have it."""
    options = found.options.get("SuppressionOptions", {}) if found else {}
    reasons = accounts.account(call).suppressed_reasons if sender.reasons is None else sender.reasons
    reasons = options.get("SuppressedReasons", reasons)
    scope = options.get("SuppressionScope", sender.scope)
    tenant = sender.tenant if scope == "TENANT" else ""
    name = found.name if found else ""
    outcomes: dict[str, list[str]] = {}
    for address in letter.to:
        kind = "unsubscribed" if unwanted else outcome(call, address, reasons, tenant, sender.doubtful)
        outcomes.setdefault(kind, []).append(address)
    for kind, addresses in outcomes.items():
        events.became(call, letter, identity, name, kind, addresses, reasons, tenant)
    if delivered := outcomes.get("delivery"):
        arrived(call, letter, sent, delivered, letter.sender)


def outcome(
    call: Call, address: str, reasons: list[str], tenant: str = "", doubtful: Callable[[str], bool] = lambda one: False
) -> str:
    local = address.partition("@")[0].partition("+")[0].lower()
    if simulated(address) and local in ("bounce", "complaint", "suppressionlist"):
        return {"bounce": "bounce", "complaint": "complaint"}.get(local, "suppressed")
    unfit = suppression.suppressed(call, address, reasons, tenant) or (not simulated(address) and doubtful(address))
    return "suppressed" if unfit else "delivery"


# Operations of the first API


def all_of(destination: dict[str, list[str]]) -> list[str]:
    return [one for kind in ("ToAddresses", "CcAddresses", "BccAddresses") for one in destination.get(kind, ())]


@ses.operation
def send_email(
    call: Call,
    source: str,
    destination: dict[str, list[str]],
    message: dict[str, Any],
    reply_to_addresses: list[str] = [],
    tags: list[dict[str, str]] = [],
    configuration_set_name: str = "",
    source_arn: str = "",
    return_path: str = "",
    return_path_arn: str = "",
) -> dict[str, Any]:
    body, sender = message["Body"], returning(call, return_path, return_path_arn)
    what = {
        "subject": message["Subject"]["Data"],
        "text": body.get("Text", {}).get("Data", ""),
        "html": body.get("Html", {}).get("Data", ""),
    }
    name = configuration_set_name
    more: Any = {"source_arn": source_arn, "sender": sender}
    return {"MessageId": deliver(call, source, destination, reply_to_addresses, what, tags, name, **more)}


@ses.operation
def send_raw_email(
    call: Call,
    raw_message: dict[str, bytes],
    source: str = "",
    destinations: list[str] = [],
    tags: list[dict[str, str]] = [],
    configuration_set_name: str = "",
    source_arn: str = "",
    from_arn: str = "",
    return_path_arn: str = "",
) -> dict[str, Any]:
    """Send a letter that is brought whole; what its Return-Path says hears of bounces."""
    raw, name = raw_message["Data"], configuration_set_name
    letter = letters.read(raw)
    if from_arn and letter["From"]:
        check_sender(call, str(letter["From"]), from_arn)
    sender = returning(call, str(letter["Return-Path"] or ""), return_path_arn)
    arn = source_arn or from_arn
    return {"MessageId": send_raw(call, raw, source, destinations, tags, name, source_arn=arn, sender=sender)}


def send_raw(
    call: Call,
    raw: bytes,
    source: str,
    destinations: list[str],
    tags: list[dict[str, str]],
    configuration_set: str,
    management: Management | None = None,
    source_arn: str = "",
    sender: Sender = PLAIN,
) -> str:
    """Send a letter that was brought whole; what it leaves out comes from the request, and the other way round."""
    check_addresses(call, source)
    letter = letters.read(raw)
    if source and not letter["From"]:
        letter["From"] = source
    source_arn = source_arn or str(letter["X-SES-SOURCE-ARN"] or "")
    if source:
        check_sender(call, source, source_arn)
    named = configuration_set or str(letter["X-SES-CONFIGURATION-SET"] or "")
    given = tags or [
        {"Name": name.strip(), "Value": value.strip()}
        for pair in str(letter["X-SES-MESSAGE-TAGS"] or "").split(",")
        if pair
        for name, _, value in [pair.partition("=")]
    ]
    to = destinations or letters.recipients(letter)
    return send(
        call,
        letter,
        to,
        configuration_set=named,
        tags=given,
        management=management,
        source_arn=source_arn,
        sender=sender,
    )


@ses.operation
def send_templated_email(
    call: Call,
    source: str,
    destination: dict[str, list[str]],
    template: str,
    template_data: str,
    reply_to_addresses: list[str] = [],
    tags: list[dict[str, str]] = [],
    configuration_set_name: str = "",
    source_arn: str = "",
    template_arn: str = "",
    return_path: str = "",
    return_path_arn: str = "",
) -> dict[str, Any]:
    template = template_arn.rpartition("/")[2] or template
    what = from_template(call, template, templates.existing(call, template).parts(), template_data)
    more: Any = {"source_arn": source_arn, "sender": returning(call, return_path, return_path_arn)}
    name = configuration_set_name
    return {"MessageId": deliver(call, source, destination, reply_to_addresses, what, tags, name, **more)}


@ses.operation
def send_bulk_templated_email(
    call: Call,
    source: str,
    template: str,
    default_template_data: str,
    destinations: list[dict[str, Any]],
    reply_to_addresses: list[str] = [],
    configuration_set_name: str = "",
    default_tags: list[dict[str, str]] = [],
    source_arn: str = "",
    template_arn: str = "",
    return_path: str = "",
    return_path_arn: str = "",
) -> dict[str, Any]:
    """A letter to each destination; one that fails does not keep the others."""
    check_sender(call, source, source_arn)
    more: Any = {"source_arn": source_arn, "sender": returning(call, return_path, return_path_arn)}
    template = template_arn.rpartition("/")[2] or template
    parts = templates.existing(call, template).parts()
    told: list[dict[str, Any]] = []
    for one in destinations:
        try:
            data = one.get("ReplacementTemplateData") or default_template_data
            what = from_template(call, template, parts, data)
            tags = [*default_tags, *one.get("ReplacementTags", [])]
            to, answers = one["Destination"], reply_to_addresses
            found = deliver(call, source, to, answers, what, tags, configuration_set_name, **more)
            told.append({"Status": "Success", "MessageId": found})
        except Fault as fault:
            told.append(
                {"Status": "MessageRejected" if fault.code == "MessageRejected" else "Failed", "Error": fault.message}
            )
    return {"Status": told}
