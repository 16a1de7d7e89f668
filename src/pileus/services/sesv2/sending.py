"""Sending letters, and the account that sends them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.services.ses import accounts, letters, sending, sets, templates
from pileus.services.ses.faults import wrong
from pileus.services.ses.sending import Sender

from . import contacts, endpoints, insights, sesv2, tenants


@sesv2.operation
def send_email(
    call: Call,
    content: dict[str, Any],
    from_email_address: str = "",
    from_email_address_identity_arn: str = "",
    destination: dict[str, list[str]] = {},
    reply_to_addresses: list[str] = [],
    email_tags: list[dict[str, str]] = [],
    configuration_set_name: str = "",
    tenant_name: str = "",
    list_management_options: dict[str, str] = {},
    endpoint_id: str = "",
    configuration_overrides: dict[str, Any] = {},
    feedback_forwarding_email_address: str = "",
    feedback_forwarding_email_address_identity_arn: str = "",
) -> dict[str, Any]:
    """Send a letter: a simple one, one that is brought whole, or a template."""
    kinds = [kind for kind in ("Simple", "Raw", "Template") if kind in content]
    if len(kinds) != 1:
        raise wrong(call, "Content must have exactly one of Simple, Raw and Template.")
    call = endpoints.route(call, endpoint_id)
    to = sending.all_of(destination)
    source_arn = from_email_address_identity_arn
    if tenant_name:
        tenants.check(call, tenant_name, used(call, content, from_email_address, configuration_set_name))
    management = contacts.managed(call, list_management_options, to)
    sender = sender_of(call, tenant_name, configuration_set_name, configuration_overrides)
    to_hear = (feedback_forwarding_email_address, feedback_forwarding_email_address_identity_arn)
    sender = sender._replace(feedback=sending.returning(call, *to_hear).feedback)
    named = configuration_set_name
    if kinds == ["Raw"]:
        raw = content["Raw"]["Data"]
        found = sending.send_raw(call, raw, from_email_address, to, email_tags, named, management, source_arn, sender)
        return {"MessageId": found}
    if not from_email_address:
        raise wrong(call, "FromEmailAddress is required.")
    what = simple(content["Simple"]) if kinds == ["Simple"] else from_template(call, content["Template"], "")
    if management:
        what |= {part: what[part].replace(contacts.PLACE, management.link) for part in ("text", "html")}
    more = (email_tags, named, management, source_arn, sender)
    found = sending.deliver(call, from_email_address, destination, reply_to_addresses, what, *more)
    return {"MessageId": found}


def sender_of(call: Call, tenant_name: str, set_name: str, overrides: dict[str, Any]) -> Sender:
    """For whom letters are, and which addresses are not worth trying."""
    held = tenants.existing(call, tenant_name).suppression if tenant_name else {}
    options = sets.existing(call, set_name).options.get("SuppressionOptions", {}) if set_name else {}
    validation = options.get("ValidationOptions") or accounts.account(call).validation
    return Sender(
        tenant_name,
        held.get("SuppressionScope", "ACCOUNT"),
        held.get("SuppressedReasons"),
        doubting(call, validation.get("ConditionThreshold", {})),
        overrides.get("Tracking", {}),
    )


def doubting(call: Call, threshold: dict[str, Any]) -> Callable[[str], bool]:
    """Which addresses have too little chance, as Auto Validation has it; what SES chooses itself is medium here."""
    if threshold.get("ConditionThresholdEnabled") != "ENABLED":
        return lambda address: False
    least = threshold.get("OverallConfidenceThreshold", {}).get("ConfidenceVerdictThreshold", "MANAGED")
    good = (insights.HIGH,) if least == "HIGH" else (insights.HIGH, insights.MEDIUM)
    return lambda address: insights.overall(insights.evaluated(call, address)) not in good


def composed(call: Call, content: dict[str, Any], source: str) -> Any:
    """The letter that a content is, without sending it."""
    if raw := content.get("Raw"):
        return letters.read(raw["Data"])
    what = simple(content["Simple"]) if "Simple" in content else from_template(call, content["Template"], "")
    return letters.built(call, sender=source, to=[], **what)


def used(call: Call, content: dict[str, Any], source: str, configuration_set: str) -> list[Record]:
    """The resources that a letter is made with."""
    raw = content.get("Raw", {}).get("Data")
    sender = source or (str(letters.read(raw)["From"] or "") if raw else "")
    found: list[Record] = [sending.check_sender(call, sender)] if sender else []
    if configuration_set:
        found.append(sets.existing(call, configuration_set))
    template = content.get("Template", {})
    if name := template.get("TemplateName") or template.get("TemplateArn", "").rpartition("/")[2]:
        found.append(templates.existing(call, name))
    return found


def simple(message: dict[str, Any]) -> dict[str, Any]:
    body = message["Body"]
    return {
        "subject": message["Subject"]["Data"],
        "text": body.get("Text", {}).get("Data", ""),
        "html": body.get("Html", {}).get("Data", ""),
        "headers": message.get("Headers", []),
        "attachments": message.get("Attachments", []),
    }


def from_template(call: Call, template: dict[str, Any], data: str) -> dict[str, Any]:
    name = template.get("TemplateName") or template.get("TemplateArn", "").rpartition("/")[2]
    if inline := template.get("TemplateContent"):
        parts = (inline.get("Subject", ""), inline.get("Text", ""), inline.get("Html", ""))
    else:
        parts = templates.existing(call, name).parts()
    more = {"headers": template.get("Headers", []), "attachments": template.get("Attachments", [])}
    return sending.from_template(call, name, parts, data or template.get("TemplateData", "{}")) | more


STATUSES = {
    "MessageRejected": "MESSAGE_REJECTED",
    "NotFoundException": "TEMPLATE_NOT_FOUND",
    "BadRequestException": "INVALID_PARAMETER",
    "SendingPausedException": "ACCOUNT_SENDING_PAUSED",
    "LimitExceededException": "ACCOUNT_DAILY_QUOTA_EXCEEDED",
}


@sesv2.operation
def send_bulk_email(
    call: Call,
    default_content: dict[str, Any],
    bulk_email_entries: list[dict[str, Any]],
    from_email_address: str = "",
    from_email_address_identity_arn: str = "",
    reply_to_addresses: list[str] = [],
    default_email_tags: list[dict[str, str]] = [],
    configuration_set_name: str = "",
    tenant_name: str = "",
    endpoint_id: str = "",
    configuration_overrides: dict[str, Any] = {},
    feedback_forwarding_email_address: str = "",
    feedback_forwarding_email_address_identity_arn: str = "",
) -> dict[str, Any]:
    """A letter for each entry; one that fails does not keep the others."""
    template = default_content.get("Template")
    if not template:
        raise wrong(call, "DefaultContent must have a Template.")
    call = endpoints.route(call, endpoint_id)
    source_arn = from_email_address_identity_arn
    sending.check_sender(call, from_email_address, source_arn)
    if tenant_name:
        tenants.check(call, tenant_name, used(call, default_content, from_email_address, configuration_set_name))
    sender = sender_of(call, tenant_name, configuration_set_name, configuration_overrides)
    to_hear = (feedback_forwarding_email_address, feedback_forwarding_email_address_identity_arn)
    sender = sender._replace(feedback=sending.returning(call, *to_hear).feedback)
    told: list[dict[str, Any]] = []
    for entry in bulk_email_entries:
        replacement = entry.get("ReplacementEmailContent", {}).get("ReplacementTemplate", {})
        data = merged(template.get("TemplateData", "{}"), replacement.get("ReplacementTemplateData", "{}"))
        tags = [*default_email_tags, *entry.get("ReplacementTags", [])]
        try:
            what = from_template(call, template, data)
            what["headers"] = [*what["headers"], *entry.get("ReplacementHeaders", [])]
            to, answers = entry["Destination"], reply_to_addresses
            name = configuration_set_name
            more = (tags, name, None, source_arn, sender)
            found = sending.deliver(call, from_email_address, to, answers, what, *more)
            told.append({"Status": "SUCCESS", "MessageId": found})
        except Fault as fault:
            told.append({"Status": STATUSES.get(fault.code, "FAILED"), "Error": fault.message})
    return {"BulkEmailEntryResults": told}


def merged(default: str, replacement: str) -> str:
    try:
        return json.dumps(json.loads(default) | json.loads(replacement))
    except (ValueError, TypeError):
        return replacement


# The account


@sesv2.operation
def get_account(call: Call) -> dict[str, Any]:
    account = accounts.account(call)
    review = {"ReviewDetails": {"Status": "GRANTED" if account.production else "PENDING"}}
    return {
        "ProductionAccessEnabled": account.production,
        "SendingEnabled": account.sending,
        "SendQuota": accounts.quota(call),
        "EnforcementStatus": "HEALTHY",
        "SuppressionAttributes": {
            "SuppressedReasons": account.suppressed_reasons,
            "ValidationAttributes": account.validation or None,
        },
        "Details": account.details | review if account.details else None,
        "DedicatedIpAutoWarmupEnabled": account.warmup,
        "VdmAttributes": account.vdm or None,
        "PricingAttributes": {"CurrentPlan": account.plan} if account.plan else None,
    }


@sesv2.operation
def put_account_details(
    call: Call,
    mail_type: str,
    website_url: str,
    contact_language: str = "EN",
    use_case_description: str = "",
    additional_contact_email_addresses: list[str] = [],
    production_access_enabled: bool = False,
) -> None:
    """Say what the account's mail is for. Whoever asks to leave the sandbox has left it: nobody here reviews that."""
    account = accounts.account(call)
    account.details = {
        "MailType": mail_type,
        "WebsiteURL": website_url,
        "ContactLanguage": contact_language,
        "UseCaseDescription": use_case_description,
        "AdditionalContactEmailAddresses": additional_contact_email_addresses,
    }
    account.production = account.production or production_access_enabled
    account.put(call)


@sesv2.operation
def put_account_vdm_attributes(call: Call, vdm_attributes: dict[str, Any]) -> None:
    """Keep whether Virtual Deliverability Manager is wanted. What it tells is told without being wanted, too."""
    account = accounts.account(call)
    account.vdm = vdm_attributes
    account.put(call)


@sesv2.operation
def put_account_sending_attributes(call: Call, sending_enabled: bool = False) -> None:
    account = accounts.account(call)
    account.sending = sending_enabled
    account.put(call)


@sesv2.operation
def put_account_suppression_attributes(
    call: Call, suppressed_reasons: list[str] = [], validation_attributes: dict[str, Any] | None = None
) -> None:
    account = accounts.account(call)
    if validation_attributes is not None:
        account.validation = validation_attributes
    account.suppressed_reasons = suppressed_reasons
    account.put(call)


@sesv2.operation
def put_account_pricing_attributes(call: Call, plan: str) -> None:
    """Keep the plan. Nothing costs anything here."""
    account = accounts.account(call)
    account.plan = plan
    account.put(call)
