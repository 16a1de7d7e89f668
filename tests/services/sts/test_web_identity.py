"""Roles for the bearers of ID tokens, whose signatures are verified by the keys of a real issuer."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import rsa

from pileus import LocalCloud
from pileus.kernel import names
from pileus.testing.account import Account
from tests.kernel.access.people import allow, role, session

from .issuer import Issuer, issuing

WEB = "AssumeRoleWithWebIdentity"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


def register(account: Account, issuer: Issuer, clients: tuple[str, ...] = ("app",), thumbprint: str = "") -> str:
    thumbprints = [thumbprint] if thumbprint else []
    made = account.client("iam").create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=list(clients), ThumbprintList=thumbprints
    )
    return str(made["OpenIDConnectProviderArn"])


def role_for(account: Account, provider: str, issuer: Issuer, subject: str = "user-1", *more: str) -> str:
    """A role for one user of an issuer."""
    condition = {"StringEquals": {f"{issuer.place}:aud": "app", f"{issuer.place}:sub": subject}}
    actions = [f"sts:{WEB}", *more]
    trust = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": actions, "Condition": condition}
    return role(account.cloud, account.id, f"web-{names.token(6)}", allow("sts:*"), trust=[trust])


def enter(account: Account, role_arn: str, token: str) -> dict[str, Any]:
    """What STS answers to a bearer without credentials."""
    sts = account.client("sts", config=Config(signature_version=UNSIGNED))
    given: dict[str, Any] = sts.assume_role_with_web_identity(
        RoleArn=role_arn, RoleSessionName="web", WebIdentityToken=token
    )
    return given


def test_the_bearer_of_a_token_needs_no_credentials(aws: Account, cloud: LocalCloud, issuer: Issuer) -> None:
    role_arn = role_for(aws, register(aws, issuer), issuer)
    answer = enter(aws, role_arn, issuer.token(cloud.clock.now()))
    assert answer["SubjectFromWebIdentityToken"] == "user-1"
    assert (answer["Provider"], answer["Audience"]) == (issuer.url, "app")
    assert session(cloud, answer, "sts").get_caller_identity()["Account"] == aws.id


def test_a_token_is_held_to_the_trust_policy(aws: Account, cloud: LocalCloud, issuer: Issuer, refused: Any) -> None:
    role_arn = role_for(aws, register(aws, issuer), issuer, "user-2")
    now = cloud.clock.now()
    with refused("AccessDenied"):
        enter(aws, role_arn, issuer.token(now))
    enter(aws, role_arn, issuer.token(now, sub="user-2"))
    with refused("InvalidIdentityToken", "Incorrect token audience"):
        enter(aws, role_arn, issuer.token(now, aud="another app"))
    with refused("InvalidIdentityToken", "No OpenIDConnect provider found"):
        enter(aws, role_arn, issuer.token(now, iss="https://no.example"))
    with refused("AccessDenied"):
        enter(aws, f"arn:aws:iam::{aws.id}:role/absent", issuer.token(now))


def test_a_token_that_the_issuer_has_not_signed_is_refused(
    aws: Account, cloud: LocalCloud, issuer: Issuer, refused: Any
) -> None:
    role_arn = role_for(aws, register(aws, issuer), issuer)
    good = issuer.token(cloud.clock.now())
    header, claims, signature = good.split(".")
    forged = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"exp": cloud.clock.now() + 9999}
    changed = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = issuer.key.public_key()
    none = jwt.encode(forged, None, algorithm="none", headers={"kid": issuer.key_id})
    # An issuer's public key is known to everybody: it must not do as a shared secret.
    confused = jwt.encode(forged, str(public.public_numbers().n), algorithm="HS256", headers={"kid": issuer.key_id})
    for token in (
        f"{header}.{changed}.{signature}",
        f"{header}.{claims}.",
        f"{header}.{claims}.{signature[:-4]}AAAA",
        jwt.encode(forged, stranger, algorithm="RS256", headers={"kid": issuer.key_id}),
        jwt.encode(forged, stranger, algorithm="RS256", headers={"kid": "unknown"}),
        none,
        confused,
    ):
        with refused("InvalidIdentityToken"):
            enter(aws, role_arn, token)
    enter(aws, role_arn, good)


def test_a_token_must_be_whole_and_unexpired(aws: Account, cloud: LocalCloud, issuer: Issuer, refused: Any) -> None:
    role_arn = role_for(aws, register(aws, issuer), issuer)
    now = cloud.clock.now()
    with refused("InvalidIdentityToken", "not a valid JWT"):
        enter(aws, role_arn, "no.jwt")
    for missing in ("sub", "aud", "iat"):
        with refused("InvalidIdentityToken", missing):
            enter(aws, role_arn, issuer.token(now, **{missing: None}))
    with refused("ExpiredTokenException"):
        enter(aws, role_arn, issuer.token(now, exp=now - 1))
    with refused("InvalidIdentityToken"):
        enter(aws, role_arn, issuer.token(now, iat=now + 3600))
    token = issuer.token(now)
    cloud.clock.advance(61)
    with refused("ExpiredTokenException"):
        enter(aws, role_arn, token)


def test_keys_are_fetched_once_and_again_when_the_issuer_has_new_ones(aws: Account, cloud: LocalCloud) -> None:
    with issuing() as issuer:
        role_arn = role_for(aws, register(aws, issuer), issuer)
        for _ in range(3):
            enter(aws, role_arn, issuer.token(cloud.clock.now()))
        assert issuer.asked == 1


def test_an_issuer_s_certificate_is_known_by_its_authority_s_thumbprint(
    aws: Account, cloud: LocalCloud, tmp_path: Path, refused: Any
) -> None:
    other = cloud.account()
    with issuing(tmp_path) as issuer:
        known = role_for(aws, register(aws, issuer, thumbprint=issuer.thumbprint), issuer)
        enter(aws, known, issuer.token(cloud.clock.now()))
        unknown = role_for(other, register(other, issuer, thumbprint="a" * 40), issuer)
        with refused("IDPCommunicationError"):
            enter(other, unknown, issuer.token(cloud.clock.now()))


def test_an_issuer_that_is_not_there_cannot_vouch(aws: Account, cloud: LocalCloud, refused: Any) -> None:
    with issuing() as issuer:
        role_arn = role_for(aws, register(aws, issuer), issuer)
    with refused("IDPCommunicationError"):
        enter(aws, role_arn, issuer.token(cloud.clock.now()))


def test_a_token_brings_session_tags_and_a_source_identity_if_the_role_lets_it(
    aws: Account, cloud: LocalCloud, issuer: Issuer, refused: Any
) -> None:
    provider = register(aws, issuer)
    claims: dict[str, Any] = {
        "https://aws.amazon.com/tags": {
            "principal_tags": {"team": ["red"], "cost": ["1"]},
            "transitive_tag_keys": ["team"],
        },
        "https://aws.amazon.com/source_identity": "alice",
    }
    token = issuer.token(cloud.clock.now(), **claims)
    for lacking in ((), ("sts:TagSession",), ("sts:SetSourceIdentity",)):
        with refused("AccessDenied"):
            enter(aws, role_for(aws, provider, issuer, "user-1", *lacking), token)
    whole = role_for(aws, provider, issuer, "user-1", "sts:TagSession", "sts:SetSourceIdentity")
    answer = enter(aws, whole, token)
    assert answer["SourceIdentity"] == "alice"
    red = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        "Condition": red,
    }
    second = role(cloud, aws.id, "second", allow("*"), trust=[trust])
    chained = session(cloud, answer, "sts").assume_role(RoleArn=second, RoleSessionName="chained")
    assert chained["SourceIdentity"] == "alice"


def test_the_authorized_party_is_the_audience(aws: Account, cloud: LocalCloud, issuer: Issuer) -> None:
    role_arn = role_for(aws, register(aws, issuer), issuer)
    answer = enter(aws, role_arn, issuer.token(cloud.clock.now(), aud="the api", azp="app"))
    assert answer["Audience"] == "app"


def test_issuers_that_aws_knows_are_asked_only_for_roles_that_trust_them(
    aws: Account, cloud: LocalCloud, issuer: Issuer, refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def fetched(place: str, thumbprints: tuple[str, ...]) -> list[Any]:
        asked.append(place)
        return list(issuer.documents()["/keys"]["keys"])

    monkeypatch.setattr("pileus.kernel.key_sets.fetched", fetched)
    token = issuer.token(cloud.clock.now(), iss="https://accounts.google.com")
    trust = {"Effect": "Allow", "Principal": {"Federated": "accounts.google.com"}, "Action": f"sts:{WEB}"}
    other = role(cloud, aws.id, "other", trust=[trust | {"Principal": {"Federated": "www.amazon.com"}}])
    with refused("AccessDenied"):
        enter(aws, other, token)
    assert asked == []
    answer = enter(aws, role(cloud, aws.id, "google", allow("*"), trust=[trust]), token)
    assert answer["Provider"] == "https://accounts.google.com"
    assert asked == ["https://accounts.google.com"]
