"""Outbound federation: tokens of an account's principals, which anybody can verify by the account's published keys."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import urlopen

import jwt
import pytest

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.kernel.access.people import User, allow, role, session
from tests.services.organizations.founding import Organized

STS = "https://sts.amazonaws.com/"


def verified(token: str, issuer: str, audience: str, now: float) -> dict[str, Any]:
    """What a token says, after a stranger has verified it as OpenID Connect wants it."""
    with urlopen(f"{issuer}/.well-known/openid-configuration") as answer:
        about = json.load(answer)
    assert about["issuer"] == issuer
    key = jwt.PyJWKClient(about["jwks_uri"]).get_signing_key_from_jwt(token)
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=about["id_token_signing_alg_values_supported"],
        audience=audience,
        issuer=issuer,
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    assert claims["iat"] <= now < claims["exp"]
    return claims


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_a_stranger_verifies_who_somebody_is(aws: Account, cloud: LocalCloud, algorithm: str) -> None:
    issuer = aws.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]
    arn = role(cloud, aws.id, "worker", allow("sts:GetWebIdentityToken"), tags={"team": "red"})
    answer = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="one")
    given = session(cloud, answer, "sts").get_web_identity_token(
        Audience=["https://api.example"],
        SigningAlgorithm=algorithm,
        DurationSeconds=600,
        Tags=[{"Key": "stage", "Value": "test"}],
    )
    claims = verified(given["WebIdentityToken"], issuer, "https://api.example", cloud.clock.now())
    assert claims["sub"] == arn
    assert given["Expiration"].timestamp() == claims["exp"] == claims["iat"] + 600
    assert claims[STS] == claims[STS] | {
        "aws_account": aws.id,
        "source_region": "us-east-1",
        "principal_id": arn,
        "principal_tags": {"team": "red"},
        "request_tags": {"stage": "test"},
    }


def test_the_feature_is_enabled_and_disabled(aws: Account, refused: Any) -> None:
    iam, sts = aws.client("iam"), aws.client("sts")
    asked = {"Audience": ["a"], "SigningAlgorithm": "ES384"}
    with refused("FeatureDisabled"):
        iam.get_outbound_web_identity_federation_info()
    with refused("OutboundWebIdentityFederationDisabledException"):
        sts.get_web_identity_token(**asked)
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    with refused("FeatureEnabled"):
        iam.enable_outbound_web_identity_federation()
    assert iam.get_outbound_web_identity_federation_info()["IssuerIdentifier"] == issuer
    token = sts.get_web_identity_token(**asked)["WebIdentityToken"]
    iam.disable_outbound_web_identity_federation()
    with refused("OutboundWebIdentityFederationDisabledException"):
        sts.get_web_identity_token(**asked)
    assert verified(token, issuer, "a", 0 or jwt.decode(token, options={"verify_signature": False})["iat"])


def test_a_token_does_not_outlive_the_session_that_asks_for_it(aws: Account, cloud: LocalCloud, refused: Any) -> None:
    aws.client("iam").enable_outbound_web_identity_federation()
    arn = role(cloud, aws.id, "short", allow("sts:GetWebIdentityToken"))
    answer = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="one", DurationSeconds=900)
    sts = session(cloud, answer, "sts")
    with refused("SessionDurationEscalationException"):
        sts.get_web_identity_token(Audience=["a"], SigningAlgorithm="ES384", DurationSeconds=3600)


def test_policies_say_for_whom_tokens_may_be_made(aws: Account, cloud: LocalCloud, refused: Any) -> None:
    aws.client("iam").enable_outbound_web_identity_federation()
    only = {"ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "https://fine.example"}}
    sts = User(cloud, aws.id, allow("sts:GetWebIdentityToken", Condition=only)).client("sts")
    sts.get_web_identity_token(Audience=["https://fine.example"], SigningAlgorithm="ES384")
    with refused("AccessDenied"):
        sts.get_web_identity_token(Audience=["https://other.example"], SigningAlgorithm="ES384")


def test_another_account_of_the_cloud_takes_such_a_token_for_a_role(aws: Account, cloud: LocalCloud) -> None:
    organized = Organized(aws, cloud)
    issuer = aws.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]
    given = aws.client("sts").get_web_identity_token(Audience=["app"], SigningAlgorithm="RS256")["WebIdentityToken"]
    claims = verified(given, issuer, "app", cloud.clock.now())
    assert claims[STS]["org_id"] == organized.id
    other = cloud.account()
    provider = other.client("iam").create_open_id_connect_provider(Url=issuer, ClientIDList=["app"])
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer.partition('://')[2]}:sub": f"arn:aws:iam::{aws.id}:root"}},
    }
    arn = role(cloud, other.id, "trusting", allow("*"), trust=[trust])
    answer = other.client("sts").assume_role_with_web_identity(
        RoleArn=arn, RoleSessionName="loop", WebIdentityToken=given
    )
    assert session(cloud, answer, "sts").get_caller_identity()["Account"] == other.id
