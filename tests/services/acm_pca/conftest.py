"""Authorities as the tests use them: made, signed and installed as the User Guide does it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

TEMPLATE = "arn:aws:acm-pca:::template/{}/V1"


class Authorities:
    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.pca = aws.client("acm-pca")

    def create(self, kind: str = "ROOT", name: str = "root", key: str = "EC_prime256v1", **more: Any) -> str:
        algorithm = more.pop("algorithm", "SHA256WITHECDSA")
        arn: str = self.pca.create_certificate_authority(
            CertificateAuthorityConfiguration={
                "KeyAlgorithm": key,
                "SigningAlgorithm": algorithm,
                "Subject": {"Country": "FI", "Organization": "Example", "CommonName": name},
            },
            CertificateAuthorityType=kind,
            **more,
        )["CertificateAuthorityArn"]
        self.pca.get_waiter("certificate_authority_csr_created").wait(
            CertificateAuthorityArn=arn, WaiterConfig={"Delay": 1}
        )
        return arn

    def csr(self, arn: str) -> bytes:
        text: str = self.pca.get_certificate_authority_csr(CertificateAuthorityArn=arn)["Csr"]
        return text.encode()

    def issue(self, arn: str, csr: bytes, template: str = "", days: int = 30, **more: Any) -> Any:
        members: dict[str, Any] = {
            "CertificateAuthorityArn": arn,
            "Csr": csr,
            "SigningAlgorithm": "SHA256WITHECDSA",
            "Validity": {"Type": "DAYS", "Value": days},
        } | ({"TemplateArn": TEMPLATE.format(template)} if template else {})
        certificate = self.pca.issue_certificate(**(members | more))["CertificateArn"]
        self.pca.get_waiter("certificate_issued").wait(CertificateAuthorityArn=arn, CertificateArn=certificate)
        found = self.pca.get_certificate(CertificateAuthorityArn=arn, CertificateArn=certificate)
        return found | {"Arn": certificate}

    def root(self, **more: Any) -> str:
        """A root authority, ready for use."""
        algorithm, days = more.get("algorithm", "SHA256WITHECDSA"), more.pop("days", 3650)
        arn = self.create(**more)
        own = self.issue(arn, self.csr(arn), "RootCACertificate", days, SigningAlgorithm=algorithm)
        self.pca.import_certificate_authority_certificate(
            CertificateAuthorityArn=arn, Certificate=own["Certificate"].encode()
        )
        return arn

    def below(self, root: str, name: str = "below", length: int = 0) -> str:
        """A subordinate of another authority, ready for use."""
        arn = self.create("SUBORDINATE", name)
        own = self.issue(root, self.csr(arn), f"SubordinateCACertificate_PathLen{length}", 1000)
        self.pca.import_certificate_authority_certificate(
            CertificateAuthorityArn=arn,
            Certificate=own["Certificate"].encode(),
            CertificateChain=own["CertificateChain"].encode(),
        )
        return arn

    def describe(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.pca.describe_certificate_authority(CertificateAuthorityArn=arn)
        return dict(found["CertificateAuthority"])

    def bucket(self, name: str) -> str:
        """A bucket into which the service may write."""
        s3 = self.aws.client("s3")
        s3.create_bucket(Bucket=name)
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "acm-pca.amazonaws.com"},
            "Action": ["s3:PutObject", "s3:PutObjectAcl", "s3:GetBucketAcl", "s3:GetBucketLocation"],
            "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
            "Condition": {"StringEquals": {"aws:SourceAccount": self.aws.id}},
        }
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        return name


@pytest.fixture
def authorities(aws: Any) -> Authorities:
    return Authorities(aws)


def request(*names: str, subject: str = "www.example.com", more: list[Any] = []) -> bytes:
    """A certificate signing request of a fresh key."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)] if subject else [])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
    for extension in more:
        builder = builder.add_extension(extension, False)
    key = ec.generate_private_key(ec.SECP256R1())
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def parsed(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())
