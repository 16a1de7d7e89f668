"""Pre-shared keys of VPN connections that are kept in Secrets Manager, as their owner may ask: then no answer of EC2's
has them, and the configuration names the secret. Its value is a JSON document of the keys by outside addresses.
"""

from __future__ import annotations

import json

from pileus.kernel import Call, names
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value

from .vpn_record import VpnConnection

STANDARD, SECRET = "Standard", "SecretsManager"


def check(storage: str) -> None:
    if storage not in ("", STANDARD, SECRET):
        raise bad_value("PreSharedKeyStorage", storage)


def keep(call: Call, one: VpnConnection, storage: str = "") -> None:
    """Keep a connection's keys where it is told to, and by default where they are."""
    secrets = call.aws("secretsmanager")
    if storage == STANDARD or not (storage or one.secret) or one.certificates:
        forget(call, one)
        return
    keys = json.dumps({tunnel["OutsideIpAddress"]: tunnel["PreSharedKey"] for tunnel in one.tunnels})
    if one.secret:
        secrets.put_secret_value(secret_id=one.secret, secret_string=keys)
        return
    name = f"s2svpn!{one.vpn_connection_id}-{names.token(6, names.ALPHANUMERIC)}"
    text = f"Pre-shared keys of the VPN connection {one.vpn_connection_id}"
    one.secret = secrets.create_secret(name=name, description=text, secret_string=keys)["ARN"]


def forget(call: Call, one: VpnConnection) -> None:
    """Keep no secret of a connection any more."""
    if one.secret:
        call.aws("secretsmanager").delete_secret(secret_id=one.secret, force_delete_without_recovery=True)
        one.secret = ""


def hidden(one: VpnConnection) -> list[Members]:
    """The tunnels of a connection as they may be shown."""
    if not one.secret:
        return one.tunnels
    return [{name: value for name, value in tunnel.items() if name != "PreSharedKey"} for tunnel in one.tunnels]
