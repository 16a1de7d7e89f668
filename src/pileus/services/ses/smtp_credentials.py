"""SMTP credentials: an access key's id, and a password made of its secret for one Region.

"Obtaining Amazon SES SMTP credentials by converting existing AWS credentials", Developer Guide. Keys that nobody issued
stand for the root of their account, as they do where requests are signed; they are taken with any password.
"""

from __future__ import annotations

import base64
import hmac
from typing import NamedTuple

from pileus.kernel import Principal, identity, regions
from pileus.kernel.cloud import Cloud

VERSION = b"\x04"
UNKNOWN_SECRET = "test"
"""The secret that most set-ups give with a key that nobody issued: the password then tells the Region."""


class Sender(NamedTuple):
    """Who has logged in, and the Region whose password it was."""

    principal: Principal
    region: str


def password(secret: str, region: str) -> str:
    """The SMTP password of a secret access key in a Region."""
    key = f"AWS4{secret}".encode()
    for part in ("11111111", region, "ses", "aws4_request", "SendRawEmail"):
        key = hmac.digest(key, part.encode(), "sha256")
    return base64.b64encode(VERSION + key).decode()


def region_of(secret: str, given: str) -> str:
    """The Region for which a password is that of the secret; nothing where there is none."""
    known = [region for partition in regions.partitions() for region in regions.regions(partition)]
    found = (one for one in known if hmac.compare_digest(password(secret, one).encode(), given.encode()))
    return next(found, "")


def sender(cloud: Cloud, key: str, given: str) -> Sender | None:
    """Who that is, or None where the credentials are not good. Temporary keys never are."""
    if key.startswith("ASIA"):
        return None
    credential = cloud.access.credential(cloud.system, key)
    if credential is None:
        if cloud.strict:
            return None
        region = region_of(UNKNOWN_SECRET, given) or regions.DEFAULT_REGION
        return Sender(identity.root(identity.account_of(key), key), region)
    region = region_of(credential.secret, given)
    return Sender(credential.principal, region) if region and credential.active else None
