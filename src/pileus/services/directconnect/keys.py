"""MACsec keys of lines and groups. They are kept in Secrets Manager; no cable is there that they could protect."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, identity

from . import directconnect, refused
from .connections import Connection, usable
from .lags import Lag, group

Members = dict[str, Any]

CLOUD = identity.service("pileus.amazonaws.com")
KEY = re.compile(r"[0-9A-Fa-f]{64}")
MOST = 3
"""Keys of a line at once."""


def holder(call: Call, what: str) -> Connection | Lag:
    """The line or group that has keys."""
    one = group(call, what) if what.startswith("dxlag-") else usable(call, what)
    if not one.mac_sec:
        raise refused(f"{what} is not MACsec capable")
    return one


@directconnect.operation
def associate_mac_sec_key(
    call: Call, connection_id: str, secret_arn: str = "", ckn: str = "", cak: str = ""
) -> Members:
    """Give a line a key: one of Secrets Manager's, or a new one, which is kept there."""
    one = holder(call, connection_id)
    if bool(secret_arn) == bool(ckn or cak) or bool(ckn) != bool(cak):
        raise refused("Specify either a secret ARN, or a CKN and a CAK")
    if len(one.keys) >= MOST:
        raise refused(f"{connection_id} has the maximum number of MACsec keys")
    if secret_arn:
        ckn = of_secret(call, secret_arn)
    else:
        if not KEY.fullmatch(ckn) or not KEY.fullmatch(cak):
            raise refused("A CKN and a CAK have 64 hexadecimal digits each")
        secret_arn = kept(call, ckn, cak)
    if any(key["ckn"] == ckn for key in one.keys):
        raise refused(f"The CKN is already associated with {connection_id}")
    start = datetime.fromtimestamp(call.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    one.keys = [*one.keys, {"secretARN": secret_arn, "ckn": ckn, "state": "associated", "startOn": start}]
    one.put(call)
    return {"connectionId": connection_id, "macSecKeys": one.keys}


def of_secret(call: Call, arn: str) -> str:
    """The name of the key in a secret."""
    try:
        told = json.loads(call.aws("secretsmanager").get_secret_value(secret_id=arn)["SecretString"])
        ckn, cak = str(told["ckn"]), str(told["cak"])
    except (Fault, KeyError, ValueError):
        raise refused(f"The secret {arn} does not hold a CKN and a CAK") from None
    if not KEY.fullmatch(ckn) or not KEY.fullmatch(cak):
        raise refused(f"The secret {arn} does not hold a CKN and a CAK")
    return ckn


def kept(call: Call, ckn: str, cak: str) -> str:
    """Keep a key as AWS does: in a secret called after it."""
    made = call.aws("secretsmanager", principal=CLOUD).create_secret(
        name=f"directconnect!prod/{call.region}/directconnect/{ckn}",
        secret_string=json.dumps({"ckn": ckn, "cak": cak}),
    )
    return str(made["ARN"])


@directconnect.operation
def disassociate_mac_sec_key(call: Call, connection_id: str, secret_arn: str) -> Members:
    """Take a key from a line; the secret stays."""
    one = holder(call, connection_id)
    gone = next((key for key in one.keys if key["secretARN"] == secret_arn), None)
    if gone is None:
        raise refused(f"The MACsec key {secret_arn} is not associated with {connection_id}")
    one.keys = [key for key in one.keys if key != gone]
    one.put(call)
    return {"connectionId": connection_id, "macSecKeys": [gone | {"state": "disassociated"}]}
