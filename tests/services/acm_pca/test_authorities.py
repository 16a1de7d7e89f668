"""Authorities: their life, their certificates, who may use them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.kernel.access.people import User, allow

from .conftest import Authorities, parsed, request

DAY = 86400


def test_a_hierarchy_is_one_that_openssl_verifies(authorities: Authorities, cloud: Any, tmp_path: Path) -> None:
    root = authorities.root()
    below = authorities.below(root)
    leaf = authorities.issue(below, request("www.example.com"))
    pca = authorities.pca
    trusted = pca.get_certificate_authority_certificate(CertificateAuthorityArn=root)
    assert "CertificateChain" not in trusted
    for name, text in (
        ("root", trusted["Certificate"]),
        ("leaf", leaf["Certificate"]),
        ("chain", leaf["CertificateChain"]),
    ):
        (tmp_path / name).write_text(text + "\n")
    verified = subprocess.run(
        ["openssl", "verify", "-CAfile", "root", "-untrusted", "chain", "-purpose", "sslserver",
         "-attime", str(int(cloud.clock.now())), "leaf"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert verified.stdout == "leaf: OK\n", verified
    told = authorities.describe(below)
    assert told["Status"] == "ACTIVE" and told["Type"] == "SUBORDINATE"
    own = parsed(pca.get_certificate_authority_certificate(CertificateAuthorityArn=below)["Certificate"])
    assert told["Serial"].replace(":", "") == f"{own.serial_number:032x}"
    assert own.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [("RSA_2048", "SHA256WITHRSA"), ("RSA_2048", "SHA512WITHRSA_PSS"), ("EC_secp384r1", "SHA384WITHECDSA"),
     ("ML_DSA_65", "ML_DSA_65")],
)  # fmt: skip
def test_key_and_signing_algorithms(authorities: Authorities, key: str, algorithm: str, refused: Any) -> None:
    root = authorities.root(key=key, algorithm=algorithm)
    leaf = authorities.issue(root, request("a.example.com"), SigningAlgorithm=algorithm)
    parsed(leaf["Certificate"]).verify_directly_issued_by(parsed(leaf["CertificateChain"]))
    other = "SHA256WITHECDSA" if not algorithm.endswith("ECDSA") else "SHA256WITHRSA"
    with refused("InvalidArgsException"):
        authorities.issue(root, request(), SigningAlgorithm=other)
    with refused("InvalidArgsException"):
        authorities.create(key=key, algorithm=other)


def test_a_new_authority_waits_for_its_certificate(authorities: Authorities, refused: Any) -> None:
    arn = authorities.create("SUBORDINATE")
    assert authorities.describe(arn)["Status"] == "PENDING_CERTIFICATE"
    with refused("InvalidStateException"):
        authorities.issue(arn, request())
    with refused("InvalidStateException"):
        authorities.pca.get_certificate_authority_certificate(CertificateAuthorityArn=arn)
    with refused("InvalidStateException"):
        authorities.pca.update_certificate_authority(CertificateAuthorityArn=arn, Status="DISABLED")


def test_only_the_certificate_of_its_own_request_can_be_installed(authorities: Authorities, refused: Any) -> None:
    root = authorities.root()
    below = authorities.create("SUBORDINATE", "below")
    install = authorities.pca.import_certificate_authority_certificate
    stranger = authorities.issue(root, request(), "SubordinateCACertificate_PathLen0")
    chain = stranger["CertificateChain"].encode()
    with refused("CertificateMismatchException"):
        install(CertificateAuthorityArn=below, Certificate=stranger["Certificate"].encode(), CertificateChain=chain)
    with refused("MalformedCertificateException"):
        install(CertificateAuthorityArn=below, Certificate=b"no certificate", CertificateChain=chain)
    own = authorities.issue(root, authorities.csr(below), "SubordinateCACertificate_PathLen0")["Certificate"].encode()
    with refused("InvalidRequestException", "chain"):
        install(CertificateAuthorityArn=below, Certificate=own)
    leaf = authorities.issue(root, authorities.csr(below))["Certificate"].encode()
    with refused("MalformedCertificateException"):
        install(CertificateAuthorityArn=below, Certificate=leaf, CertificateChain=chain)
    other = authorities.pca.get_certificate_authority_certificate(
        CertificateAuthorityArn=authorities.root(name="other")
    )["Certificate"].encode()
    with refused("MalformedCertificateException"):
        install(CertificateAuthorityArn=below, Certificate=own, CertificateChain=other)
    assert authorities.describe(below)["Status"] == "PENDING_CERTIFICATE"
    install(CertificateAuthorityArn=below, Certificate=own, CertificateChain=chain)
    assert authorities.describe(below)["Status"] == "ACTIVE"


def test_deletion_and_restoration(authorities: Authorities, clock: Any, refused: Any) -> None:
    pca, arn = authorities.pca, authorities.root()
    with refused("InvalidStateException"):
        pca.delete_certificate_authority(CertificateAuthorityArn=arn)
    pca.update_certificate_authority(CertificateAuthorityArn=arn, Status="DISABLED")
    with refused("InvalidStateException"):
        authorities.issue(arn, request())
    pca.delete_certificate_authority(CertificateAuthorityArn=arn, PermanentDeletionTimeInDays=7)
    told = authorities.describe(arn)
    assert told["Status"] == "DELETED" and abs(told["RestorableUntil"].timestamp() - clock.now() - 7 * DAY) < 1
    with refused("InvalidStateException"):
        pca.list_tags(CertificateAuthorityArn=arn)
    clock.advance(6 * DAY)
    pca.restore_certificate_authority(CertificateAuthorityArn=arn)
    assert authorities.describe(arn)["Status"] == "DISABLED"
    clock.advance(2 * DAY)
    assert authorities.describe(arn)["Status"] == "DISABLED"
    pca.delete_certificate_authority(CertificateAuthorityArn=arn)
    clock.advance(31 * DAY)
    with refused("ResourceNotFoundException"):
        authorities.describe(arn)


def test_an_authority_expires_with_its_certificate(authorities: Authorities, clock: Any, refused: Any) -> None:
    arn = authorities.root(days=30)
    clock.advance(31 * DAY)
    assert authorities.describe(arn)["Status"] == "EXPIRED"
    with refused("InvalidStateException"):
        authorities.issue(arn, request())


def test_a_token_makes_creation_idempotent_for_five_minutes(authorities: Authorities, clock: Any) -> None:
    first = authorities.create(IdempotencyToken="once")
    assert authorities.create(IdempotencyToken="once") == first
    clock.advance(301)
    assert authorities.create(IdempotencyToken="once") != first


def test_tags_are_removed_by_key_or_by_key_and_value(authorities: Authorities, refused: Any) -> None:
    pca, arn = authorities.pca, authorities.create(Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    pca.untag_certificate_authority(CertificateAuthorityArn=arn, Tags=[{"Key": "a", "Value": "other"}])
    pca.tag_certificate_authority(CertificateAuthorityArn=arn, Tags=[{"Key": "c", "Value": "3"}])
    pca.untag_certificate_authority(CertificateAuthorityArn=arn, Tags=[{"Key": "b"}])
    assert pca.list_tags(CertificateAuthorityArn=arn)["Tags"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "c", "Value": "3"},
    ]
    page = pca.list_tags(CertificateAuthorityArn=arn, MaxResults=1)
    more = pca.list_tags(CertificateAuthorityArn=arn, MaxResults=1, NextToken=page["NextToken"])
    assert [tag["Key"] for tag in more["Tags"]] == ["c"]
    with refused("InvalidTagException"):
        pca.tag_certificate_authority(CertificateAuthorityArn=arn, Tags=[{"Key": "aws:x", "Value": "3"}])
    with refused("InvalidNextTokenException"):
        pca.list_certificate_authorities(NextToken="nonsense")


def test_permissions_of_acm(authorities: Authorities, refused: Any) -> None:
    pca, arn = authorities.pca, authorities.root()
    given = {"CertificateAuthorityArn": arn, "Principal": "acm.amazonaws.com"}
    pca.create_permission(**given, Actions=["IssueCertificate", "GetCertificate", "ListPermissions"])
    with refused("PermissionAlreadyExistsException"):
        pca.create_permission(**given, Actions=["IssueCertificate"])
    (one,) = pca.list_permissions(CertificateAuthorityArn=arn)["Permissions"]
    assert one["Actions"] == ["IssueCertificate", "GetCertificate", "ListPermissions"]
    assert one["SourceAccount"] == authorities.aws.id
    pca.delete_permission(**given)
    with refused("ResourceNotFoundException"):
        pca.delete_permission(**given)
    with refused("ValidationException"):
        pca.create_permission(**(given | {"Principal": "sns.amazonaws.com"}), Actions=["IssueCertificate"])


def test_a_policy_shares_an_authority_with_another_account(cloud: Any, authorities: Authorities, refused: Any) -> None:
    arn, other = authorities.root(), cloud.account()
    theirs = other.client("acm-pca")
    with refused("AccessDeniedException"):
        theirs.describe_certificate_authority(CertificateAuthorityArn=arn)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": other.id},
        "Action": ["acm-pca:DescribeCertificateAuthority", "acm-pca:GetCertificate", "acm-pca:IssueCertificate"],
        "Resource": arn,
    }
    pca = authorities.pca
    with refused("ResourceNotFoundException"):
        pca.get_policy(ResourceArn=arn)
    for wrong in ({"Action": "acm-pca:DeletePolicy"}, {"Effect": "Deny"}, {"Principal": "*"}):
        with refused("InvalidPolicyException"):
            pca.put_policy(ResourceArn=arn, Policy=policy(statement | wrong))
    pca.put_policy(ResourceArn=arn, Policy=policy(statement))
    assert json.loads(pca.get_policy(ResourceArn=arn)["Policy"])["Statement"] == [statement]
    assert theirs.describe_certificate_authority(CertificateAuthorityArn=arn)["CertificateAuthority"]["Arn"] == arn
    shared = theirs.list_certificate_authorities(ResourceOwner="OTHER_ACCOUNTS")["CertificateAuthorities"]
    assert [one["OwnerAccount"] for one in shared] == [authorities.aws.id]
    assert theirs.list_certificate_authorities()["CertificateAuthorities"] == []
    issued = theirs.issue_certificate(
        CertificateAuthorityArn=arn, Csr=request(), SigningAlgorithm="SHA256WITHECDSA",
        Validity={"Type": "DAYS", "Value": 3},
    )["CertificateArn"]  # fmt: skip
    assert theirs.get_certificate(CertificateAuthorityArn=arn, CertificateArn=issued)
    with refused("AccessDeniedException"):
        theirs.update_certificate_authority(CertificateAuthorityArn=arn, Status="DISABLED")
    pca.delete_policy(ResourceArn=arn)
    assert theirs.list_certificate_authorities(ResourceOwner="OTHER_ACCOUNTS")["CertificateAuthorities"] == []


def test_an_authority_is_shared_by_ram(cloud: Any, authorities: Authorities) -> None:
    arn, other = authorities.root(), cloud.account()
    authorities.aws.client("ram").create_resource_share(name="authority", resourceArns=[arn], principals=[other.id])
    ram, theirs = other.client("ram"), other.client("acm-pca")
    for invitation in ram.get_resource_share_invitations()["resourceShareInvitations"]:
        ram.accept_resource_share_invitation(resourceShareInvitationArn=invitation["resourceShareInvitationArn"])
    shared = theirs.list_certificate_authorities(ResourceOwner="OTHER_ACCOUNTS")["CertificateAuthorities"]
    assert [one["Arn"] for one in shared] == [arn]
    issued = theirs.issue_certificate(
        CertificateAuthorityArn=arn, Csr=request(), SigningAlgorithm="SHA256WITHECDSA",
        TemplateArn="arn:aws:acm-pca:::template/EndEntityCertificate/V1", Validity={"Type": "DAYS", "Value": 3},
    )["CertificateArn"]  # fmt: skip
    assert theirs.get_certificate(CertificateAuthorityArn=arn, CertificateArn=issued)


def test_a_user_can_be_held_to_a_template(cloud: Any, authorities: Authorities, refused: Any) -> None:
    arn = authorities.root()
    user = User(cloud, authorities.aws.id)
    fine = {"StringLike": {"acm-pca:TemplateArn": "arn:aws:acm-pca:::template/EndEntity*/V1"}}
    user.grant(allow("acm-pca:IssueCertificate", arn, Condition=fine))
    pca = user.client("acm-pca")
    members = {"CertificateAuthorityArn": arn, "Csr": request(), "SigningAlgorithm": "SHA256WITHECDSA"}
    members["Validity"] = {"Type": "DAYS", "Value": 3}
    pca.issue_certificate(**members, TemplateArn="arn:aws:acm-pca:::template/EndEntityCertificate/V1")
    with refused("AccessDeniedException"):
        pca.issue_certificate(**members, TemplateArn="arn:aws:acm-pca:::template/SubordinateCACertificate_PathLen0/V1")


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
