import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from pileus.testing.account import Account

from .asking import refused


def pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def certificate(key: ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=365))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def test_a_server_certificate_comes_with_its_key(iam: Any, aws: Account, key: ec.EllipticCurvePrivateKey) -> None:
    body = certificate(key)
    made = iam.upload_server_certificate(
        ServerCertificateName="Site", Path="/x/", CertificateBody=body, PrivateKey=pem(key), CertificateChain=body,
        Tags=[{"Key": "a", "Value": "1"}],
    )["ServerCertificateMetadata"]  # fmt: skip
    assert made["Arn"] == f"arn:aws:iam::{aws.id}:server-certificate/x/Site"
    assert made["ServerCertificateId"].startswith("ASCA")
    assert made["Expiration"] == datetime(2027, 1, 1, tzinfo=UTC)
    found = iam.get_server_certificate(ServerCertificateName="Site")["ServerCertificate"]
    assert (found["CertificateBody"], found["Tags"]) == (body.strip(), [{"Key": "a", "Value": "1"}])
    with refused("EntityAlreadyExists", "The Server Certificate with name Site already exists."):
        iam.upload_server_certificate(ServerCertificateName="Site", CertificateBody=body, PrivateKey=pem(key))
    iam.update_server_certificate(ServerCertificateName="Site", NewServerCertificateName="New", NewPath="/y/")
    assert iam.list_server_certificates(PathPrefix="/y/")["ServerCertificateMetadataList"][0]["Path"] == "/y/"
    iam.delete_server_certificate(ServerCertificateName="New")
    with refused("NoSuchEntity", "The Server Certificate with name New cannot be found."):
        iam.get_server_certificate(ServerCertificateName="New")


def test_a_key_of_another_certificate_is_refused(iam: Any, key: ec.EllipticCurvePrivateKey) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    with refused("KeyPairMismatch"):
        iam.upload_server_certificate(
            ServerCertificateName="s", CertificateBody=certificate(key), PrivateKey=pem(other)
        )
    with refused("MalformedCertificate"):
        iam.upload_server_certificate(ServerCertificateName="s", CertificateBody="nonsense", PrivateKey=pem(key))


def test_signing_certificates(iam: Any, key: ec.EllipticCurvePrivateKey) -> None:
    iam.create_user(UserName="bob")
    body = certificate(key)
    made = iam.upload_signing_certificate(UserName="bob", CertificateBody=body)["Certificate"]
    with refused("DuplicateCertificate"):
        iam.upload_signing_certificate(UserName="bob", CertificateBody=body)
    iam.update_signing_certificate(UserName="bob", CertificateId=made["CertificateId"], Status="Inactive")
    assert iam.list_signing_certificates(UserName="bob")["Certificates"][0]["Status"] == "Inactive"
    with refused("DeleteConflict"):
        iam.delete_user(UserName="bob")
    iam.delete_signing_certificate(UserName="bob", CertificateId=made["CertificateId"])
    iam.delete_user(UserName="bob")


def test_ssh_public_keys(iam: Any) -> None:
    iam.create_user(UserName="bob")
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    body = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    made = iam.upload_ssh_public_key(UserName="bob", SSHPublicKeyBody=body + " bob@laptop")["SSHPublicKey"]
    import base64

    digest = hashlib.md5(base64.b64decode(body.split()[1])).hexdigest()
    assert made["Fingerprint"].replace(":", "") == digest
    assert made["SSHPublicKeyId"].startswith("APKA")
    spki = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    name = {"UserName": "bob", "SSHPublicKeyId": made["SSHPublicKeyId"]}
    assert iam.get_ssh_public_key(**name, Encoding="PEM")["SSHPublicKey"]["SSHPublicKeyBody"] == spki
    with refused("DuplicateSSHPublicKey"):
        iam.upload_ssh_public_key(UserName="bob", SSHPublicKeyBody=spki)
    with refused("InvalidPublicKey"):
        iam.upload_ssh_public_key(UserName="bob", SSHPublicKeyBody="ssh-rsa nonsense")
    iam.update_ssh_public_key(**name, Status="Inactive")
    assert iam.list_ssh_public_keys(UserName="bob")["SSHPublicKeys"][0]["Status"] == "Inactive"
    iam.delete_ssh_public_key(**name)
    with refused("NoSuchEntity"):
        iam.get_ssh_public_key(**name, Encoding="SSH")


def test_service_specific_credentials(iam: Any, aws: Account) -> None:
    iam.create_user(UserName="bob")
    create = iam.create_service_specific_credential
    made = create(UserName="bob", ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    assert made["ServiceUserName"] == f"bob-at-{aws.id}"
    name = {"UserName": "bob", "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    again = iam.reset_service_specific_credential(**name)["ServiceSpecificCredential"]
    assert again["ServicePassword"] != made["ServicePassword"]
    key = create(UserName="bob", ServiceName="bedrock.amazonaws.com", CredentialAgeDays=1)["ServiceSpecificCredential"]
    assert (key["ExpirationDate"] - key["CreateDate"]).days == 1
    assert "ServicePassword" not in key
    listed = iam.list_service_specific_credentials(UserName="bob", ServiceName="bedrock.amazonaws.com")
    assert len(listed["ServiceSpecificCredentials"]) == 1
    assert len(iam.list_service_specific_credentials(AllUsers=True)["ServiceSpecificCredentials"]) == 2
    iam.update_service_specific_credential(**name, Status="Inactive")
    iam.delete_service_specific_credential(**name)
    with refused("NotSupportedService"):
        create(UserName="bob", ServiceName="nonsense.amazonaws.com")


# Identity providers


def test_open_id_connect_providers(iam: Any, aws: Account) -> None:
    url = "https://issuer.example/realm"
    made = iam.create_open_id_connect_provider(Url=url, ClientIDList=["app"], ThumbprintList=["a" * 40])
    arn = made["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{aws.id}:oidc-provider/issuer.example/realm"
    with refused("EntityAlreadyExists", f"Provider with url {url} already exists."):
        iam.create_open_id_connect_provider(Url=url)
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="web")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40])
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (found["Url"], found["ClientIDList"], found["ThumbprintList"]) == (
        "issuer.example/realm",
        ["app", "web"],
        ["b" * 40],
    )
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="app")
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}"):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refused("InvalidInput"):
        iam.create_open_id_connect_provider(Url="http://issuer.example")


METADATA = (
    """<?xml version="1.0"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example" {until}>
<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/sso"/>
</md:IDPSSODescriptor></md:EntityDescriptor>"""
    + "<!-- padding -->" * 50
)


def test_saml_providers(iam: Any, aws: Account) -> None:
    text = METADATA.format(until='validUntil="2040-01-01T00:00:00Z"')
    arn = iam.create_saml_provider(Name="idp", SAMLMetadataDocument=text)["SAMLProviderArn"]
    assert arn == f"arn:aws:iam::{aws.id}:saml-provider/idp"
    found = iam.get_saml_provider(SAMLProviderArn=arn)
    assert (found["SAMLMetadataDocument"], found["ValidUntil"].year) == (text, 2040)
    iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=METADATA.format(until=""))
    assert iam.list_saml_providers()["SAMLProviderList"][0]["ValidUntil"].year > 2100
    private = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    iam.update_saml_provider(SAMLProviderArn=arn, AddPrivateKey=private, AssertionEncryptionMode="Required")
    (key,) = iam.get_saml_provider(SAMLProviderArn=arn)["PrivateKeyList"]
    iam.update_saml_provider(SAMLProviderArn=arn, RemovePrivateKey=key["KeyId"])
    with refused("InvalidInput", "Could not parse metadata"):
        iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument="x" * 1000)
    iam.delete_saml_provider(SAMLProviderArn=arn)
    with refused("NoSuchEntity", f"Manifest not found for arn {arn}"):
        iam.get_saml_provider(SAMLProviderArn=arn)


def test_ed25519_keys_are_taken_too(iam: Any) -> None:
    iam.create_user(UserName="bob")
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    body = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert iam.upload_ssh_public_key(UserName="bob", SSHPublicKeyBody=body)["SSHPublicKey"]["Status"] == "Active"
