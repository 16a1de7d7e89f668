"""Requested certificates: proven, issued, given up; by the cloud's authority and by private ones."""

from __future__ import annotations

import ssl
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.kernel.access.people import User, allow
from tests.services.acm_pca.conftest import Authorities

from .conftest import Acm

HOUR, DAY = 3600, 86400


def test_a_request_waits_for_proof_of_its_names(acm: Acm, refused: Any) -> None:
    arn = acm.request("www.example.com", "*.example.com", "example.com", ValidationMethod="DNS")
    told = acm.describe(arn)
    assert told["Status"] == "PENDING_VALIDATION" and told["Type"] == "AMAZON_ISSUED"
    assert told["SubjectAlternativeNames"] == ["www.example.com", "*.example.com", "example.com"]
    options = {one["DomainName"]: one for one in told["DomainValidationOptions"]}
    assert {one["ValidationStatus"] for one in options.values()} == {"PENDING_VALIDATION"}
    records = {name: one["ResourceRecord"] for name, one in options.items()}
    assert records["*.example.com"] == records["example.com"] != records["www.example.com"]
    assert records["example.com"]["Name"].endswith(".example.com.") and records["example.com"]["Type"] == "CNAME"
    assert records["example.com"]["Value"].endswith(".acm-validations.aws.")
    with refused("RequestInProgressException"):
        acm.client.get_certificate(CertificateArn=arn)
    again = acm.describe(acm.request("example.com", ValidationMethod="DNS"))["DomainValidationOptions"]
    assert again[0]["ResourceRecord"] == records["example.com"]


def test_a_request_that_nobody_proves_times_out_after_72_hours(acm: Acm) -> None:
    arn = acm.request("www.example.com", ValidationMethod="DNS")
    acm.cloud.clock.advance(72 * HOUR - 60)
    assert acm.describe(arn)["Status"] == "PENDING_VALIDATION"
    acm.cloud.clock.advance(120)
    assert acm.describe(arn)["Status"] == "VALIDATION_TIMED_OUT"
    acm.client.delete_certificate(CertificateArn=arn)


def test_a_name_is_proven_by_the_link_in_a_mail(acm: Acm) -> None:
    arn = acm.request("example.com", "www.example.com")
    (first, second) = acm.describe(arn)["DomainValidationOptions"]
    assert "admin@example.com" in first["ValidationEmails"] and second["ValidationDomain"] == "www.example.com"
    acm.approve("example.com")
    told = acm.describe(arn)
    assert [one["ValidationStatus"] for one in told["DomainValidationOptions"]] == ["SUCCESS", "PENDING_VALIDATION"]
    acm.client.resend_validation_email(CertificateArn=arn, Domain="www.example.com", ValidationDomain="example.com")
    assert acm.describe(arn)["DomainValidationOptions"][1]["ValidationDomain"] == "example.com"
    acm.approve("www.example.com")
    assert acm.describe(arn)["Status"] == "ISSUED"


def test_an_issued_certificate_is_one_that_clients_verify(acm: Acm, tmp_path: Path) -> None:
    arn = acm.issued("www.example.com")
    told, found = acm.describe(arn), acm.client.get_certificate(CertificateArn=arn)
    with urllib.request.urlopen(f"{acm.cloud.endpoint}/_pileus/at/acm/ca.pem") as answer:
        (tmp_path / "root").write_bytes(answer.read())
    (tmp_path / "leaf").write_text(found["Certificate"])
    (tmp_path / "chain").write_text(found["CertificateChain"])
    command = ["openssl", "verify", "-CAfile", "root", "-untrusted", "chain", "-purpose", "sslserver"]
    command += ["-attime", str(int(acm.cloud.clock.now())), "-verify_hostname", "www.example.com", "leaf"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout == "leaf: OK\n"
    assert ssl.create_default_context(cadata=(tmp_path / "root").read_text())
    assert (told["NotAfter"] - told["NotBefore"]).days == 197  # 198 but for a second
    assert told["KeyAlgorithm"] == "RSA_2048" and told["SignatureAlgorithm"] == "SHA256WITHRSA"
    assert told["Subject"] == "CN=www.example.com" and told["RenewalEligibility"] == "INELIGIBLE"
    leaf = x509.load_pem_x509_certificate(found["Certificate"].encode())
    assert told["Serial"].replace(":", "") == f"{leaf.serial_number:0{len(told['Serial'].replace(':', ''))}x}"


def test_a_cloud_may_take_every_name_as_proven(trusting: Any) -> None:
    client = trusting.account().client("acm")
    arn = client.request_certificate(DomainName="www.example.com", ValidationMethod="DNS", KeyAlgorithm="EC_prime256v1")
    client.get_waiter("certificate_validated").wait(
        CertificateArn=arn["CertificateArn"], WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )


def test_a_token_makes_requests_idempotent_for_an_hour(acm: Acm) -> None:
    first = acm.request("example.com", IdempotencyToken="a")
    assert acm.request("example.com", IdempotencyToken="a") == first
    assert acm.request("example.org", IdempotencyToken="a") != first
    acm.cloud.clock.advance(HOUR + 1)
    assert acm.request("example.com", IdempotencyToken="a") != first


def test_what_cannot_be_requested(acm: Acm, refused: Any) -> None:
    with refused("LimitExceededException"):
        acm.request("example.com", *(f"{number}.example.com" for number in range(10)))
    with refused("InvalidDomainValidationOptionsException"):
        options = [{"DomainName": "example.com", "ValidationDomain": "example.org"}]
        acm.request("example.com", DomainValidationOptions=options)
    with refused("InvalidParameterException"):
        acm.request("example.com", KeyAlgorithm="RSA_1024")
    with refused("InvalidParameterException"):
        acm.request("example.com", ValidationMethod="HTTP")
    with refused("ValidationException"):
        acm.request("no_name.example.com")
    missing = f"arn:aws:acm:us-east-1:{acm.account.id}:certificate/00000000-0000-4000-8000-000000000000"
    with refused("ResourceNotFoundException", f"Could not find certificate {missing}"):
        acm.describe(missing)
    assert acm.client.list_certificates()["CertificateSummaryList"] == []


def test_a_user_can_be_held_to_names_and_to_dns(cloud: Any, acm: Acm, refused: Any) -> None:
    fine = {
        "ForAllValues:StringLike": {"acm:DomainNames": ["*.example.com"]},
        "StringEquals": {"acm:ValidationMethod": "DNS"},
    }
    user = User(cloud, acm.account.id, allow("acm:RequestCertificate", "*", Condition=fine))
    client = user.client("acm")
    client.request_certificate(DomainName="a.example.com", ValidationMethod="DNS")
    for wrong in (
        {"DomainName": "a.example.com"},
        {"DomainName": "a.example.org", "ValidationMethod": "DNS"},
        {"DomainName": "a.example.com", "SubjectAlternativeNames": ["b.example.org"], "ValidationMethod": "DNS"},
    ):
        with refused("AccessDeniedException"):
            client.request_certificate(**wrong)


# Private certificates


@pytest.fixture
def authority(aws: Any, clock: Any) -> str:
    return Authorities(aws).root()


def test_a_private_certificate_comes_from_its_authority(acm: Acm, authority: str) -> None:
    arn = acm.request("db.internal.example.com", CertificateAuthorityArn=authority, KeyAlgorithm="EC_secp384r1")
    told = acm.describe(arn)
    assert (told["Status"], told["Type"], told["CertificateAuthorityArn"]) == ("ISSUED", "PRIVATE", authority)
    found = acm.client.get_certificate(CertificateArn=arn)
    leaf, root = (x509.load_pem_x509_certificate(found[name].encode()) for name in ("Certificate", "CertificateChain"))
    leaf.verify_directly_issued_by(root)
    assert (told["NotAfter"] - acm.describe(arn)["IssuedAt"]).days in (394, 395)


def test_why_a_private_certificate_was_not_issued(cloud: Any, acm: Acm, authority: str) -> None:
    def reason(place: str, client: Any = acm.client) -> str:
        arn = client.request_certificate(DomainName="db.example.com", CertificateAuthorityArn=place)["CertificateArn"]
        acm.settle()
        told = acm.describe(arn)
        assert told["Status"] == "FAILED"
        return str(told["FailureReason"])

    assert reason(authority[:-4] + "0000") == "PCA_RESOURCE_NOT_FOUND"
    user = User(cloud, acm.account.id, allow("acm:RequestCertificate", "*"))
    assert reason(authority, user.client("acm")) == "PCA_ACCESS_DENIED"
    acm.account.client("acm-pca").update_certificate_authority(CertificateAuthorityArn=authority, Status="DISABLED")
    assert reason(authority) == "PCA_INVALID_STATE"


# Renewal


def test_a_certificate_that_nobody_uses_expires(acm: Acm) -> None:
    arn = acm.issued("www.example.com")
    acm.cloud.clock.advance(199 * DAY)
    assert acm.describe(arn)["Status"] == "EXPIRED"


def test_an_exported_certificate_is_renewed_once_its_names_are_proven_again(acm: Acm) -> None:
    arn = acm.issued("www.example.com", Options={"Export": "ENABLED"})
    acm.client.export_certificate(CertificateArn=arn, Passphrase=b"secret")
    before = acm.describe(arn)
    assert before["RenewalEligibility"] == "ELIGIBLE"
    acm.cloud.clock.advance(160 * DAY)
    waiting = acm.describe(arn)
    assert waiting["Serial"] == before["Serial"]
    assert waiting["RenewalSummary"]["RenewalStatus"] == "PENDING_VALIDATION"
    acm.approve("www.example.com")
    after = acm.describe(arn)
    assert after["RenewalSummary"]["RenewalStatus"] == "SUCCESS"
    assert after["Serial"] != before["Serial"] and after["NotAfter"] > before["NotAfter"]
    acm.cloud.clock.advance(40 * DAY)
    assert acm.describe(arn)["Status"] == "ISSUED"


def test_a_private_certificate_is_renewed_with_the_authoritys_permission(
    acm: Acm, authority: str, refused: Any
) -> None:
    arn = acm.request("db.example.com", CertificateAuthorityArn=authority)
    with refused("ValidationException", "not eligible"):
        acm.client.renew_certificate(CertificateArn=arn)
    acm.client.export_certificate(CertificateArn=arn, Passphrase=b"secret")
    before = acm.describe(arn)
    acm.client.renew_certificate(CertificateArn=arn)
    acm.settle()
    assert acm.describe(arn)["RenewalSummary"]["RenewalStatusReason"] == "PCA_ACCESS_DENIED"
    acm.account.client("acm-pca").create_permission(
        CertificateAuthorityArn=authority,
        Principal="acm.amazonaws.com",
        Actions=["IssueCertificate", "GetCertificate", "ListPermissions"],
    )
    acm.client.renew_certificate(CertificateArn=arn)
    acm.settle()
    after = acm.describe(arn)
    assert after["RenewalSummary"]["RenewalStatus"] == "SUCCESS" and after["Serial"] != before["Serial"]


def test_a_certificate_moves_from_mails_to_dns(trusting: Any, acm: Acm, refused: Any) -> None:
    arn = acm.issued("www.example.com")
    acm.client.update_certificate_options(CertificateArn=arn, Options={"ValidationMethod": "DNS"})
    (one,) = acm.client.list_certificate_domain_validations(CertificateArn=arn)["DomainValidationSummaryList"]
    assert one["ActiveValidationConfiguration"]["ValidationMethod"] == "EMAIL"
    challenge = one["RequestedValidationConfiguration"]["ValidationChallenge"]["DnsValidationChallenge"]
    assert challenge["ResourceRecord"]["Name"].endswith(".www.example.com.")
    with refused("ConflictException"):
        acm.client.update_certificate_options(CertificateArn=arn, Options={"ValidationMethod": "DNS"})
    acm.cloud.clock.advance(73 * HOUR)
    assert acm.describe(arn)["UpdateSummary"]["Status"] == "FAILED"
    assert (
        "RequestedValidationConfiguration"
        not in acm.client.list_certificate_domain_validations(CertificateArn=arn)["DomainValidationSummaryList"][0]
    )
