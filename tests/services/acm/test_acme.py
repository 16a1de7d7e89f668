"""ACME endpoints, with certbot's own library as the client."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .conftest import Acm

acme_client = pytest.importorskip("acme.client")
josepy = pytest.importorskip("josepy")

DAY = 86400


class Endpoint:
    """An endpoint for example.com and what is below it, with a role that may request certificates."""

    def __init__(self, account: Any, *actions: str, **more: Any) -> None:
        self.account = account
        self.acm = account.client("acm")
        self.arn = self.acm.create_acme_endpoint(
            **{
                "AuthorizationBehavior": "PRE_APPROVED",
                "CertificateAuthority": {"PublicCertificateAuthority": {}},
                "CertificateTags": [{"Key": "by", "Value": "acme"}],
            }
            | more
        )["AcmeEndpointArn"]
        self.role = self.make_role(actions or ("acm:RequestCertificate", "acm:RevokeCertificate"))

    def make_role(self, actions: tuple[str, ...]) -> str:
        iam = self.account.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "acm.amazonaws.com"}, "Action": "sts:AssumeRole"}
        allowed = {"Effect": "Allow", "Action": [*actions], "Resource": "*"}
        documents = [json.dumps({"Version": "2012-10-17", "Statement": [one]}) for one in (trust, allowed)]
        role = iam.create_role(RoleName="acme", AssumeRolePolicyDocument=documents[0])["Role"]["Arn"]
        iam.put_role_policy(RoleName="acme", PolicyName="acme", PolicyDocument=documents[1])
        return str(role)

    def validate(self, domain: str, **scope: str) -> dict[str, Any]:
        arn = self.acm.create_acme_domain_validation(
            AcmeEndpointArn=self.arn,
            DomainName=domain,
            PrevalidationOptions={"DnsPrevalidation": {"DomainScope": scope}},
        )["AcmeDomainValidationArn"]
        self.acm.get_waiter("acme_domain_validation_validated").wait(
            AcmeDomainValidationArn=arn, WaiterConfig={"Delay": 1}
        )
        found = self.acm.describe_acme_domain_validation(AcmeDomainValidationArn=arn)
        return dict(found["AcmeDomainValidation"])

    def bind(self, **more: Any) -> dict[str, Any]:
        made = self.acm.create_acme_external_account_binding(AcmeEndpointArn=self.arn, RoleArn=self.role, **more)
        return dict(made["ExternalAccountBinding"])

    def client(self, binding: dict[str, Any]) -> Any:
        """A client that has registered."""
        from acme import client, messages

        key = josepy.JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
        network = client.ClientNetwork(key, alg=josepy.ES256, user_agent="test")
        url = self.acm.describe_acme_endpoint(AcmeEndpointArn=self.arn)["AcmeEndpoint"]["EndpointUrl"]
        made = client.ClientV2(client.ClientV2.get_directory(url, network), network)
        credentials = self.acm.get_acme_external_account_binding_credentials(
            AcmeExternalAccountBindingArn=binding["AcmeExternalAccountBindingArn"]
        )
        proof = messages.ExternalAccountBinding.from_data(
            account_public_key=key.public_key(), kid=credentials["KeyId"], hmac_key=credentials["MacKey"],
            directory=made.directory,
        )  # fmt: skip
        made.new_account(messages.NewRegistration.from_data(email="owner@example.com", external_account_binding=proof))
        return made


def csr(*names: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = request.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def change_key(client: Any) -> None:
    """Give the client's account another key, as RFC 8555 has it in section 7.3.5."""
    from acme import jws

    new = josepy.JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
    place, account = client.directory["keyChange"], client.net.account.uri
    payload = json.dumps({"account": account, "oldKey": client.net.key.public_key().to_json()}).encode()
    inner = jws.JWS.sign(payload, key=new, alg=josepy.ES256, nonce=b"", url=place)
    client._post(place, inner)
    client.net.key = new


def ordered(client: Any, *names: str) -> str:
    import datetime

    order = client.new_order(csr(*names))
    return str(client.finalize_order(order, datetime.datetime.now() + datetime.timedelta(seconds=20)).fullchain_pem)


@pytest.fixture
def endpoint(trusting: Any) -> Endpoint:
    return Endpoint(trusting.account())


def test_a_client_orders_and_revokes_a_certificate(endpoint: Endpoint) -> None:
    told = endpoint.validate("example.com", Subdomains="ENABLED", Wildcards="ENABLED")
    assert told["PrevalidationDetails"]["DnsPrevalidation"]["ResourceRecord"]["Name"].endswith(".example.com.")
    binding = endpoint.bind()
    client = endpoint.client(binding)
    chain = x509.load_pem_x509_certificates(ordered(client, "www.example.com", "*.example.com").encode())
    chain[0].verify_directly_issued_by(chain[1])
    acm = endpoint.acm
    assert acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"] == []
    (one,) = acm.list_certificates(CertificateKeyPairOrigins=["ACME"], Includes={"keyTypes": ["EC_prime256v1"]})[
        "CertificateSummaryList"
    ]
    found = acm.describe_certificate(CertificateArn=one["CertificateArn"])["Certificate"]
    assert (found["AcmeEndpointArn"], found["Status"]) == (endpoint.arn, "ISSUED")
    assert found["SubjectAlternativeNames"] == ["www.example.com", "*.example.com"]
    assert acm.list_tags_for_certificate(CertificateArn=one["CertificateArn"])["Tags"] == [
        {"Key": "by", "Value": "acme"}
    ]
    (account,) = acm.list_acme_accounts(AcmeEndpointArn=endpoint.arn)["AcmeAccounts"]
    assert account["Status"] == "VALID" and account["Contacts"] == ["mailto:owner@example.com"]
    assert account["AcmeExternalAccountBindingArn"] == binding["AcmeExternalAccountBindingArn"]
    change_key(client)
    client.revoke(chain[0], 0)
    assert acm.describe_certificate(CertificateArn=one["CertificateArn"])["Certificate"]["Status"] == "REVOKED"


def test_names_that_no_validation_covers_are_refused(endpoint: Endpoint) -> None:
    from acme import messages

    endpoint.validate("example.com")
    client = endpoint.client(endpoint.bind())
    assert "BEGIN CERTIFICATE" in ordered(client, "example.com")
    for name in ("www.example.com", "*.example.com", "example.org", "notexample.com"):
        with pytest.raises(messages.Error, match="rejectedIdentifier"):
            ordered(client, name)


def test_a_role_that_may_not_request_certificates_gets_none(trusting: Any) -> None:
    from acme import messages

    endpoint = Endpoint(trusting.account(), "acm:ListCertificates")
    endpoint.validate("example.com")
    with pytest.raises(messages.Error, match="unauthorized"):
        ordered(endpoint.client(endpoint.bind()), "example.com")


def test_bindings_and_accounts_that_are_revoked_are_no_good(endpoint: Endpoint) -> None:
    from acme import messages

    endpoint.validate("example.com")
    binding = endpoint.bind()
    client = endpoint.client(binding)
    arn = binding["AcmeExternalAccountBindingArn"]
    endpoint.acm.revoke_acme_external_account_binding(AcmeExternalAccountBindingArn=arn)
    with pytest.raises(messages.Error, match="unauthorized"):
        endpoint.client(binding)
    assert "BEGIN CERTIFICATE" in ordered(client, "example.com")
    (account,) = endpoint.acm.list_acme_accounts(AcmeEndpointArn=endpoint.arn)["AcmeAccounts"]
    endpoint.acm.revoke_acme_account(AcmeEndpointArn=endpoint.arn, AccountUrl=account["AccountUrl"])
    with pytest.raises(messages.Error, match="unauthorized"):
        ordered(client, "example.com")
    told = endpoint.acm.describe_acme_account(AcmeEndpointArn=endpoint.arn, AccountUrl=account["AccountUrl"])
    assert told["AcmeAccount"]["Status"] == "REVOKED"


def test_a_domain_that_nobody_proves_is_invalid_after_72_hours(acm: Acm, refused: Any) -> None:
    endpoint = Endpoint(acm.account)
    options = {"DnsPrevalidation": {"DomainScope": {"ExactDomain": "ENABLED"}}}
    members = {"AcmeEndpointArn": endpoint.arn, "DomainName": "example.com", "PrevalidationOptions": options}
    arn = acm.client.create_acme_domain_validation(**members)["AcmeDomainValidationArn"]
    with refused("ConflictException"):
        acm.client.create_acme_domain_validation(**members)
    acm.cloud.clock.advance(4 * DAY)
    told = acm.client.describe_acme_domain_validation(AcmeDomainValidationArn=arn)["AcmeDomainValidation"]
    assert (told["Status"], told["FailureDetails"]["Reason"]) == ("INVALID", "TIMED_OUT")
    acm.client.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    acm.client.untag_resource(ResourceArn=arn, TagKeys=["b"])
    assert acm.client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]


def test_an_endpoint_is_deleted_with_all_that_belongs_to_it(acm: Acm, refused: Any) -> None:
    endpoint = Endpoint(acm.account, Contact="REQUIRED")
    binding = endpoint.bind(Expiration={"Type": "DAYS", "Value": 1})
    assert abs(binding["ExpiresAt"].timestamp() - acm.cloud.clock.now() - DAY) < 1
    algorithms = {"PublicCertificateAuthority": {"AllowedKeyAlgorithms": ["RSA_2048"]}}
    acm.client.update_acme_endpoint(AcmeEndpointArn=endpoint.arn, CertificateAuthority=algorithms)
    (told,) = acm.client.list_acme_endpoints()["AcmeEndpoints"]
    assert told["CertificateAuthority"] == algorithms and told["Contact"] == "REQUIRED"
    acm.client.delete_acme_endpoint(AcmeEndpointArn=endpoint.arn)
    acm.client.delete_acme_endpoint(AcmeEndpointArn=endpoint.arn)
    with refused("ResourceNotFoundException"):
        acm.client.describe_acme_endpoint(AcmeEndpointArn=endpoint.arn)
    with refused("ResourceNotFoundException"):
        acm.client.describe_acme_external_account_binding(
            AcmeExternalAccountBindingArn=binding["AcmeExternalAccountBindingArn"]
        )
