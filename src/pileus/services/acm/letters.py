"""Mails that ask a domain's owner to approve a certificate, and the page behind their link.

They are read in the cloud's outbox, `/_pileus/mail`.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Record, names, outbox
from pileus.kernel.edge import Answer

from . import acm
from .authority import roots
from .certificates import Certificate
from .domains import PROVEN

if TYPE_CHECKING:
    from pileus.gateway.message import Request

Members = dict[str, Any]

APPROVE = "_pileus/at/acm/approve"
SENDER = "no-reply@certificates.amazon.com"
TEXT = """To approve the certificate for {domain} that account {account} requests, go to:

{link}
"""


class Letter(Record, scope="cloud", indexes={"by_certificate": ("certificate",)}, kw_only=True):
    """What the mails to the owners of one name are about, by the token in their link."""

    token: str
    certificate: str
    account: str
    region: str
    domain: str

    @classmethod
    def forget(cls, call: Call, certificate: str) -> None:
        """The letters of a certificate have no use any more."""
        for letter in list(cls.scan(call, certificate, index="by_certificate")):
            letter.delete(call)


@acm.forget
def forget(call: Call) -> None:
    """The letters of an account that is reset."""
    for letter in [letter for letter in Letter.scan(call) if letter.account == call.account]:
        letter.delete(call)


def write(call: Call, certificate: Certificate, domains: list[Members]) -> None:
    """Write to the owners of some names."""
    for one in domains:
        letter = Letter(
            token=names.token(32),
            certificate=certificate.id,
            account=call.account,
            region=call.region,
            domain=one["DomainName"],
        ).put(call)
        for mailbox in one["ValidationEmails"]:
            outbox.send(
                call,
                "mail",
                mailbox,
                TEXT.format(domain=letter.domain, account=call.account, link=call.url(f"{APPROVE}/{letter.token}")),
                sender=SENDER,
                subject=f"Certificate approval for {letter.domain}",
            )


@acm.address
def answer(call: Call, request: Request, what: str, token: str = "") -> Answer:
    """The root to trust, and the page on which a request is approved."""
    if what.startswith("acme."):
        from .acme_server import respond

        return respond(call, request, what, token)
    if what == "ca.pem" and not token:
        return text(roots(call), "application/x-pem-file")
    letter = Letter.get(call, token) if what == "approve" else None
    if letter is None:
        return text(
            "There is nothing to approve here: the request was approved, has ended, or never was.\n", status=404
        )
    if request.method == "POST":
        approve(call.at(account=letter.account, region=letter.region), letter)
        return text(f"The certificate for {letter.domain} is approved.\n")
    return text(PAGE.format(domain=html.escape(letter.domain), account=letter.account), "text/html; charset=utf-8")


PAGE = """<!doctype html>
<title>Certificate approval</title>
<p>Account {account} requests a certificate for <b>{domain}</b>.</p>
<form method="post"><button>I approve</button></form>
"""


def approve(call: Call, letter: Letter) -> None:
    """A name is proven by the one who has read the letter."""
    from .renewing import try_again
    from .validating import look, marked

    for other in list(Letter.scan(call, letter.certificate, index="by_certificate")):
        if other.domain == letter.domain:
            other.delete(call)
    certificate = Certificate.get(call, letter.certificate)
    if certificate is None:
        return
    if certificate.renewal and certificate.renewal["RenewalStatus"] != PROVEN:
        options = marked(certificate.renewal["DomainValidationOptions"], {letter.domain})
        certificate.renewal = certificate.renewal | {"DomainValidationOptions": options, "UpdatedAt": call.now}
        certificate.put(call)
        try_again(call, certificate)
        return
    certificate.domains = marked(certificate.domains, {letter.domain})
    certificate.put(call)
    look.later(call, certificate=certificate.id)


def text(body: str, kind: str = "text/plain; charset=utf-8", status: int = 200) -> Answer:
    return Answer(status, [("content-type", kind)], body.encode())
