"""Custom verification e-mails, in the second API's words."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.services.ses import verifications
from pileus.services.ses.verifications import VerificationTemplate

from . import sesv2
from .tagging import with_tags


def existing(call: Call, template_name: str) -> VerificationTemplate:
    return verifications.existing(call, template_name)


@sesv2.operation
def create_custom_verification_email_template(
    call: Call,
    template_name: str,
    from_email_address: str,
    template_subject: str,
    template_content: str,
    success_redirection_url: str,
    failure_redirection_url: str,
    tags: list[dict[str, str]] = [],
) -> None:
    pages = (success_redirection_url, failure_redirection_url)
    words = (from_email_address, template_subject, template_content)
    verifications.make(call, VerificationTemplate(template_name, *words, *pages, with_tags({}, tags)))


@sesv2.operation(on=existing)
def update_custom_verification_email_template(
    call: Call,
    found: VerificationTemplate,
    from_email_address: str,
    template_subject: str,
    template_content: str,
    success_redirection_url: str,
    failure_redirection_url: str,
) -> None:
    pages = (success_redirection_url, failure_redirection_url)
    words = (from_email_address, template_subject, template_content)
    made = VerificationTemplate(found.name, *words, *pages, found.tags)
    verifications.check(call, made)
    made.put(call)


@sesv2.operation(on=existing)
def get_custom_verification_email_template(call: Call, found: VerificationTemplate) -> dict[str, Any]:
    return found.whole()


@sesv2.operation
def list_custom_verification_email_templates(call: Call, next_token: str = "", page_size: int = 50) -> dict[str, Any]:
    return verifications.listed(call, next_token, page_size)


@sesv2.operation(on=existing)
def delete_custom_verification_email_template(call: Call, found: VerificationTemplate) -> None:
    found.delete(call)


@sesv2.operation
def send_custom_verification_email(
    call: Call, email_address: str, template_name: str, configuration_set_name: str = ""
) -> dict[str, Any]:
    found = verifications.existing(call, template_name)
    return {"MessageId": verifications.send(call, email_address, found, configuration_set_name)}
