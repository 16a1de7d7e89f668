"""Authorization policies of Client VPN endpoints, in Cedar.

They are kept and shown, and nothing here can evaluate them: one in shadow mode decides nothing, as on AWS; with one
that is enforced nobody is let in.
"""

from __future__ import annotations

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import missing
from pileus.services.ec2.kinds import named
from pileus.services.ec2.tokens import made_before, remember

from .client_vpn import ClientVpnEndpoint, parts
from .lives import BRIEFLY


class AuthorizationPolicy(Record, table="ec2.ClientVpnAuthorizationPolicy"):
    """The policy of an endpoint."""

    endpoint: str
    document: str
    description: str
    shadow: bool
    since: float
    created: bool = False
    """Whether the last change was that it was made."""

    def status(self, call: Call) -> str:
        if call.now >= self.since + BRIEFLY:
            return "active"
        return "creating" if self.created else "updating"


@parts.ends_with
def endpoint_gone(call: Call, endpoint: ClientVpnEndpoint) -> None:
    if found := AuthorizationPolicy.get(call, endpoint.client_vpn_endpoint_id):
        found.delete(call)


def of_endpoint(call: Call, endpoint: str) -> AuthorizationPolicy:
    named(call, ClientVpnEndpoint, endpoint)
    found = AuthorizationPolicy.get(call, endpoint)
    if found is None:
        text = f"Endpoint {endpoint} has no authorization policy"
        raise Fault("InvalidClientVpnEndpointAuthorizationPolicyNotFound", text)
    return found


@ec2.operation
def modify_client_vpn_endpoint_authorization_policy(
    call: Call,
    client_vpn_endpoint_id: str,
    policy_document: str = "",
    description: str | None = None,
    shadow_mode: str = "",
    client_token: str = "",
) -> Members:
    """Give an endpoint a policy, or change the one that it has; what is not given stays."""
    named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    there = AuthorizationPolicy.get(call, client_vpn_endpoint_id)
    if there and made_before(call, client_token):
        return {"Status": there.status(call)}
    if there is None and not policy_document:
        raise missing("PolicyDocument")
    now = AuthorizationPolicy(
        endpoint=client_vpn_endpoint_id,
        document=policy_document or (there.document if there else ""),
        description=description if description is not None else there.description if there else "",
        shadow=shadow_mode == "enabled" if shadow_mode else there is not None and there.shadow,
        since=call.now,
        created=there is None,
    ).put(call)
    remember(call, client_token, client_vpn_endpoint_id)
    return {"Status": now.status(call)}


@ec2.operation
def get_client_vpn_endpoint_authorization_policy(call: Call, client_vpn_endpoint_id: str) -> Members:
    """An endpoint's policy."""
    one = of_endpoint(call, client_vpn_endpoint_id)
    return {
        "ClientVpnEndpointId": one.endpoint,
        "PolicyDocument": one.document,
        "Description": one.description or None,
        "ShadowMode": "enabled" if one.shadow else "disabled",
        "Status": one.status(call),
    }


@ec2.operation
def delete_client_vpn_endpoint_authorization_policy(call: Call, client_vpn_endpoint_id: str) -> Members:
    """Take its policy from an endpoint."""
    of_endpoint(call, client_vpn_endpoint_id).delete(call)
    return {"Status": "deleting"}
