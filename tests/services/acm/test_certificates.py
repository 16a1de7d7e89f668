"""Certificates: imported, exported, revoked, listed, searched, tagged."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .conftest import Acm, Made


@pytest.fixture
def root(acm: Acm) -> Made:
    return acm.made("root")


def imported(acm: Acm, one: Made, above: Made | None = None, **more: Any) -> str:
    chain = {"CertificateChain": above.pem} if above else {}
    members = {"Certificate": one.pem, "PrivateKey": one.key} | chain | more
    return str(acm.client.import_certificate(**members)["CertificateArn"])


def test_an_imported_certificate_is_given_back_with_its_chain(acm: Acm, root: Made) -> None:
    leaf = acm.made("www.example.com", root)
    arn = imported(acm, leaf, root, Tags=[{"Key": "team", "Value": "red"}])
    found = acm.client.get_certificate(CertificateArn=arn)
    assert x509.load_pem_x509_certificate(found["Certificate"].encode()) == leaf.certificate
    assert x509.load_pem_x509_certificate(found["CertificateChain"].encode()) == root.certificate
    told = acm.describe(arn)
    assert (told["Type"], told["Status"], told["DomainName"]) == ("IMPORTED", "ISSUED", "www.example.com")
    assert told["NotAfter"] == leaf.certificate.not_valid_after_utc and told["Issuer"] == "root"
    assert told["CertificateKeyPairOrigin"] == "CUSTOMER_PROVIDED" and "IssuedAt" not in told
    assert acm.client.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "team", "Value": "red"}]


def test_what_does_not_fit_together_is_not_imported(acm: Acm, root: Made, refused: Any) -> None:
    leaf, other = acm.made("www.example.com", root), acm.made("other")
    cases = [
        ({"PrivateKey": other.key}, "does not match"),
        ({"PrivateKey": b"no key"}, "private key is not supported"),
        ({"Certificate": b"no certificate"}, "not in PEM format"),
        ({"Certificate": leaf.pem + root.pem}, "contains more than one certificate"),
        ({"CertificateChain": other.pem}, "Could not validate the certificate with the certificate chain."),
    ]
    for wrong, words in cases:
        with refused("ValidationException", words):
            imported(acm, leaf, root, **wrong)
    with refused("ValidationException", "Provided certificate is not a valid self signed."):
        imported(acm, leaf)
    with refused("ValidationException", "expired"):
        imported(acm, acm.made("www.example.com", days=-1))
    assert acm.client.list_certificates()["CertificateSummaryList"] == []


def test_a_certificate_is_imported_again_under_its_arn(acm: Acm, root: Made, refused: Any) -> None:
    arn = imported(acm, acm.made("www.example.com", root), root)
    newer = acm.made("www.example.com", root, days=500)
    assert imported(acm, newer, root, CertificateArn=arn) == arn
    assert acm.describe(arn)["NotAfter"] == newer.certificate.not_valid_after_utc
    with refused("InvalidParameterException", "Tagging is not permitted on re-import"):
        imported(acm, newer, root, CertificateArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    with refused("ValidationException", "key algorithm"):
        imported(acm, acm.made("www.example.com", root, bits=0), root, CertificateArn=arn)
    acm.cloud.clock.advance(400 * 86400)
    assert acm.describe(arn)["Status"] == "ISSUED"
    acm.cloud.clock.advance(101 * 86400)
    assert acm.describe(arn)["Status"] == "EXPIRED"


def test_an_exported_key_is_encrypted_and_belongs_to_the_certificate(acm: Acm, refused: Any) -> None:
    arn = acm.issued("www.example.com", Options={"Export": "ENABLED"})
    with refused("ValidationException", "passphrase"):
        acm.client.export_certificate(CertificateArn=arn, Passphrase=b"50 %% off")
    found = acm.client.export_certificate(CertificateArn=arn, Passphrase=b"a passphrase")
    assert found["PrivateKey"].startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    key = load_pem_private_key(found["PrivateKey"].encode(), b"a passphrase")
    assert key.public_key() == x509.load_pem_x509_certificate(found["Certificate"].encode()).public_key()
    (one,) = acm.client.list_certificates(Includes={"exportOption": "ENABLED"})["CertificateSummaryList"]
    assert one["Exported"]
    for closed in (acm.issued("example.org"), imported(acm, acm.made("self"))):
        with refused("ValidationException", "not a private certificate"):
            acm.client.export_certificate(CertificateArn=closed, Passphrase=b"a passphrase")


def test_only_exported_certificates_can_be_revoked(acm: Acm, refused: Any) -> None:
    arn = acm.issued("www.example.com", Options={"Export": "ENABLED"})
    acm.client.revoke_certificate(CertificateArn=arn, RevocationReason="KEY_COMPROMISE")
    told = acm.describe(arn)
    assert (told["Status"], told["RevocationReason"]) == ("REVOKED", "KEY_COMPROMISE")
    with refused("ConflictException"):
        acm.client.revoke_certificate(CertificateArn=arn, RevocationReason="KEY_COMPROMISE")
    with refused("ValidationException"):
        acm.client.revoke_certificate(CertificateArn=acm.issued("example.org"), RevocationReason="SUPERSEDED")


def test_lists_show_short_rsa_keys_unless_others_are_asked_for(acm: Acm, refused: Any) -> None:
    rsa, curve = imported(acm, acm.made("rsa")), imported(acm, acm.made("curve", bits=0))
    acm.cloud.clock.advance(5)
    pending = acm.request("www.example.com", ValidationMethod="DNS")

    def listed(**more: Any) -> list[str]:
        return [one["CertificateArn"] for one in acm.client.list_certificates(**more)["CertificateSummaryList"]]

    assert {*listed()} == {rsa, pending}
    assert listed(Includes={"keyTypes": ["EC_prime256v1"]}) == [curve]
    assert listed(CertificateStatuses=["PENDING_VALIDATION"]) == [pending]
    assert listed(CertificateKeyPairOrigins=["CUSTOMER_PROVIDED"]) == [rsa]
    assert listed(SortBy="CREATED_AT", SortOrder="DESCENDING") == [pending, rsa]
    assert listed(SortBy="CREATED_AT", SortOrder="ASCENDING") == [rsa, pending]
    for order in ("ASCENDING", "DESCENDING"):
        first = acm.client.list_certificates(MaxItems=1, SortBy="CREATED_AT", SortOrder=order)
        second = listed(MaxItems=1, SortBy="CREATED_AT", SortOrder=order, NextToken=first["NextToken"])
        assert {first["CertificateSummaryList"][0]["CertificateArn"], *second} == {rsa, pending}
    with refused("InvalidArgsException"):
        listed(SortBy="CREATED_AT")
    with refused("ValidationException"):
        listed(NextToken="nonsense")


def test_searches_combine_filters(acm: Acm) -> None:
    arns = {name: imported(acm, acm.made(name)) for name in ("a.example.com", "b.example.com", "c.example.org")}
    curve = imported(acm, acm.made("d.example.org", bits=0))

    def found(statement: dict[str, Any], **more: Any) -> list[str]:
        results = acm.client.search_certificates(FilterStatement=statement, **more)["Results"]
        return [one["CertificateArn"] for one in results]

    def name(value: str, how: str = "CONTAINS") -> dict[str, Any]:
        comparison = {"DnsName": {"Value": value, "ComparisonOperator": how}}
        return {"Filter": {"X509AttributeFilter": {"SubjectAlternativeName": comparison}}}

    ordered = {"SortBy": "COMMON_NAME", "SortOrder": "ASCENDING"}
    assert found(name("example.com"), **ordered) == [arns["a.example.com"], arns["b.example.com"]]
    assert found(name("a.example.com", "EQUALS")) == [arns["a.example.com"]]
    long = {"Filter": {"X509AttributeFilter": {"KeyAlgorithm": "EC_prime256v1"}}}
    assert found(long) == [curve]
    assert found({"And": [name("example.org"), {"Not": long}]}) == [arns["c.example.org"]]
    assert len(found({"Or": [long, name("example.com")]})) == 3
    assert found({"Filter": {"AcmCertificateMetadataFilter": {"Type": "PRIVATE"}}}) == []
    assert found({"Filter": {"CertificateArn": curve}}) == [curve]
    page = acm.client.search_certificates(MaxResults=3)
    assert len(acm.client.search_certificates(MaxResults=3, NextToken=page["NextToken"])["Results"]) == 1


def test_tags(acm: Acm, refused: Any) -> None:
    arn = imported(acm, acm.made("www.example.com"))
    acm.client.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b"}])
    acm.client.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b"}])
    assert acm.client.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    with refused("InvalidTagException"):
        acm.client.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "aws:a", "Value": "1"}])
    with refused("TooManyTagsException"):
        acm.client.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": str(n), "Value": ""} for n in range(50)])


def test_the_account_says_when_expiry_events_begin(acm: Acm) -> None:
    assert acm.client.get_account_configuration()["ExpiryEvents"]["DaysBeforeExpiry"] == 45
    acm.client.put_account_configuration(ExpiryEvents={"DaysBeforeExpiry": 10}, IdempotencyToken="a")
    assert acm.client.get_account_configuration()["ExpiryEvents"]["DaysBeforeExpiry"] == 10


def test_certificates_are_of_one_region(acm: Acm, refused: Any) -> None:
    arn = imported(acm, acm.made("www.example.com"))
    other = acm.account.client("acm", region="eu-west-1")
    assert other.list_certificates()["CertificateSummaryList"] == []
    with refused("ResourceNotFoundException"):
        other.describe_certificate(CertificateArn=arn)
    acm.client.delete_certificate(CertificateArn=arn)
    with refused("ResourceNotFoundException"):
        acm.describe(arn)
