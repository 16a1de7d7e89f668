"""Roles for those whom a SAML identity provider vouches for by its signature."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from lxml import etree

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.kernel.access.people import allow, role, session

from .provider import IdentityProvider, decoded, encoded

OURS = "urn:amazon:webservices"
CONDITIONS = "<Conditions><AudienceRestriction><Audience>{}</Audience></AudienceRestriction></Conditions>"
NAMESPACE = "{urn:oasis:names:tc:SAML:2.0:assertion}"


@pytest.fixture(scope="module")
def provider() -> IdentityProvider:
    return IdentityProvider()


@pytest.fixture
def granted(aws: Account, cloud: LocalCloud, provider: IdentityProvider) -> dict[str, Any]:
    """What a request for a role names, and the attribute that lets its bearer have the role."""
    provider_arn = provider.register(aws)
    actions = ["sts:AssumeRoleWithSAML", "sts:TagSession"]
    trust = {"Effect": "Allow", "Principal": {"Federated": provider_arn}, "Action": actions}
    role_arn = role(cloud, aws.id, "reader", allow("sts:*"), trust=[trust])
    return {"RoleArn": role_arn, "PrincipalArn": provider_arn}


def attribute(granted: dict[str, Any]) -> dict[str, str]:
    return {"Role": f"{granted['RoleArn']},{granted['PrincipalArn']}", "RoleSessionName": "alice"}


@pytest.mark.parametrize("whole", [False, True], ids=["the assertion", "the response"])
def test_what_is_signed_opens_its_role(
    aws: Account, cloud: LocalCloud, provider: IdentityProvider, granted: dict[str, Any], whole: bool
) -> None:
    assertion = provider.assertion(cloud.clock.now() + 60, **attribute(granted))
    answer = aws.client("sts").assume_role_with_saml(**granted, SAMLAssertion=provider.response(assertion, whole))
    assert (answer["Subject"], answer["SubjectType"]) == ("alice", "persistent")
    assert answer["Issuer"] == "https://idp.example"
    assert answer["Audience"] == "https://signin.aws.amazon.com/saml"
    assert answer["AssumedRoleUser"]["Arn"].endswith("assumed-role/reader/alice")
    assert session(cloud, answer, "sts").get_caller_identity()["Account"] == aws.id


def test_what_nobody_or_another_has_signed_opens_nothing(
    aws: Account, cloud: LocalCloud, provider: IdentityProvider, granted: dict[str, Any], refused: Any
) -> None:
    sts = aws.client("sts")
    assertion = provider.assertion(cloud.clock.now() + 60, **attribute(granted))
    unsigned = etree.fromstring(
        f'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">{assertion}</samlp:Response>'
    )
    tampered = decoded(provider.response(assertion))
    tampered.find(f".//{NAMESPACE}NameID").text = "mallory"
    for document in (encoded(unsigned), encoded(tampered), IdentityProvider().response(assertion)):
        with refused("InvalidIdentityToken", "Response signature invalid"):
            sts.assume_role_with_saml(**granted, SAMLAssertion=document)


def test_an_assertion_wrapped_around_a_signed_one_is_not_believed(
    aws: Account, cloud: LocalCloud, provider: IdentityProvider, granted: dict[str, Any]
) -> None:
    """XML signature wrapping: a forged assertion where readers look first, and the signed one still in the document."""
    assertion = provider.assertion(cloud.clock.now() + 60, **attribute(granted))
    document = decoded(provider.response(assertion))
    forged = copy.deepcopy(document.find(f"{NAMESPACE}Assertion"))
    forged.set("ID", "_forged")
    forged.find(f".//{NAMESPACE}NameID").text = "mallory"
    forged.remove(forged.find("{http://www.w3.org/2000/09/xmldsig#}Signature"))
    document.insert(0, forged)
    answer = aws.client("sts").assume_role_with_saml(**granted, SAMLAssertion=encoded(document))
    assert answer["Subject"] == "alice"


def test_an_assertion_opens_no_other_role_and_not_for_ever(
    aws: Account, cloud: LocalCloud, provider: IdentityProvider, granted: dict[str, Any], refused: Any
) -> None:
    sts, now = aws.client("sts"), cloud.clock.now()
    good = provider.response(provider.assertion(now + 60, **attribute(granted)))
    with refused("IDPRejectedClaim"):
        sts.assume_role_with_saml(**granted | {"RoleArn": f"arn:aws:iam::{aws.id}:role/admin"}, SAMLAssertion=good)
    with refused("ExpiredTokenException"):
        sts.assume_role_with_saml(
            **granted, SAMLAssertion=provider.response(provider.assertion(now - 60, **attribute(granted)))
        )
    with refused("InvalidIdentityToken"):
        sts.assume_role_with_saml(**granted, SAMLAssertion="bm8geG1s")
    with refused("InvalidIdentityToken", "Specified provider doesn't exist"):
        sts.assume_role_with_saml(
            **granted | {"PrincipalArn": f"arn:aws:iam::{aws.id}:saml-provider/none"}, SAMLAssertion=good
        )


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ('Recipient="https://signin.aws.amazon.com/saml"', 'Recipient="https://another.example/saml"'),
        ("<AttributeStatement>", CONDITIONS.format("https://another.example") + "<AttributeStatement>"),
    ],
    ids=["recipient", "audience"],
)
def test_an_assertion_that_is_meant_for_somebody_else_is_refused(
    aws: Account,
    cloud: LocalCloud,
    provider: IdentityProvider,
    granted: dict[str, Any],
    refused: Any,
    written: str,
    instead: str,
) -> None:
    assertion = provider.assertion(cloud.clock.now() + 60, **attribute(granted))
    theirs = assertion.replace(written, instead)
    assert theirs != assertion
    with refused("IDPRejectedClaim"):
        aws.client("sts").assume_role_with_saml(**granted, SAMLAssertion=provider.response(theirs))
    ours = assertion.replace("<AttributeStatement>", CONDITIONS.format(OURS) + "<AttributeStatement>")
    aws.client("sts").assume_role_with_saml(**granted, SAMLAssertion=provider.response(ours))


def test_an_assertion_shortens_the_session_and_tags_it(
    aws: Account, cloud: LocalCloud, provider: IdentityProvider, granted: dict[str, Any]
) -> None:
    more = {"SessionDuration": "900", "PrincipalTag:team": "red"}
    assertion = provider.assertion(cloud.clock.now() + 60, **attribute(granted), **more)
    answer = aws.client("sts").assume_role_with_saml(**granted, SAMLAssertion=provider.response(assertion))
    lasts = answer["Credentials"]["Expiration"].timestamp() - cloud.clock.now()
    assert lasts == pytest.approx(900, abs=5)
    assert answer["PackedPolicySize"] > 0
