"""Who comes in by a Client VPN endpoint: everybody whose certificate is good, not revoked, and who the endpoint's
function lets in, if it has one. What clients are told: routes, and name servers."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from pileus.engines.openvpn import Refused, Visitor
from pileus.kernel import Call, Fault, identity
from pileus.kernel.names import hex_id
from pileus.services.ec2.connectivity.client_vpn import ClientVpnEndpoint
from pileus.services.ec2.connectivity.client_vpn_configuration import revocations
from pileus.services.ec2.connectivity.client_vpn_connections import (
    HOUR,
    ClientVpnConnection,
    end,
    session_over,
)
from pileus.services.ec2.connectivity.client_vpn_networks import ClientRoute
from pileus.services.ec2.connectivity.client_vpn_policies import AuthorizationPolicy

from .client_vpn_logs import Attempt, log

CLOUD = identity.service("pileus.amazonaws.com")
"""As service-linked roles let Client VPN do it."""
SCHEMA = "v3"


class Door:
    """An endpoint's gate."""

    def __init__(self, call: Call, endpoint: str) -> None:
        self._call = call
        self._endpoint = endpoint
        self._names: dict[int, str] = {}
        """The ids of the connections of those who are inside, by the server's numbers."""
        self._postures: dict[int, list[str]] = {}

    def _now(self) -> Call:
        return self._call.cloud.call("ec2", account=self._call.account, region=self._call.region)

    async def admit(self, visitor: Visitor) -> list[str]:
        """What OpenVPN is to tell a client that comes in."""
        call = self._now()
        one = ClientVpnEndpoint.get(call, self._endpoint)
        if one is None:
            raise Refused("the endpoint is no more")
        name = self._names.setdefault(visitor.number, hex_id("cvpn-connection"))
        try:
            check_revoked(one, visitor)
            check_policy(call, one)
            self._postures[visitor.number] = await handled(call, one, name, visitor)
        except Refused as refused:
            del self._names[visitor.number]
            self._log(call, one, Attempt(name, visitor, "failed", reason=str(refused)))
            raise
        return [*options(call, one)]

    async def entered(self, visitor: Visitor) -> None:
        call = self._now()
        with call.transaction():
            one = ClientVpnEndpoint.get(call, self._endpoint)
            if one is None or visitor.number not in self._names:
                return
            made = ClientVpnConnection(
                endpoint=self._endpoint,
                connection_id=self._names[visitor.number],
                number=visitor.number,
                common_name=visitor.name,
                client_ip=visitor.told.get("ifconfig_pool_remote_ip", ""),
                established=call.now,
                device_ip=peer(visitor),
                port=visitor.told.get("trusted_port", ""),
                platform=visitor.told.get("IV_PLAT", ""),
                postures=self._postures.pop(visitor.number, []),
            ).put(call)
            term = {"endpoint": self._endpoint, "connection_id": made.connection_id}
            session_over.later(call, delay=one.session_hours * HOUR, **term)
        self._log(call, one, Attempt(made.connection_id, visitor, "successful", made))

    async def left(self, visitor: Visitor) -> None:
        call = self._now()
        name = self._names.pop(visitor.number, "")
        with call.transaction():
            made = ClientVpnConnection.get(call, self._endpoint, name)
            one = ClientVpnEndpoint.get(call, self._endpoint)
            if made is None or made.over or one is None:
                return
            made.ingress = int(visitor.told.get("bytes_received", 0))
            made.egress = int(visitor.told.get("bytes_sent", 0))
            end(call, made)
        self._log(call, one, Attempt(name, visitor, "successful", made))

    def _log(self, call: Call, one: ClientVpnEndpoint, attempt: Attempt) -> None:
        if one.logging.get("Enabled"):
            with call.transaction():
                log.later(call, endpoint=self._endpoint, line=attempt.line(call, one))


def peer(visitor: Visitor) -> str:
    """The address from which somebody comes."""
    return visitor.told.get("trusted_ip") or visitor.told.get("untrusted_ip", "")


def check_revoked(one: ClientVpnEndpoint, visitor: Visitor) -> None:
    """Raise if the endpoint's list names the visitor's certificate, or is too old to tell.

    Certificates live in real time, as the TLS of their bearers does.
    """
    if not one.revoked:
        return
    told = revocations(one.revoked)
    if told.next_update_utc and told.next_update_utc.timestamp() < time.time():
        raise Refused("the client certificate revocation list has expired")
    if told.get_revoked_certificate_by_serial_number(int(visitor.told["tls_serial_0"])):
        raise Refused("the client certificate is revoked")


def check_policy(call: Call, one: ClientVpnEndpoint) -> None:
    """Raise if a policy would have to be asked: nothing here understands it."""
    found = AuthorizationPolicy.get(call, one.client_vpn_endpoint_id)
    if found and not found.shadow:
        raise Refused("the authorization policy cannot be evaluated here; in shadow mode it would not have to be")


async def handled(call: Call, one: ClientVpnEndpoint, name: str, visitor: Visitor) -> list[str]:
    """Ask the endpoint's function, if it has one; what it found out about the device."""
    if not one.connect.get("Enabled"):
        return []
    asked = {
        "connection-id": name,
        "endpoint-id": one.client_vpn_endpoint_id,
        "common-name": visitor.name,
        "username": "",
        "platform": visitor.told.get("IV_PLAT", ""),
        "platform-version": visitor.told.get("IV_PLAT_VER", ""),
        "public-ip": peer(visitor),
        "client-openvpn-version": visitor.told.get("IV_VER", ""),
        "aws-client-version": "",
        "groups": "",
        "schema-version": SCHEMA,
    }
    answer = await invoked(call, one, asked)
    if answer.get("allow") is not True:
        raise Refused(answer.get("error-msg-on-denied-connection") or "the client connect handler refuses")
    return [str(one) for one in answer.get("posture-compliance-statuses", [])]


async def invoked(call: Call, one: ClientVpnEndpoint, asked: dict[str, str]) -> dict[str, Any]:
    function = call.aws("lambda", principal=CLOUD)
    try:
        done = function.invoke(function_name=one.connect["LambdaFunctionArn"], payload=json.dumps(asked).encode())
        done = await done if inspect.isawaitable(done) else done
        payload = done["Payload"]
        answer = json.loads(payload if isinstance(payload, bytes) else payload.read())
    except (Fault, ValueError) as error:
        raise Refused(f"the client connect handler does not answer: {error}") from None
    if done.get("FunctionError") or not isinstance(answer, dict) or "allow" not in answer:
        raise Refused("the client connect handler has failed")
    return answer


def options(call: Call, one: ClientVpnEndpoint) -> Iterator[str]:
    """What clients are told: with a split tunnel where the endpoint's routes lead, else to send everything."""
    if not one.split_tunnel:
        yield 'push "redirect-gateway def1"'
    else:
        for block in dict.fromkeys(route.destination for route in ClientRoute.scan(call, one.client_vpn_endpoint_id)):
            if ":" not in block:
                network = ip_network(block)
                yield f'push "route {network.network_address} {network.netmask}"'
    for address in one.dns_servers:
        yield f'push "dhcp-option DNS {address}"'
