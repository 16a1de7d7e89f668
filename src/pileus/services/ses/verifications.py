"""Custom verification e-mails: one's own words, by which the owner of an address is asked to verify it.

The link in the letter leads to one of the two pages that the template names. The address is an identity from the
beginning, as every one is here.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, names

from . import accounts, identities, letters, sending, ses
from .faults import missing, second, there, wrong

GOOD_FOR = 86400.0
MOST = 50
LARGEST = 10 * 1024 * 1024


class VerificationTemplate(
    Record, arn="arn:{partition}:ses:{region}:{account}:custom-verification-email-template/{name}"
):
    name: str
    sender: str
    subject: str
    content: str
    success: str
    failure: str
    tags: dict[str, str] = {}

    def described(self) -> dict[str, Any]:
        return {
            "TemplateName": self.name,
            "FromEmailAddress": self.sender,
            "TemplateSubject": self.subject,
            "SuccessRedirectionURL": self.success,
            "FailureRedirectionURL": self.failure,
        }

    def whole(self) -> dict[str, Any]:
        return self.described() | {"TemplateContent": self.content}


class Link(Record, scope="cloud", table="ses.VerificationLink"):
    """Where the link of a letter leads to."""

    token: str
    account: str
    expires: float
    success: str
    failure: str


def existing(call: Call, name: str) -> VerificationTemplate:
    found = VerificationTemplate.get(call, name)
    if found is None:
        code = "CustomVerificationEmailTemplateDoesNotExistException"
        text = f"Custom verification email template <{name}> does not exist."
        raise missing(call, code, text, CustomVerificationEmailTemplateName=name)
    return found


def check(call: Call, template: VerificationTemplate) -> None:
    if identities.sender(call, letters.address_of(template.sender)) is None:
        raise unverified(call, template.sender)
    if not template.content.strip() or len(template.content) > LARGEST:
        text = "The content of a custom verification email must be between 1 byte and 10 MB."
        raise wrong(call, text, "CustomVerificationEmailInvalidContent")


def unverified(call: Call, address: str) -> Fault:
    text = f"From email address <{address}> is not verified."
    if second(call):
        return Fault("BadRequestException", text)
    return Fault("FromEmailAddressNotVerifiedException", text, FromEmailAddress=address)


def make(call: Call, template: VerificationTemplate) -> None:
    if VerificationTemplate.get(call, template.name):
        text = f"Custom verification email template <{template.name}> already exists."
        code = "CustomVerificationEmailTemplateAlreadyExistsException"
        raise there(call, code, text, CustomVerificationEmailTemplateName=template.name)
    if sum(1 for _ in VerificationTemplate.scan(call, limit=MOST)) == MOST:
        raise Fault("LimitExceededException", f"An account can have {MOST} custom verification email templates.")
    check(call, template)
    template.put(call)


def send(call: Call, address: str, template: VerificationTemplate, configuration_set: str) -> str:
    """Ask the owner of an address, which is an identity from now on. The letter's id."""
    if not accounts.account(call).production:
        text = "Your account must have production access to send custom verification emails."
        raise wrong(call, text) if second(call) else Fault("ProductionAccessNotGrantedException", text)
    if identities.sender(call, letters.address_of(template.sender)) is None:
        raise unverified(call, template.sender)
    identities.make(call, address, ask=False)
    token = names.token(48)
    Link(token, call.account, call.now + GOOD_FOR, template.success, template.failure).put(call)
    address_of = call.url(f"_pileus/at/ses/verify/{token}")
    html = f'{template.content}\n<p><a href="{address_of}">{address_of}</a></p>'
    to = {"ToAddresses": [address]}
    what = {"subject": template.subject, "html": html}
    return sending.deliver(call, template.sender, to, [], what, [], configuration_set)


def destination(call: Call, token: str) -> str | None:
    """Where a link leads to now, or None for one that there never was."""
    found = Link.get(call, token)
    return None if found is None else found.success if call.now <= found.expires else found.failure


# Operations of the first API


@ses.operation
def create_custom_verification_email_template(
    call: Call,
    template_name: str,
    from_email_address: str,
    template_subject: str,
    template_content: str,
    success_redirection_url: str,
    failure_redirection_url: str,
) -> None:
    pages = (success_redirection_url, failure_redirection_url)
    make(call, VerificationTemplate(template_name, from_email_address, template_subject, template_content, *pages))


@ses.operation
def update_custom_verification_email_template(
    call: Call,
    template_name: str,
    from_email_address: str = "",
    template_subject: str = "",
    template_content: str = "",
    success_redirection_url: str = "",
    failure_redirection_url: str = "",
) -> None:
    """Change what is given, and leave the rest."""
    found = existing(call, template_name)
    found.sender, found.subject = from_email_address or found.sender, template_subject or found.subject
    found.content = template_content or found.content
    found.success = success_redirection_url or found.success
    found.failure = failure_redirection_url or found.failure
    check(call, found)
    found.put(call)


@ses.operation
def get_custom_verification_email_template(call: Call, template_name: str) -> dict[str, Any]:
    return existing(call, template_name).whole()


@ses.operation
def list_custom_verification_email_templates(
    call: Call, next_token: str = "", max_results: int = MOST
) -> dict[str, Any]:
    return listed(call, next_token, max_results)


def listed(call: Call, token: str, limit: int) -> dict[str, Any]:
    page = VerificationTemplate.page(call, limit=limit, token=token, invalid=wrong(call, "Invalid NextToken"))
    told = [one.described() for one in page.items]
    return {"CustomVerificationEmailTemplates": told, "NextToken": page.token}


@ses.operation
def delete_custom_verification_email_template(call: Call, template_name: str) -> None:
    """Delete a template; one that is not there is as good as deleted."""
    if found := VerificationTemplate.get(call, template_name):
        found.delete(call)


@ses.operation
def send_custom_verification_email(
    call: Call, email_address: str, template_name: str, configuration_set_name: str = ""
) -> dict[str, Any]:
    return {"MessageId": send(call, email_address, existing(call, template_name), configuration_set_name)}
