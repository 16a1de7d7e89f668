"""Client VPN endpoints: where people's own machines come into a VPC by OpenVPN.

An endpoint that people prove themselves to by certificates is a server of OpenVPN's own (see `wire.client_vpn`), where
there can be one. Those of directories and SAML providers are records: nobody gets in by them. Left out: IPv6, and the
posture of devices.
"""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.errors import Unfinished
from pileus.kernel.filters import Filters
from pileus.kernel.uses import InUse
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import combination, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.network import changes, public_ranges
from pileus.services.ec2.network.life import Life
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import neighbours
from .lives import BRIEFLY, GONE, enter, save
from .lives import Life as States


@kind(
    "client-vpn-endpoint",
    "cvpn-endpoint",
    missing=("InvalidClientVpnEndpointId.NotFound", "Endpoint {} does not exist"),
)
class ClientVpnEndpoint(Record, arn="client-vpn-endpoint/{client_vpn_endpoint_id}", cfn="AWS::EC2::ClientVpnEndpoint"):
    """An endpoint."""

    life: ClassVar[States] = {"deleting": (GONE, BRIEFLY)}
    client_vpn_endpoint_id: str
    client_cidr_block: str
    server_certificate_arn: str
    authentication: list[dict[str, Any]]
    logging: dict[str, Any]
    """ConnectionLogOptions."""
    created: float
    dns_servers: list[str] = []
    transport: str = "udp"
    port: int = 443
    description: str = ""
    split_tunnel: bool = False
    vpc_id: str = ""
    group_ids: list[str] = []
    self_service: bool = False
    connect: dict[str, Any] = {}
    session_hours: int = 24
    banner: dict[str, Any] = {}
    route_enforcement: bool = False
    disconnect: bool = True
    transit_gateway_id: str = ""
    attachment: str = ""
    """By which it is attached to a transit gateway, instead of to subnets."""
    public_ip: str = ""
    """Where its server answers."""
    stream: str = ""
    """Where its connections are logged, where it does not say where."""
    revoked: str = ""
    """The list of certificates that are revoked."""
    state: str = "pending-associate"
    since: float = 0.0
    tags: dict[str, str] = {}


parts = Life[ClientVpnEndpoint]()
"""What holds one, and what ends with it."""

FILTERS = Filters(
    {"endpoint-id": "client_vpn_endpoint_id", "transport-protocol": "transport"},
)

MOST = 5
MOST_SERVERS = 2
"""Name servers of an endpoint."""
CERTIFICATE = "certificate-authentication"
NOBODY = "Clients can be authenticated by certificates only: nobody gets in here."


@ec2.operation
def create_client_vpn_endpoint(
    call: Call,
    server_certificate_arn: str,
    authentication_options: list[Members],
    connection_log_options: Members,
    client_cidr_block: str = "",
    dns_servers: list[str] = [],
    transport_protocol: str = "udp",
    vpn_port: int = 443,
    description: str = "",
    split_tunnel: bool = False,
    client_token: str = "",
    tag_specifications: list[Members] = [],
    security_group_ids: list[str] = [],
    vpc_id: str = "",
    self_service_portal: str = "disabled",
    client_connect_options: Members = {},
    session_timeout_hours: int = 24,
    client_login_banner_options: Members = {},
    client_route_enforcement_options: Members = {},
    disconnect_on_session_timeout: bool = True,
    transit_gateway_configuration: Members = {},
    endpoint_ip_address_type: str = "ipv4",
    traffic_ip_address_type: str = "ipv4",
) -> Members:
    """Make an endpoint; it is of no use before it is associated with a subnet, or a zone of a transit gateway's."""
    from .client_vpn_hubs import attach  # which needs endpoints

    if {endpoint_ip_address_type, traffic_ip_address_type} != {"ipv4"}:
        raise Unfinished("Pileus has no Client VPN of IPv6 yet.")
    if transit_gateway_configuration and (vpc_id or security_group_ids):
        raise combination("Specify either a transit gateway, or a VPC and security groups.")
    if before := made_before(call, client_token):
        return _made(call, named(call, ClientVpnEndpoint, before))
    if len([*ClientVpnEndpoint.scan(call)]) >= MOST:
        raise Fault("ClientVpnEndpointLimitExceeded", f"The maximum number of endpoints ({MOST}) has been reached.")
    _check_authentication(call, authentication_options)
    certificate(call, server_certificate_arn)
    made = ClientVpnEndpoint(
        client_vpn_endpoint_id=new_id(ClientVpnEndpoint),
        client_cidr_block=checked_block(client_cidr_block),
        server_certificate_arn=server_certificate_arn,
        authentication=authentication_options,
        logging=_checked_logging(connection_log_options),
        created=call.now,
        dns_servers=_checked_servers(dns_servers),
        transport=transport_protocol,
        port=_checked_port(vpn_port),
        description=description,
        split_tunnel=split_tunnel,
        vpc_id=vpc_id,
        group_ids=neighbours.groups(call, vpc_id, security_group_ids) if vpc_id else security_group_ids,
        self_service=self_service_portal == "enabled",
        connect=_checked_connect(client_connect_options),
        session_hours=_checked_hours(session_timeout_hours),
        banner=client_login_banner_options,
        route_enforcement=client_route_enforcement_options.get("Enforced", False),
        disconnect=disconnect_on_session_timeout,
        public_ip=public_ranges.take_address(call),
        tags=specified(tag_specifications, "client-vpn-endpoint"),
    )
    enter(call, made, "pending-associate")
    for arn in certificates(made):
        InUse(arn, made.arn(call)).put(call)
    if transit_gateway_configuration:
        attach(call, made, transit_gateway_configuration)
    remember(call, client_token, made.client_vpn_endpoint_id)
    return _made(call, made)


def _made(call: Call, one: ClientVpnEndpoint) -> Members:
    status = {"Code": one.state}
    return {"ClientVpnEndpointId": one.client_vpn_endpoint_id, "Status": status, "DnsName": dns_name(call, one)}


def dns_name(call: Call, one: ClientVpnEndpoint) -> str:
    return f"*.{one.client_vpn_endpoint_id}.prod.clientvpn.{call.region}.amazonaws.com"


def checked_block(block: str) -> str:
    """The addresses of clients: between /22 and /12."""
    if not block:
        raise missing("ClientCidrBlock")
    try:
        network = ip_network(block)
    except ValueError:
        raise Fault("InvalidParameterValue", f"Value ({block}) for parameter clientCidrBlock is invalid.") from None
    if network.version != 4 or not 12 <= network.prefixlen <= 22:
        raise Fault("InvalidParameterValue", "Client CIDR block must be between /12 and /22.")
    return block


def _check_authentication(call: Call, options: list[Members]) -> None:
    for one in options:
        if one.get("Type") == CERTIFICATE:
            root = one.get("MutualAuthentication", {}).get("ClientRootCertificateChainArn")
            if not root:
                raise Fault("InvalidParameterValue", "Mutual authentication requires a client root certificate.")
            certificate(call, root)
        if one.get("Type") == "directory-service-authentication" and "ActiveDirectory" not in one:
            raise Fault("InvalidParameterValue", "Directory authentication requires a directory.")
        if one.get("Type") == "federated-authentication" and "FederatedAuthentication" not in one:
            raise Fault("InvalidParameterValue", "Federated authentication requires a SAML provider.")


def _checked_logging(options: Members) -> Members:
    if options.get("Enabled") and not options.get("CloudwatchLogGroup"):
        raise Fault("InvalidParameterValue", "A log group is required when connection logging is enabled.")
    return options


def _checked_servers(servers: list[str]) -> list[str]:
    if len(servers) > MOST_SERVERS:
        raise Fault("InvalidParameterValue", f"An endpoint can have at most {MOST_SERVERS} DNS servers.")
    for one in servers:
        try:
            ip_address(one)
        except ValueError:
            raise Fault("InvalidParameterValue", f"Value ({one}) for parameter dnsServers is invalid.") from None
    return servers


def _checked_connect(options: Members) -> Members:
    """What decides on connections: a function whose name says so."""
    if options.get("Enabled"):
        name = options.get("LambdaFunctionArn", "").partition(":function:")[2]
        if not name.startswith("AWSClientVPN-"):
            raise Fault("InvalidParameterValue", "The name of the Lambda function must begin with AWSClientVPN-.")
    return options


def _checked_port(port: int) -> int:
    if port not in (443, 1194):
        raise Fault("InvalidParameterValue", "The VPN port must be 443 or 1194.")
    return port


def _checked_hours(hours: int) -> int:
    if hours not in (8, 10, 12, 24):
        raise Fault("InvalidParameterValue", "The session timeout must be 8, 10, 12 or 24 hours.")
    return hours


def certificates(one: ClientVpnEndpoint) -> list[str]:
    """The ARNs of the certificates that an endpoint uses: its own is the first."""
    mutual = (method.get("MutualAuthentication", {}) for method in one.authentication)
    roots = [each["ClientRootCertificateChainArn"] for each in mutual if each]
    return [*dict.fromkeys((one.server_certificate_arn, *roots))]


def by_certificate(one: ClientVpnEndpoint) -> bool:
    """Whether people prove themselves by certificates, and by nothing else."""
    return bool(one.authentication) and all(method.get("Type") == CERTIFICATE for method in one.authentication)


def certificate(call: Call, arn: str) -> Members:
    """A certificate of ACM with its chain; raises where there is none."""
    try:
        found: Members = call.aws("acm").get_certificate(certificate_arn=arn)
    except Unfinished:
        return {}
    except Fault as fault:
        raise Fault("InvalidParameterValue", f"Certificate {arn} cannot be used: {fault.message}") from None
    return found


@ec2.operation
def describe_client_vpn_endpoints(
    call: Call,
    client_vpn_endpoint_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's endpoints."""
    ids, member = client_vpn_endpoint_ids, "ClientVpnEndpoints"
    return described(call, ClientVpnEndpoint, FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, one: ClientVpnEndpoint) -> Members:
    portal = f"https://self-service.clientvpn.amazonaws.com/endpoints/{one.client_vpn_endpoint_id}"
    return {
        "ClientVpnEndpointId": one.client_vpn_endpoint_id,
        "Description": one.description or None,
        "Status": {"Code": one.state, "Message": None if by_certificate(one) else NOBODY},
        "CreationTime": written(one.created),
        "DnsName": dns_name(call, one),
        "ClientCidrBlock": one.client_cidr_block,
        "DnsServers": one.dns_servers or None,
        "SplitTunnel": one.split_tunnel,
        "VpnProtocol": "openvpn",
        "TransportProtocol": one.transport,
        "VpnPort": one.port,
        "ServerCertificateArn": one.server_certificate_arn,
        "AuthenticationOptions": [_authentication(method) for method in one.authentication],
        "ConnectionLogOptions": one.logging,
        "Tags": shown_tags(one.tags),
        "SecurityGroupIds": one.group_ids,
        "VpcId": one.vpc_id or None,
        "SelfServicePortalUrl": portal if one.self_service else None,
        "ClientConnectOptions": {"Enabled": False, "Status": {"Code": "applied"}} | one.connect,
        "SessionTimeoutHours": one.session_hours,
        "ClientLoginBannerOptions": {"Enabled": False} | one.banner,
        "ClientRouteEnforcementOptions": {"Enforced": one.route_enforcement},
        "DisconnectOnSessionTimeout": one.disconnect,
        "TransitGatewayConfiguration": _hub(one),
        "EndpointIpAddressType": "ipv4",
        "TrafficIpAddressType": "ipv4",
    }


def _hub(one: ClientVpnEndpoint) -> Members | None:
    if not one.attachment:
        return None
    return {"TransitGatewayId": one.transit_gateway_id, "TransitGatewayAttachmentId": one.attachment}


def written(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _authentication(method: Members) -> Members:
    shown = dict(method)
    if mutual := method.get("MutualAuthentication"):
        shown["MutualAuthentication"] = {"ClientRootCertificateChain": mutual.get("ClientRootCertificateChainArn")}
    if federated := method.get("FederatedAuthentication"):
        shown["FederatedAuthentication"] = {
            "SamlProviderArn": federated.get("SAMLProviderArn"),
            "SelfServiceSamlProviderArn": federated.get("SelfServiceSAMLProviderArn"),
        }
    return shown


@ec2.operation
def modify_client_vpn_endpoint(
    call: Call,
    client_vpn_endpoint_id: str,
    server_certificate_arn: str = "",
    connection_log_options: Members = {},
    dns_servers: Members = {},
    vpn_port: int = 0,
    description: str | None = None,
    split_tunnel: bool | None = None,
    security_group_ids: list[str] = [],
    vpc_id: str = "",
    self_service_portal: str = "",
    client_connect_options: Members = {},
    session_timeout_hours: int = 0,
    client_login_banner_options: Members = {},
    client_route_enforcement_options: Members = {},
    disconnect_on_session_timeout: bool | None = None,
) -> Members:
    """Change an endpoint; what is not given stays."""
    one = named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    if server_certificate_arn:
        certificate(call, server_certificate_arn)
        InUse(one.server_certificate_arn, one.arn(call)).delete(call)
        one.server_certificate_arn = server_certificate_arn
        for arn in certificates(one):
            InUse(arn, one.arn(call)).put(call)
    if connection_log_options:
        one.logging = _checked_logging(connection_log_options)
    if dns_servers:
        given = dns_servers.get("CustomDnsServers", []) if dns_servers.get("Enabled", True) else []
        one.dns_servers = _checked_servers(given)
    one.port = _checked_port(vpn_port) if vpn_port else one.port
    one.description = one.description if description is None else description
    one.split_tunnel = one.split_tunnel if split_tunnel is None else split_tunnel
    one.vpc_id = vpc_id or one.vpc_id
    if security_group_ids:
        one.group_ids = neighbours.groups(call, one.vpc_id, security_group_ids) if one.vpc_id else security_group_ids
    one.self_service = self_service_portal == "enabled" if self_service_portal else one.self_service
    one.connect = _checked_connect(client_connect_options) or one.connect
    one.banner = client_login_banner_options or one.banner
    one.session_hours = _checked_hours(session_timeout_hours) if session_timeout_hours else one.session_hours
    one.route_enforcement = client_route_enforcement_options.get("Enforced", one.route_enforcement)
    one.disconnect = one.disconnect if disconnect_on_session_timeout is None else disconnect_on_session_timeout
    save(call, one)
    rewire(call, one)
    return {"Return": True}


@ec2.operation
def delete_client_vpn_endpoint(call: Call, client_vpn_endpoint_id: str) -> Members:
    """Delete an endpoint that is associated with no subnet."""
    one = named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    if parts.held(call, one):
        text = f"Endpoint {client_vpn_endpoint_id} has associated target networks."
        raise Fault("InvalidParameterValue", text)
    if one.state != "deleting":
        parts.end(call, one)
        for arn in certificates(one):
            InUse(arn, one.arn(call)).delete(call)
        public_ranges.give_back(call, one.public_ip)
        enter(call, one, "deleting")
    return {"Status": {"Code": one.state}}


def rewire(call: Call, one: ClientVpnEndpoint) -> None:
    """What an endpoint's server does has changed."""
    if one.attachment:
        changes.changed(call, one.client_vpn_endpoint_id)
    elif one.vpc_id:
        changes.changed(call, one.vpc_id)
