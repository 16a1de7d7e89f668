"""Certificates: what templates, requests and the API put into them, and how they are revoked."""

from __future__ import annotations

import base64
import csv
import json
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from hypothesis import given
from hypothesis import strategies as st

from pileus.services.acm_pca import validity

from .conftest import Authorities, parsed, request

DAY = 86400


@pytest.fixture
def root(authorities: Authorities) -> str:
    return authorities.root()


def extension(pem: str, kind: Any) -> Any:
    return parsed(pem).extensions.get_extension_for_class(kind)


@pytest.mark.parametrize(
    ("template", "purposes", "critical"),
    [
        ("EndEntityCertificate", [Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH], False),
        ("EndEntityClientAuthCertificate", [Purpose.CLIENT_AUTH], False),
        ("EndEntityServerAuthCertificate", [Purpose.SERVER_AUTH], False),
        ("CodeSigningCertificate", [Purpose.CODE_SIGNING], True),
        ("OCSPSigningCertificate", [Purpose.OCSP_SIGNING], True),
    ],
)
def test_templates_of_end_entities(
    authorities: Authorities, root: str, template: str, purposes: list[Any], critical: bool
) -> None:
    found = authorities.issue(root, request("a.example.com", "b.example.com"), template)["Certificate"]
    used = extension(found, x509.ExtendedKeyUsage)
    assert list(used.value) == purposes and used.critical is critical
    assert extension(found, x509.KeyUsage).critical and not extension(found, x509.BasicConstraints).value.ca
    names = extension(found, x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example.com", "b.example.com"]


def test_what_the_template_says_comes_before_the_api_and_the_api_before_the_request(
    authorities: Authorities, root: str
) -> None:
    asked = request("csr.example.com", more=[x509.ExtendedKeyUsage([Purpose.CODE_SIGNING])])
    passed = {
        "Subject": {"CommonName": "api", "Organization": "Example"},
        "Extensions": {
            "SubjectAlternativeNames": [{"DnsName": "api.example.com"}, {"IpAddress": "10.0.0.1"}],
            "ExtendedKeyUsage": [{"ExtendedKeyUsageType": "EMAIL_PROTECTION"}],
            "CertificatePolicies": [{"CertPolicyId": "1.3.6.1.4.1.99999.1"}],
            "CustomExtensions": [
                {"ObjectIdentifier": "1.3.6.1.4.1.99999.2", "Value": base64.b64encode(b"\x05\x00").decode()}
            ],
        },
    }

    def issued(template: str) -> str:
        return str(authorities.issue(root, asked, template, ApiPassthrough=passed)["Certificate"])

    both = issued("BlankEndEntityCertificate_APICSRPassthrough")
    assert parsed(both).subject.rfc4514_string() == "CN=api,O=Example"
    assert list(extension(both, x509.ExtendedKeyUsage).value) == [Purpose.EMAIL_PROTECTION]
    names = extension(both, x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["api.example.com"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    assert extension(both, x509.CertificatePolicies)
    assert any(one.oid.dotted_string == "1.3.6.1.4.1.99999.2" for one in parsed(both).extensions)
    request_alone = issued("BlankEndEntityCertificate_CSRPassthrough")
    assert parsed(request_alone).subject.rfc4514_string() == "CN=www.example.com"
    assert list(extension(request_alone, x509.ExtendedKeyUsage).value) == [Purpose.CODE_SIGNING]
    fixed = issued("EndEntityServerAuthCertificate_APIPassthrough")
    assert list(extension(fixed, x509.ExtendedKeyUsage).value) == [Purpose.SERVER_AUTH]
    ignoring = issued("EndEntityCertificate")
    assert parsed(ignoring).subject.rfc4514_string() == "CN=www.example.com"


@pytest.mark.parametrize(
    "name",
    ["Unknown", "BlankEndEntityCertificate", "RootCACertificate_CSRPassthrough", "SubordinateCACertificate",
     "EndEntityCertificate_PathLen0", "SubordinateCACertificate_PathLen4"],
)  # fmt: skip
def test_templates_that_aws_does_not_have(authorities: Authorities, root: str, name: str, refused: Any) -> None:
    with refused("InvalidArgsException"):
        authorities.issue(root, request(), name)


def test_a_certificate_does_not_outlive_its_authority(authorities: Authorities, root: str, refused: Any) -> None:
    with refused("ValidationException", "exceeds the certificate authority validity"):
        authorities.issue(root, request(), days=3651)
    below = authorities.below(root, length=0)
    with refused("InvalidArgsException", "path length"):
        authorities.issue(below, request(), "SubordinateCACertificate_PathLen0")


def test_validity(authorities: Authorities, root: str, cloud: Any, refused: Any) -> None:
    def until(kind: str, value: int) -> datetime:
        pem = authorities.issue(root, request(), Validity={"Type": kind, "Value": value})["Certificate"]
        return parsed(pem).not_valid_after_utc

    soon = datetime.fromtimestamp(cloud.clock.now(), UTC).year + 2
    assert until("ABSOLUTE", int(datetime(soon, 1, 1, tzinfo=UTC).timestamp())) == datetime(soon, 1, 1, tzinfo=UTC)
    assert until("END_DATE", int(f"{soon}0102030405")) == datetime(soon, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert until("END_DATE", int(f"{soon % 100}0102030405")) == datetime(soon, 1, 2, 3, 4, 5, tzinfo=UTC)
    with refused("ValidationException"):
        until("ABSOLUTE", 1)
    with refused("ValidationException"):
        authorities.issue(root, request(), ValidityNotBefore={"Type": "DAYS", "Value": 1})


@given(st.integers(0, 4_000_000_000), st.integers(1, 600))
def test_months_and_years_agree_and_end_on_a_day_that_exists(now: int, number: int) -> None:
    assert validity.later(now, 12 * number, "MONTHS") == validity.later(now, number, "YEARS")
    begin, found = (datetime.fromtimestamp(when, UTC) for when in (now, validity.later(now, number, "MONTHS")))
    assert (found.year - begin.year) * 12 + found.month - begin.month == number
    assert found.day == begin.day or (found.day >= 28 and found.day < begin.day)


def test_short_lived_certificates_live_for_seven_days_at_most(authorities: Authorities, refused: Any) -> None:
    arn = authorities.root(UsageMode="SHORT_LIVED_CERTIFICATE")
    authorities.issue(arn, request(), days=7)
    with refused("ValidationException", "seven days"):
        authorities.issue(arn, request(), days=8)


def test_a_request_that_was_tampered_with_is_refused(authorities: Authorities, root: str, refused: Any) -> None:
    with refused("MalformedCSRException"):
        authorities.issue(root, b"no request")
    lines = request().decode().splitlines()
    lines[2] = lines[2][:10] + ("A" if lines[2][10] != "A" else "B") + lines[2][11:]
    with refused("MalformedCSRException"):
        authorities.issue(root, "\n".join(lines).encode())


def test_a_token_makes_issuing_idempotent(authorities: Authorities, root: str) -> None:
    asked = request()
    first = authorities.issue(root, asked, IdempotencyToken="one")
    assert authorities.issue(root, asked, IdempotencyToken="one")["Arn"] == first["Arn"]
    assert authorities.issue(root, asked, IdempotencyToken="two")["Arn"] != first["Arn"]


# Revocation


def revoke(authorities: Authorities, arn: str, certificate: Any, reason: str = "KEY_COMPROMISE") -> None:
    serial = f"{parsed(certificate['Certificate']).serial_number:032x}"
    authorities.pca.revoke_certificate(CertificateAuthorityArn=arn, CertificateSerial=serial, RevocationReason=reason)


def crl(authorities: Authorities, bucket: str, arn: str) -> x509.CertificateRevocationList:
    key = f"crl/{arn.rpartition('/')[2]}.crl"
    return x509.load_der_x509_crl(authorities.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def test_revoked_certificates_are_listed_in_the_bucket_until_they_expire(
    authorities: Authorities, clock: Any, refused: Any
) -> None:
    bucket = authorities.bucket(f"crl-{authorities.aws.id}")
    lists = {"Enabled": True, "ExpirationInDays": 7, "S3BucketName": bucket, "S3ObjectAcl": "BUCKET_OWNER_FULL_CONTROL"}
    arn = authorities.root(RevocationConfiguration={"CrlConfiguration": lists})
    clock.advance(1)
    assert len(crl(authorities, bucket, arn)) == 0
    leaf = authorities.issue(arn, request(), days=30)
    (point,) = extension(leaf["Certificate"], x509.CRLDistributionPoints).value
    assert point.full_name[0].value.endswith(f"/{bucket}/crl/{arn.rpartition('/')[2]}.crl")
    revoke(authorities, arn, leaf)
    with refused("RequestAlreadyProcessedException"):
        revoke(authorities, arn, leaf)
    with refused("ResourceNotFoundException"):
        authorities.pca.revoke_certificate(
            CertificateAuthorityArn=arn, CertificateSerial="0a:0b", RevocationReason="SUPERSEDED"
        )
    clock.advance(1)
    found = crl(authorities, bucket, arn)
    own = parsed(leaf["CertificateChain"])
    assert found.is_signature_valid(own.public_key())  # type: ignore[arg-type]
    entry = found.get_revoked_certificate_by_serial_number(parsed(leaf["Certificate"]).serial_number)
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.key_compromise
    number = found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    clock.advance(4 * DAY)
    later = crl(authorities, bucket, arn)
    assert later.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number > number
    assert later.next_update_utc and later.next_update_utc.timestamp() > clock.now()
    clock.advance(30 * DAY)
    assert len(crl(authorities, bucket, arn)) == 0
    never = {"CrlConfiguration": {"Enabled": False}}
    authorities.pca.update_certificate_authority(CertificateAuthorityArn=arn, RevocationConfiguration=never)


def test_a_bucket_must_let_the_service_in(authorities: Authorities, refused: Any) -> None:
    name = f"closed-{authorities.aws.id}"
    authorities.aws.client("s3").create_bucket(Bucket=name)
    lists = {"Enabled": True, "ExpirationInDays": 7, "S3BucketName": name}
    with refused("ValidationException", "requires 's3:GetBucketAcl' permissions"):
        authorities.create(RevocationConfiguration={"CrlConfiguration": lists})
    with refused("ValidationException"):
        authorities.create(RevocationConfiguration={"CrlConfiguration": lists | {"S3BucketName": "not-there-at-all"}})
    with refused("InvalidArgsException"):
        authorities.create(RevocationConfiguration={"CrlConfiguration": {"Enabled": False, "ExpirationInDays": 7}})


def test_openssl_asks_the_responder(authorities: Authorities, cloud: Any, tmp_path: Path) -> None:
    arn = authorities.root(RevocationConfiguration={"OcspConfiguration": {"Enabled": True}})
    leaf, other = authorities.issue(arn, request()), authorities.issue(arn, request())
    (tmp_path / "issuer").write_text(leaf["CertificateChain"])
    for name, one in (("leaf", leaf), ("other", other)):
        (tmp_path / name).write_text(one["Certificate"])
    (access,) = extension(leaf["Certificate"], x509.AuthorityInformationAccess).value

    def asked(name: str) -> str:
        command = ["openssl", "ocsp", "-issuer", "issuer", "-cert", name, "-CAfile", "issuer"]
        command += ["-attime", str(int(cloud.clock.now())), "-validity_period", str(10**9)]  # cloud time may be far off
        done = subprocess.run(
            [*command, "-url", access.access_location.value], cwd=tmp_path, capture_output=True, text=True
        )
        assert "Response verify OK" in done.stderr, done
        return done.stdout

    assert "leaf: good" in asked("leaf")
    revoke(authorities, arn, leaf, "SUPERSEDED")
    assert "leaf: revoked" in asked("leaf") and "superseded" in asked("leaf").lower()
    assert "other: good" in asked("other")
    nobody = urllib.request.Request(access.access_location.value, data=b"nonsense")
    assert urllib.request.urlopen(nobody).read() == bytes.fromhex("30030a0101")  # malformedRequest


def test_an_audit_report_lists_what_was_issued_and_revoked(authorities: Authorities) -> None:
    bucket = authorities.bucket(f"audit-{authorities.aws.id}")
    arn = authorities.root()
    leaf = authorities.issue(arn, request())
    revoke(authorities, arn, leaf)

    def report(format: str) -> str:
        made = authorities.pca.create_certificate_authority_audit_report(
            CertificateAuthorityArn=arn, S3BucketName=bucket, AuditReportResponseFormat=format
        )
        identifier = made["AuditReportId"]
        authorities.pca.get_waiter("audit_report_created").wait(
            CertificateAuthorityArn=arn, AuditReportId=identifier, WaiterConfig={"Delay": 1}
        )
        found = authorities.aws.client("s3").get_object(Bucket=bucket, Key=made["S3Key"])
        return str(found["Body"].read().decode())

    rows = {row["certificateArn"]: row for row in json.loads(report("JSON"))}
    assert len(rows) == 2 and rows[leaf["Arn"]]["revocationReason"] == "KEY_COMPROMISE"
    assert rows[leaf["Arn"]]["templateArn"].endswith("template/EndEntityCertificate/V1")
    table = list(csv.DictReader(report("CSV").splitlines()))
    assert {row["serial"] for row in table} == {row["serial"] for row in rows.values()}
