"""What policies can ask of a request for a certificate ("Condition keys for AWS Certificate Manager")."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.access.target import Target

from . import acm


@acm.targets(root=False)
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """A request is about no certificate yet, but has names, and ways, that a policy may want otherwise."""
    if call.operation != "RequestCertificate":
        return None
    options = request.get("Options", {})
    keys = {
        "acm:domainnames": (request["DomainName"], *request.get("SubjectAlternativeNames", ())),
        "acm:keyalgorithm": (request.get("KeyAlgorithm", "RSA_2048"),),
        "acm:certificatetransparencylogging": (options.get("CertificateTransparencyLoggingPreference", "ENABLED"),),
        "acm:export": (options.get("Export", "DISABLED"),),
    }
    if authority := request.get("CertificateAuthorityArn"):
        keys["acm:certificateauthority"] = (authority,)
    else:
        keys["acm:validationmethod"] = (request.get("ValidationMethod", "EMAIL"),)
    return [Target("*", call.account, keys=keys)]
