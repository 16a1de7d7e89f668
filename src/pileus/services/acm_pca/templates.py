"""Templates: what certificates of a kind are like ("Understanding certificate templates", User Guide).

A template's name says all: `arn:aws:acm-pca:::template/SubordinateCACertificate_PathLen0_APIPassthrough/V1`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from . import faults

DEFAULT = "EndEntityCertificate"
ARN = re.compile(r"arn:[\w-]+:acm-pca:::template/(?P<name>[A-Za-z]+(?:_[A-Za-z0-9]+)*)/V1")
NAME = re.compile(
    r"(?P<base>[A-Za-z]+)(?:_PathLen(?P<length>[0-3]))?(?P<critical>_CriticalBasicConstraints)?"
    r"(?:_(?P<source>API|CSR|APICSR)Passthrough)?"
)


class Base(NamedTuple):
    """What templates of one family have in common."""

    authority: bool = False
    root: bool = False
    blank: bool = False
    usage: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    critical_purposes: bool = False


SIGNER = ("digital_signature", "key_cert_sign", "crl_sign")
ENTITY = ("digital_signature", "key_encipherment")

BASES = {
    "EndEntityCertificate": Base(usage=ENTITY, purposes=("SERVER_AUTH", "CLIENT_AUTH")),
    "EndEntityClientAuthCertificate": Base(usage=ENTITY, purposes=("CLIENT_AUTH",)),
    "EndEntityServerAuthCertificate": Base(usage=ENTITY, purposes=("SERVER_AUTH",)),
    "CodeSigningCertificate": Base(usage=("digital_signature",), purposes=("CODE_SIGNING",), critical_purposes=True),
    "OCSPSigningCertificate": Base(usage=("digital_signature",), purposes=("OCSP_SIGNING",), critical_purposes=True),
    "RootCACertificate": Base(authority=True, root=True, usage=SIGNER),
    "SubordinateCACertificate": Base(authority=True, usage=SIGNER),
    "BlankEndEntityCertificate": Base(blank=True),
    "BlankRootCACertificate": Base(authority=True, root=True, blank=True),
    "BlankSubordinateCACertificate": Base(authority=True, blank=True),
}


class Template(NamedTuple):
    arn: str
    base: Base
    path_length: int | None
    critical: bool
    """Whether the basic constraints of an end entity are critical; an authority's always are."""
    from_api: bool
    from_csr: bool


def template(arn: str, partition: str) -> Template:
    """The template of an ARN; InvalidArgsException for one that AWS does not have."""
    arn = arn or f"arn:{partition}:acm-pca:::template/{DEFAULT}/V1"
    found = ARN.fullmatch(arn)
    parts = NAME.fullmatch(found["name"]) if found else None
    if parts is None or parts["base"] not in BASES or not exists(parts):
        raise faults.arguments(f"The template {arn} is not supported.")
    length = parts["length"]
    return Template(
        arn,
        BASES[parts["base"]],
        None if length is None else int(length),
        bool(parts["critical"]),
        "API" in (parts["source"] or ""),
        "CSR" in (parts["source"] or ""),
    )


def exists(parts: re.Match[str]) -> bool:
    """Whether AWS has the combination that a name describes."""
    name, source = parts["base"], parts["source"]
    base = BASES[name]
    if parts["critical"] and name != "BlankEndEntityCertificate":
        return False
    if base.root:
        return source == "API" if base.blank else source in (None, "API") and parts["length"] is None
    if base.authority:
        return parts["length"] is not None and (source is not None or not base.blank)
    return parts["length"] is None and (source is not None or not base.blank)
