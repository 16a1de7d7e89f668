"""Credentials, and addresses of devices."""

from __future__ import annotations

import re

from .forms import Form, Forms, form


def key(kind: str) -> Form:
    """A private key: from the line that begins it to the one that ends it, or to the end."""
    return Form(re.compile(rf"-----BEGIN {kind}-----[\s\S]*?(?:-----END {kind}-----|\Z)"), None, None)


OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"

SECRETS: dict[str, Forms] = {
    "AwsSecretKey": (Form(re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+=]{40}(?![A-Za-z0-9/+=])"), None, None),),
    "OpenSshPrivateKey": (key("OPENSSH PRIVATE KEY"),),
    "PgpPrivateKey": (key("PGP PRIVATE KEY BLOCK"),),
    "PkcsPrivateKey": (key("(?:RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY"),),
    "PuttyPrivateKey": (
        Form(re.compile(r"PuTTY-User-Key-File-[23]: [\s\S]*?(?:Private-(?:MAC|Hash): [0-9a-f]+|\Z)"), None, None),
    ),
    "IpAddress": (
        form(rf"(?<!\.){OCTET}(?:\.{OCTET}){{3}}(?!\.\d)"),
        Form(re.compile(r"(?<![0-9A-Za-z:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z:])"), None, None),
        Form(
            re.compile(
                r"(?<![0-9A-Za-z:])(?=[0-9A-Fa-f:]*::)(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6}"
                r"(?![0-9A-Za-z:])"
            ),
            None,
            None,
        ),
    ),
}
