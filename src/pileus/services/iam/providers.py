"""Identity providers: OpenID Connect and SAML 2.0, which vouch for users from elsewhere."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from pileus.kernel import Call, names
from pileus.kernel.key_sets import is_here
from pileus.kernel.record import Record
from pileus.kernel.resource_type import resource_type
from pileus.kernel.sealed import Sealed

from . import iam
from . import tags as tagging
from .faults import beyond, exists, invalid, missing
from .quotas import exceeded, one_less, one_more

CLIENT_IDS = 100
THUMBPRINTS = 5
PRIVATE_KEYS = 2
CENTURY = 100 * 365.25 * 86400


@resource_type(
    iam, "OpenIDConnectProviderArn", create="CreateOpenIDConnectProvider", read="GetOpenIDConnectProvider",
    list="ListOpenIDConnectProviders", delete="DeleteOpenIDConnectProvider", missing="NoSuchEntityException",
)  # fmt: skip
class OidcProvider(
    Record,
    scope="account",
    arn="arn:{partition}:iam::{account}:oidc-provider/{url}",
    cfn="AWS::IAM::OIDCProvider",
):
    url: str
    """Without its scheme."""
    created: float
    clients: list[str]
    thumbprints: list[str]
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:iam::{call.account}:oidc-provider/{self.url}"


@resource_type(
    iam, "SAMLProviderArn", create="CreateSAMLProvider", read="GetSAMLProvider", update="UpdateSAMLProvider",
    list="ListSAMLProviders", delete="DeleteSAMLProvider", missing="NoSuchEntityException",
)  # fmt: skip
class SamlProvider(
    Record,
    scope="account",
    arn="arn:{partition}:iam::{account}:saml-provider/{name}",
    cfn="AWS::IAM::SAMLProvider",
):
    name: str
    uuid: str
    created: float
    valid_until: float
    metadata: str
    encryption: str = ""
    """AssertionEncryptionMode."""
    keys: dict[str, tuple[float, str]] = {}
    """Private keys, sealed, and when they came, by their ids."""
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:iam::{call.account}:saml-provider/{self.name}"


# OpenID Connect


def oidc_named(call: Call, open_id_connect_provider_arn: str) -> OidcProvider:
    arn = open_id_connect_provider_arn
    provider = OidcProvider.get(call, arn.partition(":oidc-provider/")[2])
    if provider is None or provider.arn(call) != arn:
        raise missing(f"OpenIDConnect Provider not found for arn {arn}")
    return provider


@iam.operation(name="CreateOpenIDConnectProvider")
def create_open_id_connect_provider(
    call: Call,
    url: str,
    client_id_list: list[str] = [],
    thumbprint_list: list[str] = [],
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """Trust an issuer of ID tokens. One on this machine may do without TLS, as AWS's customers' never may."""
    scheme, _, place = url.rstrip("/").partition("://")
    here = scheme == "http" and is_here(urlsplit(url).hostname or "")
    if not place or not (scheme == "https" or here):
        raise invalid("Invalid Open ID Connect Provider URL")
    if OidcProvider.get(call, place):
        raise exists(f"Provider with url {url} already exists.")
    check_lists(client_id_list, thumbprint_list)
    one_more(call, "OpenIDConnectProviders")
    clients = list(dict.fromkeys(client_id_list))
    provider = OidcProvider(place, call.now, clients, thumbprint_list, tagging.given(tags)).put(call)
    return {"OpenIDConnectProviderArn": provider.arn(call)} | tagging.shown(provider.tags)


@iam.operation(on=oidc_named, name="GetOpenIDConnectProvider")
def get_open_id_connect_provider(call: Call, provider: OidcProvider) -> dict[str, Any]:
    return {
        "Url": provider.url,
        "ClientIDList": provider.clients,
        "ThumbprintList": provider.thumbprints,
        "CreateDate": provider.created,
    } | tagging.shown(provider.tags)


@iam.operation(name="ListOpenIDConnectProviders")
def list_open_id_connect_providers(call: Call) -> dict[str, Any]:
    """The ARNs of all of them."""
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn(call)} for provider in OidcProvider.scan(call)]}


@iam.operation(on=oidc_named, name="AddClientIDToOpenIDConnectProvider")
def add_client_id_to_open_id_connect_provider(call: Call, provider: OidcProvider, client_id: str) -> None:
    """Take tokens for another audience, too."""
    if client_id not in provider.clients:
        provider.clients = [*provider.clients, client_id]
        check_lists(provider.clients, [])
        provider.put(call)


@iam.operation(on=oidc_named, name="RemoveClientIDFromOpenIDConnectProvider")
def remove_client_id_from_open_id_connect_provider(call: Call, provider: OidcProvider, client_id: str) -> None:
    """Take tokens for an audience no longer; one that is not there is no error."""
    provider.clients = [client for client in provider.clients if client != client_id]
    provider.put(call)


@iam.operation(on=oidc_named, name="UpdateOpenIDConnectProviderThumbprint")
def update_open_id_connect_provider_thumbprint(call: Call, provider: OidcProvider, thumbprint_list: list[str]) -> None:
    """Replace the thumbprints of the issuer's certificates."""
    check_lists([], thumbprint_list)
    provider.thumbprints = thumbprint_list
    provider.put(call)


@iam.operation(on=oidc_named, name="DeleteOpenIDConnectProvider")
def delete_open_id_connect_provider(call: Call, provider: OidcProvider) -> None:
    provider.delete(call)
    one_less(call, "OpenIDConnectProviders")


def check_lists(clients: list[str], thumbprints: list[str]) -> None:
    if len(clients) > CLIENT_IDS:
        raise exceeded("ClientIdsPerOpenIdConnectProvider", CLIENT_IDS)
    if len(thumbprints) > THUMBPRINTS:
        raise invalid(f"Thumbprint list must contain fewer than {THUMBPRINTS + 1} entries.")


tagging.taggable("OpenIDConnectProvider", oidc_named)


# SAML


def saml_named(call: Call, saml_provider_arn: str) -> SamlProvider:
    provider = SamlProvider.get(call, saml_provider_arn.partition(":saml-provider/")[2])
    if provider is None or provider.arn(call) != saml_provider_arn:
        raise missing(f"Manifest not found for arn {saml_provider_arn}")
    return provider


@iam.operation(name="CreateSAMLProvider")
def create_saml_provider(
    call: Call,
    saml_metadata_document: str,
    name: str,
    tags: list[dict[str, str]] = [],
    assertion_encryption_mode: str = "",
    add_private_key: str = "",
) -> dict[str, Any]:
    """Trust an identity provider, by its metadata."""
    if SamlProvider.get(call, name):
        raise exists(f"EntityAlreadyExists: SAML provider {name} already exists.")
    valid_until = check_metadata(call, saml_metadata_document)
    one_more(call, "SAMLProviders")
    provider = SamlProvider(
        name,
        names.uuid4(),
        call.now,
        valid_until,
        saml_metadata_document,
        assertion_encryption_mode,
        tags=tagging.given(tags),
    )
    if add_private_key:
        add_key(call, provider, add_private_key)
    provider.put(call)
    return {"SAMLProviderArn": provider.arn(call)} | tagging.shown(provider.tags)


@iam.operation(on=saml_named, name="GetSAMLProvider")
def get_saml_provider(call: Call, provider: SamlProvider) -> dict[str, Any]:
    told: dict[str, Any] = {
        "SAMLProviderUUID": provider.uuid,
        "SAMLMetadataDocument": provider.metadata,
        "CreateDate": provider.created,
        "ValidUntil": provider.valid_until,
        "PrivateKeyList": [{"KeyId": key, "Timestamp": came} for key, (came, _) in provider.keys.items()],
    }
    mode = {"AssertionEncryptionMode": provider.encryption} if provider.encryption else {}
    return told | mode | tagging.shown(provider.tags)


@iam.operation(name="ListSAMLProviders")
def list_saml_providers(call: Call) -> dict[str, Any]:
    """All of them, with when their metadata cease to be good."""
    return {
        "SAMLProviderList": [
            {"Arn": provider.arn(call), "ValidUntil": provider.valid_until, "CreateDate": provider.created}
            for provider in SamlProvider.scan(call)
        ]
    }


@iam.operation(on=saml_named, name="UpdateSAMLProvider")
def update_saml_provider(
    call: Call,
    provider: SamlProvider,
    saml_metadata_document: str = "",
    assertion_encryption_mode: str = "",
    add_private_key: str = "",
    remove_private_key: str = "",
) -> dict[str, Any]:
    """Replace the metadata, or keys for encrypted assertions."""
    if saml_metadata_document:
        provider.valid_until = check_metadata(call, saml_metadata_document)
        provider.metadata = saml_metadata_document
    provider.encryption = assertion_encryption_mode or provider.encryption
    if remove_private_key:
        if remove_private_key not in provider.keys:
            raise missing(f"The private key with id {remove_private_key} cannot be found.")
        provider.keys = {key: held for key, held in provider.keys.items() if key != remove_private_key}
    if add_private_key:
        add_key(call, provider, add_private_key)
    provider.put(call)
    return {"SAMLProviderArn": provider.arn(call)}


@iam.operation(on=saml_named, name="DeleteSAMLProvider")
def delete_saml_provider(call: Call, provider: SamlProvider) -> None:
    provider.delete(call)
    one_less(call, "SAMLProviders")


def check_metadata(call: Call, text: str) -> float:
    """Until when metadata (SAML V2.0 Metadata, section 2.3.2) are good; refuse what is no identity provider's."""
    try:
        if "<!DOCTYPE" in text:
            raise ValueError
        root = ElementTree.fromstring(text)
        entity = root.tag.endswith("}EntityDescriptor") and root.get("entityID")
        if not entity or root.find("{*}IDPSSODescriptor") is None:
            raise ValueError
        until = root.get("validUntil")
        return datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp() if until else call.now + CENTURY
    except (ValueError, ElementTree.ParseError):
        raise invalid("Could not parse metadata") from None


def add_key(call: Call, provider: SamlProvider, pem: str) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise invalid("Could not parse the private key") from None
    if len(provider.keys) >= PRIVATE_KEYS:
        raise beyond(f"Cannot exceed quota for PrivateKeysPerSAMLProvider: {PRIVATE_KEYS}")
    key = hashlib.sha256(pem.encode()).hexdigest()[:32].upper()
    provider.keys = provider.keys | {key: (call.now, Sealed.seal(call, pem))}


tagging.taggable("SAMLProvider", saml_named)
