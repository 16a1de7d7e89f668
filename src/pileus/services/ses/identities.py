"""Identities: addresses and domains that mail may be sent from."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Record, names, outbox

from . import ses
from .faults import wrong

ADDRESS = re.compile(r"[^@\s<>]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
KINDS = ("Bounce", "Complaint", "Delivery")
LOWER = "abcdefghijklmnopqrstuvwxyz234567"


class Identity(Record, arn="arn:{partition}:ses:{region}:{account}:identity/{name}", cfn="AWS::SES::EmailIdentity"):
    name: str
    token: str
    """What a domain's TXT record would hold."""
    dkim_tokens: list[str]
    created: float
    dkim: bool = False
    """Whether Easy DKIM was asked for."""
    signing: bool = True
    dkim_origin: str = "AWS_SES"
    """Who makes the keys; `EXTERNAL` for the customer."""
    key_length: str = "RSA_2048_BIT"
    topics: dict[str, str] = {}
    """Topics by the kind of what they are told: Bounce, Complaint, Delivery."""
    headers: list[str] = []
    """The kinds of notifications that tell a letter's headers."""
    forwarding: bool = True
    mail_from: str = ""
    on_mx_failure: str = "UseDefaultValue"
    policies: dict[str, str] = {}
    configuration_set: str = ""
    tags: dict[str, str] = {}
    account: str = ""
    """Whose it is; others may be let send from it."""

    def arn(self, call: Call) -> str:
        return super().arn(call.at(account=self.account) if self.account not in ("", call.account) else call)

    @property
    def is_domain(self) -> bool:
        return "@" not in self.name

    @property
    def signs(self) -> bool:
        """Whether letters from this domain are signed."""
        return self.is_domain and self.dkim and self.signing

    def delete(self, call: Call) -> None:
        from . import dkim

        dkim.forget(call, self.name)
        Home(self.name, call.account, call.region).delete(call)
        super().delete(call)


class Home(Record, scope="cloud", key=("name", "account", "region")):
    """Where a domain is verified: so that mail to it finds who receives it."""

    name: str
    account: str
    region: str


@ses.forget
def forget(call: Call) -> None:
    """Forget what an account has told the world."""
    from .dkim import Published
    from .tracking import Tracked
    from .verifications import Link

    for tracked in list(Tracked.scan(call)):
        if tracked.account == call.account:
            tracked.delete(call)
    for link in list(Link.scan(call)):
        if link.account == call.account:
            link.delete(call)

    for home in list(Home.scan(call)):
        if home.account == call.account:
            home.delete(call)
    for published in list(Published.scan(call)):
        if published.account == call.account:
            published.delete(call)


def homes(call: Call, address: str) -> list[tuple[str, str]]:
    """The accounts and Regions in which an address's domain is verified, or one above it."""
    found: dict[tuple[str, str], None] = {}
    domain = address.rpartition("@")[2].lower()
    while "." in domain:
        found |= {(home.account, home.region): None for home in Home.scan(call, domain)}
        domain = domain.partition(".")[2]
    return list(found)


def normal(name: str) -> str:
    """Domains, and those of addresses, know no case."""
    local, at, domain = name.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def get(call: Call, name: str) -> Identity | None:
    """The identity of a name, or of an ARN of this account's and Region's."""
    return Identity.get(call, normal(name.removeprefix(call.arn("identity/", "ses"))))


def make(call: Call, name: str, *, ask: bool = True) -> Identity:
    """The identity, which is there and verified from now on."""
    if not (ADDRESS if "@" in name else DOMAIN).fullmatch(name):
        raise wrong(call, f"Invalid {'email address' if '@' in name else 'domain name'}<{name}>.")
    found = get(call, name)
    if found is None:
        found = Identity(normal(name), names.token(44), [names.token(32, LOWER) for _ in range(3)], call.now)
        found.account = call.account
        found.put(call)
        if found.is_domain:
            Home(found.name, call.account, call.region).put(call)
        elif ask:
            text = (
                "You have asked to send mail from this address. The cloud's own mailbox has taken note: it is verified."
            )
            outbox.send(
                call,
                "mail",
                found.name,
                text,
                sender="no-reply-aws@amazon.com",
                subject=f"Amazon Web Services - Email Address Verification Request in region {call.region}",
            )
    return found


def sender(call: Call, address: str) -> Identity | None:
    """The identity that lets this address send: its own, or that of its domain or of one above."""
    if found := get(call, address):
        return found
    domain = address.rpartition("@")[2].lower()
    while "." in domain:
        if found := get(call, domain):
            return found
        domain = domain.partition(".")[2]
    return None


# Operations


@ses.operation
def verify_email_identity(call: Call, email_address: str) -> None:
    make(call, email_address)


@ses.operation
def verify_email_address(call: Call, email_address: str) -> None:
    """The older name of VerifyEmailIdentity."""
    make(call, email_address)


@ses.operation
def verify_domain_identity(call: Call, domain: str) -> dict[str, Any]:
    return {"VerificationToken": make(call, domain).token}


@ses.operation
def verify_domain_dkim(call: Call, domain: str) -> dict[str, Any]:
    """Ask for Easy DKIM; a domain becomes an identity by that too."""
    identity = make(call, domain)
    identity.dkim = True
    return {"DkimTokens": identity.put(call).dkim_tokens}


@ses.operation
def list_identities(call: Call, identity_type: str = "", next_token: str = "", max_items: int = 1000) -> dict[str, Any]:
    wanted = {"EmailAddress": False, "Domain": True}.get(identity_type)
    page = Identity.page(
        call,
        limit=min(max_items, 1000),
        token=next_token,
        where=lambda one: wanted is None or one.is_domain == wanted,
        invalid=wrong(call, "Invalid NextToken"),
    )
    return {"Identities": [one.name for one in page.items], "NextToken": page.token}


@ses.operation
def list_verified_email_addresses(call: Call) -> dict[str, Any]:
    return {"VerifiedEmailAddresses": [one.name for one in Identity.scan(call) if not one.is_domain]}


@ses.operation
def delete_identity(call: Call, identity: str) -> None:
    """Delete an identity; one that is not there is as good as deleted."""
    if found := get(call, identity):
        found.delete(call)


@ses.operation
def delete_verified_email_address(call: Call, email_address: str) -> None:
    """The older name of DeleteIdentity."""
    if found := get(call, email_address):
        found.delete(call)


def known(call: Call, given: list[str]) -> dict[str, Identity]:
    return {name: found for name in given if (found := get(call, name))}


@ses.operation
def get_identity_verification_attributes(call: Call, identities: list[str]) -> dict[str, Any]:
    told = {}
    for name, identity in known(call, identities).items():
        token = {"VerificationToken": identity.token} if identity.is_domain else {}
        told[name] = {"VerificationStatus": "Success", **token}
    return {"VerificationAttributes": told}


@ses.operation
def get_identity_dkim_attributes(call: Call, identities: list[str]) -> dict[str, Any]:
    told = {}
    for name, identity in known(call, identities).items():
        tokens = {"DkimTokens": identity.dkim_tokens} if identity.dkim else {}
        status = "Success" if identity.dkim else "NotStarted"
        told[name] = {"DkimEnabled": identity.dkim and identity.signing, "DkimVerificationStatus": status, **tokens}
    return {"DkimAttributes": told}


@ses.operation
def set_identity_dkim_enabled(call: Call, identity: str, dkim_enabled: bool) -> None:
    found = existing(call, identity)
    if dkim_enabled and not found.dkim:
        raise wrong(call, f"Identity {identity} is not verified for DKIM signing.")
    found.signing = dkim_enabled
    found.put(call)


def existing(call: Call, name: str) -> Identity:
    found = get(call, name)
    if found is None:
        raise wrong(call, f"Identity {name} is invalid. Must be a verified email address or domain.")
    return found


@ses.operation
def get_identity_mail_from_domain_attributes(call: Call, identities: list[str]) -> dict[str, Any]:
    told = {
        name: {
            "MailFromDomain": identity.mail_from,
            "MailFromDomainStatus": "Success" if identity.mail_from else "Pending",
            "BehaviorOnMXFailure": identity.on_mx_failure,
        }
        for name, identity in known(call, identities).items()
    }
    return {"MailFromDomainAttributes": told}


@ses.operation(name="SetIdentityMailFromDomain")
def set_identity_mail_from_domain(
    call: Call, identity: str, mail_from_domain: str = "", behavior_on_mx_failure: str = "UseDefaultValue"
) -> None:
    set_mail_from(call, existing(call, identity), mail_from_domain, behavior_on_mx_failure)


def set_mail_from(call: Call, identity: Identity, domain: str, on_mx_failure: str) -> None:
    """A subdomain of the identity's own, that bounces go to."""
    own = identity.name.rpartition("@")[2]
    if domain and (not domain.lower().endswith(f".{own}") or domain.lower() == own):
        raise wrong(
            call, f"Provided MAIL-FROM domain <{domain}> is not subdomain of the domain of the identity <{own}>."
        )
    identity.mail_from, identity.on_mx_failure = domain.lower(), on_mx_failure
    identity.put(call)


# Notifications


@ses.operation
def get_identity_notification_attributes(call: Call, identities: list[str]) -> dict[str, Any]:
    told = {}
    for name, identity in known(call, identities).items():
        topics = {f"{kind}Topic": identity.topics.get(kind) for kind in KINDS}
        headers = {f"HeadersIn{kind}NotificationsEnabled": kind in identity.headers for kind in KINDS}
        told[name] = {"ForwardingEnabled": identity.forwarding, **topics, **headers}
    return {"NotificationAttributes": told}


@ses.operation
def set_identity_notification_topic(call: Call, identity: str, notification_type: str, sns_topic: str = "") -> None:
    """Name the topic that is told of such things; without one, none is."""
    found = existing(call, identity)
    if sns_topic:
        try:
            call.aws("sns").get_topic_attributes(topic_arn=sns_topic)
        except Fault:
            raise Fault("InvalidParameterValue", f"Invalid SNS topic <{sns_topic}>.", status=400) from None
        found.topics[notification_type] = sns_topic
    else:
        found.topics.pop(notification_type, None)
    found.put(call)


@ses.operation
def set_identity_feedback_forwarding_enabled(call: Call, identity: str, forwarding_enabled: bool) -> None:
    found = existing(call, identity)
    if not forwarding_enabled and not {"Bounce", "Complaint"} <= found.topics.keys():
        raise wrong(call, f"Identity <{identity}> cannot disable forwarding without topics for bounces and complaints.")
    found.forwarding = forwarding_enabled
    found.put(call)


@ses.operation
def set_identity_headers_in_notifications_enabled(
    call: Call, identity: str, notification_type: str, enabled: bool
) -> None:
    found = existing(call, identity)
    others = [kind for kind in found.headers if kind != notification_type]
    found.headers = [*others, notification_type] if enabled else others
    found.put(call)
