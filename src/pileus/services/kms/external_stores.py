"""External key stores: where their proxies are, whether they answer, and why they do not.

"External key stores", Developer Guide. A proxy behind a VPC endpoint service is known and checked, but cannot be
connected: KMS has no way into a VPC here.
"""

from __future__ import annotations

import msgspec

from pileus.kernel import Call, Fault, identity

from . import faults, proxies
from .key_stores import DISCONNECTED, KeyStore, about
from .proxies import Failed, Proxy

PUBLIC = "PUBLIC_ENDPOINT"
VPC = "VPC_ENDPOINT_SERVICE"

ERRORS = {
    proxies.UNREACHABLE: "XKS_PROXY_NOT_REACHABLE",
    proxies.LATE: "XKS_PROXY_TIMED_OUT",
    proxies.UNTRUSTED: "XKS_PROXY_INVALID_TLS_CONFIGURATION",
    proxies.GARBLED: "XKS_PROXY_INVALID_RESPONSE",
    "AuthenticationFailedException": "INVALID_CREDENTIALS",
    "AccessDeniedException": "XKS_PROXY_ACCESS_DENIED",
    "InvalidUriPathException": "XKS_PROXY_INVALID_CONFIGURATION",
    "DependencyTimeoutException": "XKS_PROXY_TIMED_OUT",
}
"""ConnectionErrorCode, by how a proxy fails."""

FAULTS = {
    proxies.UNREACHABLE: "XksProxyUriUnreachableException",
    proxies.LATE: "XksProxyUriUnreachableException",
    "DependencyTimeoutException": "XksProxyUriUnreachableException",
    "AuthenticationFailedException": "XksProxyIncorrectAuthenticationCredentialException",
    proxies.GARBLED: "XksProxyInvalidResponseException",
}
"""What is told who creates or updates a store; everything else is XksProxyInvalidConfigurationException."""


def made(
    call: Call,
    identifier: str,
    endpoint: str,
    path: str,
    credential: dict[str, str],
    connectivity: str,
    vpc_service: str,
    owner: str,
) -> Proxy:
    """The proxy of a new store."""
    if not (endpoint and path and credential and connectivity):
        names = "XksProxyUriEndpoint, XksProxyUriPath, XksProxyAuthenticationCredential and XksProxyConnectivity"
        raise faults.validation(f"{names} are required for an external key store.")
    return Proxy(
        endpoint=endpoint,
        path=path,
        access_key=credential["AccessKeyId"],
        secret=sealed(call, identifier, credential),
        connectivity=connectivity,
        vpc_service=vpc_service,
        vpc_service_owner=(owner or call.account) if vpc_service else "",
    )


def sealed(call: Call, identifier: str, credential: dict[str, str]) -> bytes:
    return call.cloud.master_key.seal(credential["RawSecretAccessKey"].encode(), about(identifier))


def changed(
    call: Call,
    store: KeyStore,
    endpoint: str,
    path: str,
    credential: dict[str, str],
    connectivity: str,
    vpc_service: str,
    owner: str,
) -> Proxy | None:
    """The proxy as an update makes it; None where it stays what it is. Its address changes only while disconnected."""
    if endpoint or connectivity or vpc_service or owner:
        store.check_state(DISCONNECTED)
    given = {
        "endpoint": endpoint,
        "path": path,
        "connectivity": connectivity,
        "vpc_service": vpc_service,
        "vpc_service_owner": owner,
    }
    found = msgspec.structs.asdict(store.proxied) | {name: value for name, value in given.items() if value}
    if connectivity == PUBLIC:
        found |= {"vpc_service": vpc_service, "vpc_service_owner": ""}
    elif not found["vpc_service_owner"]:
        found["vpc_service_owner"] = call.account
    if credential:
        found |= {"access_key": credential["AccessKeyId"], "secret": sealed(call, store.id, credential)}
    proxy = Proxy(**found)
    return None if proxy == store.proxied else proxy


def check(call: Call, identifier: str, proxy: Proxy) -> None:
    """Refuse an address that another store of the Region has, and connectivity that cannot be."""
    if (proxy.connectivity == VPC) != bool(proxy.vpc_service):
        raise faults.validation("XksProxyVpcEndpointServiceName goes with the connectivity VPC_ENDPOINT_SERVICE.")
    for other in KeyStore.scan(call):
        theirs = other.proxy
        if theirs is None or other.id == identifier:
            continue
        if proxy.vpc_service and theirs.vpc_service == proxy.vpc_service:
            message = f"The VPC endpoint service {proxy.vpc_service} is in use by another external key store."
            raise Fault("XksProxyVpcEndpointServiceInUseException", message)
        if theirs.endpoint != proxy.endpoint:
            continue
        if VPC in (theirs.connectivity, proxy.connectivity):
            message = f"{proxy.endpoint} is already associated with another external key store in this Region."
            raise Fault("XksProxyUriEndpointInUseException", message)
        if theirs.path == proxy.path:
            message = f"{proxy.endpoint}{proxy.path} is already associated with another external key store."
            raise Fault("XksProxyUriInUseException", message)
    if proxy.connectivity == VPC:
        check_service(call, proxy)


def check_service(call: Call, proxy: Proxy) -> None:
    """Refuse an endpoint service that KMS may not use, or that does not answer to the private name."""
    ec2 = call.aws("ec2", principal=identity.service("ec2.amazonaws.com"))
    try:
        found = ec2.describe_vpc_endpoint_services(service_names=[proxy.vpc_service])["ServiceDetails"]
    except Fault as fault:
        if not fault.code.startswith("InvalidServiceName"):
            raise
        found = []
    if not found or found[0]["Owner"] not in (proxy.vpc_service_owner, "amazon"):
        message = f"KMS could not find the VPC endpoint service {proxy.vpc_service}."
        raise Fault("XksProxyVpcEndpointServiceNotFoundException", message)
    if found[0].get("PrivateDnsName") != proxy.host:
        message = f"The private DNS name of {proxy.vpc_service} is not {proxy.host}."
        raise Fault("XksProxyVpcEndpointServiceInvalidConfigurationException", message)


def check_health(call: Call, proxy: Proxy, secret: str) -> None:
    """Ask the proxy, and raise what its answer means for who sets up a store."""
    try:
        proxies.health(call, proxy, secret, call.operation)
    except Failed as failed:
        code = FAULTS.get(failed.kind, "XksProxyInvalidConfigurationException")
        raise Fault(code, f"The external key store proxy {proxy.endpoint}{proxy.path}: {failed}") from None


def refusal(call: Call, proxy: Proxy, secret: str) -> str:
    """The ConnectionErrorCode of an attempt to connect; an empty text where it went well."""
    try:
        proxies.health(call, proxy, secret, "ConnectCustomKeyStore")
    except Failed as failed:
        return ERRORS.get(failed.kind, "INTERNAL_ERROR")
    return ""


def shown(proxy: Proxy) -> dict[str, str]:
    """XksProxyConfiguration."""
    told = {
        "Connectivity": proxy.connectivity,
        "AccessKeyId": proxy.access_key,
        "UriEndpoint": proxy.endpoint,
        "UriPath": proxy.path,
    }
    if proxy.vpc_service:
        told |= {"VpcEndpointServiceName": proxy.vpc_service, "VpcEndpointServiceOwner": proxy.vpc_service_owner}
    return told
